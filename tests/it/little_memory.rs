//! A process that may have little memory more: no answer, of whatever size and shape, ends it.
//!
//! The clouds are those of the parent. What an allocator cannot give ends a Rust program, so a child
//! that is still there has asked for no more than it may have.

use crate::common::World;
use crate::common::alone::{alone, passed};
use keyfob::{Client, Clock, Config, Request, Status};
use keyfob_simulator::{Cloud, Fault, credentials};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;

const CLOUD: Cloud = Cloud::Kontakt;
/// What the child may have besides what it has when a test begins.
const MORE: u64 = 24 << 20;
/// Variables of the child.
const CASE: &str = "KEYFOB_TEST_CASE";
const URL: &str = "KEYFOB_TEST_URL";
const CA_FILE: &str = "KEYFOB_TEST_CA_FILE";

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// An object with this many bytes of `filling` in one member.
fn filled(member: &str, open: &str, filling: &str, close: &str, bytes: usize) -> Fault {
    let filling = filling.repeat(bytes / filling.len());
    Fault::answer(200, &[JSON], format!(r#"{{"{member}": {open}{filling}0{close}, "n": 1}}"#))
}

/// What the cloud answers, by the call that it answers so.
fn cases() -> Vec<(&'static str, &'static str, Fault)> {
    let named = |name: &str| Fault::from_name(name).unwrap();
    const MIB: usize = 1 << 20;
    vec![
        ("login: announced", "login", named("huge-body:60000000:content-length")),
        ("login: in chunks", "login", named("huge-body:60000000:chunked")),
        ("login: a tree", "login", filled("accessToken", "[", "1,", "]", MIB)),
        ("login: a tree of objects", "login", filled("x", "[", "{\"a\":[]},", "]", MIB)),
        ("login: a long token", "login", filled("accessToken", "\"", "x", "\"", 5 * MIB)),
        ("login: a long name", "login", filled("\\u0061ccess", "\"", "\\u0041", "\"", 5 * MIB)),
        (
            "login: a text alone",
            "login",
            Fault::answer(200, &[JSON], format!("\"{}\"", "\\n".repeat(2 * MIB))),
        ),
        ("api: announced", "api", named("huge-body:900000000:content-length")),
        ("api: in chunks", "api", named("huge-body:60000000:chunked")),
        ("api: a tree of links", "api", filled("links", "[", "[[[]]],", "]", 4 * MIB)),
        ("api: a long link", "api", filled("links", "{\"next\": \"", "x", "\"}", 4 * MIB)),
    ]
}

#[test]
fn no_answer_ends_a_process_that_has_little_memory() {
    std::thread::scope(|scope| {
        for (name, call, fault) in cases() {
            scope.spawn(move || {
                let world = World::new();
                world.answers_once(CLOUD, call, fault);
                let mut child = alone(in_a_process_with_little_memory);
                child.env(CASE, name).env(URL, world.sim.base_url(CLOUD));
                child.env(CA_FILE, world.sim.ca_file());
                let said = passed(child.output().unwrap());
                assert!(said.contains("survived"), "{name}: {said}");
            });
        }
    });
}

#[test]
#[ignore = "is run by the test above, in a process of its own"]
fn in_a_process_with_little_memory() {
    let name = std::env::var(CASE).unwrap();
    let clock = Clock::manual();
    let mut config = Config::new(CLOUD.name()).unwrap();
    config.set("base_url", &std::env::var(URL).unwrap()).unwrap();
    config.set("ca_file", &std::env::var(CA_FILE).unwrap()).unwrap();
    config.set("max_token_bytes", "67108864").unwrap();
    config.set("max_body_bytes", "4294967296").unwrap();
    for (option, value) in &credentials::logins(CLOUD)[0].1 {
        config.set(option, value).unwrap();
    }
    config.set_clock(clock.clone());
    let client = config.client().unwrap();
    if name.starts_with("api") {
        client.token().unwrap();
    }
    leave_little_memory();
    let expected = match name.as_str() {
        "login: announced" | "login: in chunks" => Status::AnswerTooLarge,
        "api: announced" | "api: in chunks" => Status::AnswerTooLarge,
        name if name.starts_with("login") => Status::MalformedAnswer,
        _ => Status::Ok,
    };
    match get(&client) {
        Ok(response) => {
            assert_eq!(expected, Status::Ok);
            assert_eq!(response.link("next").unwrap(), None);
        }
        Err(error) => {
            assert_eq!(error.status(), expected, "{error}");
            assert_eq!(error.http_status(), Some(200), "{error}");
        }
    }
    // The handle is as good as before.
    clock.wind(Duration::from_secs(4000));
    assert_eq!(get(&client).unwrap().status(), 200);
    println!("survived");
}

fn get(client: &Client) -> keyfob::Result<keyfob::Response> {
    client.send(&Request::new("GET", "/echo")?)
}

fn leave_little_memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let kib: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
    let before = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some((kib << 10) + MORE), ..before }).unwrap();
}
