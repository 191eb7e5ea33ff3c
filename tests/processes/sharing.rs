//! One identity, one renewal, any number of processes.

use crate::common::directory::Directory;
use crate::common::{self, World};
use crate::worker::Job;
use keyfob_simulator::{Cloud, Rotation};
use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

const CLOUD: Cloud = Cloud::Simacan;

#[test]
fn eight_processes_of_eight_threads_make_one_call_a_lifetime() {
    share_until(4);
}

#[test]
#[ignore = "make soak"]
fn soak_sharing() {
    share_until(common::soak("KEYFOB_SOAK_LIFETIMES", 150));
}

/// Lets 64 threads in 8 processes share a store until a token was renewed so many times.
fn share_until(renewals: usize) {
    let (world, directory) = (World::new(), Directory::new("sharing"));
    world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
    world.sim.set_lifetime(CLOUD, Some(Duration::from_secs(2)), None);
    let api = format!("{}{}", world.sim.api_url(CLOUD), common::devices(CLOUD));
    let job = Job::new("share", &world, CLOUD, &directory).with("api", api);
    let begun = Instant::now();
    let workers: Vec<_> = (0..8).map(|_| job.start()).collect();
    while world.sim.count(CLOUD, "refresh") < renewals {
        assert!(begun.elapsed() < Duration::from_secs(60 + 10 * renewals as u64), "no renewals");
        std::thread::sleep(Duration::from_millis(20));
    }
    let said: Vec<String> = workers.into_iter().flat_map(|worker| worker.finish()).collect();
    let took = begun.elapsed();

    let mut seen = HashMap::<&str, (u128, u128)>::new();
    let (mut served, mut requests) = (0, 0);
    for line in &said {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["requests", count] = words[..] {
            requests += count.parse::<usize>().unwrap();
            continue;
        }
        let [token, had, asked, times] = words[..] else { panic!("{line}") };
        let (had, asked) = (had.parse().unwrap(), asked.parse().unwrap());
        let token = seen.entry(token).or_insert((had, asked));
        *token = (token.0.min(had), token.1.max(asked));
        served += times.parse::<usize>().unwrap();
    }
    let mut order: Vec<_> = seen.values().collect();
    order.sort();

    // Not by the journal, which forgets the oldest of a long run's requests.
    let calls = world.sim.count(CLOUD, "login") + world.sim.count(CLOUD, "refresh");
    let stale = order.windows(2).filter(|pair| pair[0].1 > pair[1].0).count();
    println!(
        "8 processes of 8 threads, {took:.1?}: {served} tokens served, {requests} requests, \
         {} tokens issued by {} logins and {} refreshes, {} reused, {} families lost, \
         {stale} handed out after a newer one",
        order.len(),
        world.sim.count(CLOUD, "login"),
        world.sim.count(CLOUD, "refresh"),
        world.sim.reuse_count(CLOUD),
        world.sim.families_lost(CLOUD),
    );
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
    assert_eq!((world.sim.reuse_count(CLOUD), world.sim.families_lost(CLOUD)), (0, 0));
    // A token is renewed in the last tenth of its two seconds; that of the login, which begins a
    // fleet's rhythm, once before.
    let lifetimes = 2 + (took.as_millis() / 1800) as usize;
    assert!(calls <= lifetimes, "{calls} calls in {took:?}");
    assert_eq!(order.len(), calls, "tokens that were served, and calls");
    assert_eq!(stale, 0, "tokens handed out after a newer one was");
}

#[test]
fn a_dead_holders_lock_is_free_though_its_forked_child_lives() {
    let (world, directory) = (World::new(), Directory::new("fork"));
    world.sim.set_delay(CLOUD, "login", Duration::from_secs(3600));
    let mut parent = Job::new("fork", &world, CLOUD, &directory).with("wound_s", 0).start();
    // Once the login has arrived, the worker holds the lock and waits for the answer.
    while world.sim.count(CLOUD, "login") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    parent.input().write_all(b"\n").unwrap();
    let child = parent.hear().expect("the forked child's number");
    parent.kill();

    world.sim.set_delay(CLOUD, "login", Duration::ZERO);
    let token = directory.client(&world, CLOUD).token();
    let killed = std::process::Command::new("kill").args(["-9", &child]).status().unwrap();
    token.unwrap();
    assert!(killed.success(), "the child still lived");
}
