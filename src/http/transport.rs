//! Requests over ureq with our own socket and TLS below it, so that every wait ends at the caller's
//! deadline, and every fault says what to do.

use super::buffers::read_whole;
use super::explain::explain;
use super::in_flight::{self, InFlight};
use super::incoming::{BodyLimits, Incoming};
use super::late::{Asking, Pending, Resume, Unanswered};
use super::message::{Answer, Fault, MOST_HEADER, Outgoing, TransportSettings};
use super::outflow::Outflow;
use super::payload::Payload;
use super::tls::TlsFiles;
use super::{resolve, sent, tcp, tls};
use crate::error::{Error, Result, Status};
use crate::support::call::Call;
use crate::support::clock::Moment;
use crate::support::process::PerProcess;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use ureq::http;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector};

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

    /// Sends one request and reads the head of its answer, within the call; the body is read as it
    /// comes, within its own limits.
    pub fn open(
        &self,
        outgoing: &Outgoing,
        call: &Call,
        limits: BodyLimits,
    ) -> std::result::Result<(Answer, Incoming), Fault> {
        let opened = || self.begin(&self.agent(), outgoing, call, limits);
        self.in_flight(call, false, opened).map_err(|(fault, _)| fault)
    }

    fn over(
        &self,
        agent: &ureq::Agent,
        outgoing: &Outgoing,
        max_body: u64,
        call: &Call,
        keep: bool,
    ) -> std::result::Result<Answer, (Fault, Option<Pending>)> {
        self.in_flight(call, keep, || self.exchange(agent, outgoing, max_body, call))
    }

    /// Runs `work` as the call in flight.
    fn in_flight<T>(
        &self,
        call: &Call,
        keep: bool,
        work: impl FnOnce() -> Result<T>,
    ) -> std::result::Result<T, (Fault, Option<Pending>)> {
        let in_flight = InFlight {
            call: call.clone(),
            connect_timeout: self.settings.connect_timeout,
            sent: false,
            keep,
            pending: None,
        };
        let (answer, InFlight { sent, pending, .. }) = in_flight::in_flight(in_flight, work);
        answer.map_err(|error| (Fault { error, sent, awaited: false }, pending))
    }

    /// The answer whole, if it is not too large.
    fn exchange(
        &self,
        agent: &ureq::Agent,
        outgoing: &Outgoing,
        max_body: u64,
        call: &Call,
    ) -> Result<Answer> {
        // The call bounds all of it; the limits of a body that is read as it comes are not looked at.
        let limits = BodyLimits { idle: Duration::MAX, end: None };
        let (mut answer, mut rest) = self.begin(agent, outgoing, call, limits)?;
        let too_large = || {
            let (method, shown) = (&outgoing.method, &outgoing.shown);
            let what = format!("{method} {shown} answered with more than {max_body} bytes");
            Error::new(Status::AnswerTooLarge, what).with_http_status(answer.status)
        };
        let announced = rest.announced.unwrap_or(0);
        if announced > max_body && outgoing.method.as_str() != "HEAD" {
            return Err(too_large());
        }
        answer.body = read_whole(|buffer| rest.read_within(buffer, call), announced, max_body)?
            .ok_or_else(too_large)?;
        Ok(answer)
    }

    /// Sends the request and reads the head of its answer.
    fn begin(
        &self,
        agent: &ureq::Agent,
        outgoing: &Outgoing,
        call: &Call,
        limits: BodyLimits,
    ) -> Result<(Answer, Incoming)> {
        call.remaining()?;
        let explain = |e| explain(e, outgoing, call, self.settings.connect_timeout);
        let mut request =
            http::Request::builder().method(outgoing.method.as_str()).uri(outgoing.url.as_str());
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
            Payload::Bytes(body) => agent.run(request.body(body.as_slice()).map_err(unusable)?),
            Payload::None => agent.run(request.body(()).map_err(unusable)?),
            Payload::Source(source) => {
                let length = source.length()?;
                if let Some(length) = length {
                    request = request.header(http::header::CONTENT_LENGTH, length);
                }
                let mut outflow = Outflow::new(source.open()?, length);
                let body = ureq::SendBody::from_reader(&mut outflow);
                agent.run(request.body(body).map_err(unusable)?)
            }
        }
        .map_err(explain)?;
        let (parts, body) = answer.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect();
        let mut rest = Incoming::new(body, outgoing, call, self.settings.connect_timeout, limits);
        // ureq tells no length of a body without bytes.
        if parts.headers.get(http::header::CONTENT_LENGTH).is_some_and(|length| length == "0") {
            rest.announced = Some(0);
        }
        let status = parts.status.as_u16();
        Ok((Answer { status, headers, body: Vec::new(), asked: None }, rest))
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
