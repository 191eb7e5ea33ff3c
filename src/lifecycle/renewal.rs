//! One renewal: under the lock, by refresh or by login, durable before anyone sees it.
//!
//! ```text
//! run ── may_ask: a pause or a hold ends it here, before anything is sent
//!     ── discover, where the profile has endpoints to be found
//!     ── refresh ─┬─ a token
//!                 ├─ the refresh token is refused, by the profile's rule or a plain code ──► log_in
//!                 ├─ three times "perhaps refused", a minute apart ─────────────────────────► log_in
//!                 └─ anything else: a pause, and the refresh token is kept
//!     ── log_in  ─┬─ a token
//!                 ├─ refused: a hold on what was sent
//!                 └─ anything else: a pause, and bounds on how often a secret is sent
//! keep ── the record is saved, then published; the attempts after the lock is given back
//! ```
//!
//! The `Verdict` of `provider/` says what an answer means; what follows from it is decided here and
//! nowhere else. No branch drops a credential for a fault, a timeout or a 5xx.

use super::counters::count;
use super::dead_end::{nothing_left, why_lost};
use super::goal::{Goal, Stage};
use super::holds;
use super::lifecycle::Lifecycle;
use super::pauses::{self, Failed};
use super::state::State;
use crate::account::account::Account;
use crate::error::{Error, Result, Status};
use crate::model::attempts::Attempts;
use crate::model::option_table::LOGIN_HOLD_S;
use crate::model::record::Record;
use crate::model::token::Token;
use crate::provider::failure::Failure;
use crate::provider::verdict::Verdict;
use crate::store::Lock;
use crate::store::attempt_log::{AttemptLog, Turn};
use crate::support::call::Call;
use crate::support::clock::Moment;
use crate::support::log::log;
use std::sync::Arc;
use std::time::Duration;

/// A renewal under way. It changes copies; callers see nothing of them before `keep`.
struct Renewal<'a> {
    lifecycle: &'a Lifecycle,
    /// The account as it was when the renewal began: options that are set meanwhile wait for its
    /// end.
    account: &'a Account,
    /// Whose deadline bounds the renewal: the leader's.
    call: &'a Call,
    /// Whether the token at hand is renewed at its own moment, and nothing has failed.
    in_turn: bool,
    /// What is known, and what will be kept.
    record: Record,
    /// Whether the token at hand is good, and only due.
    is_early: bool,
    /// Whether the store's lock was lost before anything was sent.
    lost_lock: bool,
    /// What is to be kept of the attempts with each secret, once the record is.
    attempts: Vec<(Arc<AttemptLog>, Option<Turn>)>,
}

/// How long a renewal that lost the store's lock rests before it looks again.
const LOST_LOCK_REST: Duration = Duration::from_millis(50);

/// What a refresh came to.
enum Refreshed {
    /// A new token, which the record has.
    Token,
    /// There is nothing to refresh with, or not any more: only a login helps.
    LoginNeeded,
    /// The store's lock was lost, and nothing was sent.
    LockLost,
}

impl Lifecycle {
    /// Goes to the cloud, keeps what comes of it and releases the lock.
    ///
    /// A failure is kept, too: a pause or a hold must outlive this call and be seen by other
    /// processes. Under the lead, and under the store's lock where `lock` has it.
    pub(super) fn renew_under(
        &self,
        lock: Option<Box<dyn Lock>>,
        state: &State,
        goal: Goal,
        call: &Call,
    ) -> Result<()> {
        let account = &state.account;
        if !account.can_log_in() && state.record.refresh.is_none() {
            return Err(nothing_left(account, &state.record));
        }
        let began = self.clock.now();
        let mut renewal = Renewal {
            lifecycle: self,
            account,
            call,
            in_turn: state.stage(began) == Stage::Due && state.record.pause.is_none(),
            record: state.record.clone(),
            is_early: matches!(goal, Goal::Early(_)),
            lost_lock: false,
            attempts: Vec::new(),
        };
        let mut outcome = renewal.run(goal);
        if renewal.lost_lock {
            // Whoever took it over may have renewed: the caller looks again, and nothing failed.
            drop(lock);
            return call.sleep(LOST_LOCK_REST);
        }
        if outcome.is_ok() && renewal.was_over(began) {
            // What an earlier call asked for, and could not wait for, may have been over before this.
            renewal.keep(state)?;
            outcome = renewal.run(Goal::Usable);
        }
        if let Err(error) = &outcome {
            count(&self.counters.failures);
            log!(self.log, Warn, "no new token: {error}");
        }
        self.set_last_error(outcome.clone().err());
        renewal.keep(state)?;
        drop(lock);
        renewal.keep_attempts();
        self.tell_listeners();
        outcome
    }
}

impl Renewal<'_> {
    /// Discovery, refresh, login: what leads from one to the next is written here and nowhere else.
    fn run(&mut self, goal: Goal) -> Result<()> {
        self.record.proof_key = self.account.proof_key(&self.record)?;
        self.lifecycle.may_ask(self.account, &self.record)?;
        self.discover()?;
        match self.refresh()? {
            Refreshed::Token => {}
            Refreshed::LoginNeeded => self.log_in()?,
            Refreshed::LockLost => self.lost_lock = true,
        }
        if self.lost_lock {
            return Ok(());
        }
        if let Goal::Instead(_) = goal {
            self.record.note_refusal(self.now());
        }
        Ok(())
    }

    /// Finds the endpoints that the options ask for, once; and again where calls keep failing,
    /// since then they may have moved.
    fn discover(&mut self) -> Result<()> {
        let (account, clock) = (self.account, &self.lifecycle.clock);
        if account.must_discover(&self.record) {
            match account.discover(&self.record, clock, self.call) {
                Ok(found) => self.record.discovered = found,
                Err(failure) => return Err(self.pause(failure, Moment::START)),
            }
        } else if account.discovers() && pauses::fails_again_and_again(&self.record) {
            // Endpoints move. The old ones are kept until others are found.
            if let Ok(found) = account.discover(&self.record, clock, self.call) {
                self.record.discovered = found;
            }
        }
        Ok(())
    }

    /// Spends the refresh token, if there is one and the next one can be written down. What the
    /// answer leads to is the table at the head of this file.
    fn refresh(&mut self) -> Result<Refreshed> {
        let (lifecycle, account) = (self.lifecycle, self.account);
        let is_seed = self.drop_spent_seed();
        if self.record.refresh.is_none() || !account.can_refresh() {
            return self.login_needed();
        }
        match account.store.check_writable(&self.record, self.call) {
            Ok(true) => {}
            Ok(false) => return Ok(Refreshed::LockLost),
            Err(fault) if self.is_early && account.store.is_remote() => {
                // The token at hand is good, and each machine would log in on its own.
                lifecycle.note_store_fault(fault.clone());
                return Err(fault);
            }
            Err(fault) => {
                lifecycle.note_store_fault(fault.clone());
                // Spending a single-use token without writing down the next one loses both.
                return if account.can_log_in() { Ok(Refreshed::LoginNeeded) } else { Err(fault) };
            }
        }
        count(&lifecycle.counters.refreshes);
        let call = self.leased();
        let failure = match account.refresh(&self.record, &lifecycle.clock, &call) {
            Ok(token) => {
                log!(lifecycle.log, Info, "{}: token refreshed", account.profile.name);
                self.record.learn_time(token.time());
                // One that the cloud does not replace is good as before.
                let is_replaced = token.refresh.is_some() && token.refresh != self.record.refresh;
                self.accept(token);
                self.spend(is_seed && is_replaced);
                if let Some(client) = &account.secrets.client {
                    self.worked(client.clone(), None);
                }
                return Ok(Refreshed::Token);
            }
            Err(failure) => failure,
        };
        match failure.verdict {
            Verdict::Refused => {
                count(&lifecycle.counters.refreshes_rejected);
                log!(lifecycle.log, Warn, "refresh token rejected: {}", failure.error);
                self.record.refresh = None;
                self.record.lost = Some(why_lost(&failure));
                self.spend(is_seed);
                self.login_needed()
            }
            // The token was not looked at, so it is as good as before.
            Verdict::ClientRefused => Err(self.client_refused(failure, None)),
            Verdict::MaybeRefused if self.has_doubted_enough() => Ok(Refreshed::LoginNeeded),
            Verdict::MaybeRefused | Verdict::Busy | Verdict::Silent => {
                Err(self.pause(failure, Moment::START))
            }
        }
    }

    /// The call, or what the store's lock leaves of it: once that is over another process may send the
    /// same refresh token.
    fn leased(&self) -> Call {
        let left = self.account.store.lease_left();
        left.map_or_else(|| self.call.clone(), |left| self.call.within(left))
    }

    /// Takes a token into the record. One that came out of turn, by a first login or after an
    /// outage, came to many gateways at once: its next renewal is spread over most of its life.
    fn accept(&mut self, token: Token) {
        self.tell_what_was_not_granted(&token);
        self.lifecycle.tell_of_no_binding(self.account, &token, self.record.token.as_ref());
        let out_of_turn = token.out_of_turn && !self.in_turn;
        self.record.accept(Token { out_of_turn, ..token });
    }

    /// Warns of scopes that were asked for and not granted (RFC 6749 3.3), once a change.
    fn tell_what_was_not_granted(&self, token: &Token) {
        let (Some(asked), Some(granted)) = (self.account.options.get("scope"), &token.scope) else {
            return;
        };
        let before = self.record.token.as_ref().and_then(|before| before.scope.as_ref());
        let has = |scope: &&str| granted.split(' ').any(|one| one == *scope);
        let lacking: Vec<&str> = asked.split_whitespace().filter(|scope| !has(scope)).collect();
        if !lacking.is_empty() && before != Some(granted) {
            let (name, lacking) = (&self.account.profile.name, lacking.join(" "));
            log!(self.lifecycle.log, Warn, "{name}: the cloud did not grant the scope {lacking}");
        }
    }

    /// Only a login helps now, if there is one.
    fn login_needed(&mut self) -> Result<Refreshed> {
        if self.account.can_log_in() {
            return Ok(Refreshed::LoginNeeded);
        }
        // Newer than what a restart begins with, so that it is not tried again.
        self.record.generation = self.record.generation.saturating_add(1);
        Err(nothing_left(self.account, &self.record))
    }

    /// Drops the refresh token that was set (the seed) if it was exchanged before, by whatever
    /// client: a cloud that detects reuse revokes the whole family of tokens (RFC 9700 4.14.2).
    /// Says whether the one at hand is the seed.
    fn drop_spent_seed(&mut self) -> bool {
        let Some(seed) = &self.account.secrets.seed else { return false };
        let is_seed = self.account.is_seed(self.record.refresh.as_ref());
        if is_seed {
            self.note_fault(seed.look());
            if seed.known().spent {
                let name = &self.account.profile.name;
                let why = "refresh_token was exchanged before and is not sent again";
                log!(self.lifecycle.log, Warn, "{name}: {why}");
                self.record.refresh = None;
                let refused = seed.known().fault.clone();
                let spent = || Error::new(Status::LoginRequired, why);
                self.record.lost = Some(refused.unwrap_or_else(spent));
            }
        }
        is_seed
    }

    /// Notes that the seed was exchanged, so that no restart sends it again. Nothing where the
    /// refresh token at hand is not the seed.
    fn spend(&mut self, is_seed: bool) {
        if let Some(seed) = self.account.secrets.seed.as_ref().filter(|_| is_seed) {
            let why = self.record.lost.clone();
            seed.change(|attempts| {
                attempts.spent = true;
                attempts.fault = why.clone();
            });
            self.attempts.push((seed.clone(), None));
        }
    }

    /// Whether a refresh was answered three times, a minute apart, in a way that may have been a
    /// refusal: then the login is tried once, if there is one, nothing holds it back, and the
    /// profile lets it. A cloud's bad minute must not cost a password.
    fn has_doubted_enough(&mut self) -> bool {
        const ENOUGH: u32 = 3;
        let doubts = self.record.doubt(self.now());
        let login = self.account.secrets.login.as_ref();
        let may = self.account.may_guess_refusals()
            && self.account.can_log_in()
            && login.is_some_and(|login| holds::may_send(&login.known(), self.now()).is_ok());
        if doubts < ENOUGH || !may {
            return false;
        }
        self.record.doubts = None;
        true
    }

    /// Sends the credentials, unless a hold or a bound says not now.
    ///
    /// ```text
    /// Refused         a hold on the secret, doubling; the token at hand stays
    /// ClientRefused   a hold on what proves the client software
    /// MaybeRefused    the first time a pause, then a hold
    /// Silent          a pause; a secret that was sent counts towards the bounds
    /// Busy            a pause as long as the cloud asks for
    /// ```
    ///
    /// One login at a time with one secret, in this process and, where it has not worked before, in
    /// all that share the store: the others might send what is being rejected.
    fn log_in(&mut self) -> Result<()> {
        let (lifecycle, account, clock) = (self.lifecycle, self.account, &self.lifecycle.clock);
        let Some(login) = account.secrets.login.clone() else {
            return Err(nothing_left(account, &self.record));
        };
        self.wait_for_start()?;
        let (turn, fault) = login.turn(self.call)?;
        self.note_fault(fault.map_or(Ok(()), Err));
        if !account.awaits_login(&self.record, self.now()) {
            holds::may_send(&login.known(), self.now())?;
        }
        // Who waited for that turn, or was stopped, may have lost the lock. Without a lock there is
        // none to lose.
        if matches!(account.store.prolong(self.call), Ok(false)) {
            self.lost_lock = true;
            return Ok(());
        }
        count(&lifecycle.counters.logins);
        let call = self.leased();
        let failure = match account.log_in(&self.record, clock, &call) {
            Ok(token) => {
                log!(lifecycle.log, Info, "{}: logged in", account.profile.name);
                self.record.learn_time(token.time());
                self.accept(token);
                self.worked(login, Some(turn));
                if let Some(client) = &account.secrets.client {
                    self.worked(client.clone(), None);
                }
                return Ok(());
            }
            Err(failure) => failure,
        };
        self.record.learn_time(failure.time);
        let (now, first) = (self.now(), account.options.duration(LOGIN_HOLD_S));
        match failure.verdict {
            Verdict::Refused => {
                count(&lifecycle.counters.logins_rejected);
                let error = failure.error;
                let is_new_each_time = account.has_new_proofs();
                Err(self.hold(login, Some(turn), error, |a, e| {
                    // No guess at the next one, so it need not wait for longer and longer.
                    a.hold = a.hold.take().filter(|_| !is_new_each_time);
                    holds::reject(a, e, first, now);
                }))
            }
            Verdict::ClientRefused => {
                count(&lifecycle.counters.logins_rejected);
                Err(self.client_refused(failure, Some((login, turn))))
            }
            Verdict::MaybeRefused => {
                let error = failure.error.clone();
                let held = self
                    .hold(login.clone(), Some(turn), error, |a, e| holds::doubt(a, e, first, now));
                match login.known().held(now) {
                    Some(_) => Err(held),
                    None => Err(self.pause(failure, Moment::START)),
                }
            }
            Verdict::Silent if failure.sent_secret && failure.salvaged.is_none() => {
                let error = failure.error.clone();
                self.hold(login.clone(), Some(turn), error, |a, e| holds::sent_in_vain(a, e, now));
                let not_before = holds::not_before(&login.known());
                Err(self.pause(failure, not_before))
            }
            Verdict::Silent | Verdict::Busy => Err(self.pause(failure, Moment::START)),
        }
    }

    /// Lets the first login wait for this gateway's moment after the machine's start (the option
    /// `start_spread_s`): a site whose power comes back is not to log in at once. `WOULD_BLOCK`
    /// with the time that is left where that is longer than the call has.
    fn wait_for_start(&self) -> Result<()> {
        let left = self.account.first_login_at().since(self.now());
        if self.record.generation > 0 || left.is_zero() {
            return Ok(());
        }
        if self.call.remaining().is_ok_and(|remaining| left < remaining) {
            return self.lifecycle.clock.sleep(left, self.call);
        }
        let what = format!(
            "{}: start_spread_s has the first login wait for another {} s",
            self.account.profile.name,
            left.as_secs().max(1)
        );
        Err(Error::new(Status::WouldBlock, what).with_retry_after(Some(left)))
    }

    /// The client software was refused (`invalid_client`, RFC 6749 5.2): what authenticates it is
    /// held back, and nothing is dropped. Where the login has no such secret besides its own, its
    /// own is held.
    fn client_refused(
        &mut self,
        failure: Failure,
        login: Option<(Arc<AttemptLog>, Turn)>,
    ) -> Error {
        self.record.learn_time(failure.time);
        let (now, first) = (self.now(), self.account.options.duration(LOGIN_HOLD_S));
        let client = self.account.secrets.client.clone().map(|client| (client, None));
        match client.or(login.map(|(login, turn)| (login, Some(turn)))) {
            Some((log, turn)) => {
                self.hold(log, turn, failure.error, |a, e| holds::reject(a, e, first, now))
            }
            None => self.pause(failure, Moment::START),
        }
    }

    /// Notes what became of a secret. Gives the error to tell callers, with what is left of the
    /// hold.
    fn hold(
        &mut self,
        log: Arc<AttemptLog>,
        turn: Option<Turn>,
        error: Error,
        note: impl Fn(&mut Attempts, &Error),
    ) -> Error {
        log.fail(|attempts| note(attempts, &error));
        let left = log.known().held(self.now()).map(|(_, left)| left);
        self.attempts.push((log, turn));
        match left {
            Some(left) => error.with_retry_after(Some(left)),
            None => error,
        }
    }

    /// A secret did what it is for: whatever went wrong with it before is over.
    fn worked(&mut self, log: Arc<AttemptLog>, turn: Option<Turn>) {
        if log.succeed() {
            self.attempts.push((log, turn));
        }
    }

    /// A failure that says nothing of the credentials: hold off, keep everything. A refresh token
    /// that stood in a bad answer takes the place of the old one, which the cloud has spent.
    fn pause(&mut self, failure: Failure, not_before: Moment) -> Error {
        self.record.learn_time(failure.time);
        if let Some(newer) = failure.salvaged {
            let log = &self.lifecycle.log;
            log!(log, Warn, "the answer was no good, but its refresh token is kept");
            self.record.change_refresh(newer);
        }
        let failed = Failed { error: failure.error, in_doubt: failure.in_doubt, not_before };
        let now = self.now();
        pauses::pause(&mut self.record, failed, now)
    }

    /// Whether the token that came was over before this call began: an answer to an earlier call
    /// may have waited for longer than its token lives.
    fn was_over(&self, began: Moment) -> bool {
        self.record.token.as_ref().is_some_and(|token| token.expires() <= began)
    }

    /// Durable first: whoever sees the new access token must be able to rely on its refresh token.
    /// If that fails the token is good all the same: it is served from memory, and the status has
    /// the fault.
    fn keep(&mut self, state: &State) -> Result<()> {
        if self.record != state.record {
            match self.account.save(&mut self.record) {
                Ok(()) => self.lifecycle.store_works(),
                Err(fault) => self.lifecycle.note_store_fault(fault),
            }
        }
        self.lifecycle.publish(&state.account, self.record.clone()).map(drop)
    }

    /// Keeps what became of the secrets, now that the identity's lock is free: a store of the
    /// caller's may have one lock for all names. This process knows it already.
    fn keep_attempts(self) {
        for (log, turn) in &self.attempts {
            let kept = log.keep(turn.as_ref(), self.call);
            self.note_fault(kept);
        }
    }

    /// Notes a fault of the store where there is one. It ends no renewal.
    fn note_fault(&self, outcome: Result<()>) {
        if let Err(fault) = outcome {
            self.lifecycle.note_store_fault(fault);
        }
    }

    fn now(&self) -> Moment {
        self.lifecycle.clock.now()
    }
}
