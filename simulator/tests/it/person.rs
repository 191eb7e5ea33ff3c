//! Where a person lets a client in, the OAuth 2.0 server keeps to RFC 8628, 6749 4.1, 7636, 8252 and 9207.

use std::time::Duration;

use crate::client::{FORM, JSON, Reply, ask, form};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyfob_simulator::credentials::oauth2 as known;
use keyfob_simulator::{Cloud, Consent, Simulator};
use ring::digest;

const REDIRECT: &str = "http://127.0.0.1:8400/back";
const VERIFIER: &str = "a-verifier-of-43-characters-0123456789.~_ab";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const ITSELF: (&str, &str) = ("client_id", known::PUBLIC_CLIENT_ID);

type Fields<'a> = Vec<(&'a str, &'a str)>;

fn post(sim: &Simulator, path: &str, fields: &[(&str, &str)]) -> Reply {
    let url = format!("{}{path}", sim.base_url(Cloud::OAuth2));
    ask(sim, "POST", &url, &[FORM], &form(fields))
}

fn begin(sim: &Simulator) -> (String, String) {
    let told = post(sim, "/oauth2/device", &[ITSELF]).json();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

fn poll(sim: &Simulator, device_code: &str) -> Reply {
    let fields = [ITSELF, ("grant_type", DEVICE_GRANT), ("device_code", device_code)];
    post(sim, known::TOKEN_PATH, &fields)
}

#[track_caller]
fn error(reply: &Reply, status: u16, error: &str) {
    let said = (reply.status, reply.json()["error"].as_str().map(str::to_owned));
    assert_eq!(said, (status, Some(error.to_owned())), "{}", reply.text());
}

#[test]
fn every_error_of_the_device_endpoint_has_its_name() {
    let sim = Simulator::start();
    let at = |fields: &[(&str, &str)]| post(&sim, "/oauth2/device", fields);
    error(&at(&[]), 401, "invalid_client");
    error(&at(&[("client_id", "nobody")]), 401, "invalid_client");
    error(&at(&[ITSELF, ITSELF]), 400, "invalid_request");
    error(&at(&[ITSELF, ("scope", "devices:read admin")]), 400, "invalid_scope");
    let secret = ("client_secret", known::LIMITED_CLIENT_SECRET);
    error(&at(&[("client_id", known::LIMITED_CLIENT_ID), secret]), 400, "unauthorized_client");
    error(&post(&sim, "/oauth2/device?client_id=kiosk-3", &[ITSELF]), 400, "invalid_request");
    let url = format!("{}/oauth2/device", sim.base_url(Cloud::OAuth2));
    assert_eq!(ask(&sim, "GET", &url, &[], "").status, 405);
    assert_ne!(ask(&sim, "POST", &url, &[JSON], "{\"client_id\":\"kiosk-3\"}").status, 200);
    let reply = at(&[ITSELF]);
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    let told = reply.json();
    let uri = told["verification_uri"].as_str().unwrap();
    let code = told["user_code"].as_str().unwrap();
    assert_eq!(told["verification_uri_complete"], format!("{uri}?user_code={code}"));
    assert_eq!((&told["interval"], &told["expires_in"]), (&5.into(), &300.into()));
}

#[test]
fn whoever_polls_too_soon_is_slowed_down_and_counted() {
    let sim = Simulator::start();
    let (code, _) = begin(&sim);
    error(&poll(&sim, &code), 400, "slow_down");
    // Five seconds more from then on (RFC 8628 3.5).
    sim.wind(Duration::from_secs(9));
    error(&poll(&sim, &code), 400, "slow_down");
    sim.wind(Duration::from_secs(15));
    error(&poll(&sim, &code), 400, "authorization_pending");
    assert_eq!(sim.hasty(Cloud::OAuth2), 2);
    sim.wind(Duration::from_secs(300));
    error(&poll(&sim, &code), 400, "expired_token");
}

#[test]
fn a_device_code_is_its_clients_and_good_once() {
    let sim = Simulator::start();
    let (code, user_code) = begin(&sim);
    sim.wind(Duration::from_secs(5));
    error(&poll(&sim, ""), 400, "invalid_request");
    error(&poll(&sim, "another"), 400, "invalid_grant");
    let other = [
        ("client_id", known::CLIENT_ID),
        ("client_secret", known::CLIENT_SECRET),
        ("grant_type", DEVICE_GRANT),
        ("device_code", &code),
    ];
    error(&post(&sim, known::TOKEN_PATH, &other), 400, "invalid_grant");
    assert!(sim.consent(Cloud::OAuth2, Some(&user_code), Consent::Approve));
    let reply = poll(&sim, &code);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.json()["refresh_token"].is_string());
    error(&poll(&sim, &code), 400, "invalid_grant");
    let (code, _) = begin(&sim);
    sim.wind(Duration::from_secs(5));
    assert!(sim.consent(Cloud::OAuth2, None, Consent::Deny));
    error(&poll(&sim, &code), 400, "access_denied");
    error(&poll(&sim, &code), 400, "invalid_grant");
}

#[test]
fn the_page_wants_a_person_and_a_code_that_was_given() {
    let sim = Simulator::start();
    let (code, user_code) = begin(&sim);
    let typed = user_code.replace('-', "").to_lowercase();
    let at = |changed: (&'static str, &str)| {
        let mut fields: Fields<'_> = vec![
            ("user_code", &typed),
            ("username", known::USERNAME),
            ("password", known::PASSWORD),
            ("answer", "approve"),
        ];
        for field in &mut fields {
            if field.0 == changed.0 {
                field.1 = changed.1;
            }
        }
        post(&sim, "/device", &fields).status
    };
    assert_eq!(at(("password", "wrong")), 403);
    assert_eq!(at(("username", "client:gateway-7")), 403);
    assert_eq!(at(("answer", "perhaps")), 400);
    assert_eq!(at(("user_code", "BBBB-BBBB")), 400);
    sim.wind(Duration::from_secs(5));
    error(&poll(&sim, &code), 400, "authorization_pending");
    assert_eq!(at(("", "")), 200, "in any capitals, without its line");
    sim.wind(Duration::from_secs(5));
    assert_eq!(poll(&sim, &code).status, 200);
}

/// What the authorization endpoint is asked, with one field changed or, by an empty one, left out.
fn authorize(sim: &Simulator, field: &str, value: &str) -> Reply {
    let challenge = challenge();
    let mut fields: Fields<'_> = vec![
        ("response_type", "code"),
        ITSELF,
        ("redirect_uri", REDIRECT),
        ("state", "s t&"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("scope", "devices:read"),
    ];
    for known in &mut fields {
        if known.0 == field {
            known.1 = value;
        }
    }
    fields.retain(|(_, value)| !value.is_empty());
    let url = format!("{}/oauth2/authorize?{}", sim.base_url(Cloud::OAuth2), form(&fields));
    ask(sim, "GET", &url, &[], "")
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, VERIFIER.as_bytes()))
}

#[test]
fn no_browser_is_sent_to_where_a_client_does_not_live() {
    let sim = Simulator::start();
    assert_eq!(authorize(&sim, "", "").status, 200);
    for client in ["", "nobody", known::LIMITED_CLIENT_ID] {
        let shown = authorize(&sim, "client_id", client);
        assert_eq!((shown.status, shown.header("location")), (400, None), "{client}");
    }
    for place in [
        "",
        "https://evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1:80@evil.example/",
        "http://localhost:8400/back",
        "https://127.0.0.1:8400/back",
        "http://127.0.0.1:8400/back#part",
        "https://gateway.example.com/callback/more",
    ] {
        let shown = authorize(&sim, "redirect_uri", place);
        assert_eq!((shown.status, shown.header("location")), (400, None), "{place}");
    }
    let url = format!("{}/oauth2/authorize", sim.base_url(Cloud::OAuth2));
    assert_eq!(ask(&sim, "PUT", &url, &[FORM], "").status, 405);
}

#[test]
fn what_else_is_wrong_goes_back_to_the_client() {
    let sim = Simulator::start();
    for (field, value, error) in [
        ("response_type", "", "unsupported_response_type"),
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge", VERIFIER, "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("scope", "admin", "invalid_scope"),
    ] {
        let sent = authorize(&sim, field, value);
        let place = sent.header("location").unwrap_or_default();
        assert!(
            sent.status == 302 && place.starts_with(&format!("{REDIRECT}?")),
            "{field} {value}"
        );
        assert!(place.contains(&format!("?error={error}&")), "{field} {value}: {place}");
        assert!(place.contains("&state=s%20t%26&iss=https%3A%2F%2F"), "{place}");
    }
}

/// A code that a person let the client have.
fn code(sim: &Simulator) -> String {
    let fields = [
        ("response_type", "code"),
        ITSELF,
        ("redirect_uri", REDIRECT),
        ("code_challenge", &challenge()),
        ("code_challenge_method", "S256"),
    ];
    let url = format!("{}/oauth2/authorize?{}", sim.base_url(Cloud::OAuth2), form(&fields));
    let back = sim.visit(Cloud::OAuth2, &url, Consent::Approve).unwrap();
    back.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

fn trade(sim: &Simulator, code: &str, field: &str, value: &str) -> Reply {
    let mut fields: Fields<'_> = vec![
        ITSELF,
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    for known in &mut fields {
        if known.0 == field {
            known.1 = value;
        }
    }
    post(sim, known::TOKEN_PATH, &fields)
}

#[test]
fn a_code_is_traded_by_who_asked_for_it_and_in_time() {
    let sim = Simulator::start();
    let given = code(&sim);
    for field in ["code", "redirect_uri", "code_verifier"] {
        error(&trade(&sim, &given, field, ""), 400, "invalid_request");
    }
    error(&trade(&sim, &given, "code_verifier", "short"), 400, "invalid_request");
    error(&trade(&sim, &given, "code", "another"), 400, "invalid_grant");
    let other = VERIFIER.replace('a', "b");
    error(&trade(&sim, &given, "code_verifier", &other), 400, "invalid_grant");
    error(&trade(&sim, &given, "redirect_uri", "http://127.0.0.1:8401/back"), 400, "invalid_grant");
    let secret = ("client_secret", known::CLIENT_SECRET);
    let by_another = [
        ("client_id", known::CLIENT_ID),
        secret,
        ("grant_type", "authorization_code"),
        ("code", &given),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    error(&post(&sim, known::TOKEN_PATH, &by_another), 400, "invalid_grant");
    sim.wind(Duration::from_secs(61));
    error(&trade(&sim, &given, "", ""), 400, "invalid_grant");
}

#[test]
fn a_code_that_comes_twice_ends_what_it_was_traded_for() {
    let sim = Simulator::start();
    let given = code(&sim);
    let traded = trade(&sim, &given, "", "");
    assert_eq!(traded.status, 200, "{}", traded.text());
    let refresh = traded.json()["refresh_token"].as_str().unwrap().to_owned();
    error(&trade(&sim, &given, "", ""), 400, "invalid_grant");
    let fields = [ITSELF, ("grant_type", "refresh_token"), ("refresh_token", &refresh)];
    error(&post(&sim, known::TOKEN_PATH, &fields), 400, "invalid_grant");
}
