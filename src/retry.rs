//! When to try again: what may be repeated, how long to wait, and for how long at most.

use crate::call::Call;
use crate::clock::{Clock, UnixSeconds};
use crate::error::Status;
use crate::http::{Answer, Fault};
use std::time::{Duration, UNIX_EPOCH};

/// What sending a request twice could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing: the method is idempotent (RFC 9110 9.2.2), or the caller says so.
    Safe,
    /// A second effect. Only what the cloud cannot have carried out is repeated: a password counts
    /// towards a lockout each time it is looked at, and a POST may create each time.
    Unheard,
    /// A refresh. An answer that was lost after the cloud rotated is asked for once more: the old
    /// token is the only one there is.
    Refresh,
}

/// How often and how patiently.
pub(crate) struct Retry<'a> {
    pub call: &'a Call,
    pub clock: &'a Clock,
    pub attempts: u32,
    pub repeat: Repeat,
}

impl Retry<'_> {
    /// Sends until there is an answer worth having, or no use or no time in trying again.
    pub fn run(&self, mut send: impl FnMut() -> Result<Answer, Fault>) -> Result<Answer, Fault> {
        let mut lost = 0;
        for attempt in 1.. {
            let outcome = send();
            lost += u32::from(outcome.as_ref().is_err_and(|fault| fault.sent));
            if attempt >= self.attempts || !self.may_repeat(&outcome, lost) {
                return outcome;
            }
            let asked = outcome.as_ref().ok().and_then(|a| retry_after(a, self.clock));
            let wait = asked.unwrap_or_else(|| backoff(attempt, INSIDE_A_CALL));
            if self.call.remaining().map_or(true, |left| wait >= left)
                || self.clock.sleep(wait, self.call).is_err()
            {
                return outcome;
            }
        }
        unreachable!("the loop above ends by returning")
    }

    fn may_repeat(&self, outcome: &Result<Answer, Fault>, lost: u32) -> bool {
        match outcome {
            Ok(answer) if self.repeat == Repeat::Unheard => answer.status == 429,
            Ok(answer) => matches!(answer.status, 429 | 500 | 502 | 503 | 504),
            Err(fault) if fault.error.status() != Status::Network => false,
            Err(fault) if !fault.sent => true,
            Err(_) => match self.repeat {
                Repeat::Safe => true,
                Repeat::Refresh => lost < 2,
                Repeat::Unheard => false,
            },
        }
    }
}

/// The least and the most a wait grows to.
#[derive(Clone, Copy)]
pub(crate) struct Growth {
    pub first: Duration,
    pub most: Duration,
}

pub(crate) const INSIDE_A_CALL: Growth =
    Growth { first: Duration::from_millis(250), most: Duration::from_secs(5) };

/// Exponential backoff with full jitter: anywhere from nothing to what doubling has reached.
pub(crate) fn backoff(attempt: u32, growth: Growth) -> Duration {
    doubled(growth, attempt).mul_f64(random_fraction())
}

/// What `attempt` doublings make of the first wait.
pub(crate) fn doubled(growth: Growth, attempt: u32) -> Duration {
    growth.first.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(growth.most)
}

fn random_fraction() -> f64 {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 4];
    // Without randomness the wait is the longest: slow, never a stampede.
    match ring::rand::SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// The cloud's time of an answer, by its `Date` header.
pub(crate) fn date(answer: &Answer) -> Option<UnixSeconds> {
    http_date(answer.header("date")?)
}

fn http_date(text: &str) -> Option<UnixSeconds> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs() as UnixSeconds)
}

/// `Retry-After` in seconds or as a date (RFC 9110 10.2.3), a date by the cloud's own clock. More
/// than a day is taken as a day: a typing fault at the cloud must not silence a gateway for good.
pub(crate) fn retry_after(answer: &Answer, clock: &Clock) -> Option<Duration> {
    let now = date(answer).unwrap_or_else(|| clock.wall());
    parse_retry_after(answer.header("retry-after")?, now)
}

fn parse_retry_after(text: &str, now: UnixSeconds) -> Option<Duration> {
    const DAY: u64 = 86_400;
    let text = text.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().unwrap_or(u64::MAX)
    } else {
        u64::try_from(http_date(text)? - now).unwrap_or(0)
    };
    // No time at all is no answer to when: our own backoff is.
    (seconds > 0).then(|| Duration::from_secs(seconds.min(DAY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_never_for_longer_than_a_day() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let seconds = |text| parse_retry_after(text, now).map(|d| d.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(seconds("99999999999999999999999"), Some(86_400));
        for bad in ["", "-1", "1.5", "soon", "1e3", " 0 ", "Sun, 06 Nov 1994 08:00:00 GMT"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_backoff_doubles_and_stays_within_its_bounds() {
        let growth = Growth { first: Duration::from_secs(1), most: Duration::from_secs(30) };
        let doubled: Vec<u64> = (1..=7).map(|n| doubled(growth, n).as_secs()).collect();
        assert_eq!(doubled, [1, 2, 4, 8, 16, 30, 30]);
        assert!((0..200).all(|n| backoff(n, growth) <= growth.most));
    }
}
