//! Time: lifetimes run on the boot-time clock, and no wall clock makes a renewal early or late.

use crate::common::directory::Directory;
use crate::common::{World, alone, status, until};
use keyfob::{Client, Clock, Config, Status};
use keyfob_simulator::{Cloud, Fault, credentials, http_date};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const YEAR: i64 = 365 * 86_400;
/// What the wall clock of a manual clock says at first: the day of this library's release.
const RELEASE: i64 = 1_767_225_600;

/// Wall clocks that a gateway may wake up with, or be set to.
const WALLS: [i64; 7] =
    [0, -1, RELEASE - 50 * YEAR, RELEASE - YEAR, RELEASE + YEAR, RELEASE + 100 * YEAR, i64::MAX];

/// Simacan's tokens say what they live, ThingsBoard's have an `exp`, Kontakt's say nothing.
const CLOUDS: [(Cloud, u64); 3] =
    [(Cloud::Simacan, 3600), (Cloud::ThingsBoard, 9000), (Cloud::Kontakt, 7200)];

#[test]
fn a_wrong_wall_clock_changes_no_lifetime() {
    for wall in WALLS {
        for (cloud, lifetime) in CLOUDS {
            let world = World::new();
            world.clock.set_wall(wall);
            let client = world.client(cloud);
            let first = client.token().unwrap();
            let lives = client.expires_in().unwrap().as_secs();
            assert!((lifetime - 1..=lifetime).contains(&lives), "{cloud:?} at {wall}: {lives}");
            let due = client.renew_due_in().unwrap().as_secs();
            assert!((lifetime / 4 - 1..lifetime).contains(&due), "{cloud:?} at {wall}: {due}");
            world.wind(due - 1);
            assert_eq!(client.token().unwrap(), first, "{cloud:?} at {wall}: not early");
            world.wind(lifetime - due + 2);
            assert_ne!(client.token().unwrap(), first, "{cloud:?} at {wall}: not late");
            assert_eq!(world.token_calls(cloud), ["login", "refresh"], "{cloud:?} at {wall}");
        }
    }
}

#[test]
fn a_wall_clock_that_jumps_changes_nothing_that_is_under_way() {
    for (cloud, lifetime) in CLOUDS {
        let world = World::new();
        let client = world.client(cloud);
        let first = client.token().unwrap();
        let due = client.renew_due_in();
        for wall in WALLS {
            world.clock.set_wall(wall);
            assert_eq!(client.renew_due_in(), due, "{cloud:?} at {wall}");
            assert_eq!(client.token().unwrap(), first, "{cloud:?} at {wall}");
        }
        world.wind(lifetime + 1);
        world.clock.set_wall(0);
        assert_ne!(client.token().unwrap(), first);
        assert_eq!(world.token_calls(cloud), ["login", "refresh"], "{cloud:?}");
    }
}

#[test]
fn a_wall_clock_set_during_a_renewal_changes_nothing() {
    for (cloud, lifetime) in CLOUDS {
        for wall in [0, RELEASE + YEAR] {
            let world = World::new();
            let client = world.client(cloud);
            client.token().unwrap();
            world.wind(lifetime + 1);
            world.sim.set_delay(cloud, "refresh", Duration::from_millis(100));
            std::thread::scope(|scope| {
                let renewing = scope.spawn(|| client.token().unwrap());
                until(|| world.sim.count(cloud, "refresh") > 0);
                world.clock.set_wall(wall);
                renewing.join().unwrap();
            });
            let lives = client.expires_in().unwrap().as_secs();
            assert!((lifetime - 1..=lifetime).contains(&lives), "{cloud:?} to {wall}: {lives}");
        }
    }
}

#[test]
fn a_lifetime_counts_from_when_the_token_was_asked_for() {
    let world = World::new();
    let client = world.client(Cloud::Simacan);
    world.sim.set_delay(Cloud::Simacan, "login", Duration::from_millis(100));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| client.token().unwrap());
        until(|| world.sim.count(Cloud::Simacan, "login") > 0);
        world.clock.wind(Duration::from_secs(10));
        asking.join().unwrap();
    });
    assert_eq!(client.expires_in(), Some(Duration::from_secs(3590)), "not from when it came");
}

#[test]
fn a_jwt_lives_by_its_own_clock_where_the_answer_has_no_date() {
    let world = World::new();
    let cloud = Cloud::ThingsBoard;
    world.clock.set_wall(0);
    let no_date = Fault::from_name("remove-header:Date").unwrap();
    world.answers_once(cloud, "login", no_date);
    let client = world.client(cloud);
    client.token().unwrap();
    assert_eq!(client.expires_in(), Some(Duration::from_secs(9000)), "exp less iat");
}

#[test]
fn a_date_that_is_nonsense_is_as_good_as_none() {
    for date in ["yesterday", "", "Thu, 99 Jan 2026 00:00:00 GMT", "0"] {
        let world = World::new();
        let fault = Fault::SetHeader { name: "Date".into(), value: date.into() };
        world.answers(Cloud::ThingsBoard, "login", fault);
        let client = world.client(Cloud::ThingsBoard);
        client.token().unwrap();
        assert_eq!(client.expires_in(), Some(Duration::from_secs(9000)), "{date}");
    }
}

#[test]
fn time_asleep_counts_as_time() {
    // The boot-time clock runs on while the machine is suspended; to a client that is a jump.
    let world = World::new();
    let client = world.client(Cloud::Simacan);
    let first = client.token().unwrap();
    world.wind(8 * 3600);
    assert_eq!(status(&client)["state"], "expired");
    assert_eq!(client.try_token().unwrap_err().status(), Status::WouldBlock);
    assert_ne!(client.token().unwrap(), first);
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh"]);
}

/// How long the machine is taken to have slept, in seconds.
const NIGHT: &str = "36000";

/// A process of its own that uses the account's store, after a night's sleep or without one; why
/// not, where the system does not let us pretend.
fn token_in_another_process(world: &World, store: &str, slept: bool) -> Result<(), String> {
    let command = |program: &Path| {
        if !slept {
            return Command::new(program);
        }
        let mut asleep = Command::new("unshare");
        asleep.args(["--time", "--boottime", NIGHT, "--fork"]).arg(program);
        asleep
    };
    let tried = command(Path::new("true")).output().map_err(|error| error.to_string())?;
    if !tried.status.success() {
        return Err(String::from_utf8_lossy(&tried.stderr).trim().to_string());
    }
    let ran = command(&std::env::current_exe().unwrap())
        .args(alone::only(a_process_that_asks_for_a_token))
        .env("KEYFOB_TEST_BASE_URL", world.sim.base_url(Cloud::Simacan))
        .env("KEYFOB_TEST_CA", world.sim.ca_file())
        .env("KEYFOB_TEST_STORE", store)
        .output()
        .unwrap();
    alone::passed(ran);
    Ok(())
}

#[test]
#[ignore = "is run in a process of its own by the test below"]
fn a_process_that_asks_for_a_token() {
    let variable = |name| std::env::var(name).unwrap();
    let mut config = Config::new("simacan").unwrap();
    config.set("base_url", &variable("KEYFOB_TEST_BASE_URL")).unwrap();
    config.set("ca_file", &variable("KEYFOB_TEST_CA")).unwrap();
    config.set("store", &variable("KEYFOB_TEST_STORE")).unwrap();
    for (option, value) in &credentials::logins(Cloud::Simacan)[0].1 {
        config.set(option, value).unwrap();
    }
    config.client().unwrap().token().unwrap();
}

#[test]
fn the_systems_clock_runs_on_while_the_machine_sleeps() {
    let (world, directory) = (World::new(), Directory::new("asleep"));
    let ask = |slept| token_in_another_process(&world, &directory.option(), slept);
    ask(false).unwrap();
    ask(false).unwrap();
    assert_eq!(world.token_calls(Cloud::Simacan), ["login"]);
    match ask(true) {
        Ok(()) => assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh"]),
        Err(why) => eprintln!("not tried: {why}"),
    }
}

#[test]
fn holds_and_pauses_run_on_the_boot_time_clock_too() {
    let world = World::new();
    let cloud = Cloud::Simacan;
    let mut config = world.config(cloud, "password");
    config.set("password", "wrong").unwrap();
    let held = config.client().unwrap();
    held.token().unwrap_err();
    let busy = world.client(cloud);
    let quiet = Fault::answer(429, &[("Retry-After", "600")], "");
    world.answers_once(cloud, "login", quiet);
    busy.token().unwrap_err();
    for wall in WALLS {
        world.clock.set_wall(wall);
        assert_eq!(held.token().unwrap_err().status(), Status::LoginOnHold, "{wall}");
        assert_eq!(busy.token().unwrap_err().status(), Status::RateLimited, "{wall}");
    }
    world.clock.set_wall(RELEASE);
    assert_eq!(world.sim.count(cloud, "login"), 2);
}

#[test]
fn a_date_to_wait_for_needs_no_right_wall_clock() {
    let cloud = Cloud::Simacan;
    for wall in WALLS {
        let world = World::new();
        world.clock.set_wall(wall);
        let client = world.client(cloud);
        let until = http_date(world.sim.now() + 90);
        world.answers_once(cloud, "login", Fault::answer(429, &[("Retry-After", &until)], ""));
        let wait = client.token().unwrap_err().retry_after().unwrap().as_secs();
        assert!((88..=120).contains(&wait), "at {wall}: {wait}");
    }
}

#[test]
fn a_date_to_wait_for_is_judged_by_the_time_last_told() {
    let wait = |told: bool| {
        let world = World::new();
        world.clock.set_wall(0);
        let cloud = Cloud::Simacan;
        let client = world.client(cloud);
        if told {
            client.token().unwrap();
            world.wind(3600);
        }
        // A `Date` that is none: this answer does not tell the time.
        let until = http_date(world.sim.now() + 600);
        let busy = Fault::answer(429, &[("Retry-After", &until), ("Date", "unset")], "");
        world.answers_once(cloud, if told { "refresh" } else { "login" }, busy);
        client.token().unwrap_err().retry_after().unwrap().as_secs()
    };
    assert!((598..=750).contains(&wait(true)));
    assert!((3600..=4500).contains(&wait(false)), "an hour where nobody has told it");
}

/// A client of the account in this directory, on this clock.
fn on(world: &World, directory: &Directory, clock: &Clock) -> Client {
    let mut config = directory.config(world, Cloud::Simacan);
    config.set_clock(clock.clone());
    config.client().unwrap()
}

#[test]
fn what_lies_in_the_future_was_written_by_another_clock() {
    let (world, directory) = (World::new(), Directory::new("namespaces"));
    // Two hours ahead of the other, in the same boot: another time namespace.
    let (ahead, behind) = (Clock::manual(), Clock::manual());
    ahead.wind(Duration::from_secs(7200));
    on(&world, &directory, &ahead).token().unwrap();
    let client = on(&world, &directory, &behind);
    client.token().unwrap();
    assert_eq!(world.token_calls(Cloud::Simacan), ["login"], "it is good");
    let left = client.expires_in().unwrap();
    assert!(left <= Duration::from_secs(3600), "but no longer than it lives: {left:?}");
    behind.wind(Duration::from_secs(3601));
    world.sim.wind(Duration::from_secs(3601));
    client.token().unwrap();
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh"]);
}

#[test]
fn a_pause_of_another_clock_lasts_no_longer_here() {
    let (world, directory) = (World::new(), Directory::new("pause-ahead"));
    let (ahead, behind) = (Clock::manual(), Clock::manual());
    ahead.wind(Duration::from_secs(7200));
    let busy = Fault::answer(429, &[("Retry-After", "600")], "");
    world.answers_once(Cloud::Simacan, "login", busy);
    on(&world, &directory, &ahead).token().unwrap_err();
    let error = on(&world, &directory, &behind).token().unwrap_err();
    let left = error.retry_after().unwrap().as_secs();
    assert!((590..=750).contains(&left), "{left}: not two hours more");
}

#[test]
fn another_machine_ages_a_token_by_the_clouds_time() {
    let (world, directory) = (World::new(), Directory::new("machines"));
    let machine = |name: &str, up: u64, wall: i64| {
        let clock = Clock::manual();
        clock.set_machine(name);
        clock.wind(Duration::from_secs(up));
        clock.set_wall(wall);
        clock
    };
    // Up for very different times, with wall clocks that are wrong by years.
    let (one, other) = (machine("one", 10, 0), machine("other", 40 * 86_400, RELEASE + 9 * YEAR));
    on(&world, &directory, &one).token().unwrap();
    world.sim.wind(Duration::from_secs(1000));
    one.wind(Duration::from_secs(1000));
    other.wind(Duration::from_secs(1000));
    let client = on(&world, &directory, &other);
    client.token().unwrap();
    assert_eq!(world.token_calls(Cloud::Simacan), ["login"], "shared");
    // It has not heard the cloud's time yet: the record may have been written just now.
    assert!(client.expires_in().unwrap() <= Duration::from_secs(3600));
    let path = crate::common::devices(Cloud::Simacan);
    world.get(&client, Cloud::Simacan, &path).unwrap();
    let left = on(&world, &directory, &other).expires_in().unwrap().as_secs();
    assert!((2590..=2600).contains(&left), "by the cloud's time: {left}");
}

#[test]
fn another_machine_keeps_a_hold() {
    let (world, directory) = (World::new(), Directory::new("machines-hold"));
    for (index, up) in [10, 40 * 86_400, 1, 5000].into_iter().enumerate() {
        let clock = Clock::manual();
        clock.set_machine(&format!("machine-{index}"));
        clock.wind(Duration::from_secs(up));
        let mut config = directory.config(&world, Cloud::Simacan);
        config.set("password", "wrong").unwrap();
        config.set_clock(clock);
        config.client().unwrap().token().unwrap_err();
    }
    assert_eq!(world.sim.count(Cloud::Simacan, "login"), 1, "four machines, one password");
}
