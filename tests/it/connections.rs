//! Connections that are kept: which call goes on which, and when they are given up.

use crate::common::World;
use crate::common::alone::{alone, passed};
use crate::common::relay::Relay;
use keyfob::{Client, Request, Status};
use keyfob_simulator::{Cloud, Rotation};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::Duration;

/// One whose API is on the origin of its token calls.
const CLOUD: Cloud = Cloud::Kontakt;

fn get(client: &Client) -> keyfob::Result<keyfob::Response> {
    client.send(&Request::new("GET", "/echo")?)
}

/// A client that reaches its cloud by a way that can die.
fn by_relay(world: &World) -> (Relay, Client) {
    let relay = Relay::to(&world.sim.base_url(CLOUD));
    let mut config = world.config(CLOUD, "password");
    config.set("base_url", &relay.leads(&world.sim.base_url(CLOUD))).unwrap();
    (relay, config.client().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn a_dead_connection_costs_one_token_call_and_no_credential() {
    let world = World::new();
    world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
    let (relay, client) = by_relay(&world);
    let first = client.token().unwrap();
    relay.dies();
    // It was used a moment ago, so the refresh goes on it.
    let client = client.share(Some(Duration::from_secs(3)));
    let error = client.renew().unwrap_err();
    assert_eq!(error.status(), Status::Timeout, "{error}");
    // The kernel has repeated it in vain by then: the next call sends it on a connection of its own.
    client.renew().unwrap();
    assert_ne!(client.token().unwrap(), first);
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
    assert_eq!(world.sim.reuse_count(CLOUD), 0);
    assert_eq!(relay.count(), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn after_one_timeout_the_older_idle_connections_go() {
    let world = World::new();
    let (relay, client) = by_relay(&world);
    client.token().unwrap();
    // Three requests at a time make three connections, all of them idle afterwards.
    let mut open: Vec<_> =
        (0..3).map(|_| client.open(&Request::new("GET", "/echo").unwrap()).unwrap()).collect();
    for response in &mut open {
        let mut buffer = [0; 4096];
        while response.read(&mut buffer).unwrap() > 0 {}
    }
    drop(open);
    assert_eq!(relay.count(), 3);
    get(&client).unwrap();
    assert_eq!(relay.count(), 3, "they are used again");
    relay.dies();
    let hasty = client.share(Some(Duration::from_millis(300)));
    assert_eq!(get(&hasty).unwrap_err().status(), Status::Timeout);
    let patient = client.share(Some(Duration::from_secs(20)));
    assert_eq!(get(&patient).unwrap().status(), 200);
    assert_eq!(relay.count(), 4, "none of the other two was tried");
}

/// An address of this machine that means something on one of its links alone, and that link's name
/// and number.
fn link_local() -> Option<(Ipv6Addr, String, u32)> {
    // A line is the address in hexadecimal, the link's number, three more, and the link's name.
    let all = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    let line = all.lines().find(|line| line.starts_with("fe80"))?;
    let fields: Vec<&str> = line.split_whitespace().collect();
    let address = u128::from_str_radix(fields[0], 16).ok()?.into();
    Some((address, fields[5].into(), u32::from_str_radix(fields[1], 16).ok()?))
}

#[test]
fn a_url_with_an_ipv6_zone_leads_there_and_is_sent_without_it() {
    let Some((address, link, number)) = link_local() else {
        println!("not tried: this machine has no link-local address");
        return;
    };
    let world = World::new();
    let at = SocketAddrV6::new(address, 0, 0, number);
    let relay = match Relay::from(at.into(), &world.sim.http_base_url(CLOUD)) {
        Ok(relay) => relay,
        Err(why) => return println!("not tried: {why}"),
    };
    let port = relay.address.port();
    let mut config = world.config(CLOUD, "password");
    config.set("allow_http", "true").unwrap();
    let base = world.sim.http_base_url(CLOUD);
    let (_, path) = base.split_once("//").unwrap().1.split_once('/').unwrap_or_default();
    for zone in [link, number.to_string()] {
        config.set("base_url", &format!("http://[{address}%25{zone}]:{port}/{path}")).unwrap();
        let client = config.client().unwrap();
        assert_eq!(get(&client).unwrap().status(), 200, "{zone}");
        client.renew().unwrap();
    }
    for entry in world.sim.journal() {
        // A zone is this machine's own name for a link (RFC 6874 1).
        assert_eq!(entry.header("host"), Some(format!("[{address}]:{port}").as_str()));
    }
}

#[test]
fn idle_connections_are_given_up_for_want_of_descriptors() {
    passed(alone(in_a_process_without_descriptors).output().unwrap());
}

#[test]
#[ignore = "is run by the test above, in a process of its own"]
fn in_a_process_without_descriptors() {
    for host in ["localhost", "127.0.0.1"] {
        let world = World::new();
        let mut config = world.config(CLOUD, "password");
        let base_url = world.sim.base_url(CLOUD).replace("localhost", host);
        config.set("base_url", &base_url).unwrap();
        let client = config.client().unwrap();
        let request = Request::new("GET", "/echo").unwrap();
        let open: Vec<_> = (0..8).map(|_| client.open(&request).unwrap()).collect();
        for mut response in open {
            let mut buffer = [0; 4096];
            while response.read(&mut buffer).unwrap() > 0 {}
        }
        // Another client's connections are its own, where its settings are others.
        config.set("user_agent", "another").unwrap();
        let other = config.client().unwrap();
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..before }).unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let filled: Vec<_> = std::iter::from_fn(|| null.try_clone().ok()).collect();
        assert!(!filled.is_empty());
        let outcome = get(&other);
        drop(filled);
        setrlimit(Resource::Nofile, before).unwrap();
        assert_eq!(outcome.unwrap().status(), 200, "{host}");
    }
}

#[test]
fn as_many_connections_stay_idle_as_the_option_says() {
    // The pool is the process's.
    passed(alone(with_one_idle_connection).output().unwrap());
}

#[test]
#[ignore = "is run by the test above, in a process of its own"]
fn with_one_idle_connection() {
    let world = World::new();
    let (relay, client) = by_relay(&world);
    client.set("max_idle_connections", "1").unwrap();
    client.token().unwrap();
    let three_at_once = || {
        let open = || client.open(&Request::new("GET", "/echo").unwrap()).unwrap();
        let mut open: Vec<_> = (0..3).map(|_| open()).collect();
        for response in &mut open {
            let mut buffer = [0; 4096];
            while response.read(&mut buffer).unwrap() > 0 {}
        }
    };
    three_at_once();
    assert_eq!(relay.count(), 3, "the login's stayed idle");
    three_at_once();
    assert_eq!(relay.count(), 5, "one of three stayed");
    client.set("max_idle_connections", "0").unwrap();
    three_at_once();
    get(&client).unwrap();
    assert_eq!(relay.count(), 9, "none stayed");
}
