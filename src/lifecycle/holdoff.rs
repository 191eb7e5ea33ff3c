//! Holding off: what keeps a client from calling the cloud, for how long, and what it says meanwhile.
//!
//! A rejected login is a hold: the same credentials would be rejected again, and count towards a
//! lockout. Any other failure is a pause: the cloud is spared, and everything is kept.

use crate::error::{Error, Result, Status};
use crate::http::retry::{Growth, backoff, doubled};
use crate::model::record::{Hold, LONGEST_HOLD, Pause, Record};
use crate::support::clock::Moment;
use std::time::Duration;

/// A failing cloud is asked again after a second at first, after half a minute at last.
pub(crate) const AFTER_FAILURE: Growth =
    Growth { first: Duration::from_secs(1), most: Duration::from_secs(30) };

/// How long credentials that may be wrong are not sent again, from `login_hold_s` on.
pub(crate) fn hold_growth(first: Duration) -> Growth {
    Growth { first, most: LONGEST_HOLD }
}

impl Record {
    /// Holds the credentials back after the cloud rejected them. Gives the error to tell callers.
    pub fn hold(&mut self, error: Error, growth: Growth, now: Moment) -> Error {
        let count = self.hold.as_ref().map_or(1, |hold| hold.count.saturating_add(1));
        let wait = doubled(growth, count);
        let error = error.with_retry_after(Some(wait));
        self.hold = Some(Hold { until: now.after(wait), count, error: error.clone() });
        error
    }

    /// Holds off after a failure that says nothing of the credentials. `in_doubt`: the call may
    /// have been carried out. Gives the error to tell callers.
    pub fn pause(&mut self, error: Error, in_doubt: bool, growth: Growth, now: Moment) -> Error {
        let count = self.pause.as_ref().map_or(1, |pause| pause.count.saturating_add(1));
        // Half of it is sure, so that it is a pause; half is chance, so that a fleet spreads.
        let chosen = (doubled(growth, count) + backoff(count, growth)) / 2;
        let asked = error.retry_after();
        let wait = asked.unwrap_or(chosen);
        let strict = match error.status() {
            // A caller's haste is its own, and the next may have more time. But a password that is
            // sent again and again, and never waited for, is still looked at each time.
            Status::Timeout | Status::Cancelled => in_doubt && count > 2,
            // Where nothing reached the cloud, nothing there needs sparing: a gateway whose network
            // comes back must not wait for us. Only early renewals hold off.
            _ => in_doubt || error.http_status().is_some(),
        };
        let error = if strict { error.with_retry_after(Some(wait)) } else { error };
        let (until, asked) = (now.after(wait), asked.is_some());
        self.pause = Some(Pause { until, count, error: error.clone(), strict, asked });
        error
    }

    /// Whether three tries in a row have failed, and four more each time this is asked again.
    pub fn fails_again_and_again(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.count % 4 == 3)
    }

    /// Why no token call may be made now, if it may not.
    pub fn may_call(&self, now: Moment) -> Result<()> {
        match self.paused(now).filter(|(pause, _)| pause.strict) {
            Some((pause, left)) => Err(pause.error.clone().with_retry_after(Some(left))),
            None => Ok(()),
        }
    }

    /// Why no login may be sent now, if it may not.
    pub fn may_log_in(&self, now: Moment) -> Result<()> {
        match self.held(now) {
            Some((hold, left)) => Err(on_hold(hold, left)),
            None => Ok(()),
        }
    }
}

fn on_hold(hold: &Hold, left: Duration) -> Error {
    let error = Error::new(
        Status::LoginOnHold,
        format!(
            "no login for another {} s, since the credentials were rejected ({}); correct them, or call forget",
            left.as_secs().max(1),
            hold.error.message()
        ),
    );
    error
        .with_provider_code(hold.error.provider_code().map(str::to_string))
        .with_retry_after(Some(left))
}
