//! Many threads, one token: however many meet whatever at once, the cloud is asked once.

use crate::common::{FOUR, World, devices, until};
use keyfob::{Client, Result, Secret, Status};
use keyfob_simulator::{Cloud, Fault, Rotation};
use std::sync::Barrier;
use std::time::Duration;

const CROWDS: [usize; 2] = [20, 200];
const CLOUD: Cloud = Cloud::Simacan;

/// Runs this on so many threads that begin at once.
fn crowd<T: Send>(size: usize, each: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let all_here = Barrier::new(size);
    std::thread::scope(|scope| {
        let (all_here, each) = (&all_here, &each);
        let begin = |n| {
            scope.spawn(move || {
                all_here.wait();
                each(n)
            })
        };
        let threads: Vec<_> = (0..size).map(begin).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A cloud whose tokens live an hour, whose refresh tokens are spent by one use, and which takes
/// its time.
fn strict(cloud: Cloud) -> World {
    let world = World::new();
    world.sim.set_lifetime(cloud, Some(Duration::from_secs(3600)), None);
    world.sim.set_rotation(cloud, Rotation::RevokeFamilyOnReuse);
    world.sim.set_delay(cloud, "login", Duration::from_millis(200));
    world.sim.set_delay(cloud, "refresh", Duration::from_millis(200));
    world
}

fn all_the_same(tokens: &[Secret]) {
    assert!(tokens.iter().all(|token| *token == tokens[0]), "one token for all");
}

#[test]
fn an_expired_token_is_renewed_once_for_all() {
    for size in CROWDS {
        for cloud in FOUR {
            let world = strict(cloud);
            let client = world.client(cloud);
            let old = client.token().unwrap();
            world.wind(7200);
            let tokens = crowd(size, |_| client.token().unwrap());
            all_the_same(&tokens);
            assert_ne!(tokens[0], old);
            assert_eq!(world.sim.count(cloud, "refresh"), 1, "{cloud:?}, {size} threads");
            assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?}, {size} threads");
            assert_eq!(world.sim.reuse_count(cloud), 0, "{cloud:?}, {size} threads");
            assert_eq!(world.sim.families_lost(cloud), 0, "{cloud:?}, {size} threads");
            assert_eq!(world.get(&client, cloud, &devices(cloud)).unwrap().status(), 200);
        }
    }
}

#[test]
fn the_first_token_is_asked_for_once() {
    for size in CROWDS {
        let world = strict(CLOUD);
        let client = world.client(CLOUD);
        all_the_same(&crowd(size, |_| client.token().unwrap()));
        assert_eq!(world.token_calls(CLOUD), ["login"], "{size} threads");
    }
}

#[test]
fn a_due_token_is_renewed_once_and_everybody_is_served() {
    for size in CROWDS {
        let world = strict(CLOUD);
        let client = world.client(CLOUD);
        client.token().unwrap();
        world.wind(3500);
        crowd(size, |_| client.token().unwrap());
        assert_eq!(world.token_calls(CLOUD), ["login", "refresh"], "{size} threads");
    }
}

#[test]
fn a_failure_is_shared_and_no_storm_follows_it() {
    for (name, status, most) in [
        ("status:503", Status::ServerError, 3),
        ("status:429", Status::RateLimited, 3),
        ("status:404", Status::UnexpectedAnswer, 1),
        ("html-200", Status::MalformedAnswer, 1),
        ("reset:before-headers", Status::Network, 2),
    ] {
        for size in CROWDS {
            let world = strict(CLOUD);
            world.sim.set_rotation(CLOUD, Rotation::Keep);
            let client = world.client(CLOUD);
            client.token().unwrap();
            world.wind(7200);
            world.answers(CLOUD, "refresh", Fault::from_name(name).unwrap());
            let errors = crowd(size, |_| client.token().unwrap_err());
            assert!(errors.iter().all(|error| error.status() == status), "{name}: {errors:?}");
            let asked = world.sim.count(CLOUD, "refresh");
            assert_eq!(asked, most, "{name}, {size} threads");
            assert_eq!(world.sim.count(CLOUD, "login"), 1, "{name}, {size} threads");
            world.sim.clear_injections();
            world.wind(60);
            client.token().unwrap();
            assert_eq!(world.sim.count(CLOUD, "login"), 1, "{name}: nothing was lost");
        }
    }
}

#[test]
fn a_wrong_password_is_sent_once_by_all_together() {
    for size in CROWDS {
        let world = strict(CLOUD);
        let client = world.wrong_password(CLOUD).client().unwrap();
        for error in crowd(size, |_| client.token().unwrap_err()) {
            let expected = [Status::CredentialsRejected, Status::LoginOnHold];
            assert!(expected.contains(&error.status()), "{error}");
            assert!(error.retry_after().is_some());
        }
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{size} threads");
    }
}

#[test]
fn a_waiter_takes_over_from_a_leader_whose_time_is_up() {
    for size in CROWDS {
        let world = strict(CLOUD);
        let client = world.client(CLOUD);
        client.token().unwrap();
        world.wind(7200);
        world.sim.set_delay(CLOUD, "refresh", Duration::from_millis(900));
        let hurried = client.share(Some(Duration::from_millis(300)));
        std::thread::scope(|scope| {
            let leading = scope.spawn(|| hurried.token());
            until(|| world.sim.count(CLOUD, "refresh") == 1);
            all_the_same(&crowd(size, |_| client.token().unwrap()));
            assert_eq!(leading.join().unwrap().unwrap_err().status(), Status::Timeout);
        });
        assert_eq!(world.token_calls(CLOUD), ["login", "refresh"], "{size} threads");
        assert_eq!(world.sim.families_lost(CLOUD), 0, "{size} threads");
    }
}

#[test]
fn a_waiter_takes_over_from_a_leader_that_is_cancelled() {
    let world = strict(CLOUD);
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.wind(7200);
    world.sim.set_delay(CLOUD, "refresh", Duration::from_millis(900));
    let fickle = client.share(None);
    std::thread::scope(|scope| {
        let leading = scope.spawn(|| fickle.token());
        until(|| world.sim.count(CLOUD, "refresh") == 1);
        let waiting = scope.spawn(|| crowd(20, |_| client.token().unwrap()));
        fickle.cancel();
        assert_eq!(leading.join().unwrap().unwrap_err().status(), Status::Cancelled);
        all_the_same(&waiting.join().unwrap());
    });
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
    assert_eq!(world.sim.families_lost(CLOUD), 0);
}

#[test]
fn a_waiter_goes_at_its_own_deadline_and_the_leader_goes_on() {
    let world = strict(CLOUD);
    let client = world.client(CLOUD);
    world.sim.set_delay(CLOUD, "login", Duration::from_millis(600));
    let hurried = client.share(Some(Duration::from_millis(50)));
    std::thread::scope(|scope| {
        let leading = scope.spawn(|| client.token());
        until(|| world.sim.count(CLOUD, "login") == 1);
        for outcome in crowd(20, |_| hurried.token()) {
            assert_eq!(outcome.unwrap_err().status(), Status::Timeout);
        }
        leading.join().unwrap().unwrap();
    });
    assert_eq!(world.token_calls(CLOUD), ["login"]);
}

#[test]
fn a_token_refused_on_all_threads_at_once_is_renewed_once() {
    for size in CROWDS {
        for cloud in FOUR {
            let world = strict(cloud);
            let client = world.client(cloud);
            client.token().unwrap();
            world.sim.revoke_access_tokens(cloud);
            let path = devices(cloud);
            let sent = crowd(size, |_| world.get(&client, cloud, &path).unwrap().status());
            assert!(sent.iter().all(|status| *status == 200), "{cloud:?}: {sent:?}");
            assert_eq!(world.sim.count(cloud, "refresh"), 1, "{cloud:?}, {size} threads");
            assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?}, {size} threads");
            assert_eq!(world.sim.reuse_count(cloud), 0, "{cloud:?}, {size} threads");
            let api = world.sim.count(cloud, "api");
            assert!(api <= 2 * size, "{cloud:?}: each was sent once and replayed once: {api}");
        }
    }
}

#[test]
fn requests_in_flight_during_a_refresh_are_replayed() {
    // At Kii the old access token dies at the refresh, and requests that carry it are on their way.
    let cloud = Cloud::Kii;
    let world = strict(cloud);
    let client = world.client(cloud);
    client.token().unwrap();
    let path = devices(cloud);
    let outcomes = crowd(40, |n| {
        if n % 8 == 0 {
            client.renew().map(|()| 200)
        } else {
            world.get(&client, cloud, &path).map(|response| response.status())
        }
    });
    assert!(outcomes.iter().all(|outcome| *outcome == Ok(200)), "{outcomes:?}");
    assert_eq!(world.sim.reuse_count(cloud), 0);
    assert_eq!(world.sim.count(cloud, "login"), 1);
    assert_eq!(world.sim.count(cloud, "refresh"), 1, "those who ask at once share one renewal");
}

#[test]
fn a_refusal_reported_by_all_threads_at_once_renews_once() {
    let world = strict(CLOUD);
    let client = world.client(CLOUD);
    let old = client.token().unwrap();
    crowd(200, |_| client.refused(old.expose()).unwrap());
    assert_ne!(client.token().unwrap(), old);
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn new_credentials_in_the_middle_of_it_all_lose_nobody() {
    let world = strict(CLOUD);
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.wind(7200);
    let outcomes: Vec<Result<()>> = crowd(20, |n| match n {
        0 => client.set("timeout_ms", "20000"),
        1 => client.forget(),
        _ => client.token().map(drop),
    });
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(world.sim.reuse_count(CLOUD), 0);
    assert!(world.sim.count(CLOUD, "login") <= 2);
}

#[test]
fn many_clients_on_many_threads_are_independent() {
    let world = strict(Cloud::Kii);
    let clients: Vec<Client> = (0..20).map(|_| world.client(Cloud::Kii)).collect();
    let tokens = crowd(20, |n| clients[n].token().unwrap());
    for (n, token) in tokens.iter().enumerate() {
        assert!(!tokens[..n].contains(token), "each client has a token of its own");
    }
    assert_eq!(world.sim.count(Cloud::Kii, "login"), 20);
}

#[test]
fn a_stampede_at_a_cloud_that_cannot_be_reached_ends() {
    let world = strict(CLOUD);
    let client = world.client(CLOUD);
    world.sim.refuse(CLOUD, true);
    for outcome in crowd(200, |_| client.token()) {
        assert_eq!(outcome.unwrap_err().status(), Status::Network);
    }
    world.sim.refuse(CLOUD, false);
    client.token().unwrap();
}
