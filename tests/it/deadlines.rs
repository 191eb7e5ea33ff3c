//! No call outlives its limit, whatever the peer does, and a cancellation ends it.
//!
//! How far past its limit a call returns is measured by `make soak`, which prints it; no test here
//! asserts a time.

use crate::common::{self, World, alone, devices};
use keyfob::{Client, Status};
use keyfob_simulator::{Cloud, Fault, Injection};
use std::net::UdpSocket;
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
fn durations_beyond_measure_panic_nowhere() {
    let world = World::new();
    let url = format!("{}{}", world.sim.api_url(Cloud::Simacan), devices(Cloud::Simacan));
    let client = world.client(Cloud::Simacan);
    for limit in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_millis(u64::MAX)] {
        let client = client.share(Some(limit));
        client.token().unwrap();
        client.renew().unwrap();
        let mut request = keyfob::Request::new("GET", &url).unwrap();
        request.set_timeout(limit);
        assert_eq!(client.send(&request).unwrap().status(), 200);
        let mut response = client.open(&request).unwrap();
        while response.read(&mut [0; 512]).unwrap() > 0 {}
        let mut request = keyfob::Request::new("GET", &format!("{url}?none")).unwrap();
        request.set_timeout(Duration::ZERO);
        assert_eq!(client.send(&request).unwrap_err().status(), Status::Timeout);
        // News there is at once.
        assert!(client.wait(u64::MAX, Duration::ZERO).is_ok());
    }
    for _ in 0..3 {
        client.wind(Duration::MAX);
        client.expires_in();
        client.renew_due_in();
        client.status_json();
        client.try_token().ok();
        client.token().ok();
    }
    let clock = keyfob::Clock::manual();
    clock.wind(Duration::MAX);
    clock.wind(Duration::MAX);
    clock.reboot();
    let mut config = world.config(Cloud::Simacan, "password");
    config.set_clock(clock);
    config.client().unwrap().token().ok();
}

#[test]
fn a_name_server_that_never_answers_holds_nobody_up() {
    match where_no_name_server_answers(1) {
        Ok(_) => {}
        Err(why) => eprintln!("not tried: {why}"),
    }
}

/// Runs the test below in a process that has such a name server, which takes root; gives what it
/// measured, or why it could not be tried.
fn where_no_name_server_answers(rounds: usize) -> Result<String, String> {
    // Of this process alone: the loopback network is shared with all others.
    let [.., a, b, c] = std::process::id().to_be_bytes();
    let server = format!("127.{}.{b}.{}", a | 128, c.max(1));
    let dir = std::env::temp_dir();
    let conf = dir.join(format!("keyfob-test-resolv-{}.conf", std::process::id()));
    // For two and a half minutes, which is as long as glibc can be told to wait.
    std::fs::write(&conf, format!("nameserver {server}\noptions timeout:30 attempts:5\n")).unwrap();
    let run = |program: &[&str]| {
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        std::process::Command::new("timeout")
            .args(["60", "unshare", "--mount", "sh", "-c", script])
            .arg(&conf)
            .args(program)
            .env("KEYFOB_TEST_NAME_SERVER", &server)
            .env("KEYFOB_TEST_ROUNDS", rounds.to_string())
            .output()
    };
    let possible = run(&["true"]).map_err(|error| error.to_string());
    let test = std::env::current_exe().unwrap();
    let only = alone::only(in_a_process_whose_name_server_never_answers);
    let test: Vec<&str> =
        [test.to_str().unwrap()].into_iter().chain(only.iter().map(String::as_str)).collect();
    let ran = possible.and_then(|tried| match tried.status.success() {
        true => run(&test).map_err(|error| error.to_string()),
        false => Err(String::from_utf8_lossy(&tried.stderr).trim().to_string()),
    });
    std::fs::remove_file(&conf).ok();
    let ran = ran?;
    let said = alone::passed(ran);
    let measured = said.lines().filter(|line| line.starts_with("name server"));
    Ok(measured.collect::<Vec<_>>().join("\n"))
}

#[test]
#[ignore = "is run by the test above, in a process that has such a name server"]
fn in_a_process_whose_name_server_never_answers() {
    let server = std::env::var("KEYFOB_TEST_NAME_SERVER").unwrap();
    let server = UdpSocket::bind((server.as_str(), 53)).unwrap();
    let world = World::new();
    let client = unresolvable(&world);
    let mut overrun = Duration::ZERO;
    let limits = [50, 200, 1000].map(Duration::from_millis);
    for limit in limits.repeat(common::soak("KEYFOB_TEST_ROUNDS", 1)) {
        let begun = Instant::now();
        let error = client.share(Some(limit)).token().unwrap_err();
        overrun = overrun.max(begun.elapsed().saturating_sub(limit));
        assert_eq!(error.status(), Status::Timeout, "{error}");
    }
    let mut question = [0; 512];
    let length = server.recv(&mut question).unwrap();
    let is_ours = |part: &[u8]| part == b"no-such-host";
    assert!(question[..length].windows(12).any(is_ours), "the name server is asked for it");
    println!("name server that never answers: worst overrun {overrun:.1?}");
    let cancelled = client.clone();
    let ended = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cancelled.token().unwrap_err());
        // So that it waits by then, as near as can be known.
        (0..1000).for_each(|_| std::thread::yield_now());
        let begun = Instant::now();
        cancelled.cancel();
        assert_eq!(waiting.join().unwrap().status(), Status::Cancelled);
        begun.elapsed()
    });
    println!("name server that never answers: a call ended {ended:.1?} after its cancellation");
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| unresolvable(&world).share(Some(Duration::from_millis(50))).token());
        }
    });
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let names = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")));
    let asking = names.filter(|name| name.as_deref().is_ok_and(|name| name == "keyfob-resolve\n"));
    assert!(asking.count() < 10, "no thread for each call that gave up");
    // Nobody waits for those that still ask: neither another client nor the end of this one.
    world.client(Cloud::Simacan).token().unwrap();
    drop(client);
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
    match where_no_name_server_answers(5) {
        Ok(said) => println!("{said}"),
        Err(why) => println!("a name server that never answers was not tried: {why}"),
    }
}

/// A cloud whose name nobody can look up.
fn unresolvable(world: &World) -> Client {
    let mut config = world.config(Cloud::Simacan, "password");
    config.set("base_url", "https://no-such-host.invalid/api/v1").unwrap();
    config.client().unwrap()
}
