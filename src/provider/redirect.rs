//! What a browser comes back with from a person's login (RFC 6749 4.1.2, RFC 9207).
//!
//! ```text
//! http://127.0.0.1:7000/?code=SplxlOBeZQ&state=xyz&iss=https%3A%2F%2Fserver
//! ```
//!
//! It comes from a browser, or from a person who copied it, so nothing in it is believed: who asked
//! (`state`) and who answered (`iss`) is compared by the login that began it.

use crate::error::{Error, Result, Status};
use crate::http::url::has_scheme;
use crate::support::percent::percent_decoded;
use crate::support::secret::Secret;
use zeroize::Zeroizing;

/// No server and no browser has a longer one (RFC 9110 4.1 asks for 8,000 bytes).
const LONGEST: usize = 65_536;

/// An answer of the authorization endpoint, as it stands in a redirect's query.
#[derive(Debug, Default)]
pub(crate) struct Redirect {
    /// Which login this answers: a number that was used once. Another one is a forgery (RFC 6749
    /// 10.12).
    pub state: Option<Secret>,
    /// What the token is asked for with.
    pub code: Option<Secret>,
    /// Who answers, where the server says so.
    pub issuer: Option<String>,
    /// The server's code for a refusal, such as `access_denied`.
    pub error: Option<String>,
    /// The server's sentence about it.
    pub sentence: Option<String>,
}

impl Redirect {
    /// Reads a redirect: its whole URL, its path and query, or its query alone. `INVALID_ARGUMENT`
    /// for what is none, or names something twice.
    pub fn read(answer: &str) -> Result<Redirect> {
        if answer.len() > LONGEST {
            return Err(no_answer("it is longer than any redirect"));
        }
        let (before, fragment) = match answer.split_once('#') {
            Some((before, fragment)) => (before, Some(fragment)),
            None => (answer, None),
        };
        let query = match before.split_once('?') {
            Some((_, query)) => query,
            None if before.contains('=') && !has_scheme(before) => before,
            None if fragment.is_some_and(|fragment| fragment.contains('=')) => {
                return Err(no_answer("what it says stands behind #, and not in the query"));
            }
            None => return Err(no_answer("it has no query")),
        };
        let mut read = Redirect::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |text: &mut Option<String>| {
                let value = decoded(value)?.to_string();
                once(name, text.replace(value).is_some())
            };
            let secret = |secret: &mut Option<Secret>| {
                let value = Secret::from(decoded(value)?.as_str());
                once(name, secret.replace(value).is_some())
            };
            match name {
                "state" => secret(&mut read.state)?,
                "code" => secret(&mut read.code)?,
                "iss" => text(&mut read.issuer)?,
                "error" => text(&mut read.error)?,
                "error_description" => text(&mut read.sentence)?,
                _ => {}
            }
        }
        Ok(read)
    }
}

/// Nothing may stand in it twice (RFC 6749 3.1): two readers might believe two of them.
fn once(name: &str, before: bool) -> Result<()> {
    match before {
        true => Err(no_answer(&format!("{name} stands in it twice"))),
        false => Ok(()),
    }
}

/// What is wrong with it, and what to give in its place. Never the text itself: it may hold the
/// code.
fn no_answer(why: &str) -> Error {
    let what = "the browser's answer is not one: ";
    let hint = "; give the whole URL that the browser was sent to at the end";
    Error::new(Status::InvalidArgument, format!("{what}{why}{hint}"))
}

/// A value of a query, as browsers and servers write it: `+` is a blank.
fn decoded(value: &str) -> Result<Zeroizing<String>> {
    let bad = || no_answer("its escapes (%XX) are not UTF-8");
    let decoded = percent_decoded(value.as_bytes(), true);
    let text = decoded.text().ok_or_else(bad)?;
    Ok(Zeroizing::new(text.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: &str) -> Redirect {
        Redirect::read(answer).unwrap()
    }

    #[test]
    fn an_answer_is_read_from_a_url_a_path_or_a_query() {
        for answer in [
            "http://127.0.0.1:7/cb?code=a%2Fb+c&state=s&iss=https%3A%2F%2Fi",
            "/cb?code=a%2Fb+c&state=s&iss=https%3A%2F%2Fi#x",
            "?state=s&code=a%2fb%20c&iss=https://i",
            "state=s&code=a%2fb%20c&iss=https://i&session_state=1&flag",
        ] {
            let read = told(answer);
            assert_eq!(read.code.unwrap().expose(), "a/b c", "{answer}");
            assert_eq!(read.state.unwrap().expose(), "s");
            assert_eq!(read.issuer.unwrap(), "https://i");
        }
        let refused = told("/?error=access_denied&error_description=no+way&state=s");
        assert_eq!(refused.error.as_deref(), Some("access_denied"));
        assert_eq!(refused.sentence.as_deref(), Some("no way"));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let long = format!("?code={}", "x".repeat(LONGEST));
        for answer in [
            "",
            "/",
            "http://127.0.0.1/cb",
            "/cb#code=x&state=y",
            "?code=%zz",
            "?code=%ff",
            "?code=%2",
            "?code=a&code=b",
            "?state=a&state=a",
            &long,
        ] {
            let error = Redirect::read(answer).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument, "{answer}");
        }
    }
}
