//! What the answer that gave a token holds besides: members, the granted scope, whom it is for.

use crate::common::World;
use crate::common::directory::Directory;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyfob::{Client, Config, Level, Status};
use keyfob_simulator::credentials::oauth2 as known;
use keyfob_simulator::{Cloud, Fault};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const CLOUD: Cloud = Cloud::OAuth2;

fn id_token(claims: &Value) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()), part("signature"))
}

fn member(client: &Client, pointer: &str) -> Option<String> {
    client.answer_member(pointer).unwrap().map(|member| member.expose().to_string())
}

fn status(client: &Client) -> Value {
    serde_json::from_str(&client.status_json()).unwrap()
}

fn config(world: &World, more: &[(&str, &str)]) -> Config {
    let mut config = world.config(CLOUD, "password");
    for (option, value) in more {
        config.set(option, value).unwrap();
    }
    config
}

#[test]
fn members_are_kept_with_the_token_and_in_the_store() {
    let world = World::new();
    let directory = Directory::new("members");
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = lines.clone();
    let mut config = config(&world, &[("store", &directory.option())]);
    config.set_log(
        Arc::new(move |_, line: &str| heard.lock().unwrap().push(line.into())),
        Level::Debug,
    );
    let token = id_token(&json!({ "sub": "gw-7", "preferred_username": "gateway" }));
    world.answers_once(CLOUD, "login", Fault::set_field("/id_token", token.as_str().into()));
    let client = config.client().unwrap();
    assert_eq!(member(&client, "/id_token").as_deref(), Some(token.as_str()), "it logs in first");
    assert_eq!(member(&client, "/scope").as_deref(), Some(known::SCOPE));
    assert_eq!(member(&client, "/expires_in").as_deref(), Some("3600"));
    for none in ["/access_token", "/refresh_token", "/nothing", "/scope/deeper"] {
        assert_eq!(member(&client, none), None, "{none}");
    }
    let error = client.answer_member("id_token").unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument, "{error}");
    assert_eq!(status(&client)["principal"], "gw-7");
    // A refresh says nothing of it; another process reads it from the store.
    world.wind(3601);
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
    for client in [client, config.client().unwrap()] {
        assert_eq!(member(&client, "/id_token").as_deref(), Some(token.as_str()));
        assert!(!client.status_json().contains(&token[..20]), "{}", client.status_json());
    }
    let lines = lines.lock().unwrap().join("\n");
    assert!(!lines.contains(&token[..20]), "{lines}");
}

#[test]
fn the_scope_that_was_not_granted_is_told_once() {
    let world = World::new();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = lines.clone();
    let asked = format!("devices:read {}", known::UNGRANTED_SCOPE);
    let mut config = config(&world, &[("scope", &asked)]);
    config.set_log(
        Arc::new(move |_, line: &str| heard.lock().unwrap().push(line.into())),
        Level::Warn,
    );
    let client = config.client().unwrap();
    client.token().unwrap();
    assert_eq!(status(&client)["scope"], "devices:read");
    for _ in 0..2 {
        world.wind(3601);
        client.token().unwrap();
    }
    let lines = lines.lock().unwrap().clone();
    assert_eq!(lines, ["oauth2: the cloud did not grant the scope devices:audit"]);
    // Without a word of the server's, what was asked for is what was granted (RFC 6749 5.1).
    world.answers(CLOUD, "login", Fault::remove_field("/scope"));
    let mut config = world.config(CLOUD, "client-credentials");
    config.set("scope", "devices:write").unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    assert_eq!(status(&client)["scope"], "devices:write");
}

#[test]
fn a_principal_is_whom_the_id_token_names() {
    let world = World::new();
    for (claims, principal) in [
        (json!({ "sub": "gw-7", "preferred_username": "gateway" }), json!("gw-7")),
        (json!({ "preferred_username": "gateway" }), json!("gateway")),
        (json!({ "sub": 7 }), Value::Null),
        (json!([]), Value::Null),
        (json!({ "sub": known::PASSWORD }), Value::Null),
    ] {
        let token = id_token(&claims);
        world.answers_once(CLOUD, "login", Fault::set_field("/id_token", token.into()));
        let client = config(&world, &[]).client().unwrap();
        client.token().unwrap();
        assert_eq!(status(&client)["principal"], principal, "{claims}");
    }
    for odd in [json!(7), json!("a.b.c"), json!({ "a": 1 }), json!("")] {
        world.answers_once(CLOUD, "login", Fault::set_field("/id_token", odd));
        config(&world, &[]).client().unwrap().token().unwrap();
    }
}

#[test]
fn an_answer_of_any_size_costs_no_more_than_its_limit() {
    let world = World::new();
    let large = "x".repeat(200_000);
    world.answers_once(CLOUD, "login", Fault::set_field("/large", large.into()));
    let client = config(&world, &[]).client().unwrap();
    client.token().unwrap();
    assert_eq!(member(&client, "/large"), None, "not kept");
    assert_eq!(status(&client)["scope"], known::SCOPE, "but read");
    let mut config = Config::new("kontakt").unwrap();
    config.set("api_key", "my key").unwrap();
    assert_eq!(member(&config.client().unwrap(), "/scope"), None, "nothing was answered");
}

#[test]
fn what_refreshes_add_does_not_add_up_without_end() {
    let world = World::new();
    let client = config(&world, &[]).client().unwrap();
    client.token().unwrap();
    for round in 0..4 {
        let more = Fault::set_field(&format!("/more{round}"), "x".repeat(20_000).into());
        world.answers_once(CLOUD, "refresh", more);
        client.renew().unwrap();
    }
    assert!(member(&client, "/more3").is_some(), "the last is there");
    let kept = (0..4).filter(|round| member(&client, &format!("/more{round}")).is_some());
    assert!(kept.count() < 4);
}
