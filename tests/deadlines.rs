//! No call outlives its limit, whatever the peer does, and a cancellation ends it.
//!
//! How far past its limit a call returns is measured by `make soak`, which prints it; no test here
//! asserts a time.

mod common;

use common::{World, devices};
use keyfob::{Client, Status};
use keyfob_simulator::{Cloud, Fault, Injection};
use std::time::{Duration, Instant};

/// What a peer can do to keep a caller waiting.
const STALLS: &[&str] = &[
    "stall:accept",
    "tls:handshake-stall",
    "stall:before-headers",
    "stall:within-headers",
    "stall:within-body",
    "drip:40",
];

fn stalling(world: &World, call: &str, stall: &str) -> Client {
    let client = world.client(Cloud::Simacan);
    if call == "api" {
        client.token().unwrap();
    }
    let fault = Fault::from_name(stall).unwrap();
    world.sim.inject(Injection::at(Cloud::Simacan, call, fault));
    client
}

fn use_it(world: &World, client: &Client, call: &str) -> keyfob::Result<()> {
    match call {
        "api" => world.get(client, Cloud::Simacan, &devices(Cloud::Simacan)).map(drop),
        _ => client.token().map(drop),
    }
}

#[test]
fn a_call_ends_at_its_limit_wherever_the_peer_stalls() {
    for call in ["login", "api"] {
        for stall in STALLS {
            let world = World::new();
            let client = stalling(&world, call, stall).share(Some(Duration::from_millis(250)));
            let error = use_it(&world, &client, call).expect_err(stall);
            assert_eq!(error.status(), Status::Timeout, "{call} {stall}: {error}");
        }
    }
}

#[test]
fn a_cancelled_call_ends_wherever_the_peer_stalls() {
    for call in ["login", "api"] {
        for stall in STALLS {
            let world = World::new();
            let client = stalling(&world, call, stall);
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| use_it(&world, &client, call));
                // Cancels again and again, since only a call that has begun can be cancelled.
                while !waiting.is_finished() {
                    client.cancel();
                    std::thread::yield_now();
                }
                let error = waiting.join().unwrap().expect_err(stall);
                assert_eq!(error.status(), Status::Cancelled, "{call} {stall}: {error}");
            });
        }
    }
}

#[test]
#[ignore = "measures; run by make soak"]
fn soak() {
    let limits = [50, 200, 1000].map(Duration::from_millis);
    let mut worst = Duration::ZERO;
    println!("| stalls at | call | worst overrun of 50, 200 and 1000 ms limits |");
    println!("|---|---|---|");
    for call in ["login", "api"] {
        for stall in STALLS.iter().chain(&["no such name"]) {
            let mut overrun = Duration::ZERO;
            for limit in limits.iter().cycle().take(15) {
                let world = World::new();
                let client = match *stall {
                    "no such name" => unresolvable(&world),
                    stall => stalling(&world, call, stall),
                };
                let client = client.share(Some(*limit));
                let begun = Instant::now();
                use_it(&world, &client, call).unwrap_err();
                overrun = overrun.max(begun.elapsed().saturating_sub(*limit));
            }
            println!("| {stall} | {call} | {overrun:.1?} |");
            worst = worst.max(overrun);
        }
    }
    println!("\nworst overrun: {worst:.1?}");
}

/// A cloud whose name nobody can look up.
fn unresolvable(world: &World) -> Client {
    let mut config = world.config(Cloud::Simacan, "password");
    config.set("base_url", "https://no-such-host.invalid/api/v1").unwrap();
    config.client().unwrap()
}
