//! Each cloud by its own rules: login, refresh, devices, and what it does differently.

mod catalogue;
mod computed;
mod hostile;
mod iotconnect;
mod kii;
mod kontakt;
mod kontakt_cloud;
mod oauth2;
mod second_factors;
mod simacan;
mod strictness;

use crate::common::{FOUR, World, devices};
use keyfob::{Request, Status};
use keyfob_simulator::{Cloud, credentials};

#[test]
fn a_token_is_obtained_kept_and_renewed_at_every_cloud() {
    let world = World::new();
    for cloud in [FOUR.as_slice(), &[Cloud::ThingsBoard]].concat() {
        let client = world.client(cloud);
        let first = client.token().unwrap();
        assert_eq!(client.token().unwrap(), first, "{cloud:?}: kept");
        assert_eq!(world.get(&client, cloud, &devices(cloud)).unwrap().status(), 200, "{cloud:?}");
        client.renew().unwrap();
        let second = client.token().unwrap();
        assert_ne!(second, first, "{cloud:?}: renewed");
        let expected: &[&str] = match cloud {
            Cloud::IotConnect => &["basic-token", "login", "refresh"],
            _ => &["login", "refresh"],
        };
        assert_eq!(world.token_calls(cloud), expected, "{cloud:?}");
    }
}

#[test]
fn a_token_that_dies_early_is_refreshed_and_the_call_replayed() {
    let world = World::new();
    for cloud in FOUR {
        let client = world.client(cloud);
        client.token().unwrap();
        world.sim.revoke_access_tokens(cloud);
        let response = world.get(&client, cloud, &devices(cloud)).unwrap();
        assert_eq!(response.status(), 200, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "refresh"), 1, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?}");
    }
}

#[test]
fn only_a_rejected_refresh_token_leads_to_a_login() {
    let world = World::new();
    for cloud in FOUR {
        let client = world.client(cloud);
        client.token().unwrap();
        world.sim.revoke_refresh_tokens(cloud);
        client.renew().unwrap();
        assert_eq!(world.sim.count(cloud, "refresh"), 1, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "login"), 2, "{cloud:?}");
    }
}

#[test]
fn an_api_key_is_presented_without_any_exchange() {
    let world = World::new();
    let client = world.config(Cloud::Kontakt, "api-key").client().unwrap();
    let lines = client.with_header_lines(str::to_string).unwrap();
    assert_eq!(lines, format!("Api-Key: {}", credentials::kontakt::API_KEY));
    assert_eq!(world.get(&client, Cloud::Kontakt, "/v3/device").unwrap().status(), 200);
    assert_eq!(world.token_calls(Cloud::Kontakt), [""; 0]);
    assert_eq!(client.expires_in(), None);
}

#[test]
fn devices_are_listed_page_by_page_by_each_clouds_links() {
    let world = World::new();
    for cloud in FOUR {
        let client = world.client(cloud);
        let mut next = Some(format!("{}{}", world.sim.api_url(cloud), devices(cloud)));
        let mut pages = 0;
        while let Some(url) = next {
            let page = client.send(&Request::new("GET", &url).unwrap()).unwrap();
            assert_eq!(page.status(), 200, "{cloud:?}");
            pages += 1;
            next = page.link("next").unwrap();
        }
        assert_eq!(pages, 3, "{cloud:?}");
    }
}

#[test]
fn every_kii_principal_gets_a_token_of_its_own() {
    let world = World::new();
    for login in ["user", "thing", "admin", "anonymous"] {
        let client = world.config(Cloud::Kii, login).client().unwrap();
        client.token().unwrap();
        let status: serde_json::Value = serde_json::from_str(&client.status_json()).unwrap();
        assert_eq!(status["login"], login);
        let principal = match login {
            "user" => Some(credentials::kii::USER_ID),
            "thing" => Some(credentials::kii::THING_ID),
            _ => None,
        };
        if let Some(principal) = principal {
            assert_eq!(status["principal"], principal);
        }
    }
}

#[test]
fn a_wrong_password_is_sent_once() {
    let world = World::new();
    for cloud in FOUR {
        let mut config = world.config(cloud, credentials::logins(cloud)[0].0);
        config.set("password", "wrong").unwrap();
        let client = config.client().unwrap();
        assert_eq!(client.token().unwrap_err().status(), Status::CredentialsRejected, "{cloud:?}");
        let held = client.token().unwrap_err();
        assert_eq!(held.status(), Status::LoginOnHold, "{cloud:?}");
        assert!(held.retry_after().is_some());
        assert_eq!(world.sim.count(cloud, "login"), 1, "{cloud:?}");
    }
}
