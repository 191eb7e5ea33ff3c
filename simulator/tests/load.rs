//! The simulator keeps up with many clients, and goes when it is dropped.

#[path = "it/client/mod.rs"]
mod client;

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use client::{Connection, FORM, JSON, config, log_in, refresh, refresh_token};
use keyfob_simulator::credentials::kontakt as known;
use keyfob_simulator::{Cloud, Fault, Injection, Rotation, Simulator};

const KEY: [(&str, &str); 2] = [JSON, ("Api-Key", known::API_KEY)];

#[test]
fn two_hundred_connections_are_served_at_once() {
    let sim = Arc::new(Simulator::start());
    let together = Arc::new(Barrier::new(200));
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let (sim, together) = (sim.clone(), together.clone());
            thread::spawn(move || {
                let config = config(sim.ca_file(), None);
                let url = sim.api_url(Cloud::Kontakt);
                let mut connection = Connection::open(&config, &url).unwrap();
                together.wait();
                for _ in 0..3 {
                    let reply = connection.ask("GET", "/echo", &KEY, b"").unwrap();
                    assert_eq!(reply.status, 200);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert_eq!(sim.count(Cloud::Kontakt, "api"), 600);
    assert_eq!(sim.connections(Cloud::Kontakt), 200);
}

#[test]
fn of_twenty_refreshes_with_one_token_one_succeeds() {
    let sim = Arc::new(Simulator::start());
    sim.set_rotation(Cloud::Simacan, Rotation::RevokeFamilyOnReuse);
    let token = Arc::new(refresh_token(Cloud::Simacan, &log_in(&sim, Cloud::Simacan)));
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let (sim, token) = (sim.clone(), token.clone());
            thread::spawn(move || refresh(&sim, Cloud::Simacan, &token).status)
        })
        .collect();
    let statuses: Vec<u16> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!((sim.reuse_count(Cloud::Simacan), sim.families_lost(Cloud::Simacan)), (19, 1));
}

#[test]
fn a_second_connection_resumes_the_handshake_of_the_first() {
    let sim = Simulator::start();
    let config = config(sim.ca_file(), None);
    let url = sim.api_url(Cloud::Kontakt);
    for expected in [false, true] {
        let mut connection = Connection::open(&config, &url).unwrap();
        assert_eq!(connection.ask("GET", "/echo", &KEY, b"").unwrap().status, 200);
        assert_eq!(connection.resumed(), expected);
        assert_eq!(sim.journal().pop().unwrap().tls_resumed, expected);
    }
}

#[test]
fn bodies_may_come_in_chunks_and_after_a_question() {
    let sim = Simulator::start();
    let url = sim.api_url(Cloud::Kontakt);
    let mut connection = Connection::open(&config(sim.ca_file(), None), &url).unwrap();
    let login = "POST /v2/organization/account/authenticate HTTP/1.1\r\nHost: x\r\n";
    let kind = format!("{}: {}\r\n", FORM.0, FORM.1);
    let chunked = "Transfer-Encoding: chunked\r\n\r\n9\r\nusername=\r\n38\r\ngateway%40example.com&password=correct+horse\r\n0\r\n\r\n"
        .replace("38", &format!("{:x}", "gateway%40example.com&password=correct+horse".len()));
    connection.write(format!("{login}{kind}{chunked}").as_bytes()).unwrap();
    assert_eq!(connection.read().unwrap().status, 200);
    let body = "username=gateway%40example.com&password=correct+horse";
    let length = format!("Content-Length: {}\r\nExpect: 100-continue\r\n\r\n", body.len());
    connection.write(format!("{login}{kind}{length}").as_bytes()).unwrap();
    assert_eq!(connection.read().unwrap().status, 100);
    connection.write(body.as_bytes()).unwrap();
    assert_eq!(connection.read().unwrap().status, 200);
    connection.write(b"nonsense\r\n\r\n").unwrap();
    assert_eq!(connection.read().unwrap().status, 400);
    assert_eq!(sim.count(Cloud::Kontakt, "malformed"), 1);
}

#[test]
fn dropping_it_ends_everything_at_once() {
    let sim = Simulator::start();
    let url = sim.api_url(Cloud::Kontakt);
    let ca = sim.ca_file().to_owned();
    let mut idle = Connection::open(&config(&ca, None), &url).unwrap();
    assert_eq!(idle.ask("GET", "/echo", &KEY, b"").unwrap().status, 200);
    sim.inject(
        Injection::at(Cloud::Kontakt, "api", Fault::from_name("stall:before-headers").unwrap())
            .times(1),
    );
    sim.set_delay(Cloud::Kontakt, "api", Duration::from_secs(60));
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let mut connection = Connection::open(&config(&ca, None), &url).unwrap();
            thread::spawn(move || {
                connection.ask("GET", "/echo", &KEY, b"").map(|reply| reply.status)
            })
        })
        .collect();
    while sim.count(Cloud::Kontakt, "api") < 3 {
        thread::sleep(Duration::from_millis(1));
    }
    let trusting = config(&ca, None);
    let started = Instant::now();
    drop(sim);
    assert!(started.elapsed() < Duration::from_secs(1), "took {:?}", started.elapsed());
    for client in waiting {
        let _ = client.join().unwrap();
    }
    assert!(idle.ask("GET", "/echo", &KEY, b"").is_err());
    assert!(!ca.exists());
    // The port may be another simulator's by now, with an authority of its own.
    assert!(Connection::open(&trusting, &url).is_err());
}

#[test]
fn it_starts_and_stops_quickly() {
    let started = Instant::now();
    (0..20).for_each(|_| drop(Simulator::start()));
    let each = started.elapsed() / 20;
    println!("{each:?} each");
    assert!(each < Duration::from_millis(500), "{each:?} each");
}
