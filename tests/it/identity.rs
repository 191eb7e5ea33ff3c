//! Who a client is: what two clients share, what keeps them apart, and what a change of options keeps.

use crate::common::directory::Directory;
use crate::common::{World, status};
use keyfob::Status;
use keyfob_simulator::{Cloud, Fault, Rotation, credentials};

const CLOUD: Cloud = Cloud::OAuth2;

#[test]
fn a_rotated_client_secret_finds_the_stored_refresh_token() {
    let (world, directory) = (World::new(), Directory::new("client-secret"));
    world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
    let mut config = world.config(CLOUD, "password");
    config.set("store", &directory.option()).unwrap();
    config.client().unwrap().token().unwrap();
    world.wind(7200);
    world.sim.set_client_secret(CLOUD, "rotated");
    config.set("client_secret", "rotated").unwrap();
    config.client().unwrap().token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn a_token_of_one_place_is_not_served_for_another() {
    let (world, directory) = (World::new(), Directory::new("places"));
    let mut config = world.config(Cloud::IotConnect, "password");
    config.set("store", &directory.option()).unwrap();
    config.client().unwrap().token().unwrap();
    config.set("discovery_url", "https://elsewhere.example.com").unwrap();
    let state = status(&config.client().unwrap())["state"].clone();
    assert_eq!(state, "none", "where endpoints come from is where the login is");
}

#[test]
fn a_dead_refresh_token_does_not_make_another_principal() {
    let world = World::new();
    let client_id = credentials::oauth2::CLIENT_ID;
    let mut config = world.reach(CLOUD);
    config.set("client_id", client_id).unwrap();
    config.set("client_secret", credentials::oauth2::CLIENT_SECRET).unwrap();
    config.set("refresh_token", "a user's, and dead").unwrap();
    let client = config.client().unwrap();
    let error = client.token().unwrap_err();
    assert_eq!(error.status(), Status::LoginRequired, "{error}");
    assert!(error.message().contains("grant=client_credentials"), "{error}");
    assert_eq!(world.token_calls(CLOUD), ["refresh"]);
    // Who asks for it gets it, and is told.
    client.set("grant", "client_credentials").unwrap();
    client.token().unwrap();
    assert_eq!(status(&client)["token_login"], "client_credentials");
}

#[test]
fn the_status_says_which_login_the_token_came_from() {
    let (world, directory) = (World::new(), Directory::new("token-login"));
    let mut config = world.config(CLOUD, "password");
    config.set("store", &directory.option()).unwrap();
    let client = config.client().unwrap();
    assert_eq!(status(&client)["token_login"], serde_json::Value::Null);
    client.token().unwrap();
    client.renew().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
    assert_eq!(status(&client)["token_login"], "password", "however often it was refreshed");
    assert_eq!(status(&config.client().unwrap())["token_login"], "password", "and restarted");
    let mut config = world.reach(Cloud::Kontakt);
    config.set("refresh_token", credentials::kontakt::SAMPLE_REFRESH_TOKEN).unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    assert_eq!(status(&client)["token_login"], "refresh_token");
}

#[test]
fn the_status_names_the_principal_of_a_jwt() {
    let world = World::new();
    // {"sub":"gateway-7"}
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJnYXRld2F5LTcifQ.x";
    world.answers_once(CLOUD, "login", Fault::set_field("/access_token", token.into()));
    let client = world.config(CLOUD, "password").client().unwrap();
    client.token().unwrap();
    assert_eq!(status(&client)["principal"], "gateway-7");
}

#[test]
fn another_account_by_a_secret_alone_drops_the_token() {
    let world = World::new();
    let client = world.config(Cloud::IotConnect, "password").client().unwrap();
    client.token().unwrap();
    client.set("solution_key", "another solution").unwrap();
    assert_eq!(status(&client)["state"], "none", "another solution's data");
    let mut config = world.reach(Cloud::Kontakt);
    config.set("refresh_token", credentials::kontakt::SAMPLE_REFRESH_TOKEN).unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    client.set("refresh_token", "another user's").unwrap();
    assert_eq!(status(&client)["state"], "none", "another user's data");
    let client = world.config(Cloud::Kontakt, "api-key").client().unwrap();
    client.set("api_key", "another").unwrap();
    assert_eq!(client.token().unwrap().expose(), "another");
}
