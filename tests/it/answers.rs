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
