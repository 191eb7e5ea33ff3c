//! Manners towards a cloud: a rejected password is not repeated, a request for quiet is obeyed.

use crate::common::{FOUR, World, devices, status};
use keyfob::{Client, Config, Status};
use keyfob_simulator::{Cloud, Fault, credentials, http_date};
use std::time::Duration;

const CLOUD: Cloud = Cloud::Simacan;

fn wrong(world: &World) -> Config {
    world.wrong_password(CLOUD)
}

fn seconds(wait: Option<Duration>) -> u64 {
    wait.expect("the time left").as_secs()
}

#[test]
fn a_rejected_login_is_followed_by_errors_without_a_call() {
    for cloud in FOUR {
        let world = World::new();
        let mut config = world.config(cloud, credentials::logins(cloud)[0].0);
        config.set("password", "wrong").unwrap();
        let client = config.client().unwrap();
        let rejected = client.token().unwrap_err();
        assert_eq!(rejected.status(), Status::CredentialsRejected, "{cloud:?}");
        assert_eq!(seconds(rejected.retry_after()), 60, "{cloud:?}");
        let sent = world.sim.journal().len();
        for _ in 0..50 {
            let held = client.token().unwrap_err();
            assert_eq!(held.status(), Status::LoginOnHold, "{cloud:?}");
            assert_eq!(seconds(held.retry_after()), 60);
            assert!(held.message().contains("60 s"), "{held}");
            assert_eq!(client.try_token().unwrap_err().status(), Status::LoginOnHold);
            assert_eq!(client.renew().unwrap_err().status(), Status::LoginOnHold);
        }
        assert_eq!(world.sim.journal().len(), sent, "{cloud:?}");
        assert_eq!(status(&client)["hold_ms"], 60_000);
    }
}

#[test]
fn the_time_left_runs_down_and_doubles_up_to_an_hour() {
    let world = World::new();
    let client = wrong(&world).client().unwrap();
    for wait in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        let rejected = client.token().unwrap_err();
        assert_eq!(rejected.status(), Status::CredentialsRejected);
        assert_eq!(seconds(rejected.retry_after()), wait);
        world.wind(wait - 1);
        assert_eq!(seconds(client.token().unwrap_err().retry_after()), 1);
        world.wind(1);
    }
    assert_eq!(world.sim.count(CLOUD, "login"), 8);
}

#[test]
fn a_login_that_works_ends_the_doubling() {
    let world = World::new();
    let client = wrong(&world).client().unwrap();
    for wait in [60, 120] {
        client.token().unwrap_err();
        world.wind(wait);
    }
    world.sim.set_password(CLOUD, "wrong");
    client.token().unwrap();
    world.sim.set_password(CLOUD, "right");
    world.sim.revoke_refresh_tokens(CLOUD);
    let rejected = client.renew().unwrap_err();
    assert_eq!(rejected.status(), Status::CredentialsRejected);
    assert_eq!(seconds(rejected.retry_after()), 60, "as the first time");
}

#[test]
fn the_option_says_how_long_the_first_hold_is() {
    let world = World::new();
    let mut config = wrong(&world);
    config.set("login_hold_s", "7").unwrap();
    let client = config.client().unwrap();
    assert_eq!(seconds(client.token().unwrap_err().retry_after()), 7);
}

#[test]
fn new_credentials_end_a_hold_and_the_same_ones_do_not() {
    let world = World::new();
    let client = wrong(&world).client().unwrap();
    client.token().unwrap_err();
    client.set("password", "wrong").unwrap();
    client.set("timeout_ms", "5000").unwrap();
    assert_eq!(client.token().unwrap_err().status(), Status::LoginOnHold);
    client.set("password", credentials::simacan::PASSWORD).unwrap();
    client.token().unwrap();
    assert_eq!(world.sim.count(CLOUD, "login"), 2);
}

#[test]
fn forgetting_ends_a_hold() {
    let world = World::new();
    let client = wrong(&world).client().unwrap();
    client.token().unwrap_err();
    world.sim.set_password(CLOUD, "wrong");
    client.forget().unwrap();
    client.token().unwrap();
}

#[test]
fn clients_of_one_identity_share_its_hold_and_others_do_not() {
    let world = World::new();
    let first = wrong(&world).client().unwrap();
    first.token().unwrap_err();
    let second = wrong(&world).client().unwrap();
    assert_eq!(second.token().unwrap_err().status(), Status::LoginOnHold);
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
    world.client(CLOUD).token().expect("other credentials, no hold");
}

#[test]
fn a_client_made_before_the_hold_learns_of_it() {
    let world = World::new();
    let clients: Vec<Client> = (0..3).map(|_| wrong(&world).client().unwrap()).collect();
    clients[0].token().unwrap_err();
    for client in &clients[1..] {
        assert_eq!(client.token().unwrap_err().status(), Status::LoginOnHold);
    }
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
}

#[test]
fn a_hold_outlives_the_client_that_met_it() {
    let world = World::new();
    let try_anew = || wrong(&world).client().unwrap().token().unwrap_err();
    assert_eq!(try_anew().status(), Status::CredentialsRejected);
    for _ in 0..20 {
        assert_eq!(try_anew().status(), Status::LoginOnHold);
    }
    assert_eq!(world.sim.count(CLOUD, "login"), 1, "twenty clients, one password");
    world.wind(60);
    assert_eq!(try_anew().status(), Status::CredentialsRejected);
    assert_eq!(seconds(try_anew().retry_after()), 120, "and it doubles");
}

#[test]
fn quiet_that_was_asked_for_outlives_the_client_that_was_asked() {
    let world = World::new();
    world.answers_once(CLOUD, "login", busy("600"));
    assert_eq!(world.client(CLOUD).token().unwrap_err().status(), Status::RateLimited);
    assert_eq!(world.client(CLOUD).token().unwrap_err().status(), Status::RateLimited);
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
    world.wind(600);
    world.client(CLOUD).token().unwrap();
}

#[test]
fn an_hour_with_a_wrong_password_locks_no_account() {
    let world = World::new();
    let client = wrong(&world).client().unwrap();
    for _ in 0..600 {
        client.token().unwrap_err();
        world.wind(1);
    }
    assert_eq!(world.sim.count(CLOUD, "login"), 4, "at 0, 60, 180 and 420 seconds");
    assert!(!world.sim.locked(CLOUD));
}

/// An answer that asks for quiet.
fn busy(header: &str) -> Fault {
    Fault::answer(429, &[("Retry-After", header)], "")
}

#[test]
fn a_request_for_quiet_is_obeyed_in_both_its_forms() {
    let date = |world: &World| http_date(world.sim.now() + 600);
    for (form, least, most) in
        [("600", 600, 600), ("date", 598, 600), ("99999999999999", 86_400, 86_400)]
    {
        for cloud in FOUR {
            let world = World::new();
            let client = world.client(cloud);
            client.token().unwrap();
            world.sim.revoke_access_tokens(cloud);
            let header = if form == "date" { date(&world) } else { form.into() };
            world.answers(cloud, "refresh", busy(&header));
            let error = client.renew().unwrap_err();
            assert_eq!(error.status(), Status::RateLimited, "{cloud:?} {form}");
            let asked = seconds(error.retry_after());
            assert!((least..=most).contains(&asked), "{cloud:?} {form}: {asked}");
            assert_eq!(world.sim.count(cloud, "refresh"), 1, "{cloud:?} {form}: no second try");
            world.sim.clear_injections();
            world.clock.wind(Duration::from_secs(asked - 1));
            let held = client.renew().unwrap_err();
            assert_eq!(held.status(), Status::RateLimited, "{cloud:?} {form}");
            assert!(seconds(held.retry_after()) <= 1, "{held}");
            assert_eq!(world.sim.count(cloud, "refresh"), 1, "{cloud:?} {form}: quiet");
            world.clock.wind(Duration::from_secs(1));
            client.renew().unwrap();
            assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?} {form}");
        }
    }
}

#[test]
fn a_date_to_wait_for_is_read_by_the_clouds_own_clock() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.clock.set_wall(0);
    world.answers(CLOUD, "refresh", busy(&http_date(world.sim.now() + 600)));
    let asked = seconds(client.renew().unwrap_err().retry_after());
    assert!((598..=600).contains(&asked), "{asked}: not until a year that the gateway knows");
}

#[test]
fn a_wait_that_is_short_enough_is_waited_within_the_call() {
    let world = World::new();
    let client = world.client(CLOUD);
    world.answers_once(CLOUD, "login", busy("7"));
    client.token().unwrap();
    assert_eq!(world.sim.count(CLOUD, "login"), 2, "429: it was not looked at");
}

#[test]
fn no_wait_or_a_senseless_one_is_replaced_by_our_own() {
    for header in ["0", "-5", "soon", "", "1.5", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let world = World::new();
        let client = world.client(CLOUD);
        client.token().unwrap();
        world.answers(CLOUD, "refresh", busy(header));
        assert_eq!(client.renew().unwrap_err().status(), Status::RateLimited, "{header}");
        let tried = world.sim.count(CLOUD, "refresh");
        assert!(tried <= 3, "{header}");
        for _ in 0..20 {
            let error = client.renew().unwrap_err();
            assert_eq!(error.status(), Status::RateLimited, "{header}");
            assert!(error.retry_after().unwrap() > Duration::ZERO, "{header}");
        }
        assert_eq!(world.sim.count(CLOUD, "refresh"), tried, "{header}: no storm");
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{header}");
    }
}

#[test]
fn quiet_is_kept_by_all_clients_of_the_identity_in_this_process() {
    let world = World::new();
    let clients: Vec<Client> = (0..4).map(|_| world.client(CLOUD)).collect();
    world.answers_once(CLOUD, "login", busy("600"));
    for client in &clients {
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::RateLimited);
        assert!((599..=600).contains(&seconds(error.retry_after())), "{error}");
    }
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
    world.wind(600);
    clients.iter().for_each(|client| drop(client.token().unwrap()));
}

#[test]
fn a_failing_cloud_is_asked_less_and_less_often() {
    let world = World::new();
    let client = world.client(CLOUD);
    world.answers(CLOUD, "login", Fault::status(503));
    let mut longest = 0;
    for _ in 0..40 {
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::ServerError);
        let wait = error.retry_after().unwrap();
        longest = longest.max(wait.as_secs());
        let logins = world.sim.count(CLOUD, "login");
        client.token().unwrap_err();
        assert_eq!(world.sim.count(CLOUD, "login"), logins, "not before the wait has passed");
        world.clock.wind(wait + Duration::from_millis(1));
    }
    assert!((15..=30).contains(&longest), "{longest}");
    assert_eq!(world.sim.count(CLOUD, "login"), 40);
}

#[test]
fn a_network_that_comes_back_is_used_at_once() {
    let world = World::new();
    let client = world.client(CLOUD);
    world.sim.refuse(CLOUD, true);
    for _ in 0..20 {
        assert_eq!(client.token().unwrap_err().status(), Status::Network);
    }
    world.sim.refuse(CLOUD, false);
    client.token().expect("nothing had reached the cloud, so nothing there needs sparing");
    assert_eq!(world.token_calls(CLOUD), ["login"]);
}

#[test]
fn a_429_of_a_request_is_passed_on_and_stops_no_token() {
    let world = World::new();
    let client = world.client(CLOUD);
    world.answers(CLOUD, "api", busy("600"));
    let response = world.get(&client, CLOUD, &devices(CLOUD)).unwrap();
    assert_eq!((response.status(), response.header("retry-after")), (429, Some("600")));
    client.renew().unwrap();
}

#[test]
fn an_unforeseen_answer_does_not_repeat_the_password() {
    for name in ["status:404", "status:405", "status:415", "status:422"] {
        let world = World::new();
        let client = world.client(CLOUD);
        world.answers(CLOUD, "login", Fault::from_name(name).unwrap());
        for _ in 0..3600 {
            client.token().unwrap_err();
            world.wind(1);
        }
        let logins = world.sim.count(CLOUD, "login");
        assert!(logins <= 9, "{name}: {logins} logins in an hour");
        world.sim.clear_injections();
        world.wind(3600);
        client.token().unwrap();
    }
}

#[test]
fn hasty_callers_do_not_repeat_the_password() {
    let world = World::new();
    let client = wrong(&world).client().unwrap();
    world.answers(CLOUD, "login", Fault::from_name("stall:before-headers:executed").unwrap());
    let hasty = client.share(Some(Duration::from_millis(100)));
    let try_ten_times = || {
        for _ in 0..10 {
            assert_eq!(hasty.token().unwrap_err().status(), Status::Timeout);
        }
    };
    try_ten_times();
    assert_eq!(world.sim.count(CLOUD, "login"), 1, "an answer may still come");
    world.wind(30);
    try_ten_times();
    assert_eq!(world.sim.count(CLOUD, "login"), 2);
    assert!(!world.sim.locked(CLOUD));
    world.sim.clear_injections();
    world.wind(30);
    assert_eq!(client.token().unwrap_err().status(), Status::CredentialsRejected);
}
