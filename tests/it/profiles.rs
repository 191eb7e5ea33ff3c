//! Profiles: what they can say, that each value is escaped for where it stands, and that a mistake
//! in one is told with its place.

use crate::common::{World, status};
use keyfob::{Config, Request, Status};
use keyfob_simulator::{Cloud, Fault};
use serde_json::{Value, json};

/// Any cloud's paths that are not its own are answered by injection, over the same TLS.
const HOST: Cloud = Cloud::Kontakt;

/// A profile with one login, to be changed at one place by each test.
fn plain() -> Value {
    json!({
        "keyfob_profile": 1,
        "name": "plain",
        "title": "A plain cloud",
        "base_url": "https://plain.example.com",
        "logins": {
            "password": {
                "needs": ["username", "password"],
                "steps": [{
                    "call": "login",
                    "method": "POST",
                    "url": "{base_url}/login",
                    "json": { "username": "{username}", "password": "{password}" },
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
        "present": { "X-Auth": "{access_token}" }
    })
}

/// The profile with the value at this place set.
fn with(pointer: &str, value: Value) -> Value {
    let mut profile = plain();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = profile.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
        parent => parent[last] = value,
    }
    profile
}

/// Where the one step of the login stands.
fn step(field: &str, value: Value) -> Value {
    with(&format!("/logins/password/steps/0/{field}"), value)
}

fn load(profile: &Value) -> keyfob::Result<()> {
    Config::new("custom").unwrap().set("profile", &profile.to_string())
}

fn config(world: &World, profile: &Value) -> Config {
    let mut config = Config::new("custom").unwrap();
    config.set("profile", &profile.to_string()).unwrap();
    config.set("base_url", &world.sim.base_url(HOST)).unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set("username", "u").unwrap();
    config.set("password", "p").unwrap();
    config.set_clock(world.clock.clone());
    config
}

fn token_answer(world: &World, body: &Value) {
    world.answers(HOST, "api", Fault::answer(200, &[], body.to_string()));
}

#[test]
fn the_plain_profile_works() {
    let world = World::new();
    token_answer(&world, &json!({ "token": "t", "refresh": "r" }));
    let client = config(&world, &plain()).client().unwrap();
    assert_eq!(client.token().unwrap().expose(), "t");
    assert_eq!(client.with_header_lines(str::to_string).unwrap(), "X-Auth: t");
    assert_eq!(client.expires_in(), None, "no lifetime: until it is refused");
    client.renew().unwrap();
    let paths: Vec<_> = world.sent(HOST, "api").into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["/login", "/refresh"]);
}

#[test]
fn attempts_of_a_step_are_in_place_of_retries() {
    // A POST is sent again where the cloud has not carried it out, a GET after any fault.
    for (method, status, sent) in [("POST", 429, 3), ("POST", 503, 1), ("GET", 503, 3)] {
        for (attempts, retries, sent) in [(Some(3), "0", sent), (Some(1), "5", 1), (None, "0", 1)] {
            let world = World::new();
            let mut profile = plain();
            let step = &mut profile["logins"]["password"]["steps"][0];
            step["method"] = method.into();
            step["attempts"] = attempts.into();
            if attempts.is_none() {
                step.as_object_mut().unwrap().remove("attempts");
            }
            if method == "GET" {
                step.as_object_mut().unwrap().remove("json");
            }
            world.answers(HOST, "api", Fault::answer(status, &[], String::new()));
            let mut config = config(&world, &profile);
            config.set("retries", retries).unwrap();
            config.client().unwrap().token().unwrap_err();
            assert_eq!(world.sent(HOST, "api").len(), sent, "{method} {status} {attempts:?}");
        }
    }
}

#[test]
fn a_mistake_in_a_profile_is_told_with_its_place() {
    for (profile, words) in [
        (with("/keyfob_profile", json!(3)), &["keyfob_profile", "3", "reads 1 and 2"][..]),
        (with("/titel", json!("x")), &["unknown field `titel`, expected one of `keyfob_profile`"]),
        (with("/token/acess_token", json!("/t")), &["token: unknown field `acess_token`"]),
        (step("uri", json!("x")), &["logins.password.steps[0]: unknown field `uri`"]),
        (step("rejected", json!([{ "stat": 1 }])), &["steps[0].rejected[0]: unknown field `stat`"]),
        (with("/logins/password/needs", json!([])), &["logins.password.needs"]),
        (with("/logins/password/needs", json!(["user"])), &["logins.password", "`user`"]),
        (with("/logins/password/uses", json!(["user"])), &["logins.password", "`user`"]),
        (with("/logins/password/when", json!({ "no": "x" })), &["logins.password", "`no`"]),
        (with("/logins/password/steps", json!([])), &["logins.password", "steps"]),
        (with("/logins/password/token", json!("{password}")), &["logins.password", "either"]),
        (step("url", json!("{bas_url}/x")), &["logins.password.steps[0].url", "{bas_url}"]),
        (step("url", json!([])), &["logins.password.steps[0].url"]),
        (step("url", json!("{base_url")), &["logins.password.steps[0].url", "unmatched brace"]),
        (step("url", json!("{base url}/x")), &["{base url}", "not a name"]),
        (step("query", json!({ "a": "{b}" })), &["logins.password.steps[0].query.a", "{b}"]),
        (step("headers", json!({ "A": "{b}" })), &["logins.password.steps[0].headers.A", "{b}"]),
        (step("headers", json!({ "A B": "x" })), &["logins.password.steps[0].headers", "`A B`"]),
        (
            step("headers", json!({ "content-length": "7" })),
            &["steps[0].headers", "content-length"],
        ),
        (with("/present", json!({ "Host": "{access_token}" })), &["present", "Host"]),
        (
            with("/request", json!({ "headers": { "Transfer-Encoding": "chunked" } })),
            &["request.headers", "Transfer-Encoding"],
        ),
        (step("headers", json!({ "Proxy-Authorization": "x" })), &["Proxy-Authorization"]),
        (step("method", json!("CONNECT")), &["steps[0].method", "CONNECT"]),
        (step("headers", json!({ "A": "{store_key}" })), &["headers.A", "store_key", "no cloud"]),
        (step("json", json!({ "a": ["{proxy?}"] })), &["steps[0].json", "{proxy}", "no cloud"]),
        (
            with("/maps", json!({ "m": { "of": "store_key", "to": {} } })),
            &["maps.m.of", "no cloud"],
        ),
        (step("headers", json!({ "A": "x\ny" })), &["logins.password.steps[0].headers.A"]),
        (step("json", json!({ "a": ["{b}"] })), &["logins.password.steps[0].json", "{b}"]),
        (step("json", json!("{refresh_token2}")), &["logins.password.steps[0].json"]),
        (step("form", json!({ "a": "b" })), &["logins.password.steps[0]", "form", "json"]),
        (step("basic_auth", json!(["{x}", "y"])), &["logins.password.steps[0].basic_auth", "{x}"]),
        (step("expect", json!({ "/a": "{b}" })), &["logins.password.steps[0].expect", "{b}"]),
        (step("expect", json!({ "ok": true })), &["logins.password.steps[0].expect", "`ok`"]),
        (step("method", json!("GE T")), &["logins.password.steps[0].method", "GE T"]),
        (step("when", json!({ "no": "x" })), &["logins.password.steps[0].when", "`no`"]),
        (step("save", json!({ "a": "b" })), &["steps[0].save.a: `b`", "JSON pointer"]),
        (step("attempts", json!(-1)), &["steps[0].attempts: must be a number"]),
        (step("attempts", json!(0)), &["steps[0].attempts: must be a number from 1 to 10"]),
        (step("attempts", json!(11)), &["steps[0].attempts"]),
        (step("attempts", json!(1_000_000)), &["steps[0].attempts: must be a number from 1 to 10"]),
        (step("hint", json!(["x"])), &["steps[0].hint: must be a text"]),
        (
            step("rejected", json!([{ "status": 503 }])),
            &["logins.password.steps[0].rejected", "503"],
        ),
        (step("rejected", json!([{ "status": [401, 429] }])), &["steps[0].rejected", "429"]),
        (step("rejected", json!([{ "status": 200 }])), &["steps[0].rejected", "200"]),
        (
            step("rejected", json!([{ "status": 200, "code": false }])),
            &["steps[0].rejected", "200"],
        ),
        (step("rejected", json!([{ "status": 401, "code": true }])), &["rejected[0].code"]),
        (
            step("rejected", json!([{ "status": 401, "where": { "a": 1 } }])),
            &["steps[0].rejected", "where", "`a`"],
        ),
        (
            with("/request", json!({ "refused": [{ "status": [401, 200] }] })),
            &["request.refused: 200", "where"],
        ),
        (with("/request", json!({ "next": {} })), &["request.next", "url"]),
        (with("/request", json!({ "next": [{ "query": "page" }] })), &["request.next", "items"]),
        (with("/errors", json!({ "code": "header:X Y" })), &["errors.code: `header:X Y`"]),
        (
            with("/token/access_token", json!("token")),
            &["token.access_token: `token`", "JSON pointer"],
        ),
        (with("/token/access_token", json!("/to~ken")), &["`/to~ken`", "JSON pointer"]),
        (with("/token/refresh_token", json!("$.refresh")), &["`$.refresh`", "JSON pointer"]),
        (with("/token/lifetime", json!({ "seconds": 0 })), &["token.lifetime.seconds"]),
        (with("/token", json!({})), &["token.access_token", "logins.password"]),
        (with("/present", json!({})), &["present", "logins.password"]),
        (with("/present", json!({ "X": "{token}" })), &["present.X", "{token}"]),
        (with("/present", json!({ "X:": "{access_token}" })), &["present", "`X:`"]),
        (with("/present", json!({ "X": "é{access_token}" })), &["present.X"]),
        (with("/request", json!({ "base": "{nope}" })), &["request.base", "{nope}"]),
        (
            with("/request", json!({ "headers": { "A": "{nope}" } })),
            &["request.headers.A", "{nope}"],
        ),
        (with("/request", json!({ "headers": { "A": "{access_token}" } })), &["request.headers.A"]),
        (with("/base_url", json!("https://{nope}.example.com")), &["base_url", "{nope}"]),
        (with("/values", json!({ "v": ["{nope}"] })), &["values.v", "{nope}"]),
        (with("/maps", json!({ "m": { "of": "nope", "to": {} } })), &["maps.m.of", "`nope`"]),
        (
            with("/maps", json!({ "m": { "of": "site", "default": "x", "to": { "y": "z" } } })),
            &["maps.m.default"],
        ),
        (with("/discovery", json!({ "when": "nope", "steps": [] })), &["discovery.when", "`nope`"]),
        (with("/refresh/needs", json!(["nope"])), &["refresh.needs", "`nope`"]),
        (with("/refresh/steps", json!([])), &["refresh", "steps"]),
        (with("/origins", json!(["a.example", "b"])), &["origins[0]", "a.example"]),
        (with("/origins", json!(["https://*.com"])), &["https://*.com"]),
        (json!([]), &["profile: must be an object"]),
        (json!({}), &["missing field `keyfob_profile`"]),
    ] {
        let error = load(&profile).expect_err(words[0]);
        assert_eq!(error.status(), Status::InvalidProfile, "{error}");
        for word in words {
            assert!(error.message().contains(word), "{word:?} is not in: {error}");
        }
        assert!(!error.message().contains('\n'), "one line");
    }
    for (text, word) in [
        ("", "line 1"),
        ("{", "line 1"),
        ("{\n\"keyfob_profile\": 1,\n\"name\" \"x\"}", "line 3"),
        (r#"{"keyfob_profile": 1, "keyfob_profile": 1}"#, "`keyfob_profile` stands twice"),
        (
            r#"{"keyfob_profile":1,"name":"n","title":"","logins":{"a":{"needs":["username"]},"a":{"needs":["username"]}}}"#,
            "logins: `a` stands twice",
        ),
    ] {
        let error = Config::new("custom").unwrap().set("profile", text);
        let error = error.expect_err(text);
        assert!(error.message().contains(word), "{text}: {error}");
    }
}

#[test]
fn a_profile_decides_nothing_that_is_the_users_to_decide() {
    for (option, default) in [
        ("allow_http", "true"),
        ("ca_file", "/tmp/ca.pem"),
        ("client_key_file", "/etc/shadow"),
        ("proxy", "http://evil.example:1"),
        ("user_agent", "x"),
        ("allowed_origins", "https://evil.example"),
        ("max_token_bytes", "1024"),
        ("retries", "1"),
        ("connect_timeout_ms", "1"),
        ("renew_before_s", "1"),
        ("store", "file:/etc"),
        ("store_key", "00"),
        ("profile", "{}"),
        ("profile_file", "/etc/passwd"),
    ] {
        for own in [json!({ "default": default }), json!({ "choices": [default] })] {
            let error = load(&with("/options", json!({ option: own }))).unwrap_err();
            let place = format!("options.{option}: is the user's to set");
            assert!(error.message().contains(&place), "{error}");
        }
    }
}

#[test]
fn what_a_profile_says_of_an_option_is_held_to_the_option() {
    for (option, own, word) in [
        ("base_url", json!({ "default": "ftp://x" }), "default: base_url: ftp://x"),
        ("issuer", json!({ "default": "https://h/?q" }), "cannot have a query"),
        ("client_auth", json!({ "default": "other" }), "must be one of"),
        ("client_auth", json!({ "choices": ["other"] }), "choices: client_auth"),
        ("expires_at_ms", json!({ "default": "abc" }), "must be a whole number"),
        ("username", json!({ "secret": true }), "is built in"),
        ("username", json!({ "number": true }), "is built in"),
        ("ttl", json!({ "number": true, "default": "-1" }), "must be a whole number"),
        ("tier", json!({ "choices": ["a"], "default": "b" }), "must be one of a"),
        ("tier", json!({ "default": "a\nb" }), "control character"),
        ("access_token", json!({}), "a name that is taken"),
        ("a b", json!({}), "1 to 40 of a-z"),
        ("password_file", json!({}), "file of a secret option"),
    ] {
        let error = load(&with("/options", json!({ option: own }))).unwrap_err();
        assert!(error.message().contains(&format!("options.{option}: ")), "{error}");
        assert!(error.message().contains(word), "{word} is not in: {error}");
    }
}

#[test]
fn a_long_profile_is_refused_without_a_long_wait() {
    // Compared pair by pair, it took seconds; with all members sorted, no time at all.
    let members: Vec<String> = (0..40_000).map(|n| format!("\"m{n}\":1")).collect();
    let text = format!("{{{}}}", members.join(","));
    let mut config = Config::new("custom").unwrap();
    let error = config.set("profile", &text).unwrap_err();
    assert!(error.message().contains("unknown field `m0`"), "{error}");
    let steps = step("form", serde_json::from_str(&text).unwrap());
    let error = load(&steps).unwrap_err();
    assert!(error.message().contains("form: has more than 500 members"), "{error}");
}

#[test]
fn a_profile_that_fails_to_load_leaves_the_config_as_it_was() {
    let mut config = Config::new("custom").unwrap();
    config.set("profile", &plain().to_string()).unwrap();
    config.set("profile", "{}").unwrap_err();
    config.set("profile_file", "/nonexistent/profile.json").unwrap_err();
    config.set("username", "u").unwrap();
    config.set("password", "p").unwrap();
    assert_eq!(status(&config.client().unwrap())["provider"], "plain");
}

#[test]
fn a_profile_that_cannot_be_read_is_named() {
    let mut config = Config::new("custom").unwrap();
    let error = config.set("profile_file", "/nonexistent/profile.json").unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption);
    assert!(error.message().contains("profile_file: /nonexistent/profile.json"), "{error}");
}

/// What a login of this profile puts on the wire for a nasty value.
fn sent(profile: &Value, nasty: &str) -> keyfob_simulator::Entry {
    let world = World::new();
    token_answer(&world, &json!({ "token": "t" }));
    let mut config = config(&world, profile);
    config.set("username", nasty).unwrap();
    config.client().unwrap().token().unwrap();
    world.sent(HOST, "api").remove(0)
}

const NASTY: &str = "a b+c&d=e/f?g#h%i\"j\\k{l}é*~";

#[test]
fn a_value_is_escaped_for_the_place_it_stands_in() {
    let path = sent(&step("url", json!("{base_url}/u/{username}/login")), NASTY);
    let in_path = "a%20b%2Bc%26d%3De%2Ff%3Fg%23h%25i%22j%5Ck%7Bl%7D%C3%A9%2A~";
    assert_eq!(path.path, format!("/u/{in_path}/login"));

    let query = sent(&step("query", json!({ "user name": "x y&{username}" })), NASTY);
    assert_eq!(query.query, format!("user%20name=x%20y%26{in_path}"), "encoded once");

    let mut form =
        step("form", json!({ "a b": "{username}", "n": "x-{username}", "scope": "a b&c" }));
    form["logins"]["password"]["steps"][0].as_object_mut().unwrap().remove("json");
    let in_form = "a+b%2Bc%26d%3De%2Ff%3Fg%23h%25i%22j%5Ck%7Bl%7D%C3%A9*%7E";
    let body = sent(&form, NASTY).text();
    assert_eq!(body, format!("a+b={in_form}&n=x-{in_form}&scope=a+b%26c"));

    let json = sent(&plain(), NASTY);
    let body: Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(body["username"], NASTY);

    let basic = sent(&step("basic_auth", json!(["{username}", "p:w"])), "a:b c");
    assert_eq!(basic.header("authorization"), Some("Basic YSUzQWIrYzpwJTNBdw=="), "RFC 6749 2.3.1");

    let header = sent(&step("headers", json!({ "X-User": "<{username}>" })), "a b\"c%");
    assert_eq!(header.header("x-user"), Some("<a b\"c%>"));
}

#[test]
fn a_value_that_would_break_out_of_its_place_is_refused() {
    let world = World::new();
    let header = step("headers", json!({ "X-User": "{username}" }));
    let mut config = config(&world, &header);
    for control in ["a\r\nX: y", "a\nb", "a\0", "\u{7f}"] {
        assert_eq!(config.set("username", control).unwrap_err().status(), Status::InvalidOption);
    }
    config.set("username", "gâteau").unwrap();
    let error = config.client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption);
    assert!(error.message().contains("username"), "{error}");
    let path = step("url", json!("{base_url}/u/{username}/login"));
    config.set("profile", &path.to_string()).unwrap();
    for dots in [".", ".."] {
        config.set("username", dots).unwrap();
        let error = config.client().unwrap().token().unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption, "{dots}");
    }
    assert_eq!(world.sim.journal().len(), 0);
}

#[test]
fn what_a_cloud_hands_over_cannot_break_out_either() {
    let mut profile = plain();
    let steps = profile["logins"]["password"]["steps"].as_array_mut().unwrap();
    steps.insert(
        0,
        json!({ "call": "first", "method": "GET", "url": "{base_url}/first", "save": { "nonce": "/nonce" } }),
    );
    steps[1]["headers"] = json!({ "X-Nonce": "{nonce}" });
    for bad in ["a\r\nX: y", "a\u{0}b", "é"] {
        let world = World::new();
        token_answer(&world, &json!({ "nonce": bad, "token": "t" }));
        let error = config(&world, &profile).client().unwrap().token().unwrap_err();
        assert_eq!(error.status(), Status::MalformedAnswer, "{error}");
        assert!(error.message().contains("/nonce"), "it says what: {error}");
        assert_eq!(world.sim.count(HOST, "api"), 1);
    }
    let world = World::new();
    token_answer(&world, &json!({ "nonce": "n-1", "token": "t" }));
    config(&world, &profile).client().unwrap().token().unwrap();
    assert_eq!(world.sent(HOST, "api")[1].header("x-nonce"), Some("n-1"));
}

#[test]
fn the_fields_of_a_form_go_out_in_the_order_they_are_written() {
    let mut profile = plain();
    let step = &mut profile["logins"]["password"]["steps"][0];
    step.as_object_mut().unwrap().remove("json");
    // By hand: a JSON library would sort them.
    step["form"] = json!("FORM");
    let text = profile.to_string().replace("\"FORM\"", r#"{"z": "1", "a": "2", "m": "3"}"#);
    let world = World::new();
    token_answer(&world, &json!({ "token": "t" }));
    let mut config = config(&world, &plain());
    config.set("profile", &text).unwrap();
    config.client().unwrap().token().unwrap();
    assert_eq!(world.sent(HOST, "api")[0].text(), "z=1&a=2&m=3");
}

#[test]
fn a_field_whose_optional_name_has_no_value_is_left_out() {
    let body = json!({ "u": "{username}", "s": "{scope?}", "n": { "t": "{audience?}" }, "f": 7 });
    let mut profile = step("json", body);
    profile["logins"]["password"]["steps"][0]["query"] = json!({ "s": "{scope?}", "k": "v" });
    profile["logins"]["password"]["steps"][0]["headers"] = json!({ "X-S": "{scope?}" });
    let sent = sent(&profile, "u");
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body, json!({ "u": "u", "n": {}, "f": 7 }));
    assert_eq!(sent.query, "k=v");
    assert_eq!(sent.header("x-s"), None);
}

#[test]
fn a_number_option_is_a_json_number_where_it_stands_alone() {
    let mut profile = step("json", json!({ "ttl": "{ttl}", "text": "in {ttl} s" }));
    profile["options"] = json!({ "ttl": { "number": true, "default": "3600" } });
    let body: Value = serde_json::from_slice(&sent(&profile, "u").body).unwrap();
    assert_eq!(body, json!({ "ttl": 3600, "text": "in 3600 s" }));
}

#[test]
fn words_stand_for_words_and_values_for_longer_templates() {
    let mut profile = step("url", json!("{auth}/login/{plan}"));
    profile["options"] = json!({ "tier": { "default": "free", "choices": ["free", "paid"] } });
    profile["maps"] = json!({ "plan": { "of": "tier", "to": { "free": "f0", "paid": "p9" } } });
    profile["values"] = json!({ "auth": ["{token_url}", "{base_url}/v3"] });
    let world = World::new();
    token_answer(&world, &json!({ "token": "t" }));
    let mut config = config(&world, &profile);
    config.client().unwrap().token().unwrap();
    config.set("tier", "paid").unwrap();
    config.set("token_url", &format!("{}/elsewhere", world.sim.base_url(HOST))).unwrap();
    config.client().unwrap().token().unwrap();
    let paths: Vec<_> = world.sent(HOST, "api").into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["/v3/login/f0", "/elsewhere/login/p9"]);
    assert!(config.set("tier", "other").is_err());
}

#[test]
fn a_body_may_be_the_token_and_the_token_may_say_its_lifetime() {
    let world = World::new();
    let mut profile = with("/token", json!({ "access_token": "", "lifetime": { "jwt": true } }));
    let far = world.sim.now() + 500;
    let claims = json!({ "exp": far });
    let encoded = encode(&claims.to_string());
    let jwt = format!("e30.{encoded}.c2ln");
    world.answers(
        HOST,
        "api",
        Fault::answer(200, &[("Content-Type", "text/plain")], format!("{jwt}\n")),
    );
    let client = config(&world, &profile).client().unwrap();
    assert_eq!(client.token().unwrap().expose(), jwt);
    let lives = client.expires_in().unwrap().as_secs();
    assert!((498..=500).contains(&lives), "{lives}");
    profile["token"]["lifetime"] = json!({ "jwt": true, "seconds": 60 });
    world.sim.clear_injections();
    world.answers(HOST, "api", Fault::answer(200, &[], "opaque"));
    let client = config(&world, &profile).client().unwrap();
    client.token().unwrap();
    assert_eq!(client.expires_in().unwrap().as_secs(), 60, "no JWT: the next rule");
}

/// base64url without padding.
fn encode(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            out.push(LETTERS[(bits >> (18 - 6 * at)) as usize & 63] as char);
        }
    }
    out
}

#[test]
fn an_answer_that_is_not_what_a_step_expects_is_no_success() {
    let mut profile = step("expect", json!({ "/ok": true, "/for": "{username}" }));
    profile["logins"]["password"]["steps"][0]["hint"] = json!("check everything");
    for (body, good) in [
        (json!({ "token": "t", "ok": true, "for": "u" }), true),
        (json!({ "token": "t", "ok": false, "for": "u" }), false),
        (json!({ "token": "t", "ok": true, "for": "v" }), false),
        (json!({ "token": "t" }), false),
    ] {
        let world = World::new();
        token_answer(&world, &body);
        let outcome = config(&world, &profile).client().unwrap().token();
        assert_eq!(outcome.is_ok(), good, "{body}");
        if let Err(error) = outcome {
            assert_eq!(error.status(), Status::UnexpectedAnswer, "{error}");
            assert!(error.message().ends_with("check everything"), "{error}");
        }
    }
}

#[test]
fn a_rejection_is_known_by_status_code_and_body() {
    let mut profile = step(
        "rejected",
        json!([
            { "status": 400, "code": [10, "BAD"] },
            { "status": 403, "code": false },
            { "status": 200, "code": 1010 },
            { "status": 200, "where": { "/success": false, "/why": ["p", "q"] } }
        ]),
    );
    profile["errors"] = json!({ "code": ["/code", "header:X-Error-Type"] });
    for (status, header, body, rejected) in [
        (400, "", json!({ "code": 10 }), true),
        (400, "", json!({ "code": "10" }), true),
        (400, "", json!({ "code": 11 }), false),
        (400, "BAD", json!({}), true),
        (400, "GOOD", json!({}), false),
        (403, "", json!({}), true),
        (403, "", json!({ "code": 1 }), false),
        (200, "", json!({ "code": 1010 }), true),
        (200, "", json!({ "success": false, "why": "q", "token": "t" }), true),
        (200, "", json!({ "success": false, "why": "r" }), false),
    ] {
        let world = World::new();
        let headers: &[(&str, &str)] = &[("X-Error-Type", header)];
        let answer = Fault::answer(status, headers, body.to_string());
        world.answers(HOST, "api", answer);
        let error = config(&world, &profile).client().unwrap().token().unwrap_err();
        let told = error.status() == Status::CredentialsRejected;
        assert_eq!(told, rejected, "{status} {header} {body}: {error}");
    }
}

#[test]
fn a_refused_token_is_known_under_a_success() {
    let mut profile = plain();
    profile["request"] =
        json!({ "refused": [{ "status": 200, "where": { "/success": false, "/code": 1010 } }] });
    let world = World::new();
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"token":"one"}"#));
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"success":false,"code":1010}"#));
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"token":"two"}"#));
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"success":false,"code":1004}"#));
    let client = config(&world, &profile).client().unwrap();
    let request = Request::new("GET", "devices").unwrap();
    let answer = client.send(&request).unwrap();
    assert_eq!(answer.body(), br#"{"success":false,"code":1004}"#);
    assert_eq!(world.sent(HOST, "api").last().unwrap().header("x-auth"), Some("two"));
}

#[test]
fn the_next_page_is_found_where_no_link_says_so() {
    let mut profile = plain();
    profile["present"] = json!({ "query": { "key": "{access_token}" } });
    profile["request"] = json!({ "next": [
        { "cursor": "/next", "query": "cursor" },
        { "query": "page", "pages": "/pages" }
    ] });
    let world = World::new();
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"token":"t"}"#));
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"pages":2}"#));
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"pages":2}"#));
    let client = config(&world, &profile).client().unwrap();
    let first = client.send(&Request::new("GET", "devices?size=5").unwrap()).unwrap();
    let next = first.link("next").unwrap().unwrap();
    assert!(next.ends_with("/devices?size=5&page=1"), "without the token: {next}");
    let second = client.send(&Request::new("GET", &next).unwrap()).unwrap();
    assert_eq!(second.link("next").unwrap(), None);
    assert_eq!(second.link("last").unwrap(), None);
    assert_eq!(world.sent(HOST, "api")[2].query, "size=5&page=1&key=t");
}

#[test]
fn a_token_may_stand_in_a_header_or_a_cookie() {
    for (place, header, value) in [
        ("header:X-Subject-Token", "X-Subject-Token", "t-1"),
        ("cookie:authorization", "Set-Cookie", "authorization=t-1; Path=/; Secure; HttpOnly"),
    ] {
        let world = World::new();
        let answer = Fault::answer(201, &[(header, value)], r#"{"refresh":"r"}"#);
        world.answers(HOST, "api", answer);
        let client = config(&world, &with("/token/access_token", json!(place))).client().unwrap();
        assert_eq!(client.token().unwrap().expose(), "t-1", "{place}");
        let profile = with("/token/access_token", json!(format!("{place}2")));
        let error = config(&world, &profile).client().unwrap().token().unwrap_err();
        assert_eq!(error.status(), Status::MalformedAnswer, "{error}");
    }
}

#[test]
fn a_profile_may_have_no_login_but_a_refresh() {
    let mut profile = with("/keyfob_profile", json!(2));
    profile["logins"] = json!({});
    profile["refresh"]["steps"][0]["json"] = json!({ "r": "{refresh_token}", "c": "{client_id?}" });
    profile["refresh"]["steps"][0].as_object_mut().unwrap().remove("form");
    let world = World::new();
    token_answer(&world, &json!({ "token": "t", "refresh": "r2" }));
    let mut config = Config::new("custom").unwrap();
    config.set("profile", &profile.to_string()).unwrap();
    config.set("base_url", &world.sim.base_url(HOST)).unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    let error = config.client().unwrap_err();
    assert_eq!(error.status(), Status::MissingOption);
    assert!(error.message().contains("a refresh token (refresh_token)"), "{error}");
    config.set("refresh_token", "r1").unwrap();
    config.set("client_id", "c").unwrap();
    assert_eq!(config.client().unwrap().token().unwrap().expose(), "t");
    assert_eq!(world.sent(HOST, "api")[0].text(), r#"{"c":"c","r":"r1"}"#);
    profile.as_object_mut().unwrap().remove("refresh");
    assert!(load(&profile).unwrap_err().message().contains("logins: there is none"));
}

#[test]
fn a_list_of_urls_is_tried_in_order_while_the_answer_is_404() {
    let profile = step("url", json!(["{base_url}/new", "{base_url}/old", "{base_url}/never"]));
    let world = World::new();
    world.answers_once(HOST, "api", Fault::status(404));
    token_answer(&world, &json!({ "token": "t" }));
    config(&world, &profile).client().unwrap().token().unwrap();
    let paths: Vec<_> = world.sent(HOST, "api").into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["/new", "/old"]);
}

#[test]
fn what_a_profile_presents_is_on_every_request() {
    let mut profile = plain();
    profile["present"] = json!({ "X-Auth": "Token {access_token}", "X-User": "{username}" });
    profile["request"] = json!({
        "base": "{base_url}/api/v9",
        "headers": { "Accept-Version": "^1" },
        "refused": [{ "status": 418, "code": "stale" }]
    });
    profile["errors"] = json!({ "code": "/why" });
    let world = World::new();
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"token":"one"}"#));
    world.answers_once(HOST, "api", Fault::answer(418, &[], r#"{"why":"teapot"}"#));
    world.answers_once(HOST, "api", Fault::answer(418, &[], r#"{"why":"stale"}"#));
    world.answers_once(HOST, "api", Fault::answer(200, &[], r#"{"token":"two"}"#));
    world.answers_once(HOST, "api", Fault::answer(200, &[], "done"));
    let client = config(&world, &profile).client().unwrap();
    let request = Request::new("GET", "devices").unwrap();
    assert_eq!(client.send(&request).unwrap().status(), 418, "another code is the caller's");
    assert_eq!(client.send(&request).unwrap().body(), b"done");
    let sent = world.sent(HOST, "api");
    let lines: Vec<String> = sent
        .iter()
        .map(|entry| format!("{} {}", entry.path, entry.header("x-auth").unwrap_or("-")))
        .collect();
    assert_eq!(
        lines,
        [
            "/login -",
            "/api/v9/devices Token one",
            "/api/v9/devices Token one",
            "/login -",
            "/api/v9/devices Token two"
        ]
    );
    assert_eq!(sent[1].header("x-user"), Some("u"));
    assert_eq!(sent[1].header("accept-version"), Some("^1"));
}

#[test]
fn what_a_step_saves_may_be_a_number() {
    let world = World::new();
    let mut profile = plain();
    let steps = profile["logins"]["password"]["steps"].as_array_mut().unwrap();
    let mut first = steps[0].clone();
    first["save"] = json!({ "session": "/session" });
    steps.insert(0, first);
    steps[1]["headers"] = json!({ "X-Session": "{session}" });
    token_answer(&world, &json!({ "session": 17, "token": "t" }));
    config(&world, &profile).client().unwrap().token().unwrap();
    assert_eq!(world.sent(HOST, "api")[1].header("x-session"), Some("17"));
}

#[test]
fn every_built_in_profile_loads_and_names_known_options() {
    let all: Value = serde_json::from_str(&keyfob::providers_json().unwrap()).unwrap();
    let known: Vec<&str> =
        all["options"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
    for provider in all["providers"].as_array().unwrap() {
        Config::new(provider["name"].as_str().unwrap()).unwrap();
        let own: Vec<&str> = provider["own_options"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| o["name"].as_str().unwrap())
            .collect();
        for option in provider["options"].as_array().unwrap() {
            let option = option.as_str().unwrap();
            assert!(known.contains(&option) || own.contains(&option), "{option}");
        }
        for login in provider["logins"].as_array().unwrap() {
            assert!(!login["title"].as_str().unwrap().is_empty());
        }
    }
}
