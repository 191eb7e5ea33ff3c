//! Serve, renew, fall back: what a client does with a token as it ages, and when things fail.

use crate::common::{FOUR, World, counter, devices, status, until};
use keyfob::{Client, Status};
use keyfob_simulator::{Cloud, Fault, Rotation, credentials};
use std::time::Duration;

const CLOUD: Cloud = Cloud::Simacan;

/// Simacan's tokens live an hour. None is due in its first quarter; the window is five minutes, and all
/// are due at its middle.
const FRESH: u64 = 3600 / 4 - 1;
const DUE: u64 = 3600 - 149;
const EXPIRED: u64 = 3601;

#[test]
fn a_fresh_token_is_served_without_a_call() {
    let world = World::new();
    for cloud in FOUR {
        let client = world.client(cloud);
        let first = client.token().unwrap();
        world.wind(FRESH);
        for _ in 0..100 {
            assert_eq!(client.token().unwrap(), first);
        }
        assert_eq!(world.sim.count(cloud, "login"), 1);
        assert_eq!(world.sim.count(cloud, "refresh"), 0);
    }
}

#[test]
fn nothing_is_sent_before_a_token_is_asked_for() {
    let world = World::new();
    let client = world.client(CLOUD);
    assert_eq!(client.try_token().unwrap_err().status(), Status::WouldBlock);
    assert_eq!(client.expires_in(), Some(Duration::ZERO));
    assert_eq!(client.renew_due_in(), Some(Duration::ZERO));
    assert_eq!(status(&client)["state"], "none");
    assert_eq!(world.sim.journal().len(), 0);
}

#[test]
fn a_token_passes_from_fresh_to_due_to_expired() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    for (seconds, state) in [(0, "fresh"), (FRESH, "fresh"), (DUE - FRESH, "due"), (200, "expired")]
    {
        world.clock.wind(Duration::from_secs(seconds));
        assert_eq!(status(&client)["state"], state);
    }
    assert_eq!(world.token_calls(CLOUD), ["login"]);
}

#[test]
fn a_due_token_is_renewed_by_one_caller() {
    let world = World::new();
    let client = world.client(CLOUD);
    let first = client.token().unwrap();
    world.wind(DUE);
    let second = client.token().unwrap();
    assert_ne!(second, first);
    assert_eq!(client.token().unwrap(), second);
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn readers_of_a_due_token_do_not_wait_for_its_renewal() {
    let world = World::new();
    let client = world.client(CLOUD);
    let first = client.token().unwrap();
    world.wind(DUE);
    world.sim.set_delay(CLOUD, "refresh", Duration::from_secs(3600));
    let leader = client.share(None);
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| leader.token());
        until(|| world.sim.count(CLOUD, "refresh") > 0);
        for _ in 0..10 {
            assert_eq!(client.token().unwrap(), first);
            assert_eq!(client.with_header_lines(str::len).unwrap(), 22 + first.expose().len());
        }
        assert!(!renewing.is_finished(), "all of them came while the renewal was under way");
        leader.cancel();
        // The one who renews is not left empty-handed either.
        assert_eq!(renewing.join().unwrap().unwrap(), first);
    });
    assert_eq!(world.sim.count(CLOUD, "refresh"), 1);
}

#[test]
fn a_failed_early_renewal_serves_the_good_token_and_backs_off() {
    for fault in ["status:503", "status:429", "reset:before-headers", "html-200", "tls:expired"] {
        let world = World::new();
        world.sim.set_rotation(CLOUD, Rotation::Keep);
        let client = world.client(CLOUD);
        let first = client.token().unwrap();
        world.wind(DUE);
        world.answers(CLOUD, "refresh", Fault::from_name(fault).unwrap());
        assert_eq!(client.token().unwrap(), first, "{fault}");
        let tried = world.sim.journal().len();
        for _ in 0..50 {
            assert_eq!(client.token().unwrap(), first, "{fault}");
        }
        assert_eq!(world.sim.journal().len(), tried, "{fault}: backed off");
        assert!(status(&client)["pause_ms"].as_u64().unwrap() > 0, "{fault}");
        assert_ne!(status(&client)["last_error"], serde_json::Value::Null, "{fault}");
        world.sim.clear_injections();
        world.wind(31);
        assert_ne!(client.token().unwrap(), first, "{fault}: and tried again");
        assert_eq!(status(&client)["last_error"], serde_json::Value::Null, "{fault}");
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{fault}");
    }
}

#[test]
fn the_moment_of_renewal_is_stable_and_spreads_a_fleet() {
    let world = World::new();
    let due = |name: &str| {
        let mut config = world.reach(Cloud::Kontakt);
        config.set("username", name).unwrap();
        config.set("password", "p").unwrap();
        let body = r#"{"accessToken":"a","refreshToken":"r"}"#;
        world.answers_once(Cloud::Kontakt, "login", Fault::answer(200, &[], body));
        let client = config.client().unwrap();
        client.token().unwrap();
        client.renew_due_in().unwrap().as_millis()
    };
    let mut moments: Vec<u128> = (0..40).map(|n| due(&format!("gateway-{n}"))).collect();
    assert_eq!(due("gateway-7"), moments[7], "the same after a restart");
    for moment in &moments {
        // From a quarter of the two hours to the five-minute window.
        assert!((1_800_000..=6_900_000).contains(moment), "{moment}");
    }
    moments.sort_unstable();
    moments.dedup();
    assert!(moments.len() >= 39, "a fleet that booted together does not renew together");
    let spread = moments[moments.len() - 1] - moments[0];
    assert!(spread > 3_600_000, "spread over {spread} ms");
}

#[test]
fn a_renewal_in_turn_keeps_its_place_and_any_other_does_not() {
    let world = World::new();
    world.sim.set_rotation(CLOUD, Rotation::Keep);
    let lives = Duration::from_secs(3600);
    // How long after its issue the token at hand is renewed.
    let place = |client: &Client| lives - (left(client) - client.renew_due_in().unwrap());
    let in_window = Duration::from_secs(3300)..=Duration::from_secs(3450);
    let client = world.client(CLOUD);
    client.token().unwrap();
    let first = place(&client);
    assert!(first < *in_window.start(), "after the login: {first:?}");
    let mut places = Vec::new();
    for _ in 0..3 {
        wind_until_due(&world, &client);
        client.token().unwrap();
        places.push(place(&client).as_secs());
    }
    assert!(places.iter().all(|place| in_window.contains(&Duration::from_secs(*place))));
    assert!(places.iter().all(|place| *place == places[0]), "its own place: {places:?}");
    for interrupt in ["503", "expired", "revoked"] {
        wind_until_due(&world, &client);
        match interrupt {
            "503" => {
                world.answers(CLOUD, "refresh", Fault::status(503));
                client.token().unwrap();
                world.sim.clear_injections();
                world.wind(40);
            }
            "expired" => world.wind(EXPIRED),
            _ => {
                client.token().unwrap();
                world.sim.revoke_access_tokens(CLOUD);
                world.get(&client, CLOUD, &devices(CLOUD)).unwrap();
            }
        }
        client.token().unwrap();
        assert_eq!(place(&client).as_secs(), first.as_secs(), "{interrupt}");
    }
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
}

#[test]
fn who_sets_the_window_has_every_token_renewed_in_it() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("renew_before_s", "300").unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    let before = left(&client) - client.renew_due_in().unwrap();
    assert!((150..=300).contains(&before.as_secs()), "after the login, too: {before:?}");
}

fn left(client: &Client) -> Duration {
    client.expires_in().unwrap()
}

fn wind_until_due(world: &World, client: &Client) {
    world.wind(client.renew_due_in().unwrap().as_secs() + 1);
}

#[test]
fn the_first_logins_of_a_fleet_are_spread_if_it_is_asked_for() {
    let world = World::new();
    let waits: Vec<u64> = (0..8)
        .map(|n| {
            let mut config = world.config(CLOUD, "password");
            config.set("start_spread_s", "3600").unwrap();
            // An identity of its own for each.
            config.set("username", &format!("gateway-{n}")).unwrap();
            let clock = keyfob::Clock::manual();
            config.set_clock(clock.clone());
            let client = config.client().unwrap();
            let hasty = client.share(Some(Duration::from_millis(1)));
            let error = hasty.token().unwrap_err();
            assert_eq!(error.status(), Status::WouldBlock, "{error}");
            let wait = error.retry_after().unwrap();
            clock.wind(wait);
            assert_ne!(client.token().unwrap_err().status(), Status::WouldBlock);
            wait.as_secs()
        })
        .collect();
    assert_eq!(world.sim.count(CLOUD, "login"), 8);
    let (first, last) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*last < 3600 && last - first > 300, "{waits:?}");
}

#[test]
fn the_window_is_the_option_or_a_tenth_of_the_lifetime() {
    for (set, lifetime, window) in
        [("300", 3600, 300), ("60", 3600, 60), ("300", 600, 60), ("0", 600, 0)]
    {
        let world = World::new();
        world.sim.set_lifetime(CLOUD, Some(Duration::from_secs(lifetime)), None);
        let mut config = world.config(CLOUD, "password");
        config.set("renew_before_s", set).unwrap();
        let client = config.client().unwrap();
        client.token().unwrap();
        let left = client.expires_in().unwrap() - client.renew_due_in().unwrap();
        let (most, least) = (window * 1000, window * 500);
        assert!((least..=most).contains(&(left.as_millis() as u64)), "{set} {lifetime}: {left:?}");
    }
}

#[test]
fn an_expired_token_is_never_served() {
    for cloud in [Cloud::Kontakt, Cloud::IotConnect, Cloud::Simacan] {
        let world = World::new();
        let client = world.client(cloud);
        let first = client.token().unwrap();
        world.wind(7201);
        assert_eq!(client.try_token().unwrap_err().status(), Status::WouldBlock);
        world.answers(cloud, "refresh", Fault::status(503));
        assert_eq!(client.token().unwrap_err().status(), Status::ServerError);
        world.sim.clear_injections();
        world.wind(60);
        assert_ne!(client.token().unwrap(), first);
        assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?}: the refresh token was kept");
    }
}

#[test]
fn a_token_that_arrives_expired_is_handed_out_once() {
    let world = World::new();
    let client = world.client(CLOUD);
    world.answers_once(CLOUD, "login", Fault::set_field("/expires_in", 1.into()));
    // Long enough for all of them to come, on a machine that is busy with other tests, too.
    world.sim.set_delay(CLOUD, "login", Duration::from_millis(2000));
    let all_here = std::sync::Barrier::new(20);
    let tokens: Vec<_> = std::thread::scope(|scope| {
        let ask = || {
            all_here.wait();
            client.token().unwrap()
        };
        let callers: Vec<_> = (0..20).map(|_| scope.spawn(ask)).collect();
        until(|| world.sim.count(CLOUD, "login") > 0);
        world.clock.wind(Duration::from_secs(2));
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0]), "one for all who waited for it");
    assert_eq!(world.token_calls(CLOUD), ["login"]);
}

#[test]
fn the_newest_refresh_token_alone_is_kept() {
    let world = World::new();
    for cloud in FOUR {
        world.sim.set_rotation(cloud, Rotation::RevokeFamilyOnReuse);
        let client = world.client(cloud);
        client.token().unwrap();
        for _ in 0..5 {
            client.renew().unwrap();
        }
        assert_eq!(world.sim.count(cloud, "refresh"), 5, "{cloud:?}");
        assert_eq!(world.sim.reuse_count(cloud), 0, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?}");
    }
}

#[test]
fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let world = World::new();
    let cloud = Cloud::OAuth2;
    world.sim.set_rotation(cloud, Rotation::Keep);
    let client = world.config(cloud, "password").client().unwrap();
    client.token().unwrap();
    world.answers(cloud, "refresh", Fault::remove_field("/refresh_token"));
    for _ in 0..3 {
        client.renew().unwrap();
    }
    assert_eq!(world.token_calls(cloud), ["login", "refresh", "refresh", "refresh"]);
}

#[test]
fn a_bad_refresh_answer_still_yields_its_refresh_token() {
    for fault in [
        Fault::remove_field("/access_token"),
        Fault::set_field("/access_token", "".into()),
        Fault::set_field("/expires_in", serde_json::json!(-1)),
        Fault::set_field("/token_type", "mac".into()),
    ] {
        let world = World::new();
        world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
        let client = world.client(CLOUD);
        client.token().unwrap();
        world.answers_once(CLOUD, "refresh", fault.clone());
        assert_eq!(client.renew().unwrap_err().status(), Status::MalformedAnswer, "{fault}");
        world.wind(60);
        client.renew().unwrap();
        assert_eq!(world.sim.reuse_count(CLOUD), 0, "{fault}: the old one was spent");
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{fault}");
    }
}

#[test]
fn a_token_that_no_header_could_carry_is_refused_at_once() {
    const LONGEST: usize = 32 << 10;
    for cloud in FOUR {
        let world = World::new();
        let pointer = if cloud == Cloud::Kontakt { "/accessToken" } else { "/access_token" };
        let client = world.client(cloud);
        let of = |length: usize| Fault::set_field(pointer, "x".repeat(length).into());
        world.answers_once(cloud, "login", of(LONGEST + 1));
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::MalformedAnswer, "{cloud:?}");
        assert!(error.message().contains("longer than a header can be"), "{error}");
        world.wind(120);
        world.answers_once(cloud, "refresh", of(LONGEST));
        assert_eq!(client.token().unwrap().expose().len(), LONGEST, "{cloud:?}");
        // Refused, since it is none of the cloud's; but it got there.
        world.get(&client, cloud, &devices(cloud)).unwrap();
        assert_eq!(world.calls(cloud).last(), Some(&"api"), "{cloud:?}");
    }
}

#[test]
fn a_refresh_token_that_is_too_long_is_as_good_as_none() {
    for cloud in FOUR {
        let world = World::new();
        let pointer = if cloud == Cloud::Kontakt { "/refreshToken" } else { "/refresh_token" };
        let long = Fault::set_field(pointer, "x".repeat((32 << 10) + 1).into());
        world.answers_once(cloud, "login", long);
        let client = world.client(cloud);
        client.token().unwrap();
        client.renew().unwrap();
        assert_eq!(world.sim.count(cloud, "login"), 2, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "refresh"), 0, "{cloud:?}: it is not sent back");
    }
}

#[test]
fn an_answer_lost_after_rotation_costs_one_try_and_one_login() {
    for fault in ["reset:before-headers:executed", "close:within-body:executed", "lost:502"] {
        let world = World::new();
        let client = world.client(CLOUD);
        client.token().unwrap();
        world.answers_once(CLOUD, "refresh", Fault::from_name(fault).unwrap());
        client.renew().unwrap();
        assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "refresh", "login"], "{fault}");
        assert_eq!(counter(&client, "refreshes_rejected"), 1, "{fault}: the status says why");
    }
}

#[test]
fn a_refresh_token_and_nothing_else_ends_with_login_required() {
    let world = World::new();
    let mut config = world.reach(CLOUD);
    config.set("refresh_token", "stolen and spent").unwrap();
    let client = config.client().unwrap();
    let error = client.token().unwrap_err();
    assert_eq!(error.status(), Status::LoginRequired);
    assert!(error.message().contains("refresh_token"), "{error}");
    assert!(!error.message().contains("stolen"), "{error}");
    for _ in 0..10 {
        assert_eq!(client.token().unwrap_err().status(), Status::LoginRequired);
    }
    assert_eq!(world.token_calls(CLOUD), ["refresh"], "it is not tried again");
    client.set("refresh_token", "another").unwrap();
    assert_eq!(client.token().unwrap_err().status(), Status::LoginRequired);
    assert_eq!(world.token_calls(CLOUD), ["refresh", "refresh"], "but a new one is");
    client
        .set_json(&format!(
            r#"{{"username": "{}", "password": "{}"}}"#,
            credentials::simacan::USERNAME,
            credentials::simacan::PASSWORD
        ))
        .unwrap();
    client.token().unwrap();
}

#[test]
fn a_refused_token_is_renewed_unless_a_newer_one_is_there() {
    let world = World::new();
    let client = world.client(CLOUD);
    let first = client.token().unwrap();
    client.refused(first.expose()).unwrap();
    let second = client.token().unwrap();
    assert_ne!(second, first);
    client.refused(first.expose()).unwrap();
    client.refused("a token of long ago").unwrap();
    assert_eq!(client.token().unwrap(), second);
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn new_credentials_of_the_same_principal_keep_its_token() {
    let world = World::new();
    let client = world.client(CLOUD);
    let first = client.token().unwrap();
    world.sim.set_password(CLOUD, "changed");
    client.set("password", "changed").unwrap();
    assert_eq!(client.token().unwrap(), first, "a good token is not thrown away");
    world.wind(2 * 86_400);
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "login"], "with the new password");
}

#[test]
fn another_principals_token_is_dropped_at_once() {
    let world = World::new();
    let client = world.config(Cloud::Kii, "user").client().unwrap();
    let first = client.token().unwrap();
    client.set("username", credentials::kii::PHONE).unwrap();
    assert_eq!(status(&client)["state"], "none");
    assert_ne!(client.token().unwrap(), first);
    assert_eq!(world.token_calls(Cloud::Kii), ["login", "login"]);
}

#[test]
fn a_change_that_is_refused_leaves_the_client_as_it_was() {
    let world = World::new();
    let client = world.client(CLOUD);
    let first = client.token().unwrap();
    for (option, value, expected) in [
        ("timeout_ms", "soon", Status::InvalidOption),
        ("nothing", "x", Status::UnknownOption),
        ("api_key", "x", Status::InvalidOption),
        ("base_url", "http://example.com", Status::InsecureUrl),
        ("ca_file", "/nonexistent", Status::InvalidOption),
        ("store", "nowhere", Status::InvalidOption),
    ] {
        assert_eq!(client.set(option, value).unwrap_err().status(), expected, "{option}");
    }
    let half = r#"{"username": "other", "timeout_ms": "soon"}"#;
    client.set_json(half).unwrap_err();
    assert_eq!(client.token().unwrap(), first);
    client.renew().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn forgetting_drops_the_tokens_and_the_next_call_logs_in() {
    let world = World::new();
    for cloud in FOUR {
        let client = world.client(cloud);
        let first = client.token().unwrap();
        client.forget().unwrap();
        assert_eq!(status(&client)["state"], "none");
        assert_eq!(status(&client)["has_refresh_token"], false);
        assert_ne!(client.token().unwrap(), first);
        assert_eq!(world.sim.count(cloud, "login"), 2, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "refresh"), 0, "{cloud:?}");
    }
    let client = world.config(Cloud::Kontakt, "api-key").client().unwrap();
    client.forget().unwrap();
    assert_eq!(client.token().unwrap().expose(), credentials::kontakt::API_KEY, "a key stays");
}

#[test]
fn forgetting_revokes_at_a_cloud_that_can() {
    let world = World::new();
    let cloud = Cloud::OAuth2;
    let mut config = keyfob::Config::new("oauth2").unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set("issuer", &world.sim.base_url(cloud)).unwrap();
    for (option, value) in &credentials::logins(cloud)[1].1 {
        config.set(option, value).unwrap();
    }
    config.set_clock(world.clock.clone());
    let client = config.client().unwrap();
    assert_eq!(
        client.send(&keyfob::Request::new("GET", "/devices").unwrap()).unwrap().status(),
        200
    );
    client.forget().unwrap();
    assert_eq!(world.token_calls(cloud), ["metadata", "login", "revoke"]);
    assert_eq!(world.sent(cloud, "revoke")[0].status, 200);
    assert!(status(&client)["not_revoked"].is_null());
    world.answers(cloud, "revoke", Fault::status(503));
    client.token().unwrap();
    for forgotten in ["now", "before"] {
        client.forget().unwrap();
        let status = status(&client);
        assert_eq!(status["state"], "none", "forgotten here, whatever the cloud says");
        let told = &status["not_revoked"];
        assert_eq!(told["status"], "SERVER_ERROR", "{forgotten}: {told}");
        assert_eq!(told["http_status"], 503, "{forgotten}: {told}");
    }
    world.sim.clear_injections();
    client.token().unwrap();
    client.forget().unwrap();
    assert!(status(&client)["not_revoked"].is_null());
}

#[test]
fn a_cancelled_call_ends_and_loses_nothing() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.wind(EXPIRED);
    world.sim.set_delay(CLOUD, "refresh", Duration::from_millis(900));
    let (mine, theirs) = (client.share(None), client.share(None));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| mine.token());
        until(|| world.sim.count(CLOUD, "refresh") > 0);
        let other = scope.spawn(|| theirs.token());
        mine.cancel();
        assert_eq!(waiting.join().unwrap().unwrap_err().status(), Status::Cancelled);
        other.join().unwrap().expect("another handle's call takes over");
    });
    mine.token().expect("a later call is not touched");
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn a_call_cancelled_before_it_begins_ends_when_it_begins() {
    let world = World::new();
    let client = world.client(CLOUD);
    let own = client.share(None);
    own.cancel();
    assert_eq!(own.token().unwrap_err().status(), Status::Cancelled);
    own.token().expect("a later call is not touched");
    client.cancel();
    client.renew().expect("nor is any of a handle that was there before");
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn a_request_that_is_cancelled_ends() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.answers(CLOUD, "api", Fault::from_name("stall:within-body").unwrap());
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| world.get(&client, CLOUD, &devices(CLOUD)));
        until(|| world.sim.count(CLOUD, "api") > 0);
        client.cancel();
        assert_eq!(sending.join().unwrap().unwrap_err().status(), Status::Cancelled);
    });
}

#[test]
fn a_handles_own_time_limit_bounds_its_calls() {
    let world = World::new();
    let client = world.client(CLOUD);
    world.answers(CLOUD, "login", Fault::from_name("stall:before-headers").unwrap());
    let hurried = client.share(Some(Duration::from_millis(100)));
    let error = hurried.token().unwrap_err();
    assert_eq!(error.status(), Status::Timeout);
    assert!(error.message().contains("100 ms"), "{error}");
    world.sim.clear_injections();
    world.wind(30);
    client.token().expect("and its outcome was its own");
}

#[test]
fn the_status_counts_what_happened() {
    let world = World::new();
    let client: Client = world.client(CLOUD);
    world.get(&client, CLOUD, &devices(CLOUD)).unwrap();
    world.sim.revoke_access_tokens(CLOUD);
    world.get(&client, CLOUD, &devices(CLOUD)).unwrap();
    world.sim.revoke_refresh_tokens(CLOUD);
    client.renew().unwrap();
    world.answers(CLOUD, "refresh", Fault::status(500));
    client.renew().unwrap_err();
    let counted = |name| counter(&client, name);
    assert_eq!((counted("logins"), counted("logins_rejected")), (2, 0));
    assert_eq!((counted("refreshes"), counted("refreshes_rejected")), (3, 1));
    assert_eq!((counted("requests"), counted("replays"), counted("failures")), (2, 1, 1));
}

/// A store that keeps nothing, counts how often it is asked, and can be out of order.
#[derive(Default)]
struct Asked {
    times: std::sync::atomic::AtomicUsize,
    broken: std::sync::atomic::AtomicBool,
}

impl Asked {
    fn times(&self) -> usize {
        self.times.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl keyfob::TokenStore for Asked {
    fn load(&self, _: &str) -> std::io::Result<Option<Vec<u8>>> {
        self.times.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(None)
    }

    fn save(&self, _: &str, _: &[u8]) -> std::io::Result<()> {
        match self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            false => Ok(()),
            true => Err(std::io::ErrorKind::StorageFull.into()),
        }
    }
}

#[test]
fn the_background_rests_where_nothing_can_be_renewed() {
    let cloud = Cloud::Kontakt;
    for broken in [false, true] {
        let world = World::new();
        let store = std::sync::Arc::new(Asked::default());
        let mut config = world.reach(cloud);
        config.set("refresh_token", credentials::kontakt::SAMPLE_REFRESH_TOKEN).unwrap();
        config.set("background_renewal", "true").unwrap();
        config.set_store(store.clone());
        let client = config.client().unwrap();
        client.token().unwrap();
        let pass = || {
            world.sim.wind(Duration::from_secs(7100));
            client.wind(Duration::from_secs(7100));
        };
        let until = |error: &str| {
            while status(&client)["last_error"]["status"] != error {
                std::thread::yield_now();
            }
        };
        if broken {
            // What follows the first refresh cannot be kept; the second is not even tried.
            store.broken.store(true, std::sync::atomic::Ordering::SeqCst);
            pass();
            while world.sim.count(cloud, "refresh") < 2 || status(&client)["state"] != "fresh" {
                std::thread::yield_now();
            }
            pass();
            until("STORE");
        } else {
            world.sim.revoke_refresh_tokens(cloud);
            pass();
            until("LOGIN_REQUIRED");
        }
        let asked = store.times();
        // Time passes for the thread while other things are done.
        for _ in 0..40 {
            world.client(Cloud::Simacan).token().unwrap();
        }
        let since = store.times() - asked;
        assert!(since <= 4, "broken: {broken}, looked {since} times");
    }
}

#[test]
fn the_log_is_called_when_all_is_saved_and_no_lock_is_held() {
    use crate::common::directory::Directory;
    use std::sync::{Arc, Mutex, OnceLock};
    let (world, directory) = (World::new(), Directory::new("log"));
    let client: Arc<OnceLock<Client>> = Arc::default();
    let seen: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    let mut config = directory.config(&world, CLOUD);
    let other = directory.config(&world, CLOUD);
    let sink = {
        let (client, seen) = (client.clone(), seen.clone());
        move |_: keyfob::Level, line: &str| {
            // What was logged is on the disk by now, and neither this client's lead nor the store's
            // lock is held: both clients can renew.
            let stored = other.client().unwrap();
            let fresh = stored.try_token().is_ok();
            if seen.lock().unwrap().is_empty() {
                stored.renew().unwrap();
                client.get().unwrap().renew().unwrap();
            }
            seen.lock().unwrap().push((line.to_string(), fresh));
        }
    };
    config.set_log(Arc::new(sink), keyfob::Level::Info);
    client.set(config.client().unwrap()).ok().unwrap();
    client.get().unwrap().share(Some(Duration::from_secs(10))).token().unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().any(|(line, _)| line.contains("logged in")), "{seen:?}");
    assert!(seen.iter().all(|(_, fresh)| *fresh), "{seen:?}");
}
