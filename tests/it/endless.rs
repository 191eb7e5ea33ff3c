//! Servers that never come to an end, where HTTP sets none: what is read of them is bounded.

use crate::common::asked::whole_request;
use keyfob::{Config, Request, Status};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

/// What is said first, and then again and again.
type Endless = (&'static str, &'static str, &'static str);

const CASES: [Endless; 8] = [
    ("a header line", "HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxxxxxxxx"),
    ("header lines", "HTTP/1.1 200 OK\r\n", "X: x\r\n"),
    ("interim answers", "", "HTTP/1.1 100 Continue\r\n\r\n"),
    ("early hints", "", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    (
        "a chunk's extension",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        "xxxxxxxxxxxxxxxx",
    ),
    (
        "a chunk's length",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0000000000000000",
    ),
    ("trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: x\r\n"),
    ("nothing but line ends", "", "\r\n\r\n\r\n\r\n"),
];

/// Bodies that come as fast as they are read.
const FLOODS: [Endless; 3] = [
    ("in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nxxxx\r\n"),
    ("with a length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "xxxxxxxxx"),
    ("up to a close", "HTTP/1.1 200 OK\r\n\r\n", "xxxxxxxxx"),
];

/// The most that anybody needs to read of such an answer: what one is allowed to be, and what fits
/// into buffers on the way.
const ENOUGH: usize = 12 << 20;
/// When the server gives up.
const MOST: usize = 64 << 20;

/// Answers requests for tokens with one, and any other, or all, endlessly. Tells how much of that
/// was taken each time.
fn endless(case: Endless, of_token: bool) -> (u16, mpsc::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tells, told) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let request = whole_request(&mut stream);
            if request.starts_with("POST /token") && !of_token {
                give_token(&mut stream);
                continue;
            }
            let (_, first, again) = case;
            let piece = again.repeat((64 << 10) / again.len());
            let mut sent = first.len();
            let mut going = stream.write_all(first.as_bytes()).is_ok();
            while going && sent < MOST {
                going = stream.write_all(piece.as_bytes()).is_ok();
                sent += piece.len();
            }
            tells.send(sent).ok();
        }
    });
    (port, told)
}

fn give_token(stream: &mut TcpStream) {
    let body = r#"{"access_token": "t", "expires_in": 3600}"#;
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let _ = stream.write_all((head + body).as_bytes());
}

fn of_the_cloud_at(port: u16) -> Config {
    let mut config = Config::new("oauth2").unwrap();
    for (option, value) in [
        ("token_url", format!("http://127.0.0.1:{port}/token")),
        ("allowed_origins", format!("http://127.0.0.1:{port}")),
        ("client_id", format!("c{port}")),
        ("client_secret", "s".into()),
        ("retries", "0".into()),
    ] {
        config.set(option, &value).unwrap();
    }
    config
}

#[test]
fn a_proxy_that_never_comes_to_its_answer_is_left() {
    for case in CASES.iter().filter(|case| !case.1.contains("chunked")) {
        let (port, told) = endless(*case, true);
        let mut config = Config::new("oauth2").unwrap();
        for (option, value) in [
            ("token_url", "https://cloud.example.com/token".to_string()),
            ("proxy", format!("http://127.0.0.1:{port}")),
            ("client_id", format!("p{port}")),
            ("client_secret", "s".into()),
            ("retries", "0".into()),
        ] {
            config.set(option, &value).unwrap();
        }
        let client = config.client().unwrap().share(Some(Duration::from_secs(20)));
        let error = client.token().unwrap_err();
        assert_ne!(error.status(), Status::Timeout, "{}: {error}", case.0);
        assert!(error.message().contains("the proxy 127.0.0.1"), "{error}");
        let sent = told.recv().unwrap();
        assert!(sent < ENOUGH, "{}: {sent} bytes were taken", case.0);
    }
}

#[test]
fn an_answer_that_never_ends_is_left_wherever_it_does_not() {
    for case in CASES {
        for of_token in [true, false] {
            let (port, told) = endless(case, of_token);
            let config = of_the_cloud_at(port);
            let client = config.client().unwrap().share(Some(Duration::from_secs(20)));
            let name = case.0;
            let url = format!("http://127.0.0.1:{port}/api");
            let outcome = match of_token {
                true => client.token().map(drop),
                false => client.send(&Request::new("GET", &url).unwrap()).map(drop),
            };
            match outcome {
                // The last chunk ends a body, whatever comes behind it.
                Ok(()) => assert!(name == "trailers" && !of_token, "{name}"),
                Err(error) => {
                    assert_ne!(error.status(), Status::Timeout, "{name} {of_token}: {error}");
                }
            }
            let sent = told.recv().unwrap();
            assert!(sent < ENOUGH, "{name} {of_token}: {sent} bytes were taken");
        }
    }
}

#[test]
fn a_read_that_does_not_wait_ends_amid_a_flood() {
    for case in FLOODS {
        for limit in ["0", "1"] {
            let (port, told) = endless(case, false);
            let mut config = of_the_cloud_at(port);
            config.set("transfer_timeout_ms", limit).unwrap();
            let client = config.client().unwrap();
            let url = format!("http://127.0.0.1:{port}/api");
            let mut response = client.open(&Request::new("GET", &url).unwrap()).unwrap();
            let expected = match limit {
                "0" => {
                    client.cancel();
                    Status::Cancelled
                }
                _ => Status::Timeout,
            };
            let mut piece = vec![0; 4096];
            let error = loop {
                match response.read_now(&mut piece) {
                    Ok(amount) => assert!(amount > 0, "{}: it has no end", case.0),
                    Err(error) if error.status() == Status::WouldBlock => {}
                    Err(error) => break error,
                }
            };
            assert_eq!(error.status(), expected, "{}: {error}", case.0);
            drop(response);
            let sent = told.recv().unwrap();
            assert!(sent < ENOUGH, "{}: {sent} bytes were taken", case.0);
        }
    }
}

#[test]
fn a_body_that_broke_off_has_no_end_however_often_it_is_read() {
    for framing in ["Content-Length: 9\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n9\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                match whole_request(&mut stream).starts_with("POST /token") {
                    true => give_token(&mut stream),
                    false => write!(stream, "HTTP/1.1 200 OK\r\n{framing}half").unwrap(),
                }
            }
        });
        let client = of_the_cloud_at(port).client().unwrap();
        let url = format!("http://127.0.0.1:{port}/api");
        let mut response = client.open(&Request::new("GET", &url).unwrap()).unwrap();
        let mut piece = [0; 9];
        let mut come = 0;
        let told = loop {
            match response.read(&mut piece) {
                Ok(amount) => {
                    assert!(amount > 0, "{framing}");
                    come += amount;
                }
                Err(error) => break error,
            }
        };
        assert_eq!((told.status(), come), (Status::Network, 4), "{told}");
        assert_eq!(response.read(&mut piece).unwrap_err().message(), told.message());
        assert_eq!(response.read_now(&mut piece).unwrap_err().message(), told.message());
    }
}
