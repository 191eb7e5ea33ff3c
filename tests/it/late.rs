//! A cloud that is slower than its callers are patient: the answer that one could not wait for is
//! the next one's, nothing is asked twice, and nothing that was issued is lost.

use crate::common::directory::Directory;
use crate::common::relay::Relay;
use crate::common::{FOUR, World, devices, until};
use keyfob::{Client, Error, Secret, Status};
use keyfob_simulator::{Cloud, Fault, Rotation, credentials};
use std::time::Duration;

const CLOUD: Cloud = Cloud::Simacan;
const EXPIRED: u64 = 7200;

/// A cloud that takes its time for token calls, and whose refresh tokens are spent by one use.
fn slow(cloud: Cloud) -> World {
    let world = World::new();
    world.sim.set_lifetime(cloud, Some(Duration::from_secs(3600)), None);
    world.sim.set_rotation(cloud, Rotation::RevokeFamilyOnReuse);
    for call in ["login", "refresh"] {
        world.sim.set_delay(cloud, call, Duration::from_millis(900));
    }
    world
}

/// A handle whose calls wait for a third of what the cloud takes.
fn hasty(client: &Client) -> Client {
    client.share(Some(Duration::from_millis(300)))
}

/// Calls until there is a token, each time with too little patience for a whole answer.
fn in_pieces(client: &Client) -> (Secret, u32) {
    let mut timeouts = 0;
    loop {
        match hasty(client).token() {
            Ok(token) => return (token, timeouts),
            Err(error) => assert_eq!(error.status(), Status::Timeout, "{error}"),
        }
        timeouts += 1;
    }
}

/// One call that ends before the cloud has answered.
fn too_soon(client: &Client) -> Error {
    let error = hasty(client).token().unwrap_err();
    assert_eq!(error.status(), Status::Timeout, "{error}");
    error
}

#[test]
fn a_token_that_no_single_call_waits_for_is_asked_for_once() {
    for cloud in FOUR {
        let world = slow(cloud);
        let client = world.client(cloud);
        let (old, timeouts) = in_pieces(&client);
        assert!(timeouts > 0, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?}");
        world.wind(EXPIRED);
        let (new, timeouts) = in_pieces(&client);
        assert!(timeouts > 0 && new != old, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "refresh"), 1, "{cloud:?}");
        assert_eq!(world.sim.families_lost(cloud), 0, "{cloud:?}");
        assert_eq!(world.get(&client, cloud, &devices(cloud)).unwrap().status(), 200);
        assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?}");
    }
}

#[test]
fn an_answer_in_drops_is_gathered_by_caller_after_caller() {
    let world = World::new();
    let client = world.client(CLOUD);
    world.answers_once(CLOUD, "login", Fault::Drip { ms: 2 });
    let (_, timeouts) = in_pieces(&client);
    assert!(timeouts > 1);
    assert_eq!(world.token_calls(CLOUD), ["login"]);
    assert_eq!(world.get(&client, CLOUD, &devices(CLOUD)).unwrap().status(), 200);
}

#[test]
fn it_is_so_over_plain_http_too() {
    let world = slow(CLOUD);
    let mut config = world.config(CLOUD, "password");
    config.set("base_url", &world.sim.http_base_url(CLOUD)).unwrap();
    in_pieces(&config.client().unwrap());
    assert_eq!(world.token_calls(CLOUD), ["login"]);
}

#[test]
fn what_a_cancelled_call_has_asked_is_answered_to_the_next() {
    let world = slow(CLOUD);
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.wind(EXPIRED);
    let fickle = client.share(None);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| fickle.token());
        until(|| world.sim.count(CLOUD, "refresh") == 1);
        fickle.cancel();
        assert_eq!(waiting.join().unwrap().unwrap_err().status(), Status::Cancelled);
    });
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn another_client_of_the_identity_reads_it_as_well() {
    let world = slow(CLOUD);
    let (one, other) = (world.client(CLOUD), world.client(CLOUD));
    too_soon(&one);
    other.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login"]);
}

#[test]
fn other_credentials_ask_for_themselves() {
    let world = slow(CLOUD);
    let client = world.wrong_password(CLOUD).client().unwrap();
    too_soon(&client);
    client.set("password", credentials::simacan::PASSWORD).unwrap();
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "login"]);
}

#[test]
fn a_slow_cloud_sees_a_wrong_password_of_hasty_callers_once() {
    let world = slow(CLOUD);
    let client = world.wrong_password(CLOUD).client().unwrap();
    let rejected = loop {
        let error = hasty(&client).token().unwrap_err();
        if error.status() != Status::Timeout {
            break error;
        }
    };
    assert_eq!(rejected.status(), Status::CredentialsRejected);
    assert_eq!(hasty(&client).token().unwrap_err().status(), Status::LoginOnHold);
    assert_eq!(world.token_calls(CLOUD), ["login"]);
}

#[test]
fn an_answer_that_does_not_come_is_asked_for_again_in_the_end() {
    for call in ["login", "refresh"] {
        let world = World::new();
        let client = world.client(CLOUD);
        if call == "refresh" {
            client.token().unwrap();
            world.wind(EXPIRED);
        }
        world.answers_once(CLOUD, call, Fault::from_name("stall:before-headers").unwrap());
        too_soon(&client);
        too_soon(&client);
        assert_eq!(world.sim.count(CLOUD, call), 1);
        world.wind(30);
        client.token().unwrap();
        assert_eq!(world.sim.count(CLOUD, call), 2);
    }
}

#[test]
fn a_connection_that_breaks_meanwhile_fails_no_later_call() {
    let world = slow(CLOUD);
    world.sim.set_rotation(CLOUD, Rotation::Keep);
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.wind(EXPIRED);
    too_soon(&client);
    world.sim.cut_connections(CLOUD);
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "refresh"]);
}

#[test]
fn a_late_refresh_is_read_and_its_token_lives_from_the_asking() {
    for (meanwhile, token_calls) in
        [(60, &["login", "refresh"][..]), (7200, &["login", "refresh", "refresh"][..])]
    {
        let world = slow(CLOUD);
        let client = world.client(CLOUD);
        client.token().unwrap();
        world.wind(EXPIRED);
        too_soon(&client);
        until(|| world.sim.count(CLOUD, "refresh") == 1 && !world.sim.is_at_work(CLOUD));
        world.wind(meanwhile);
        client.token().unwrap();
        assert_eq!(world.token_calls(CLOUD), token_calls);
        assert_eq!(world.sim.families_lost(CLOUD), 0);
        let lived = if meanwhile == 60 { 60 } else { 0 };
        assert_eq!(client.expires_in(), Some(Duration::from_secs(3600 - lived)));
        assert_eq!(world.get(&client, CLOUD, &devices(CLOUD)).unwrap().status(), 200);
    }
}

#[test]
fn what_a_password_was_answered_long_ago_is_asked_anew() {
    let world = slow(CLOUD);
    let client = world.client(CLOUD);
    too_soon(&client);
    until(|| !world.sim.is_at_work(CLOUD));
    world.wind(60);
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "login"]);
}

#[test]
fn forgetting_is_forgetting_what_was_asked_as_well() {
    let world = slow(CLOUD);
    let client = world.client(CLOUD);
    too_soon(&client);
    client.forget().unwrap();
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "login"]);
}

#[test]
fn clients_that_share_a_store_of_files_read_each_others_answers() {
    let world = slow(CLOUD);
    let directory = Directory::new("late");
    let (one, other) = (directory.client(&world, CLOUD), directory.client(&world, CLOUD));
    one.token().unwrap();
    world.wind(EXPIRED);
    too_soon(&one);
    let new = other.token().unwrap();
    assert_eq!(one.token().unwrap(), new);
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

/// IoTConnect's login, whose second step goes to an address of its own.
fn in_two_places(world: &World, second: &Relay) -> keyfob::Config {
    let cloud = Cloud::IotConnect;
    let profile = include_str!("../../src/provider/catalogue/iotconnect.json");
    let mut profile: serde_json::Value = serde_json::from_str(profile).unwrap();
    profile["name"] = "two-places".into();
    profile["options"]["second"] = serde_json::json!({ "help": "The second." });
    profile["logins"]["password"]["steps"][1]["url"] = "{second}/api/v2/Auth/login".into();
    let mut config = keyfob::Config::new("custom").unwrap();
    config.set("profile", &profile.to_string()).unwrap();
    for (option, value) in &credentials::logins(cloud)[0].1 {
        config.set(option, value).unwrap();
    }
    config.set("base_url", &world.sim.base_url(cloud)).unwrap();
    config.set("second", &second.leads(&world.sim.base_url(cloud))).unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set("retries", "0").unwrap();
    config.set_clock(world.clock.clone());
    config
}

#[test]
fn what_a_step_obtained_is_kept_when_time_ends_before_the_next() {
    let cloud = Cloud::IotConnect;
    let count =
        |world: &World| [world.sim.count(cloud, "basic-token"), world.sim.count(cloud, "login")];
    for then in ["asks again", "asks again late", "forgets", "sets another password", "is refused"]
    {
        let world = World::new();
        let second = Relay::to(&world.sim.base_url(cloud));
        let client = in_two_places(&world, &second).client().unwrap();
        second.shut(true);
        // The first step is answered; the second has no connection when the time is over.
        while second.count() == 0 {
            too_soon(&client);
        }
        let [first, login] = count(&world);
        assert!(first >= 1 && login == 0, "{then}");
        too_soon(&client);
        assert_eq!(count(&world), [first, 0], "{then}: the first step is not asked again");
        second.shut(false);
        match then {
            "asks again late" => {
                // Tries in between make it no younger.
                second.shut(true);
                world.wind(16);
                too_soon(&client);
                assert_eq!(count(&world), [first, 0]);
                second.shut(false);
                world.wind(15);
            }
            "forgets" => client.forget().unwrap(),
            "sets another password" => {
                world.sim.set_password(cloud, "another horse");
                client.set("password", "another horse").unwrap();
            }
            "is refused" => {
                world.answers_once(cloud, "login", Fault::status(401));
                assert_eq!(client.token().unwrap_err().status(), Status::CredentialsRejected);
                world.wind(61);
            }
            _ => {}
        }
        let refused = usize::from(then == "is refused");
        client.token().unwrap();
        let again = usize::from(then != "asks again");
        assert_eq!(count(&world), [first + again, 1 + refused], "{then}");
    }
}
