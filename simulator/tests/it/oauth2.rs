//! The OAuth 2.0 server keeps to RFC 6749, 6750, 7009 and 8414.

use crate::client::{FORM, JSON, Reply, ask, bearer, escaped, form};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfob_simulator::credentials::oauth2 as known;
use keyfob_simulator::{Cloud, Simulator};

const CLIENT: [(&str, &str); 2] =
    [("client_id", known::CLIENT_ID), ("client_secret", known::CLIENT_SECRET)];

fn token(sim: &Simulator, headers: &[(&str, &str)], body: &str) -> Reply {
    let url = format!("{}{}", sim.base_url(Cloud::OAuth2), known::TOKEN_PATH);
    let headers = [&[FORM], headers].concat();
    ask(sim, "POST", &url, &headers, body)
}

fn posted(sim: &Simulator, fields: &[(&str, &str)]) -> Reply {
    token(sim, &[], &form(&[&CLIENT, fields].concat()))
}

#[track_caller]
fn error(reply: &Reply, status: u16, error: &str) {
    assert_eq!(
        (reply.status, reply.json()["error"].as_str()),
        (status, Some(error)),
        "{}",
        reply.text()
    );
    assert!(reply.json()["error_description"].is_string());
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[test]
fn both_ways_of_client_authentication_work() {
    let sim = Simulator::start();
    let credentials = basic(&escaped(known::CLIENT_ID), &escaped(known::CLIENT_SECRET));
    let reply = token(&sim, &[("Authorization", &credentials)], "grant_type=client_credentials");
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
    let answer = reply.json();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["scope"], known::SCOPE);
    assert!(answer.get("refresh_token").is_none());
    let plus = basic(known::CLIENT_ID, "open%3Asesame+100%25");
    let reply = token(&sim, &[("Authorization", &plus)], "grant_type=client_credentials");
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(posted(&sim, &[("grant_type", "client_credentials")]).status, 200);
}

#[test]
fn a_secret_that_was_not_form_encoded_is_another_secret() {
    let sim = Simulator::start();
    let raw = basic(known::CLIENT_ID, known::CLIENT_SECRET);
    let reply = token(&sim, &[("Authorization", &raw)], "grant_type=client_credentials");
    error(&reply, 401, "invalid_client");
    assert!(reply.header("www-authenticate").unwrap().starts_with("Basic"));
}

#[test]
fn every_error_of_the_token_endpoint_has_its_name() {
    let sim = Simulator::start();
    error(&posted(&sim, &[]), 400, "invalid_request");
    error(&posted(&sim, &[("grant_type", "password")]), 400, "invalid_request");
    error(&posted(&sim, &[("grant_type", "refresh_token")]), 400, "invalid_request");
    let twice = [("grant_type", "client_credentials"), ("grant_type", "client_credentials")];
    error(&posted(&sim, &twice), 400, "invalid_request");
    error(&token(&sim, &[], "%zz=1"), 400, "invalid_request");
    error(&token(&sim, &[], "grant_type=client_credentials"), 401, "invalid_client");
    let wrong =
        [("client_id", "gateway-7"), ("client_secret", "x"), ("grant_type", "client_credentials")];
    error(&token(&sim, &[], &form(&wrong)), 401, "invalid_client");
    error(&token(&sim, &[("Authorization", "Basic !")], "grant_type=x"), 401, "invalid_client");
    let right = basic(&escaped(known::CLIENT_ID), &escaped(known::CLIENT_SECRET));
    let both = form(&[&CLIENT[..], &[("grant_type", "client_credentials")]].concat());
    error(&token(&sim, &[("Authorization", &right)], &both), 400, "invalid_request");
    error(&posted(&sim, &[("grant_type", "implicit")]), 400, "unsupported_grant_type");
    let dead = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    error(&posted(&sim, &dead), 400, "invalid_grant");
    let person = [("grant_type", "password"), ("username", known::USERNAME), ("password", "x")];
    error(&posted(&sim, &person), 400, "invalid_grant");
    let scope = [("grant_type", "client_credentials"), ("scope", "devices:read admin")];
    error(&posted(&sim, &scope), 400, "invalid_scope");
    let audience = [("grant_type", "client_credentials"), ("audience", "https://other.example")];
    error(&posted(&sim, &audience), 400, "invalid_target");
    let limited = form(&[
        ("client_id", known::LIMITED_CLIENT_ID),
        ("client_secret", known::LIMITED_CLIENT_SECRET),
        ("grant_type", "password"),
        ("username", known::USERNAME),
        ("password", known::PASSWORD),
    ]);
    error(&token(&sim, &[], &limited), 400, "unauthorized_client");
    let url = format!("{}{}", sim.base_url(Cloud::OAuth2), known::TOKEN_PATH);
    assert_eq!(ask(&sim, "GET", &url, &[], "").status, 405);
    assert_eq!(ask(&sim, "POST", &url, &[JSON], "{}").status, 415);
    let in_url = format!("{url}?client_secret=x");
    error(&ask(&sim, "POST", &in_url, &[FORM], &both), 400, "invalid_request");
}

#[test]
fn unknown_and_empty_parameters_are_ignored() {
    let sim = Simulator::start();
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", ""),
        ("colour", "blue"),
        ("audience", known::AUDIENCE),
    ];
    assert_eq!(posted(&sim, &fields).status, 200);
}

#[test]
fn a_refresh_may_narrow_the_scope_and_never_widen_it() {
    let sim = Simulator::start();
    let person = [
        ("grant_type", "password"),
        ("username", known::USERNAME),
        ("password", known::PASSWORD),
        ("scope", "devices:read"),
    ];
    let first = posted(&sim, &person).json();
    assert_eq!(first["scope"], "devices:read");
    let refresh = first["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let wide = [&fields[..], &[("scope", known::SCOPE)]].concat();
    error(&posted(&sim, &wide), 400, "invalid_scope");
    let other = [
        &[("client_id", known::LIMITED_CLIENT_ID), ("client_secret", known::LIMITED_CLIENT_SECRET)],
        &fields[..],
    ]
    .concat();
    error(&token(&sim, &[], &form(&other)), 400, "unauthorized_client");
    assert_eq!(posted(&sim, &fields).json()["scope"], "devices:read");
    assert_eq!(sim.reuse_count(Cloud::OAuth2), 0);
}

#[test]
fn a_revoked_refresh_token_takes_its_access_token_along() {
    let sim = Simulator::start();
    let person =
        [("grant_type", "password"), ("username", known::USERNAME), ("password", known::PASSWORD)];
    let first = posted(&sim, &person).json();
    let [access, refresh] =
        ["access_token", "refresh_token"].map(|name| first[name].as_str().unwrap());
    let devices = format!("{}/devices", sim.api_url(Cloud::OAuth2));
    let open = || ask(&sim, "GET", &devices, &[("Authorization", &bearer(access))], "");
    assert_eq!(open().status, 200);
    let url = format!("{}{}", sim.base_url(Cloud::OAuth2), known::REVOCATION_PATH);
    let revoke = |token: &str| {
        let body = form(
            &[&CLIENT[..], &[("token", token), ("token_type_hint", "refresh_token")]].concat(),
        );
        ask(&sim, "POST", &url, &[FORM], &body)
    };
    assert_eq!(revoke("never issued").status, 200);
    assert_eq!(revoke(refresh).status, 200);
    let reply = open();
    error(&reply, 401, "invalid_token");
    assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"));
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    error(&posted(&sim, &fields), 400, "invalid_grant");
    error(&ask(&sim, "POST", &url, &[FORM], "token=x"), 401, "invalid_client");
    assert_eq!(sim.count(Cloud::OAuth2, "revoke"), 3);
}

#[test]
fn metadata_leads_to_the_endpoints() {
    let sim = Simulator::start();
    let base = sim.base_url(Cloud::OAuth2);
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let metadata = ask(&sim, "GET", &format!("{base}{path}"), &[], "").json();
        assert_eq!(metadata["issuer"], base);
        assert_eq!(metadata["token_endpoint"], format!("{base}{}", known::TOKEN_PATH));
        assert_eq!(metadata["revocation_endpoint"], format!("{base}{}", known::REVOCATION_PATH));
    }
    assert_eq!(sim.count(Cloud::OAuth2, "metadata"), 2);
}

#[test]
fn no_one_logs_in_as_a_person_by_a_clients_name() {
    let sim = Simulator::start();
    let person = [
        ("grant_type", "password"),
        ("username", "client:gateway-7"),
        ("password", known::CLIENT_SECRET),
    ];
    error(&posted(&sim, &person), 400, "invalid_grant");
}

#[test]
fn a_client_whose_secret_has_changed_is_no_longer_known() {
    let sim = Simulator::start();
    sim.set_client_secret(Cloud::OAuth2, "another");
    error(&posted(&sim, &[("grant_type", "client_credentials")]), 401, "invalid_client");
    let fields = [("client_id", known::CLIENT_ID), ("client_secret", "another")];
    let fields = form(&[&fields[..], &[("grant_type", "client_credentials")]].concat());
    assert_eq!(token(&sim, &[], &fields).status, 200);
}

#[test]
fn a_trade_of_tokens_keeps_to_its_rfc() {
    let sim = Simulator::start();
    let own = posted(&sim, &[("grant_type", "client_credentials")]).json();
    let own = own["access_token"].as_str().unwrap();
    let exchange = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    let subject = [exchange, ("subject_token", own), ("subject_token_type", kind)];
    let reply = posted(&sim, &subject);
    assert_eq!((reply.status, reply.json()["issued_token_type"].as_str()), (200, Some(kind)));
    for fields in [
        &subject[..2],
        &[exchange, ("subject_token_type", kind)],
        &[exchange, ("subject_token", "x"), ("subject_token_type", kind)],
        &[exchange, ("subject_token", own), ("subject_token_type", "jwt")],
        &[&subject[..], &[("actor_token", own)]].concat(),
        &[&subject[..], &[("actor_token_type", kind)]].concat(),
        &[&subject[..], &[("requested_token_type", "jwt")]].concat(),
    ] {
        error(&posted(&sim, fields), 400, "invalid_request");
    }
    let bearer = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    error(&posted(&sim, &[bearer]), 400, "invalid_request");
    error(&posted(&sim, &[bearer, ("assertion", "a.b.c")]), 400, "invalid_grant");
    let two = [("audience", known::AUDIENCE), ("audience", known::OTHER_AUDIENCE)];
    let client = ("grant_type", "client_credentials");
    assert_eq!(posted(&sim, &[&[client], &two[..]].concat()).status, 200);
    error(
        &posted(&sim, &[client, two[0], ("audience", "https://x.example")]),
        400,
        "invalid_target",
    );
}
