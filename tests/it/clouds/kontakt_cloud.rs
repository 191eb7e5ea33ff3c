//! Kontakt.io's newer way in: client credentials at a Keycloak realm.

use crate::common::World;
use keyfob::Config;
use keyfob_simulator::{Cloud, credentials::oauth2};

#[test]
fn a_client_of_the_realm_gets_a_token_with_the_realms_scopes() {
    let world = World::new();
    let mut config = Config::new("kontakt-cloud").unwrap();
    for (option, value) in [
        ("tenant", oauth2::REALM),
        ("client_id", oauth2::CLIENT_ID),
        ("client_secret", oauth2::CLIENT_SECRET),
        ("token_url", world.sim.base_url(Cloud::OAuth2).as_str()),
        ("base_url", world.sim.api_url(Cloud::OAuth2).as_str()),
        ("ca_file", world.sim.ca_file().to_str().unwrap()),
    ] {
        config.set(option, value).unwrap();
    }
    let client = config.client().unwrap();
    assert_eq!(world.get(&client, Cloud::OAuth2, "/devices").unwrap().status(), 200);
    let journal = world.sim.journal();
    assert_eq!(journal[0].path, "/realms/acme/protocol/openid-connect/token");
    assert!(journal[0].text().contains("scope=profile+email+openid"));
}
