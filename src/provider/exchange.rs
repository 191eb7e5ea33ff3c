//! Runs a profile's steps against the cloud and yields a token, or why there is none.
//!
//! ```text
//! for each step that the options ask for
//!     fill      the step becomes a request; what it computes is kept in the trail
//!     ask       within the call's time, repeated where that cannot do harm
//!     check     a success, or a failure with a verdict
//!     save      what the next steps name
//! the last step's answer holds the token
//! ```
//!
//! The trail says how far an exchange has come. Where a caller's time ends before the answer comes,
//! the trail stays beside the connection, and the next caller of the same identity goes on there:
//! so a slow cloud sees one password, and no rotated refresh token is lost.

use super::dpop::{self, Prover};
use super::endpoints;
use super::extras;
use super::failure::Failure;
use super::fill::request;
use super::names::Names;
use super::profile::{Profile, Step};
use super::reply::Reply;
use super::scope::Scope;
use super::template::{Number, Place, Template};
use super::trail::Trail;
use super::verdict::Verdict;
use crate::error::{Error, Result, Status};
use crate::http::late::Asking;
use crate::http::message::{Outgoing, Purpose};
use crate::http::retry::{Repeat, Retry};
use crate::http::transport::{Late, Transport};
use crate::http::url::Url;
use crate::model::option_table::{MAX_TOKEN_BYTES, RETRIES};
use crate::model::options::Options;
use crate::model::record::{Discovered, Record};
use crate::model::token::Token;
use crate::support::call::Call;
use crate::support::clock::Clock;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// Everything an exchange needs besides the steps.
pub(crate) struct Exchange<'a> {
    pub profile: &'a Profile,
    /// Which steps apply, and how often a call is tried.
    pub options: &'a Options,
    /// The connections and TLS settings of the account.
    pub transport: &'a Transport,
    /// Answers that callers of this identity could not wait for, with their trails.
    pub late: Arc<Late<Trail>>,
    /// What proves to the cloud who tokens are for, where they are bound to a key (DPoP).
    pub prover: Option<Prover>,
    /// Tells the cloud's time, by which requests are signed.
    pub clock: &'a Clock,
    /// Bounds all of the exchange.
    pub call: &'a Call,
    /// Whether a call that fails is made again, if there is time.
    pub repeats: bool,
    /// Whether the last call was made again with the same proof or assertion, which a server may have
    /// noted.
    pub resent: Cell<bool>,
}

impl Exchange<'_> {
    /// A cloud that failed before is asked once: the pause says when.
    pub fn sparing(mut self, record: &Record) -> Self {
        self.repeats = record.pause.as_ref().is_none_or(|pause| !pause.strict);
        self
    }

    /// Runs the discovery steps, where the options ask for it. Each URL that is found must be
    /// https, or this machine's, as credentials go there. Asked as often as needed: it changes
    /// nothing.
    pub fn discover(&self) -> std::result::Result<Discovered, Failure> {
        let mut discovered = Discovered::default();
        let Some(discovery) = &self.profile.discovery else { return Ok(discovered) };
        if !self.options.is_set(&discovery.when) {
            return Ok(discovered);
        }
        for step in self.of(&discovery.steps) {
            let names = Names::of(self.profile, self.options, &discovered)?;
            let reply = self.run(step, &mut Trail::of(&names), Repeat::Safe)?;
            for (name, value) in reply.saved(step)? {
                let shown = || format!("{}: {name}", step.call);
                let is_optional = step.save.get(&name).is_some_and(|pointer| pointer.optional);
                match endpoints::check(self.options, value.expose(), shown) {
                    Ok(()) => discovered.0.insert(&name, value.expose().into()),
                    // One that nothing may be sent to is as good as none.
                    Err(_) if is_optional => {}
                    Err(error) => return Err(error.into()),
                }
            }
            for (name, words) in reply.words(step) {
                discovered.0.insert(&name, words);
            }
        }
        Ok(discovered)
    }

    /// Runs the steps of a login or a refresh; the last one's answer holds the token. `repeat` says
    /// what it could do to send a step twice: a password counts towards a lockout, a refresh token
    /// is spent.
    pub fn obtain(
        &self,
        steps: &[Step],
        names: &Names,
        repeat: Repeat,
    ) -> std::result::Result<Token, Failure> {
        self.go_through(steps, names, repeat, &|names| Ok(names))
    }

    /// The same for a login. `proofs` adds to the names what is had anew for each, unless an answer
    /// to an earlier call is still waited for.
    pub fn log_in(
        &self,
        steps: &[Step],
        names: &Names,
        proofs: &dyn Fn(Names) -> Result<Names>,
    ) -> std::result::Result<Token, Failure> {
        self.go_through(steps, names, Repeat::Unheard, proofs)
    }

    /// The loop of both: from where the trail is to the token.
    fn go_through(
        &self,
        steps: &[Step],
        names: &Names,
        repeat: Repeat,
        proofs: &dyn Fn(Names) -> Result<Names>,
    ) -> std::result::Result<Token, Failure> {
        let steps: Vec<&Step> = self.of(steps).collect();
        let no_step = || Error::new(Status::InvalidProfile, "no step fits the options");
        let last = steps.len().checked_sub(1).ok_or_else(no_step)?;
        // An earlier call may have come as far as an answer that it could not wait for, or to the
        // end of its time between two steps.
        let now = self.clock.now();
        let is_ours = |trail: &Trail| trail.began == *names;
        let reached = self.late.take_reached(now, is_ours);
        let earlier = self.late.trail(now, is_ours).or(reached);
        let mut trail = match earlier {
            Some(earlier) => earlier,
            None => Trail { names: proofs(names.clone())?, ..Trail::of(names) },
        };
        loop {
            let step = steps[trail.step.min(last)];
            let reply = self.run(step, &mut trail, repeat).inspect_err(|failure| {
                // What was not looked at says nothing of what the steps before have obtained.
                let status = failure.error.status();
                let is_way =
                    matches!(status, Status::Timeout | Status::Cancelled | Status::Network);
                if trail.step > 0 && is_way && !failure.in_doubt {
                    let reached = Trail { moment: None, ..trail.clone() };
                    self.late.keep_reached(reached.reached, reached);
                }
            })?;
            let saved = reply.saved(step)?;
            if trail.step >= last {
                let seconds = &self.profile.token.lifetime.seconds;
                let fixed = lifetime(seconds, &mut self.scope(&trail))?;
                let token = reply.token(fixed)?;
                return Ok(Token { saved: Ordered(saved), ..token });
            }
            for (name, value) in saved {
                trail.names = trail.names.with(&name, &value);
            }
            trail.step += 1;
            trail.reached = self.clock.now();
            trail.moment = None;
        }
    }

    /// The names of the step that comes next, as they were when it was asked before: the same time
    /// stamp, so that it is the same request.
    fn scope<'s>(&'s self, trail: &'s Trail) -> Scope<'s> {
        match &trail.moment {
            Some(moment) => Scope::of(self.profile, &trail.names, moment.clone()),
            None => Scope::new(self.profile, &trail.names, self.clock),
        }
    }

    /// What this answer to the step comes to.
    #[cfg(feature = "fuzzing")]
    pub fn judge(
        &self,
        step: &Step,
        names: &Names,
        answer: crate::http::message::Answer,
    ) -> std::result::Result<Token, Failure> {
        let mut scope = Scope::new(self.profile, names, self.clock);
        let outgoing = request(self.profile, self.options, step, &step.url.0[0], &mut scope)?;
        let reply =
            Reply::read(answer, self.profile, self.clock, step, &outgoing, names, self.clock.now());
        reply.check(step, &step.url.0[0], &mut scope)?;
        reply.token(None)
    }

    /// Runs steps for their effect alone, such as a revocation. One whose URL has no value is left
    /// out: a server without that endpoint has nothing to be told.
    pub fn perform(&self, steps: &[Step], names: &Names) -> std::result::Result<(), Failure> {
        self.of(steps).try_for_each(|step| {
            let mut scope = Scope::new(self.profile, names, self.clock);
            let mut urls = step.url.0.iter();
            if urls.all(|url| matches!(scope.fill(url, Place::Url), Ok(None))) {
                return Ok(());
            }
            self.run(step, &mut Trail::of(names), Repeat::Safe).map(drop)
        })
    }

    /// Runs steps for what they save. That they are made twice does no harm.
    pub fn learn(
        &self,
        steps: &[Step],
        names: &Names,
    ) -> std::result::Result<Ordered<Secret>, Failure> {
        let mut learnt = Ordered::default();
        for step in self.of(steps) {
            let reply = self.run(step, &mut Trail::of(names), Repeat::Safe)?;
            reply.saved(step)?.iter().for_each(|(name, value)| learnt.insert(name, value.clone()));
        }
        Ok(learnt)
    }

    /// Where a step's call would go, with its query; `None` where its URL has no value.
    pub fn url(&self, steps: &[Step], names: &Names) -> Result<Option<Url>> {
        let mut scope = Scope::new(self.profile, names, self.clock);
        for step in self.of(steps) {
            for url in &step.url.0 {
                if scope.fill(url, Place::Url)?.is_some() {
                    return Ok(Some(
                        request(self.profile, self.options, step, url, &mut scope)?.url,
                    ));
                }
            }
        }
        Ok(None)
    }

    /// The steps that the options ask for, in their order.
    fn of<'s>(&self, steps: &'s [Step]) -> impl Iterator<Item = &'s Step> {
        let options = self.options;
        steps.iter().filter(move |step| step.applies(options))
    }

    /// Makes a step's call, and once more where that was all that was wrong: it was signed by a
    /// clock that the answer's `Date` has set right, without the nonce that the answer gives, or with
    /// a proof or an assertion that an attempt before has used up.
    fn run(
        &self,
        step: &Step,
        trail: &mut Trail,
        repeat: Repeat,
    ) -> std::result::Result<Reply<'_>, Failure> {
        let (time, moment) = (self.clock.cloud_millis(), self.clock.now());
        let (mut is_timed, mut is_without_nonce) = (true, self.prover.is_some());
        loop {
            let seen = self.prover.as_ref().map(|prover| prover.nonces.seen());
            let outcome = self.run_once(step, trail, repeat);
            let Err(failure) = &outcome else { return outcome };
            let code = failure.error.provider_code();
            let was_timed = trail.moment.as_ref().is_some_and(|moment| moment.is_timed);
            let says_something = !matches!(failure.verdict, Verdict::Busy | Verdict::Silent);
            let is_proof = code.is_some_and(dpop::is_about_proof);
            let is_wrong_time = || self.clock.is_set_right_since(time, moment);
            // Proofs and assertions are good for one call (RFC 9449 11.1, RFC 7523 3).
            let is_signed = is_proof || code == Some("invalid_client");
            let is_used_up = is_signed && self.resent.take();
            let is_given = |prover: &Prover| seen.is_some_and(|seen| seen.is_old(&prover.nonces));
            let has_nonce = dpop::wants_nonce(code) && self.prover.as_ref().is_some_and(is_given);
            if is_without_nonce && has_nonce {
                is_without_nonce = false;
            } else if is_timed
                && was_timed
                && (is_used_up || (says_something || is_proof) && is_wrong_time())
            {
                is_timed = false;
            } else {
                return outcome;
            }
            trail.moment = None;
        }
    }

    /// Makes a step's call by the first of its URLs that is there: a 404 leads to the next. What is
    /// computed for the step is noted in the trail before it is sent.
    fn run_once(
        &self,
        step: &Step,
        trail: &mut Trail,
        repeat: Repeat,
    ) -> std::result::Result<Reply<'_>, Failure> {
        let mut reply: Option<(Reply<'_>, &Template)> = None;
        let mut asked: Vec<Url> = Vec::new();
        let before = trail.clone();
        self.resent.set(before.moment.is_some());
        let mut scope = self.scope(&before);
        for url in &step.url.0 {
            let mut outgoing = request(self.profile, self.options, step, url, &mut scope)?;
            if asked.contains(&outgoing.url) {
                continue;
            }
            asked.push(outgoing.url.clone());
            if let Some(prover) = self.prover.as_ref().filter(|_| step.client_auth) {
                let name = format!("proof for {}", outgoing.url);
                let proof = scope.once(&name, |now| prover.proof(&outgoing, None, now))?;
                outgoing.headers.push((dpop::HEADER.into(), proof));
            }
            trail.moment = Some(scope.moment().clone());
            let found = self.ask(step, &outgoing, trail, repeat)?;
            let leads_on = found.is_missing(repeat == Repeat::Safe && step.method == "GET");
            // What is told if none is there: the answer that says most.
            if !leads_on || reply.as_ref().is_none_or(|(earlier, _)| earlier.status == 404) {
                reply = Some((found, url));
            }
            if !leads_on {
                break;
            }
        }
        let no_url = || Error::new(Status::InvalidProfile, format!("{}: no URL", step.call));
        let (reply, url) = reply.ok_or_else(no_url)?;
        reply.check(step, url, &mut scope)?;
        Ok(reply)
    }

    /// Sends one request, and again where that can do no harm. A step that carries a secret is sent
    /// once unless the cloud cannot have looked at it, whatever its method. Notes what a failure
    /// needs to be judged by: whether the call may have been carried out, and whether it sent a
    /// secret itself or read the answer to an earlier one.
    fn ask(
        &self,
        step: &Step,
        outgoing: &Outgoing,
        trail: &Trail,
        repeat: Repeat,
    ) -> std::result::Result<Reply<'_>, Failure> {
        let idempotent = matches!(outgoing.method.as_str(), "GET" | "HEAD");
        // Whatever its method: a password counts towards a lockout each time it is looked at.
        let secret = step.carries_secret(&self.profile.kinds);
        let attempts = step.attempts.unwrap_or(1 + self.options.number(RETRIES) as u32);
        let retry = Retry {
            call: self.call,
            clock: self.clock,
            attempts: if self.repeats { attempts } else { 1 },
            repeat: if idempotent && !secret { Repeat::Safe } else { repeat },
            repeatable: &|| true,
        };
        let asked = self.clock.now();
        let max = self.options.number(MAX_TOKEN_BYTES);
        let mut sends = 0;
        let send = || {
            sends += 1;
            match retry.repeat {
                Repeat::Safe => self.transport.send(outgoing, Purpose::Token, max, self.call),
                Repeat::Unheard | Repeat::Refresh | Repeat::ByCaller => {
                    let once = retry.repeat != Repeat::Unheard;
                    let asking = Asking { now: self.clock.now(), once, trail };
                    self.transport.ask(outgoing, max, self.call, &self.late, &asking)
                }
            }
        };
        let same = |earlier: &Trail| earlier.began == trail.began && earlier.step == trail.step;
        let asked_before = self.late.trail(asked, same).is_some();
        let answer = retry.run(send);
        self.resent.set(self.resent.get() || sends > 1);
        let answer = answer.map_err(|fault| {
            let explained = self.advise(fault.error, step);
            let in_doubt = fault.sent && !fault.awaited;
            let sent_secret = secret && fault.sent && !(asked_before && fault.awaited);
            Failure { in_doubt, sent_secret, ..Failure::from(explained) }
        })?;
        let sent_secret = secret && answer.asked.is_none();
        if let Some(prover) = &self.prover {
            prover.nonces.learn(outgoing.url.origin(), answer.header("dpop-nonce"));
        }
        let made = trail.moment.iter().flat_map(|moment| moment.secrets(&self.profile.kinds));
        let extras = extras::secrets(self.options);
        let names = &made.chain(&extras).fold(trail.names.clone(), Names::hiding);
        let mut reply = Reply::read(answer, self.profile, self.clock, step, outgoing, names, asked);
        reply.sent_secret = sent_secret;
        reply.may_be_bound = self.prover.is_some();
        Ok(reply)
    }

    /// A fault of the transport, behind the step that met it.
    fn advise(&self, error: Error, step: &Step) -> Error {
        error.about(&format!("{} {}", self.profile.name, step.call))
    }
}

/// How long a token lives by the profile's word: a number of seconds, or a template that becomes
/// one. `INVALID_OPTION` where that is no number, or 0.
pub(crate) fn lifetime(
    seconds: &Option<Number>,
    scope: &mut Scope<'_>,
) -> crate::error::Result<Option<Duration>> {
    let Some(Number(template)) = seconds else { return Ok(None) };
    let Some(filled) = scope.fill(template, Place::Plain)? else { return Ok(None) };
    match filled.expose().parse::<u32>() {
        Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds.into()))),
        _ => {
            let what = format!("{}: must be a number of seconds, 1 or more", template.shown());
            Err(Error::new(Status::InvalidOption, what))
        }
    }
}
