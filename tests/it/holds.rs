//! Manners towards a cloud: a rejected password is not repeated, a request for quiet is obeyed.

use crate::common::directory::Directory;
use crate::common::{FOUR, World, devices, status};
use keyfob::{Client, Clock, Config, Status};
use keyfob_simulator::{Cloud, Fault, credentials, http_date};
use std::time::Duration;

const CLOUD: Cloud = Cloud::Simacan;
const EXPIRED: u64 = 3601;

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
fn the_clouds_own_sentence_outlives_the_process_that_heard_it() {
    let json = ("Content-Type", "application/json");
    let said = r#"{"error": "invalid_grant", "message": "Account is disabled"}"#;
    let unknown = r#"{"error": "conflict", "message": "Account is disabled"}"#;
    for (fault, status) in [
        (Fault::answer(401, &[json], said), Status::LoginOnHold),
        (Fault::answer(409, &[json], unknown), Status::UnexpectedAnswer),
        (Fault::answer(429, &[json, ("Retry-After", "600")], said), Status::RateLimited),
        (Fault::answer(503, &[json], said), Status::ServerError),
    ] {
        let (world, directory) = (World::new(), Directory::new("said"));
        world.answers(CLOUD, "login", fault);
        let config = directory.config(&world, CLOUD);
        let client = config.client().unwrap();
        for _ in 0..6 {
            // Until nothing is sent any more, and what is told is what is kept.
            assert_eq!(client.token().unwrap_err().provider_message(), Some("Account is disabled"));
            world.wind(if status == Status::RateLimited { 1 } else { 5 });
        }
        let told = client.status_json();
        assert!(told.contains("\"provider_message\":\"Account is disabled\""), "{told}");
        drop(client);
        let sent = world.sim.journal().len();
        let error = config.client().unwrap().token().unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert_eq!(error.provider_message(), Some("Account is disabled"), "{error}");
        assert_eq!(world.sim.journal().len(), sent, "{status:?}: it is kept, not asked for");
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
    world.wind(750);
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

/// A clock as another process of the same boot has it: the same time, and nothing else in common.
fn another_process(seconds: u64) -> Clock {
    let clock = Clock::manual();
    clock.wind(Duration::from_secs(seconds));
    clock
}

/// An answer that asks for quiet.
fn busy(header: &str) -> Fault {
    Fault::answer(429, &[("Retry-After", header)], "")
}

#[test]
fn a_request_for_quiet_is_obeyed_in_both_its_forms() {
    let date = |world: &World| http_date(world.sim.now() + 600);
    // The earliest moment, and up to a quarter more by chance, so that a fleet comes back apart.
    for (form, least, most) in
        [("600", 600, 750), ("date", 598, 750), ("99999999999999", 86_400, 108_000)]
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
            world.clock.wind(Duration::from_secs(2));
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
    assert!((598..=750).contains(&asked), "{asked}: not until a year that the gateway knows");
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
        assert!((599..=750).contains(&seconds(error.retry_after())), "{error}");
    }
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
    world.wind(750);
    clients.iter().for_each(|client| drop(client.token().unwrap()));
}

#[test]
fn a_failing_cloud_is_asked_less_and_less_often() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.wind(EXPIRED);
    world.answers(CLOUD, "refresh", Fault::status(503));
    let mut waits = Vec::new();
    for _ in 0..40 {
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::ServerError);
        let wait = error.retry_after().unwrap();
        waits.push(wait.as_secs());
        let refreshes = world.sim.count(CLOUD, "refresh");
        client.token().unwrap_err();
        assert_eq!(world.sim.count(CLOUD, "refresh"), refreshes, "not before the wait has passed");
        world.clock.wind(wait + Duration::from_millis(1));
    }
    assert!(waits[0] <= 1, "a mishap costs no more than a second: {waits:?}");
    let longest = waits.iter().max().unwrap();
    assert!((200..=600).contains(longest), "without a token ten minutes at most: {waits:?}");
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
}

#[test]
fn a_failing_cloud_sees_the_password_four_times_in_ten_minutes() {
    for fault in ["status:503", "reset:before-headers:executed", "lost:502"] {
        let world = World::new();
        world.answers(CLOUD, "login", Fault::from_name(fault).unwrap());
        let client = world.client(CLOUD);
        let mut sent = Vec::new();
        for second in 0..2 * 3600_u64 {
            client.token().unwrap_err();
            sent.resize(world.sim.count(CLOUD, "login"), second);
            world.wind(1);
        }
        let within = |time: u64| {
            let from = |at: &u64| sent.iter().filter(|s| (*at..at + time).contains(*s)).count();
            sent.iter().map(from).max().unwrap()
        };
        assert!(within(600) <= 4 && within(3600) <= 15, "{fault}: {sent:?}");
        assert!(sent[1] <= 2, "{fault}: a single one costs no more than two seconds: {sent:?}");
        assert!(sent.len() >= 12, "{fault}: and it goes on: {sent:?}");
        world.sim.clear_injections();
        world.wind(900);
        client.token().unwrap();
    }
}

#[test]
fn what_may_refuse_a_password_is_asked_twelve_times_an_hour() {
    for fault in [
        Fault::answer(200, &[], r#"{"error": "no"}"#),
        Fault::answer(200, &[], r#"{"access_token": "", "expires_in": 3600}"#),
        Fault::from_name("html-200").unwrap(),
        Fault::status(418),
    ] {
        let world = World::new();
        world.answers(CLOUD, "login", fault.clone());
        let mut config = world.config(CLOUD, "password");
        config.set("login_hold_s", "1").unwrap();
        let client = config.client().unwrap();
        for _ in 0..3600 {
            client.token().unwrap_err();
            world.wind(1);
        }
        let logins = world.sim.count(CLOUD, "login");
        assert!((2..=12).contains(&logins), "{fault}: {logins} in the first hour");
        world.wind(3600);
        world.sim.clear_injections();
        client.token().unwrap();
    }
}

#[test]
fn what_was_tried_is_counted_across_restarts() {
    for (fault, most) in [("status:503", 15), ("status:418", 12)] {
        let (world, directory) = (World::new(), Directory::new("counted"));
        world.answers(CLOUD, "login", Fault::from_name(fault).unwrap());
        for start in 0..60 {
            let mut config = directory.config(&world, CLOUD);
            config.set_clock(another_process(start * 60));
            config.client().unwrap().token().unwrap_err();
            world.wind(60);
        }
        let logins = world.sim.count(CLOUD, "login");
        assert!((3..=most).contains(&logins), "{fault}: {logins} in an hour");
    }
}

#[test]
fn a_hold_is_about_the_secret_whatever_scope_or_client_asks() {
    for stored in [false, true] {
        let (world, directory) = (World::new(), Directory::new("scopes"));
        let cloud = Cloud::OAuth2;
        let config = |scope: &str, client_id: &str| {
            let mut config = world.reach(cloud);
            config.set("username", credentials::oauth2::USERNAME).unwrap();
            config.set("password", "wrong").unwrap();
            config.set("client_id", client_id).unwrap();
            config.set("scope", scope).unwrap();
            if stored {
                config.set("store", &directory.option()).unwrap();
                config.set_clock(another_process(0));
            }
            config
        };
        let refusal = Fault::answer(400, &[], r#"{"error": "invalid_grant"}"#);
        world.answers(cloud, "login", refusal);
        let first = config("a", "one").client().unwrap().token().unwrap_err();
        assert_eq!(first.status(), Status::CredentialsRejected, "{first}");
        for (scope, client_id) in [("b", "one"), ("c", "one"), ("a", "two"), ("b", "three")] {
            let held = config(scope, client_id).client().unwrap().token().unwrap_err();
            assert_eq!(held.status(), Status::LoginOnHold, "{scope} {client_id}: {held}");
        }
        assert_eq!(world.sim.count(cloud, "login"), 1, "stored: {stored}");
    }
}

#[test]
fn scopes_that_ask_at_once_send_a_wrong_password_once() {
    for stored in [false, true] {
        let (world, directory) = (World::new(), Directory::new("scopes-at-once"));
        let cloud = Cloud::OAuth2;
        world.answers(cloud, "login", Fault::answer(400, &[], r#"{"error": "invalid_grant"}"#));
        world.sim.set_delay(cloud, "login", Duration::from_millis(200));
        std::thread::scope(|scope| {
            for wanted in ["a", "b", "c", "d"] {
                let mut config = world.config(cloud, "password");
                config.set("scope", wanted).unwrap();
                if stored {
                    config.set("store", &directory.option()).unwrap();
                }
                scope.spawn(move || config.client().unwrap().token().unwrap_err());
            }
        });
        assert_eq!(world.sim.count(cloud, "login"), 1, "stored: {stored}");
    }
}

#[test]
fn a_hold_ends_when_what_was_wrong_is_put_right() {
    let cloud = Cloud::OAuth2;
    for (login, option, wrong, right) in [
        ("client-credentials", "client_auth", "client_secret_post", "client_secret_basic"),
        ("password", "client_auth", "client_secret_post", "client_secret_basic"),
        ("client-credentials", "client_secret", "wrong", credentials::oauth2::CLIENT_SECRET),
        ("password", "client_secret", "wrong", credentials::oauth2::CLIENT_SECRET),
        ("password", "client_id", "wrong", credentials::oauth2::CLIENT_ID),
        ("password", "username", "wrong", credentials::oauth2::USERNAME),
        ("password", "password", "wrong", credentials::oauth2::PASSWORD),
    ] {
        let world = World::new();
        if option == "client_auth" {
            let refusal = Fault::answer(401, &[], r#"{"error": "invalid_client"}"#);
            world.answers_once(cloud, "login", refusal);
        }
        let mut config = world.config(cloud, login);
        config.set(option, wrong).unwrap();
        let client = config.client().unwrap();
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::CredentialsRejected, "{login} {option}: {error}");
        assert_eq!(client.token().unwrap_err().status(), Status::LoginOnHold, "{login} {option}");
        client.set(option, right).unwrap();
        client.token().unwrap_or_else(|error| panic!("{login} {option}: {error}"));
    }
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
