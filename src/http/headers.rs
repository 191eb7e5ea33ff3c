//! Headers that keyfob itself reads or sets: `Date`, the cloud's clock, `Retry-After`, and those
//! that are the connection's own.
//!
//! What servers write is read with care: a date that is none, or a wait of a year, must not break
//! or silence a gateway.

use super::message::Answer;
use crate::support::clock::{Clock, UnixSeconds};
use std::time::{Duration, UNIX_EPOCH};

/// Whether this can be a header's name or a method: a "token" of RFC 9110 5.6.2, not an access
/// token.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether a header can carry this: no control character but the tab (RFC 9110 5.5). A line end
/// would begin another header.
pub(crate) fn is_value(text: &str) -> bool {
    text.bytes().all(|b| b == b'\t' || (b >= b' ' && b != 0x7f))
}

/// Whether a header belongs to the connection (RFC 9110 7.6.1) or to a proxy. Callers and
/// profiles may not set it: it could end the request early for a server and not for us.
pub(crate) fn is_of_the_connection(name: &str) -> bool {
    const THESE: [&str; 10] = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "upgrade",
        "te",
        "trailer",
    ];
    THESE.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The cloud's time of an answer, in seconds since 1970, by its `Date` header (RFC 9110 6.6.1).
pub(crate) fn date(answer: &Answer) -> Option<UnixSeconds> {
    http_date(answer.header("date")?)
}

/// A date in any of the three forms of RFC 9110 5.6.7; `None` before 1970.
fn http_date(text: &str) -> Option<UnixSeconds> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs() as UnixSeconds)
}

const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

/// How long to wait by `Retry-After`, in seconds or as a date (RFC 9110 10.2.3). `None` where
/// there is none, or none that makes sense.
///
/// A date is by the cloud's own clock: the answer's `Date`, or the time that a cloud last told.
/// More than a day is taken as a day, since a typing fault at the cloud must not silence a
/// gateway for good. Where only this machine's clock is left, which may say 1970, a date counts
/// for an hour at most.
pub(crate) fn retry_after(answer: &Answer, clock: &Clock) -> Option<Duration> {
    let (now, most) = match date(answer).or_else(|| clock.told()) {
        Some(told) => (told, DAY),
        None => (clock.wall(), HOUR),
    };
    parse_retry_after(answer.header("retry-after")?, now, most)
}

/// `now`: the cloud's time. `most`: the longest that a date is believed, in seconds.
fn parse_retry_after(text: &str, now: UnixSeconds, most: u64) -> Option<Duration> {
    let text = text.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().unwrap_or(u64::MAX)
    } else {
        u64::try_from(http_date(text)?.saturating_sub(now)).unwrap_or(0).min(most)
    };
    // Zero does not say when to come back: our own backoff does.
    (seconds > 0).then(|| Duration::from_secs(seconds.min(DAY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_for_a_day_at_most() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let seconds = |text| parse_retry_after(text, now, DAY).map(|d| d.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(seconds("99999999999999999999999"), Some(86_400));
        for bad in ["", "-1", "1.5", "soon", "1e3", " 0 ", "Sun, 06 Nov 1994 08:00:00 GMT"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
