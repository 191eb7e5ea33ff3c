//! Servers, disks and targets that are no good to a download: each has its status, and the old file
//! stays as it was.

use crate::common::World;
use crate::common::alone::{alone, passed};
use crate::common::directory::Directory;
use keyfob::{Client, Download, Request, Status};
use keyfob_simulator::{Cloud, Fault, file_of_size};
use std::path::PathBuf;

const HOST: Cloud = Cloud::Simacan;
const SIZE: usize = 300_000;
const OLD: &str = "the old one";

struct Place {
    directory: Directory,
    target: PathBuf,
}

/// A place with an old file.
fn place(name: &str) -> Place {
    let directory = Directory::new(name);
    std::fs::create_dir_all(&directory.0).unwrap();
    let target = directory.0.join("firmware.bin");
    std::fs::write(&target, OLD).unwrap();
    Place { directory, target }
}

fn firmware(world: &World) -> Request {
    Request::new("GET", &format!("{}/files/{SIZE}", world.sim.api_url(HOST))).unwrap()
}

/// A client that tries once.
fn client(world: &World) -> Client {
    let mut config = world.config(HOST, "password");
    config.set("download_retry_s", "0").unwrap();
    config.set("retries", "0").unwrap();
    config.set("idle_timeout_ms", "500").unwrap();
    config.client().unwrap()
}

/// What an odd server answers, what comes of it, and whether what came is kept for the next try.
fn odd_servers() -> Vec<(&'static str, Fault, Status, bool)> {
    let named = |name: &str| Fault::from_name(name).unwrap();
    let answer = |status: u16, headers: &[(&str, &str)]| Fault::answer(status, headers, "hello");
    vec![
        ("closes within the body", named("close:within-body"), Status::Network, true),
        ("resets within the body", named("reset:within-body"), Status::Network, true),
        ("says nothing more", named("stall:within-body"), Status::Timeout, true),
        ("is busy", answer(503, &[]), Status::ServerError, false),
        ("asks for fewer calls", answer(429, &[]), Status::RateLimited, false),
        (
            "has another digest",
            answer(200, &[("Digest", "sha-256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]),
            Status::DigestMismatch,
            false,
        ),
    ]
}

#[test]
fn an_odd_server_costs_a_download_and_never_the_old_file() {
    let world = World::new();
    for (what, fault, status, kept) in odd_servers() {
        let place = place("odd");
        let client = client(&world);
        world.answers(HOST, "api", fault);
        let outcome = client.download(&firmware(&world), &place.target, &Download::new());
        assert_eq!(outcome.unwrap_err().status(), status, "{what}");
        assert_eq!(std::fs::read_to_string(&place.target).unwrap(), OLD, "{what}");
        let part = place.directory.0.join("firmware.bin.part");
        let length = std::fs::metadata(&part).map_or(0, |about| about.len());
        assert_eq!(length > 0, kept, "{what}: {length} bytes are kept");
        // And a good server makes it good.
        world.sim.clear_injections();
        client.download(&firmware(&world), &place.target, &Download::new()).unwrap();
        assert_eq!(std::fs::read(&place.target).unwrap(), file_of_size(SIZE), "{what}");
    }
}

/// A server that goes on, when it is asked for the rest, in a way that is no good.
#[test]
fn a_rest_that_is_not_the_rest_is_never_put_behind_the_part() {
    let world = World::new();
    let rest = |range: &str| Fault::answer(206, &[("Content-Range", range)], "wrong");
    let odd = [
        ("another range", rest("bytes 5-9/300000")),
        ("another size", rest("bytes 150000-299999/300001")),
        ("no range at all", Fault::answer(206, &[], "wrong")),
        ("a range that is none", rest("bytes */*")),
        ("a range beyond all numbers", rest("bytes 99999999999999999999-1/2")),
        ("nothing of it", Fault::answer(416, &[("Content-Range", "bytes */7")], "")),
    ];
    for (what, fault) in odd {
        let place = place("rest");
        let client = client(&world);
        world.answers_once(HOST, "api", Fault::from_name("close:within-body").unwrap());
        client.download(&firmware(&world), &place.target, &Download::new()).unwrap_err();
        world.answers_once(HOST, "api", fault);
        client.download(&firmware(&world), &place.target, &Download::new()).unwrap();
        assert_eq!(std::fs::read(&place.target).unwrap(), file_of_size(SIZE), "{what}");
    }
}

/// A server that goes on wrongly for ever is given up.
#[test]
fn a_server_that_never_gives_the_rest_is_given_up() {
    let world = World::new();
    let place = place("never");
    let client = client(&world);
    world.answers_once(HOST, "api", Fault::from_name("close:within-body").unwrap());
    client.download(&firmware(&world), &place.target, &Download::new()).unwrap_err();
    world.answers(HOST, "api", Fault::answer(206, &[("Content-Range", "bytes 5-9/10")], "wrong"));
    let error = client.download(&firmware(&world), &place.target, &Download::new()).unwrap_err();
    assert_eq!(error.status(), Status::UnexpectedAnswer, "{error}");
    assert_eq!(std::fs::read_to_string(&place.target).unwrap(), OLD);
    assert!(world.sim.count(HOST, "api") < 20);
}

#[test]
fn a_file_larger_than_the_process_may_write_ends_nobody() {
    passed(alone(in_a_small_process).output().unwrap());
}

#[test]
#[ignore = "in a process of its own"]
fn in_a_small_process() {
    let world = World::new();
    let place = place("small");
    let client = client(&world);
    client.token().unwrap();
    let most = rustix::process::Rlimit { current: Some(100_000), maximum: Some(100_000) };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, most).unwrap();
    let error = client.download(&firmware(&world), &place.target, &Download::new()).unwrap_err();
    assert_eq!(error.status(), Status::File, "{error}");
    assert!(error.message().contains("RLIMIT_FSIZE"), "{error}");
    assert_eq!(std::fs::read_to_string(&place.target).unwrap(), OLD);
}
