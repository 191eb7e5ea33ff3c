//! Requests over ureq with our own socket and TLS below it, so that every wait ends at the caller's
//! deadline, and every fault says what to do.

use super::buffers::read_whole;
use super::explain::explain;
use super::in_flight::{self, InFlight};
use super::late::{Asking, Pending, Resume, Unanswered};
use super::message::{Answer, Fault, MOST_HEADER, Outgoing, TransportSettings};
use super::tls::TlsFiles;
use super::{resolve, sent, tcp, tls};
use crate::error::{Error, Result, Status};
use crate::support::call::Call;
use crate::support::clock::Moment;
use crate::support::process::PerProcess;
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
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
            in_flight::in_flight(in_flight, || self.exchange(agent, outgoing, max_body, call));
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
        if announced > max_body && outgoing.method.as_str() != "HEAD" {
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
