//! Proxies that TLS leads to (`https://`): who is on the way to one sees neither the cloud's name nor
//! the proxy's password.

use crate::common::World;
use crate::common::certificate::{of, of_this_machine};
use crate::common::directory::Directory;
use crate::common::front::Front;
use crate::common::proxy::Proxy;
use crate::common::socks::{Manner, Socks};
use keyfob::{Config, Error, Request, Status};
use keyfob_simulator::Cloud;

const CLOUD: Cloud = Cloud::Kontakt;

/// A world behind a proxy with TLS, whose certificate its clients trust.
struct Behind {
    world: World,
    certificate: String,
    key: String,
    directory: Directory,
}

impl Behind {
    fn new(name: &str) -> Behind {
        let directory = Directory::new(name);
        std::fs::create_dir_all(&directory.0).unwrap();
        let (certificate, key) = of_this_machine(&directory);
        Behind { world: World::new(), certificate, key, directory }
    }

    fn front(&self, port: u16) -> Front {
        Front::before(port, &self.certificate, &self.key)
    }

    fn through(&self, proxy: &str) -> Config {
        let cloud = std::fs::read_to_string(self.world.sim.ca_file()).unwrap();
        let both = self.directory.0.join("ca.pem");
        std::fs::write(&both, format!("{cloud}{}", self.certificate)).unwrap();
        let mut config = self.world.config(CLOUD, "password");
        for (option, value) in [("proxy", proxy), ("ca_file", both.to_str().unwrap())] {
            config.set(option, value).unwrap();
        }
        config
    }

    /// What a client is told who goes through a proxy that behaves like this.
    fn refused(&self, manner: Manner) -> Error {
        let proxy = self.front(Socks::start(manner).port);
        let mut config = self.through(&proxy.url("gateway:hunter2@"));
        config.set("timeout_ms", "500").unwrap();
        let error = config.client().unwrap().token().unwrap_err();
        assert!(error.message().contains("the proxy 127.0.0.1:"), "{error}");
        assert!(!error.message().contains("hunter2"), "{error}");
        // That both URLs begin alike gives nothing away.
        let shown = error.status() == Status::Timeout || error.message().contains("POST https://");
        assert!(shown, "{error}");
        assert_eq!(self.world.sim.journal().len(), 0);
        error
    }
}

#[test]
fn tls_leads_to_the_proxy_and_through_it_to_the_cloud() {
    let behind = Behind::new("hidden-proxy");
    let proxy = Proxy::open();
    let front = behind.front(proxy.port);
    let mut config = behind.through(&front.url("gateway:hunter2@"));
    let world = &behind.world;
    // Ours is for the cloud: the proxy, which asks for one too, is shown none.
    config.set("client_cert_file", world.sim.client_cert_file().to_str().unwrap()).unwrap();
    config.set("client_key_file", world.sim.client_key_file().to_str().unwrap()).unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    assert!(proxy.asked()[0].contains(&"Proxy-Authorization: Basic Z2F0ZXdheTpodW50ZXIy".into()));

    // More than fits into what any layer holds, both ways, on a connection that is kept.
    let file = vec![b'x'; 3_000_000];
    for _ in 0..3 {
        let url = format!("{}/uploads", world.sim.api_url(CLOUD));
        let mut up = Request::new("POST", &url).unwrap();
        up.set_body(&file);
        assert_eq!(client.send(&up).unwrap().status(), 200);
        let down = world.get(&client, CLOUD, "/files/3000000").unwrap();
        assert_eq!((down.status(), down.body().len()), (200, 3_000_000));
    }
    assert_eq!(proxy.asked().len(), 1, "one connection, for all of it");
    assert_eq!(front.shown(), [false]);
    let journal = world.sim.journal();
    assert!(journal.iter().all(|entry| entry.tls && entry.header("proxy-authorization").is_none()));
}

#[test]
fn a_proxys_certificate_is_verified_for_its_own_name() {
    let behind = Behind::new("proxy-certificate");
    let proxy = Proxy::open();
    let other = Directory::new("proxy-of-others");
    std::fs::create_dir_all(&other.0).unwrap();
    let unknown = of_this_machine(&other);
    let renamed = of(&behind.directory, "DNS:proxy.example.com");
    for (certificate, key) in [&unknown, &renamed] {
        let front = Front::before(proxy.port, certificate, key);
        let mut config = behind.through(&front.url("gateway:hunter2@"));
        let both = std::fs::read_to_string(config.get("ca_file").unwrap().unwrap()).unwrap();
        std::fs::write(behind.directory.0.join("more.pem"), both + &renamed.0).unwrap();
        config.set("ca_file", behind.directory.0.join("more.pem").to_str().unwrap()).unwrap();
        let error = config.client().unwrap().token().unwrap_err();
        assert_eq!(error.status(), Status::Tls);
        assert!(error.message().contains("the proxy 127.0.0.1:"), "{error}");
        assert!(!error.message().contains("hunter2"), "{error}");
    }
    assert!(proxy.asked().concat().is_empty(), "it was told nothing");
}

#[test]
fn a_proxy_with_tls_that_gives_no_tunnel_is_named() {
    let behind = Behind::new("no-tunnel");
    let wants = behind.refused(Manner::Says(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n"));
    assert!(wants.message().contains("wants other credentials"), "{wants}");
    let no = behind.refused(Manner::Says(b"HTTP/1.1 403 No\r\n\r\n"));
    assert!(no.message().contains("does not lead to "), "{no}");
    for half in [&b""[..], b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nVia: "] {
        assert_eq!(behind.refused(Manner::Says(half)).status(), Status::Network);
    }
    let early = behind.refused(Manner::Says(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_eq!(early.status(), Status::MalformedAnswer);
    assert_eq!(behind.refused(Manner::Silent).status(), Status::Timeout);
}

#[test]
fn what_speaks_no_tls_is_named_as_the_proxy() {
    let behind = Behind::new("no-tls-proxy");
    for (manner, status) in [
        (Manner::Silent, Status::Timeout),
        (Manner::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Status::Tls),
        (Manner::Says(b""), Status::Network),
    ] {
        let proxy = Socks::start(manner).url("").replace("socks5", "https");
        let mut config = behind.through(&proxy);
        config.set("timeout_ms", "500").unwrap();
        let error = config.client().unwrap().token().unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(error.message().contains("the proxy 127.0.0.1:"), "{error}");
    }
}
