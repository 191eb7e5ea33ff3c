//! For those who send requests themselves: what to send, and what an answer means.

use crate::common::World;
use keyfob::{Client, Config, Status};
use keyfob_simulator::{Cloud, credentials};

fn names(client: &Client, url: &str) -> Vec<String> {
    let lines = client.headers_for(url).unwrap();
    lines.expose().lines().map(|line| line.split_once(": ").unwrap().0.to_string()).collect()
}

#[test]
fn the_headers_for_a_url_are_those_the_provider_asks_for() {
    let world = World::new();
    let client = world.client(Cloud::Kii);
    let names = names(&client, &world.sim.api_url(Cloud::Kii));
    assert_eq!(names, ["Authorization", "X-Kii-AppID", "X-Kii-AppKey"]);
    let lines = client.headers_for(&world.sim.api_url(Cloud::Kii)).unwrap();
    let carried = client.with_header_lines(str::to_string).unwrap();
    assert!(lines.expose().starts_with(&carried));
    assert!(lines.expose().contains(credentials::kii::APP_KEY));
}

#[test]
fn no_headers_are_given_for_a_url_that_must_not_see_the_token() {
    let world = World::new();
    let client = world.client(Cloud::Simacan);
    for (url, status) in [
        ("https://elsewhere.example/", Status::ForeignOrigin),
        ("http://elsewhere.example/", Status::InsecureUrl),
        ("https://", Status::InvalidArgument),
    ] {
        assert_eq!(client.headers_for(url).unwrap_err().status(), status, "{url}");
    }
    assert_eq!(world.token_calls(Cloud::Simacan), [""; 0], "and no token is asked for");
}

#[test]
fn clients_of_one_cloud_at_two_places_have_each_its_own_url() {
    let at = |base_url: &str| {
        let mut config = Config::new("kontakt").unwrap();
        config.set("api_key", "k").unwrap();
        config.set("base_url", base_url).unwrap();
        config.client().unwrap()
    };
    let both = ["https://one.example", "https://two.example"].map(|url| (url, at(url)));
    for (url, client) in &both {
        assert!(client.headers_for(&format!("{url}/v3/device")).is_ok(), "{url}");
        for (other, _) in both.iter().filter(|(other, _)| other != url) {
            let error = client.headers_for(&format!("{other}/v3/device")).unwrap_err();
            assert_eq!(error.status(), Status::ForeignOrigin);
        }
    }
}

#[test]
fn what_refuses_a_token_is_the_providers_rule() {
    let world = World::new();
    let kii = world.client(Cloud::Kii);
    assert!(kii.is_refusal(403, br#"{"errorCode": "WRONG_TOKEN"}"#));
    assert!(!kii.is_refusal(403, br#"{"errorCode": "APP_DISABLED"}"#));
    assert!(!kii.is_refusal(403, b""));
    assert!(kii.is_refusal(401, b""));
    let simacan = world.client(Cloud::Simacan);
    assert!(!simacan.is_refusal(403, br#"{"errorCode": "WRONG_TOKEN"}"#));
    let iotconnect = world.client(Cloud::IotConnect);
    assert!(iotconnect.is_refusal(200, br#"{"status": 401}"#), "a status in the body is believed");
}
