//! Bodies over TLS, record by record.

use crate::common::certificate::{AnyCertificate, asking, of_this_machine};
use crate::common::directory::Directory;
use keyfob::{Client, Config, Request, Status};
use rustls::{ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// In bytes: what a socket takes at once, and more than one look at it brings. A record has 1 KiB.
const FIRST: usize = 20 * 1024;
const ALL: usize = 64 * 1024;

fn bytes(from: usize, to: usize) -> Vec<u8> {
    (from..to).map(|at| (at % 251) as u8).collect()
}

/// Answers one request with a head and the first part of a body, says so, and goes on with `rest`.
fn serves(rest: impl FnOnce(&mut Tls) + Send + 'static) -> (Client, String, mpsc::Receiver<()>) {
    let (tells, told) = mpsc::channel();
    let (client, url) = answers(move |tls| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {ALL}\r\n\r\n");
        tls.write_all(head.as_bytes()).unwrap();
        for record in bytes(0, FIRST).chunks(1024) {
            tls.write_all(record).unwrap();
        }
        tls.flush().unwrap();
        tells.send(()).unwrap();
        rest(tls);
    });
    (client, url, told)
}

/// Takes one request and hands it to `answer`.
fn answers(answer: impl FnOnce(&mut Tls) + Send + 'static) -> (Client, String) {
    let (_directory, url, file) = serves_tls(answer);
    (config(&url, &file).client().unwrap(), url)
}

/// The same; the URL, and the file with its certificate.
fn serves_tls(answer: impl FnOnce(&mut Tls) + Send + 'static) -> (Directory, String, String) {
    let directory = Directory::new("records");
    let (certificate, key) = of_this_machine(&directory);
    let file = directory.0.join("ca.pem");
    std::fs::write(&file, &certificate).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let config = asking(&certificate, &key, AnyCertificate { mandatory: false });
    std::thread::spawn(move || {
        let mut session = ServerConnection::new(config).unwrap();
        session.set_buffer_limit(None);
        let mut tls = StreamOwned::new(session, listener.accept().unwrap().0);
        let mut request = [0; 4096];
        assert!(tls.read(&mut request).unwrap() > 0);
        answer(&mut tls);
    });
    let file = file.to_str().unwrap().to_string();
    (directory, url, file)
}

fn config(base_url: &str, ca_file: &str) -> Config {
    let mut config = Config::new("kontakt").unwrap();
    for (name, value) in
        [("api_key", "k"), ("base_url", base_url), ("ca_file", ca_file), ("ca_only", "true")]
    {
        config.set(name, value).unwrap();
    }
    config
}

/// Sends a record, and behind it one that nobody can decrypt: a reader finds both at once.
fn with_garbage(tls: &mut Tls, text: &[u8]) {
    tls.conn.writer().write_all(text).unwrap();
    let mut records = Vec::new();
    while tls.conn.wants_write() {
        tls.conn.write_tls(&mut records).unwrap();
    }
    records.extend_from_slice(&[0x17, 3, 3, 0, 32]);
    records.extend_from_slice(&[0; 32]);
    tls.sock.write_all(&records).unwrap();
}

#[test]
fn one_read_takes_all_records_at_hand_and_waits_for_none() {
    let (tells, told) = mpsc::channel();
    let (client, url, sent) = serves(move |tls| {
        // Whoever waits for more than is there never says that it has read, and gets no more.
        if told.recv_timeout(Duration::from_secs(5)).is_ok() {
            tls.write_all(&bytes(FIRST, ALL)).unwrap();
            told.recv().unwrap();
        }
    });
    let mut response = client.open(&Request::new("GET", &format!("{url}/x")).unwrap()).unwrap();
    sent.recv().unwrap();
    let mut buffer = vec![0; 4 * ALL];
    assert_eq!(response.read(&mut buffer).unwrap(), FIRST, "in one read");
    assert!(buffer[..FIRST] == bytes(0, FIRST)[..]);
    tells.send(()).unwrap();
    let mut rest = Vec::new();
    loop {
        match response.read(&mut buffer).unwrap() {
            0 => break,
            amount => rest.extend_from_slice(&buffer[..amount]),
        }
    }
    assert!(rest == bytes(FIRST, ALL), "{} bytes", rest.len());
    tells.send(()).unwrap();
}

#[test]
fn what_came_before_a_cut_is_given_before_it_is_told() {
    let (client, url, sent) = serves(|_| ()); // ends without a goodbye
    let mut response = client.open(&Request::new("GET", &format!("{url}/x")).unwrap()).unwrap();
    sent.recv().unwrap();
    let mut buffer = vec![0; 4 * ALL];
    let mut came = Vec::new();
    let error = loop {
        match response.read(&mut buffer) {
            Ok(amount) => came.extend_from_slice(&buffer[..amount]),
            Err(error) => break error,
        }
    };
    assert!(came == bytes(0, FIRST), "{} bytes", came.len());
    assert_eq!(error.status(), Status::Network, "{error}");
    assert!(error.message().contains(&format!("{FIRST} of {ALL}")), "{error}");
}

#[test]
fn an_answer_that_is_whole_outlives_the_garbage_behind_it() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole";
    let (client, url) = answers(|tls| with_garbage(tls, text));
    let response = client.send(&Request::new("GET", &format!("{url}/x")).unwrap()).unwrap();
    assert_eq!(response.body(), b"whole");
}

#[test]
fn a_body_that_is_whole_outlives_the_garbage_behind_it() {
    const LENGTH: usize = 1000;
    let (tells, told) = mpsc::channel();
    let (client, url) = answers(move |tls| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        tls.write_all(head.as_bytes()).unwrap();
        told.recv().unwrap();
        with_garbage(tls, &bytes(0, LENGTH));
    });
    let mut response = client.open(&Request::new("GET", &format!("{url}/x")).unwrap()).unwrap();
    tells.send(()).unwrap();
    // Less than the record has: the rest of it waits for the next read.
    let (mut came, mut piece) = (Vec::new(), [0; 100]);
    loop {
        match response.read(&mut piece).unwrap() {
            0 => break,
            amount => came.extend_from_slice(&piece[..amount]),
        }
    }
    assert!(came == bytes(0, LENGTH), "{} bytes", came.len());
}

#[test]
fn an_answer_outlives_the_garbage_behind_it_of_a_proxy() {
    let (_directory, proxy, file) = serves_tls(|tls| {
        tls.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        assert!(tls.read(&mut [0; 4096]).unwrap() > 0);
        with_garbage(tls, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole");
    });
    let mut config = config("http://localhost:9", &file);
    config.set("proxy", &proxy).unwrap();
    let request = Request::new("GET", "http://localhost:9/x").unwrap();
    assert_eq!(config.client().unwrap().send(&request).unwrap().body(), b"whole");
}
