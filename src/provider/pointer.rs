//! Where in an answer something stands: a JSON pointer into its body, a header, or a cookie.
//!
//! ```text
//! /data/token              the member `token` of `data` (RFC 6901)
//! /data/refresh?           the same, and it may be absent
//! header:X-Subject-Token   a header of the answer
//! cookie:authorization     a cookie that it sets
//! ""                       the whole body
//! ```

use crate::http::headers::is_token;
use crate::http::message::Fields;
use crate::support::json::Value;
use crate::support::json::document::Document;
use crate::support::json::read::{At, Misread, Read};

/// A JSON pointer (RFC 6901), `header:Name` or `cookie:name`. One that ends in `?` may point at
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pointer {
    /// Which part of the answer it is in.
    pub part: Part,
    /// The pointer, or the name of the header or the cookie.
    pub path: String,
    /// Whether nothing may stand there; otherwise the answer is malformed then.
    pub optional: bool,
}

/// The part of an answer that a pointer points into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    /// The body, which then must be JSON; or all of it as it is.
    #[default]
    Body,
    /// A header, by its name without regard to case (RFC 9110 5.1).
    Header,
    /// A cookie that the answer sets (RFC 6265 4.1), by its name as it is written.
    Cookie,
}

impl Pointer {
    /// Parses a pointer, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Pointer, String> {
        let path = text.strip_suffix('?').unwrap_or(text);
        let optional = text.ends_with('?');
        for (prefix, part) in [("header:", Part::Header), ("cookie:", Part::Cookie)] {
            let Some(name) = path.strip_prefix(prefix) else { continue };
            // The names of cookies and headers are both tokens (RFC 6265 4.1.1).
            if !is_token(name) {
                return Err(format!("`{text}` names no header or cookie"));
            }
            return Ok(Pointer { part, path: name.into(), optional });
        }
        let tildes_are_escapes = path.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        if !(path.is_empty() || path.starts_with('/')) || !tildes_are_escapes {
            return Err(format!(
                "`{text}` is not a JSON pointer (RFC 6901): it begins with `/`, and `~` stands only in `~0` and `~1`"
            ));
        }
        Ok(Pointer { part: Part::Body, path: path.into(), optional })
    }

    /// The empty pointer: the body as it is.
    pub fn is_whole_body(&self) -> bool {
        self.part == Part::Body && self.path.is_empty()
    }
}

impl Read for Pointer {
    fn read(&mut self, at: &At<'_>) -> Result<(), Misread> {
        *self = Pointer::parse(at.text()?).map_err(|what| at.wrong(&what))?;
        Ok(())
    }
}

/// What pointers point into: an answer, its body read as JSON where it is.
#[derive(Clone, Copy)]
pub(crate) struct Pointed<'a> {
    pub headers: &'a Fields,
    /// `None` where the body is no JSON: then only headers and cookies can be pointed at.
    pub json: Option<Document<'a>>,
}

impl<'a> Pointed<'a> {
    /// What stands there. `null` is nothing: clouds write it for what they do not have.
    pub fn value(&self, pointer: &Pointer) -> Option<Value> {
        match pointer.part {
            Part::Body => self.json?.pointer(&pointer.path).filter(|found| *found != Value::Null),
            Part::Header => self.headers.named(&pointer.path).next().map(Value::from),
            Part::Cookie => self.cookie(&pointer.path).map(Value::from),
        }
    }

    /// What stands there, if it is a text with something in it.
    pub fn text(&self, pointer: &Pointer) -> Option<Value> {
        self.value(pointer).filter(|found| found.as_str().is_some_and(|text| !text.is_empty()))
    }

    /// The same; a number is its digits, as they stand in the answer.
    pub fn word(&self, pointer: &Pointer) -> Option<Value> {
        match self.value(pointer)? {
            Value::Number(digits) => Some(Value::from(&digits)),
            _ => self.text(pointer),
        }
    }

    /// The value of a cookie that the answer sets (RFC 6265 5.2); of several the last.
    fn cookie(&self, name: &str) -> Option<&'a str> {
        let pairs = self
            .headers
            .named("set-cookie")
            .filter_map(|set| set.split(';').next()?.split_once('='));
        let (_, value) = pairs.filter(|(n, _)| n.trim() == name).last()?;
        Some(value.trim().trim_matches('"'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pointer: &str) -> Option<String> {
        let json = Document::of(br#"{"a": {"b": "c"}, "n": 7, "null": null, "empty": ""}"#);
        let headers = Fields::from([
            ("x-subject-token", "t-1"),
            ("set-cookie", "XSRF=x; Path=/; Secure"),
            ("Set-Cookie", "authorization=\"j.w.t\"; HttpOnly"),
        ]);
        let answer = Pointed { headers: &headers, json };
        let word = answer.word(&Pointer::parse(pointer).unwrap())?;
        word.as_str().map(str::to_string)
    }

    #[test]
    fn a_place_is_in_the_body_a_header_or_a_cookie() {
        for (pointer, text) in [
            ("/a/b", Some("c")),
            ("/n", Some("7")),
            ("/null", None),
            ("/empty", None),
            ("/a", None),
            ("header:X-Subject-Token", Some("t-1")),
            ("header:X-Other?", None),
            ("cookie:authorization", Some("j.w.t")),
            ("cookie:XSRF", Some("x")),
            ("cookie:xsrf", None),
        ] {
            assert_eq!(found(pointer).as_deref(), text, "{pointer}");
        }
        for bad in ["a", "/~2", "header:", "header:a b", "cookie:ä"] {
            assert!(Pointer::parse(bad).is_err(), "{bad}");
        }
    }
}
