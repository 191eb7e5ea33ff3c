//! What the system does not give: memory, random numbers, threads. No answer, of whatever size and
//! shape, ends a process that may have little memory more; what else is missing is called by its name.
//!
//! The children have the clouds of their parent. What an allocator cannot give ends a Rust program, so
//! a child that is still there has asked for no more than it may have.

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

/// From now on the kernel fails these system calls of this thread, and of those that it makes.
#[cfg(target_os = "linux")]
fn forbid(calls: &[libc::c_long], errno: libc::c_int) {
    let filter = |code, jt, k| libc::sock_filter { code, jt, jf: 0, k };
    // Linux's seccomp.h and filter.h: load the number, compare, and return.
    let mut program = vec![filter(0x20, 0, 0)];
    for (index, call) in calls.iter().enumerate() {
        program.push(filter(0x15, (calls.len() - index) as u8, *call as u32));
    }
    program.push(filter(0x06, 0, 0x7fff_0000));
    program.push(filter(0x06, 0, 0x0005_0000 | errno as u32));
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: both are about this thread alone, and the kernel copies the program.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let set = libc::prctl(libc::PR_SET_SECCOMP, 2, &raw const program);
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn without_random_numbers_the_status_says_so() {
    passed(alone(in_a_process_without_random_numbers).output().unwrap());
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "is run by the test above, in a process of its own"]
fn in_a_process_without_random_numbers() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    // By number: a name is looked up with files that nobody may open below.
    config.set("base_url", &world.sim.base_url(CLOUD).replace("localhost", "127.0.0.1")).unwrap();
    let client = config.client().unwrap();
    let nonce = r#"{ "keyfob_profile": 2, "name": "nonce", "title": "A nonce", "base_url": "http://127.0.0.1:1",
        "values": { "nonce": { "random": 8 } },
        "logins": { "password": { "needs": ["username", "password"], "steps": [{
            "call": "login", "method": "POST", "url": "{base_url}/login", "form": { "n": "{nonce}", "p": "{password}" } }] } },
        "token": { "access_token": "/token" }, "present": { "Authorization": "Bearer {access_token}" } }"#;
    let mut config = Config::new("custom").unwrap();
    config.set("profile", nonce).unwrap();
    config.set("username", "me").unwrap();
    config.set("password", "mine").unwrap();
    let of_nonce = config.client().unwrap();
    let outcomes = std::thread::spawn(move || {
        let opens = [
            libc::SYS_openat,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open,
        ];
        forbid(&[&[libc::SYS_getrandom], &opens[..]].concat(), libc::EPERM);
        let mut byte = [0u8];
        // SAFETY: the buffer has room for one byte.
        if unsafe { libc::getrandom(byte.as_mut_ptr().cast(), 1, 0) } == 1 {
            println!("not tried: libc has random numbers without the kernel");
            return None;
        }
        // A thread of its own: this one may have been given some for its hash maps already.
        let try_both = move || [client.token().map(drop), of_nonce.token().map(drop)];
        Some(std::thread::spawn(try_both).join().unwrap())
    });
    for outcome in outcomes.join().unwrap().into_iter().flatten() {
        let error = outcome.unwrap_err();
        assert_eq!(error.status(), Status::NoRandomness, "{error}");
        assert!(error.message().contains("getrandom"), "{error}");
    }
    assert!(world.sim.journal().is_empty(), "nothing was sent");
}

#[test]
#[cfg(target_os = "linux")]
fn a_look_up_without_a_thread_is_told_as_that() {
    passed(alone(in_a_process_without_more_threads).output().unwrap());
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "is run by the test above, in a process of its own"]
fn in_a_process_without_more_threads() {
    let world = World::new();
    let client = world.client(CLOUD);
    let outcome = std::thread::spawn(move || {
        forbid(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN);
        let told = client.token().unwrap_err();
        (told, client)
    });
    let (error, client) = outcome.join().unwrap();
    assert_eq!(error.status(), Status::Network, "{error}");
    assert!(error.message().contains("no thread to look up localhost"), "{error}");
    // This thread may have some, and the client goes on.
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login"]);
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
