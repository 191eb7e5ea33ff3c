//! What a profile computes: tokens that are made here, requests that are signed, and where a request
//! carries what.

use crate::common::World;
use crate::common::directory::Directory;
use keyfob::{Config, Request, Status};
use keyfob_simulator::{Cloud, Fault};
use serde_json::{Value, json};
use std::time::Duration;

/// Any cloud's paths that are not its own are answered by injection, over the same TLS.
const HOST: Cloud = Cloud::Kontakt;

/// A cloud whose login gives a token, to be changed at a few places by each test.
fn login(changes: &[(&str, Value)]) -> Value {
    let mut profile = json!({
        "keyfob_profile": 2,
        "name": "signed",
        "title": "A cloud that signs",
        "base_url": "https://signed.example.com",
        "values": {},
        "logins": {
            "password": {
                "needs": ["username", "password"],
                "steps": [{
                    "call": "login",
                    "method": "POST",
                    "url": "{base_url}/login",
                    "json": { "user": "{username}" },
                    "rejected": [{ "status": 401 }]
                }]
            }
        },
        "refresh": {
            "steps": [{
                "call": "refresh",
                "method": "POST",
                "url": "{base_url}/refresh",
                "form": { "refresh": "{refresh_token}" },
                "rejected": [{ "status": [400, 401] }]
            }]
        },
        "token": { "access_token": "/token", "refresh_token": "/refresh?" },
        "present": { "headers": { "X-Auth": "{access_token}" } },
        "request": {}
    });
    for (pointer, value) in changes {
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        profile.pointer_mut(parent).unwrap()[last] = value.clone();
    }
    profile
}

/// A cloud whose token is computed from a key and the time.
fn computed() -> Value {
    json!({
        "keyfob_profile": 2,
        "name": "computed",
        "title": "A cloud that takes computed tokens",
        "base_url": "https://computed.example.com",
        "options": { "shared_key": { "secret": true, "identity": true } },
        "values": {
            "end": { "now": "s", "plus": 3600 },
            "raw": { "hmac_sha256": "{username}\n{end}", "key": "{shared_key}", "key_is": "base64", "as": "base64" },
            "sig": { "urlencode": "{raw}" }
        },
        "logins": {
            "key": {
                "needs": ["username", "shared_key"],
                "token": "Sas sig={sig}&se={end}",
                "lifetime": { "seconds": 3600 }
            }
        },
        "present": { "headers": { "Authorization": "{access_token}" } }
    })
}

fn config(world: &World, profile: &Value) -> Config {
    let mut config = Config::new("custom").unwrap();
    config.set("profile", &profile.to_string()).unwrap();
    config.set("base_url", &world.sim.base_url(HOST)).unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set_clock(world.clock.clone());
    config.set("username", "u").unwrap();
    match profile["options"].get("shared_key") {
        Some(_) => config.set("shared_key", "a2V5").unwrap(),
        None => config.set("password", "p").unwrap(),
    }
    config
}

fn answer(world: &World, body: &Value) {
    world.answers(HOST, "api", Fault::answer(200, &[], body.to_string()));
}

fn get(url: &str) -> Request {
    Request::new("GET", url).unwrap()
}

fn end_of(token: &str) -> i64 {
    token.rsplit_once("se=").unwrap().1.parse().unwrap()
}

#[test]
fn a_token_that_is_computed_is_computed_anew_before_it_ends() {
    let world = World::new();
    let client = config(&world, &computed()).client().unwrap();
    let first = client.token().unwrap();
    let end = end_of(first.expose());
    assert_eq!(client.expires_in(), Some(Duration::from_secs(3600)));
    assert_eq!(client.token().unwrap().expose(), first.expose(), "kept while it is good");
    world.clock.wind(Duration::from_secs(3601));
    let second = client.token().unwrap();
    assert_eq!(end_of(second.expose()), end + 3601);
    assert!(world.sim.journal().is_empty(), "nothing was asked of the cloud");
}

#[test]
fn a_refused_token_is_computed_again_by_the_clouds_clock() {
    let world = World::new();
    // An hour behind, and nobody has told yet.
    world.clock.set_wall(world.sim.now() - 3600);
    let client = config(&world, &computed()).client().unwrap();
    world.answers_once(HOST, "api", Fault::answer(401, &[], "expired"));
    world.answers_once(HOST, "api", Fault::answer(200, &[], "done"));
    assert_eq!(client.send(&get("devices")).unwrap().body(), b"done");
    let sent = world.sent(HOST, "api");
    let ends: Vec<i64> =
        sent.iter().map(|entry| end_of(entry.header("authorization").unwrap())).collect();
    assert!((3590..=3610).contains(&(ends[1] - ends[0])), "{ends:?}");
}

#[test]
fn a_key_that_is_none_is_refused_when_the_client_is_made() {
    let world = World::new();
    let mut config = config(&world, &computed());
    config.set("shared_key", "not base64!").unwrap();
    let error = config.client().unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption);
    assert!(error.message().contains("shared_key: is not base64"), "{error}");
}

/// Signs method, path, query and body with a time and a number used once.
fn signing() -> Value {
    login(&[
        (
            "/values",
            json!({
                "t": { "now": "ms" },
                "nonce": { "random": 16 },
                "content": { "sha256": "{body?}" },
                "sign": {
                    "hmac_sha256": "{access_token?}{t}{nonce}{method}\n{content}\n{path}?{sorted_query?}",
                    "key": "{password}", "as": "HEX"
                }
            }),
        ),
        (
            "/present",
            json!({ "headers": { "X-Auth": "{access_token}", "X-T": "{t}", "X-Nonce": "{nonce}", "X-Sign": "{sign}" } }),
        ),
    ])
}

/// Computes the signature anew from what came over the wire.
fn is_signed(entry: &keyfob_simulator::Entry, path: &str, sorted: &str) -> bool {
    use ring::{digest, hmac};
    let header = |name: &str| entry.header(name).unwrap_or_default().to_string();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let content = hex(digest::digest(&digest::SHA256, &entry.body).as_ref());
    let (token, t, nonce) = (header("x-auth"), header("x-t"), header("x-nonce"));
    let message = format!("{token}{t}{nonce}{}\n{content}\n{path}?{sorted}", entry.method);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"p");
    let sign = hex(hmac::sign(&key, message.as_bytes()).as_ref()).to_uppercase();
    nonce.len() == 32 && t.len() == 13 && header("x-sign") == sign
}

#[test]
fn each_request_is_signed_as_it_is_sent() {
    let world = World::new();
    answer(&world, &json!({ "token": "t-1" }));
    let client = config(&world, &signing()).client().unwrap();
    let mut request = Request::new("POST", "things/a%20b?z=1").unwrap();
    request.add_query("a", "x y");
    request.set_body(b"\xff\x00 any bytes");
    client.send(&request).unwrap();
    client.send(&get("/x")).unwrap();
    client.send(&get("/x")).unwrap();
    let sent = world.sent(HOST, "api");
    assert!(is_signed(&sent[1], "/things/a%20b", "a=x%20y&z=1"), "{:?}", sent[1]);
    assert!(is_signed(&sent[2], "/x", ""), "{:?}", sent[2]);
    assert_ne!(sent[2].header("x-nonce"), sent[3].header("x-nonce"), "used once");
}

#[test]
fn a_request_that_is_repeated_is_signed_anew() {
    let world = World::new();
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"token":"t-1"}"#));
    world.answers_once(HOST, "api", Fault::status(503));
    world.answers_once(HOST, "api", Fault::answer(307, &[("Location", "/moved?b=2")], ""));
    world.answers_once(HOST, "api", Fault::answer(200, &[], "done"));
    let client = config(&world, &signing()).client().unwrap();
    assert_eq!(client.send(&get("/x")).unwrap().body(), b"done");
    let sent = world.sent(HOST, "api");
    assert!(is_signed(&sent[1], "/x", "") && is_signed(&sent[2], "/x", ""));
    assert_ne!(sent[1].header("x-nonce"), sent[2].header("x-nonce"));
    assert!(is_signed(&sent[3], "/moved", "b=2"), "{:?}", sent[3]);
}

#[test]
fn a_body_that_is_signed_must_be_at_hand() {
    let world = World::new();
    answer(&world, &json!({ "token": "t-1" }));
    let client = config(&world, &signing()).client().unwrap();
    let mut request = Request::new("POST", "/x").unwrap();
    request.set_body_reader(&b"bytes"[..], Some(5));
    let error = client.send(&request).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("given as bytes"), "{error}");
}

#[test]
fn whoever_sends_requests_gets_the_headers_of_one() {
    let world = World::new();
    answer(&world, &json!({ "token": "t-1" }));
    let client = config(&world, &signing()).client().unwrap();
    let lines = client.headers_for_request("PUT", "/x?b=1", b"body").unwrap();
    let header = |name: &str| {
        let line = lines.expose().lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once(": ").unwrap().1.to_string()
    };
    assert_eq!(header("X-Auth"), "t-1");
    assert_eq!(header("X-Sign").len(), 64);
    let other = client.headers_for_request("PUT", "/x?b=2", b"body").unwrap();
    assert_ne!(other.expose(), lines.expose());
    let error = client.with_header_lines(str::to_string).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("those of a request"), "{error}");
    assert_eq!(client.fresh_number(), None, "nothing is to be kept");
    assert_eq!(client.token().unwrap().expose(), "t-1");
}

#[test]
fn headers_with_the_time_alone_need_no_request() {
    let profile = login(&[
        ("/values", json!({ "t": { "now": "s" } })),
        ("/present", json!({ "headers": { "X-Auth": "{access_token}", "X-T": "{t}" } })),
    ]);
    let world = World::new();
    answer(&world, &json!({ "token": "t-1" }));
    let client = config(&world, &profile).client().unwrap();
    let first = client.with_header_lines(str::to_string).unwrap();
    assert!(first.starts_with("X-Auth: t-1\nX-T: "), "{first}");
    world.clock.wind(Duration::from_secs(5));
    assert_ne!(client.with_header_lines(str::to_string).unwrap(), first);
}

#[test]
fn a_wrong_clock_is_set_right_by_the_answer_and_asked_again() {
    let mut profile = signing();
    profile["logins"]["password"]["steps"][0]["headers"] = json!({ "X-T": "{t}" });
    let world = World::new();
    world.clock.set_wall(world.sim.now() - 86_400);
    world.answers_once(HOST, "api", Fault::answer(401, &[], r#"{"why":"time"}"#));
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"token":"t-1"}"#));
    let client = config(&world, &profile).client().unwrap();
    assert_eq!(client.token().unwrap().expose(), "t-1");
    let sent = world.sent(HOST, "api");
    let times: Vec<i64> = sent.iter().map(|e| e.header("x-t").unwrap().parse().unwrap()).collect();
    assert!(times[1] - times[0] > 86_000_000, "{times:?}");
}

#[test]
fn what_the_last_step_saves_lives_with_the_token() {
    let profile = login(&[
        ("/logins/password/steps/0/save", json!({ "key": "/key", "operator": "/operator" })),
        ("/refresh/steps/0/url", json!("{base_url}/operators/{operator}/refresh")),
        ("/refresh/steps/0/save", json!({ "key": "/key?" })),
        ("/present", json!({ "headers": { "X-Auth": "{access_token}", "X-Key": "{key}" } })),
    ]);
    let world = World::new();
    let directory = Directory::new("saved");
    let first = json!({ "token": "t-1", "refresh": "r-1", "key": "k-1", "operator": 17 });
    world.answers_once(HOST, "api", Fault::answer(200, &[], first.to_string()));
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"token":"t-2"}"#));
    let mut config = config(&world, &profile);
    config.set("store", &directory.option()).unwrap();
    let client = config.client().unwrap();
    assert_eq!(client.with_header_lines(str::to_string).unwrap(), "X-Auth: t-1\nX-Key: k-1");
    drop(client);
    let client = config.client().unwrap();
    assert_eq!(client.with_header_lines(str::to_string).unwrap(), "X-Auth: t-1\nX-Key: k-1");
    client.renew().unwrap();
    assert_eq!(
        client.with_header_lines(str::to_string).unwrap(),
        "X-Auth: t-2\nX-Key: k-1",
        "a refresh that gives no key keeps it"
    );
    assert_eq!(world.sent(HOST, "api")[1].path, "/operators/17/refresh");
}

#[test]
fn a_token_may_go_into_the_query_or_the_body() {
    let profile = login(&[(
        "/present",
        json!({
            "query": { "token": "{access_token}" },
            "json": { "params": { "credentials": { "session": "{access_token}" } } }
        }),
    )]);
    let world = World::new();
    answer(&world, &json!({ "token": "t-1" }));
    let client = config(&world, &profile).client().unwrap();
    let mut request = Request::new("POST", "/x?token=old&a=1").unwrap();
    request.set_body(br#"{"method":"Get","params":{"type":"Device"}}"#);
    client.send(&request).unwrap();
    let sent = world.sent(HOST, "api").remove(1);
    assert_eq!(sent.query, "a=1&token=t-1");
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    let params = json!({ "type": "Device", "credentials": { "session": "t-1" } });
    assert_eq!(body, json!({ "method": "Get", "params": params }));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    request.set_body(b"[1]");
    let error = client.send(&request).unwrap_err();
    assert!(error.message().contains("must be a JSON object"), "{error}");
    assert!(!error.message().contains("t-1"));
    for error in [
        client.headers_for("/x").unwrap_err(),
        client.with_header_lines(str::to_string).unwrap_err(),
    ] {
        assert!(error.message().contains("query or the body"), "{error}");
    }
}

#[test]
fn an_answer_may_name_where_requests_go() {
    let with_base = |bases: Value| {
        login(&[
            ("/logins/password/steps/0/save", json!({ "server": "/server" })),
            ("/request", json!({ "base": bases })),
        ])
    };
    let several = json!(["{server}", "{base_url}"]);
    for (bases, allowed, host, expected) in [
        (several.clone(), true, "OTHER", Some(Cloud::Simacan)),
        (several.clone(), false, "OTHER", Some(HOST)),
        (several.clone(), true, "https://evil.example.com", Some(HOST)),
        (several, true, "ThisServer", Some(HOST)),
        (json!("{server}"), false, "OTHER", None),
    ] {
        let world = World::new();
        let other = world.sim.base_url(Cloud::Simacan);
        let host = if host == "OTHER" { other.as_str() } else { host };
        answer(&world, &json!({ "token": "t-1", "server": host }));
        let mut config = config(&world, &with_base(bases));
        if allowed {
            let origin = other.replace("/api/v1", "");
            config.set("allowed_origins", &origin).unwrap();
        }
        let client = config.client().unwrap();
        client.token().unwrap();
        let outcome = client.send(&get("devices"));
        match expected {
            Some(cloud) => {
                outcome.unwrap();
                let journal = world.sim.journal();
                let last = journal.last().unwrap();
                assert_eq!((last.cloud, last.path.ends_with("/devices")), (cloud, true), "{host}");
            }
            None => assert_eq!(outcome.unwrap_err().status(), Status::ForeignOrigin, "{host}"),
        }
    }
}

#[test]
fn a_tokens_end_may_be_a_moment() {
    let world = World::new();
    let end = world.sim.now() + 600;
    for written in [json!(end), json!(end * 1000), json!((end * 1000).to_string())] {
        let world = World::new();
        let mut profile = login(&[]);
        profile["token"]["lifetime"] = json!({ "expires_at": "/end", "seconds": 60 });
        answer(&world, &json!({ "token": "t-1", "end": written }));
        let client = config(&world, &profile).client().unwrap();
        client.token().unwrap();
        let lives = client.expires_in().unwrap().as_secs();
        assert!((590..=600).contains(&lives), "{written}: {lives}");
    }
}

#[test]
fn a_lifetime_may_be_what_was_asked_for() {
    let world = World::new();
    let mut profile = login(&[(
        "/logins/password/steps/0/json",
        json!({ "user": "{username}", "ttl": "{ttl}", "until": "{until}" }),
    )]);
    profile["options"] = json!({ "ttl": { "number": true, "default": "900" } });
    profile["values"] = json!({ "until": { "now": "ms", "plus": "{ttl}" } });
    profile["token"]["lifetime"] = json!({ "seconds": "{ttl}" });
    answer(&world, &json!({ "token": "t-1" }));
    let client = config(&world, &profile).client().unwrap();
    client.token().unwrap();
    assert_eq!(client.expires_in(), Some(Duration::from_secs(900)));
    let body: Value = serde_json::from_slice(&world.sent(HOST, "api")[0].body).unwrap();
    assert_eq!(body["ttl"], json!(900));
    assert!(body["until"].as_i64().unwrap() > 1_700_000_000_000, "a number: {body}");
}

#[test]
fn a_mistake_in_a_computed_value_is_told_with_its_place() {
    for (values, words) in [
        (json!({ "v": {} }), &["values.v", "one function"][..]),
        (json!({ "v": { "sha256": "x", "md5": "x" } }), &["values.v", "one function"]),
        (json!({ "v": { "sha265": "x" } }), &["values.v: unknown field `sha265`"]),
        (json!({ "v": { "sha256": "x", "key": "k" } }), &["values.v: key is not used"]),
        (json!({ "v": { "hmac_sha256": "x" } }), &["values.v: key is missing"]),
        (json!({ "v": { "now": "h" } }), &["values.v.now: must be s, ms"]),
        (json!({ "v": { "now": "%Y%y" } }), &["values.v.now"]),
        (json!({ "v": { "random": 3 } }), &["values.v", "4 to 64"]),
        (json!({ "v": { "sha256": "x", "as": "octal" } }), &["values.v.as: must be one of hex"]),
        (json!({ "v": { "jwt": {} } }), &["values.v: key is missing"]),
        (
            json!({ "v": { "jwt": {}, "key": "k", "alg": "none" } }),
            &["values.v.alg: must be one of"],
        ),
        (json!({ "v": { "sha256": "{nope}" } }), &["values.v", "{nope}"]),
        (json!({ "v": { "sha256": "{store_key}" } }), &["values.v", "store_key", "no cloud"]),
        (json!({ "host": "x" }), &["`host`", "another name"]),
    ] {
        let error = load(&login(&[("/values", values)]));
        for word in words {
            assert!(error.contains(word), "{word:?} is not in: {error}");
        }
    }
    let of_body = json!({ "v": { "sha256": "{body}" }, "w": "{v}" });
    let of_token = json!({ "v": "{access_token}" });
    for (values, at, template, words) in [
        (&of_body, "/logins/password/steps/0/json", json!("{w}"), "made of the request"),
        (&of_body, "/logins/password/steps/0/url", json!("{base_url}/{path}"), "{path}"),
        (&of_token, "/logins/password/steps/0/json", json!("{v}"), "made of a token"),
        (&of_body, "/base_url", json!("https://{v}"), "made of the request"),
    ] {
        let error = load(&login(&[("/values", values.clone()), (at, template)]));
        assert!(error.contains(words), "{words:?} is not in: {error}");
    }
    let mut timeless = computed();
    timeless["logins"]["key"].as_object_mut().unwrap().remove("lifetime");
    assert!(load(&timeless).contains("needs a lifetime"));
}

fn load(profile: &Value) -> String {
    let mut config = Config::new("custom").unwrap();
    config.set("profile", &profile.to_string()).unwrap_err().message().to_string()
}

#[test]
fn what_a_value_lacks_is_named() {
    let mut profile = login(&[
        ("/values", json!({ "a": "{b}/x", "b": { "sha256": "{scope}" } })),
        ("/logins/password/steps/0/headers", json!({ "X-A": "{a}" })),
    ]);
    profile["logins"]["password"]["uses"] = json!([]);
    let world = World::new();
    let error = config(&world, &profile).client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::MissingOption, "{error}");
    let words = "`{a}` needs a, which needs b, which needs scope, which has no value";
    assert!(error.message().contains(words), "{error}");
}

#[test]
fn values_that_name_each_other_in_a_circle_have_none() {
    let profile = login(&[
        ("/values", json!({ "a": ["{b}", "{c}"], "b": "{a}", "c": "fallback" })),
        ("/logins/password/steps/0/headers", json!({ "X-A": "{a}" })),
    ]);
    let world = World::new();
    answer(&world, &json!({ "token": "t-1" }));
    config(&world, &profile).client().unwrap().token().unwrap();
    assert_eq!(world.sent(HOST, "api")[0].header("x-a"), Some("fallback"));
}

#[test]
fn values_that_double_without_end_are_refused() {
    let mut values = json!({ "v0": "0123456789abcdef" });
    for n in 1..60 {
        values[format!("v{n}")] = json!(format!("{{v{0}}}{{v{0}}}", n - 1));
    }
    values["hashed"] = json!({ "sha256": "{v59}{v59}" });
    for name in ["v59", "hashed"] {
        let header = json!({ "X-A": format!("{{{name}}}") });
        let profile =
            login(&[("/values", values.clone()), ("/logins/password/steps/0/headers", header)]);
        let world = World::new();
        let error = config(&world, &profile).client().unwrap().token().unwrap_err();
        assert!(error.message().contains("more than a megabyte"), "{error}");
    }
}
