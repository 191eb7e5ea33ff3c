//! The transport: requests over ureq with our own socket and TLS below it, so that every wait ends
//! at the caller's deadline, and every fault says what to do.

mod late;
mod resolve;
mod sent;
mod tcp;
mod tls;

pub(crate) use late::{Asking, Late, Pending};
pub(crate) use tls::TlsFiles;

use crate::call::{self, Call, InFlight};
use crate::clock::Moment;
use crate::error::{Error, Result, Status};
use crate::process::PerProcess;
use crate::secret::Secret;
use crate::url::Url;
use late::{Resume, Unanswered};
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use ureq::http;
use ureq::unversioned::transport::{Buffers, ConnectProxyConnector, Connector, LazyBuffers};
use zeroize::{Zeroize, Zeroizing};

/// The longest header that is sent, in bytes: many times what servers take, and half of the buffer
/// that a request is written through.
pub(crate) const MOST_HEADER: usize = 64 * 1024;

/// What makes two clients' connections interchangeable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportSettings {
    pub tls: TlsFiles,
    pub proxy: Option<Secret>,
    pub user_agent: String,
    pub connect_timeout: Duration,
}

/// One request, ready to go out.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub method: http::Method,
    pub url: Url,
    /// What messages call the URL. The real path may hold a token.
    pub shown: String,
    pub headers: Vec<(String, Secret)>,
    pub body: Option<Zeroizing<Vec<u8>>>,
}

/// One answer, whole.
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// When it was asked for, if that was by an earlier call.
    pub asked: Option<Moment>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }
}

/// A request that got no whole answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub error: Error,
    /// Whether any of the request left this machine: if so, the cloud may have carried it out.
    pub sent: bool,
    /// Whether its answer can still be read, by who sends the same again.
    pub awaited: bool,
}

/// Connections to any number of origins. Shared by all clients with the same settings; usable from
/// any thread, and in a forked child, where it begins with no connections.
pub(crate) struct Transport {
    settings: TransportSettings,
    tls: Arc<rustls::ClientConfig>,
    agent: PerProcess<ureq::Agent>,
}

type Known = PerProcess<Mutex<Vec<Weak<Transport>>>>;

impl Transport {
    /// The transport for these settings: one that a living client has, or a new one.
    pub fn shared(settings: TransportSettings) -> Result<Arc<Transport>> {
        static KNOWN: OnceLock<Known> = OnceLock::new();
        let known = KNOWN.get_or_init(PerProcess::new).get(Mutex::default);
        let tls = tls::configure(&settings.tls)?;
        proxy(&settings)?;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|transport| transport.strong_count() > 0);
        // Files may have changed under the same name, so only settings without any are shared.
        if settings.tls == TlsFiles::default() {
            let same = known.iter().filter_map(Weak::upgrade).find(|t| t.settings == settings);
            if let Some(transport) = same {
                return Ok(transport);
            }
        }
        let transport = Arc::new(Transport { settings, tls, agent: PerProcess::new() });
        known.push(Arc::downgrade(&transport));
        Ok(transport)
    }

    fn agent(&self) -> Arc<ureq::Agent> {
        self.agent.get(|| {
            self.agent_over(
                ().chain(ConnectProxyConnector::default())
                    .chain(tcp::TcpConnector)
                    .chain(tls::TlsConnector(tls::with_own_sessions(&self.tls)))
                    .chain(sent::RequestBegins),
            )
        })
    }

    fn agent_over(&self, connector: impl Connector) -> ureq::Agent {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .allow_non_standard_methods(true)
            .user_agent(self.settings.user_agent.as_str())
            .proxy(proxy(&self.settings).unwrap_or_default())
            .max_idle_connections(64)
            .max_idle_connections_per_host(32)
            .build();
        ureq::Agent::with_parts(config, connector, resolve::Later)
    }

    /// Sends one request and reads its answer whole. No redirect is followed, nothing is retried.
    pub fn send(
        &self,
        outgoing: &Outgoing,
        max_body: u64,
        call: &Call,
    ) -> std::result::Result<Answer, Fault> {
        self.over(&self.agent(), outgoing, max_body, call, false).map_err(|(fault, _)| fault)
    }

    /// The same for a request that is not to be sent again before it is answered: where this very
    /// one was sent by an earlier call that could not wait, the answer to that is read.
    pub fn ask<T: Clone>(
        &self,
        outgoing: &Outgoing,
        max_body: u64,
        call: &Call,
        asking: Asking<'_, T>,
    ) -> std::result::Result<Answer, Fault> {
        let keep = |(mut fault, pending): (Fault, Option<Pending>), asked: Moment| {
            if let Some(pending) = pending {
                let (request, settings) = (outgoing.clone(), self.settings.clone());
                let trail = asking.trail.clone();
                fault.awaited =
                    asking.late.put(Unanswered { request, settings, asked, trail, pending });
            }
            fault
        };
        let earlier = asking.late.take(outgoing, &self.settings);
        let worth_it = earlier.and_then(|u| Some((u.patience(asking.now, asking.once)?, u)));
        if let Some((patience, Unanswered { asked, pending, .. })) = worth_it {
            let agent = self.agent_over(Resume::new(pending));
            match self.over(&agent, outgoing, max_body, &call.within(patience), true) {
                Ok(answer) => return Ok(Answer { asked: Some(asked), ..answer }),
                Err(failed) if call.remaining().is_err() => return Err(keep(failed, asked)),
                // It will not come any more.
                Err((fault, _))
                    if matches!(fault.error.status(), Status::Network | Status::Timeout) => {}
                Err((fault, _)) => return Err(fault),
            }
        }
        let sent = self.over(&self.agent(), outgoing, max_body, call, true);
        sent.map_err(|failed| keep(failed, asking.now))
    }

    fn over(
        &self,
        agent: &ureq::Agent,
        outgoing: &Outgoing,
        max_body: u64,
        call: &Call,
        keep: bool,
    ) -> std::result::Result<Answer, (Fault, Option<Pending>)> {
        let in_flight = InFlight {
            call: call.clone(),
            connect_timeout: self.settings.connect_timeout,
            sent: false,
            keep,
            pending: None,
        };
        let (answer, InFlight { sent, pending, .. }) =
            call::in_flight(in_flight, || self.exchange(agent, outgoing, max_body, call));
        answer.map_err(|error| (Fault { error, sent, awaited: false }, pending))
    }

    fn exchange(
        &self,
        agent: &ureq::Agent,
        outgoing: &Outgoing,
        max_body: u64,
        call: &Call,
    ) -> Result<Answer> {
        call.remaining()?;
        let explain = |e| self.explain(e, outgoing, call);
        let mut request = http::Request::builder()
            .method(outgoing.method.clone())
            .uri(outgoing.url.uri().clone());
        for (name, value) in &outgoing.headers {
            if value.expose().len() > MOST_HEADER {
                return Err(too_long(name, outgoing));
            }
            let mut value = http::HeaderValue::from_str(value.expose())
                .map_err(|_| bad_header(name, outgoing))?;
            value.set_sensitive(true);
            request = request.header(name.as_str(), value);
        }
        let unusable = |_| Error::new(Status::InvalidArgument, "the request cannot be built");
        let answer = match &outgoing.body {
            Some(body) => agent.run(request.body(body.as_slice()).map_err(unusable)?),
            None => agent.run(request.body(()).map_err(unusable)?),
        }
        .map_err(explain)?;
        let (parts, mut body) = answer.into_parts();
        let too_large = || {
            Error::new(
                Status::AnswerTooLarge,
                format!(
                    "{} {} answered with more than {max_body} bytes",
                    outgoing.method, outgoing.shown
                ),
            )
            .with_http_status(parts.status.as_u16())
        };
        let announced = body.content_length().unwrap_or(0);
        if announced > max_body && outgoing.method != http::Method::HEAD {
            return Err(too_large());
        }
        let reader = body.with_config().limit(u64::MAX).reader().take(max_body + 1);
        let bytes = read_whole(reader, announced).map_err(|e| explain(e.into()))?;
        if bytes.len() as u64 > max_body {
            return Err(too_large());
        }
        let headers = parts
            .headers
            .iter()
            .map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect();
        Ok(Answer { status: parts.status.as_u16(), headers, body: bytes, asked: None })
    }

    /// Our status and words for what went wrong below.
    fn explain(&self, error: ureq::Error, outgoing: &Outgoing, call: &Call) -> Error {
        let at = format!("{} {}", outgoing.method, outgoing.shown);
        let network = |what: String| Error::new(Status::Network, format!("{at}: {what}"));
        let error = match error {
            ureq::Error::Io(error) => error,
            ureq::Error::HostNotFound => {
                let host = outgoing.url.origin().host();
                return network(format!("no address found for {host}: check the name and DNS"));
            }
            ureq::Error::ConnectProxyFailed(_) => {
                return network("the proxy refused the connection; check the option proxy".into());
            }
            ureq::Error::Tls(what) => return Error::new(Status::Tls, format!("{at}: {what}")),
            ureq::Error::Timeout(_) => return call.timeout(),
            other => {
                let what = format!("{at}: not a valid HTTP answer ({other})");
                return Error::new(Status::MalformedAnswer, what);
            }
        };
        match tcp::gave_up(&error) {
            Some(tcp::GaveUp::Cancelled | tcp::GaveUp::Deadline) => {
                return call.remaining().err().unwrap_or_else(|| call.timeout());
            }
            Some(tcp::GaveUp::ConnectDeadline) => {
                let ms = self.settings.connect_timeout.as_millis();
                return Error::new(
                    Status::Timeout,
                    format!("{at}: no connection within {ms} ms (connect_timeout_ms)"),
                );
            }
            None => {}
        }
        let tls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
        if let Some(error) = tls {
            if refuses_certificate(error) {
                call::with_in_flight(|flight| flight.sent = false);
            }
            return Error::new(Status::Tls, format!("{at}: {error}{}", advice(error)));
        }
        network(error.to_string())
    }
}

/// Passwords and tokens went through a connection's buffers, and whoever gets this memory next must
/// not find them there.
fn wipe(buffers: &mut LazyBuffers) {
    let unread = buffers.input().len();
    buffers.input_consume(unread);
    buffers.input_append_buf().zeroize();
    buffers.output().zeroize();
}

/// Whether the server did not like our certificate, or the lack of one. Under TLS 1.3 it says so
/// when we have begun to send, but it does not look at a request before that.
fn refuses_certificate(error: &rustls::Error) -> bool {
    use rustls::AlertDescription as Alert;
    let rustls::Error::AlertReceived(alert) = error else { return false };
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
    )
}

/// What a person can do about a TLS failure.
fn advice(error: &rustls::Error) -> &'static str {
    use rustls::AlertDescription as Alert;
    use rustls::CertificateError as Bad;
    match error {
        // A bad signature is what an unknown authority under a known one's name comes to.
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            "; if the server has a private authority, name its PEM file with ca_file"
        }
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            "; check this machine's clock"
        }
        rustls::Error::AlertReceived(Alert::CertificateRequired) => {
            "; the server asks for a client certificate: set client_cert_file and client_key_file"
        }
        rustls::Error::InvalidMessage(_) => "; does this port speak TLS?",
        _ => "",
    }
}

fn too_long(name: &str, outgoing: &Outgoing) -> Error {
    let what = format!(
        "{} {}: the value of header {name} is longer than {MOST_HEADER} bytes",
        outgoing.method, outgoing.shown
    );
    Error::new(Status::InvalidArgument, what)
}

fn bad_header(name: &str, outgoing: &Outgoing) -> Error {
    Error::new(
        Status::InvalidArgument,
        format!(
            "{} {}: the value of header {name} has a character that headers cannot carry",
            outgoing.method, outgoing.shown
        ),
    )
}

fn proxy(settings: &TransportSettings) -> Result<Option<ureq::Proxy>> {
    let Some(text) = &settings.proxy else { return Ok(None) };
    let unusable = || {
        Error::new(
            Status::InvalidOption,
            "proxy: not of the form http://[user:password@]host:port (HTTP CONNECT)",
        )
    };
    match ureq::Proxy::new(text.expose()) {
        Ok(proxy) if matches!(proxy.protocol(), ureq::ProxyProtocol::Http) => Ok(Some(proxy)),
        _ => Err(unusable()),
    }
}

/// Reads to the end. Zeroed when it is allocated, which is cheaper than before each read.
fn read_whole(mut from: impl Read, expected: u64) -> std::io::Result<Vec<u8>> {
    const STEP: usize = 65_536;
    let mut bytes = vec![0; (expected as usize).clamp(1024, 1 << 20) + 1];
    let mut length = 0;
    loop {
        if length == bytes.len() {
            make_room(&mut bytes, 1);
            bytes.resize(bytes.capacity(), 0);
        }
        let end = bytes.len().min(length + STEP);
        match from.read(&mut bytes[length..end]) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Ok(amount) => length += amount,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                bytes.zeroize();
                return Err(error);
            }
        }
    }
}

fn append(bytes: &mut Vec<u8>, more: &[u8]) {
    if bytes.capacity() - bytes.len() < more.len() {
        make_room(bytes, more.len());
    }
    bytes.extend_from_slice(more);
}

/// Moves to a larger buffer. The outgrown one is overwritten: an answer may hold tokens.
fn make_room(bytes: &mut Vec<u8>, more: usize) {
    let mut larger = Vec::with_capacity(bytes.len() + bytes.capacity().max(more).max(1024));
    larger.extend_from_slice(bytes);
    bytes.fill(0);
    std::hint::black_box(&mut *bytes);
    *bytes = larger;
}
