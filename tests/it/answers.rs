//! What the answer to a token call comes to, whatever else is in it.

use crate::common::{World, status};
use keyfob_simulator::{Cloud, Fault};

const CLOUD: Cloud = Cloud::OAuth2;

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn an_unrelated_member_never_spoils_a_good_answer() {
    let deep = ["[", "]"].map(|bracket| bracket.repeat(200)).concat();
    let good = |odd: &str| {
        format!(
            r#"{{"odd": {odd}, "access_token": "good", "token_type": "Bearer", "expires_in": 60}}"#
        )
    };
    let mut bodies: Vec<Vec<u8>> =
        [r#""Jo \ud83d""#, "1e999999999", &"9".repeat(1000), &deep, "NaN", "'x'", "\"a\nb\""]
            .map(|odd| good(odd).into_bytes())
            .into();
    bodies.push([b"\xEF\xBB\xBF", good("1").as_bytes(), b"\0\0"].concat());
    bodies
        .push(good("\"J\u{7f}rgen\"").bytes().map(|b| if b == 0x7f { 0xfc } else { b }).collect());
    for body in bodies {
        let world = World::new();
        world.answers_once(CLOUD, "login", Fault::answer(200, &[JSON], &body));
        let client = world.config(CLOUD, "password").client().unwrap();
        let shown = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(client.token().unwrap().expose(), "good", "{shown}");
        assert_eq!(world.token_calls(CLOUD), ["login"], "{shown}");
    }
}

#[test]
fn the_clouds_own_sentence_is_in_the_error() {
    for (cloud, body, said) in [
        (
            CLOUD,
            r#"{"error":"invalid_grant","error_description":"Account disabled"}"#,
            "Account disabled",
        ),
        (CLOUD, r#"{"error":"invalid_grant","error_description":"a\n\tb\u202ec d"}"#, "a b c d"),
        (
            Cloud::Kii,
            r#"{"errorCode":"X","message":"The user is not verified"}"#,
            "The user is not verified",
        ),
        (
            Cloud::IotConnect,
            r#"{"status":400,"message":"Invalid solution key","error":null}"#,
            "Invalid solution key",
        ),
        (
            Cloud::IotConnect,
            r#"{"status":400,"message":"","error":[{"param":"x","message":"No such user"}]}"#,
            "No such user",
        ),
        (Cloud::Kontakt, r#"{"status":401,"cause":"Bad credentials: ä"}"#, "Bad credentials: ä"),
    ] {
        let world = World::new();
        world.answers(cloud, "login", Fault::answer(400, &[JSON], body));
        let error = world.client(cloud).token().unwrap_err();
        assert_eq!(error.provider_message(), Some(said));
        assert!(error.message().contains(&format!("\"{said}\"")), "{error}");
    }
}

#[test]
fn a_long_sentence_is_cut_and_a_page_is_no_sentence() {
    let world = World::new();
    let long = format!(r#"{{"error_description": "{}"}}"#, "so long ".repeat(1000));
    world.answers_once(CLOUD, "login", Fault::answer(401, &[JSON], long));
    let config = world.config(CLOUD, "password");
    let error = config.client().unwrap().token().unwrap_err();
    assert_eq!(error.provider_message().unwrap().chars().count(), 200);
    world.wind(4000);
    let page = "<html><body>Welcome to the airport Wi-Fi</body></html>";
    let html = [("Content-Type", "text/html")];
    world.answers_once(CLOUD, "login", Fault::answer(401, &html, page));
    let error = config.client().unwrap().token().unwrap_err();
    assert_eq!(error.provider_message(), None);
}

#[test]
fn where_nobody_takes_the_call_the_message_names_the_address() {
    for code in [404, 405, 415] {
        let world = World::new();
        for (cloud, option) in [(Cloud::Simacan, "base_url"), (CLOUD, "token_url")] {
            world.answers(cloud, "login", Fault::answer(code, &[], ""));
            let config = world.config(cloud, "password");
            let error = config.client().unwrap().token().unwrap_err();
            let place = config.get(option).unwrap().unwrap();
            let hint = format!("answered {code}; check {option} ({place})");
            assert!(error.message().ends_with(&hint), "{error}");
        }
    }
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("issuer", &world.sim.base_url(CLOUD)).unwrap();
    let not_found = Fault::answer(404, &[], "");
    world.answers(CLOUD, "metadata", not_found);
    let error = config.client().unwrap().token().unwrap_err();
    let hint = format!("; check issuer ({})", world.sim.base_url(CLOUD));
    assert!(error.message().ends_with(&hint), "{error}");
}

#[test]
fn a_refresh_that_fails_says_what_to_check() {
    for (cloud, login, checked) in [
        (CLOUD, "password", "check refresh_token, client_id, client_secret"),
        (Cloud::Kii, "user", "check refresh_token, app_id, app_key"),
        (Cloud::Simacan, "password", "check refresh_token"),
    ] {
        let world = World::new();
        let client = world.config(cloud, login).client().unwrap();
        client.token().unwrap();
        world.answers(cloud, "refresh", Fault::answer(409, &[], ""));
        let error = client.renew().unwrap_err();
        let (_, hint) = error.message().rsplit_once("; ").unwrap();
        let mut words: Vec<&str> = hint["check ".len()..].split(", ").collect();
        let mut expected: Vec<&str> = checked["check ".len()..].split(", ").collect();
        words.sort_unstable();
        expected.sort_unstable();
        assert_eq!(words, expected, "{error}");
    }
}

#[test]
fn urls_in_messages_show_what_is_no_secret_in_them() {
    let profile = r#"{
        "keyfob_profile": 1, "name": "shop", "title": "A shop", "base_url": "https://localhost:1/{collection}",
        "options": { "collection": {}, "key": { "secret": true } },
        "logins": { "password": { "needs": ["username", "password"], "steps": [{
            "call": "login", "method": "POST", "url": "{base_url}/{username}/{key}/login",
            "form": { "password": "{password}" } }] } },
        "token": { "access_token": "/token" }, "present": { "Authorization": "Bearer {access_token}" }
    }"#;
    let mut config = keyfob::Config::new("custom").unwrap();
    config.set("profile", profile).unwrap();
    for (option, value) in [
        ("collection", "user s"),
        ("key", "a-secret-key"),
        ("username", "me/you"),
        ("password", "p"),
        ("timeout_ms", "2000"),
        ("retries", "0"),
    ] {
        config.set(option, value).unwrap();
    }
    let error = config.client().unwrap().token().unwrap_err();
    let shown = "https://localhost:1/user%20s/me%2Fyou/{key}/login";
    assert!(error.message().contains(shown), "{error}");
}

#[test]
fn a_lifetime_that_reads_as_a_moment_is_that_moment() {
    for scale in [1, 1000] {
        let world = World::new();
        let moment = (world.sim.now() + 3600) * scale;
        world.answers(CLOUD, "login", Fault::set_field("/expires_in", moment.into()));
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        let left = status(&client)["expires_in_ms"].as_i64().unwrap();
        assert!((3_590_000..=3_600_000).contains(&left), "{left}");
    }
}
