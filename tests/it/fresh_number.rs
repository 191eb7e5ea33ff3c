//! The number by which other languages know that the token they keep is still the one.

use crate::common::{World, devices};
use keyfob_simulator::Cloud;

#[test]
fn the_number_changes_with_the_token_and_only_then() {
    let world = World::new();
    let client = world.client(Cloud::Kii);
    assert_eq!(client.fresh_number(), None, "no token yet");
    let mut seen = Vec::new();
    let mut new_number = |what: &str| {
        client.token().unwrap();
        let number = client.fresh_number().expect(what);
        assert!(!seen.contains(&number), "{what}");
        world.get(&client, Cloud::Kii, &devices(Cloud::Kii)).unwrap();
        assert_eq!(client.fresh_number(), Some(number), "the same token, {what}");
        seen.push(number);
    };
    new_number("after the login");
    client.renew().unwrap();
    new_number("after a renewal");
    client.forget().unwrap();
    new_number("after the tokens were forgotten");
    client.set_json(r#"{"username": "gateway"}"#).unwrap();
    new_number("after a change of the principal");
}

#[test]
fn a_token_that_is_due_has_no_number_though_it_is_good() {
    let world = World::new();
    let client = world.client(Cloud::Simacan);
    client.token().unwrap();
    assert!(client.fresh_number().is_some());
    world.wind(3600 - 60);
    assert!(client.expires_in().is_some_and(|left| !left.is_zero()));
    assert_eq!(client.fresh_number(), None);
}
