//! The client: one account's token, and requests that carry it.
//!
//! Nothing is decided here. Each method makes a `Call`, which bounds all waiting, and hands it to
//! the lifecycle.

use crate::account::account::Account;
use crate::account::headers::header_lines;
use crate::account::mqtt::Mqtt;
use crate::client::config::Config;
use crate::client::report;
use crate::client::request::Request;
use crate::client::response::Response;
use crate::client::send::{self, Body, send};
use crate::error::{Error, Result, Status};
use crate::http::message::Fields;
use crate::lifecycle::background::Background;
use crate::lifecycle::lifecycle::Lifecycle;
use crate::lifecycle::state::State;
use crate::model::option_table::BACKGROUND_RENEWAL;
use crate::provider::dpop::challenges_proof;
use crate::support::call::{Call, Canceller};
use crate::support::clock::{Clock, Moment};
use crate::support::json::Value;
use crate::support::json::document::Document;
use crate::support::log::{Level, Log};
use crate::support::secret::Secret;
use crate::support::slot::Slot;
use crate::support::sync::AtomicU64;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Obtains, keeps and renews one account's token, and sends requests that carry it.
///
/// A client may be used from any number of threads at once. Clones share everything but the right
/// to cancel: each clone's [`cancel`](Client::cancel) ends its own calls only. The last clone that
/// is dropped ends the client; tokens in a store stay.
///
/// Each call that may wait ends after the option `timeout_ms`, 30 s unless set, with `TIMEOUT`.
///
/// ```no_run
/// let mut config = keyfob::Config::new("kontakt")?;
/// config.set("username", "gateway@example.com")?;
/// config.set("password_file", "/etc/gateway/password")?;
/// let client = config.client()?;
/// let line = client.with_header_lines(|lines| lines.to_string())?; // for an HTTP client of your own
/// # Ok::<(), keyfob::Error>(())
/// ```
pub struct Client {
    lifecycle: Arc<Lifecycle>,
    /// What ends the calls of this handle, and of no other.
    canceller: Arc<Canceller>,
    /// Which handle of this process it is.
    number: u64,
    /// The time limit of this handle's calls; `None` is the option `timeout_ms`.
    limit: Option<Duration>,
    /// What the client was made from, and what was set since. Shared by all handles; replaced under
    /// the lead of the lifecycle's single flight.
    config: Arc<Slot<Config>>,
    /// The thread of `background_renewal`, if there is one. Ends with the last handle, or when the
    /// option is set to `false`.
    background: Arc<Slot<Background>>,
}

impl Client {
    /// Makes the client of an account, and the thread that renews where the options ask for it.
    pub(crate) fn new(account: Account, config: Config, clock: Clock, log: Log) -> Result<Client> {
        let in_background = account.options.flag(BACKGROUND_RENEWAL);
        let lifecycle = Arc::new(Lifecycle::new(account, clock, log)?);
        let start = || Background::start(lifecycle.clone()).map(Arc::new);
        Ok(Client {
            background: Arc::new(Slot::of(in_background.then(start).transpose()?)),
            lifecycle,
            canceller: Arc::default(),
            number: next_number(),
            limit: None,
            config: Arc::new(Slot::of(Some(Arc::new(config)))),
        })
    }

    /// Another handle on the same client, with a time limit and a cancellation of its own. `None`
    /// leaves the limit to the option `timeout_ms`. While no call on it had to wait yet,
    /// [`cancel`](Client::cancel) ends the first that has to: so a call can be cancelled on its way
    /// to another thread.
    ///
    /// ```
    /// # let mut config = keyfob::Config::new("kontakt")?;
    /// # config.set("api_key", "my key")?;
    /// # let client = config.client()?;
    /// let hasty = client.share(Some(std::time::Duration::from_secs(2)));
    /// let worker = std::thread::spawn(move || hasty.token());
    /// # assert!(worker.join().unwrap().is_ok());
    /// # Ok::<(), keyfob::Error>(())
    /// ```
    pub fn share(&self, limit: Option<Duration>) -> Client {
        Client {
            lifecycle: self.lifecycle.clone(),
            canceller: Arc::new(Canceller::awaiting()),
            number: next_number(),
            limit,
            config: self.config.clone(),
            background: self.background.clone(),
        }
    }

    /// The lifecycle, for what sends requests.
    pub(super) fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// A call with its limits: its own, such as a request's, else this handle's, else the option
    /// `timeout_ms` as it is now.
    pub(super) fn call(&self, own: Option<Duration>) -> Call {
        let configured = || self.lifecycle.state().account.limits().timeout;
        Call::new(own.or(self.limit).unwrap_or_else(configured), &self.canceller)
    }

    /// A state with a good token, waited for.
    fn serve(&self) -> Result<Arc<State>> {
        self.with_rotated_files(self.call(None), |call| self.lifecycle.serve(call))
    }

    /// Makes a call, and once more within its time where the cloud takes none of the secrets that
    /// the client has, and a file that an option names holds another by now: Kubernetes, Docker and
    /// systemd rotate secrets by replacing their files. Files that still say the same are no reason
    /// to try again, so a wrong secret is sent once a change.
    fn with_rotated_files<T>(&self, call: Call, attempt: impl Fn(&Call) -> Result<T>) -> Result<T> {
        attempt(&call).or_else(|failed| {
            let wants_another = matches!(
                failed.status(),
                Status::CredentialsRejected | Status::LoginOnHold | Status::LoginRequired
            );
            let options = self.lifecycle.state().account.options.clone();
            // What cannot be read says nothing new.
            let differs = || self.config().files_differ_from(&options);
            if !wants_another || !differs().unwrap_or_default() || self.change(|_| Ok(())).is_err()
            {
                return Err(failed);
            }
            attempt(&call)
        })
    }

    /// A member of the answer that gave the token, besides the tokens themselves, by its JSON pointer
    /// (RFC 6901): `/id_token`, `/scope`. A text is given as it is, anything else as JSON. `None`:
    /// there is no such member, or the provider's profile keeps none. What a refresh does not say anew
    /// is what was said before. It may be secret; keyfob shows it nowhere.
    ///
    /// # Errors
    /// As [`token`](Client::token), and `INVALID_ARGUMENT` where it is no JSON pointer.
    pub fn answer_member(&self, pointer: &str) -> Result<Option<Secret>> {
        if !pointer.starts_with('/') {
            let what = "the pointer must be a JSON pointer (RFC 6901), such as /id_token";
            return Err(Error::new(Status::InvalidArgument, what));
        }
        let state = self.serve()?;
        let answer = state.record.token.as_ref().and_then(|token| token.answer.as_ref());
        let document = answer.and_then(|answer| Document::of(answer.expose().as_bytes()));
        Ok(document.and_then(|document| document.pointer(pointer)).and_then(|found| match found {
            Value::Null => None,
            Value::Text(text) => Some(Secret::from(text.as_str())),
            other => Some(Secret::new(other.to_json().as_str())),
        }))
    }

    /// Gives the access token to `read` without copying it: the cheapest way to look at one. `read`
    /// runs with no lock held, and may take its time.
    ///
    /// # Errors
    /// As [`token`](Client::token).
    #[inline]
    pub fn with_token<T>(&self, read: impl FnOnce(&str) -> T) -> Result<T> {
        if let Some(state) = self.lifecycle.fresh() {
            return Ok(read(state.access_token()));
        }
        self.serve().map(|state| read(state.access_token()))
    }

    /// Copies the token to the beginning of `buffer`, if it is fresh and fits with a byte to spare;
    /// gives its length. The cheapest way there is: a clock read and a copy. Where it gives `None`,
    /// [`with_token`](Client::with_token) knows more.
    #[inline]
    pub fn copy_fresh(&self, buffer: &mut [u8]) -> Option<usize> {
        self.lifecycle.copy_fresh(buffer)
    }

    /// A good access token, obtained or renewed first where that is needed. The copy is wiped when
    /// it is dropped.
    ///
    /// # Errors
    /// `CREDENTIALS_REJECTED`, `LOGIN_ON_HOLD`, `LOGIN_REQUIRED`: a person is needed. `TIMEOUT`,
    /// `NETWORK`, `RATE_LIMITED`, `SERVER_ERROR` and what else keeps from an answer of the cloud.
    /// docs/ERRORS.md says what to do about each.
    pub fn token(&self) -> Result<Secret> {
        self.with_token(|token| Secret::from(token))
    }

    /// A good access token if one is at hand: never waits, never renews. For event loops, with the
    /// option `background_renewal`, or with a thread that calls [`token`](Client::token) when it is
    /// due.
    ///
    /// # Errors
    /// `WOULD_BLOCK` where there is none; where the cloud may not be asked now, the reason for
    /// that.
    pub fn try_token(&self) -> Result<Secret> {
        self.lifecycle.serve_at_once().map(|state| state.access_token().into())
    }

    /// The number of the fresh token at hand; `None` where there is none, or it is due to be
    /// renewed, or many threads ask at once. While the number is the same, so are the token and its
    /// headers: whoever keeps them in another form need not ask for them again.
    #[inline]
    pub fn fresh_number(&self) -> Option<u64> {
        self.lifecycle.fresh_number()
    }

    /// Gives the headers that carry the token to `read`, one `Name: value` a line.
    ///
    /// # Errors
    /// As [`token`](Client::token); `INVALID_ARGUMENT` where the token is for MQTT alone, or the
    /// cloud has each request signed, or tokens are bound to a key (`dpop`), and only [`headers_for_request`](Client::headers_for_request)
    /// can say.
    pub fn with_header_lines<T>(&self, read: impl FnOnce(&str) -> T) -> Result<T> {
        let read_of = |state: &State| {
            state.account.must_carry()?;
            if state.names.is_none() {
                return Ok(read(state.header_lines.expose()));
            }
            let headers = send::fresh_headers(&self.lifecycle, state)?;
            Ok(read(header_lines(&headers).expose()))
        };
        match self.lifecycle.fresh() {
            Some(state) => read_of(&state),
            None => read_of(&*self.serve()?),
        }
    }

    /// How long the token at hand is still good: `None` for ever, zero where there is none. Never
    /// waits.
    pub fn expires_in(&self) -> Option<Duration> {
        self.until(self.lifecycle.state().expires)
    }

    /// How long until the token is due to be renewed: `None` for never, zero for now and where
    /// there is none. Never waits.
    pub fn renew_due_in(&self) -> Option<Duration> {
        self.until(self.lifecycle.state().renew_at)
    }

    /// The headers that [`send`](Client::send) adds to a request for this URL unless the request
    /// sets them, one `Name: value` a line: those that carry the token, and what the provider asks
    /// of every request. For those who send requests themselves.
    ///
    /// # Errors
    /// As [`send`](Client::send): `FOREIGN_ORIGIN` and `INSECURE_URL` where the token must not go.
    pub fn headers_for(&self, url: &str) -> Result<Secret> {
        self.headers_for_request("GET", url, &[])
    }

    /// The same for a request with this method and body: some clouds have each request signed. What
    /// is sent must then be exactly this, and once.
    ///
    /// # Errors
    /// As [`headers_for`](Client::headers_for); `INVALID_ARGUMENT` where the cloud wants the token
    /// in the query or the body.
    pub fn headers_for_request(&self, method: &str, url: &str, body: &[u8]) -> Result<Secret> {
        let mut request = Request::new(method, url)?;
        // Where nothing is signed, a large body need not be copied.
        if self.lifecycle.state().account.signs {
            request.set_body(body);
        }
        let headers = self.with_rotated_files(self.call(None), |call| {
            send::headers_for(&self.lifecycle, &request, call)
        })?;
        Ok(header_lines(&headers))
    }

    /// What to connect to the cloud's MQTT broker with: its URL, client identifier, user name and
    /// password. Computed for this moment, from a good token where one is needed: ask anew for each
    /// connection.
    ///
    /// When the broker refuses them (CONNACK 4 or 5), [`renew`](Client::renew) once and try again.
    ///
    /// # Errors
    /// As [`token`](Client::token); `INVALID_ARGUMENT` where the profile says nothing of MQTT for
    /// this login; `INSECURE_URL` where the password would cross the network in the clear.
    pub fn mqtt(&self) -> Result<Mqtt> {
        let known = self.lifecycle.state();
        if !known.account.mqtt_needs_token()? {
            let names = known.account.names(&known.record.discovered)?;
            return known.account.mqtt(&names, &self.lifecycle.clock);
        }
        let state = self.serve()?;
        let token = state.record.token.as_ref().expect("a served state has a token");
        let names = state.account.names_of_requests(token, &state.record.discovered)?;
        state.account.mqtt(&names, &self.lifecycle.clock)
    }

    /// Whether this answer of an API refuses the access token, by the provider's rule (401, where
    /// the profile has none): then tell [`refused`](Client::refused). A body of more than 16 KiB,
    /// which is no error document, is not looked into. Never waits.
    pub fn is_refusal(&self, status: u16, body: &[u8]) -> bool {
        send::is_refusal(&self.lifecycle.state().account, status, &Fields::default(), body)
    }

    /// Notes what an answer of an API says of DPoP proofs (RFC 9449 8, 9), and whether it refuses the
    /// request for want of the nonce that it gives: then send it once more, with new headers, and do
    /// not tell [`refused`](Client::refused). For those who send requests themselves with the option
    /// `dpop`: of each answer, the headers `DPoP-Nonce` and `WWW-Authenticate`. Never waits.
    pub fn note_nonce(
        &self,
        url: &str,
        status: u16,
        dpop_nonce: Option<&str>,
        www_authenticate: Option<&str>,
    ) -> bool {
        let state = self.lifecycle.state();
        let url = state.api.absolute(url);
        let url = url.and_then(|url| state.api.target(&state.account, Cow::Owned(url), ""));
        let Ok(url) = url else { return false };
        state.account.note_nonce(&url, dpop_nonce);
        let challenge = www_authenticate.filter(|_| state.is_bound() && dpop_nonce.is_some());
        challenges_proof(status, &mut challenge.into_iter())
    }

    /// From now to this moment; `None` for never.
    fn until(&self, end: Moment) -> Option<Duration> {
        (end != Moment::NEVER).then(|| end.since(self.lifecycle.clock.now()))
    }

    /// Renews the token now, fresh or not. Callers at the same time share one renewal. No program
    /// has to call this to keep a token good.
    ///
    /// # Errors
    /// As [`token`](Client::token); the token at hand then stays as it is.
    pub fn renew(&self) -> Result<()> {
        let renew = |call: &Call| self.lifecycle.renew(call).map(drop);
        self.with_rotated_files(self.call(None), renew)
    }

    /// Says that an API refused this access token. Renews, unless a newer one is there already;
    /// then ask for the token and repeat the request, once.
    ///
    /// # Errors
    /// As [`token`](Client::token).
    pub fn refused(&self, token: &str) -> Result<()> {
        let replace = |call: &Call| self.lifecycle.replace(token, call).map(drop);
        self.with_rotated_files(self.call(None), replace)
    }

    /// Changes an option while the client is in use, for all its handles: new credentials end a
    /// hold. Another account's token is dropped. Waits for a renewal that is under way.
    ///
    /// # Errors
    /// As [`Config::set`] and [`Config::client`]; the client then goes on as before.
    pub fn set(&self, option: &str, value: &str) -> Result<()> {
        self.change(|config| config.set(option, value))
    }

    /// Changes several options at once, such as a name and its password: the members of a JSON
    /// object.
    ///
    /// # Errors
    /// As [`Config::load_json`] and [`Config::client`]. All or nothing.
    pub fn set_json(&self, json: &str) -> Result<()> {
        self.change(|config| config.load_json(json))
    }

    fn config(&self) -> Arc<Config> {
        self.config.get().expect("it begins with one")
    }

    /// Changes a copy of the config, makes an account of it, and has the lifecycle use that: all or
    /// nothing. The change is tried before the lead is waited for, and made again under it, on what
    /// the config is then.
    fn change(&self, change: impl Fn(&mut Config) -> Result<()>) -> Result<()> {
        let changed = || {
            let mut next = Config::clone(&self.config());
            change(&mut next).map(|()| next)
        };
        // A bad value is refused at once. A good one waits its turn, to this call's own deadline.
        changed()?;
        let mut ended = None;
        let outcome = self.lifecycle.change(&self.call(None), |state| {
            let next = changed()?;
            let account = next.account(&self.lifecycle.clock)?;
            let wanted = account.options.flag(BACKGROUND_RENEWAL);
            let runs = self.background.get().as_ref().is_some_and(|thread| thread.is_here());
            // Refused where there is no thread to be had.
            let start = || Background::start(self.lifecycle.clone()).map(Arc::new);
            let started = (wanted && !runs).then(start).transpose()?;
            self.lifecycle.use_account(account, state)?;
            self.config.put(Some(Arc::new(next)));
            if started.is_some() || !wanted {
                ended = self.background.swap(started);
            }
            Ok(())
        });
        // The thread may be waiting for the lead, which is free again.
        drop(ended);
        outcome
    }

    /// Forgets the tokens and any hold: in memory, in the store, and at the cloud where it can
    /// revoke (RFC 7009). The next call logs in.
    ///
    /// # Errors
    /// `STORE`: they are gone from memory, but not from the store. `TIMEOUT`: a renewal was under
    /// way all the time.
    ///
    /// A revocation that fails is no failure of this call, since here the tokens are gone:
    /// `not_revoked` of [`status_json`](Client::status_json) tells why they may still be good at
    /// the cloud, and is null where they are not.
    pub fn forget(&self) -> Result<()> {
        self.lifecycle.forget(&self.call(None))
    }

    /// Tries the way to the cloud: finds the host, asks the proxy, connects, and does TLS. Nothing of
    /// HTTP is sent, so no credential is. `url` is absolute, or relative to the base URL, which the
    /// empty text stands for; only its origin counts.
    ///
    /// # Errors
    /// `NETWORK`, `TLS`, `TIMEOUT`, as of any request; the message says where the way ends, and
    /// names the proxy if it is that. `MISSING_OPTION`: there is no base URL yet.
    pub fn reach(&self, url: &str) -> Result<()> {
        let state = self.lifecycle.state();
        state.account.transport.reach(state.api.absolute(url)?, &self.call(None))
    }

    /// State, counters and the last error, as JSON; docs/ABI.md lists the members. No secret is in
    /// it. Never waits.
    pub fn status_json(&self) -> String {
        report::of(&self.lifecycle)
    }

    /// Ends the calls that are under way on this handle: they look for a cancellation every 20 ms,
    /// and return `CANCELLED`. Calls that begin later are not touched. From any thread.
    pub fn cancel(&self) {
        self.canceller.cancel();
    }

    /// Sends a request with the token, and reads the whole answer into memory. If the API refuses
    /// the token, renews it and sends once more. Every answer is a response, whatever its status.
    ///
    /// # Errors
    /// `FOREIGN_ORIGIN` and `INSECURE_URL`: the token must not go there, and nothing was sent.
    /// `ANSWER_TOO_LARGE`: more than `max_body_bytes`. `BODY_NOT_REPEATABLE`: it had to be sent
    /// again, and its body cannot be read again. Those of [`token`](Client::token), and what keeps
    /// from getting an answer.
    pub fn send(&self, request: &Request) -> Result<Response> {
        self.with_rotated_files(self.call(request.timeout), |call| {
            send(&self.lifecycle, request, call, Body::Whole)
        })
    }

    /// As [`send`](Client::send), but gives the response once its head is there: its body is read
    /// with [`Response::read`], however large it is. `timeout_ms`, or the request's own limit, is
    /// for the head; `idle_timeout_ms` and `transfer_timeout_ms` bound the body.
    ///
    /// [`cancel`](Client::cancel) on this handle ends the reading, too.
    ///
    /// # Errors
    /// As [`send`](Client::send).
    pub fn open(&self, request: &Request) -> Result<Response> {
        self.with_rotated_files(self.call(request.timeout), |call| {
            send(&self.lifecycle, request, call, Body::AsItComes)
        })
    }

    /// Waits until there is news, and gives its number: another token, or a hold or a pause that
    /// begins or ends. `known` is the number that the last call gave, and is given again where
    /// nothing happens within `limit`; 0 at first, which returns at once.
    ///
    /// A token that is due is renewed meanwhile, where `background_renewal` does not do it and
    /// `limit` is a second or more; what comes of it is news, too. The first token is the caller's
    /// to ask for.
    ///
    /// ```no_run
    /// # let client = keyfob::Config::new("kontakt")?.client()?;
    /// let mut known = 0;
    /// loop {
    ///     known = client.wait(known, std::time::Duration::from_secs(60))?;
    ///     println!("a token to use from now on: {:?}", client.try_token()?);
    /// }
    /// # Ok::<(), keyfob::Error>(())
    /// ```
    ///
    /// # Errors
    /// `CANCELLED`.
    pub fn wait(&self, known: u64, limit: Duration) -> Result<u64> {
        self.lifecycle.wait_for_news(known, self.number, &self.call(Some(limit)))
    }

    /// A descriptor for `poll` and its like, which is readable while there is news that
    /// [`wait`](Client::wait) on this handle has not given; on Linux also when a hold or a pause
    /// ends, and when the token is due and no thread renews it: then [`token`](Client::token) does.
    /// It is this handle's, and closed with it; never read from it.
    ///
    /// # Errors
    /// `FILE`: there is no descriptor to be had.
    pub fn event_fd(&self) -> Result<i32> {
        let fault = |error| Error::new(Status::File, format!("event_fd: {error}"));
        self.lifecycle.bell_of(self.number).map_err(fault)
    }

    /// The oldest log line that was not read yet, of those that [`Config::keep_log`] keeps. All
    /// clients of the config share them.
    pub fn next_log_line(&self) -> Option<(Level, String)> {
        self.config().log_ring.as_ref()?.next()
    }

    /// Lets time pass for this client's clock, to test what happens when tokens age. Real tokens
    /// at the cloud do not age with it. What was wound cannot be wound back.
    pub fn wind(&self, by: Duration) {
        self.lifecycle.clock.wind(by);
        self.lifecycle.wake_renewer();
        self.lifecycle.tell_listeners();
    }
}

impl Config {
    /// Makes a client from a copy of this config. Nothing is sent: the first call that needs a
    /// token does that. Files that options name, and the store, are read here.
    ///
    /// # Errors
    /// `MISSING_OPTION`: the options fit no login; the message says what each lacks.
    /// `INVALID_OPTION`: they fit more than one, contradict each other, or name a file that cannot
    /// be used. `STORE`: the store cannot be used.
    pub fn client(&self) -> Result<Client> {
        if self.profile.is_none() {
            return Err(Error::new(
                Status::MissingOption,
                "the provider `custom` needs the option profile or profile_file",
            ));
        }
        let clock = self.clock.clone().unwrap_or_else(Clock::system);
        let account = self.account(&clock)?;
        Client::new(account, self.clone(), clock, self.log.clone())
    }
}

/// Handles are told apart by it; never used again.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Drop for Client {
    fn drop(&mut self) {
        self.lifecycle.news.take_down(self.number);
    }
}

impl Clone for Client {
    fn clone(&self) -> Client {
        self.share(self.limit)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.lifecycle.state().account.profile.name)
    }
}
