//! Headers of an answer that keyfob itself reads: `Date`, the cloud's clock, and `Retry-After`.

use super::message::Answer;
use crate::support::clock::{Clock, UnixSeconds};
use std::time::{Duration, UNIX_EPOCH};

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
    fn retry_after_is_read_in_both_forms_for_a_day_at_most() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let seconds = |text| parse_retry_after(text, now).map(|d| d.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(seconds("99999999999999999999999"), Some(86_400));
        for bad in ["", "-1", "1.5", "soon", "1e3", " 0 ", "Sun, 06 Nov 1994 08:00:00 GMT"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
