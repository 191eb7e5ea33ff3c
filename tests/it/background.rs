//! `background_renewal`: a thread of the library's own renews, and no caller does.

use crate::common::{World, until};
use keyfob::{Client, Secret};
use keyfob_simulator::Cloud;
use std::time::Duration;

fn client(world: &World) -> Client {
    let mut config = world.config(Cloud::Simacan, "password");
    config.set("background_renewal", "true").unwrap();
    config.client().unwrap()
}

fn pass(world: &World, client: &Client, seconds: u64) {
    world.sim.wind(Duration::from_secs(seconds));
    client.wind(Duration::from_secs(seconds));
}

#[test]
fn a_due_token_is_renewed_without_any_call() {
    let world = World::new();
    let client = client(&world);
    let first = client.token().unwrap();
    pass(&world, &client, 3500);
    until(|| client.try_token().unwrap() != first);
    let second: Secret = client.try_token().unwrap();
    pass(&world, &client, 3500);
    until(|| client.try_token().unwrap() != second);
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh", "refresh"]);
}

#[test]
fn nothing_is_sent_before_the_first_token_is_asked_for() {
    let world = World::new();
    let client = client(&world);
    pass(&world, &client, 10_000);
    drop(client);
    assert_eq!(world.sim.journal().len(), 0);
}

#[test]
fn freeing_the_client_ends_a_renewal_that_hangs() {
    let world = World::new();
    let client = client(&world);
    client.token().unwrap();
    world.sim.set_delay(Cloud::Simacan, "refresh", Duration::from_secs(3600));
    pass(&world, &client, 3500);
    until(|| world.sim.count(Cloud::Simacan, "refresh") == 1);
    // Returns, or the test hangs.
    drop(client);
}

#[test]
fn the_option_can_be_set_on_a_client_in_use_and_taken_back() {
    let world = World::new();
    let client = world.client(Cloud::Simacan);
    let first = client.token().unwrap();
    client.set("background_renewal", "true").unwrap();
    pass(&world, &client, 3500);
    until(|| client.try_token().unwrap() != first);
    let second = client.try_token().unwrap();
    client.set("background_renewal", "false").unwrap();
    pass(&world, &client, 3500);
    // Nobody renews but a caller.
    assert_eq!(client.try_token().unwrap(), second);
    assert_ne!(client.token().unwrap(), second);
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh", "refresh"]);
}

#[test]
fn the_librarys_threads_block_all_signals() {
    let world = World::new();
    let client = client(&world);
    client.token().unwrap();
    let mut seen = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let of = |file: &str| std::fs::read_to_string(task.as_ref().unwrap().path().join(file));
        // A thread may end meanwhile.
        let (Ok(name), Ok(status)) = (of("comm"), of("status")) else { continue };
        if name.starts_with("keyfob-renew") || name.starts_with("keyfob-resolve") {
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
            let blocked = u64::from_str_radix(blocked.trim(), 16).unwrap();
            // All but SIGKILL, SIGSTOP and the two that are the C library's own.
            let of_the_library = [9, 19, 32, 33].map(|signal| 1u64 << (signal - 1));
            assert_eq!(blocked | of_the_library.iter().sum::<u64>(), u64::MAX, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}
