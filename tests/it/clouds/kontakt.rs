//! Kontakt.io: bodies byte for byte, opaque tokens of two hours, a Content-Type on every request.

use crate::common::World;
use keyfob::Request;
use keyfob_simulator::{Cloud, credentials::kontakt as known};
use std::time::Duration;

fn sample_config(world: &World) -> keyfob::Config {
    let mut config = world.reach(Cloud::Kontakt);
    config.set("username", known::SAMPLE_USERNAME).unwrap();
    config.set("password", known::SAMPLE_PASSWORD).unwrap();
    config
}

#[test]
fn the_guides_sample_login_is_sent_byte_for_byte() {
    let world = World::new();
    sample_config(&world).client().unwrap().token().unwrap();
    let login = &world.sent(Cloud::Kontakt, "login")[0];
    let sample = "username=xUUEsgmlzzBxgoP%40test.kontakt.io&password=YOUR_PASSWORD";
    assert_eq!(sample.len(), 65);
    assert_eq!(login.text(), sample);
    assert_eq!(login.header("content-length"), Some("65"));
    assert_eq!(login.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(login.method, "POST");
    assert_eq!(login.path, "/v2/organization/account/authenticate");
}

#[test]
fn the_guides_sample_refresh_is_sent_byte_for_byte() {
    let world = World::new();
    let mut config = sample_config(&world);
    config.set("refresh_token", known::SAMPLE_REFRESH_TOKEN).unwrap();
    config.client().unwrap().token().unwrap();
    let refresh = &world.sent(Cloud::Kontakt, "refresh")[0];
    assert_eq!(refresh.text(), format!("refreshToken={}", known::SAMPLE_REFRESH_TOKEN));
    assert_eq!(refresh.body.len(), 345);
    assert_eq!(refresh.header("content-length"), Some("345"));
    assert_eq!(refresh.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(refresh.path, "/v2/organization/account/refresh");
    assert_eq!(world.token_calls(Cloud::Kontakt), ["refresh"], "given, it comes before any login");
}

#[test]
fn tokens_are_taken_as_opaque_and_live_two_hours() {
    let world = World::new();
    let client = world.client(Cloud::Kontakt);
    let token = client.token().unwrap();
    assert_eq!(token.expose().split('.').count(), 5, "a JWE");
    assert_eq!(client.expires_in(), Some(Duration::from_secs(7200)));
}

#[test]
fn requests_carry_a_json_content_type_or_the_callers() {
    let world = World::new();
    let client = world.client(Cloud::Kontakt);
    let mut request = Request::new("GET", "/v3/device").unwrap();
    assert_eq!(client.send(&request).unwrap().status(), 200);
    request.set_header("content-type", "application/vnd.com.kontakt+json").unwrap();
    assert_eq!(client.send(&request).unwrap().status(), 415, "the caller's, as the cloud sees it");
    let types = |n: usize| -> Vec<String> {
        let sent = &world.sent(Cloud::Kontakt, "api")[n];
        let named = sent.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("content-type"));
        named.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(types(0), ["application/json"]);
    assert_eq!(types(1), ["application/vnd.com.kontakt+json"]);
    assert_eq!(world.sent(Cloud::Kontakt, "api")[0].header("accept"), Some("application/json"));
}

#[test]
fn the_api_key_goes_in_a_header_of_its_own_and_no_other() {
    let world = World::new();
    let client = world.config(Cloud::Kontakt, "api-key").client().unwrap();
    assert_eq!(world.get(&client, Cloud::Kontakt, "/v3/device").unwrap().status(), 200);
    let sent = &world.sent(Cloud::Kontakt, "api")[0];
    assert_eq!(sent.header("api-key"), Some(known::API_KEY));
    assert_eq!(sent.header("authorization"), None);
}

#[test]
fn a_wrong_api_key_is_the_callers_to_see_and_is_not_tried_again() {
    let world = World::new();
    let mut config = world.reach(Cloud::Kontakt);
    config.set("api_key", "wrong").unwrap();
    let client = config.client().unwrap();
    assert_eq!(world.get(&client, Cloud::Kontakt, "/v3/device").unwrap().status(), 401);
    assert_eq!(world.calls(Cloud::Kontakt), ["api"]);
    let error = client.renew().unwrap_err();
    assert!(error.message().contains("api_key"), "{error}");
}
