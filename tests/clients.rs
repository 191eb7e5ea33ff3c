//! A hundred thousand identities in one process: what each costs is the same, however many there are,
//! and one thread renews them all. The figures are `make bench`'s; here are the counts.

#[path = "it/common/mod.rs"]
mod common;

use common::{World, soak, until};
use keyfob::{Client, Config};
use keyfob_simulator::Cloud;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

/// Counts what each thread asks for and gives back.
struct Counting;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    BYTES.set(BYTES.get() + bytes);
    CALLS.set(CALLS.get() + 1);
}

// SAFETY: everything is the system's; what is counted allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn client(number: usize) -> Client {
    let mut config = Config::new("kontakt").unwrap();
    config.set("username", &format!("customer-{number:011}")).unwrap();
    config.set("password", "a password").unwrap();
    config.client().unwrap()
}

/// Of so many clients, each: bytes it has, calls of the allocator to make it, bytes left of it.
fn cost(clients: usize) -> (isize, usize, isize) {
    let mut all = Vec::with_capacity(clients);
    let (bytes, calls) = (BYTES.get(), CALLS.get());
    all.extend((0..clients).map(client));
    let (had, made) = (BYTES.get() - bytes, CALLS.get() - calls);
    all.clear();
    let left = BYTES.get() - bytes;
    (had / clients as isize, made / clients, left / clients as isize)
}

#[test]
fn each_of_many_clients_costs_what_each_of_few_does() {
    drop(client(0));
    let few = cost(200);
    let many = cost(10_000);
    println!("bytes, calls of the allocator, bytes left: {few:?} of 200, {many:?} of 10,000");
    assert!(many.0 <= 4096, "bytes");
    assert!(many.0 * 100 <= few.0 * 105, "as many bytes");
    assert!(many.1 * 100 <= few.1 * 110, "as many calls");
    assert!(many.2 <= 64, "nothing is left");
}

/// How many threads of this process renew.
fn renewing() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    };
    tasks.filter_map(name).filter(|name| name.trim() == "keyfob-renew").count()
}

#[test]
fn one_thread_renews_for_all_clients() {
    let number = soak("KEYFOB_SOAK_CLIENTS", 200);
    let world = World::new();
    let client = |number: usize| {
        let mut config = world.config(Cloud::OAuth2, "client-credentials");
        // Tells them apart, and is used by nobody.
        config.set("assertion_subject", &number.to_string()).unwrap();
        config.set("background_renewal", "true").unwrap();
        config.client().unwrap()
    };
    let clients: Vec<Client> = (0..number).map(client).collect();
    let first: Vec<_> = clients.iter().map(|client| client.token().unwrap()).collect();
    let calls = || world.token_calls(Cloud::OAuth2).len();
    assert_eq!((calls(), renewing()), (number, 1));
    world.wind(3500);
    clients.iter().for_each(|client| client.wind(Duration::ZERO));
    let at_hand = |client: &Client, first: &keyfob::Secret| {
        client.try_token().is_ok_and(|token| token != *first)
    };
    let is_done = || clients.iter().zip(&first).all(|(client, first)| at_hand(client, first));
    until(is_done);
    let threads = renewing();
    println!("{number} clients renewed by {threads} thread");
    assert_eq!(calls(), 2 * number, "each once");
    // More only where it has fallen ten seconds behind.
    assert!((1..=8).contains(&threads) && (threads == 1 || number > 200));
    drop(clients);
    assert_eq!(renewing(), 0, "it ends with the last client");
}
