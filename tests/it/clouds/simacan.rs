//! Simacan: two environments, and a password that is sent when nothing else is left, never before.

use crate::common::proxy::Proxy;
use crate::common::{World, status};
use keyfob::{Config, Status};
use keyfob_simulator::{Cloud, Fault, credentials::simacan as known};

const CLOUD: Cloud = Cloud::Simacan;

#[test]
fn production_and_staging_are_different_hosts_and_accounts() {
    let proxy = Proxy::shut();
    let client_for = |environment: Option<&str>| {
        let mut config = Config::new("simacan").unwrap();
        environment.iter().for_each(|name| config.set("environment", name).unwrap());
        config.set("username", known::USERNAME).unwrap();
        config.set("password", known::PASSWORD).unwrap();
        config.set("proxy", &proxy.url()).unwrap();
        config.set("retries", "0").unwrap();
        config.client().unwrap()
    };
    for (environment, host) in [
        (None, "auth-service.services.simacan.com:443"),
        (Some("production"), "auth-service.services.simacan.com:443"),
        (Some("staging"), "auth-service-stg.services.simacan.com:443"),
    ] {
        let error = client_for(environment).token().unwrap_err();
        assert_eq!(error.status(), Status::Network);
        assert!(error.message().contains("/api/v1/auth/password"), "{error}");
        assert_eq!(proxy.last_target().as_deref(), Some(host));
    }
    let identity = |environment| status(&client_for(Some(environment)))["identity"].to_string();
    assert_ne!(identity("production"), identity("staging"), "a hold of one is not the other's");
    let refused = Config::new("simacan").unwrap().set("environment", "test").unwrap_err();
    assert!(refused.message().contains("production, staging"), "{refused}");
}

#[test]
fn nothing_but_a_401_of_the_refresh_leads_to_the_password() {
    let named = |name: &str| Fault::from_name(name).unwrap();
    let faults = [
        "status:500",
        "status:502",
        "status:503",
        "status:504",
        "status:429",
        "status:400",
        "status:403",
        "status:404",
        "reset:before-headers",
        "close:before-headers",
        "reset:within-headers",
        "close:within-headers",
        "reset:within-body",
        "close:within-body",
        "stall:before-headers",
        "stall:within-body",
        "tls:unknown-ca",
        "tls:expired",
        "html-200",
        "redirect:307:same",
    ];
    for name in faults {
        let world = World::new();
        let mut config = world.config(CLOUD, "password");
        config.set("timeout_ms", if name.starts_with("stall") { "200" } else { "20000" }).unwrap();
        let client = config.client().unwrap();
        client.token().unwrap();
        let fault = named(name);
        let spent = fault.executes();
        world.answers(CLOUD, "refresh", fault);
        for _ in 0..3 {
            client.renew().unwrap_err();
            world.wind(60);
        }
        assert_eq!(world.sim.count(CLOUD, "login"), 1, "{name}");
        world.sim.clear_injections();
        world.wind(3600);
        client.token().unwrap();
        // Only where the cloud had rotated, and said so in an answer that nobody can read, is the
        // kept refresh token answered 401.
        assert_eq!(world.sim.count(CLOUD, "login"), 1 + usize::from(spent), "{name}: afterwards");
    }
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.sim.refuse(CLOUD, true);
    assert_eq!(client.renew().unwrap_err().status(), Status::Network);
    world.sim.refuse(CLOUD, false);
    client.renew().unwrap();
    assert_eq!(world.sim.count(CLOUD, "login"), 1, "refused connections");
    world.answers_once(CLOUD, "refresh", named("status:401"));
    client.renew().unwrap();
    assert_eq!(world.sim.count(CLOUD, "login"), 2, "401");
}

#[test]
fn a_gateway_idle_beyond_its_refresh_token_logs_in() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.wind(2 * 86_400);
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "login"]);
}

#[test]
fn only_apis_below_the_clouds_domain_see_the_token() {
    let proxy = Proxy::shut();
    let mut config = Config::new("simacan").unwrap();
    config.set("refresh_token", "r").unwrap();
    config.set("proxy", &proxy.url()).unwrap();
    config.set("retries", "0").unwrap();
    let client = config.client().unwrap();
    let send =
        |url: &str| client.send(&keyfob::Request::new("GET", url).unwrap()).unwrap_err().status();
    assert_eq!(send("https://api-stg.simacan.com/v1/trips"), Status::Network, "on its way");
    assert_eq!(send("https://simacan.com.example.org/v1/trips"), Status::ForeignOrigin);
    assert_eq!(send("https://evilsimacan.com/"), Status::ForeignOrigin);
}
