//! Logins that a person allows: by a code at another device, or in a browser.

use super::common::directory::Directory;
use super::common::{World, status};
use keyfob::{Client, Clock, Config, Login, Status};
use keyfob_simulator::{Cloud, Consent, Fault, Injection, credentials::oauth2 as known};
use std::time::Duration;

const CLOUD: Cloud = Cloud::OAuth2;
/// What one wait takes at most where nothing is asked, and where the answer is that there is none yet.
const SHORT: Option<Duration> = Some(Duration::from_millis(30));
const FOR_AN_ANSWER: Option<Duration> = Some(Duration::from_millis(600));
const LONG: Option<Duration> = Some(Duration::from_secs(20));
const REDIRECT: &str = "http://127.0.0.1:8400/";

/// A clock that goes on by itself: on a manual one a wait takes no time, and nobody could answer.
fn world() -> World {
    World { clock: Clock::system(), ..World::new() }
}

fn config(world: &World) -> Config {
    let mut config = Config::new("oauth2").unwrap();
    config.set("issuer", &world.sim.base_url(CLOUD)).unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set("client_id", known::PUBLIC_CLIENT_ID).unwrap();
    config.set("retries", "0").unwrap();
    config.set_clock(world.clock.clone());
    config
}

fn client(world: &World) -> Client {
    config(world).client().unwrap()
}

fn waited(client: &Client, login: &Login) -> Status {
    ended(client.login_wait(login, SHORT))
}

/// A wait within which the server is asked, once.
fn asked(client: &Client, login: &Login) -> Status {
    ended(client.login_wait(login, FOR_AN_ANSWER))
}

fn ended(outcome: keyfob::Result<()>) -> Status {
    outcome.map_or_else(|error| error.status(), |()| Status::Ok)
}

fn polls(world: &World) -> usize {
    world.sim.count(CLOUD, "poll")
}

#[test]
fn a_code_that_a_person_allows_becomes_a_token() {
    let world = world();
    let client = client(&world);
    let before = client.token().unwrap_err();
    assert_eq!(before.status(), Status::LoginRequired);
    assert!(before.message().contains("nobody has logged in yet"), "{before}");
    let login = client.login_begin().unwrap();
    let code = login.user_code().unwrap();
    let page = login.verification_uri().unwrap();
    assert!(page.ends_with("/device"), "{page}");
    assert_eq!(login.url(), format!("{page}?user_code={code}"));
    assert_eq!(login.verification_uri_complete(), Some(login.url()));
    assert_eq!(login.interval(), Some(Duration::from_secs(5)));
    assert!(login.expires_in().unwrap().as_secs().abs_diff(300) < 5);
    assert!(world.sim.consent(CLOUD, Some(&code.to_lowercase()), Consent::Approve));
    world.wind(5);
    client.login_wait(&login, LONG).unwrap();
    let token = client.token().unwrap();
    assert_eq!(world.get(&client, CLOUD, "/devices").unwrap().status(), 200);
    assert_eq!(status(&client)["token_login"], "interactive");
    assert_eq!(polls(&world), 1);
    // Once it has ended, it ends the same way again, and asks nobody.
    client.login_wait(&login, SHORT).unwrap();
    assert_eq!((client.token().unwrap(), polls(&world)), (token, 1));
}

#[test]
fn a_wait_that_ends_too_soon_takes_nothing_away() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin().unwrap();
    assert_eq!(waited(&client, &login), Status::Timeout);
    assert_eq!(polls(&world), 0, "sooner than the interval");
    for round in 1..=3 {
        world.wind(5);
        assert_eq!(asked(&client, &login), Status::Timeout);
        assert_eq!(waited(&client, &login), Status::Timeout);
        assert_eq!(polls(&world), round);
    }
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    client.login_wait(&login, LONG).unwrap();
    assert_eq!(world.sim.hasty(CLOUD), 0);
}

#[test]
fn a_server_that_is_asked_too_often_is_asked_five_seconds_later() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin().unwrap();
    let slow = br#"{"error":"slow_down"}"#.to_vec();
    world.answers_once(CLOUD, "poll", Fault::Answer { status: 400, headers: vec![], body: slow });
    world.wind(5);
    assert_eq!(asked(&client, &login), Status::Timeout);
    assert_eq!(login.interval(), Some(Duration::from_secs(10)));
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    assert_eq!((waited(&client, &login), polls(&world)), (Status::Timeout, 1));
    world.wind(5);
    client.login_wait(&login, LONG).unwrap();
    assert_eq!(polls(&world), 2);
}

#[test]
fn a_no_and_a_code_that_is_over_end_the_login_and_say_so() {
    for (consent, expected, code) in [
        (Consent::Deny, Status::LoginDenied, "access_denied"),
        (Consent::Expire, Status::LoginExpired, "expired_token"),
    ] {
        let world = world();
        let client = client(&world);
        let login = client.login_begin().unwrap();
        world.sim.consent(CLOUD, None, consent);
        world.wind(5);
        for _ in 0..2 {
            let error = client.login_wait(&login, LONG).unwrap_err();
            assert_eq!(error.status(), expected, "{error}");
            assert_eq!(error.provider_code(), Some(code));
            assert_eq!(error.http_status(), Some(400));
            assert!(error.message().contains("begin another login"), "{error}");
        }
        assert_eq!(polls(&world), 1);
        assert_eq!(client.token().unwrap_err().status(), Status::LoginRequired);
    }
}

#[test]
fn a_code_that_nobody_used_is_over_without_a_word_of_the_server() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin().unwrap();
    world.wind(301);
    assert_eq!(waited(&client, &login), Status::LoginExpired);
    assert_eq!(polls(&world), 0);
}

#[test]
fn a_pause_after_a_failure_keeps_no_person_out() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin().unwrap();
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    client.login_wait(&login, LONG).unwrap();
    let asked_for = Fault::answer(503, &[("Retry-After", "60")], "{}");
    for (fault, begun) in [(Fault::status(418), Status::Ok), (asked_for, Status::ServerError)] {
        world.wind(3601);
        world.sim.clear_journal();
        world.answers_once(CLOUD, "refresh", fault);
        client.renew().unwrap_err();
        client.token().unwrap_err();
        assert_eq!(world.sim.count(CLOUD, "refresh"), 1, "it is paused");
        assert_eq!(ended(client.login_begin().map(|_| ())), begun);
    }
}

#[test]
fn a_server_that_fails_meanwhile_ends_no_login() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin().unwrap();
    world.sim.consent(CLOUD, None, Consent::Approve);
    for fault in [Fault::status(503), Fault::from_name("reset:before-headers").unwrap()] {
        world.answers_once(CLOUD, "poll", fault);
        world.wind(60);
        assert_eq!(asked(&client, &login), Status::Timeout);
    }
    world.wind(60);
    client.login_wait(&login, LONG).unwrap();
    assert_eq!(polls(&world), 3);
}

#[test]
fn an_answer_that_comes_too_late_for_one_wait_is_the_nexts() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin().unwrap();
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.sim.set_delay(CLOUD, "poll", Duration::from_millis(400));
    world.wind(5);
    let limit = Some(Duration::from_millis(200));
    let error = client.login_wait(&login, limit).unwrap_err();
    assert_eq!(error.status(), Status::Timeout);
    world.wind(10);
    client.login_wait(&login, LONG).unwrap();
    assert_eq!(polls(&world), 1, "the code was spent by the first");
    client.token().unwrap();
}

#[test]
fn a_wait_can_be_cancelled_and_goes_on_later() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin().unwrap();
    let handle = client.share(None);
    handle.cancel();
    let error = handle.login_wait(&login, LONG).unwrap_err();
    assert_eq!(error.status(), Status::Cancelled);
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    client.login_wait(&login, LONG).unwrap();
}

#[test]
fn what_a_person_allowed_is_stored_renewed_and_shared() {
    let (world, directory) = (world(), Directory::new("person"));
    let stored = || {
        let mut config = config(&world);
        config.set("store", &directory.option()).unwrap();
        config.client().unwrap()
    };
    let (one, other) = (stored(), stored());
    let login = one.login_begin().unwrap();
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    one.login_wait(&login, LONG).unwrap();
    assert_eq!(other.token().unwrap(), one.token().unwrap());
    world.wind(3601);
    let renewed = stored().token().unwrap();
    assert_eq!(one.token().unwrap(), renewed);
    assert_eq!(world.sim.count(CLOUD, "refresh"), 1);
    // What was allowed is taken back.
    world.sim.revoke_refresh_tokens(CLOUD);
    world.wind(3601);
    let error = one.token().unwrap_err();
    assert_eq!(error.status(), Status::LoginRequired);
    assert!(error.message().contains("keyfob login"), "{error}");
    let login = other.login_begin().unwrap();
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    other.login_wait(&login, LONG).unwrap();
    assert_eq!(one.token().unwrap(), other.token().unwrap());
    assert_eq!(world.sim.reuse_count(CLOUD), 0);
}

#[test]
fn a_clients_secret_takes_part_where_it_has_one() {
    let world = world();
    let with = |secret: &str| {
        let mut config = config(&world);
        config.set("client_id", known::CLIENT_ID).unwrap();
        config.set("client_secret", secret).unwrap();
        config.set("grant", "interactive").unwrap();
        config.client().unwrap()
    };
    let error = with("wrong").login_begin().unwrap_err();
    assert_eq!(error.status(), Status::CredentialsRejected, "{error}");
    let asked = world.sim.count(CLOUD, "device");
    assert!(with("wrong").login_begin().is_err());
    assert_eq!(world.sim.count(CLOUD, "device"), asked, "what was rejected is not sent again soon");
    let client = with(known::CLIENT_SECRET);
    let login = client.login_begin().unwrap();
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    client.login_wait(&login, LONG).unwrap();
    world.wind(3601);
    client.token().unwrap();
}

#[test]
fn options_of_another_login_and_servers_without_say_so() {
    let world = world();
    let mut other = config(&world);
    other.set("username", known::USERNAME).unwrap();
    other.set("password", known::PASSWORD).unwrap();
    let error = other.client().unwrap().login_begin().unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption);
    assert!(error.message().contains("grant=interactive"), "{error}");
    let simacan = world.client(Cloud::Simacan).login_begin().unwrap_err();
    assert_eq!(simacan.status(), Status::InvalidOption);
    let without = Fault::from_name("remove-field:/device_authorization_endpoint").unwrap();
    world.answers(CLOUD, "metadata", without);
    let error = client(&world).login_begin().unwrap_err();
    assert_eq!(error.status(), Status::MissingOption);
    assert!(error.message().contains("device_authorization_url"), "{error}");
    assert!(client(&world).login_begin_browser(REDIRECT).is_ok(), "but it has the other");
}

#[test]
fn an_endpoint_that_is_set_leaves_the_others_to_the_issuer() {
    let world = world();
    let mut config = config(&world);
    let url = format!("{}/oauth2/device", world.sim.base_url(CLOUD));
    config.set("device_authorization_url", &url).unwrap();
    let client = config.client().unwrap();
    let login = client.login_begin().unwrap();
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    client.login_wait(&login, LONG).unwrap();
}

#[test]
fn what_a_server_wants_besides_goes_to_the_browser_too() {
    let world = world();
    let mut config = config(&world);
    config.set("resource", known::AUDIENCE).unwrap();
    config.set("token_params", "prompt=consent").unwrap();
    let login = config.client().unwrap().login_begin_browser(REDIRECT).unwrap();
    assert!(login.url().contains("resource=https%3A%2F%2Fapi.example.com"), "{}", login.url());
    assert!(login.url().contains("prompt=consent"), "{}", login.url());
    config.set("token_params", "state=mine").unwrap();
    assert_eq!(config.client().unwrap_err().status(), Status::InvalidOption);
}

#[test]
fn a_login_is_one_clients_and_one_identitys() {
    let world = world();
    let (one, other) = (client(&world), client(&world));
    let login = one.login_begin().unwrap();
    let error = other.login_wait(&login, SHORT).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    one.set("scope", "devices:read").unwrap();
    let error = one.login_wait(&login, LONG).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument, "{error}");
    assert!(error.message().contains("options were changed"), "{error}");
}

fn visited(world: &World, login: &Login, consent: Consent) -> String {
    world.sim.visit(CLOUD, login.url(), consent).unwrap()
}

#[test]
fn a_browser_that_comes_back_brings_a_token() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin_browser(REDIRECT).unwrap();
    assert!(login.user_code().is_none() && login.expires_in().is_none());
    assert!(login.url().contains("code_challenge_method=S256"), "{}", login.url());
    assert!(login.url().contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A8400%2F"));
    let answer = visited(&world, &login, Consent::Approve);
    client.login_finish(&login, &answer).unwrap();
    client.token().unwrap();
    world.wind(3601);
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["metadata", "login", "refresh"]);
    // The same answer once more changes nothing; another is refused.
    client.login_finish(&login, &answer).unwrap();
    let other = answer.replace("code=", "code=x");
    let error = client.login_finish(&login, &other).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("second answer"), "{error}");
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
}

#[test]
fn an_answer_to_another_login_is_refused_and_ends_nothing() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin_browser(REDIRECT).unwrap();
    let other = client.login_begin_browser(REDIRECT).unwrap();
    let others = visited(&world, &other, Consent::Approve);
    for wrong in [&others, "?code=x", "?code=x&state=", "/", "?error=access_denied&state=x"] {
        let error = client.login_finish(&login, wrong).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{wrong}: {error}");
    }
    assert_eq!(world.sim.count(CLOUD, "login"), 0);
    let answer = visited(&world, &login, Consent::Approve);
    client.login_finish(&login, &answer).unwrap();
}

#[test]
fn an_answer_of_another_issuer_is_told_to_nobody() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin_browser(REDIRECT).unwrap();
    let answer = visited(&world, &login, Consent::Approve);
    let (before, _) = answer.split_once("&iss=").unwrap();
    let mixed = format!("{before}&iss=https%3A%2F%2Fevil.example.com");
    let error = client.login_finish(&login, &mixed).unwrap_err();
    assert_eq!(error.status(), Status::ForeignOrigin);
    assert!(error.message().contains("https://evil.example.com"), "{error}");
    assert_eq!(world.sim.count(CLOUD, "login"), 0);
    assert!(client.login_finish(&login, &answer).is_err(), "and the login is over");
    // A server whose metadata says that its answers name it does not leave that out.
    let login = client.login_begin_browser(REDIRECT).unwrap();
    let answer = visited(&world, &login, Consent::Approve);
    let (unnamed, _) = answer.split_once("&iss=").unwrap();
    let error = client.login_finish(&login, unnamed).unwrap_err();
    assert_eq!(error.status(), Status::ForeignOrigin, "{error}");
}

#[test]
fn an_error_that_a_browser_brings_is_told_as_the_server_says_it() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin_browser(REDIRECT).unwrap();
    let answer = visited(&world, &login, Consent::Deny);
    let error = client.login_finish(&login, &answer).unwrap_err();
    assert_eq!(error.status(), Status::LoginDenied);
    assert_eq!(error.provider_code(), Some("access_denied"));
    assert_eq!(error.provider_message(), Some("the person said no"));
    let mut narrow = config(&world);
    narrow.set("scope", "everything").unwrap();
    let client = narrow.client().unwrap();
    let login = client.login_begin_browser(REDIRECT).unwrap();
    let answer = visited(&world, &login, Consent::Approve);
    let error = client.login_finish(&login, &answer).unwrap_err();
    assert!(error.message().contains("check scope"), "{error}");
}

#[test]
fn a_code_whose_answer_was_lost_can_be_given_again() {
    let world = world();
    let client = client(&world);
    let login = client.login_begin_browser(REDIRECT).unwrap();
    let answer = visited(&world, &login, Consent::Approve);
    world.answers_once(CLOUD, "login", Fault::status(503));
    let error = client.login_finish(&login, &answer).unwrap_err();
    assert_eq!(error.status(), Status::ServerError);
    assert!(error.message().contains("give the same answer again"), "{error}");
    client.login_finish(&login, &answer).unwrap();
    client.token().unwrap();
}

#[test]
fn a_code_that_is_over_says_to_begin_again() {
    let world = world();
    let client = client(&world);
    // A program's own page, whose address begins as the server's does.
    let login = client.login_begin_browser("https://gateway.example.com/callback").unwrap();
    let answer = visited(&world, &login, Consent::Approve);
    world.wind(61);
    let error = client.login_finish(&login, &answer).unwrap_err();
    assert_eq!(error.status(), Status::LoginExpired, "{error}");
    assert!(error.message().contains("begin another login"), "{error}");
    assert!(error.message().contains("/oauth2/token answered 400"), "{error}");
}

#[test]
fn a_redirect_uri_that_is_none_is_refused_at_once() {
    let world = world();
    let client = client(&world);
    for uri in ["", "/callback", "127.0.0.1:8400", "http://127.0.0.1/#x", "http://a b/"] {
        let error = client.login_begin_browser(uri).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{uri}");
    }
    assert!(world.calls(CLOUD).is_empty());
    assert!(client.login_begin_browser("com.example.gateway:/callback").is_ok());
}

#[test]
fn a_person_can_log_in_though_the_store_cannot_be_written() {
    let (world, directory) = (world(), Directory::new("person"));
    let mut config = config(&world);
    config.set("store", &directory.option()).unwrap();
    let client = config.client().unwrap();
    let login = client.login_begin().unwrap();
    std::fs::remove_dir_all(&directory.0).unwrap();
    std::fs::write(&directory.0, "in the way").unwrap();
    world.sim.consent(CLOUD, None, Consent::Approve);
    world.wind(5);
    client.login_wait(&login, LONG).unwrap();
    client.token().unwrap();
    assert!(!status(&client)["store"]["fault"].is_null());
    std::fs::remove_file(&directory.0).unwrap();
}

#[test]
fn answers_that_are_no_codes_are_told_apart_from_a_no() {
    let world = world();
    for (fault, expected) in [
        ("set-field:/verification_uri=\"javascript:alert(1)\"", Status::MalformedAnswer),
        ("set-field:/user_code=\"a\\u001b[2J\"", Status::MalformedAnswer),
        ("remove-field:/device_code", Status::UnexpectedAnswer),
        ("html-200", Status::MalformedAnswer),
        ("status:503", Status::ServerError),
    ] {
        world.sim.clear_injections();
        world.sim.inject(Injection::at(CLOUD, "device", Fault::from_name(fault).unwrap()));
        let error = client(&world).login_begin().unwrap_err();
        assert_eq!(error.status(), expected, "{fault}: {error}");
    }
    for (fault, interval, life) in [
        ("set-field:/interval=0", 1, 300),
        ("set-field:/interval=1e30", 3600, 300),
        ("remove-field:/interval", 5, 300),
        ("set-field:/expires_in=-1", 5, 600),
        ("set-field:/expires_in=1e300", 5, 86_400),
    ] {
        world.sim.clear_injections();
        world.sim.inject(Injection::at(CLOUD, "device", Fault::from_name(fault).unwrap()));
        let login = client(&world).login_begin().unwrap();
        assert_eq!(login.interval().unwrap().as_secs(), interval, "{fault}");
        assert!(login.expires_in().unwrap().as_secs().abs_diff(life) < 5, "{fault}");
    }
}
