//! `wait` and `event_fd`: whoever gives the token to others learns that there is another.

use crate::common::directory::Directory;
use crate::common::{World, until};
use keyfob::{Client, Level, Status};
use keyfob_simulator::{Cloud, Fault};
use rustix::event::{PollFd, PollFlags, poll};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const AT_ONCE: Duration = Duration::ZERO;
/// Longer than any test may take: a wait that should end does so by its own reason.
const LONG: Duration = Duration::from_secs(30);

fn client(world: &World, background: bool) -> Client {
    let mut config = world.config(Cloud::Simacan, "password");
    config.set("background_renewal", &background.to_string()).unwrap();
    config.client().unwrap()
}

fn pass(world: &World, client: &Client, seconds: u64) {
    world.sim.wind(Duration::from_secs(seconds));
    client.wind(Duration::from_secs(seconds));
}

/// What has been told up to now.
fn heard(client: &Client) -> u64 {
    client.wait(0, AT_ONCE).unwrap()
}

#[test]
fn a_wait_ends_when_another_thread_has_a_new_token() {
    let world = World::new();
    let client = client(&world, false);
    client.token().unwrap();
    let known = heard(&client);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.wait(known, LONG).unwrap());
        client.renew().unwrap();
        assert_ne!(waits.join().unwrap(), known);
    });
}

#[test]
fn whoever_waits_renews_what_is_due() {
    let world = World::new();
    let client = client(&world, false);
    let first = client.token().unwrap();
    let known = heard(&client);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.wait(known, LONG).unwrap());
        pass(&world, &client, 3500);
        assert_ne!(waits.join().unwrap(), known);
    });
    assert_ne!(client.try_token().unwrap(), first);
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh"]);
}

#[test]
fn whoever_waits_renews_by_a_clock_that_goes_on() {
    let world = World::new();
    let mut config = world.config(Cloud::Simacan, "password");
    config.set_clock(keyfob::Clock::system());
    let client = config.client().unwrap();
    let first = client.token().unwrap();
    let known = heard(&client);
    pass(&world, &client, 3500);
    assert_ne!(client.wait(known, LONG).unwrap(), known);
    assert_ne!(client.try_token().unwrap(), first);
}

#[test]
fn with_background_renewal_the_wait_renews_nothing_itself() {
    let world = World::new();
    let client = client(&world, true);
    let first = client.token().unwrap();
    let known = heard(&client);
    pass(&world, &client, 3500);
    assert_ne!(client.wait(known, LONG).unwrap(), known);
    assert_ne!(client.try_token().unwrap(), first);
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh"]);
}

#[test]
fn a_hold_that_begins_and_one_that_ends_are_news() {
    let world = World::new();
    let client = world.wrong_password(Cloud::Simacan).client().unwrap();
    let known = heard(&client);
    assert_eq!(client.token().unwrap_err().status(), Status::CredentialsRejected);
    let held = client.wait(known, LONG).unwrap();
    assert_ne!(held, known);
    assert!(client.status_json().contains("\"hold_ms\":"));
    assert_eq!(client.wait(held, AT_ONCE).unwrap(), held, "told once");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.wait(held, LONG).unwrap());
        pass(&world, &client, 61);
        assert_ne!(waits.join().unwrap(), held);
    });
    assert_eq!(world.token_calls(Cloud::Simacan), ["login"], "no wait sends a password");
}

#[test]
fn a_pause_that_begins_is_news_and_the_wait_goes_on_after_it() {
    let world = World::new();
    let client = client(&world, false);
    client.token().unwrap();
    let known = heard(&client);
    world.answers(Cloud::Simacan, "refresh", Fault::status(503));
    pass(&world, &client, 3500);
    let paused = client.wait(known, LONG).unwrap();
    assert_ne!(paused, known);
    assert!(!is_fresh(&client));
    world.sim.clear_injections();
    pass(&world, &client, 60);
    let over = client.wait(paused, LONG).unwrap();
    assert_ne!(over, paused);
    until(|| client.wait(heard(&client), LONG).is_ok() && is_fresh(&client));
}

fn is_fresh(client: &Client) -> bool {
    client.status_json().contains("\"state\":\"fresh\"")
}

#[test]
fn a_wait_for_nothing_gives_the_known_number_again() {
    let world = World::new();
    let client = client(&world, false);
    let known = heard(&client);
    assert_eq!(client.wait(known, Duration::from_millis(1)).unwrap(), known);
    assert_ne!(client.wait(known + 1, LONG).unwrap(), known + 1);
    assert_eq!(world.sim.journal().len(), 0, "the first token is the caller's to ask for");
}

#[test]
fn cancel_ends_a_wait_of_its_own_handle_only() {
    let world = World::new();
    let client = client(&world, false);
    let other = client.share(None);
    let known = heard(&client);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.wait(known, LONG));
        let others = scope.spawn(|| other.wait(known, LONG));
        while !waits.is_finished() {
            client.cancel();
        }
        assert_eq!(waits.join().unwrap().unwrap_err().status(), Status::Cancelled);
        client.token().unwrap();
        assert_ne!(others.join().unwrap().unwrap(), known);
    });
}

#[test]
fn another_clients_token_is_news() {
    let world = World::new();
    let directory = Directory::new("news");
    let at_store = || directory.config(&world, Cloud::Simacan).client().unwrap();
    let (here, there) = (at_store(), at_store());
    here.token().unwrap();
    there.token().unwrap();
    let known = heard(&here);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| here.wait(known, LONG).unwrap());
        there.renew().unwrap();
        assert_ne!(waits.join().unwrap(), known);
    });
    assert_eq!(here.try_token().unwrap(), there.try_token().unwrap());
}

fn is_readable(fd: i32, within: i64) -> bool {
    // The client that owns it outlives this call.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let mut polled = [PollFd::new(&fd, PollFlags::IN)];
    let limit = rustix::time::Timespec { tv_sec: within, tv_nsec: 0 };
    poll(&mut polled, Some(&limit)).unwrap() > 0
}

#[test]
fn a_descriptor_is_readable_until_the_news_is_heard() {
    let world = World::new();
    let client = client(&world, false);
    let fd = client.event_fd().unwrap();
    assert!(fd > 2 && client.event_fd().unwrap() == fd);
    assert!(!is_readable(fd, 0));
    client.token().unwrap();
    assert!(is_readable(fd, 0) && is_readable(fd, 0), "until it is heard");
    let known = heard(&client);
    assert!(!is_readable(fd, 0));
    client.renew().unwrap();
    assert!(is_readable(fd, 0));
    assert_ne!(client.wait(known, AT_ONCE).unwrap(), known);
    assert!(!is_readable(fd, 0));
}

#[test]
fn each_handle_has_a_descriptor_that_is_closed_with_it() {
    let world = World::new();
    let client = client(&world, false);
    let other = client.share(None);
    let (one, two) = (client.event_fd().unwrap(), other.event_fd().unwrap());
    assert_ne!(one, two);
    client.token().unwrap();
    heard(&client);
    assert!(!is_readable(one, 0) && is_readable(two, 0), "each hears for itself");
    drop(other);
    client.renew().unwrap();
    assert!(is_readable(one, 0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_descriptor_is_readable_when_the_token_is_due() {
    let world = World::new();
    let client = client(&world, false);
    client.token().unwrap();
    let fd = client.event_fd().unwrap();
    heard(&client);
    pass(&world, &client, 3500);
    assert!(is_readable(fd, 60));
    client.token().unwrap();
    heard(&client);
    assert!(!is_readable(fd, 0));
}

#[test]
fn log_lines_are_kept_for_who_takes_no_calls() {
    let world = World::new();
    let mut config = world.config(Cloud::Simacan, "password");
    config.keep_log(Level::Info, 2);
    let client = config.client().unwrap();
    assert_eq!(client.next_log_line(), None);
    client.token().unwrap();
    let (level, line) = client.next_log_line().unwrap();
    assert!(level == Level::Info && line.contains("simacan"), "{line}");
    (0..3).for_each(|_| client.renew().unwrap());
    let lines: Vec<_> = std::iter::from_fn(|| client.next_log_line()).collect();
    assert!(lines[0].1.ends_with("were not read in time"), "{lines:?}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_wait_sees_the_end_of_many_waits_at_once() {
    let world = World::new();
    let client = client(&world, false);
    client.token().unwrap();
    let known = heard(&client);
    let renewed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waits: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    assert_ne!(client.wait(known, LONG).unwrap(), known);
                    assert!(renewed.load(Ordering::SeqCst) || is_fresh(&client));
                })
            })
            .collect();
        pass(&world, &client, 3500);
        renewed.store(true, Ordering::SeqCst);
        waits.into_iter().for_each(|wait| wait.join().unwrap());
    });
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh"], "one of them renewed");
}
