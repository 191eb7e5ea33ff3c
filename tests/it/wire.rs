//! Answers that are not this request's, and connections that are no good any more.

use crate::common::World;
use keyfob::{Client, Request, Status};
use keyfob_simulator::{Cloud, Fault};

/// One whose API is on the origin of its token calls.
const CLOUD: Cloud = Cloud::Kontakt;

fn named(fault: &str) -> Fault {
    Fault::from_name(fault).unwrap()
}

/// Worlds that differ in what is below HTTP: TLS 1.3, TLS 1.2, and nothing.
fn below(test: impl Fn(&str, &World, Client)) {
    for name in ["TLS 1.3", "TLS 1.2", "plain"] {
        let world = World::new();
        world.sim.only_tls12(name == "TLS 1.2");
        let mut config = world.config(CLOUD, "password");
        if name == "plain" {
            config.set("base_url", &world.sim.http_base_url(CLOUD)).unwrap();
        }
        test(name, &world, config.client().unwrap());
    }
}

fn send(client: &Client, method: &str, path: &str) -> keyfob::Result<keyfob::Response> {
    client.send(&Request::new(method, path)?)
}

#[test]
fn what_comes_behind_an_answer_is_nobodys_answer() {
    below(|name, world, client| {
        let real = client.token().unwrap();
        let no_content = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        for (method, status, fault) in [
            ("GET", 200, named("wire:surplus")),
            ("GET", 200, named("wire:surplus-chunked")),
            ("HEAD", 200, named("wire:surplus")),
            ("GET", 204, Fault::answer(204, &[], no_content)),
            ("GET", 304, Fault::answer(304, &[], no_content)),
        ] {
            // Read whole, and as it comes.
            let request = Request::new(method, "/echo").unwrap();
            world.answers_once(CLOUD, "api", fault.clone());
            assert_eq!(client.send(&request).unwrap().status(), status, "{name} {method}");
            let next = send(&client, "GET", "/echo").unwrap();
            assert!(!String::from_utf8_lossy(next.body()).contains("forged"), "{name} {method}");
            world.answers_once(CLOUD, "api", fault);
            let mut streamed = client.open(&request).unwrap();
            while streamed.read(&mut [0; 512]).unwrap() > 0 {}
            // A token call on the same origin, at once, is where it would do the most harm.
            client.renew().unwrap();
            let renewed = client.token().unwrap();
            assert!(renewed != real && renewed.expose() != "forged", "{name} {method} {status}");
            let next = send(&client, "GET", "/echo").unwrap();
            assert!(!String::from_utf8_lossy(next.body()).contains("forged"), "{name} {method}");
        }
        let connections: Vec<_> = world.sent(CLOUD, "api").iter().map(|e| e.connection).collect();
        for four in connections.chunks(4) {
            assert_ne!(four[0], four[1], "{name}: such a connection is not used again");
            assert_ne!(four[2], four[3], "{name}: nor where the answer was read as it came");
        }
    });
}

#[test]
fn a_body_without_a_length_needs_a_goodbye() {
    below(|name, world, client| {
        client.token().unwrap();
        world.answers_once(CLOUD, "api", named("wire:no-length"));
        assert_eq!(send(&client, "GET", "/echo").unwrap().status(), 200, "{name}");
        for fault in ["wire:no-length-cut", "wire:no-length-reset"] {
            world.answers_once(CLOUD, "api", named(fault));
            let outcome = send(&client, "POST", "/echo");
            // Without TLS the end of the connection is all the sign there is.
            if name == "plain" && fault == "wire:no-length-cut" {
                assert_eq!(outcome.unwrap().status(), 200);
            } else {
                assert_eq!(outcome.unwrap_err().status(), Status::Network, "{name} {fault}");
            }
        }
    });
}

#[test]
fn a_head_with_folded_lines_is_read() {
    below(|name, world, client| {
        client.token().unwrap();
        world.answers_once(CLOUD, "api", named("wire:folded"));
        let response = send(&client, "GET", "/echo").unwrap();
        let words: Vec<_> = response.header("x-folded").unwrap().split_whitespace().collect();
        assert_eq!(words, ["one,", "two,", "three"], "{name}");
    });
}

#[test]
fn a_body_that_waits_for_100_continue_is_sent() {
    below(|name, world, client| {
        let mut request = Request::new("POST", "/echo").unwrap();
        request.set_header("Expect", "100-continue").unwrap();
        request.set_body(b"a body that is sent");
        assert!(client.send(&request).unwrap().status() < 300, "{name}");
        assert_eq!(world.sent(CLOUD, "api")[0].body, b"a body that is sent", "{name}");
    });
}

#[test]
fn an_answer_that_comes_during_an_upload_is_read() {
    below(|name, _, client| {
        client.token().unwrap();
        let mut request = Request::new("POST", "/echo").unwrap();
        // The simulated clouds refuse it by its length, before they have read it, and hang up.
        request.set_body(&vec![7; 64 << 20]);
        for _ in 0..3 {
            assert_eq!(client.send(&request).unwrap().status(), 413, "{name}");
        }
        assert_eq!(send(&client, "GET", "/echo").unwrap().status(), 200, "{name}");
    });
}
