//! Rules: which answers mean that a credential is no good.
//!
//! ```text
//! { "status": 401 }
//! { "status": [400, 401], "code": "BAD_CREDENTIALS" }
//! { "status": 200, "where": { "/success": false, "/code": [1010, 1011] } }
//! ```
//!
//! A rule of a refresh leads to the password, one of a login holds it back, and one of a request
//! renews the token. So a rule that could match a cloud that is busy or failing is refused with its
//! profile.

use super::pointer::Pointer;
use crate::support::json::Value;
use crate::support::json::document::Document;
use crate::support::json::read::{At, Misread, OneOrMany, Read, document};
use crate::support::ordered::Ordered;

document! {
    /// Matches an answer by HTTP status; by the cloud's own code, where one is given; and by what
    /// stands in its body, where that is given.
    pub(crate) struct Rule {
        /// The HTTP status, or a list of them.
        needed status: OneOrMany<u16>,
        /// The cloud's own code, or a list of them; `false` is an answer without one.
        other code: OneOrMany<Code>,
        /// JSON pointers, and what must stand there: one of these values.
        other places as "where": Ordered<OneOrMany<Value>>,
    }
}

/// A code of the cloud's own: a word, a number as its digits, or `false` for an answer without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Code(Option<String>);

impl Read for Code {
    fn read(&mut self, at: &At<'_>) -> Result<(), Misread> {
        self.0 = match at.value {
            Value::Text(word) => Some(word.to_string()),
            Value::Number(digits) => Some(digits.clone()),
            Value::Bool(false) => None,
            _ => return Err(at.wrong("must be a text, a number, or false for none")),
        };
        Ok(())
    }
}

impl Rule {
    /// Whether an answer is what the rule says: its status, and its code and body as far as the
    /// rule speaks of them. What stands nowhere is `null`.
    pub fn matches(&self, status: u16, code: Option<&str>, json: Option<Document<'_>>) -> bool {
        let here = |path: &str| json.and_then(|json| json.pointer(path)).unwrap_or(Value::Null);
        self.status.0.contains(&status)
            && (self.code.0.is_empty() || self.code.0.iter().any(|k| k.0.as_deref() == code))
            && self.places.iter().all(|(path, values)| values.0.contains(&here(path)))
    }

    /// Whether it tells answers of one status apart: alone so may it speak of successes.
    fn looks_inside(&self) -> bool {
        self.code.0.iter().any(|code| code.0.is_some()) || !self.places.is_empty()
    }

    /// Whether it may match an answer of this status, whose body is then worth reading.
    pub fn reads(&self, status: u16) -> bool {
        self.status.0.contains(&status) && self.looks_inside()
    }

    /// Says what is wrong with a rule that says that an access token is no good.
    pub fn check(&self) -> Result<(), String> {
        for (path, _) in self.places.iter() {
            Pointer::parse(path).map_err(|what| format!("where: {what}"))?;
        }
        match self.status.0.iter().find(|status| (200..300).contains(*status)) {
            Some(status) if !self.looks_inside() => Err(format!(
                "{status} is a success: only a code, or a place in the body (where), makes it a refusal"
            )),
            _ => Ok(()),
        }
    }

    /// The same for a rule about credentials. It leads to the password, or holds it back: neither
    /// may follow from a cloud that is busy or failing.
    pub fn check_of_login(&self) -> Result<(), String> {
        self.check()?;
        self.status.0.iter().try_for_each(|status| match status {
            408 | 425 | 429 => {
                Err(format!("{status} says that the cloud is busy, nothing about credentials"))
            }
            200..=299 | 400..=499 => Ok(()),
            _ => Err(format!("{status} is no rejection: only 4xx, and a 2xx that says so, can be")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::json::{self, read::read};

    fn rule(text: &str) -> Rule {
        read(&json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_rule_matches_by_status_code_and_what_stands_in_the_body() {
        let body = Document::of(br#"{"success": false, "code": 1010, "a": {"b": "x"}}"#);
        for (text, code, matches) in [
            (r#"{"status": 200}"#, None, true),
            (r#"{"status": [400, 200], "code": [1010, "x"]}"#, Some("1010"), true),
            (r#"{"status": 200, "code": "1010"}"#, Some("1010"), true),
            (r#"{"status": 200, "code": 1011}"#, Some("1010"), false),
            (r#"{"status": 200, "code": 1011}"#, None, false),
            (r#"{"status": 200, "code": false}"#, None, true),
            (r#"{"status": 200, "code": false}"#, Some("1010"), false),
            (r#"{"status": 200, "code": [false, 1010]}"#, Some("1010"), true),
            (r#"{"status": 200, "where": {"/success": false, "/code": [1010, 1011]}}"#, None, true),
            (r#"{"status": 200, "where": {"/success": true}}"#, None, false),
            (r#"{"status": 200, "where": {"/code": "1010"}}"#, None, false),
            (r#"{"status": 200, "where": {"/a/b": "x", "/none": null}}"#, None, true),
            (r#"{"status": 401, "where": {"/a/b": "x"}}"#, None, false),
        ] {
            assert_eq!(rule(text).matches(200, code, body), matches, "{text} {code:?}");
        }
        assert!(!rule(r#"{"status": 200, "where": {"/a": 1}}"#).matches(200, None, None));
    }

    #[test]
    fn a_success_is_a_refusal_only_by_what_it_says() {
        for (text, good) in [
            (r#"{"status": 401}"#, true),
            (r#"{"status": 200}"#, false),
            (r#"{"status": 200, "code": false}"#, false),
            (r#"{"status": 200, "code": 1}"#, true),
            (r#"{"status": 200, "where": {"/a": 1}}"#, true),
            (r#"{"status": 400, "where": {"a": 1}}"#, false),
        ] {
            assert_eq!(rule(text).check().is_ok(), good, "{text}");
        }
        for status in [408, 425, 429, 500, 503, 302] {
            let text = format!(r#"{{"status": {status}, "code": 1}}"#);
            assert!(rule(&text).check_of_login().is_err(), "{text}");
        }
    }
}
