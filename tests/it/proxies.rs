//! Ways through a network that lets nobody out: SOCKS, and what the environment says of proxies.

use crate::common::World;
use crate::common::alone::{alone, passed};
use crate::common::proxy::Proxy;
use crate::common::socks::{Manner, Socks};
use keyfob::{Config, Error, Status};
use keyfob_simulator::Cloud;

const CLOUD: Cloud = Cloud::Kontakt;

fn through(world: &World, proxy: &str) -> Config {
    let mut config = world.config(CLOUD, "password");
    config.set("proxy", proxy).unwrap();
    config
}

fn refused(proxy: &str) -> Error {
    through(&World::new(), proxy).client().unwrap().token().unwrap_err()
}

#[test]
fn socks_leads_there_and_looks_the_name_up_itself() {
    let world = World::new();
    let proxy = Socks::start(Manner::Open);
    let client = through(&world, &proxy.url("")).client().unwrap();
    client.token().unwrap();
    let there = world.sim.base_url(CLOUD);
    let authority = there.trim_start_matches("https://").split('/').next().unwrap();
    assert_eq!(proxy.asked(), [authority]);
    assert!(world.sim.journal().iter().all(|entry| entry.tls));
}

#[test]
fn socks_is_told_who_asks_where_it_wants_to_know() {
    let world = World::new();
    let proxy = Socks::start(Manner::Password("hunter2"));
    let client = through(&world, &proxy.url("gateway:hunter2@")).client().unwrap();
    client.token().unwrap();
    for credentials in ["", "gateway:wrong@", "nobody:hunter2@"] {
        let error = refused(&proxy.url(credentials));
        assert_eq!(error.status(), Status::Network);
        assert!(error.message().contains("wants other credentials"), "{error}");
        assert!(!error.message().contains("hunter2"), "{error}");
    }
    // One that asks nobody takes those with a password, too.
    let open = Socks::start(Manner::Open);
    let client = through(&world, &open.url("gateway:hunter2@")).client().unwrap();
    client.renew().unwrap();
    assert_eq!(open.asked().len(), 1);
}

#[test]
fn socks_says_why_it_does_not_lead_there() {
    for (reply, words) in
        [(1, "cannot lead there"), (2, "does not allow"), (5, "was refused"), (99, "cannot lead")]
    {
        let error = refused(&Socks::start(Manner::Refuses(reply)).url(""));
        assert_eq!(error.status(), Status::Network);
        assert!(error.message().contains(words), "{error}");
        assert!(error.message().contains("the proxy 127.0.0.1:"), "{error}");
    }
}

#[test]
fn what_is_no_socks_proxy_is_named_as_the_proxy() {
    for says in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", b"\x04\x00", b"\x05", b"\x05\x02"] {
        let error = refused(&Socks::start(Manner::Says(says)).url(""));
        assert!(error.message().contains("the proxy 127.0.0.1:"), "{says:?}: {error}");
    }
    let world = World::new();
    let mut config = through(&world, &Socks::start(Manner::Silent).url(""));
    config.set("timeout_ms", "300").unwrap();
    assert_eq!(config.client().unwrap().token().unwrap_err().status(), Status::Timeout);
}

/// A client of a cloud that is nowhere.
fn nowhere(base_url: &str) -> Config {
    let mut config = Config::new("kontakt").unwrap();
    for (name, value) in [
        ("username", "u"),
        ("password", "p"),
        ("base_url", base_url),
        ("proxy", "env"),
        ("retries", "0"),
        ("connect_timeout_ms", "200"),
    ] {
        config.set(name, value).unwrap();
    }
    config
}

#[test]
fn the_way_to_the_cloud_is_tried_and_nothing_is_sent() {
    let world = World::new();
    let proxy = Proxy::shut();
    let error = through(&world, &proxy.url()).client().unwrap().reach("").unwrap_err();
    assert!(error.message().contains(": the proxy 127.0.0.1:"), "{error}");
    let proxy = Socks::start(Manner::Open);
    let client = through(&world, &proxy.url("")).client().unwrap();
    client.reach("").unwrap();
    client.reach("/any?where").unwrap();
    let lost = client.reach("https://localhost:1/").unwrap_err();
    assert!(lost.message().starts_with("connecting to https://localhost:1"), "{lost}");
    assert_eq!(world.sim.journal().len(), 0);
}

#[test]
fn the_environment_names_the_proxy_when_asked() {
    let proxy = Proxy::shut();
    let url = format!("http://me:hunter2@{}", proxy.url().trim_start_matches("http://"));
    let said = alone(in_an_environment)
        .envs([("HTTPS_PROXY", url.as_str()), ("NO_PROXY", "192.0.2.0/24,internal.example.com")])
        .envs([("https_proxy", "http://127.0.0.1:1"), ("HTTP_PROXY", "http://127.0.0.1:1")])
        .output()
        .unwrap();
    passed(said);
    assert_eq!(proxy.last_target().as_deref(), Some("api.example.com:443"));
    assert_eq!(proxy.asked().len(), 1);
}

#[test]
#[ignore = "run by the_environment_names_the_proxy_when_asked"]
fn in_an_environment() {
    let error = nowhere("https://api.example.com").client().unwrap().token().unwrap_err();
    assert!(error.message().contains("the proxy 127.0.0.1:"), "{error}");
    assert!(!error.message().contains("hunter2"), "{error}");
    // Reached without one, or not reached.
    let error = nowhere("https://192.0.2.7").client().unwrap().token().unwrap_err();
    assert!(!error.message().contains("proxy"), "{error}");
    // This machine itself.
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("proxy", "env").unwrap();
    config.client().unwrap().token().unwrap();
}

#[test]
fn an_environment_that_names_no_proxy_is_told_at_once() {
    let said = alone(in_a_wrong_environment).env("ALL_PROXY", "ftp://hunter2").output().unwrap();
    passed(said);
}

#[test]
#[ignore = "run by an_environment_that_names_no_proxy_is_told_at_once"]
fn in_a_wrong_environment() {
    let error = nowhere("https://api.example.com").client().unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption);
    assert!(error.message().contains("ALL_PROXY"), "{error}");
    assert!(!error.message().contains("hunter2"), "{error}");
    // Nobody asked for it here.
    let mut config = nowhere("https://127.0.0.1:1");
    config.set("proxy", "http://127.0.0.1:1").unwrap();
    config.client().unwrap();
}
