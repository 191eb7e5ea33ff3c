//! An access token, how long it lives, and when to renew it.
//!
//! Clouds tell a lifetime in many ways: seconds from now, a moment in seconds or milliseconds, a
//! date, the claims of a JWT. All of them become one duration here, from the moment the token was
//! asked for. What cannot be right becomes `None`, never a panic: the text is a server's.
//!
//! ```text
//! asked for       a quarter                        the window: `renew_before_s`, or a tenth
//!    |------------------|-----------------------------|---- in turn ----|---------------| expires
//!                       |-------- out of turn --------|
//! ```

use crate::http::message::MOST_HEADER;
use crate::support::clock::{CloudTime, Moment, UnixSeconds};
use crate::support::date::Date;
use crate::support::json::Value;
use crate::support::json::document::Document;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::time::Duration;
use zeroize::Zeroizing;

/// What a cloud issued, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The access token: what requests carry.
    pub access: Secret,
    /// The refresh token of the same answer; moved into the record when the token is accepted.
    pub refresh: Option<Secret>,
    /// The name of the login that it goes back to, however often it was refreshed since.
    pub login: String,
    /// Whom it is for, where the cloud or the token itself says so. For the status, not for
    /// decisions.
    pub principal: Option<String>,
    /// Further values of the answer that requests must carry with it, by the names the profile
    /// gives them.
    pub saved: Ordered<Secret>,
    /// What was granted (RFC 6749 5.1), where the answer says so. For the status.
    pub scope: Option<String>,
    /// What else the answers that gave it hold, as a JSON object without the tokens, where the profile
    /// keeps it. Some of it may be secret.
    pub answer: Option<Secret>,
    /// When it was asked for. Its age is counted from here, so it is never taken for younger than
    /// it is.
    pub issued: Moment,
    /// When it was issued, by the cloud's clock (`Date`): what its age is told by after a reboot.
    pub date: Option<UnixSeconds>,
    /// How long it is good, from `issued` on. `None`: for ever, or until the cloud refuses it.
    pub lifetime: Option<Duration>,
    /// Whether it is bound to the record's `proof_key`: each request proves that this client has it
    /// (DPoP, RFC 9449).
    pub bound: bool,
    /// Whether it was issued at another moment than its own in the renewal window: at a login,
    /// after an outage, in the place of one that an API refused. A whole fleet may have got one
    /// then.
    pub out_of_turn: bool,
}

/// The time before a token's end in which it is renewed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RenewalWindow {
    /// The option `renew_before_s`.
    pub before: Duration,
    /// From 0 to 1, the same for one identity on one machine always: spreads a fleet.
    pub place: f64,
    /// Likewise, for a token that was issued out of turn. Were it the same number, those who come last in
    /// one round would meet those who come first in the next, hours later.
    pub first_place: f64,
    /// Whether a token that was issued out of turn is renewed at any moment from a quarter of its
    /// lifetime on. Not where the user says when tokens are to be renewed.
    pub spreads: bool,
}

impl RenewalWindow {
    /// How long after its issue a token is renewed.
    ///
    /// In turn: in the first half of the window, which is the smaller of `before` and a tenth of
    /// the lifetime. Out of turn: between a quarter of the lifetime and the window, so that
    /// gateways which got one at the same moment part here for good.
    pub fn renewal_after(&self, lifetime: Duration, out_of_turn: bool) -> Duration {
        let width = self.before.min(lifetime / 10);
        if out_of_turn && self.spreads {
            let quarter = lifetime / 4;
            return quarter + (lifetime - quarter - width).mul_f64(self.first_place);
        }
        lifetime - width.mul_f64(1.0 - self.place / 2.0)
    }
}

impl Token {
    /// The cloud's time that came with it. It is taken to be the time at which the token was
    /// asked for, so the cloud's clock is a little ahead: a token is taken for too old, never for
    /// too young.
    pub fn time(&self) -> Option<CloudTime> {
        self.date.map(|date| CloudTime { date, seen: self.issued })
    }

    /// Whether it was issued before that one: by the cloud's clock, where both have its date.
    pub fn is_older_than(&self, that: &Token) -> bool {
        match (self.date, that.date) {
            (Some(date), Some(than)) => date < than,
            _ => self.issued < that.issued,
        }
    }

    /// The moment at which it ends; `Moment::NEVER` where it has no end.
    pub fn expires(&self) -> Moment {
        self.lifetime.map_or(Moment::NEVER, |lifetime| self.issued.after(lifetime))
    }

    /// The moment from which on it is due.
    pub fn renew_at(&self, window: RenewalWindow) -> Moment {
        let after = |lifetime| window.renewal_after(lifetime, self.out_of_turn);
        self.lifetime.map_or(Moment::NEVER, |lifetime| self.issued.after(after(lifetime)))
    }
}

/// The longest token, in bytes: half of a header, which leaves room for what a profile puts
/// beside it.
pub(crate) const MOST_TOKEN: usize = MOST_HEADER / 2;

/// Whether this can be a token: visible ASCII. RFC 6749 A.12 would also let it have blanks, but
/// no Bearer header can carry one (RFC 6750 2.1). Anything else would end the header and begin
/// another.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=MOST_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A lifetime as clouds write it: seconds as a number or a text, fractions cut off.
///
/// Some clouds write the moment of the end there instead. A number of more than ten years that
/// reads as a moment of the next ten is that moment, in seconds or milliseconds since 1970. More
/// than a century is for ever: some clouds overflow.
///
/// `None` is no lifetime; `Some(None)` is for ever.
///
/// ```text
/// 3600            an hour            1795003600      until that second
/// "3599.9"        3599 s             1795003600999   until that millisecond
/// 2^63            for ever           0, -1, "soon"   none
/// ```
pub(crate) fn lifetime_of(value: &Value, now: UnixSeconds) -> Option<Option<Duration>> {
    const TEN_YEARS: f64 = 315_576_000.0;
    const CENTURY: f64 = 3_155_760_000.0;
    let number = value.whole()?;
    let until =
        |end: f64| (1.0..TEN_YEARS).contains(&(end - now as f64)).then_some(end - now as f64);
    let moment = until(number).or_else(|| until((number / 1000.0).trunc()));
    let seconds = moment.filter(|_| number > TEN_YEARS).unwrap_or(number);
    (1.0..=1e20)
        .contains(&seconds)
        .then(|| (seconds < CENTURY).then(|| Duration::from_secs(seconds as u64)))
}

/// The lifetime up to an end that a cloud names: in seconds or milliseconds since 1970, or as RFC
/// 3339 writes it. `now` is the cloud's time.
///
/// `None` is no time to come; `Some(None)` is for ever, which here is more than a century.
pub(crate) fn lifetime_until(value: &Value, now: UnixSeconds) -> Option<Option<Duration>> {
    // As seconds this is the year 5138; as milliseconds, 1973.
    const MILLIS: f64 = 1e11;
    const CENTURY: f64 = 3_155_760_000.0;
    let end = match (value.whole(), value.as_str()) {
        (Some(number), _) if number >= MILLIS => (number / 1000.0).trunc(),
        (Some(number), _) => number,
        (None, text) => Date::parse(text?)? as f64,
    };
    let seconds = end - now as f64;
    (seconds >= 1.0).then(|| (seconds < CENTURY).then(|| Duration::from_secs(seconds as u64)))
}

/// What a JWT says of itself (RFC 7519 4.1). Its signature is not checked: the token came over
/// TLS from whoever issued it, and what it says decides nothing but when to renew it and what the
/// status shows.
pub(crate) struct Claims(Zeroizing<Vec<u8>>);

impl Claims {
    /// The claims of a token that is a signed JWT (three parts, the second a JSON object); `None`
    /// for any other.
    pub fn of(token: &str) -> Option<Claims> {
        let payload = token.split('.').nth(1).filter(|_| token.split('.').count() == 3)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        Document::of(&bytes)?.is_object().then_some(Claims(Zeroizing::new(bytes)))
    }

    fn claim(&self, path: &str) -> Option<Value> {
        Document::of(&self.0)?.pointer(path)
    }

    /// Whom the token is about (`sub`).
    pub fn subject(&self) -> Option<String> {
        let text = |path: &str| {
            self.claim(path)?.as_str().filter(|text| !text.is_empty()).map(str::to_string)
        };
        text("/sub").or_else(|| text("/preferred_username"))
    }

    /// How long it is good: its `exp` less the cloud's time, or less its own `iat`. `None` where
    /// that is not between a second and 31 years.
    pub fn lifetime(&self, date: Option<UnixSeconds>) -> Option<Duration> {
        let claim = |path: &str| self.claim(path)?.whole();
        let from = date.map(|d| d as f64).or_else(|| claim("/iat"))?;
        let seconds = claim("/exp")? - from;
        (1.0..1e9).contains(&seconds).then(|| Duration::from_secs(seconds as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::json;

    fn token(lifetime: Option<u64>) -> Token {
        Token {
            access: "t".into(),
            saved: Ordered::default(),
            refresh: None,
            login: String::new(),
            principal: None,
            scope: None,
            answer: None,
            issued: Moment(0),
            date: None,
            lifetime: lifetime.map(Duration::from_secs),
            bound: false,
            out_of_turn: false,
        }
    }

    #[test]
    fn a_token_is_renewed_in_the_first_half_of_its_window() {
        let window = |place| RenewalWindow {
            before: Duration::from_secs(300),
            place,
            first_place: 0.0,
            spreads: true,
        };
        let at = |lifetime, place| token(Some(lifetime)).renew_at(window(place)).0 / 1_000_000_000;
        assert_eq!((at(7200, 0.0), at(7200, 1.0)), (6900, 7050));
        assert_eq!((at(600, 0.0), at(600, 1.0)), (540, 570));
        assert_eq!(token(None).renew_at(window(0.5)), Moment::NEVER);
    }

    #[test]
    fn a_token_out_of_turn_is_renewed_from_a_quarter_of_its_life_on() {
        let at = |lifetime: u64, place, spreads| {
            let window = RenewalWindow {
                before: Duration::from_secs(300),
                place,
                first_place: place,
                spreads,
            };
            let token = Token { out_of_turn: true, ..token(Some(lifetime)) };
            token.renew_at(window).0 / 1_000_000_000
        };
        assert_eq!((at(7200, 0.0, true), at(7200, 1.0, true)), (1800, 6900));
        assert_eq!((at(8, 0.0, true), at(8, 1.0, true)), (2, 7));
        // Whoever says when tokens are to be renewed has them renewed then.
        assert_eq!((at(7200, 0.0, false), at(7200, 1.0, false)), (6900, 7050));
    }

    #[test]
    fn lifetimes_are_read_as_clouds_write_them() {
        const NOW: i64 = 1_795_000_000;
        let read = |text: &str| lifetime_of(&json::parse(text.as_bytes()).unwrap(), NOW);
        let seconds = |text: &str| read(text).map(|l| l.map(|d| d.as_secs()));
        assert_eq!(seconds("3600"), Some(Some(3600)));
        assert_eq!(seconds("\"3600\""), Some(Some(3600)));
        assert_eq!(seconds("3599.9"), Some(Some(3599)));
        assert_eq!(seconds("3.6e3"), Some(Some(3600)));
        assert_eq!(seconds("2147483647"), Some(Some(2147483647)));
        assert_eq!(seconds("9223372036854775"), Some(None));
        assert_eq!(seconds("148478248144076800"), Some(None));
        // A moment: in an hour, in seconds and in milliseconds; in nine years; one that is over.
        assert_eq!(seconds("1795003600"), Some(Some(3600)));
        assert_eq!(seconds("\"1795003600\""), Some(Some(3600)));
        assert_eq!(seconds("1795003600999"), Some(Some(3600)));
        assert_eq!(seconds("2079000000"), Some(Some(284_000_000)));
        assert_eq!(seconds("1794999999"), Some(Some(1_794_999_999)));
        for absurd in ["0", "-1", "0.9", "1e300", "\"1e999\"", "\"NaN\"", "\"inf\"", "true", "\"\""]
        {
            assert_eq!(seconds(absurd), None, "{absurd}");
        }
    }

    #[test]
    fn an_end_is_read_as_clouds_write_it() {
        let seconds = |text: &str| {
            let value = json::parse(text.as_bytes()).unwrap();
            lifetime_until(&value, 1_700_000_000).map(|l| l.map(|d| d.as_secs()))
        };
        for end in [
            "1700003600",
            "\"1700003600\"",
            "1700003600000",
            "1700003600999",
            "\"2023-11-14T23:13:20Z\"",
            "\"2023-11-14T23:13:20.000+00:00\"",
        ] {
            assert_eq!(seconds(end), Some(Some(3600)), "{end}");
        }
        assert_eq!(seconds("9223372036854775807"), Some(None));
        for over in ["1700000000", "0", "\"soon\"", "true", "\"2023-11-14T22:13:20Z\""] {
            assert_eq!(seconds(over), None, "{over}");
        }
    }
}
