//! A client that knows nothing of any cloud: requests and answers over rustls, byte for byte.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyfob_simulator::{Cloud, Simulator};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use serde_json::Value;

/// An answer as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}

pub trait Stream: Read + Write + Send {
    fn resumed(&self) -> bool {
        false
    }
}

impl Stream for TcpStream {}

impl Stream for StreamOwned<ClientConnection, TcpStream> {
    fn resumed(&self) -> bool {
        self.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

/// A connection that can be used again and again.
pub struct Connection {
    stream: Box<dyn Stream>,
    host: String,
    unread: Vec<u8>,
}

/// What a client trusts and what it shows.
pub fn config(ca: &Path, identity: Option<(&Path, &Path)>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(cert).unwrap()],
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap(),
    })
}

impl Connection {
    /// To the origin of a URL.
    pub fn open(config: &Arc<ClientConfig>, url: &str) -> io::Result<Connection> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let host = rest.split('/').next().unwrap();
        let port: u16 = host.split(':').nth(1).unwrap().parse().unwrap();
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let stream: Box<dyn Stream> = if scheme == "https" {
            let name = ServerName::try_from("localhost").unwrap();
            let handshake = ClientConnection::new(config.clone(), name).unwrap();
            let mut stream = StreamOwned::new(handshake, socket);
            while stream.conn.is_handshaking() {
                stream.conn.complete_io(&mut stream.sock)?;
            }
            Box::new(stream)
        } else {
            Box::new(socket)
        };
        Ok(Connection { stream, host: host.to_owned(), unread: Vec::new() })
    }

    pub fn resumed(&self) -> bool {
        self.stream.resumed()
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Sends a request and reads its answer.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut bytes =
            format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host).into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        if method != "GET" || !body.is_empty() {
            bytes.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        self.write(&bytes)?;
        self.read()
    }

    /// Reads one answer.
    pub fn read(&mut self) -> io::Result<Reply> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        // A line may be folded (RFC 9112 5.2).
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        let mut reply = Reply { status, headers: headers.collect(), body: Vec::new() };
        if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = self.line()?;
                let size = usize::from_str_radix(&line, 16).unwrap();
                let chunk = self.take(size)?;
                reply.body.extend(chunk);
                assert_eq!(self.line()?, "");
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = reply.header("content-length") {
            reply.body = self.take(length.parse().unwrap())?;
        }
        Ok(reply)
    }

    /// Everything until the connection ends.
    pub fn rest(&mut self) -> (Vec<u8>, io::Result<()>) {
        loop {
            match self.more() {
                Ok(()) => {}
                Err(wrong) if wrong.kind() == io::ErrorKind::UnexpectedEof => {
                    return (std::mem::take(&mut self.unread), Ok(()));
                }
                Err(wrong) => return (std::mem::take(&mut self.unread), Err(wrong)),
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.unread.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..at + 2).collect();
                return Ok(String::from_utf8(line[..at].to_vec()).unwrap());
            }
            self.more()?;
        }
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            self.more()?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    fn more(&mut self) -> io::Result<()> {
        let mut block = [0; 16 * 1024];
        match self.stream.read(&mut block)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            got => {
                self.unread.extend(&block[..got]);
                Ok(())
            }
        }
    }
}

/// One request on a connection of its own; `url` is an origin with or without a prefix.
pub fn ask(
    sim: &Simulator,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    try_ask(sim, method, url, headers, body).unwrap()
}

/// [`ask`], when it may fail.
pub fn try_ask(
    sim: &Simulator,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    let start = url.find("://").unwrap() + 3;
    let slash = url[start..].find('/').map_or(url.len(), |at| start + at);
    let target = if slash == url.len() { "/" } else { &url[slash..] };
    let mut connection = Connection::open(&shared_config(sim.ca_file()), url)?;
    connection.ask(method, target, headers, body.as_bytes())
}

/// One configuration for each authority, so that handshakes are resumed as a real client's are.
fn shared_config(ca: &Path) -> Arc<ClientConfig> {
    static KNOWN: Mutex<BTreeMap<PathBuf, Arc<ClientConfig>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    known.entry(ca.to_owned()).or_insert_with(|| config(ca, None)).clone()
}

pub const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
pub const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Percent-encodes all but letters, digits and `.-_`.
pub fn escaped(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'.' | b'-' | b'_' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

/// A form of those fields.
pub fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

/// `Bearer` and a token.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// The clouds that this client can log in at: those with a refresh token and a page of their own in
/// these tests. `catalogue.rs` has the others.
pub const SIX: [Cloud; 6] = [
    Cloud::Kontakt,
    Cloud::IotConnect,
    Cloud::Kii,
    Cloud::Simacan,
    Cloud::OAuth2,
    Cloud::ThingsBoard,
];

/// Logs in by the right exchange; the answer that has the tokens.
pub fn log_in(sim: &Simulator, cloud: Cloud) -> Reply {
    let reply = try_log_in(sim, cloud);
    assert_eq!(reply.status, 200, "{}: {}", cloud.name(), reply.text());
    reply
}

/// Logs in by the right exchange, whatever comes of it.
pub fn try_log_in(sim: &Simulator, cloud: Cloud) -> Reply {
    use keyfob_simulator::credentials as known;
    let base = sim.base_url(cloud);
    match cloud {
        Cloud::Kontakt => {
            let body = form(&[
                ("username", known::kontakt::USERNAME),
                ("password", known::kontakt::PASSWORD),
            ]);
            ask(
                sim,
                "POST",
                &format!("{base}/v2/organization/account/authenticate"),
                &[FORM],
                &body,
            )
        }
        Cloud::Simacan => {
            let body = form(&[
                ("username", known::simacan::USERNAME),
                ("password", known::simacan::PASSWORD),
            ]);
            ask(sim, "POST", &format!("{base}/auth/password"), &[FORM], &body)
        }
        Cloud::IotConnect => {
            let basic = ask(sim, "GET", &format!("{base}/api/v2/Auth/basic-token"), &[], "");
            let basic = format!("Basic {}", basic.json()["data"].as_str().unwrap());
            let headers = [
                JSON,
                ("Authorization", basic.as_str()),
                ("solution-key", known::iotconnect::SOLUTION_KEY),
            ];
            let body = serde_json::json!({
                "username": known::iotconnect::USERNAME, "password": known::iotconnect::PASSWORD,
            });
            ask(sim, "POST", &format!("{base}/api/v2/Auth/login"), &headers, &body.to_string())
        }
        Cloud::Kii => {
            let body = serde_json::json!({
                "username": known::kii::USERNAME, "password": known::kii::PASSWORD,
            });
            let [id, key] = APP;
            ask(
                sim,
                "POST",
                &format!("{base}/api/oauth2/token"),
                &[JSON, id, key],
                &body.to_string(),
            )
        }
        Cloud::OAuth2 => {
            let body = form(&[
                ("grant_type", "password"),
                ("username", known::oauth2::USERNAME),
                ("password", known::oauth2::PASSWORD),
                ("client_id", known::oauth2::CLIENT_ID),
                ("client_secret", known::oauth2::CLIENT_SECRET),
            ]);
            ask(sim, "POST", &format!("{base}/oauth2/token"), &[FORM], &body)
        }
        Cloud::ThingsBoard => {
            let body = serde_json::json!({
                "username": known::thingsboard::USERNAME, "password": known::thingsboard::PASSWORD,
            });
            ask(sim, "POST", &format!("{base}/api/auth/login"), &[JSON], &body.to_string())
        }
        other => panic!("{other:?} is not one of the six"),
    }
}

/// The headers that name Kii's app.
pub const APP: [(&str, &str); 2] = [
    ("X-Kii-AppID", keyfob_simulator::credentials::kii::APP_ID),
    ("X-Kii-AppKey", keyfob_simulator::credentials::kii::APP_KEY),
];

/// The access token in a login's answer.
pub fn access_token(cloud: Cloud, reply: &Reply) -> String {
    let name = match cloud {
        Cloud::Kontakt => "accessToken",
        Cloud::ThingsBoard => "token",
        _ => "access_token",
    };
    reply.json()[name].as_str().unwrap().to_owned()
}

/// The refresh token in a login's answer.
pub fn refresh_token(cloud: Cloud, reply: &Reply) -> String {
    let name = match cloud {
        Cloud::Kontakt | Cloud::ThingsBoard => "refreshToken",
        _ => "refresh_token",
    };
    reply.json()[name].as_str().unwrap().to_owned()
}

/// Trades a refresh token in by the right exchange, whatever comes of it.
pub fn refresh(sim: &Simulator, cloud: Cloud, token: &str) -> Reply {
    try_refresh(sim, cloud, token).unwrap()
}

/// [`refresh`], when it may fail.
pub fn try_refresh(sim: &Simulator, cloud: Cloud, token: &str) -> io::Result<Reply> {
    use keyfob_simulator::credentials as known;
    let base = sim.base_url(cloud);
    let (path, headers, body) = match cloud {
        Cloud::Kontakt => {
            ("/v2/organization/account/refresh", vec![FORM], form(&[("refreshToken", token)]))
        }
        Cloud::Simacan => ("/auth/refresh", vec![FORM], form(&[("refresh_token", token)])),
        Cloud::IotConnect => (
            "/api/v2/Auth/refresh-token",
            vec![JSON],
            serde_json::json!({ "refreshtoken": token }).to_string(),
        ),
        Cloud::Kii => (
            "/api/oauth2/token",
            vec![JSON, APP[0], APP[1]],
            serde_json::json!({ "grant_type": "refresh_token", "refresh_token": token })
                .to_string(),
        ),
        Cloud::OAuth2 => (
            "/oauth2/token",
            vec![FORM],
            form(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", token),
                ("client_id", known::oauth2::CLIENT_ID),
                ("client_secret", known::oauth2::CLIENT_SECRET),
            ]),
        ),
        Cloud::ThingsBoard => (
            "/api/auth/token",
            vec![JSON],
            serde_json::json!({ "refreshToken": token }).to_string(),
        ),
        other => panic!("{other:?} is not one of the six"),
    };
    try_ask(sim, "POST", &format!("{base}{path}"), &headers, &body)
}

/// The headers of an API request that carries the token.
pub fn api_headers(cloud: Cloud, token: &str) -> Vec<(String, String)> {
    let name = if cloud == Cloud::ThingsBoard { "X-Authorization" } else { "Authorization" };
    let mut headers = vec![(name.to_owned(), bearer(token))];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    match cloud {
        Cloud::Kontakt => headers.push(own(JSON)),
        Cloud::Kii => headers.extend(APP.map(own)),
        _ => {}
    }
    headers
}

/// A request to a cloud's API.
pub fn api(
    sim: &Simulator,
    cloud: Cloud,
    token: &str,
    method: &str,
    target: &str,
    body: &str,
) -> Reply {
    let headers = api_headers(cloud, token);
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let url = if target.contains("://") {
        target.to_owned()
    } else {
        format!("{}{target}", sim.api_url(cloud))
    };
    ask(sim, method, &url, &headers, body)
}
