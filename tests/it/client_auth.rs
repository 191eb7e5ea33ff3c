//! How the client software authenticates itself, at every endpoint of an OAuth 2.0 server.

use crate::common::directory::Directory;
use crate::common::openssl::openssl;
use crate::common::{World, counter};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyfob::{Config, Status};
use keyfob_simulator::credentials::{catalogue, oauth2 as known};
use keyfob_simulator::{Cloud, Fault, Rotation};
use serde_json::{Value, json};

const CLOUD: Cloud = Cloud::OAuth2;

const USER: [(&str, &str); 2] = [("username", known::USERNAME), ("password", known::PASSWORD)];
const CLIENT: [(&str, &str); 2] =
    [("client_id", known::CLIENT_ID), ("client_secret", known::CLIENT_SECRET)];

fn config(world: &World, options: &[(&str, &str)]) -> Config {
    let mut config = world.reach(CLOUD);
    let revocation = format!("{}{}", world.sim.base_url(CLOUD), known::REVOCATION_PATH);
    config.set("revocation_url", &revocation).unwrap();
    for (option, value) in options {
        config.set(option, value).unwrap();
    }
    config
}

/// The client that proves itself by a key, and a user.
fn by_key<'a>(key: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let client = [("client_id", known::KEY_CLIENT_ID), ("client_assertion_key", key)];
    [&USER[..], &client, more].concat()
}

/// Discovers the endpoints instead of being told.
fn discovering(world: &World, options: &[(&str, &str)]) -> Config {
    let mut config = Config::new("oauth2").unwrap();
    config.set("issuer", &world.sim.base_url(CLOUD)).unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set_clock(world.clock.clone());
    for (option, value) in options {
        config.set(option, value).unwrap();
    }
    config
}

/// The header and the claims of the assertion that was sent last.
fn last_assertion(world: &World) -> [Value; 2] {
    let journal = world.sim.journal();
    let body = String::from_utf8_lossy(&journal.last().unwrap().body).into_owned();
    let assertion = body.split("client_assertion=").nth(1).unwrap().split('&').next().unwrap();
    let mut parts = assertion.split('.');
    let mut part = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    [part(), part()]
}

/// Logs in, refreshes and revokes; all three must be admitted.
fn goes_all_the_way(world: &World, config: &Config) {
    let client = config.client().unwrap();
    client.token().unwrap();
    client.renew().unwrap();
    client.forget().unwrap();
    let journal = world.sim.journal();
    let of_tokens: Vec<_> =
        journal.iter().filter(|e| e.cloud == CLOUD).map(|e| (e.call, e.status)).collect();
    let expected = [("login", 200), ("refresh", 200), ("revoke", 200)];
    assert_eq!(of_tokens[of_tokens.len() - 3..], expected);
}

#[test]
fn each_way_is_admitted_at_every_endpoint() {
    let world = World::new();
    let public = [("client_id", known::PUBLIC_CLIENT_ID)];
    goes_all_the_way(&world, &config(&world, &[&USER[..], &public].concat()));
    let none = [("client_auth", "none")];
    goes_all_the_way(&world, &config(&world, &[&USER[..], &public, &none].concat()));
    goes_all_the_way(&world, &config(&world, &[&USER[..], &CLIENT].concat()));
    for how in ["client_secret_basic", "client_secret_post", "client_secret_jwt"] {
        let how = [("client_auth", how)];
        goes_all_the_way(&world, &config(&world, &[&USER[..], &CLIENT, &how].concat()));
    }
    let [header, claims] = last_assertion(&world);
    assert_eq!(header, json!({ "alg": "HS256", "typ": "JWT" }));
    assert_eq!(claims["aud"], format!("{}{}", world.sim.base_url(CLOUD), known::TOKEN_PATH));
}

#[test]
fn a_key_signs_as_its_kind_does_or_as_is_asked_for() {
    let world = World::new();
    let key = |pem, more: &[(&'static str, &'static str)]| config(&world, &by_key(pem, more));
    for (pem, more, expected) in [
        (catalogue::RSA_KEY, &[][..], json!({ "alg": "RS256", "typ": "JWT" })),
        (
            catalogue::RSA_KEY,
            &[("client_assertion_alg", "PS256"), ("client_assertion_kid", "rsa-1")],
            json!({ "alg": "PS256", "typ": "JWT", "kid": "rsa-1" }),
        ),
        (known::EC_KEY, &[][..], json!({ "alg": "ES256", "typ": "JWT" })),
        (
            known::ED25519_KEY,
            &[("client_assertion_kid", "ed-1"), ("client_auth", "private_key_jwt")],
            json!({ "alg": "EdDSA", "typ": "JWT", "kid": "ed-1" }),
        ),
    ] {
        goes_all_the_way(&world, &key(pem, more));
        assert_eq!(last_assertion(&world)[0], expected);
    }
    let certificate = [("client_assertion_cert", catalogue::RSA_CERTIFICATE)];
    goes_all_the_way(&world, &key(catalogue::RSA_KEY, &certificate));
    let [header, claims] = last_assertion(&world);
    assert!(header["x5t#S256"].is_string() && header["x5t"].is_string(), "{header}");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
}

#[test]
fn an_assertion_that_a_lost_try_used_up_is_made_anew() {
    let world = World::new();
    world.sim.set_rotation(CLOUD, Rotation::Keep);
    let client = config(&world, &by_key(known::EC_KEY, &[])).client().unwrap();
    client.token().unwrap();
    // The server has carried it out, and a gateway says that it has not.
    world.answers_once(CLOUD, "refresh", Fault::Lost { status: 503 });
    client.renew().unwrap();
    assert_eq!(
        world.sent(CLOUD, "refresh").len(),
        3,
        "lost, the same again, and another assertion"
    );
    assert_eq!(counter(&client, "failures"), 0);
}

#[test]
fn keys_are_taken_in_each_form_that_openssl_writes() {
    let world = World::new();
    let directory = Directory::new("keys");
    let pkcs1 = openssl(&["rsa", "-traditional"], &directory, catalogue::RSA_KEY);
    assert!(pkcs1.contains("BEGIN RSA PRIVATE KEY"));
    goes_all_the_way(&world, &config(&world, &by_key(&pkcs1, &[])));
    let sec1 = openssl(&["ec"], &directory, known::EC_KEY);
    assert!(sec1.contains("BEGIN EC PRIVATE KEY"));
    // As `openssl ecparam -genkey` writes it, with its parameters first.
    let parameters = openssl(&["ec", "-param_out"], &directory, known::EC_KEY);
    goes_all_the_way(&world, &config(&world, &by_key(&(parameters + &sec1), &[])));
    let path = directory.0.join("key.pem");
    std::fs::write(&path, sec1).unwrap();
    let file = [("client_assertion_key_file", path.to_str().unwrap())];
    let client = [("client_id", known::KEY_CLIENT_ID)];
    goes_all_the_way(&world, &config(&world, &[&USER[..], &client, &file].concat()));
}

#[test]
fn a_key_that_cannot_sign_is_refused_with_what_to_do() {
    let world = World::new();
    let directory = Directory::new("keys");
    let encrypted = openssl(&["pkcs8", "-topk8", "-passout", "pass:x"], &directory, known::EC_KEY);
    let traditional = openssl(
        &["rsa", "-traditional", "-aes128", "-passout", "pass:x"],
        &directory,
        catalogue::RSA_KEY,
    );
    let public = openssl(&["pkey", "-pubout"], &directory, known::ED25519_KEY);
    let other = openssl(&["genpkey", "-algorithm", "RSA"], &directory, "");
    let curve = openssl(
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &directory,
        "",
    );
    let x25519 = openssl(&["genpkey", "-algorithm", "X25519"], &directory, "");
    let of = |pem: &str, more: &[(&str, &str)]| {
        let client = [("client_id", known::KEY_CLIENT_ID), ("client_assertion_key", pem)];
        config(&world, &[&USER[..], &client, more].concat()).client().unwrap_err()
    };
    let certificate = ("client_assertion_cert", catalogue::RSA_CERTIFICATE);
    for (error, words) in [
        (
            of(&encrypted, &[]),
            "client_assertion_key: is an encrypted key; write it without its password, for its owner alone: openssl pkey -in FILE -out FILE2",
        ),
        (of(&traditional, &[]), "is an encrypted key"),
        (of(&public, &[]), "is the public key; give the private one"),
        (of(catalogue::RSA_CERTIFICATE, &[]), "is a certificate; give its private key"),
        (of("word", &[]), "is not a private key in PEM form"),
        (of(&curve, &[]), "is not an RSA (2048 to 8192 bits), P-256 or Ed25519 key"),
        (of(&x25519, &[]), "openssl genpkey -algorithm EC"),
        (
            of(known::EC_KEY, &[("client_assertion_alg", "RS256")]),
            "client_assertion_alg: RS256 does not fit the key, which signs by ES256",
        ),
        (
            of(&other, &[certificate]),
            "client_assertion_cert: does not belong to client_assertion_key",
        ),
        (
            of(known::EC_KEY, &[("client_assertion_cert", "x")]),
            "client_assertion_cert: is not a certificate in PEM form",
        ),
        (of(known::EC_KEY, &[("client_secret", "s")]), "both prove the client: leave one out"),
    ] {
        assert_eq!(error.status(), Status::InvalidOption, "{error}");
        assert!(error.message().contains(words), "{error}\nlacks: {words}");
        assert!(!error.message().contains('\n'), "{error}");
    }
    assert!(world.sim.journal().is_empty());
}

#[test]
fn the_way_follows_from_what_the_server_takes() {
    let world = World::new();
    let options = [&USER[..], &CLIENT].concat();
    let issuer = world.sim.base_url(CLOUD);
    let metadata = |methods: Value, algorithms: Value| {
        let document = json!({
            "issuer": issuer,
            "token_endpoint": format!("{issuer}{}", known::TOKEN_PATH),
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
        });
        world.answers_once(CLOUD, "metadata", Fault::answer(200, &[], document.to_string()));
    };
    let sent = |config: Config| {
        config.client().unwrap().token().unwrap();
        let journal = world.sim.journal();
        let entry = journal.iter().rfind(|entry| entry.call == "login").unwrap();
        let form = String::from_utf8_lossy(&entry.body).into_owned();
        (entry.header("authorization").is_some(), form)
    };
    for (methods, by_header, field) in [
        (json!(["client_secret_post", "private_key_jwt"]), false, "client_secret="),
        (json!(["client_secret_jwt"]), false, "client_assertion="),
        (json!(["client_secret_post", "client_secret_basic"]), true, "grant_type="),
        (json!(["a way of the future"]), true, "grant_type="),
        (json!(null), true, "grant_type="),
        (json!([1, "", "client_secret_post"]), false, "client_secret="),
    ] {
        metadata(methods.clone(), json!(null));
        let (header, form) = sent(discovering(&world, &options));
        assert_eq!((header, form.contains(field)), (by_header, true), "{methods} {form}");
    }
    metadata(json!(["private_key_jwt"]), json!(["PS256", "ES256"]));
    sent(discovering(&world, &by_key(catalogue::RSA_KEY, &[])));
    assert_eq!(last_assertion(&world)[0]["alg"], "PS256");
}

#[test]
fn a_certificate_is_shown_at_the_endpoint_that_is_for_it() {
    let world = World::new();
    world.sim.require_client_cert(true);
    let (cert, key) = (world.sim.client_cert_file(), world.sim.client_key_file());
    let files = [
        ("client_id", known::CERT_CLIENT_ID),
        ("client_cert_file", cert.to_str().unwrap()),
        ("client_key_file", key.to_str().unwrap()),
    ];
    for how in ["", "tls_client_auth", "self_signed_tls_client_auth"] {
        let mut config = discovering(&world, &files);
        if !how.is_empty() {
            config.set("client_auth", how).unwrap();
        }
        config.client().unwrap().token().unwrap();
        let journal = world.sim.journal();
        let last = journal.last().unwrap();
        assert_eq!((last.path.as_str(), last.status), (known::MTLS_TOKEN_PATH, 200));
        let form = String::from_utf8_lossy(&last.body).into_owned();
        assert!(form.contains("client_id=mtls-7") && !form.contains("secret"), "{form}");
    }
    let mut config = discovering(&world, &[("client_id", known::CERT_CLIENT_ID)]);
    config.set("client_auth", "tls_client_auth").unwrap();
    let error = config.client().unwrap_err();
    assert!(error.message().contains("which needs client_cert_file"), "{error}");
}

#[test]
fn an_assertion_of_a_wrong_clock_is_made_again_by_the_clouds() {
    let world = World::new();
    world.sim.wind(std::time::Duration::from_secs(90 * 86_400));
    let client = config(&world, &by_key(known::EC_KEY, &[])).client().unwrap();
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "login"], "refused once, then in time");
}

#[test]
fn an_assertion_that_a_server_echoes_is_shown_to_nobody() {
    let world = World::new();
    let directory = Directory::new("echo");
    let other = openssl(&["genpkey", "-algorithm", "ED25519"], &directory, "");
    let client = config(&world, &by_key(&other, &[])).client().unwrap();
    let error = client.token().unwrap_err();
    let sentence = error.provider_message().unwrap();
    assert!(sentence.contains("is signed by no client"), "{sentence}");
    let [header, _] = last_assertion(&world);
    let begins = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
    let all = format!("{error} {sentence} {}", client.status_json());
    assert!(!all.contains(&begins[..16]), "{all}");
    assert_eq!(error.provider_code(), Some("invalid_client"));
}
