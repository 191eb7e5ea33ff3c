//! Any OAuth 2.0 server: where its endpoints are, and how they are written.

use crate::common::World;
use keyfob::{Config, Status};
use keyfob_simulator::{Cloud, Fault, credentials};

const CLOUD: Cloud = Cloud::OAuth2;

/// A config that asks the issuer, given as this, for its endpoints.
fn issued_by(world: &World, issuer: &str) -> Config {
    let mut config = Config::new("oauth2").unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set("issuer", issuer).unwrap();
    for (option, value) in &credentials::logins(CLOUD)[1].1 {
        config.set(option, value).unwrap();
    }
    config.set_clock(world.clock.clone());
    config
}

#[test]
fn a_token_url_is_called_as_it_is_given_slash_included() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    let given = format!("{}{}/", world.sim.base_url(CLOUD), credentials::oauth2::TOKEN_PATH);
    config.set("token_url", &given).unwrap();
    config.client().unwrap().token().unwrap_err();
    let path = &world.sim.journal()[0].path;
    assert_eq!(*path, format!("{}/", credentials::oauth2::TOKEN_PATH));
}

#[test]
fn a_token_endpoint_is_called_as_it_is_discovered() {
    let world = World::new();
    let found = format!("{}{}/", world.sim.base_url(CLOUD), credentials::oauth2::TOKEN_PATH);
    world.answers(CLOUD, "metadata", Fault::set_field("/token_endpoint", found.into()));
    let client = issued_by(&world, &world.sim.base_url(CLOUD)).client().unwrap();
    client.token().unwrap_err();
    let path = &world.sim.journal().last().unwrap().path.clone();
    assert_eq!(*path, format!("{}/", credentials::oauth2::TOKEN_PATH));
}

#[test]
fn issuers_are_equal_with_and_without_a_slash_at_the_end() {
    let world = World::new();
    let plain = world.sim.base_url(CLOUD);
    let slashed = format!("{plain}/");
    for (given, stated) in
        [(&plain, &plain), (&slashed, &plain), (&plain, &slashed), (&slashed, &slashed)]
    {
        world.sim.reset();
        world.answers(CLOUD, "metadata", Fault::set_field("/issuer", stated.as_str().into()));
        issued_by(&world, given).client().unwrap().token().unwrap();
    }
}

#[test]
fn two_issuers_that_differ_are_both_shown() {
    let world = World::new();
    let stated = "https://other.example.com/realm";
    world.answers(CLOUD, "metadata", Fault::set_field("/issuer", stated.into()));
    let given = world.sim.base_url(CLOUD);
    let error = issued_by(&world, &given).client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::UnexpectedAnswer, "{error}");
    assert!(error.message().contains(stated) && error.message().contains(&given), "{error}");
    assert!(error.message().contains("check issuer"), "{error}");
}
