//! Clouds whose answers are well-formed and mad: each place that a profile reads, with what no cloud should
//! write there. Nothing crashes, no header is split, no lifetime is absurd, and an error is one line.

use crate::common::World;
use keyfob::{Client, Request};
use keyfob_simulator::{Cloud, Fault, credentials};
use serde_json::Value;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::Duration;

/// What stands at the place, byte for byte.
fn values() -> Vec<String> {
    let mut values: Vec<String> = [
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "[null]",
        "\"\"",
        "\" \"",
        "0",
        "-0",
        "-1",
        "1",
        "0.5",
        "-0.5",
        "1e-400",
        "1e400",
        "-1e400",
        "1e18",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999999999999999999",
        "3155760000",
        "253402300799",
        "253402300800",
        "253402300800000",
        "\"-5\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"1e3\"",
        "\"0x10\"",
        "\"٣٦٠٠\"",
        "\" 60\"",
        "\"60 \"",
        "\"2026-13-45T99:99:99Z\"",
        "\"9999-12-31T23:59:60Z\"",
        "\"0000-00-00T00:00:00Z\"",
        "\"-001-01-01T00:00:00Z\"",
        "\"2026-01-31T08:15:00+99:99\"",
        "\"10000-01-01T00:00:00Z\"",
        "\"2026-01-31\"",
        "\"a\\r\\nX-Evil: 1\"",
        "\"a\\u0000b\"",
        "\"a\\tb\"",
        "\"\\u202egnp.exe\"",
        "\"\\ud83d\\ude00 token\"",
        "\"\\ud83d\"",
        "\"{access_token}\"",
        "\"%s%n%x\"",
        "\"../../etc/passwd\"",
        "\"https://evil.example/\"",
        "\"//evil.example\"",
        "\"evil.example\"",
        "\"a@evil.example\"",
        "\"a b\"",
        "\"ThisServer\"",
        "\"eyJhbGciOiJub25lIn0.eyJleHAiOi0xfQ.\"",
        "\"eyJhbGciOiJub25lIn0.eyJleHAiOjFlNDAwfQ.\"",
        "\"eyJhbGciOiJub25lIn0.eyJleHAiOiJub3cifQ.\"",
        "\"eyJhbGciOiJub25lIn0.eyJleHAiOnt9fQ.\"",
        "\"eyJhbGciOiJub25lIn0.eyJleHAiOjkyMjMzNzIwMzY4NTQ3NzU4MDd9.\"",
        "\"a.b.c\"",
        "\"..\"",
        "\"a.%%%.c\"",
        "\"eyJ.eyJleHAiOjE3MDAwMDAwMDAsImV4cCI6MX0.x\"",
    ]
    .map(str::to_string)
    .to_vec();
    values.push(format!("\"{}\"", "x".repeat(300_000)));
    values.push(format!("\"{}\"", "é".repeat(5_000)));
    values.push(format!("{}1{}", "[".repeat(200), "]".repeat(200)));
    values.push("9".repeat(5_000));
    values
}

/// Every place in an answer that the profile speaks of.
fn places(cloud: Cloud) -> BTreeSet<String> {
    let path = format!("src/provider/catalogue/{}.json", cloud.name());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    let profile: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut found = BTreeSet::new();
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) if text.starts_with('/') && !text.contains(['{', ' ']) => {
                found.insert(text.trim_end_matches('?').to_string());
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                if name.starts_with('/') {
                    found.insert(name.clone());
                }
                walk(value, found);
            }),
            _ => {}
        }
    }
    walk(&profile, &mut found);
    found
}

/// Asks it for everything, and holds it to what it may say.
fn live(world: &World, cloud: Cloud, client: &Client, what: &str) {
    let hear = |outcome: keyfob::Result<()>| {
        let Err(error) = outcome else { return };
        let said = error.to_string();
        assert!(said.len() < 1200 && !said.chars().any(char::is_control), "{what}: {said:?}");
    };
    hear(client.token().map(|token| {
        assert!(!token.expose().is_empty(), "{what}");
    }));
    let url = format!("{}{}", world.sim.api_url(cloud), cloud.devices_path());
    hear(client.headers_for_request(cloud.devices_method(), &url, b"{}").map(|lines| {
        for line in lines.expose().lines() {
            assert!(!line.starts_with("X-Evil"), "{what}: {line}");
        }
    }));
    hear(client.mqtt().map(drop));
    if let Some(left) = client.expires_in() {
        assert!(left < Duration::from_secs(101 * 366 * 86_400), "{what}: {left:?}");
    }
    let _ = client.renew_due_in();
    let status: Value = serde_json::from_str(&client.status_json()).unwrap();
    assert!(status.is_object(), "{what}");
    let mut request = Request::new(cloud.devices_method(), &url).unwrap();
    if cloud.devices_method() == "POST" {
        request.set_body(b"{}");
        request.set_header("Content-Type", "application/json").unwrap();
    }
    hear(client.send(&request).and_then(|response| response.link("next").map(drop)));
}

#[test]
fn no_answer_of_a_step_is_mad_enough_to_crash() {
    let values = values();
    // All of them take five minutes.
    let everything = std::env::var_os("KEYFOB_HOSTILE").is_some();
    let mut failed = Vec::new();
    for (index, cloud) in Cloud::ALL.into_iter().enumerate() {
        let places: Vec<String> = places(cloud).into_iter().collect();
        for (login, _) in credentials::logins(cloud) {
            let world = World::new();
            world.clock.set_wall(world.sim.now());
            let client = world.config(cloud, login).client().unwrap();
            let _ = client.token();
            let calls: BTreeSet<&str> = world.token_calls(cloud).into_iter().collect();
            client.forget().unwrap();
            let mut number = index;
            for call in calls {
                for place in &places {
                    for value in &values {
                        number += 1;
                        if !everything && number % 97 != 0 {
                            continue;
                        }
                        let short: String = value.chars().take(60).collect();
                        let what = format!("{} {login} {call} {place} {short}", cloud.name());
                        let tried = panic::catch_unwind(AssertUnwindSafe(|| {
                            world.sim.reset();
                            let fault = Fault::raw_field(place, value);
                            world.answers(cloud, call, fault);
                            let mut config = world.config(cloud, login);
                            config.set("retries", "0").unwrap();
                            let client = config.client().unwrap();
                            live(&world, cloud, &client, &what);
                            client.forget().unwrap();
                        }));
                        if tried.is_err() {
                            failed.push(what);
                        }
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
}

/// A cloud's clock is believed where a signature or a token's end needs its time.
#[test]
fn no_date_of_an_answer_is_mad_enough_to_crash() {
    for cloud in Cloud::ALL {
        for (login, _) in credentials::logins(cloud) {
            let world = World::new();
            world.clock.set_wall(world.sim.now());
            for date in [
                "Fri, 31 Dec 9999 23:59:59 GMT",
                "Mon, 01 Jan 0001 00:00:00 GMT",
                "Sunday, 99-Foo-94 99:99:99 GMT",
                "-1",
            ] {
                let what = format!("{} {login} {date}", cloud.name());
                let client = world.config(cloud, login).client().unwrap();
                for call in ["api", "login"] {
                    let mad = Fault::answer(401, &[("Date", date)], "{\"success\":false}");
                    world.answers_once(cloud, call, mad);
                    live(&world, cloud, &client, &what);
                }
                live(&world, cloud, &client, &what);
                client.wind(Duration::from_secs(40 * 365 * 86_400));
                live(&world, cloud, &client, &what);
                client.forget().unwrap();
            }
        }
    }
}
