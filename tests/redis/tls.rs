//! `rediss://`: the server of Debian over TLS, with certificates that are right, and each that is wrong.

use crate::common::{World, status};
use crate::server::{CLOUD, Machine, Server, free_port};
use keyfob::Client;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use std::path::PathBuf;
use std::time::{Duration, Instant};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for this name that ends with the beginning of this year, and its key, in PEM.
fn leaf(
    by: &Authority,
    name: &str,
    ends: i32,
    purpose: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_string()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![purpose];
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(ends, 1, 1);
    (params.signed_by(&key, by).unwrap().pem(), key.serialize_pem())
}

/// A server over TLS, and what belongs to it.
struct Secure {
    server: Server,
    port: u16,
    by: Authority,
}

impl Secure {
    /// With a certificate for this name that ends with the beginning of this year.
    fn start(name: &str, ends: i32, asks_for_certificates: bool) -> Secure {
        let (by, port) = (authority("ours"), free_port());
        let mut server = Server::new("redis-tls");
        let (certificate, key) = leaf(&by, name, ends, ExtendedKeyUsagePurpose::ServerAuth);
        server.with("--tls-port", &port.to_string());
        server.with("--tls-auth-clients", if asks_for_certificates { "yes" } else { "no" });
        for (option, file, text) in [
            ("--tls-cert-file", "server.pem", certificate),
            ("--tls-key-file", "server.key", key),
            ("--tls-ca-cert-file", "ca.pem", by.pem()),
        ] {
            let path = server.directory.0.join(file);
            std::fs::write(&path, text).unwrap();
            server.with(option, path.to_str().unwrap());
        }
        server.restart();
        Secure { server, port, by }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.server.directory.0.join(name)
    }

    fn url(&self, settings: &str) -> String {
        let authority = self.file("ca.pem");
        format!("rediss://127.0.0.1:{}/0?ca_file={}{settings}", self.port, authority.display())
    }

    /// A client certificate, as settings of the URL.
    fn certificate(&self, by: &Authority, name: &str) -> String {
        let (certificate, key) = leaf(by, name, 2100, ExtendedKeyUsagePurpose::ClientAuth);
        let paths = [format!("{name}.pem"), format!("{name}.key")].map(|file| self.file(&file));
        std::fs::write(&paths[0], certificate).unwrap();
        std::fs::write(&paths[1], key).unwrap();
        let [certificate, key] = paths.each_ref().map(|path| path.display());
        format!("&client_cert_file={certificate}&client_key_file={key}")
    }
}

fn client(world: &World, machine: &Machine, url: &str) -> Client {
    let mut config = world.config(CLOUD, "password");
    config.set_clock(machine.clock.clone());
    config.set("store", url).unwrap();
    config.client().unwrap()
}

/// The fault that the store has once the client has a token all the same.
fn fault_of(world: &World, url: &str) -> String {
    let client = client(world, &Machine::new("one", 0), url);
    client.token().unwrap();
    status(&client)["store"]["fault"].to_string()
}

fn shares_a_token(world: &World, url: &str) {
    let [one, other] = ["one", "other"].map(|name| Machine::new(name, 50));
    let clients = [&one, &other].map(|machine| client(world, machine, url));
    let first = clients[0].token().unwrap();
    assert_eq!(status(&clients[0])["store"]["fault"], serde_json::Value::Null);
    assert_eq!(clients[1].token().unwrap(), first);
    clients[0].renew().unwrap();
    for machine in [&one, &other] {
        machine.clock.wind(Duration::from_secs(3600 - 149));
    }
    world.sim.wind(Duration::from_secs(3600 - 149));
    assert_eq!(clients[1].token().unwrap(), clients[0].token().unwrap());
    assert_eq!(status(&clients[1])["store"]["fault"], serde_json::Value::Null);
}

#[test]
fn a_server_over_tls_is_shared_by_its_own_authority() {
    let (world, secure) = (World::new(), Secure::start("127.0.0.1", 2100, false));
    shares_a_token(&world, &secure.url(""));
    // Mozilla's authorities know nothing of it.
    world.sim.reset();
    let unknown = format!("rediss://127.0.0.1:{}/0", secure.port);
    let fault = fault_of(&world, &unknown);
    assert!(fault.contains("not known here") && fault.contains("ca_file"), "{fault}");
}

#[test]
fn a_servers_wrong_certificate_is_told_and_not_waited_for() {
    for (name, ends, says) in [
        ("elsewhere.example.com", 2100, "not valid for 127.0.0.1: it is for"),
        ("127.0.0.1", 2002, "expired on 1 Jan 2002"),
    ] {
        let (world, secure) = (World::new(), Secure::start(name, ends, false));
        let begun = Instant::now();
        let fault = fault_of(&world, &secure.url(""));
        assert!(fault.contains(says), "{fault}");
        // Somebody has to act. A server that may come back is waited for, for five seconds.
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert_eq!(world.token_calls(CLOUD), ["login"]);
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_is_shown_the_urls() {
    let (world, secure) = (World::new(), Secure::start("127.0.0.1", 2100, true));
    let mine = secure.certificate(&secure.by, "gateway");
    shares_a_token(&world, &secure.url(&mine));
    let strangers = secure.certificate(&authority("another"), "stranger");
    for (settings, says) in [("", "asks for a client certificate"), (&strangers, "authority")] {
        world.sim.reset();
        let fault = fault_of(&world, &secure.url(settings));
        assert!(fault.contains(says) && fault.contains("client_cert_file"), "{settings}: {fault}");
    }
}

#[test]
fn client_certificates_of_no_use_are_refused_at_the_door() {
    let (world, secure) = (World::new(), Secure::start("127.0.0.1", 2100, true));
    let mine = secure.certificate(&secure.by, "gateway");
    let (certificate, _) = mine.rsplit_once('&').unwrap();
    for (settings, says) in [
        (certificate.to_string(), "go together"),
        (mine.replace("gateway.key", "nowhere.key"), "nowhere.key"),
        (mine.replace("gateway.key", "server.key"), "does not belong"),
    ] {
        let mut config = world.config(CLOUD, "password");
        config.set("store", &secure.url(&settings)).unwrap();
        let Err(refused) = config.client() else { panic!("{says}") };
        let said = refused.message();
        assert!(said.starts_with("store") && said.contains(says), "{said}");
    }
}

/// The port of a server that says this to whoever connects, and no more.
fn silent_after(first: &'static [u8]) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::io::Write::write_all(&mut stream, first).ok();
            kept.push(stream);
        }
    });
    port
}

#[test]
fn a_server_that_stops_in_the_handshake_holds_no_call() {
    let secure = Secure::start("127.0.0.1", 2100, false);
    // It takes connections and says nothing; or says half of what it should.
    for first in [&b""[..], &[22, 3, 3, 0, 90, 2, 0, 0]] {
        let world = World::new();
        let port = silent_after(first);
        let url = secure.url("").replace(&secure.port.to_string(), &port.to_string());
        let client = client(&world, &Machine::new("one", 0), &url);
        let hasty = client.share(Some(Duration::from_millis(100)));
        let begun = Instant::now();
        if let Err(error) = hasty.token() {
            assert_eq!(error.status(), keyfob::Status::Timeout, "{error}");
        }
        assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
        client.token().unwrap();
        let fault = status(&client)["store"]["fault"].to_string();
        assert!(fault.contains("no answer in time"), "{fault}");
        assert_eq!(world.token_calls(CLOUD), ["login"]);
    }
}

#[test]
fn one_side_without_tls_is_told_to_set_it() {
    let (world, secure) = (World::new(), Secure::start("127.0.0.1", 2100, false));
    let fault = fault_of(&world, &format!("redis://127.0.0.1:{}/0", secure.port));
    assert!(fault.contains("does it want TLS?"), "{fault}");
    let port = free_port();
    let _plain = Server::start("redis-no-tls", &["--port", &port.to_string()]);
    let url = secure.url("").replace(&secure.port.to_string(), &port.to_string());
    world.sim.reset();
    let fault = fault_of(&world, &url);
    assert!(fault.contains("does this port speak TLS?"), "{fault}");
}
