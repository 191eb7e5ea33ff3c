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
