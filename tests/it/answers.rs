//! What the answer to a token call comes to, whatever else is in it.

use crate::common::World;
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
