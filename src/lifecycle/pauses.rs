//! Sparing the cloud: after a failure that says nothing of the credentials, or because it asked for
//! quiet, no token call is made for a while. Everything is kept meanwhile.
//!
//! A pause is part of the record, so that all clients of an identity heed it. One that the cloud
//! asked for (`Retry-After`, RFC 9110 10.2.3) is the earliest moment, never the exact one: a fleet
//! that was told the same time must not come back at once.

use crate::error::{Error, Result, Status};
use crate::http::retry::{Growth, backoff, random_fraction};
use crate::model::record::{Pause, Record};
use crate::support::clock::Moment;
use std::time::Duration;

/// The least and the most that chance has to choose from. The most makes a pause of five minutes in the
/// mean: a million gateways without a token then ask 3,300 times a second, and no more when it is over.
const BRIEF: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(600);

/// The least while a good token is at hand: nobody waits for the next try.
const UNHURRIED: Duration = Duration::from_secs(30);

/// The wait of a thread that finds its token still due, though nothing failed.
const AT_REST: Growth = Growth { first: BRIEF, most: Duration::from_secs(30) };

/// How long a renewing thread rests after so many tries that left its token due and made no pause.
pub(super) fn rest(count: u32) -> Duration {
    backoff(count, AT_REST).max(SHORTEST)
}

/// Never no time at all: a caller in a loop is no better than a fleet.
const SHORTEST: Duration = Duration::from_millis(50);

/// How far chance may put the next try after another failure: full jitter, so that those who failed
/// together come back apart. `before` is what it was after the failure before, zero for the first;
/// `left` is what is left of the token. It grows faster while there is one.
pub(crate) fn bound(before: Duration, left: Duration) -> Duration {
    let (factor, least) = if left.is_zero() { (2, BRIEF) } else { (4, UNHURRIED) };
    (before * factor).clamp(least, MOST)
}

/// How long to wait after a failure, by a number from 0 to 1 that chance gives. What the cloud asks for
/// is the earliest moment. Without its word there is one more try before a good token ends: the cloud
/// may be well by then, and the token's end would be a fault to see.
pub(crate) fn wait(
    asked: Option<Duration>,
    bound: Duration,
    left: Duration,
    chance: f64,
) -> Duration {
    match asked {
        Some(asked) => asked + (asked / 4).max(UNHURRIED).max(bound).mul_f64(chance),
        None if left.is_zero() => bound.mul_f64(chance).max(SHORTEST),
        None => bound.min(left.max(UNHURRIED)).mul_f64(chance).max(SHORTEST),
    }
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
    let left = record.token.as_ref().map_or(Duration::ZERO, |token| token.expires().since(now));
    let before = record.pause.as_ref().map_or(Duration::ZERO, |pause| pause.bound);
    let bound = bound(before, left);
    let asked = error.retry_after();
    let mut pause = wait(asked, bound, left, random_fraction());
    let barred = not_before.since(now);
    if !barred.is_zero() {
        pause = pause.max(wait(Some(barred), Duration::ZERO, left, random_fraction()));
    }
    let strict = match error.status() {
        // A timeout says something of this caller's deadline, not of the cloud. After the third
        // unanswered call we pause anyway: each may count towards a lockout.
        Status::Timeout | Status::Cancelled => in_doubt && count > 2,
        // Where nothing reached the cloud, nothing there needs sparing: a gateway whose network
        // comes back must not wait for us. Only early renewals hold off.
        _ => in_doubt || error.http_status().is_some(),
    };
    let error = if strict { error.with_retry_after(Some(pause)) } else { error };
    let (until, asked) = (now.after(pause), asked.is_some());
    record.pause = Some(Pause { until, count, bound, error: error.clone(), strict, asked });
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
