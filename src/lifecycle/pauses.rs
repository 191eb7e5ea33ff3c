//! Sparing the cloud: after a failure that says nothing of the credentials, or because it asked for
//! quiet, no token call is made for a while. Everything is kept meanwhile.
//!
//! A pause is part of the record, so that all clients of an identity heed it. One that the cloud
//! asked for (`Retry-After`, RFC 9110 10.2.3) is the earliest moment, never the exact one: a fleet
//! that was told the same time must not come back at once.

use crate::error::{Error, Result, Status};
use crate::http::retry::{Growth, backoff, chance};
use crate::model::record::{Pause, Record};
use crate::support::clock::Moment;
use std::time::Duration;

/// How a pause grows while a good token is at hand: nobody waits for the next try, and short pauses
/// leave many tries before the token ends.
const WITH_A_TOKEN: Growth =
    Growth { first: Duration::from_secs(1), most: Duration::from_secs(30) };

/// How a pause grows once there is no good token: everybody waits, but so may a million others.
const WITHOUT_A_TOKEN: Growth =
    Growth { first: Duration::from_secs(1), most: Duration::from_secs(300) };

/// The most that chance adds to what the cloud asks for: a quarter of it, and half a minute at
/// least.
fn spread(asked: Duration) -> Duration {
    (asked / 4).max(Duration::from_secs(30))
}

/// How long to wait after so many failures in a row. Full jitter (anything up to the bound): those
/// who failed together come back apart.
pub(super) fn wait(count: u32, has_token: bool) -> Duration {
    let growth = if has_token { WITH_A_TOKEN } else { WITHOUT_A_TOKEN };
    // Never no time at all: a caller in a loop is no better than a fleet.
    backoff(count, growth).max(Duration::from_millis(50))
}

/// A failure that makes a pause.
pub(super) struct Failed {
    pub error: Error,
    /// The call may have been carried out though no good answer came: it may count at the cloud.
    pub in_doubt: bool,
    /// The moment before which nothing may be sent anyway, by `holds::not_before`; `START` for
    /// none.
    pub not_before: Moment,
}

/// Pauses after a failure: notes in the record how long, and gives the error to tell callers, with
/// `retry_after` where calls without a good token have to wait, too. Under the lead.
pub(super) fn pause(record: &mut Record, failed: Failed, now: Moment) -> Error {
    let Failed { error, in_doubt, not_before } = failed;
    let count = record.pause.as_ref().map_or(1, |pause| pause.count.saturating_add(1));
    let has_token = record.token.as_ref().is_some_and(|token| now < token.expires());
    let asked = error.retry_after();
    let mut wait = match asked {
        Some(asked) => asked + chance(spread(asked)),
        None => wait(count, has_token),
    };
    let bound = not_before.since(now);
    if !bound.is_zero() {
        wait = wait.max(bound + chance(spread(bound)));
    }
    let strict = match error.status() {
        // A timeout says something of this caller's deadline, not of the cloud. After the third
        // unanswered call we pause anyway: each may count towards a lockout.
        Status::Timeout | Status::Cancelled => in_doubt && count > 2,
        // Where nothing reached the cloud, nothing there needs sparing: a gateway whose network
        // comes back must not wait for us. Only early renewals hold off.
        _ => in_doubt || error.http_status().is_some(),
    };
    let error = if strict { error.with_retry_after(Some(wait)) } else { error };
    let (until, asked) = (now.after(wait), asked.is_some());
    record.pause = Some(Pause { until, count, error: error.clone(), strict, asked });
    error
}

/// Why no token call may be made now, if it may not. A pause that is not strict keeps from early
/// renewals alone, which ask for it themselves.
pub(super) fn may_call(record: &Record, now: Moment) -> Result<()> {
    match record.paused(now).filter(|(pause, _)| pause.strict) {
        Some((pause, left)) => Err(pause.error.clone().with_retry_after(Some(left))),
        None => Ok(()),
    }
}

/// Whether the third try in a row has failed, or the seventh, the eleventh: then discovered
/// endpoints may have moved, and are looked for again.
pub(super) fn fails_again_and_again(record: &Record) -> bool {
    record.pause.as_ref().is_some_and(|pause| pause.count % 4 == 3)
}
