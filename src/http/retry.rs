//! When to try again: what may be repeated, how long to wait, and for how long at most.
//!
//! Trying again is right where it cannot do harm and may help. Whether it can do harm is the
//! caller's to say ([`Repeat`]); whether it may help, the answer says. How long is bounded three
//! times: by the number of tries, by the call's deadline, and by what the cloud asks for.

use crate::error::Status;
use crate::http::headers::{date, retry_after};
use crate::http::message::{Answer, Fault};
use crate::support::call::Call;
use crate::support::clock::Clock;
use crate::support::crypto::random;
use std::time::Duration;

/// What sending a request twice could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing: the method is idempotent (RFC 9110 9.2.2), or the caller says so.
    Safe,
    /// A second effect. So it is repeated only where the cloud cannot have carried it out: a
    /// password counts towards a lockout each time it is looked at, and a POST may create each
    /// time.
    Unheard,
    /// A refresh. An answer that was lost after the cloud rotated is asked for once more: the old
    /// refresh token is the only one there is.
    Refresh,
    /// A second effect, and the caller repeats it at a pace that the cloud has set.
    ByCaller,
}

/// How often to try, and how patiently.
pub(crate) struct Retry<'a> {
    /// Its deadline and cancellation end the waits between tries, too.
    pub call: &'a Call,
    /// Set right by the `Date` of each answer. A manual one is wound instead of waited for.
    pub clock: &'a Clock,
    /// How many times in all, the first included.
    pub attempts: u32,
    pub repeat: Repeat,
    /// Whether the body could go out once more. Asked before each repetition.
    pub repeatable: &'a dyn Fn() -> bool,
}

impl Retry<'_> {
    /// Sends until there is an answer worth having, or until there is no use or no time in trying
    /// again. Then the last answer or fault is given.
    ///
    /// Waits as long as the cloud asks (`Retry-After`) and some chance longer, else by
    /// [`backoff`]. Every answer's `Date` sets the clock.
    pub fn run(&self, mut send: impl FnMut() -> Result<Answer, Fault>) -> Result<Answer, Fault> {
        let mut lost = 0;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = send();
            if let Some(date) = outcome.as_ref().ok().and_then(date) {
                self.clock.hear(date);
            }
            lost += u32::from(outcome.as_ref().is_err_and(|fault| fault.sent));
            if attempt >= self.attempts || !self.may_repeat(&outcome, lost) || !(self.repeatable)()
            {
                return outcome;
            }
            let asked = outcome.as_ref().ok().and_then(|a| retry_after(a, self.clock));
            let wait = match asked {
                // That is the earliest moment: clients that were told the same must not come at once.
                Some(asked) => asked + chance((asked / 4).max(AT_LEAST)),
                None => backoff(attempt, INSIDE_A_CALL),
            };
            if self.call.remaining().map_or(true, |left| wait >= left)
                || self.clock.sleep(wait, self.call).is_err()
            {
                return outcome;
            }
        }
    }

    /// Whether trying again cannot do harm and may help. `lost` counts the tries that left this
    /// machine and were not answered.
    ///
    /// ```text
    ///                           Safe      Refresh       Unheard
    /// not sent (Network)        again     again         again
    /// sent, no answer           again     once more     no
    /// 429                       again     again         again
    /// 500, 502, 503, 504        again     again         no
    /// any other answer          no        no            no
    /// ```
    ///
    /// A fault that is not of the network, such as TLS or the call's end, is not tried again, and
    /// neither is what the caller repeats itself ([`Repeat::ByCaller`]).
    fn may_repeat(&self, outcome: &Result<Answer, Fault>, lost: u32) -> bool {
        match outcome {
            _ if self.repeat == Repeat::ByCaller => false,
            Ok(answer) if self.repeat == Repeat::Unheard => answer.status == 429,
            Ok(answer) => matches!(answer.status, 429 | 500 | 502 | 503 | 504),
            Err(fault) if fault.error.status() != Status::Network => false,
            Err(fault) if !fault.sent => true,
            Err(_) => match self.repeat {
                Repeat::Safe => true,
                Repeat::Refresh => lost < 2,
                Repeat::Unheard | Repeat::ByCaller => false,
            },
        }
    }
}

/// How waits grow: `first` is the first, and doubling ends at `most`.
#[derive(Clone, Copy)]
pub(crate) struct Growth {
    /// The first wait, or its upper bound where chance cuts it.
    pub first: Duration,
    /// The longest.
    pub most: Duration,
}

/// What chance adds at least to the wait that a cloud asks for, inside a call.
const AT_LEAST: Duration = Duration::from_secs(1);

/// Between tries of one call: the caller is waiting.
pub(crate) const INSIDE_A_CALL: Growth =
    Growth { first: Duration::from_millis(250), most: Duration::from_secs(5) };

/// Exponential backoff with full jitter: anywhere from nothing to what doubling has reached.
/// Clients that failed together must not come back together. `attempt` counts from 1.
pub(crate) fn backoff(attempt: u32, growth: Growth) -> Duration {
    doubled(growth, attempt).mul_f64(random_fraction())
}

/// The first wait after `attempt - 1` doublings, at most `growth.most`.
pub(crate) fn doubled(growth: Growth, attempt: u32) -> Duration {
    growth.first.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(growth.most)
}

/// Any time from nothing up to `most`.
pub(crate) fn chance(most: Duration) -> Duration {
    most.mul_f64(random_fraction())
}

/// From 0 to 1.
pub(crate) fn random_fraction() -> f64 {
    // Without randomness the wait is the longest: slow, never a stampede.
    let bytes = random(4).map_or([u8::MAX; 4], |bytes| [bytes[0], bytes[1], bytes[2], bytes[3]]);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backoff_doubles_and_stays_within_its_bounds() {
        let growth = Growth { first: Duration::from_secs(1), most: Duration::from_secs(30) };
        let doubled: Vec<u64> = (1..=7).map(|n| doubled(growth, n).as_secs()).collect();
        assert_eq!(doubled, [1, 2, 4, 8, 16, 30, 30]);
        assert!((0..200).all(|n| backoff(n, growth) <= growth.most));
    }
}
