//! Holding a secret back. What was rejected, or may have been, is not sent again for a while that
//! doubles; what came to nothing is sent seldom enough that no lockout is reached by it.
//!
//! Some clouds lock an account after five tries in ten minutes, fail meanwhile, and count the tries
//! made then: whoever goes on at the pace of a network fault locks it for ever.
//!
//! ```text
//! rejected               60 s (login_hold_s), 120 s, 240 s ... 1 h
//! perhaps rejected       the first time a pause as after a fault, then as rejected
//! sent, no good answer   4 in ten minutes, 15 in an hour
//! ```
//!
//! These functions change a value and ask no clock. `store/attempt_log.rs` keeps the value for each
//! secret: a login that works and `forget` clear it there, and new credentials have one of their
//! own.

use crate::error::{Error, Result, Status};
use crate::http::retry::{Growth, doubled};
use crate::model::attempts::{Attempts, Hold, LONGEST_HOLD, MOST_FRUITLESS};
use crate::support::clock::Moment;
use std::time::Duration;

/// The times that clouds count tries in.
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// How often a secret is sent to no avail, and within what time. The lockouts that clouds document
/// begin at five tries in ten minutes.
const MOST_IN_VAIN: [(usize, Duration); 2] =
    [(4, MINUTE.saturating_mul(10)), (MOST_FRUITLESS, HOUR)];

/// The shortest first hold of what only may have been rejected, whatever `login_hold_s` says: it
/// doubles from there, which makes no more than twelve tries in the first hour.
const FIRST_DOUBT: Duration = Duration::from_secs(5);

/// The cloud rejected the secret: no login with it for `first` (the option `login_hold_s`), doubled
/// for each rejection in a row.
pub(super) fn reject(attempts: &mut Attempts, error: &Error, first: Duration, now: Moment) {
    let count = attempts.hold.as_ref().map_or(1, |hold| hold.count.saturating_add(1));
    let until = now.after(doubled(Growth { first, most: LONGEST_HOLD }, count));
    attempts.hold = Some(Hold { until, count, error: error.clone() });
}

/// The cloud may have rejected it: a 4xx that no rule of the profile knows, or a success without a
/// token. The first time is taken for a mishap, every other for a rejection.
pub(super) fn doubt(attempts: &mut Attempts, error: &Error, first: Duration, now: Moment) {
    attempts.doubts = attempts.doubts.saturating_add(1);
    if attempts.doubts > 1 {
        reject(attempts, error, first.max(FIRST_DOUBT), now);
    }
}

/// It was sent to no avail: the cloud failed, or its answer did not come. `error` is what callers
/// are told while it must not be sent. Moments older than an hour bound nothing and go.
pub(super) fn sent_in_vain(attempts: &mut Attempts, error: &Error, now: Moment) {
    attempts.fruitless.retain(|sent| now < sent.after(HOUR));
    attempts.fruitless.push(now);
    let surplus = attempts.fruitless.len().saturating_sub(MOST_FRUITLESS);
    attempts.fruitless.drain(..surplus);
    attempts.fault = Some(error.clone());
}

/// When what came to nothing may be sent again; `START` for at once. For each bound it is the
/// moment of the earliest sending that still counts, plus the bound's time.
pub(super) fn not_before(attempts: &Attempts) -> Moment {
    let sent = &attempts.fruitless;
    let bound = |(most, time): (usize, Duration)| {
        let first_of_them = sent.len().checked_sub(most)?;
        Some(sent.get(first_of_them)?.after(time))
    };
    MOST_IN_VAIN.into_iter().filter_map(bound).max().unwrap_or(Moment::START)
}

/// Why the secret may not be sent now, if it may not: `LOGIN_ON_HOLD` after a rejection, else the
/// error that it came to nothing with. Each has a `retry_after`. Asked before every login.
pub(super) fn may_send(attempts: &Attempts, now: Moment) -> Result<()> {
    if let Some((hold, left)) = attempts.held(now) {
        return Err(on_hold(hold, left));
    }
    let left = not_before(attempts).since(now);
    match &attempts.fault {
        Some(fault) if !left.is_zero() => Err(too_often(fault, left)),
        _ => Ok(()),
    }
}

/// What callers are told of a hold. An error that was no plain rejection stays as it was: it says
/// more than that there is a hold.
fn on_hold(hold: &Hold, left: Duration) -> Error {
    let error = &hold.error;
    if error.status() != Status::CredentialsRejected {
        return error.clone().with_retry_after(Some(left));
    }
    let what = format!(
        "no login for another {} s, since the credentials were rejected ({}); correct them, or call forget",
        left.as_secs().max(1),
        error.message()
    );
    Error::new(Status::LoginOnHold, what)
        .with_provider_code(error.provider_code().map(str::to_string))
        .with_provider_message(error.provider_message().map(str::to_string))
        .with_retry_after(Some(left))
}

/// What callers are told where the secret was sent to no avail too often: the fault, and why we
/// wait.
fn too_often(fault: &Error, left: Duration) -> Error {
    let what = format!(
        "{}; tries may count towards a lockout, so no login for another {} s",
        fault.message(),
        left.as_secs().max(1)
    );
    let error = Error::new(fault.status(), what);
    let error = error
        .with_provider_code(fault.provider_code().map(str::to_string))
        .with_provider_message(fault.provider_message().map(str::to_string));
    let error = match fault.http_status() {
        Some(status) => error.with_http_status(status),
        None => error,
    };
    error.with_retry_after(Some(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: Status) -> Error {
        Error::new(status, "x")
    }

    /// At which seconds of the first hours the secret is sent, if it is sent as soon as it may be.
    fn sent(hours: u64, fail: impl Fn(&mut Attempts, Moment)) -> Vec<u64> {
        let mut attempts = Attempts::default();
        let at = |second: u64| Moment(0).after(Duration::from_secs(second));
        let mut sent = Vec::new();
        for second in 0..hours * 3600 {
            if may_send(&attempts, at(second)).is_ok() {
                fail(&mut attempts, at(second));
                sent.push(second);
            }
        }
        sent
    }

    fn most_within(sent: &[u64], time: u64) -> usize {
        let within = |from: u64| sent.iter().filter(|s| (from..from + time).contains(s)).count();
        sent.iter().map(|from| within(*from)).max().unwrap_or(0)
    }

    #[test]
    fn what_comes_to_nothing_is_sent_four_times_in_ten_minutes() {
        let error = error(Status::ServerError);
        let sent = sent(24, |attempts, now| sent_in_vain(attempts, &error, now));
        assert_eq!(most_within(&sent, 600), 4);
        assert_eq!(most_within(&sent, 3600), 15);
        assert!(sent.len() > 24 * 14, "and it goes on: {}", sent.len());
    }

    #[test]
    fn what_may_be_a_rejection_is_sent_twelve_times_in_an_hour() {
        let error = error(Status::UnexpectedAnswer);
        for first in [1, 5, 60, 3600] {
            let first = Duration::from_secs(first);
            let sent = sent(24, |attempts, now| doubt(attempts, &error, first, now));
            assert!(sent.iter().filter(|second| **second < 3600).count() <= 12, "{first:?}");
            assert!(sent.len() <= 12 + 24, "then once an hour: {}", sent.len());
        }
    }

    #[test]
    fn a_hold_doubles_from_a_minute_to_an_hour() {
        let error = error(Status::CredentialsRejected);
        let sent = sent(4, |attempts, now| reject(attempts, &error, MINUTE, now));
        assert_eq!(sent, [0, 60, 180, 420, 900, 1860, 3780, 7380, 10_980]);
    }
}
