//! One renewal: under the lock, by refresh or by login, durable before anyone sees it.

use super::{Lifecycle, Need, count};
use crate::account::account::Account;
use crate::error::{Error, Result, Status};
use crate::http::retry::Growth;
use crate::lifecycle::holdoff::{self, AFTER_FAILURE};
use crate::lifecycle::state::State;
use crate::model::record::Record;
use crate::provider::reply::Failure;
use crate::provider::verdict::Verdict;
use crate::support::call::Call;
use crate::support::clock::Moment;
use crate::support::log::log;
use std::sync::Arc;

impl Lifecycle {
    pub(super) fn renew_as_leader(&self, need: Need, call: &Call) -> Result<()> {
        let state = self.state.load_full();
        if need.is_met(&state, self.clock.now()) {
            return Ok(());
        }
        // Whoever holds the lock may be waiting for the cloud, while what it stored before is good.
        if state.account.store.has_news(&state.record)
            && need.is_met(&*self.look_into_store(&state)?, self.clock.now())
        {
            return Ok(());
        }
        match state.account.store.lock(call) {
            Ok(_lock) => self.renew_locked(need, call),
            Err(error) if error.status() != Status::Store => Err(error),
            Err(fault) => {
                self.note_store_fault(fault);
                self.renew_locked(need, call)
            }
        }
    }

    /// Looks whether others have renewed; if not, goes to the cloud.
    pub(super) fn renew_locked(&self, need: Need, call: &Call) -> Result<()> {
        let state = self.look_into_store(&self.state.load_full())?;
        let now = self.clock.now();
        if need.is_met(&state, now) {
            return Ok(());
        }
        if matches!(need, Need::Early(_)) && state.record.paused(now).is_some() {
            return Ok(());
        }
        self.barrier(&state, now)?;
        let account = &state.account;
        if !account.can_log_in() && state.record.refresh.is_none() {
            return Err(nothing_left(account));
        }
        let mut record = state.record.clone();
        let outcome = self.exchange(account, &mut record, call);
        if let Err(error) = &outcome {
            count(&self.counters.failures);
            log!(self.log, Warn, "no new token: {error}");
        }
        self.last_error.store(Arc::new(outcome.clone().err()));
        // Durable first: whoever sees the new access token must be able to rely on its refresh
        // token. If that fails the token is good all the same.
        if record != state.record {
            match account.store.save(&mut record) {
                Ok(()) => self.store_fault.store(Arc::default()),
                Err(fault) => self.note_store_fault(fault),
            }
        }
        // What an earlier call asked for, and could not wait for, may have been over before this one.
        let was_over = record.token.as_ref().is_some_and(|token| token.expires() <= now);
        self.publish(account, record)?;
        if outcome.is_ok() && was_over { self.renew_locked(need, call) } else { outcome }
    }

    /// Why nothing may be asked of the cloud now.
    pub(super) fn barrier(&self, state: &State, now: Moment) -> Result<()> {
        state.record.may_call(now)?;
        // A hold is about the credentials; a refresh token needs none.
        match state.record.refresh.is_some() && state.account.can_refresh() {
            true => Ok(()),
            false => state.record.may_log_in(now),
        }
    }

    /// Discovery, refresh, login: what leads from one to the next is written here and nowhere else.
    fn exchange(&self, account: &Account, record: &mut Record, call: &Call) -> Result<()> {
        if account.must_discover(record) {
            match account.discover(&self.clock, call) {
                Ok(found) => record.discovered = found,
                Err(failure) => return Err(self.failed(failure, record, AFTER_FAILURE)),
            }
        } else if account.discovers() && record.fails_again_and_again() {
            // Endpoints move. The old ones are kept until others are found.
            if let Ok(found) = account.discover(&self.clock, call) {
                record.discovered = found;
            }
        }
        if record.refresh.is_some() && account.can_refresh() {
            if let Some(fault) = self.unwritable(account, record) {
                // Spending a single-use token without writing down the next one loses both.
                if !account.can_log_in() {
                    return Err(fault);
                }
            } else {
                count(&self.counters.refreshes);
                match account.refresh(record, &self.clock, call) {
                    Ok(token) => {
                        record.learn_time(token.time());
                        log!(self.log, Info, "{}: token refreshed", account.profile.name);
                        record.accept(token);
                        return Ok(());
                    }
                    Err(failure) if failure.verdict == Verdict::Refused => {
                        count(&self.counters.refreshes_rejected);
                        log!(self.log, Warn, "refresh token rejected: {}", failure.error);
                        record.refresh = None;
                        if !account.can_log_in() {
                            // Newer than what a restart begins with, so that it is not tried again.
                            record.generation += 1;
                        }
                    }
                    // The token was not looked at, so it is as good as before.
                    Err(failure) if failure.verdict == Verdict::ClientRefused => {
                        return Err(self.failed(failure, record, hold_growth(account)));
                    }
                    Err(failure) => return Err(self.failed(failure, record, AFTER_FAILURE)),
                }
            }
        }
        if !account.can_log_in() {
            return Err(nothing_left(account));
        }
        record.may_log_in(self.clock.now())?;
        count(&self.counters.logins);
        match account.log_in(record, &self.clock, call) {
            Ok(token) => {
                record.learn_time(token.time());
                log!(self.log, Info, "{}: logged in", account.profile.name);
                record.accept(token);
                Ok(())
            }
            Err(failure)
                if matches!(failure.verdict, Verdict::Refused | Verdict::ClientRefused) =>
            {
                count(&self.counters.logins_rejected);
                record.learn_time(failure.time);
                Err(record.hold(failure.error, hold_growth(account), self.clock.now()))
            }
            // What the profile has no rule for may be this cloud's way to reject a password.
            Err(failure) if failure.error.status() == Status::UnexpectedAnswer => {
                Err(self.failed(failure, record, hold_growth(account)))
            }
            Err(failure) => Err(self.failed(failure, record, AFTER_FAILURE)),
        }
    }

    fn unwritable(&self, account: &Account, record: &Record) -> Option<Error> {
        let fault = account.store.check_writable(record).err()?;
        self.note_store_fault(fault.clone());
        Some(fault)
    }

    /// A failure that says nothing of the credentials: hold off, keep everything.
    fn failed(&self, failure: Failure, record: &mut Record, growth: Growth) -> Error {
        record.learn_time(failure.time);
        if let Some(newer) = failure.salvaged {
            log!(self.log, Warn, "the answer was no good, but its refresh token is kept");
            record.refresh = Some(newer);
        }
        record.pause(failure.error, failure.in_doubt, growth, self.clock.now())
    }
}

fn hold_growth(account: &Account) -> Growth {
    holdoff::hold_growth(account.options.seconds("login_hold_s"))
}

fn nothing_left(account: &Account) -> Error {
    let name = &account.profile.name;
    match account.fixed_token() {
        Ok(Some(_)) => Error::new(
            Status::CredentialsRejected,
            format!("{name}: a fixed credential cannot be renewed; check {}", account.login_name()),
        ),
        _ => {
            let left = match account.withheld_login() {
                // It would be another principal's data, with every status OK.
                Some(login) => format!(
                    "the login {login} is the client's own and not this user's: set a new refresh_token, or grant={login} if that is meant"
                ),
                None => "there is nothing to log in with; set a new refresh_token, or credentials"
                    .into(),
            };
            Error::new(
                Status::LoginRequired,
                format!("{name}: the refresh token is no longer good, and {left}"),
            )
        }
    }
}
