//! Any OAuth 2.0 server: where its endpoints are, and how they are written.

use crate::common::World;
use keyfob::{Config, Request, Status};
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

#[test]
fn metadata_is_found_in_each_place_that_it_may_have() {
    let world = World::new();
    let origin = world.sim.base_url(CLOUD);
    let known = [
        ("", 1),
        (credentials::oauth2::TENANT_PATH, 2),
        (credentials::oauth2::OPENID_TENANT_PATH, 4),
    ];
    for (path, asked) in known {
        for slash in ["", "/"] {
            world.sim.clear_journal();
            let issuer = format!("{origin}{path}{slash}");
            issued_by(&world, &issuer).client().unwrap().token().unwrap();
            let journal = world.sim.journal();
            let of_metadata = journal.iter().filter(|e| e.path.contains("/.well-known/"));
            assert_eq!(of_metadata.count(), asked, "{issuer}");
        }
    }
    // A server that answers every path with a page of its own, or asks who is there.
    for page in [
        Fault::answer(200, &[("Content-Type", "text/html")], "<html>hello</html>"),
        Fault::answer(401, &[], "{}"),
        Fault::answer(403, &[], ""),
    ] {
        world.sim.reset();
        world.answers_once(CLOUD, "metadata", page);
        issued_by(&world, &origin).client().unwrap().token().unwrap();
    }
    world.answers(CLOUD, "metadata", Fault::answer(403, &[], "no"));
    let error = issued_by(&world, &origin).client().unwrap().token().unwrap_err();
    assert!(error.message().contains("answered 403"), "{error}");
    assert_eq!(world.token_calls(CLOUD).iter().filter(|call| **call == "metadata").count(), 4);
}

#[test]
fn requests_go_to_endpoints_that_were_found_or_named() {
    let world = World::new();
    let origin = world.sim.base_url(CLOUD);
    let client = issued_by(&world, &origin).client().unwrap();
    let path_of = |client: &keyfob::Client, url: &str| {
        client.send(&Request::new("GET", url).unwrap())?;
        Ok::<String, keyfob::Error>(world.sim.journal().last().unwrap().path.clone())
    };
    client.token().unwrap();
    assert_eq!(path_of(&client, "{userinfo_endpoint}").unwrap(), "/userinfo");
    assert_eq!(path_of(&client, "{revocation_endpoint}").unwrap(), "/oauth2/revoke");
    assert_eq!(path_of(&client, "devices").unwrap(), "/devices", "relative to the issuer");
    let tenant = format!("{origin}{}", credentials::oauth2::TENANT_PATH);
    let client = issued_by(&world, &tenant).client().unwrap();
    assert_eq!(path_of(&client, "x").unwrap(), "/tenants/acme/x");
    let mut config = issued_by(&world, &tenant);
    config.set("base_url", &format!("{origin}/api")).unwrap();
    config.set("userinfo_url", &format!("{origin}/me")).unwrap();
    let client = config.client().unwrap();
    assert_eq!(path_of(&client, "x").unwrap(), "/api/x", "base_url comes first");
    assert_eq!(path_of(&client, "{userinfo_endpoint}").unwrap(), "/me", "and so does the option");
    // Never to the token endpoint, whose host may have no API at all.
    let mut config = world.config(CLOUD, "password");
    config.set("allowed_origins", &origin).unwrap();
    let mut alone = Config::new("oauth2").unwrap();
    for option in ["token_url", "ca_file"] {
        alone.set(option, &config.get(option).unwrap().unwrap()).unwrap();
    }
    for (option, value) in &credentials::logins(CLOUD)[1].1 {
        alone.set(option, value).unwrap();
    }
    alone.set_clock(world.clock.clone());
    let client = alone.client().unwrap();
    let error = path_of(&client, "devices").unwrap_err();
    assert_eq!(error.status(), Status::MissingOption, "{error}");
    assert!(error.message().contains("set base_url"), "{error}");
    let error = path_of(&client, "{userinfo_endpoint}").unwrap_err();
    assert!(error.message().contains("is not an endpoint of oauth2"), "{error}");
}

#[test]
fn an_endpoint_that_is_no_good_spoils_none_of_the_others() {
    let world = World::new();
    let origin = world.sim.base_url(CLOUD);
    for bad in ["", "/relative", "http://example.com/x", "ftp://x", "https://", "https://h\u{e9}/"]
    {
        world.sim.reset();
        world.answers(CLOUD, "metadata", Fault::set_field("/registration_endpoint", bad.into()));
        let client = issued_by(&world, &origin).client().unwrap();
        client.token().unwrap();
        let request = Request::new("GET", "{registration_endpoint}").unwrap();
        assert_eq!(client.send(&request).unwrap_err().status(), Status::InvalidArgument, "{bad}");
    }
    world.sim.reset();
    let insecure = Fault::set_field("/token_endpoint", "http://example.com/token".into());
    world.answers(CLOUD, "metadata", insecure);
    let error = issued_by(&world, &origin).client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::InsecureUrl, "{error}");
}
