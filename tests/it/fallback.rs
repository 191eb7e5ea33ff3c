//! What leads from a refresh to a login, and what never does.

use crate::common::{World, status};
use keyfob::Status;
use keyfob_simulator::{Cloud, Fault};

const CLOUD: Cloud = Cloud::OAuth2;

/// An error of RFC 6749 5.2.
fn refusal(status: u16, code: &str) -> Fault {
    let body = format!(r#"{{"error": "{code}"}}"#);
    Fault::answer(status, &[("Content-Type", "application/json")], &body)
}

#[test]
fn a_refused_client_costs_no_refresh_token() {
    for (status_code, code) in
        [(401, "invalid_client"), (400, "invalid_client"), (400, "unauthorized_client")]
    {
        let world = World::new();
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        world.wind(7200);
        world.answers(CLOUD, "refresh", refusal(status_code, code));
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::CredentialsRejected, "{code}");
        assert_eq!(error.provider_code(), Some(code));
        // An administrator takes an hour to put it right.
        for _ in 0..3600 {
            client.token().unwrap_err();
            world.wind(1);
        }
        assert!(world.sim.count(CLOUD, "refresh") <= 8, "{code}: held back");
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{code}: no password");
        assert_eq!(status(&client)["has_refresh_token"], true, "{code}: kept");
        world.sim.clear_injections();
        world.wind(3600);
        client.token().unwrap();
        assert_eq!(world.token_calls(CLOUD).last(), Some(&"refresh"), "{code}: and used");
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{code}");
    }
}

#[test]
fn a_refused_token_leads_to_the_login_at_once() {
    for code in [400, 401, 403] {
        let world = World::new();
        let client = world.config(CLOUD, "password").client().unwrap();
        client.token().unwrap();
        world.answers_once(CLOUD, "refresh", refusal(code, "invalid_grant"));
        client.renew().unwrap();
        assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "login"], "{code}");
    }
}
