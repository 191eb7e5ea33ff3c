//! Each fault does what its name says, at any call of any cloud.

use std::io;
use std::time::{Duration, Instant};

use crate::client::{self, Connection, Reply, config, log_in, refresh, refresh_token, try_refresh};
use keyfob_simulator::{Cloud, Fault, Injection, Rotation, Simulator, Stage};
use serde_json::{Value, json};

fn fault(name: &str) -> Fault {
    Fault::from_name(name).unwrap()
}

/// A login's answer under a fault.
fn login_with(sim: &Simulator, fault: Fault) -> Reply {
    sim.inject(Injection::at(Cloud::Simacan, "login", fault).times(1));
    client::try_log_in(sim, Cloud::Simacan)
}

/// What a fault makes of a refresh, and how many milliseconds that took.
fn refresh_with(sim: &Simulator, cloud: Cloud, fault: &Fault) -> (io::Result<Reply>, String) {
    let token = refresh_token(cloud, &log_in(sim, cloud));
    sim.inject(Injection::at(cloud, "refresh", fault.clone()).times(1));
    (try_refresh(sim, cloud, &token), token)
}

/// Every fault that ends in some answer or an error without a wait or a flood of bytes.
fn quick_ones() -> Vec<Fault> {
    let slow = |fault: &Fault| {
        matches!(
            fault,
            Fault::Stall { .. }
                | Fault::HugeBody { .. }
                | Fault::GzipBomb { .. }
                | Fault::Drip { .. }
        ) || fault.name() == "tls:handshake-stall"
    };
    let mut all: Vec<Fault> = Fault::catalogue().into_iter().filter(|fault| !slow(fault)).collect();
    all.push(fault("huge-body:100000:chunked"));
    all.push(fault("huge-body:100000:content-length"));
    all.push(fault("gzip-bomb:100000"));
    all.push(fault("drip:0"));
    all
}

#[test]
fn a_refresh_token_is_spent_when_the_fault_says_so_only() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        sim.set_rotation(cloud, Rotation::SingleUse);
        for fault in quick_ones() {
            sim.reset();
            let (_, token) = refresh_with(&sim, cloud, &fault);
            let again = refresh(&sim, cloud, &token);
            assert_eq!(again.status != 200, fault.executes(), "{} {fault}", cloud.name());
            assert_eq!(sim.reuse_count(cloud), usize::from(fault.executes()), "{fault}");
            let noted = sim.journal().into_iter().find(|entry| entry.fault.is_some()).unwrap();
            assert_eq!(noted.fault.unwrap(), fault.name());
            assert_eq!(noted.executed, fault.executes());
            let call = if fault.strikes_connection() { "connect" } else { "refresh" };
            assert_eq!((noted.cloud, noted.call), (cloud, call), "{fault}");
        }
    }
}

#[test]
fn a_reset_is_a_reset_and_a_close_is_a_close() {
    let sim = Simulator::start();
    for scheme in ["https", "http"] {
        let url = match scheme {
            "https" => sim.api_url(Cloud::OAuth2),
            _ => sim.http_api_url(Cloud::OAuth2),
        };
        let length = {
            let mut whole = Connection::open(&config(sim.ca_file(), None), &url).unwrap();
            let request = "GET /devices HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            whole.write(request.as_bytes()).unwrap();
            whole.rest().0.len()
        };
        for (stage, least, most) in [
            ("before-headers", 0, 0),
            ("within-headers", 40, length / 2),
            ("within-body", length / 2, length - 1),
        ] {
            for (kind, error) in [("reset", Some(io::ErrorKind::ConnectionReset)), ("close", None)]
            {
                let name = format!("{kind}:{stage}");
                sim.inject(Injection::at(Cloud::OAuth2, "api", fault(&name)).times(1));
                let mut connection = Connection::open(&config(sim.ca_file(), None), &url).unwrap();
                connection
                    .write(b"GET /devices HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    .unwrap();
                let (bytes, end) = connection.rest();
                assert!(
                    (least..=most).contains(&bytes.len()),
                    "{name} {scheme}: {} bytes",
                    bytes.len()
                );
                assert_eq!(end.err().map(|wrong| wrong.kind()), error, "{name} {scheme}");
            }
        }
    }
}

#[test]
fn a_connection_can_fail_before_it_says_anything() {
    let sim = Simulator::start();
    for (name, expected) in [
        ("reset:accept", io::ErrorKind::ConnectionReset),
        ("close:accept", io::ErrorKind::UnexpectedEof),
    ] {
        sim.inject(Injection::at(Cloud::Kii, "login", fault(name)).times(1));
        let wrong = Connection::open(&config(sim.ca_file(), None), &sim.base_url(Cloud::Kii));
        let wrong = wrong.err().unwrap();
        // A client that was still writing its greeting sees the reset as it is.
        let seen = [expected, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
        assert!(seen.contains(&wrong.kind()), "{name}: {wrong}");
        log_in(&sim, Cloud::Kii);
    }
}

#[test]
fn a_stall_holds_until_the_client_gives_up() {
    let sim = Simulator::start();
    for name in [
        "stall:accept",
        "stall:before-headers",
        "stall:within-headers",
        "stall:within-body",
        "tls:handshake-stall",
    ] {
        sim.inject(Injection::at(Cloud::OAuth2, "api", fault(name)).times(1));
        let url = sim.api_url(Cloud::OAuth2);
        let started = Instant::now();
        let address = url.strip_prefix("https://localhost:").unwrap();
        let socket = std::net::TcpStream::connect(format!("127.0.0.1:{address}")).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
        let handshake = rustls::ClientConnection::new(
            config(sim.ca_file(), None),
            rustls::pki_types::ServerName::try_from("localhost").unwrap(),
        );
        let mut stream = rustls::StreamOwned::new(handshake.unwrap(), socket);
        let got = io::Write::write_all(&mut stream, b"GET /devices HTTP/1.1\r\nHost: x\r\n\r\n")
            .and_then(|()| io::Read::read_to_end(&mut stream, &mut Vec::new()));
        let wrong = got.unwrap_err();
        assert!(
            matches!(wrong.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
            "{name}: {wrong}"
        );
        assert!(started.elapsed() >= Duration::from_millis(140), "{name}");
    }
}

#[test]
fn tls_goes_wrong_in_five_ways() {
    let sim = Simulator::start();
    for (name, telling) in [
        ("tls:unknown-ca", "UnknownIssuer|BadSignature"),
        ("tls:wrong-host", "NotValidForName"),
        ("tls:expired", "Expired"),
        ("tls:not-tls", "InvalidMessage"),
    ] {
        for cloud in client::SIX {
            sim.inject(Injection::at(cloud, "login", fault(name)).times(1));
            let wrong = Connection::open(&config(sim.ca_file(), None), &sim.base_url(cloud));
            let wrong = format!("{:?}", wrong.err().unwrap());
            assert!(telling.split('|').any(|word| wrong.contains(word)), "{name}: {wrong}");
            log_in(&sim, cloud);
        }
    }
}

#[test]
fn a_connection_fault_strikes_the_next_call_on_a_kept_one() {
    let sim = Simulator::start();
    let config = config(sim.ca_file(), None);
    let url = sim.api_url(Cloud::Kontakt);
    let key = [client::JSON, ("Api-Key", keyfob_simulator::credentials::kontakt::API_KEY)];
    let mut kept = Connection::open(&config, &url).unwrap();
    assert_eq!(kept.ask("GET", "/echo", &key, b"").unwrap().status, 200);
    sim.inject(Injection::at(Cloud::Kontakt, "api", fault("tls:expired")).times(1));
    assert!(kept.ask("GET", "/echo", &key, b"").is_err(), "the idle connection was left open");
    assert!(Connection::open(&config, &url).is_err());
    assert!(Connection::open(&config, &url).is_ok());
}

#[test]
fn a_resumable_handshake_does_not_pass_a_false_certificate() {
    let sim = Simulator::start();
    let url = sim.base_url(Cloud::OAuth2);
    let config = config(sim.ca_file(), None);
    let metadata = |connection: &mut Connection| {
        connection.ask("GET", "/.well-known/openid-configuration", &[], b"")
    };
    for name in ["tls:unknown-ca", "tls:wrong-host", "tls:expired"] {
        let mut good = Connection::open(&config, &url).unwrap();
        assert_eq!(metadata(&mut good).unwrap().status, 200);
        sim.inject(Injection::at(Cloud::OAuth2, "login", fault(name)).times(1));
        assert!(Connection::open(&config, &url).is_err(), "{name}");
        let mut again = Connection::open(&config, &url).unwrap();
        assert_eq!(metadata(&mut again).unwrap().status, 200);
    }
}

#[test]
fn a_redirect_leads_where_it_says() {
    let sim = Simulator::start();
    let base = sim.base_url(Cloud::Simacan);
    for status in [301, 302, 303, 307, 308] {
        for to in ["same", "other-origin", "downgraded"] {
            let reply = login_with(&sim, fault(&format!("redirect:{status}:{to}")));
            assert_eq!(reply.status, status);
            let location = reply.header("location").unwrap();
            match to {
                "same" => assert_eq!(location, format!("{base}/auth/password")),
                "downgraded" => {
                    let plain = sim.http_base_url(Cloud::Simacan);
                    assert_eq!(location, format!("{plain}/auth/password"));
                }
                _ => {
                    assert!(location.starts_with("https://localhost:"));
                    assert!(!location.starts_with(&base));
                    client::ask(&sim, "POST", location, &[client::FORM], "username=x");
                    let entry = sim.journal().pop().unwrap();
                    assert_eq!((entry.cloud, entry.call), (Cloud::Simacan, "elsewhere"));
                    assert_eq!(entry.text(), "username=x");
                }
            }
        }
    }
    assert_eq!(sim.count(Cloud::Simacan, "elsewhere"), 5);
}

#[test]
fn an_answer_comes_as_given() {
    let sim = Simulator::start();
    for retry_after in ["7", "Sun, 06 Nov 1994 08:49:37 GMT", "99999999999999999999", "soon", "-1"]
    {
        let given = Fault::answer(429, &[("Retry-After", retry_after)], "");
        let reply = login_with(&sim, given);
        assert_eq!((reply.status, reply.header("retry-after")), (429, Some(retry_after)));
        assert!(reply.body.is_empty() && reply.header("date").is_some());
    }
    let reply = login_with(&sim, fault("status:503"));
    assert_eq!((reply.status, reply.header("retry-after")), (503, None));
    let reply = login_with(&sim, Fault::answer(200, &[("Date", "yesterday")], "{}"));
    assert_eq!((reply.header("date"), reply.text().as_str()), (Some("yesterday"), "{}"));
    assert_eq!(sim.logins_failed(Cloud::Simacan), 0);
}

#[test]
fn a_real_answer_is_changed_as_the_fault_says() {
    let sim = Simulator::start();
    let reply = login_with(&sim, Fault::Html200);
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").unwrap().starts_with("text/html"));
    assert!(login_with(&sim, Fault::Empty).body.is_empty());
    let reply = login_with(&sim, Fault::Truncated);
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err() && !reply.body.is_empty());
    assert!(login_with(&sim, Fault::NotObject).json().is_array());
    assert!(login_with(&sim, Fault::DeepJson(10_000)).text().matches('[').count() == 10_000);
    assert!(String::from_utf8(login_with(&sim, Fault::InvalidUtf8).body).is_err());
    assert!(login_with(&sim, Fault::Bom).body.starts_with(&[0xef, 0xbb, 0xbf]));
    assert_eq!(
        login_with(&sim, Fault::DuplicateKeys).text().matches("\"access_token\"").count(),
        2
    );
    assert_eq!(login_with(&sim, fault("lost:502")).status, 502);

    let megabyte = "x".repeat(1 << 20);
    for value in [json!(null), json!(""), json!(7), json!(megabyte), json!("a\u{1}\n\u{7f}b")] {
        let reply = login_with(&sim, Fault::set_field("/access_token", value.clone()));
        assert_eq!(reply.json()["access_token"], value);
        assert_eq!(reply.json()["expires_in"], 3600);
    }
    for value in [json!("3600"), json!(3600.5), json!(-1), json!(0), json!(null)] {
        let reply = login_with(&sim, Fault::set_field("/expires_in", value.clone()));
        assert_eq!(reply.json()["expires_in"], value);
    }
    let reply = login_with(&sim, Fault::raw_field("/expires_in", "1e300"));
    assert!(reply.text().contains("\"expires_in\":1e300"), "{}", reply.text());
    let reply = login_with(&sim, Fault::remove_field("/access_token"));
    assert!(reply.json().get("access_token").is_none());
    let reply = login_with(&sim, Fault::RemoveHeader { name: "date".to_owned() });
    assert!(reply.header("date").is_none());
    let odd = Fault::SetHeader { name: "Content-Type".to_owned(), value: "text/plain".to_owned() };
    assert_eq!(login_with(&sim, odd).header("content-type"), Some("text/plain"));
}

#[test]
fn a_huge_body_has_the_size_it_says() {
    let sim = Simulator::start();
    for name in ["huge-body:3000000:chunked", "huge-body:3000000:content-length"] {
        let reply = login_with(&sim, fault(name));
        assert_eq!(reply.body.len(), 3_000_000, "{name}");
        assert!(reply.json()["access_token"].is_string());
    }
}

#[test]
fn a_gzip_bomb_unpacks_to_the_size_it_says() {
    let sim = Simulator::start();
    let reply = login_with(&sim, fault("gzip-bomb:3000000"));
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert!(reply.body.len() < 30_000, "{} bytes", reply.body.len());
    let Ok(mut gzip) = std::process::Command::new("gzip")
        .arg("-dc")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
    else {
        return;
    };
    let mut input = gzip.stdin.take().unwrap();
    let body = reply.body;
    let feeder = std::thread::spawn(move || io::Write::write_all(&mut input, &body));
    let output = gzip.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout.len(), 3_000_000);
    let unpacked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(unpacked["access_token"].as_str().unwrap().bytes().all(|byte| byte == b'a'));
}

#[test]
fn a_drip_and_a_delay_take_their_time_and_come_whole() {
    let sim = Simulator::start();
    let started = Instant::now();
    assert_eq!(login_with(&sim, Fault::Delay { ms: 200 }).json()["token_type"], "bearer");
    assert!(started.elapsed() >= Duration::from_millis(200));
    let started = Instant::now();
    let reply = login_with(&sim, Fault::Drip { ms: 1 });
    assert_eq!(reply.json()["token_type"], "bearer");
    assert!(started.elapsed() >= Duration::from_millis(reply.body.len() as u64));
    sim.set_delay(Cloud::Simacan, "login", Duration::from_millis(150));
    let started = Instant::now();
    log_in(&sim, Cloud::Simacan);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[test]
fn a_refused_cloud_comes_back_at_the_same_port() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        let kept = Connection::open(&config(sim.ca_file(), None), &sim.base_url(cloud));
        sim.refuse(cloud, true);
        for url in [sim.base_url(cloud), sim.http_base_url(cloud), sim.api_url(cloud)] {
            let wrong = Connection::open(&config(sim.ca_file(), None), &url).err().unwrap();
            assert_eq!(wrong.kind(), io::ErrorKind::ConnectionRefused, "{cloud:?}");
        }
        assert!(kept.unwrap().ask("GET", "/echo", &[], b"").is_err());
        sim.refuse(cloud, false);
        log_in(&sim, cloud);
    }
}

#[test]
fn without_the_required_client_certificate_nothing_is_answered() {
    let sim = Simulator::start();
    sim.require_client_cert(true);
    let url = sim.base_url(Cloud::OAuth2);
    let path = "/.well-known/openid-configuration";
    let bare = Connection::open(&config(sim.ca_file(), None), &url)
        .and_then(|mut connection| connection.ask("GET", path, &[], b""));
    assert!(bare.is_err());
    let identity = (sim.client_cert_file(), sim.client_key_file());
    let mut connection = Connection::open(&config(sim.ca_file(), Some(identity)), &url).unwrap();
    assert_eq!(connection.ask("GET", path, &[], b"").unwrap().status, 200);
    sim.require_client_cert(false);
    assert_eq!(client::ask(&sim, "GET", &format!("{url}{path}"), &[], "").status, 200);
}

#[test]
fn rules_are_tried_in_order_and_used_up() {
    let sim = Simulator::start();
    sim.inject(Injection::at(Cloud::Simacan, "login", fault("status:500")).skip(1).times(2));
    sim.inject(
        Injection {
            cloud: None,
            call: Some("login".into()),
            ..Injection::new(fault("status:502"))
        }
        .times(1),
    );
    let statuses: Vec<u16> =
        (0..4).map(|_| client::try_log_in(&sim, Cloud::Simacan).status).collect();
    assert_eq!(statuses, [502, 500, 500, 200]);
    sim.inject(Injection::new(fault("status:500")));
    assert_eq!(client::try_log_in(&sim, Cloud::Simacan).status, 500);
    sim.clear_injections();
    log_in(&sim, Cloud::Simacan);
}

#[test]
fn a_fault_is_read_from_what_the_type_says_of_itself() {
    let at = Stage::WithinBody;
    assert_eq!(fault("stall:within-body:executed"), Fault::Stall { at, executed: true });
}
