//! A login that a person allows: begun here, allowed elsewhere, and its token kept here as any
//! other.
//!
//! ```text
//! Open ──── the server is asked; the person has not answered ────┐
//!  │ a token                                              a no, or too late
//!  ▼                                                             ▼
//! Obtained ── durable, published ──► Over(Ok)               Over(Err)
//! ```
//!
//! No lock is held and nobody leads while the person is waited for. What was allowed is not lost:
//! each stage is kept until the next is reached, so that a call which ran out of time can be made
//! again.

use super::counters::count;
use super::holds;
use super::lifecycle::Lifecycle;
use super::pauses;
use super::serving::Serving;
use super::state::State;
use crate::account::account::Account;
use crate::account::person::{Unanswered, Way};
use crate::error::{Error, Result, Status};
use crate::model::option_table::LOGIN_HOLD_S;
use crate::model::proof_key::ProofKey;
use crate::model::token::Token;
use crate::provider::failure::Failure;
use crate::provider::verdict::Verdict;
use crate::support::call::Call;
use crate::support::clock::Moment;
use crate::support::gate::Gate;
use crate::support::log::log;
use crate::support::ordered::Ordered;
use crate::support::process::PerProcess;
use crate::support::secret::Secret;
use crate::support::slot::Slot;
use std::sync::Arc;
use std::time::Duration;

/// A login that a person is asked for. Usable from any thread; whoever goes on with it does so
/// alone.
pub(crate) struct PersonsLogin {
    /// Of the client that the token will be kept for.
    lifecycle: Arc<Lifecycle>,
    /// At another device, or in a browser.
    way: Way,
    /// Whose it is: of a client that is another's by now, nothing is kept.
    identity: Arc<str>,
    /// What only this login's calls may name: its codes, its state, its verifier.
    pub(super) own: Ordered<Secret>,
    /// What the token will be bound to, if to anything: the server may know it already.
    proof_key: Option<ProofKey>,
    /// The token call that was not answered in time, if any.
    unanswered: Unanswered,
    /// One thread at a time goes on with the login; a forked child has a gate of its own.
    pub(super) gate: PerProcess<Gate>,
    /// How far it has come. Changed only by whoever has passed the gate.
    course: Slot<Course>,
}

/// How far a login has come, and when it may go on.
#[derive(Clone)]
pub(super) struct Course {
    /// Where it stands.
    pub stage: Stage,
    /// Between two questions for the token: what the server asked for (RFC 8628 3.2).
    pub interval: Duration,
    /// Before this moment the server is not asked.
    pub next: Moment,
    /// Questions in a row that came to nothing.
    pub faults: u32,
}

/// Where a login stands.
#[derive(Clone)]
pub(super) enum Stage {
    /// The person has not answered, as far as is known.
    Open,
    /// The token is there, and not kept yet: the code that led to it is spent.
    Obtained(Box<Token>),
    /// The login has ended so, and ends so for whoever asks again.
    Over(Result<()>),
}

impl PersonsLogin {
    /// A login whose first question waits for one interval.
    pub(super) fn new(
        lifecycle: Arc<Lifecycle>,
        (way, identity): (Way, Arc<str>),
        (own, proof_key): (Ordered<Secret>, Option<ProofKey>),
        interval: Duration,
    ) -> PersonsLogin {
        let next = lifecycle.clock.now().after(interval);
        let course = Course { stage: Stage::Open, interval, next, faults: 0 };
        PersonsLogin {
            lifecycle,
            way,
            identity,
            own,
            proof_key,
            unanswered: Unanswered::new(),
            gate: PerProcess::new(),
            course: Slot::of(Some(Arc::new(course))),
        }
    }

    pub fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// How far it has come.
    pub(super) fn course(&self) -> Arc<Course> {
        self.course.get().expect("it begins with one")
    }

    /// Only for whoever has passed the gate.
    pub(super) fn change(&self, change: impl FnOnce(&mut Course)) {
        let mut course = Course::clone(&self.course());
        change(&mut course);
        self.course.put(Some(Arc::new(course)));
    }

    /// The login has come to its end: says so now, and whenever it is asked again.
    pub(super) fn end(&self, outcome: Result<()>) -> Result<()> {
        self.change(|course| course.stage = Stage::Over(outcome.clone()));
        outcome
    }

    /// Asks for the token once, with these names besides the login's own.
    pub(super) fn ask(
        &self,
        more: &Ordered<Secret>,
        call: &Call,
    ) -> std::result::Result<Token, Failure> {
        let state = self.lifecycle.state().clone();
        let mut names = self.own.clone();
        more.iter().for_each(|(name, value)| names.insert(name, value.clone()));
        let at = (&self.lifecycle.clock, call);
        state.account.persons_token(
            self.way,
            &state.record.discovered,
            (&names, self.proof_key.as_ref()),
            &self.unanswered,
            at,
        )
    }

    /// Keeps the token: durable before anyone sees it, and whatever was on hold is so no longer.
    /// Under the lead and the store's lock, as any renewal. Where the call's time ends before, the
    /// token stays in the login, and the next call keeps it.
    pub(super) fn keep(&self, token: Token, call: &Call) -> Result<()> {
        self.change(|course| course.stage = Stage::Obtained(Box::new(token.clone())));
        let lifecycle = &self.lifecycle;
        lifecycle.change(call, |state| {
            self.check_identity(&state.account)?;
            let lock = lifecycle.lock_alone(state, call)?;
            let state = lifecycle.look()?;
            let account = &state.account;
            let mut record = state.record.clone();
            // It may be another person's, or die with the consent that is replaced.
            record.refresh = None;
            record.proof_key = self.proof_key.clone();
            lifecycle.tell_of_no_binding(account, &token, None);
            record.learn_time(token.time());
            record.accept(token);
            match account.save(&mut record) {
                Ok(()) => lifecycle.store_works(),
                Err(fault) => lifecycle.note_store_fault(fault),
            }
            lifecycle.publish(account, record)?;
            drop(lock);
            count(&lifecycle.counters.logins);
            log!(lifecycle.log, Info, "{}: a person has logged in", account.profile.name);
            lifecycle.set_last_error(None);
            if let Some(client) = account.secrets.client.as_ref().filter(|log| log.succeed()) {
                client.keep(None, call).unwrap_or_else(|fault| lifecycle.note_store_fault(fault));
            }
            Ok(())
        })?;
        self.end(Ok(()))
    }

    /// Refuses to go on for a client that is somebody else's by now: `INVALID_ARGUMENT`. Asked
    /// before a code is spent.
    pub(super) fn check(&self) -> Result<()> {
        self.check_identity(&self.lifecycle.state().account)
    }

    /// Whether this account is the one that the login was begun for.
    fn check_identity(&self, account: &Account) -> Result<()> {
        if account.identity.name == self.identity {
            return Ok(());
        }
        let what = "the client's options were changed since this login began; begin another";
        Err(Error::new(Status::InvalidArgument, what))
    }

    /// What a failure means for the login as a whole. `None`: it may be asked again, since the
    /// cloud failed, or did not answer. An error ends the login.
    pub(super) fn verdict(&self, failure: Failure, call: &Call) -> Option<Error> {
        // What the caller did wrong is no better the next time.
        let is_the_callers = (failure.error.status() as i32) < Status::CredentialsRejected as i32;
        match failure.verdict {
            Verdict::Silent | Verdict::Busy if !is_the_callers => None,
            _ => Some(self.lifecycle.refused_to_person(failure, call)),
        }
    }
}

impl Lifecycle {
    /// The client as it is, once it is known where a login of this kind begins: by an option, or by
    /// a discovery, which is made here if need be. `MISSING_OPTION` where nobody says.
    pub(super) fn ready_for_person(&self, way: Way, call: &Call) -> Result<Arc<State>> {
        let mut ready = None;
        self.change(call, |state| {
            let account = &state.account;
            account.calls_of(way)?;
            // What the cloud asked for binds people, too. A pause that is this library's own idea
            // would keep out the one who can mend what failed.
            if state.record.pause.as_ref().is_some_and(|pause| pause.asked) {
                pauses::may_call(&state.record, self.clock.now())?;
            }
            self.nothing_is_held(account, &state.record)?;
            let knows = account.knows_where(way, &state.record.discovered, &self.clock)?;
            // What is set by an option says nothing of where the token is to be had.
            if account.must_discover(&state.record) || !knows && account.discovers() {
                // A store may be older than what is looked for now.
                let lock = self.lock_alone(state, call)?;
                let mut record = self.look()?.record.clone();
                let found = account.discover(&record, &self.clock, call);
                record.discovered = found.map_err(|failure| failure.error)?;
                account.save(&mut record).unwrap_or_else(|fault| self.note_store_fault(fault));
                self.publish(account, record)?;
                drop(lock);
            }
            ready = Some(self.state().clone());
            Ok(())
        })?;
        let state = ready.unwrap_or_else(|| self.state().clone());
        match state.account.knows_where(way, &state.record.discovered, &self.clock)? {
            true => Ok(state),
            false => Err(nowhere(&state.account, way)),
        }
    }

    /// The server's no to a person's login. A client that it does not know is not tried again soon.
    pub(super) fn refused_to_person(&self, failure: Failure, call: &Call) -> Error {
        let error = failure.error;
        let state = self.state();
        let client = state.account.secrets.client.as_ref();
        let is_client = failure.verdict == Verdict::ClientRefused
            && error.provider_code().is_some_and(|code| code == "invalid_client");
        let Some(client) = client.filter(|_| is_client) else { return error };
        let first = state.account.options.duration(LOGIN_HOLD_S);
        let now = self.clock.now();
        client.fail(|attempts| holds::reject(attempts, &error, first, now));
        client.keep(None, call).unwrap_or_else(|fault| self.note_store_fault(fault));
        let left = client.known().held(now).map(|(_, left)| left);
        error.with_retry_after(left)
    }
}

/// Why a login cannot begin: nobody says where.
fn nowhere(account: &Account, way: Way) -> Error {
    let (option, other) = match way {
        Way::Device => ("device_authorization_url", "log in with a browser (--browser)"),
        Way::Browser => ("authorization_url", "log in with a code at another device"),
    };
    let name = &account.profile.name;
    let why = match account.discovers() {
        true => "the issuer names no such endpoint",
        false => "there is no issuer to name it",
    };
    Error::new(Status::MissingOption, format!("{name}: set {option}, since {why}; or {other}"))
}
