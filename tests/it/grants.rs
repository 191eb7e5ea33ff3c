//! The grants by which one token is traded for another, and what token calls carry besides.

use crate::common::World;
use crate::common::directory::Directory;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyfob::{Config, Error, Status};
use keyfob_simulator::Cloud;
use keyfob_simulator::credentials::oauth2 as known;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const CLOUD: Cloud = Cloud::OAuth2;

const CLIENT: [(&str, &str); 2] =
    [("client_id", known::CLIENT_ID), ("client_secret", known::CLIENT_SECRET)];

fn config(world: &World, options: &[(&str, &str)]) -> Config {
    let mut config = world.reach(CLOUD);
    for (option, value) in [&CLIENT[..], options].concat() {
        config.set(option, value).unwrap();
    }
    config
}

fn refused(world: &World, options: &[(&str, &str)]) -> Error {
    config(world, options).client().unwrap_err()
}

/// The form of the last token call.
fn last_form(world: &World) -> Vec<(String, String)> {
    let journal = world.sim.journal();
    let body = &journal.iter().rfind(|entry| entry.call == "login").unwrap().body;
    form_pairs(std::str::from_utf8(body).unwrap())
}

fn form_pairs(text: &str) -> Vec<(String, String)> {
    let plain = |text: &str| {
        let bytes = text.replace('+', " ");
        let mut pieces = bytes.split('%');
        let mut out = pieces.next().unwrap().as_bytes().to_vec();
        for piece in pieces {
            out.push(u8::from_str_radix(&piece[..2], 16).unwrap());
            out.extend(piece[2..].bytes());
        }
        String::from_utf8(out).unwrap()
    };
    let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (plain(name), plain(value))).collect()
}

fn field(form: &[(String, String)], name: &str) -> Option<String> {
    form.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
}

/// What another issuer, whose key the server knows, says of a user.
fn signed_elsewhere(world: &World, number: u32) -> String {
    let der = PrivatePkcs8KeyDer::from_pem_slice(known::EC_KEY.as_bytes()).unwrap();
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = EcdsaKeyPair::from_pkcs8(algorithm, der.secret_pkcs8_der(), &random).unwrap();
    let now = world.sim.now();
    let claims = json!({
        "iss": known::KEY_CLIENT_ID, "sub": "gw-7", "aud": world.sim.base_url(CLOUD),
        "iat": now, "exp": now + 60, "jti": format!("assertion-{number}"),
    });
    let encode = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
    let signed =
        format!("{}.{}", encode(json!({"alg": "ES256"}).to_string()), encode(claims.to_string()));
    let signature = key.sign(&random, signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// A program of the test's own.
fn program(directory: &Directory, name: &str, script: &str) -> String {
    std::fs::create_dir_all(&directory.0).unwrap();
    let path = directory.0.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn an_assertion_is_read_anew_for_each_login() {
    let world = World::new();
    let directory = Directory::new("assertion");
    std::fs::create_dir_all(&directory.0).unwrap();
    let path = directory.0.join("token");
    let path = path.to_str().unwrap();
    let client = config(&world, &[("assertion_file", path)]).client().unwrap();
    let error = client.token().unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption, "{error}");
    assert!(
        error.message().contains("assertion_file: ") && error.message().contains("no such file")
    );
    world.wind(60);
    for number in 1..=2 {
        std::fs::write(path, signed_elsewhere(&world, number) + "\n").unwrap();
        client.token().unwrap();
        world.wind(3601);
    }
    assert!(client.status_json().contains("\"login\":\"jwt_bearer\""), "{}", client.status_json());
    // The same again, which the server refuses; the next is tried after the first hold, not a later one.
    for _ in 0..3 {
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::CredentialsRejected, "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
        world.wind(61);
    }
    std::fs::write(path, signed_elsewhere(&world, 3)).unwrap();
    client.token().unwrap();
}

#[test]
fn an_assertion_is_signed_with_the_key_that_is_set() {
    let world = World::new();
    let options = [("client_id", known::KEY_CLIENT_ID), ("assertion_key", known::EC_KEY)];
    let mut config = world.reach(CLOUD);
    // A client that only says who it is: the key signs the grant, not for the client.
    for (option, value) in [options[1], ("assertion_issuer", known::KEY_CLIENT_ID)] {
        config.set(option, value).unwrap();
    }
    config.set("client_id", known::PUBLIC_CLIENT_ID).unwrap();
    config.set("assertion_subject", "gw-7").unwrap();
    config.client().unwrap().token().unwrap();
    let form = last_form(&world);
    assert_eq!(field(&form, "client_id").as_deref(), Some(known::PUBLIC_CLIENT_ID));
    assert!(field(&form, "assertion").unwrap().starts_with("eyJ"));
    let bad = refused(&world, &[("assertion_key", "no key")]);
    assert!(bad.message().starts_with("assertion_key: is not a private key"), "{bad}");
}

#[test]
fn a_program_gives_the_assertion_and_no_shell_reads_it() {
    let world = World::new();
    let directory = Directory::new("command");
    let token = signed_elsewhere(&world, 1);
    let path =
        program(&directory, "issue", &format!("test \"$1\" = '$HOME;x' && printf '%s' {token}"));
    let line = format!("{path} $HOME;x");
    config(&world, &[("assertion_command", &line)]).client().unwrap().token().unwrap();
    assert_eq!(field(&last_form(&world), "assertion"), Some(token));
    let path = program(&directory, "blanks", "test \"$1\" = 'a b' && echo twice; echo");
    let array = json!([path, "a b"]).to_string();
    let client = config(&world, &[("assertion_command", &array)]).client().unwrap();
    assert_eq!(client.token().unwrap_err().status(), Status::CredentialsRejected, "it was sent");
}

#[test]
fn a_program_that_fails_says_how_and_no_secret() {
    let world = World::new();
    let directory = Directory::new("failing");
    let secret = known::CLIENT_SECRET;
    for (script, status, words) in [
        (
            format!("echo 'no vault: {secret}' >&2; echo more >&2; exit 3"),
            Status::InvalidOption,
            "assertion_command: exit code 3, \"no vault: ***\"",
        ),
        ("exit 7".into(), Status::InvalidOption, "assertion_command: exit code 7"),
        ("kill -9 $$".into(), Status::InvalidOption, "was ended by a signal"),
        ("true".into(), Status::InvalidOption, "its output is empty"),
        ("echo a b".into(), Status::InvalidOption, "its output is not a token"),
        ("exec head -c 100000 /dev/zero".into(), Status::InvalidOption, "writes more than"),
        ("yes >&2 & yes 1>&2; exit 1".into(), Status::Timeout, "was not done in time"),
        ("sleep 1000 & sleep 1000".into(), Status::Timeout, "was not done in time"),
        ("exec >&- 2>&-; sleep 1000".into(), Status::Timeout, "was not done in time"),
    ] {
        let path = program(&directory, "fails", &script);
        let mut config = config(&world, &[("assertion_command", &path)]);
        config.set("timeout_ms", "300").unwrap();
        if status != Status::Timeout {
            config.set("timeout_ms", "30000").unwrap();
        }
        let error = config.client().unwrap().token().unwrap_err();
        assert_eq!(error.status(), status, "{script}: {error}");
        assert!(error.message().contains(words), "{script}: {error}");
        assert!(!error.message().contains(secret), "{error}");
    }
    let missing = config(&world, &[("assertion_command", "/no/such/program x")]);
    let error = missing.client().unwrap().token().unwrap_err();
    assert!(error.message().contains("assertion_command: cannot be run: no such file"), "{error}");
    for bad in ["[", "[]", "[1]", "[\"\"]", " "] {
        let error = refused(&world, &[("assertion_command", bad)]);
        assert!(error.message().contains("no shell reads it"), "{bad}: {error}");
    }
    assert!(world.sim.journal().is_empty(), "nothing was sent");
}

#[test]
fn a_token_is_exchanged_for_one_of_another_kind() {
    let world = World::new();
    let user = world.config(CLOUD, "password").client().unwrap().token().unwrap();
    let service = world.config(CLOUD, "client-credentials").client().unwrap().token().unwrap();
    let subject = [("subject_token", user.expose()), ("audience", known::OTHER_AUDIENCE)];
    let client = config(&world, &subject).client().unwrap();
    assert_ne!(client.token().unwrap().expose(), user.expose());
    let form = last_form(&world);
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    assert_eq!(field(&form, "subject_token_type").as_deref(), Some(kind));
    assert!(field(&form, "actor_token_type").is_none() && field(&form, "scope").is_none());
    let actor = [("actor_token", service.expose()), ("requested_token_type", kind)];
    config(&world, &[&subject[..], &actor].concat()).client().unwrap().token().unwrap();
    let form = last_form(&world);
    assert_eq!(field(&form, "actor_token_type").as_deref(), Some(kind));
    assert_eq!(field(&form, "requested_token_type").as_deref(), Some(kind));
    let other = [("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")];
    let error =
        config(&world, &[&subject[..], &other].concat()).client().unwrap().token().unwrap_err();
    assert_eq!(error.provider_code(), Some("invalid_request"), "{error}");
    assert!(!error.message().contains(user.expose()));
}

#[test]
fn grant_decides_where_two_fit_and_two_are_refused_without() {
    let world = World::new();
    let both = [("assertion", "a.b.c"), ("subject_token", "token")];
    let error = refused(&world, &both);
    assert!(
        error.message().contains("jwt_bearer") || error.message().contains("more than one"),
        "{error}"
    );
    let user = [("username", known::USERNAME), ("password", known::PASSWORD)];
    for (grant, login) in [("client_credentials", "client_credentials"), ("password", "password")] {
        let more = [("grant", grant)];
        let options = if login == "password" { [&user[..], &more].concat() } else { more.to_vec() };
        let client = config(&world, &options).client().unwrap();
        client.token().unwrap();
        let status = client.status_json();
        assert!(status.contains(&format!("\"login\":\"{login}\"")), "{status}");
    }
    let only = [("grant", "refresh_token"), ("refresh_token", "seed-1")];
    let error = config(&world, &only).client().unwrap().token().unwrap_err();
    assert_eq!(world.token_calls(CLOUD).last(), Some(&"refresh"), "{error}");
    let error = world.reach(CLOUD).set("grant", "implicit").unwrap_err();
    assert!(error.message().starts_with("grant: must be one of client_credentials"), "{error}");
}

#[test]
fn token_calls_carry_what_the_options_add() {
    let world = World::new();
    let resource = format!("{} {}", known::AUDIENCE, known::OTHER_AUDIENCE);
    let options = [
        ("resource", resource.as_str()),
        ("token_params", "tenant=a%26b+c&empty=&x=%C3%BC"),
        ("token_headers", "X-Tenant: acme-tenant\nX-Other:  b:c "),
    ];
    let client = config(&world, &options).client().unwrap();
    client.token().unwrap();
    let form = last_form(&world);
    let resources: Vec<&str> =
        form.iter().filter(|(n, _)| n == "resource").map(|(_, v)| v.as_str()).collect();
    assert_eq!(resources, [known::AUDIENCE, known::OTHER_AUDIENCE]);
    assert_eq!(field(&form, "tenant").as_deref(), Some("a&b c"));
    assert_eq!(field(&form, "empty").as_deref(), Some(""));
    assert_eq!(field(&form, "x").as_deref(), Some("ü"));
    let journal = world.sim.journal();
    let last = journal.last().unwrap();
    assert_eq!(
        (last.header("x-tenant"), last.header("x-other")),
        (Some("acme-tenant"), Some("b:c"))
    );
    assert!(last.header("authorization").is_some(), "the client's own");
    for (option, value, words) in [
        ("resource", "devices", "must be absolute URIs"),
        ("resource", "urn:x#y", "must be absolute URIs"),
        ("token_params", "scope=x", "scope is not set here"),
        ("token_params", "client%5Fsecret=x", "client_secret is not set here"),
        ("token_params", "tenant", "must be name=value pairs"),
        ("token_params", "=x", "has no name"),
        ("token_params", "a=%zz", "two hexadecimal digits"),
        ("token_headers", "X-Tenant", "must be lines of `Name: value`"),
        ("token_headers", "authorization: Basic x", "authorization is set by keyfob itself"),
        ("token_headers", "Content-Length: 5", "Content-Length is set by keyfob itself"),
        ("token_headers", "X Y: z", "has a name that no header can have"),
        ("token_headers", "X: ü", "X has a character that a header cannot carry"),
    ] {
        let error = refused(&world, &[(option, value)]);
        assert_eq!(error.status(), Status::InvalidOption, "{error}");
        assert!(error.message().contains(words), "{option}={value}: {error}");
    }
}
