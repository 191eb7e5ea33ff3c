//! Who a client is: what two clients share, what keeps them apart, and what a change of options keeps.

use crate::common::directory::Directory;
use crate::common::{World, status};
use keyfob::{Client, Clock, Config, Secret, Status};
use keyfob_simulator::{Cloud, Fault, Rotation, credentials};
use serde_json::Value;
use std::time::Duration;

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

/// A config whose only way in is a refresh token, at a cloud that revokes the family of one that is
/// used twice.
fn seeded(world: &World) -> Config {
    world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
    let (mut made, directory) = (world.config(CLOUD, "password"), Directory::new("seed"));
    made.set("store", &directory.option()).unwrap();
    made.client().unwrap().token().unwrap();
    let stored: Value = serde_json::from_slice(&directory.contents().unwrap()).unwrap();
    let mut config = world.reach(CLOUD);
    config.set("client_id", credentials::oauth2::CLIENT_ID).unwrap();
    config.set("client_secret", credentials::oauth2::CLIENT_SECRET).unwrap();
    config.set("refresh_token", stored["record"]["refresh_token"].as_str().unwrap()).unwrap();
    world.sim.clear_journal();
    config
}

#[test]
fn clients_of_one_refresh_token_share_what_came_of_it() {
    let world = World::new();
    let config = seeded(&world);
    let clients: Vec<Client> = (0..4).map(|_| config.client().unwrap()).collect();
    world.sim.set_delay(CLOUD, "refresh", Duration::from_millis(100));
    let tokens: Vec<Secret> = std::thread::scope(|scope| {
        let ask = |client: &'_ Client| client.token().unwrap();
        let asking: Vec<_> = clients.iter().map(|c| scope.spawn(move || ask(c))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    world.wind(7200);
    for client in &clients {
        client.token().unwrap();
    }
    drop(clients);
    // One that comes later goes on where they stopped.
    config.client().unwrap().token().unwrap();
    config.client().unwrap().renew().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["refresh", "refresh", "refresh"]);
    assert_eq!(world.sim.reuse_count(CLOUD), 0);
    assert_eq!(world.sim.families_lost(CLOUD), 0);
}

#[test]
fn a_refresh_token_that_was_exchanged_is_never_sent_again() {
    for stored in [false, true] {
        let (world, directory) = (World::new(), Directory::new("spent"));
        let mut config = seeded(&world);
        if stored {
            config.set("store", &directory.option()).unwrap();
        }
        let first = config.client().unwrap();
        first.token().unwrap();
        // Whatever else is changed, it is the same refresh token.
        for (option, value) in [
            ("scope", credentials::oauth2::SCOPE),
            ("client_auth", "client_secret_post"),
            ("audience", credentials::oauth2::AUDIENCE),
        ] {
            let mut other = config.clone();
            if stored {
                other.set_clock(Clock::manual());
            }
            other.set(option, value).unwrap();
            let error = other.client().unwrap().token().unwrap_err();
            assert_eq!(error.status(), Status::LoginRequired, "{option}: {error}");
        }
        first.renew().unwrap();
        assert_eq!(world.token_calls(CLOUD), ["refresh", "refresh"], "stored: {stored}");
        assert_eq!(world.sim.families_lost(CLOUD), 0, "stored: {stored}");
    }
}

#[test]
fn a_damaged_record_does_not_send_a_spent_refresh_token() {
    let (world, directory) = (World::new(), Directory::new("spent-damaged"));
    let mut config = seeded(&world);
    config.set("store", &directory.option()).unwrap();
    config.client().unwrap().token().unwrap();
    for record in directory.files(".json") {
        let text = std::fs::read_to_string(&record).unwrap();
        if text.contains("access_token") {
            std::fs::write(&record, "damaged").unwrap();
        }
    }
    config.set_clock(Clock::manual());
    let error = config.client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::LoginRequired, "{error}");
    assert_eq!(world.token_calls(CLOUD), ["refresh"]);
}
