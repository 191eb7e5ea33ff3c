//! The transport: whom it trusts, whom it shows what, how it gets there, and where it stops.

use crate::common::alone::{alone, passed};
use crate::common::proxy::Proxy;
use crate::common::{FOUR, World, devices};
use keyfob::{Config, Request, Status};
use keyfob_simulator::{Cloud, Fault, Simulator, credentials};
use std::path::PathBuf;

const CLOUD: Cloud = Cloud::Simacan;

fn token_error(config: &Config) -> keyfob::Error {
    config.client().unwrap().token().unwrap_err()
}

/// As [`World::config`], but for the certificate authority.
fn untold(world: &World) -> Config {
    let mut config = Config::new("simacan").unwrap();
    config.set("base_url", &world.sim.base_url(CLOUD)).unwrap();
    config.set("allowed_origins", &world.sim.api_url(CLOUD)).unwrap();
    config.set("username", credentials::simacan::USERNAME).unwrap();
    config.set("password", credentials::simacan::PASSWORD).unwrap();
    config.set_clock(world.clock.clone());
    config
}

/// A file that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("keyfob-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Scratch(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn an_unknown_authority_is_refused_with_a_hint_of_ca_file() {
    let world = World::new();
    let mut config = untold(&world);
    let error = token_error(&config);
    assert_eq!(error.status(), Status::Tls);
    assert!(error.message().contains("ca_file"), "{error}");
    assert_eq!(world.sim.journal().len(), 0, "the password was not shown");
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.client().unwrap().token().unwrap();
}

#[test]
fn ca_only_trusts_the_file_and_nothing_else() {
    let world = World::new();
    let mut config = untold(&world);
    config.set("ca_only", "true").unwrap();
    let error = config.client().unwrap_err();
    assert_eq!(error.status(), Status::MissingOption);
    assert!(error.message().contains("ca_file"), "trusting nobody is a mistake: {error}");
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.client().unwrap().token().unwrap();
    let stranger = Simulator::start();
    config.set("ca_file", stranger.ca_file().to_str().unwrap()).unwrap();
    assert_eq!(token_error(&config).status(), Status::Tls);
}

#[test]
fn the_systems_authorities_are_trusted_when_asked() {
    let world = World::new();
    let said = alone(with_the_systems_authorities)
        .env("SSL_CERT_FILE", world.sim.ca_file())
        .env("THE_CLOUD", world.sim.base_url(Cloud::Simacan))
        .output()
        .unwrap();
    passed(said);
}

#[test]
#[ignore = "run by the_systems_authorities_are_trusted_when_asked"]
fn with_the_systems_authorities() {
    let mut config = Config::new("simacan").unwrap();
    config.set("base_url", &std::env::var("THE_CLOUD").unwrap()).unwrap();
    config.set("username", credentials::simacan::USERNAME).unwrap();
    config.set("password", credentials::simacan::PASSWORD).unwrap();
    assert_eq!(token_error(&config).status(), Status::Tls, "the environment has no say by itself");
    config.set("ca", "system").unwrap();
    config.client().unwrap().token().unwrap();
    config.set("ca_only", "true").unwrap();
    config.client().unwrap().renew().unwrap();
}

#[test]
fn a_system_without_usable_authorities_is_told_at_once() {
    for path in ["/nonexistent/ca.pem", "/dev/null"] {
        passed(alone(with_a_wrong_bundle).env("SSL_CERT_FILE", path).output().unwrap());
    }
}

#[test]
#[ignore = "run by a_system_without_usable_authorities_is_told_at_once"]
fn with_a_wrong_bundle() {
    let mut config = Config::new("simacan").unwrap();
    config.load_json(r#"{"username": "u", "password": "p", "ca": "system"}"#).unwrap();
    let error = config.client().unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption);
    assert!(error.message().starts_with("ca=system: /"), "{error}");
    assert_eq!(config.set("ca", "sytem").unwrap_err().status(), Status::InvalidOption);
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_its_option() {
    let world = World::new();
    let empty = Scratch::new("empty.pem", "no certificate here\n");
    let damaged = Scratch::new(
        "damaged.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    for path in ["/nonexistent/ca.pem", empty.path(), damaged.path()] {
        let mut config = untold(&world);
        config.set("ca_file", path).unwrap();
        let error = config.client().unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption);
        assert!(error.message().starts_with(&format!("ca_file: {path}: ")), "{error}");
    }
    let mut config = untold(&world);
    config.set("client_cert_file", world.sim.client_cert_file().to_str().unwrap()).unwrap();
    let error = config.client().unwrap_err();
    assert_eq!(error.status(), Status::MissingOption);
    assert!(error.message().contains("client_key_file"), "{error}");
    config.set("client_key_file", empty.path()).unwrap();
    let error = config.client().unwrap_err();
    assert!(error.message().starts_with("client_key_file: "), "{error}");
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let world = World::new();
    world.sim.require_client_cert(true);
    let mut config = world.config(CLOUD, "password");
    let error = token_error(&config);
    assert_eq!(error.status(), Status::Tls, "{error}");
    assert!(error.message().contains("client_cert_file"), "{error}");
    config.set("client_cert_file", world.sim.client_cert_file().to_str().unwrap()).unwrap();
    config.set("client_key_file", world.sim.client_key_file().to_str().unwrap()).unwrap();
    let client = config.client().unwrap();
    assert_eq!(world.get(&client, CLOUD, &devices(CLOUD)).unwrap().status(), 200);
}

#[test]
fn each_fault_of_tls_is_told_as_what_it_is() {
    for (fault, status, words) in [
        ("tls:unknown-ca", Status::Tls, "ca_file"),
        ("tls:wrong-host", Status::Tls, "not valid for"),
        ("tls:expired", Status::Tls, "expired"),
        ("tls:not-tls", Status::Tls, "speak TLS"),
    ] {
        let world = World::new();
        world.answers(CLOUD, "login", Fault::from_name(fault).unwrap());
        let error = token_error(&world.config(CLOUD, "password"));
        assert_eq!(error.status(), status, "{fault}: {error}");
        assert!(error.message().contains(words), "{fault}: {error}");
        assert!(error.message().contains("/auth/password"), "it says where: {error}");
        assert_eq!(world.sim.count(CLOUD, "login"), 0, "{fault}: nothing was sent");
    }
}

#[test]
fn plain_http_is_for_this_machine_unless_it_is_allowed() {
    let world = World::new();
    let mut config = untold(&world);
    config.set("base_url", &world.sim.http_base_url(CLOUD)).unwrap();
    config.set("allowed_origins", &world.sim.http_api_url(CLOUD)).unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    let url = format!("{}{}", world.sim.http_api_url(CLOUD), devices(CLOUD));
    assert_eq!(client.send(&Request::new("GET", &url).unwrap()).unwrap().status(), 200);
    assert!(world.sim.journal().iter().all(|entry| !entry.tls), "loopback needs no leave");

    config.set("base_url", "http://auth.example.com/api/v1").unwrap();
    let error = config.client().unwrap_err();
    assert_eq!(error.status(), Status::InsecureUrl);
    assert!(error.message().contains("allow_http"), "{error}");
    config.set("allow_http", "true").unwrap();
    config.client().unwrap();
}

#[test]
fn a_plain_http_request_is_refused_before_a_token_is_asked() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("allowed_origins", "http://api.example.com").unwrap();
    let client = config.client().unwrap();
    let error = client.send(&Request::new("GET", "http://api.example.com/x").unwrap()).unwrap_err();
    assert_eq!(error.status(), Status::InsecureUrl, "{error}");
    assert_eq!(world.sim.journal().len(), 0);
}

#[test]
fn no_token_call_goes_to_a_loopback_look_alike() {
    for host in ["127.0.0.1.example.com", "localhost.example.com", "0.0.0.0", "[::2]", "128.0.0.1"]
    {
        let mut config = Config::new("simacan").unwrap();
        config.set("refresh_token", "r").unwrap();
        config.set("base_url", &format!("http://{host}/api/v1")).unwrap();
        let error = config.client().unwrap_err();
        assert_eq!(error.status(), Status::InsecureUrl, "{host}");
    }
    for host in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "sim.localhost"] {
        let mut config = Config::new("simacan").unwrap();
        config.set("refresh_token", "r").unwrap();
        config.set("base_url", &format!("http://{host}:1/api/v1")).unwrap();
        config.client().unwrap();
    }
}

#[test]
fn everything_goes_through_the_proxy_encrypted_end_to_end() {
    let world = World::new();
    let proxy = Proxy::open();
    let mut config = world.config(CLOUD, "password");
    config.set("proxy", &proxy.url()).unwrap();
    let client = config.client().unwrap();
    assert_eq!(world.get(&client, CLOUD, &devices(CLOUD)).unwrap().status(), 200);
    let authority =
        |url: &str| url.trim_start_matches("https://").split('/').next().unwrap().to_string();
    let targets: Vec<String> =
        proxy.asked().iter().map(|asked| asked[0].split(' ').nth(1).unwrap().to_string()).collect();
    assert_eq!(
        targets,
        [authority(&world.sim.base_url(CLOUD)), authority(&world.sim.api_url(CLOUD))]
    );
    assert!(world.sim.journal().iter().all(|entry| entry.tls));
}

#[test]
fn a_proxys_credentials_go_to_it_alone_and_into_no_message() {
    let world = World::new();
    let proxy = Proxy::open();
    let mut config = world.config(CLOUD, "password");
    config.set("proxy", &proxy.url_with("gateway:hunter2")).unwrap();
    config.client().unwrap().token().unwrap();
    let said = proxy.asked().remove(0).join("\n");
    let basic = "Basic Z2F0ZXdheTpodW50ZXIy";
    assert!(said.to_lowercase().contains("proxy-authorization: basic "), "{said}");
    assert!(said.contains(basic), "{said}");
    for entry in world.sim.journal() {
        assert_eq!(entry.header("proxy-authorization"), None);
    }
    assert_eq!(config.get("proxy").unwrap().as_deref(), Some("***"));

    let shut = Proxy::shut();
    config.set("proxy", &shut.url_with("gateway:hunter2")).unwrap();
    let error = token_error(&config);
    assert_eq!(error.status(), Status::Network);
    assert!(error.message().contains("proxy"), "{error}");
    assert!(!error.message().contains("hunter2"), "{error}");
}

#[test]
fn a_misspelt_proxy_is_refused_when_it_is_set() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    for bad in [
        "",
        "localhost:3128",
        "hunter2.example.com",
        "127.0.0.1:1:2",
        "https://hunter2",
        "https://u:hunter2@host",
        "socks4://hunter2:1",
        "ftp://hunter2",
        "HTTP:/hunter2:1",
        "http:hunter2:1",
        "http://",
        "http://:3128",
        "http://hunter2",
        "http://hunter2:",
        "http://hunter2:0",
        "http://hunter2:65536",
        "http://hunter2:31x28",
        "http://hunter2:-1",
        "http://hunter2:1/path",
        "http://hunter2:1?query",
        "http://hunter2:1#fragment",
        "http://hunter 2:1",
        " http://hunter2:1",
        "http://hunter2\\:1",
        "http://::1:3128",
        "http://[::1:3128",
        "http://u:hunter2@",
        "http://u:hunter2@host",
        "http://u:hunter2@host:1\r\nX: y",
    ] {
        let error = config.set("proxy", bad).expect_err(bad);
        assert_eq!(error.status(), Status::InvalidOption, "{bad}");
        assert!(error.message().starts_with("proxy: "), "{error}");
        assert!(!error.message().contains("hunter2"), "{error}");
        let json = serde_json::json!({ "proxy": bad }).to_string();
        assert!(config.load_json(&json).is_err(), "{bad}");
        assert_eq!(config.get("proxy").unwrap(), None, "nothing is set by it");
    }
    let client = config.client().unwrap();
    assert_eq!(client.set("proxy", "localhost:3128").unwrap_err().status(), Status::InvalidOption);
    client.token().unwrap();
    for good in ["http://proxy:3128", "http://proxy:3128/", "https://me:a%40b@[::1]:8080"] {
        config.set("proxy", good).unwrap();
    }
}

#[test]
fn a_proxy_that_is_not_there_is_a_network_fault() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("proxy", "http://127.0.0.1:1").unwrap();
    let error = token_error(&config);
    assert_eq!(error.status(), Status::Network, "{error}");
    assert_eq!(world.sim.journal().len(), 0, "there is no way around it");
}

#[test]
fn the_proxy_variables_of_the_environment_are_not_read() {
    // Set for a child of this test program: a test must not change its own environment.
    const CHILD: &str = "KEYFOB_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let world = World::new();
        world.config(CLOUD, "password").client().unwrap().token().unwrap();
        return;
    }
    let mut child = alone(the_proxy_variables_of_the_environment_are_not_read);
    child.env(CHILD, "1");
    for variable in
        ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    {
        child.env(variable, "http://127.0.0.1:1");
    }
    passed(child.output().unwrap());
}

#[test]
fn answers_are_cut_off_at_their_limits() {
    for huge in ["huge-body:100000000:content-length", "huge-body:3000000:chunked"] {
        let fault = || Fault::from_name(huge).unwrap();
        let world = World::new();
        world.answers_once(CLOUD, "login", fault());
        let error = token_error(&world.config(CLOUD, "password"));
        assert_eq!(error.status(), Status::AnswerTooLarge, "{huge}: {error}");
        assert!(error.message().contains("1048576"), "{error}");

        let mut config = world.config(CLOUD, "password");
        config.set("max_body_bytes", "2000000").unwrap();
        world.wind(3600);
        let client = config.client().unwrap();
        world.answers_once(CLOUD, "api", fault());
        let error = world.get(&client, CLOUD, &devices(CLOUD)).unwrap_err();
        assert_eq!(error.status(), Status::AnswerTooLarge, "{huge}: {error}");
        assert_eq!(error.http_status(), Some(200));
        assert_eq!(world.get(&client, CLOUD, &devices(CLOUD)).unwrap().status(), 200);
    }
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("max_body_bytes", "3000000").unwrap();
    let client = config.client().unwrap();
    world.answers_once(CLOUD, "api", Fault::from_name("huge-body:3000000:chunked").unwrap());
    let whole = world.get(&client, CLOUD, &devices(CLOUD)).unwrap();
    assert_eq!(whole.body().len(), 3_000_000, "the limit itself is let through");
}

#[test]
fn a_login_and_requests_make_one_connection_to_each_origin() {
    for cloud in FOUR {
        let world = World::new();
        let client = world.client(cloud);
        for _ in 0..3 {
            assert_eq!(world.get(&client, cloud, &devices(cloud)).unwrap().status(), 200);
        }
        client.renew().unwrap();
        let mut connections: Vec<_> =
            world.sim.journal().iter().map(|entry| (entry.origin, entry.connection)).collect();
        connections.sort_unstable();
        connections.dedup();
        let origins =
            if world.sim.base_url(cloud).starts_with(&world.sim.api_url(cloud)) { 1 } else { 2 };
        assert_eq!(connections.len(), origins, "{cloud:?}: {connections:?}");
    }
}

#[test]
fn a_new_connection_resumes_the_tls_session() {
    for cloud in FOUR {
        let world = World::new();
        let client = world.client(cloud);
        assert_eq!(world.get(&client, cloud, &devices(cloud)).unwrap().status(), 200);
        world.sim.close_idle_connections(cloud);
        assert_eq!(world.get(&client, cloud, &devices(cloud)).unwrap().status(), 200);
        let sent = world.sent(cloud, "api");
        assert_eq!(sent.len(), 2, "{cloud:?}: a connection closed while idle costs no request");
        assert!(sent[1].tls_resumed, "{cloud:?}");
    }
}

#[test]
fn clients_with_the_same_settings_share_their_connections() {
    let world = World::new();
    let config = world.config(CLOUD, "password");
    let clients = [config.client().unwrap(), config.client().unwrap()];
    for client in &clients {
        client.token().unwrap();
    }
    let plain = || {
        let mut config = untold(&world);
        config.set("base_url", &world.sim.http_base_url(CLOUD)).unwrap();
        config.client().unwrap()
    };
    world.sim.clear_journal();
    let pair = [plain(), plain()];
    pair.iter().for_each(|client| drop(client.token().unwrap()));
    let sent = world.sent(CLOUD, "login");
    assert_eq!(sent[0].connection, sent[1].connection);
}

#[test]
fn a_connection_closed_while_idle_does_not_cost_a_login() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    for _ in 0..3 {
        world.sim.close_idle_connections(CLOUD);
        client.renew().unwrap();
    }
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "refresh", "refresh"]);
}

#[test]
fn a_name_that_does_not_exist_is_told_as_such() {
    let mut config = Config::new("simacan").unwrap();
    config.set("refresh_token", "r").unwrap();
    config.set("base_url", "https://no-such-host.invalid/api/v1").unwrap();
    config.set("retries", "0").unwrap();
    let error = token_error(&config);
    assert_eq!(error.status(), Status::Network);
    assert!(error.message().contains("no-such-host.invalid"), "{error}");
    assert!(error.message().contains("DNS"), "{error}");
}

#[test]
fn the_user_agent_is_keyfobs_unless_set() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.client().unwrap().token().unwrap();
    config.set("user_agent", "gateway/7").unwrap();
    config.client().unwrap().token().unwrap();
    let agents: Vec<_> = world
        .sent(CLOUD, "login")
        .iter()
        .map(|entry| entry.header("user-agent").unwrap().to_string())
        .collect();
    assert_eq!(agents, [concat!("keyfob/", env!("CARGO_PKG_VERSION")), "gateway/7"]);
}
