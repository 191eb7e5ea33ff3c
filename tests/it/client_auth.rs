//! How the client software authenticates itself, at every endpoint of an OAuth 2.0 server.

use crate::common::World;
use keyfob::{Config, Status};
use keyfob_simulator::Cloud;
use keyfob_simulator::credentials::oauth2 as known;

const CLOUD: Cloud = Cloud::OAuth2;

const USER: [(&str, &str); 2] = [("username", known::USERNAME), ("password", known::PASSWORD)];
const CLIENT: [(&str, &str); 2] =
    [("client_id", known::CLIENT_ID), ("client_secret", known::CLIENT_SECRET)];

fn config(world: &World, options: &[(&str, &str)]) -> Config {
    let mut config = world.reach(CLOUD);
    let revocation = format!("{}{}", world.sim.base_url(CLOUD), known::REVOCATION_PATH);
    config.set("revocation_url", &revocation).unwrap();
    for (option, value) in options {
        config.set(option, value).unwrap();
    }
    config
}

/// Logs in, refreshes and revokes; all three must be admitted.
fn goes_all_the_way(world: &World, config: &Config) {
    let client = config.client().unwrap();
    client.token().unwrap();
    client.renew().unwrap();
    client.forget().unwrap();
    let journal = world.sim.journal();
    let of_tokens: Vec<_> =
        journal.iter().filter(|e| e.cloud == CLOUD).map(|e| (e.call, e.status)).collect();
    let expected = [("login", 200), ("refresh", 200), ("revoke", 200)];
    assert_eq!(of_tokens[of_tokens.len() - 3..], expected);
}

#[test]
fn each_way_is_admitted_at_every_endpoint() {
    let world = World::new();
    let public = [("client_id", known::PUBLIC_CLIENT_ID)];
    goes_all_the_way(&world, &config(&world, &[&USER[..], &public].concat()));
    let none = [("client_auth", "none")];
    goes_all_the_way(&world, &config(&world, &[&USER[..], &public, &none].concat()));
    goes_all_the_way(&world, &config(&world, &[&USER[..], &CLIENT].concat()));
    for how in ["client_secret_basic", "client_secret_post"] {
        let how = [("client_auth", how)];
        goes_all_the_way(&world, &config(&world, &[&USER[..], &CLIENT, &how].concat()));
    }
}

#[test]
fn what_does_not_fit_the_chosen_way_is_refused_at_the_door() {
    let world = World::new();
    let id = ("client_id", known::CLIENT_ID);
    let basic = ("client_auth", "client_secret_basic");
    let none = ("client_auth", "none");
    let secret = ("client_secret", known::CLIENT_SECRET);
    for (options, status, words) in [
        (
            vec![USER[0], USER[1], id, basic],
            Status::MissingOption,
            "client_auth is client_secret_basic, which needs client_secret",
        ),
        (
            vec![USER[0], USER[1], id, secret, none],
            Status::InvalidOption,
            "client_auth is none, which has no use for client_secret",
        ),
        (vec![id], Status::MissingOption, "missing: client_secret or"),
        (vec![id, none], Status::MissingOption, "missing: client_secret or"),
    ] {
        let error = config(&world, &options).client().unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
    assert!(world.sim.journal().is_empty());
}
