//! Kii Cloud: four principals, sites, ends that are asked for, lifetimes that overflow, 403s.

use crate::common::proxy::Proxy;
use crate::common::{World, counter, devices, status};
use keyfob::{Config, Status};
use keyfob_simulator::{Cloud, Fault, credentials::kii as known};
use serde_json::{Value, json};
use std::time::Duration;

const CLOUD: Cloud = Cloud::Kii;

fn last_login(world: &World) -> Value {
    serde_json::from_slice(&world.sent(CLOUD, "login").last().unwrap().body).unwrap()
}

#[test]
fn each_principal_is_asked_for_as_the_guide_says() {
    let world = World::new();
    for (login, body) in [
        ("user", json!({ "username": known::USERNAME, "password": known::PASSWORD })),
        ("thing", json!({ "username": "VENDOR_THING_ID:gw-0007", "password": known::PASSWORD })),
        ("admin", json!({ "client_id": known::CLIENT_ID, "client_secret": known::CLIENT_SECRET })),
        ("anonymous", json!({ "client_id": known::APP_ID, "client_secret": known::APP_KEY })),
    ] {
        let client = world.config(CLOUD, login).client().unwrap();
        client.token().unwrap();
        assert_eq!(last_login(&world), body);
        let sent = world.sent(CLOUD, "login").pop().unwrap();
        assert_eq!(sent.path, "/api/oauth2/token");
        assert_eq!(sent.header("x-kii-appid"), Some(known::APP_ID));
        assert_eq!(sent.header("x-kii-appkey"), Some(known::APP_KEY));
        assert_eq!(world.get(&client, CLOUD, &devices(CLOUD)).unwrap().status(), 200, "{login}");
    }
}

#[test]
fn a_user_may_be_named_in_each_way_the_guide_knows() {
    let world = World::new();
    let email = format!("EMAIL:{}", known::USERNAME);
    for name in [known::USERNAME, known::LOGIN_NAME, known::PHONE, known::LOCAL_PHONE, &email] {
        let mut config = world.config(CLOUD, "user");
        config.set("username", name).unwrap();
        let client = config.client().unwrap();
        client.token().unwrap();
        assert_eq!(status(&client)["principal"], known::USER_ID, "{name}");
    }
}

#[test]
fn the_end_of_a_token_is_asked_for_as_a_json_number() {
    let world = World::new();
    let mut config = world.config(CLOUD, "user");
    let end = (world.sim.now() + 600) * 1000;
    config.set("expires_at_ms", &end.to_string()).unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    assert_eq!(last_login(&world)["expiresAt"], json!(end));
    let lives = client.expires_in().unwrap();
    assert!((598..=600).contains(&lives.as_secs()), "{lives:?}");
    for bad in ["tomorrow", "-1", "1.5", "99999999999999999999"] {
        let error = config.set("expires_at_ms", bad).unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption, "{bad}");
    }
}

#[test]
fn a_lifetime_is_counted_from_each_login() {
    let world = World::new();
    let mut config = world.config(CLOUD, "user");
    config.set("token_lifetime_s", "900").unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    let first = last_login(&world)["expiresAt"].as_i64().unwrap();
    assert!((first - (world.sim.now() + 900) * 1000).abs() < 5_000, "{first}");
    assert!((895..=900).contains(&client.expires_in().unwrap().as_secs()));
    world.wind(100_000);
    client.forget().unwrap();
    client.token().unwrap();
    let second = last_login(&world)["expiresAt"].as_i64().unwrap();
    assert!((99_990_000..100_010_000).contains(&(second - first)), "{first} {second}");
}

#[test]
fn an_end_that_is_past_is_refused_when_it_is_set() {
    let world = World::new();
    let mut config = world.config(CLOUD, "user");
    let client = config.client().unwrap();
    let to_come = ((world.sim.now() + 600) * 1000).to_string();
    for past in ["0", "1700000000000"] {
        let json = format!(r#"{{"expires_at_ms": {past}}}"#);
        for refused in [
            config.set("expires_at_ms", past),
            config.load_json(&json),
            client.set("expires_at_ms", past),
            client.set_json(&json),
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.status(), Status::InvalidOption);
            assert!(error.message().contains("token_lifetime_s"), "{error}");
        }
        assert_eq!(config.get("expires_at_ms").unwrap(), None);
    }
    client.set("expires_at_ms", &to_come).unwrap();
    client.token().unwrap();
    // One that has become past since is told when a client is made.
    config.set("expires_at_ms", &to_come).unwrap();
    world.wind(601);
    assert_eq!(config.client().unwrap_err().status(), Status::InvalidOption);
}

#[test]
fn token_calls_go_out_under_either_content_type() {
    let world = World::new();
    for (set, sent) in [
        (None, "application/vnd.kii.OauthTokenRequest+json"),
        (Some("application/json"), "application/json"),
    ] {
        let mut config = world.config(CLOUD, "user");
        set.iter().for_each(|kind| config.set("token_content_type", kind).unwrap());
        let client = config.client().unwrap();
        client.token().unwrap();
        client.renew().unwrap();
        for call in ["login", "refresh"] {
            let last = world.sent(CLOUD, call).pop().unwrap();
            assert_eq!(last.header("content-type"), Some(sent), "{call}");
        }
    }
}

#[test]
fn each_site_has_its_host_and_a_private_host_replaces_all() {
    let proxy = Proxy::shut();
    let asked = |set: &[(&str, &str)]| {
        let mut config = Config::new("kii").unwrap();
        let known = [("app_id", known::APP_ID), ("app_key", known::APP_KEY)];
        for (option, value) in known.iter().chain(set) {
            config.set(option, value).unwrap();
        }
        config.set("proxy", &proxy.url()).unwrap();
        config.set("retries", "0").unwrap();
        config.client().unwrap().token().unwrap_err();
        proxy.last_target().unwrap()
    };
    assert_eq!(asked(&[]), "api.kii.com:443");
    for (site, host) in
        [("us", "api"), ("jp", "api-jp"), ("sg", "api-sg"), ("eu", "api-eu"), ("cn3", "api-cn3")]
    {
        assert_eq!(asked(&[("site", site)]), format!("{host}.kii.com:443"));
    }
    let private = [("site", "jp"), ("base_url", "https://kii.example.com:8443")];
    assert_eq!(asked(&private), "kii.example.com:8443");
    let unknown = Config::new("kii").unwrap().set("site", "mars").unwrap_err();
    assert!(unknown.message().contains("us, jp, sg, eu, cn3"), "{unknown}");
}

#[test]
fn only_a_wrong_token_renews_and_other_403s_are_passed_on() {
    for (code, renews) in [
        ("WRONG_TOKEN", true),
        ("APP_DISABLED", false),
        ("OPERATION_NOT_SUPPORTED", false),
        ("USER_NOT_FOUND", false),
    ] {
        let world = World::new();
        let client = world.config(CLOUD, "user").client().unwrap();
        let token = client.token().unwrap();
        let body = json!({ "errorCode": code, "message": "no", "accessToken": token.expose() });
        world.answers_once(CLOUD, "api", Fault::answer(403, &[], body.to_string()));
        let response = world.get(&client, CLOUD, &devices(CLOUD)).unwrap();
        assert_eq!(response.status(), if renews { 200 } else { 403 }, "{code}");
        assert_eq!(counter(&client, "replays"), u64::from(renews), "{code}");
        assert_eq!(world.sim.count(CLOUD, "refresh"), usize::from(renews), "{code}");
    }
}

#[test]
fn a_refresh_refused_in_either_way_leads_to_a_login() {
    for (status, code) in
        [(400, "invalid_grant"), (403, "WRONG_REFRESH_TOKEN"), (401, "UNAUTHORIZED")]
    {
        let world = World::new();
        let client = world.config(CLOUD, "user").client().unwrap();
        client.token().unwrap();
        let body = json!({ "errorCode": code, "error": code }).to_string();
        world.answers_once(CLOUD, "refresh", Fault::answer(status, &[], body));
        client.renew().unwrap();
        assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "login"], "{status} {code}");
    }
}

#[test]
fn lifetimes_that_overflow_elsewhere_mean_what_they_say() {
    for (login, never) in [("user", false), ("thing", true), ("admin", true), ("anonymous", true)] {
        let world = World::new();
        let client = world.config(CLOUD, login).client().unwrap();
        client.token().unwrap();
        assert_eq!(status(&client)["never_expires"], json!(never), "{login}");
        let sixty_eight_years = Some(Duration::from_secs(2_147_483_647));
        assert_eq!(client.expires_in(), if never { None } else { sixty_eight_years }, "{login}");
        let token = client.token().unwrap();
        world.clock.wind(Duration::from_secs(10 * 365 * 86_400));
        assert_eq!(client.token().unwrap(), token, "{login}: kept for ten years");
        assert_eq!(world.sim.count(CLOUD, "login"), 1);
    }
    for (told, expected) in [
        (json!(9_223_372_036_854_775_i64), None),
        (json!(148_478_248_144_076_800_i64), None),
        (json!(i64::MAX), None),
        (json!(u64::MAX), None),
    ] {
        let world = World::new();
        world.answers_once(CLOUD, "login", Fault::set_field("/expires_in", told.clone()));
        let client = world.config(CLOUD, "user").client().unwrap();
        client.token().unwrap();
        assert_eq!(client.expires_in(), expected, "{told}");
    }
}

#[test]
fn a_token_type_is_compared_without_case() {
    for kind in ["Bearer", "bearer", "BEARER"] {
        let world = World::new();
        world.answers_once(CLOUD, "login", Fault::set_field("/token_type", json!(kind)));
        world.config(CLOUD, "user").client().unwrap().token().unwrap();
    }
    let world = World::new();
    world.answers_once(CLOUD, "login", Fault::set_field("/token_type", json!("mac")));
    let error = world.config(CLOUD, "user").client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::MalformedAnswer, "{error}");
}

#[test]
fn a_principal_without_a_refresh_token_logs_in_again() {
    let world = World::new();
    let client = world.config(CLOUD, "admin").client().unwrap();
    client.token().unwrap();
    assert_eq!(status(&client)["has_refresh_token"], json!(false));
    client.renew().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "login"]);
}
