//! Clouds whose credentials are computed: by the cloud's clock, and with a certificate.

use crate::common::World;
use keyfob::{Client, Request};
use keyfob_simulator::Cloud;

fn devices(world: &World, client: &Client, cloud: Cloud) -> u16 {
    let url = format!("{}{}", world.sim.api_url(cloud), cloud.devices_path());
    client.send(&Request::new(cloud.devices_method(), &url).unwrap()).unwrap().status()
}

#[test]
fn a_gateway_with_a_wrong_clock_signs_by_the_clouds() {
    for (cloud, login) in [
        (Cloud::AzureIotHub, "device"),
        (Cloud::AzureIotHub, "policy"),
        (Cloud::AzureDps, "group"),
        (Cloud::AzureEventHubs, "policy"),
        (Cloud::Entra, "certificate"),
        (Cloud::Google, "service_account"),
        (Cloud::Google, "self_signed"),
        (Cloud::Aws, "keys"),
        (Cloud::AwsIot, "certificate"),
        (Cloud::Tuya, "client_credentials"),
        (Cloud::SwitchBot, "api_key"),
    ] {
        let world = World::new();
        world.clock.set_wall(world.sim.now() - 400 * 86_400);
        let client = world.config(cloud, login).client().unwrap();
        assert_eq!(devices(&world, &client, cloud), 200, "{} {login}", cloud.name());
        let calls = world.calls(cloud).len();
        assert!(calls <= 3, "{} {login}: {calls} calls", cloud.name());
    }
}

#[test]
fn a_thing_of_aws_gets_its_keys_for_its_certificate() {
    let world = World::new();
    world.sim.require_client_cert(true);
    let mut config = world.config(Cloud::AwsIot, "certificate");
    assert!(config.clone().client().unwrap().token().is_err(), "without a certificate");
    let path = |path: &std::path::Path| path.to_str().unwrap().to_string();
    config.set("client_cert_file", &path(world.sim.client_cert_file())).unwrap();
    config.set("client_key_file", &path(world.sim.client_key_file())).unwrap();
    let client = config.client().unwrap();
    assert_eq!(devices(&world, &client, Cloud::AwsIot), 200);
}

/// AWS signs each field of a query percent-encoded, however it was sent; Tuya and Aliyun sign it as it is
/// meant.
#[test]
fn a_query_is_signed_as_the_cloud_reads_it() {
    for (cloud, login) in [
        (Cloud::Aws, "keys"),
        (Cloud::Aws, "temporary"),
        (Cloud::AwsIot, "certificate"),
        (Cloud::Tuya, "client_credentials"),
        (Cloud::AliyunApi, "app"),
    ] {
        let world = World::new();
        world.clock.set_wall(world.sim.now());
        let client = world.config(cloud, login).client().unwrap();
        let url = format!("{}{}", world.sim.api_url(cloud), cloud.devices_path());
        for query in [
            "start=2026-01-31T08:15:00Z",
            "b=2&a=1",
            "a=1&a=0",
            "path=a/b,c@d",
            "name=a%20b%2Fc",
            "name=a+b%2Bc",
            "token=",
            "",
        ] {
            let request = Request::new("GET", &format!("{url}?{query}")).unwrap();
            let status = client.send(&request).unwrap().status();
            assert_eq!(status, 200, "{} {login} {query}", cloud.name());
        }
    }
}
