//! A login at another device (RFC 8628): a person reads a code here and types it there, and the
//! server is asked, no faster than it says, whether that has happened.
//!
//! ```text
//! begin   user_code WDJB-MJHT, verification_uri https://server/device, interval 5 s
//! wait    authorization_pending ... 5 s ... slow_down ... 10 s ... a token
//! ```

use super::lifecycle::Lifecycle;
use super::person::{PersonsLogin, Stage};
use crate::account::person::Way;
use crate::error::{Error, Result, Status};
use crate::http::retry::{Growth, doubled};
use crate::http::url::Url;
use crate::provider::consent::Consent;
use crate::provider::failure::Failure;
use crate::support::call::{Call, SLICE};
use crate::support::clock::Moment;
use crate::support::gate::Gate;
use crate::support::json;
use crate::support::ordered::Ordered;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait between two questions where the server does not say (RFC 8628 3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// What a `slow_down` adds to the interval (RFC 8628 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest interval that a server is given: after more than an hour nobody expects an answer.
const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);
/// How long codes are good where the server does not say.
const LIFE: Duration = Duration::from_secs(600);
/// How long codes are good at most, whatever the server says.
const LONGEST_LIFE: Duration = Duration::from_secs(86_400);

/// What of the first answer is for people, and no secret that messages would have to hide.
const SHOWN: &[&str] = &["verification_uri", "verification_uri_complete", "expires_in", "interval"];
/// How slowly a server is asked that does not answer, unless it asks for less.
const SLOWEST: Duration = Duration::from_secs(60);

/// A login at another device.
pub(crate) struct DeviceLogin {
    /// How far it has come.
    pub login: PersonsLogin,
    /// Where the person goes.
    pub verification_uri: String,
    /// The same with the code in it, where the server has such.
    pub verification_uri_complete: Option<String>,
    /// What the person types there.
    pub user_code: String,
    /// When the code is no longer good.
    pub expires: Moment,
}

impl DeviceLogin {
    /// Asks the server for a code. `MALFORMED_ANSWER` where what it gives a person is no URL.
    pub fn begin(lifecycle: &Arc<Lifecycle>, call: &Call) -> Result<DeviceLogin> {
        let state = lifecycle.ready_for_person(Way::Device, call)?;
        let asked = lifecycle.clock.now();
        let account = &state.account;
        let codes = account
            .device_codes(&state.record.discovered, &lifecycle.clock, call)
            .map_err(|failure| lifecycle.refused_to_person(failure, call))?;
        let text = |name: &str| codes.get(name).map(|text| text.expose().to_string());
        let seconds = |name: &str| json::number(text(name)?.trim()).filter(|s| *s >= 0.0);
        let within =
            |s: f64, most: Duration| Duration::from_secs_f64(s.clamp(1.0, most.as_secs_f64()));
        let interval = seconds("interval").map_or(INTERVAL, |s| within(s, LONGEST_INTERVAL));
        let life = seconds("expires_in").map_or(LIFE, |s| within(s, LONGEST_LIFE));
        let place = |name: &str| {
            let Some(text) = text(name) else { return Ok(None) };
            let bad = |error: Error| {
                let what = format!("{}: {name}: {}", account.profile.name, error.message());
                Error::new(Status::MalformedAnswer, what)
            };
            Url::parse(&text).map(|_| Some(text)).map_err(bad)
        };
        let uri = place("verification_uri")?.unwrap_or_default();
        let complete = place("verification_uri_complete")?;
        let of = (Way::Device, account.identity.name.clone());
        let mut own = Ordered::default();
        let is_shown = |name: &str| SHOWN.contains(&name);
        let kept = codes.iter().filter(|(name, _)| !is_shown(name));
        kept.for_each(|(name, value)| own.insert(name, value.clone()));
        let key = account.proof_key(&state.record)?;
        Ok(DeviceLogin {
            login: PersonsLogin::new(lifecycle.clone(), of, (own, key), interval),
            verification_uri: uri,
            verification_uri_complete: complete,
            user_code: text("user_code").unwrap_or_default(),
            expires: asked.after(life),
        })
    }

    /// How often the server lets itself be asked.
    pub fn interval(&self) -> Duration {
        self.login.course().interval
    }

    /// How long the code is good.
    pub fn expires_in(&self) -> Duration {
        self.expires.since(self.login.lifecycle().clock.now())
    }

    /// Waits until the person has answered, and keeps the token. A call that runs out of time, or
    /// is cancelled, takes nothing away: the next one goes on.
    pub fn wait(&self, call: &Call) -> Result<()> {
        let login = &self.login;
        let _passage = login.gate.get(Gate::default).pass(call)?;
        let clock = &login.lifecycle().clock;
        loop {
            let course = login.course();
            match &course.stage {
                Stage::Over(outcome) => return outcome.clone(),
                Stage::Obtained(token) => return login.keep(*token.clone(), call),
                Stage::Open => {}
            }
            let now = clock.now();
            if now >= self.expires {
                return login.end(Err(expired("it was not used in time")));
            }
            let wait = course.next.min(self.expires).since(now);
            if !wait.is_zero() {
                // The clock may be wound meanwhile.
                let slept = clock.sleep(wait.min(SLICE), call);
                slept.map_err(|error| self.still_open(error))?;
                continue;
            }
            login.check()?;
            match login.ask(&Ordered::default(), call) {
                Ok(token) => return login.keep(token, call),
                Err(failure) => self.heard(failure, call)?,
            }
        }
    }

    /// A caller's time is over before the person has answered: says how long the code is still
    /// good.
    fn still_open(&self, error: Error) -> Error {
        if error.status() != Status::Timeout {
            return error;
        }
        let left = self.expires_in().as_secs();
        let what = "the person has not answered yet; wait again";
        Error::new(Status::Timeout, format!("{what}: the code is good for another {left} s"))
    }

    /// Takes account of an answer that holds no token: wait on, wait longer, or the login is over.
    fn heard(&self, failure: Failure, call: &Call) -> Result<()> {
        let login = &self.login;
        let now = login.lifecycle().clock.now();
        let code = failure.error.provider_code();
        let account = login.lifecycle().state().account.clone();
        let cloud = &account.profile.name;
        match code.and_then(Consent::by_code) {
            Some(Consent::Pending) => {
                login.change(|course| {
                    course.faults = 0;
                    course.next = now.after(course.interval);
                });
                Ok(())
            }
            Some(Consent::SlowDown) => {
                login.change(|course| {
                    course.faults = 0;
                    course.interval = (course.interval + SLOWER).min(LONGEST_INTERVAL);
                    course.next = now.after(course.interval);
                });
                Ok(())
            }
            Some(Consent::Denied) => login.end(Err(told(cloud, &failure, Status::LoginDenied,
                "the person, or the server for them, said no; begin another login if that was a mistake"))),
            Some(Consent::Expired) => {
                login.end(Err(told(cloud, &failure, Status::LoginExpired, AGAIN)))
            }
            None => {
                let asked = failure.error.retry_after().unwrap_or_default();
                let last = failure.error.clone();
                if let Some(error) = login.verdict(failure, call) {
                    return login.end(Err(error));
                }
                // RFC 8628 3.5: a connection that fails is tried ever more slowly.
                login.change(|course| {
                    let most = SLOWEST.max(course.interval);
                    let growth = Growth { first: course.interval, most };
                    course.faults = course.faults.saturating_add(1);
                    course.next = now.after(doubled(growth, course.faults).max(asked));
                });
                match call.remaining() {
                    Ok(_) => Ok(()),
                    Err(error) if error.status() == Status::Timeout => {
                        Err(self.still_open(error).and(&format!("the last try: {}", last.message())))
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }
}

const AGAIN: &str = "begin another login";

/// The code ran out.
fn expired(why: &str) -> Error {
    Error::new(Status::LoginExpired, format!("the code is no longer good: {why}; {AGAIN}"))
}

/// The server's own words, and what to do.
fn told(cloud: &str, failure: &Failure, status: Status, hint: &str) -> Error {
    let cause = &failure.error;
    let code = cause.provider_code().unwrap_or_default();
    let said = cause.provider_message().map_or(String::new(), |said| format!(", \"{said}\""));
    let error = Error::new(status, format!("{cloud} login: the server said {code}{said}; {hint}"))
        .with_provider_code(cause.provider_code().map(str::to_string))
        .with_provider_message(cause.provider_message().map(str::to_string));
    match cause.http_status() {
        Some(status) => error.with_http_status(status),
        None => error,
    }
}
