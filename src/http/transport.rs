//! Requests out and answers in: over a connection that is idle, or a new one, within the caller's
//! deadline. ureq speaks HTTP; the connections are ours.
//!
//! Three ways to send, for three kinds of answer:
//!
//! - `send`: the whole answer in memory, bounded in size.
//! - `open`: the head of the answer within the call; the body as it comes.
//! - `ask`: a token call, whose answer must not be lost when the caller's time is over.
//!
//! None of them follows a redirect or tries again by itself. Each goes through the same steps:
//!
//! ```text
//! begin       an idle connection from the pool, or look up, connect, tunnel, shake hands
//! go_on       ureq writes the request and reads the answer, over a wire on the conversation
//! settle      an answer that is whole: the connection goes back to the pool
//!             anything else: the connection closes, or `late` keeps the conversation
//! ```

use super::broken::{Broken, Outcome};
use super::buffers::read_whole;
use super::coding::Coding;
use super::connection::{Connection, Place};
use super::conversation::Conversation;
use super::explain::explain;
use super::in_flight::{self, InFlight};
use super::incoming::{Apart, BodyLimits, Explain, Incoming};
use super::late::{self, Asking, Pending, Waited};
use super::message::{Answer, Fault, Fields, MOST_HEADER, Outgoing, Purpose, TransportSettings};
use super::outflow::Outflow;
use super::payload::Payload;
use super::pool;
use super::proxies::Proxies;
use super::resolve;
use super::socket::{self, Socket};
use super::tls::{self, PemFiles};
use super::url::{Origin, Url};
use super::wire::{Nowhere, Wires};
use crate::error::{Error, Result, Status};
use crate::support::call::Call;
use crate::support::crypto::PartsDigest;
use crate::support::os::this_process;
use crate::support::process::PerProcess;
use crate::support::striped::{STRIPES, stripe_of_this_thread};
use crate::support::sync::{AtomicU64, locked};
use rustls::ClientConfig;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use ureq::http;

/// Connections to any number of origins. All clients with the same settings share one. It may be
/// used from any thread, and in a forked child, where it begins with no connections.
pub(crate) struct Transport {
    /// Tells its connections in the pool from those of other transports.
    number: u64,
    /// What it was made from.
    settings: TransportSettings,
    /// Where connections go first, if anywhere.
    proxies: Arc<Proxies>,
    /// Certificates and versions, without sessions.
    tls: Arc<ClientConfig>,
    /// The same with this process's sessions to resume.
    tls_here: PerProcess<ClientConfig>,
    /// The same for TLS with a proxy.
    tls_to_proxy: PerProcess<ClientConfig>,
    /// ureq, which keeps no connection of its own. It has a lock inside, which another thread of
    /// the parent may hold at a fork. Each request counts references to it and takes that lock, so
    /// threads that send at once have one each.
    agents_here: [PerProcess<ureq::Agent>; STRIPES],
}

/// The token calls of an identity that were not answered in time. Only the very same request over
/// the same settings takes an answer.
pub(crate) type Late<T> = late::Late<(Outgoing, TransportSettings), T, Option<Conversation>>;

/// The transports of this process. Weak: the last client that goes takes its transport with it.
/// Sorted by what tells them apart.
type Known = PerProcess<Mutex<Vec<(Key, Weak<Transport>)>>>;

impl Transport {
    /// The transport for these settings: one that a living client has, or a new one. Fails where
    /// a file or the proxy of the settings cannot be used.
    pub fn shared(settings: TransportSettings) -> Result<Arc<Transport>> {
        static KNOWN: Known = PerProcess::new();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // What the files say now: they may change under the same name.
        let read = settings.tls.read()?;
        let key = key_of(&settings, &read);
        let known = KNOWN.get(Mutex::default);
        let find = |known: &Vec<(Key, Weak<Transport>)>| {
            let at = known.binary_search_by_key(&&key, |(key, _)| key);
            at.ok().and_then(|at| known[at].1.upgrade())
        };
        if let Some(same) = find(&locked(&known)) {
            return Ok(same);
        }
        let transport = Arc::new(Transport {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            proxies: Arc::new(Proxies::of(&settings.proxy)?),
            tls: tls::configure(&settings.tls, &read)?,
            tls_here: PerProcess::new(),
            tls_to_proxy: PerProcess::new(),
            agents_here: [const { PerProcess::new() }; STRIPES],
            settings,
        });
        let mut known = locked(&known);
        known.retain(|(_, transport)| transport.strong_count() > 0);
        // Another thread may have been quicker.
        if let Some(same) = find(&known) {
            return Ok(same);
        }
        let at = known.partition_point(|(other, _)| *other < key);
        known.insert(at, (key, Arc::downgrade(&transport)));
        Ok(transport)
    }

    /// Sends one request and reads its answer whole, at most `max_body` bytes of it. No redirect
    /// is followed, nothing is retried.
    ///
    /// The fault says whether any of the request left this machine, which decides whether it may
    /// be sent again.
    pub fn send(
        &self,
        outgoing: &Outgoing,
        purpose: Purpose,
        max_body: u64,
        call: &Call,
    ) -> std::result::Result<Answer, Fault> {
        let fault = |broken, sent| self.fault(broken, outgoing, call, sent);
        let keeps = (purpose == Purpose::Token).then_some(max_body);
        let begun = self.begin(outgoing, keeps, call).map_err(|broken| fault(broken, false))?;
        let mut had_come = None;
        let whole = || self.read_whole(outgoing, purpose, max_body, &mut had_come);
        let (answer, left) = self.go_on(begun, outgoing, call, whole);
        let has_begun = left.as_ref().is_none_or(Pending::has_begun);
        let had_gone = answer.is_err().then(|| had_gone(outgoing, &left));
        self.settle(outgoing, left, answer.as_ref().err(), call);
        answer.map_err(|broken| fault(broken, has_begun).at(had_come.or(had_gone)))
    }

    /// Sends one request and reads the head of its answer, within the call. The body is read as
    /// it comes, within `limits`. Its connection goes back to the pool at the body's end.
    pub fn open(
        &self,
        outgoing: &Outgoing,
        purpose: Purpose,
        call: &Call,
        limits: BodyLimits,
    ) -> std::result::Result<(Answer, Box<Incoming>), Fault> {
        let fault = |broken, sent| self.fault(broken, outgoing, call, sent);
        let begun = self.begin(outgoing, None, call);
        let begun = begun.map_err(|broken| fault(broken, false))?;
        let (opened, left) =
            self.go_on(begun, outgoing, call, || self.read_head(outgoing, purpose));
        let has_begun = left.as_ref().is_none_or(Pending::has_begun);
        let had_gone = opened.is_err().then(|| had_gone(outgoing, &left));
        self.settle(outgoing, left, opened.as_ref().err(), call);
        let opened = opened.map_err(|broken| fault(broken, has_begun).at(had_gone));
        let (answer, body) = opened?;
        let most = self.settings.max_idle;
        let body = body.apart(Apart {
            call: call.clone(),
            process: this_process(),
            limits,
            at: format!("{} {}", outgoing.method, outgoing.shown()),
            explain: self.explaining(outgoing),
            give_back: Some(Box::new(move |over| put_back(over, most))),
        });
        Ok((answer, body))
    }

    /// As [`send`](Transport::send), for a token call that must not be sent again before it is
    /// answered. Where this very request was sent by an earlier call that could not wait, the
    /// answer to that is read, and says when it was asked for.
    ///
    /// Where the caller's time ends first, the conversation is kept in `late`, and the fault says
    /// so (`awaited`). Sends nothing where the call is over already.
    pub fn ask<T: Clone>(
        &self,
        outgoing: &Outgoing,
        max_body: u64,
        call: &Call,
        late: &Late<T>,
        asking: &Asking<'_, T>,
    ) -> std::result::Result<Answer, Fault> {
        if let Err(error) = call.remaining() {
            return Err(Fault { error, sent: false, awaited: false });
        }
        let key = (outgoing.clone(), self.settings.clone());
        let wait = |conversation: &mut Option<Conversation>, patience: Option<Duration>| {
            let is_unheard = conversation.as_ref().is_none_or(Conversation::is_unheard);
            if patience.is_some() && is_unheard {
                return Waited::Broken(self.fault(Broken::Unheard, outgoing, call, true));
            }
            let within = patience.map_or_else(|| call.clone(), |patience| call.within(patience));
            let Some(begun) = conversation.take() else {
                return Waited::Broken(self.fault(Broken::Unheard, outgoing, call, true));
            };
            let whole = || self.read_whole(outgoing, Purpose::Token, max_body, &mut None);
            let (answer, left) = self.go_on(begun, outgoing, &within, whole);
            let broken = match answer {
                Ok(answer) => {
                    self.settle(outgoing, left, None, call);
                    return Waited::Answered(Ok(answer));
                }
                Err(broken) => broken,
            };
            let over = matches!(broken, Broken::Over);
            let has_begun = left.as_ref().is_none_or(Pending::has_begun);
            if over {
                self.distrust_idle(outgoing, call);
                *conversation = left;
            }
            let fault = self.fault(broken, outgoing, call, has_begun);
            match fault.error.status() {
                _ if over && call.remaining().is_err() => Waited::Over(fault),
                _ if over => Waited::TooLong(fault),
                Status::Network => Waited::Broken(fault),
                _ => Waited::Answered(Err(fault)),
            }
        };
        let begin = || {
            let begun = self.begin(outgoing, Some(max_body), call);
            begun.map(Some).map_err(|broken| self.fault(broken, outgoing, call, false))
        };
        let asked = late.ask(&key, asking, wait, begin);
        match asked.outcome {
            Ok(answer) => Ok(Answer { asked: asked.earlier, ..answer }),
            Err(fault) => Err(Fault { awaited: asked.is_kept, ..fault }),
        }
    }

    /// A conversation for this request, on an idle connection or a new one. Nothing is sent yet:
    /// what fails here has reached no cloud, so it may always be tried again.
    ///
    /// `keeps`: a token call, whose answer is kept, and how large its body may be.
    fn begin(&self, outgoing: &Outgoing, keeps: Option<u64>, call: &Call) -> Outcome<Conversation> {
        /// What a body of so many bytes has on the wire at most: chunks of one byte each, its head,
        /// and interim answers before it.
        const fn on_the_wire(body: u64) -> u64 {
            body.saturating_mul(6).saturating_add(256 * 1024)
        }
        call.remaining().map_err(|_| Broken::Over)?;
        /// How long a connection may have been idle for a token call to go on it. On one that
        /// died unnoticed, the answer would be waited for in vain, and the call must not be sent
        /// twice.
        const LIVES: Duration = Duration::from_secs(1);
        let most_idle = if keeps.is_some() { LIVES } else { Duration::MAX };
        let origin = outgoing.url.origin();
        let connection = match pool::take(self.number, origin, most_idle) {
            Some(connection) => connection,
            None => {
                let mut connection = self.connect(origin, call)?;
                let place = Place { transport: self.number, origin: origin.clone() };
                connection.place = Some(place);
                Box::new(connection)
            }
        };
        let keeps = keeps.map(|body| usize::try_from(on_the_wire(body)).unwrap_or(usize::MAX));
        Ok(Conversation::on(connection, keeps))
    }

    /// Runs `work`, in which ureq speaks, over a conversation. Gives what is left of the
    /// conversation where ureq has dropped it.
    fn go_on<T>(
        &self,
        conversation: Conversation,
        outgoing: &Outgoing,
        call: &Call,
        work: impl FnOnce() -> Outcome<T>,
    ) -> (Outcome<T>, Option<Conversation>) {
        let room = room_for(outgoing, &self.settings.user_agent);
        let flight = InFlight { room, ..InFlight::of(call, Some(conversation)) };
        in_flight::in_flight(flight, work)
    }

    /// Keeps the connection of a conversation that is over, if nothing broke.
    fn settle(
        &self,
        outgoing: &Outgoing,
        left: Option<Conversation>,
        broken: Option<&Broken>,
        call: &Call,
    ) {
        if matches!(broken, Some(Broken::Over)) {
            self.distrust_idle(outgoing, call);
        }
        if let Some(over) = left.filter(|_| broken.is_none()) {
            put_back(over, self.settings.max_idle);
        }
    }

    /// Closes the idle connections to this place, because one did not answer in time: they are
    /// older, and no better. A cancelled call says nothing of them.
    fn distrust_idle(&self, outgoing: &Outgoing, call: &Call) {
        if !call.is_cancelled() {
            pool::leave(self.number, outgoing.url.origin());
        }
    }

    /// Sends the request, or goes on with it, and reads the answer whole. An announced length
    /// beyond `most` is refused before the body is read; that of an answer to HEAD announces no
    /// body. `had_come`: how far a body came that broke off, in words.
    fn read_whole(
        &self,
        outgoing: &Outgoing,
        purpose: Purpose,
        most: u64,
        had_come: &mut Option<String>,
    ) -> Outcome<Answer> {
        let (mut answer, mut rest) = self.read_head(outgoing, purpose)?;
        let status = answer.status;
        let too_large = || Broken::TooLarge { status, most };
        if rest.announced.is_some_and(|length| length > most) && outgoing.method.as_str() != "HEAD"
        {
            return Err(too_large());
        }
        let announced = rest.announced;
        let is_token = purpose == Purpose::Token;
        let body = read_whole(|buffer| rest.read_within(buffer), announced, most, is_token);
        let body = body.map_err(|broken| match broken {
            Broken::NoMemory(bytes) => Broken::NoRoom { status, bytes },
            broken => {
                *had_come = Some(rest.had_come());
                broken
            }
        });
        answer.body = body?.ok_or_else(too_large)?;
        Ok(answer)
    }

    /// Sends the request, or goes on with it, and reads the head of its answer.
    fn read_head(&self, outgoing: &Outgoing, purpose: Purpose) -> Outcome<(Answer, Incoming)> {
        let unusable = || unsendable("the request cannot be built");
        let mut request = http::Request::new(());
        let method = http::Method::from_bytes(outgoing.method.as_str().as_bytes());
        *request.method_mut() = method.map_err(|_| unusable())?;
        *request.uri_mut() = http::Uri::try_from(outgoing.url.to_send()).map_err(|_| unusable())?;
        let headers = request.headers_mut();
        for (name, value) in &outgoing.headers {
            let value = header_value(name, value.expose())?;
            let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
            headers.try_append(name, value).map_err(|_| unusable())?;
        }
        let agent = self.agents_here[stripe_of_this_thread()].get(|| agent(&self.settings));
        let answer = match &outgoing.body {
            Payload::Bytes(body) => agent.run(request.map(|()| body.as_slice())),
            Payload::None => agent.run(request),
            Payload::Source(source) => {
                let length = source.length().map_err(Broken::Unsendable)?;
                if let Some(length) = length {
                    headers.insert(http::header::CONTENT_LENGTH, length.into());
                }
                let mut outflow = Outflow::new(source.open().map_err(Broken::Unsendable)?, length);
                let body = ureq::SendBody::from_reader(&mut outflow);
                agent.run(request.map(|()| body))
            }
        }?;
        let (parts, body) = answer.into_parts();
        let status = parts.status.as_u16();
        let taken = in_flight::with_in_flight(|flight| flight.fields.take()).flatten();
        let mut headers = taken.unwrap_or_else(|| {
            let mut headers = Fields::with_room(parts.headers.len());
            for (name, value) in &parts.headers {
                headers.add(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
            }
            headers
        });
        let coding = Coding::of(outgoing, purpose, status, &headers);
        // ureq knows best of what must not be lost, and of what is no plain answer.
        let is_plain = purpose != Purpose::Token
            && status >= 200
            && parts.version == http::Version::HTTP_11
            && !outgoing.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("expect"));
        let keeps = |said: &str| said.eq_ignore_ascii_case("keep-alive");
        let stays = is_plain.then(|| headers.named("connection").all(keeps));
        let mut rest = Incoming::new(body, stays);
        // ureq gives no length for an empty body.
        if rest.announced.is_none() && headers.named("content-length").next() == Some("0") {
            rest.announced = Some(0);
        }
        match coding {
            Coding::AsItComes => {}
            Coding::Gzip => {
                rest.unpack();
                // They are of the packed body, and nobody sees that.
                headers = headers.without(&["content-encoding", "content-length"]);
            }
            Coding::Unasked(coding) => return Err(Broken::Unasked { status, coding }),
        }
        Ok((Answer { status, headers, body: Vec::new(), asked: None }, rest))
    }

    /// What puts a fault of the body into words later, when the request is gone. It keeps no body
    /// and no header, which may be secret.
    fn explaining(&self, outgoing: &Outgoing) -> Explain {
        let request = Outgoing { body: Payload::None, headers: Vec::new(), ..outgoing.clone() };
        let (settings, proxies) = (self.settings.clone(), self.proxies.clone());
        Box::new(move |broken, call| {
            explain(broken, &request, call, &settings, proxies.to(request.url.origin()))
        })
    }

    /// A new connection. Where the process has no descriptor left for it, idle connections are
    /// closed and it is tried once more.
    fn connect(&self, origin: &Origin, call: &Call) -> Outcome<Connection> {
        match self.connect_once(origin, call) {
            Err(broken) if socket::is_out_of_descriptors(&broken) && pool::close_all() => {
                self.connect_once(origin, call)
            }
            outcome => outcome,
        }
    }

    /// Looks the name up, connects, asks the proxy for a tunnel, and puts TLS on it: each within
    /// the call. `connect_timeout_ms` bounds the second step alone, for all addresses together.
    /// Where there is TLS with the proxy, the connection to it becomes the line of another.
    fn connect_once(&self, origin: &Origin, call: &Call) -> Outcome<Connection> {
        let limit = self.settings.connect_timeout;
        let to = |origin: &Origin| {
            let addresses = resolve::addresses(origin, call)?;
            Socket::connect(&addresses, limit, call).map(Connection::over)
        };
        let mut connection = match self.proxies.to(origin) {
            None => to(origin)?,
            Some(proxy) => {
                let tunnel = to(&proxy.origin).and_then(|mut connection| {
                    let hidden = proxy.origin.is_https();
                    if hidden {
                        let config = || self.tls_to_proxy.get(|| tls::to_a_proxy(&self.tls));
                        connection.secure(&proxy.origin, config, call)?;
                    }
                    proxy.tunnel(&mut connection, origin, &self.settings.user_agent, call)?;
                    Ok(if hidden { Connection::over(connection) } else { connection })
                });
                tunnel.map_err(|broken| match broken {
                    Broken::ProxyRefused(_) | Broken::SocksRefused(_) => broken,
                    broken => Broken::AtProxy(Box::new(broken)),
                })?
            }
        };
        if origin.is_https() {
            let config = || self.tls_here.get(|| tls::with_own_sessions(&self.tls));
            connection.secure(origin, config, call)?;
        }
        Ok(connection)
    }

    /// Connects as a request for this URL would, through proxy and TLS. Nothing of HTTP is sent.
    pub fn reach(&self, url: Url, call: &Call) -> Result<()> {
        let outgoing = Outgoing::to_connect(url);
        let reached = self.connect(outgoing.url.origin(), call).map(drop);
        reached.map_err(|broken| self.fault(broken, &outgoing, call, false).error)
    }

    /// A fault for the caller. `sent`: whether any of the request left this machine.
    fn fault(&self, broken: Broken, outgoing: &Outgoing, call: &Call, sent: bool) -> Fault {
        // A server that refuses our certificate says so when we have begun to send (TLS 1.3), but it
        // does not look at a request before that.
        let sent = sent && !broken.refuses_our_certificate();
        let proxy = self.proxies.to(outgoing.url.origin());
        let error = explain(broken, outgoing, call, &self.settings, proxy);
        Fault { error, sent, awaited: false }
    }
}

/// What tells one transport from another: a digest of its settings and of what their files say. The
/// files are not kept for it, since one of them is a private key.
type Key = [u8; 32];

/// The key of these settings.
fn key_of(settings: &TransportSettings, read: &PemFiles) -> Key {
    let mut digest = PartsDigest::new();
    // By name, so that what is added is not forgotten here.
    let TransportSettings { tls, proxy, user_agent, connect_timeout, max_idle } = settings;
    tls.feed(&mut digest);
    read.each().into_iter().for_each(|part| digest.feed_maybe(part));
    proxy.each().into_iter().for_each(|part| digest.feed_maybe(part.map(str::as_bytes)));
    digest.feed(user_agent.as_bytes());
    digest.feed(&connect_timeout.as_nanos().to_le_bytes());
    digest.feed(&max_idle.to_le_bytes());
    digest.finish()
}

/// ureq as it is used here: one request, one answer, nothing of its own accord. Redirects, the
/// proxy variables and its pool are off; statuses are not errors, or error bodies and
/// `Retry-After` would be lost.
fn agent(settings: &TransportSettings) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        .user_agent(settings.user_agent.as_str())
        .proxy(None)
        .max_idle_connections(0)
        .max_idle_connections_per_host(0)
        .build();
    ureq::Agent::with_parts(config, Wires, Nowhere)
}

/// Closes connections of the process that have been idle for too long; says how long it is until there
/// is another, if any is idle. For whoever has the time.
pub(crate) fn close_idle() -> Option<Duration> {
    pool::close_old()
}

/// Keeps a connection for the next request, if it is fit for one.
fn put_back(over: Conversation, most: usize) {
    if let Some(connection) = over.connection_for_more() {
        pool::put(connection, most);
    }
}

/// How many bytes of buffer a request needs to be written: its head whole, or a piece of its
/// body.
fn room_for(outgoing: &Outgoing, user_agent: &str) -> usize {
    /// In bytes. Larger pieces cost memory and save little.
    const PIECE: usize = 64 * 1024;
    /// What ureq adds: `Host`, which is part of the URL, `Accept`, the body's length, blanks.
    const MORE: usize = 256;
    let headers =
        outgoing.headers.iter().map(|(name, value)| name.len() + value.expose().len() + 4);
    let own = outgoing.method.as_str().len() + 2 * outgoing.url.as_str().len() + user_agent.len();
    let head = MORE + own + headers.sum::<usize>();
    let body = match &outgoing.body {
        Payload::None => 0,
        Payload::Bytes(bytes) => bytes.len().min(PIECE),
        Payload::Source(_) => PIECE,
    };
    head.max(body)
}

/// How much of a request with a body was sent, in words: of one that was large, the time may have been
/// too short.
fn had_gone(outgoing: &Outgoing, left: &Option<Conversation>) -> String {
    match (left, &outgoing.body) {
        (None, _) | (_, Payload::None) => String::new(),
        (Some(left), _) => format!("{} bytes of the request had gone out", left.put),
    }
}

/// A fault of the request itself, which is the caller's.
fn unsendable(what: &str) -> Broken {
    Broken::Unsendable(Error::new(Status::InvalidArgument, what))
}

/// A header's value for ureq, or why it cannot be sent. ureq is told not to show it in its log.
fn header_value(name: &str, value: &str) -> Outcome<http::HeaderValue> {
    if value.len() > MOST_HEADER {
        let what = format!("the value of header {name} is longer than {MOST_HEADER} bytes");
        return Err(unsendable(&what));
    }
    let mut value = http::HeaderValue::from_str(value).map_err(|_| {
        let what = format!("the value of header {name} has a character that headers cannot carry");
        unsendable(&what)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The conversation is gone for as long as somebody goes on with it.
impl Pending for Option<Conversation> {
    fn has_begun(&self) -> bool {
        self.as_ref().is_some_and(Pending::has_begun)
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        pool::leave_all_of(self.number);
    }
}
