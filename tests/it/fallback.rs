//! What leads from a refresh to a login, and what never does.

use crate::common::directory::Directory;
use crate::common::{World, status};
use keyfob::Status;
use keyfob_simulator::{Cloud, Fault};

const CLOUD: Cloud = Cloud::OAuth2;

/// An error of RFC 6749 5.2.
fn refusal(status: u16, code: &str) -> Fault {
    let body = format!(r#"{{"error": "{code}"}}"#);
    Fault::answer(status, &[("Content-Type", "application/json")], &body)
}

#[test]
fn a_refused_client_costs_no_refresh_token() {
    for (status_code, code) in
        [(401, "invalid_client"), (400, "invalid_client"), (400, "unauthorized_client")]
    {
        let world = World::new();
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        world.wind(7200);
        world.answers(CLOUD, "refresh", refusal(status_code, code));
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::CredentialsRejected, "{code}");
        assert_eq!(error.provider_code(), Some(code));
        // An administrator takes an hour to put it right.
        for _ in 0..3600 {
            client.token().unwrap_err();
            world.wind(1);
        }
        assert!(world.sim.count(CLOUD, "refresh") <= 8, "{code}: held back");
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{code}: no password");
        assert_eq!(status(&client)["has_refresh_token"], true, "{code}: kept");
        world.sim.clear_injections();
        world.wind(3600);
        client.token().unwrap();
        assert_eq!(world.token_calls(CLOUD).last(), Some(&"refresh"), "{code}: and used");
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{code}");
    }
}

const JSON: &str = "application/json";

#[test]
fn a_code_that_leaves_no_doubt_counts_in_any_form() {
    for (status, kind, body) in [
        (400, JSON, &br#"{"error": "invalid_grant"}"#[..]),
        (401, JSON, br#"{"error": "invalid_grant"}"#),
        (403, JSON, br#"{"error": "invalid_grant"}"#),
        (404, JSON, br#"{"error": "Invalid_Grant"}"#),
        (400, JSON, br#"{"error": {"code": "invalid_grant", "message": "no"}}"#),
        (200, JSON, br#"{"error": "invalid_grant"}"#),
        (200, JSON, br#"{"access_token": "", "error": "invalid_grant"}"#),
        (400, JSON, br#"{"error": "invalid_token"}"#),
        (400, JSON, br#"{"error": "invalid_request", "error_description": "invalid_token"}"#),
        (400, JSON, br#"{"error": "invalid_request", "error_description": "(invalid_grant) x"}"#),
        (200, JSON, br#"{"error": "bad_refresh_token"}"#),
        (400, JSON, b"{\"why\": \"ung\xfcltig\", \"error\": \"invalid_grant\"}"),
        (400, JSON, br#"{"n": 1e999999999, "error": "invalid_grant"}"#),
        (400, "text/plain; charset=utf-8", b"invalid_grant"),
    ] {
        let shown = String::from_utf8_lossy(body);
        let world = World::new();
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        let answer = Fault::answer(status, &[("Content-Type", kind)], body);
        world.answers_once(CLOUD, "refresh", answer);
        client.renew().unwrap();
        assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "login"], "{status} {shown}");
    }
}

#[test]
fn what_says_nothing_of_the_token_never_leads_to_a_login() {
    for (status, body) in [
        (500, r#"{"error": "invalid_grant"}"#),
        (503, r#"{"error": "invalid_grant"}"#),
        (429, r#"{"error": "invalid_grant"}"#),
        (408, r#"{"error": "invalid_grant"}"#),
        (400, r#"{"error": "invalid_scope"}"#),
        (400, ""),
        (400, "<html>invalid_grant</html>"),
        (200, r#"{"error": "temporarily_unavailable"}"#),
    ] {
        let world = World::new();
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        let answer = Fault::answer(status, &[("Content-Type", JSON)], body);
        world.answers(CLOUD, "refresh", answer);
        client.renew().unwrap_err();
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{status} {body}");
        assert_eq!(status_of(&client), true, "{status} {body}: kept");
    }
}

fn status_of(client: &keyfob::Client) -> serde_json::Value {
    status(client)["has_refresh_token"].clone()
}

#[test]
fn where_the_profile_says_so_its_rule_is_the_only_one() {
    let cloud = Cloud::Simacan;
    for (status, code) in [(403, "invalid_grant"), (400, "invalid_grant"), (200, "invalid_grant")] {
        let world = World::new();
        let client = world.client(cloud);
        client.token().unwrap();
        world.answers(cloud, "refresh", refusal(status, code));
        for _ in 0..200 {
            client.renew().unwrap_err();
            world.wind(30);
        }
        assert_eq!(world.sim.count(cloud, "login"), 1, "{status}");
        assert!(world.sim.count(cloud, "refresh") > 3, "{status}: tried again");
        world.sim.clear_injections();
        world.wind(601);
        client.renew().unwrap();
        assert_eq!(world.sim.count(cloud, "login"), 1, "{status}: and kept");
    }
}

#[test]
fn a_code_counts_even_where_it_repeats_a_secret() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    let client = config.client().unwrap();
    client.token().unwrap();
    config.set("password", "grant").unwrap();
    let other = config.client().unwrap();
    let error = other.token().unwrap_err();
    assert_eq!(error.status(), Status::CredentialsRejected);
    assert_eq!(error.provider_code(), None, "but it is not shown");
    // A refresh token that is a part of the code.
    let token = r#"{"access_token": "x", "refresh_token": "grant", "expires_in": 60}"#;
    world.answers_once(CLOUD, "refresh", Fault::answer(200, &[("Content-Type", JSON)], token));
    client.renew().unwrap();
    client.renew().unwrap();
    assert_eq!(world.token_calls(CLOUD).last_chunk(), Some(&["refresh", "refresh", "login"]));
}

#[test]
fn a_refused_token_leads_to_the_login_at_once() {
    for code in [400, 401, 403] {
        let world = World::new();
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        world.answers_once(CLOUD, "refresh", refusal(code, "invalid_grant"));
        client.renew().unwrap();
        assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "login"], "{code}");
    }
}

/// What a cloud answers to a refresh so that nobody can be sure.
fn unsure() -> Vec<Fault> {
    vec![
        refusal(400, "invalid_request"),
        Fault::answer(400, &[("Content-Type", "text/html")], "<html>no</html>"),
        Fault::answer(400, &[], ""),
        Fault::answer(200, &[], r#"{"message": "no"}"#),
        Fault::answer(200, &[], ""),
        Fault::status(404),
        Fault::status(401),
    ]
}

#[test]
fn what_may_be_a_refusal_leads_to_one_login_in_the_end() {
    for fault in unsure() {
        let world = World::new();
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        world.wind(7200);
        world.answers(CLOUD, "refresh", fault.clone());
        let mut seconds = 0;
        while client.token().is_err() {
            world.wind(1);
            seconds += 1;
            assert!(seconds < 3600, "{fault}: no login");
        }
        assert!(seconds >= 120, "{fault}: three answers, a minute apart: {seconds}");
        let refreshes = world.sim.count(CLOUD, "refresh");
        assert!((3..=20).contains(&refreshes), "{fault}: {refreshes}");
        assert_eq!(world.sim.count(CLOUD, "login"), 2, "{fault}");
    }
}

#[test]
fn a_guess_at_a_refusal_sends_the_password_once() {
    let world = World::new();
    let client = world.config(CLOUD, "password").client().unwrap();
    client.token().unwrap();
    world.wind(7200);
    world.answers(CLOUD, "refresh", Fault::status(404));
    world.answers(CLOUD, "login", refusal(400, "invalid_grant"));
    for _ in 0..3600 {
        client.token().unwrap_err();
        world.wind(1);
    }
    let logins = world.sim.count(CLOUD, "login") - 1;
    assert!((1..=7).contains(&logins), "no more than a hold lets through: {logins}");
    assert_eq!(status(&client)["has_refresh_token"], true, "it may still be good");
}

#[test]
fn a_failing_cloud_never_leads_from_a_refresh_to_the_login() {
    for fault in ["status:500", "status:503", "status:429", "reset:before-headers", "status:302"] {
        let world = World::new();
        world.sim.set_rotation(CLOUD, keyfob_simulator::Rotation::Keep);
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        world.wind(7200);
        world.answers(CLOUD, "refresh", Fault::from_name(fault).unwrap());
        for _ in 0..1800 {
            client.token().unwrap_err();
            world.wind(1);
        }
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{fault}");
    }
}

#[test]
fn where_the_profile_forbids_it_nothing_is_guessed() {
    let world = World::new();
    let client = world.client(Cloud::Simacan);
    client.token().unwrap();
    world.wind(7200);
    world.answers(Cloud::Simacan, "refresh", Fault::status(404));
    for _ in 0..3600 {
        client.token().unwrap_err();
        world.wind(1);
    }
    assert_eq!(world.sim.count(Cloud::Simacan, "login"), 1);
}

#[test]
fn an_api_that_always_refuses_costs_few_renewals() {
    for login in ["password", "client-credentials"] {
        let world = World::new();
        let client = world.config(CLOUD, login).client().unwrap();
        world.answers(CLOUD, "api", Fault::status(401));
        for _ in 0..30 {
            let answer = world.get(&client, CLOUD, "/devices").unwrap();
            assert_eq!(answer.status(), 401, "{login}: the caller's to see");
            client.refused(client.token().unwrap().expose()).unwrap();
        }
        assert_eq!(world.token_calls(CLOUD).len(), 2, "{login}: one more than none");
        let mut calls = Vec::new();
        for _ in 0..120 {
            world.get(&client, CLOUD, "/devices").unwrap();
            calls.push(world.token_calls(CLOUD).len());
            world.wind(30);
        }
        assert!(calls[0] <= 2 && calls[119] <= 20, "{login}: {calls:?}");
        // A token that did its work for long and is refused then is replaced at once.
        world.sim.clear_injections();
        world.wind(3000);
        client.renew().unwrap();
        world.wind(1500);
        let before = world.token_calls(CLOUD).len();
        world.sim.revoke_access_tokens(CLOUD);
        assert_eq!(world.get(&client, CLOUD, "/devices").unwrap().status(), 200, "{login}");
        assert_eq!(world.token_calls(CLOUD).len(), before + 1, "{login}");
    }
}

#[test]
fn a_login_that_is_required_says_why_the_refresh_token_went() {
    let world = World::new();
    let mut config = world.reach(CLOUD);
    config.set("client_id", "public").unwrap();
    let body = r#"{"error": "invalid_grant", "error_description": "Session not active"}"#;
    world.answers(CLOUD, "refresh", Fault::answer(400, &[("Content-Type", JSON)], body));
    let directory = Directory::new("why");
    for store in ["memory".into(), directory.option()] {
        config.set("store", &store).unwrap();
        config.set("refresh_token", &format!("a-dead-token-of-{store}")).unwrap();
        let client = config.client().unwrap();
        let told = |client: &keyfob::Client| {
            let error = client.token().unwrap_err();
            assert_eq!(error.status(), Status::LoginRequired);
            let answer = "400 invalid_grant, \"Session not active\"";
            assert!(error.message().contains(answer), "{error}");
            assert!(error.message().contains(" GMT)"), "{error}");
            assert_eq!(error.provider_code(), Some("invalid_grant"));
            assert_eq!(error.provider_message(), Some("Session not active"));
        };
        told(&client);
        // Whatever else fails meanwhile.
        client.renew().unwrap_err();
        told(&client);
        told(&config.client().unwrap());
        drop(client);
        if store != "memory" {
            told(&config.client().unwrap());
            // A record of a version that wrote no reason is as good.
            let read = |record: &std::path::PathBuf| std::fs::read_to_string(record).unwrap();
            let says_why = |record: &std::path::PathBuf| read(record).contains("\"lost\":");
            let record = directory.files(".json").into_iter().find(says_why).unwrap();
            let text = read(&record);
            let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(old["record"].as_object_mut().unwrap().remove("lost").is_some());
            std::fs::write(&record, old.to_string()).unwrap();
            let error = config.client().unwrap().token().unwrap_err();
            assert_eq!(error.status(), Status::LoginRequired);
            assert!(error.message().contains("set a new refresh_token"), "{error}");
            assert_eq!(error.provider_code(), None);
        }
    }
    let sent = world.sent(CLOUD, "refresh");
    assert_eq!(sent.len(), 2, "once a store");
    let form = String::from_utf8_lossy(&sent[0].body).into_owned();
    assert!(form.contains("client_id=public"), "a public client says who it is: {form}");
}

#[test]
fn basic_authentication_is_encoded_or_raw_as_is_asked_for() {
    use base64::Engine;
    let world = World::new();
    for (how, pair) in
        [("client_secret_basic", "a+b:c%2Bd%3A"), ("client_secret_basic_raw", "a b:c+d:")]
    {
        let mut config = world.reach(CLOUD);
        for (option, value) in
            [("client_id", "a b"), ("client_secret", "c+d:"), ("client_auth", how)]
        {
            config.set(option, value).unwrap();
        }
        config.client().unwrap().token().unwrap_err();
        let sent = world.sent(CLOUD, "login");
        let expected = base64::prelude::BASE64_STANDARD.encode(pair);
        let header = sent.last().unwrap().header("authorization").map(str::to_string);
        assert_eq!(header, Some(format!("Basic {expected}")), "{how}");
    }
}

#[test]
fn a_revocation_names_the_client_and_the_token_that_is_there() {
    let world = World::new();
    let url = format!("{}/oauth2/revoke", world.sim.base_url(CLOUD));
    for (login, how) in [
        ("client-credentials", "client_secret_basic"),
        ("client-credentials", "client_secret_post"),
        ("password", "client_secret_basic_raw"),
        ("public_password", "none"),
    ] {
        let mut config = world.reach(CLOUD);
        if login == "public_password" {
            for (option, value) in [("username", "u"), ("password", "p"), ("client_id", "public")] {
                config.set(option, value).unwrap();
            }
        } else {
            config = world.config(CLOUD, login);
        }
        if login != "client-credentials" {
            // The simulator knows no public client, and undoes the form encoding.
            let issued = r#"{"access_token": "ACCESS-1", "refresh_token": "r", "expires_in": 60}"#;
            let answer = Fault::answer(200, &[("Content-Type", JSON)], issued);
            world.answers_once(CLOUD, "login", answer);
        }
        config.set("revocation_url", &url).unwrap();
        config.set("client_auth", how).unwrap();
        let client = config.client().unwrap();
        let access = client.token().unwrap().expose().to_string();
        client.forget().unwrap();
        let sent = world.sent(CLOUD, "revoke");
        let form = String::from_utf8_lossy(&sent.last().unwrap().body).into_owned();
        let is_basic = sent.last().unwrap().header("authorization").is_some();
        assert_eq!(form.contains("client_id="), !is_basic, "named once, {login} {how}: {form}");
        assert_eq!(form.contains(&access), login == "client-credentials", "{login} {how}");
        assert!(form.starts_with("token=") && !form.starts_with("token=&"), "{login} {how}");
        assert_eq!(is_basic, how.starts_with("client_secret_basic"), "{how}");
    }
}
