//! Avnet IoTConnect: three steps to a token, endpoints that are discovered, a status said twice.

use crate::common::{World, status};
use keyfob::{Config, Request, Status};
use keyfob_simulator::{Cloud, Fault, credentials::iotconnect as known};
use serde_json::{Value, json};
use std::time::Duration;

const CLOUD: Cloud = Cloud::IotConnect;

/// A config that is told an environment and no address of any endpoint.
fn discovering(world: &World) -> Config {
    let mut config = Config::new("iotconnect").unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set("discovery_url", &world.sim.discovery_url()).unwrap();
    config.set("environment", known::ENVIRONMENT).unwrap();
    config.set("solution_key", known::SOLUTION_KEY).unwrap();
    config.set("username", known::USERNAME).unwrap();
    config.set("password", known::PASSWORD).unwrap();
    config.set_clock(world.clock.clone());
    config
}

#[test]
fn the_basic_token_goes_back_verbatim_and_only_to_the_login() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    client.renew().unwrap();
    let login = &world.sent(CLOUD, "login")[0];
    let basic = login.header("authorization").unwrap().strip_prefix("Basic ").unwrap();
    assert!(basic.ends_with('=') || !basic.contains('='), "base64 once: {basic}");
    assert_eq!(login.status, 200, "the cloud refuses what was encoded again");
    assert_eq!(login.header("solution-key"), Some(known::SOLUTION_KEY));
    let body: Value = serde_json::from_slice(&login.body).unwrap();
    assert_eq!(body, json!({ "username": known::USERNAME, "password": known::PASSWORD }));
    let refresh = &world.sent(CLOUD, "refresh")[0];
    assert_eq!(refresh.header("authorization"), None);
    assert_eq!(refresh.header("solution-key"), None);
    assert_eq!(world.sent(CLOUD, "basic-token")[0].method, "GET");
}

#[test]
fn a_refresh_answered_409_leads_to_a_login() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.sim.revoke_refresh_tokens(CLOUD);
    client.renew().unwrap();
    assert_eq!(world.sent(CLOUD, "refresh")[0].status, 409);
    assert_eq!(
        world.token_calls(CLOUD),
        ["basic-token", "login", "refresh", "basic-token", "login"]
    );
}

#[test]
fn the_lifetime_is_the_answers_own() {
    let world = World::new();
    world.sim.set_lifetime(CLOUD, Some(Duration::from_secs(86_400)), None);
    let client = world.client(CLOUD);
    client.token().unwrap();
    assert_eq!(client.expires_in(), Some(Duration::from_secs(86_400)));
}

#[test]
fn a_body_that_says_4xx_or_5xx_is_believed_over_http_200() {
    let said = |status: u16| {
        Fault::answer(200, &[], json!({ "status": status, "message": "no" }).to_string())
    };
    for (told, expected) in [
        (401, Status::CredentialsRejected),
        (404, Status::UnexpectedAnswer),
        (429, Status::RateLimited),
        (503, Status::ServerError),
    ] {
        let world = World::new();
        world.answers(CLOUD, "login", said(told));
        let error = world.client(CLOUD).token().unwrap_err();
        assert_eq!(error.status(), expected, "{error}");
        assert_eq!(error.http_status(), Some(told), "{error}");
    }
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.answers_once(CLOUD, "refresh", said(409));
    client.renew().unwrap();
    assert_eq!(world.sim.count(CLOUD, "login"), 2, "409 in the body is a rejection too");
    world.answers_once(CLOUD, "api", said(401));
    let response = world.get(&client, CLOUD, "/api/v2/Device").unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(world.sim.count(CLOUD, "api"), 2, "refused in the body, renewed and replayed");
}

#[test]
fn an_error_may_be_an_object_a_list_or_null() {
    for (error, code) in [
        (json!({ "code": "ACCOUNT_DISABLED" }), Some("ACCOUNT_DISABLED")),
        (json!([{ "param": "password", "message": "is wrong" }]), None),
        (json!(null), None),
        (json!("INVALID_LOGIN"), Some("INVALID_LOGIN")),
        (json!("The password hunter2 is wrong"), None),
    ] {
        let world = World::new();
        let body = json!({ "status": 401, "message": "no", "error": error, "data": null });
        world.answers(CLOUD, "login", Fault::answer(401, &[], body.to_string()));
        let refused = world.client(CLOUD).token().unwrap_err();
        assert_eq!(refused.status(), Status::CredentialsRejected, "{refused}");
        assert_eq!(refused.provider_code(), code, "a word is a code, a sentence is not");
    }
}

#[test]
fn endpoints_are_discovered_once_and_requests_may_name_them() {
    let world = World::new();
    let client = discovering(&world).client().unwrap();
    let device = Request::new("GET", "{deviceBaseUrl}/Device").unwrap();
    assert_eq!(client.send(&device).unwrap().status(), 200);
    client.renew().unwrap();
    assert_eq!(client.send(&device).unwrap().status(), 200);
    assert_eq!(world.calls(CLOUD), ["discovery", "basic-token", "login", "api", "refresh", "api"]);
    let asked = &world.sent(CLOUD, "discovery")[0];
    assert_eq!(asked.query, "version=2.1&pf=aws");
    let key = "U09MVVRJT04ta2V5LTc%3D";
    assert_eq!(asked.path, format!("/api/uisdk/solutionkey/{key}/env/{}", known::ENVIRONMENT));
    let endpoints = status(&client)["endpoints"].clone();
    assert_eq!(endpoints["deviceBaseUrl"], format!("{}/api/v2", world.sim.api_url(CLOUD)));
}

#[test]
fn azure_is_discovered_with_its_own_version() {
    let world = World::new();
    let mut config = discovering(&world);
    config.set("platform", "az").unwrap();
    config.client().unwrap().token().unwrap();
    assert_eq!(world.sent(CLOUD, "discovery")[0].query, "version=2&pf=az");
    assert_eq!(config.set("platform", "gcp").unwrap_err().status(), Status::InvalidOption);
}

#[test]
fn a_discovery_that_knows_nothing_says_so_under_200() {
    let world = World::new();
    let mut config = discovering(&world);
    config.set("environment", "nowhere").unwrap();
    let error = config.client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::UnexpectedAnswer);
    for word in ["discovery", "solution_key", "environment", "platform"] {
        assert!(error.message().contains(word), "{error}");
    }
    assert_eq!(world.calls(CLOUD), ["discovery"], "no login went to a guessed address");
}

#[test]
fn a_502_of_discovery_is_asked_past_eight_times() {
    let gateway = || Fault::answer(502, &[("Content-Type", "text/html")], "<html>502</html>");
    let world = World::new();
    for _ in 0..7 {
        world.answers_once(CLOUD, "discovery", gateway());
    }
    discovering(&world).client().unwrap().token().unwrap();
    assert_eq!(world.sim.count(CLOUD, "discovery"), 8);

    let world = World::new();
    world.answers(CLOUD, "discovery", gateway());
    let error = discovering(&world).client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::ServerError, "{error}");
    assert_eq!(world.calls(CLOUD), ["discovery"; 8]);
}

#[test]
fn an_endpoint_that_was_not_discovered_is_named_in_the_error() {
    let world = World::new();
    let client = discovering(&world).client().unwrap();
    let error = client.send(&Request::new("GET", "{cameraBaseUrl}/x").unwrap()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("cameraBaseUrl"), "{error}");
    assert!(error.message().contains("deviceBaseUrl"), "it says what there is: {error}");
}

#[test]
fn a_discovered_endpoint_over_plain_http_is_refused() {
    let world = World::new();
    let data = json!({ "authBaseUrl": "http://iotconnect.example/api/v2" });
    let body = json!({ "data": data, "status": 200 }).to_string();
    world.answers(CLOUD, "discovery", Fault::answer(200, &[], body));
    let error = discovering(&world).client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::InsecureUrl, "{error}");
}

#[test]
fn endpoints_that_have_moved_are_discovered_anew() {
    let world = World::new();
    let client = discovering(&world).client().unwrap();
    let nobody = Fault::set_field("/data/authBaseUrl", json!("https://localhost:1/api/v2"));
    world.answers_once(CLOUD, "discovery", nobody);
    for _ in 0..3 {
        assert_eq!(client.token().unwrap_err().status(), Status::Network);
    }
    assert_eq!(world.sim.count(CLOUD, "discovery"), 1, "not at the first fault");
    client.token().expect("found where they are now");
    assert_eq!(world.calls(CLOUD), ["discovery", "discovery", "basic-token", "login"]);
}

#[test]
fn a_discovery_that_fails_leaves_the_endpoints_that_are_known() {
    let world = World::new();
    let client = discovering(&world).client().unwrap();
    client.token().unwrap();
    world.answers(CLOUD, "refresh", Fault::status(503));
    world.answers(CLOUD, "discovery", Fault::status(404));
    for _ in 0..6 {
        client.renew().unwrap_err();
        world.wind(60);
    }
    world.sim.clear_injections();
    // The longest pause.
    world.wind(601);
    client.renew().unwrap();
    let device = Request::new("GET", "{deviceBaseUrl}/Device").unwrap();
    assert_eq!(client.send(&device).unwrap().status(), 200);
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
}
