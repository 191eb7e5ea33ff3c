//! `{name}` in URLs, queries, forms, JSON and headers, escaped for where it stands.
//!
//! ```text
//! template                 place    v = "a/b c"
//! https://h/{v}            Url      https://h/a%2Fb%20c
//! {v}                      Form     a%2Fb+c
//! Bearer {v}               Header   Bearer a/b c
//! Bearer {v?}, v not set   Header   no header
//! ```
//!
//! A value can never break out of its place: a slash in a device's name does not lead to another
//! path, and a line break in a token does not begin another header. What cannot be escaped is
//! refused.

use crate::error::{Error, Result, Status};
use crate::http::url::{form_encode, query_encode};
use crate::support::json::Value;
use crate::support::json::read::{At, Misread, Read};
use crate::support::secret::Secret;
use zeroize::Zeroizing;

/// Where a template's text goes, and so how a value in it must be escaped. In a query or a form the
/// text around the values is escaped like them: there a template is a field's value, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A URL: a name that opens it stands for a URL itself, any other for a piece of its path.
    Url,
    /// The value of a query parameter.
    Query,
    /// The value of a form field (`application/x-www-form-urlencoded`).
    Form,
    /// A header's value.
    Header,
    /// Nothing is escaped: the result is a value for another template, or a JSON string.
    Plain,
}

/// A parsed template. `{name?}` drops the whole field when the name has no value; `{{` is a brace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    /// As it was written. Shown in place of what it was filled with, which may be secret.
    source: String,
    /// Text and names, in turn or not; empty for an empty template.
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Text as it stands.
    Text(String),
    /// A name in braces; `optional` for one with `?`.
    Name { name: String, optional: bool },
}

impl Read for Template {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        *self = Template::parse(at.text()?).map_err(|what| at.wrong(&what))?;
        Ok(())
    }
}

/// A number, or a template that becomes one. Whole, from 0 on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Number(pub Template);

impl Read for Number {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        match at.value {
            Value::Number(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                self.0 = Template::parse(digits).map_err(|what| at.wrong(&what))?;
                Ok(())
            }
            Value::Number(_) => Err(at.wrong("must be a whole number from 0 on")),
            _ => self.0.read(at),
        }
    }
}

/// Gives names their values.
pub(crate) trait Values {
    /// What the name stands for, as a text; `None` where it has no value.
    fn value(&self, name: &str) -> Option<&str>;

    /// The same as the bytes that are signed: a request's body need not be text.
    fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.value(name).map(str::as_bytes)
    }

    /// The same where it opens a URL: what else it is made of is then a piece of that URL.
    fn opening(&self, name: &str) -> Option<&str> {
        self.value(name)
    }

    /// Whether the name stands for a number, so that JSON gets it without quotes.
    fn is_number(&self, _name: &str) -> bool {
        false
    }
}

impl Template {
    /// Parses a template, or says what is wrong with it, for the profile's author. Names are
    /// letters, digits and `_`.
    pub fn parse(source: &str) -> std::result::Result<Template, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            let inner = rest.split_once('}').filter(|_| brace == "{");
            let (inner, after) = inner.ok_or_else(|| {
                format!("`{source}` has an unmatched brace; write `{{{{` for one")
            })?;
            rest = after;
            let optional = inner.ends_with('?');
            let name = inner.trim_end_matches('?').to_string();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(format!("`{{{inner}}}` is not a name"));
            }
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(Part::Name { name, optional });
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Template { source: source.into(), parts })
    }

    /// The template as it was written: what messages show in place of what it was filled with.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The same, at most 120 characters of it.
    pub fn shown(&self) -> String {
        self.source.chars().take(120).collect()
    }

    /// The one name that is all of it: then a number may stay a number, and a message name an
    /// option.
    pub fn only_name(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Name { name, .. }] => Some(name),
            _ => None,
        }
    }

    /// Whether it begins with a name: in a URL that name stands for a URL itself.
    pub fn opens_with_a_name(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Name { .. }))
    }

    /// The names it uses, and whether each may be missing.
    pub fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name { name, optional } => Some((name.as_str(), *optional)),
            Part::Text(_) => None,
        })
    }

    /// Fills the template. `None` where a name that may be missing is missing: the whole field
    /// goes.
    ///
    /// `MISSING_OPTION` where another name has no value; `INVALID_OPTION` where a value cannot
    /// stand in this place, or all of it is longer than a megabyte. What is filled is wiped when it
    /// is dropped.
    pub fn fill(&self, place: Place, values: &dyn Values) -> Result<Option<Secret>> {
        let mut filled = Zeroizing::new(String::new());
        let too_long = || {
            let what = format!("`{}` comes to more than a megabyte", self.shown());
            Err(Error::new(Status::InvalidOption, what))
        };
        for (index, part) in self.parts.iter().enumerate() {
            let (name, optional) = match part {
                Part::Text(text) => {
                    match place {
                        Place::Query => query_encode(text, &mut filled),
                        Place::Form => form_encode(text, &mut filled),
                        _ => filled.push_str(text),
                    }
                    continue;
                }
                // Values that name each other can double without end.
                Part::Name { .. } if filled.len() > MOST_FILLED => return too_long(),
                Part::Name { name, optional } => (name, *optional),
            };
            let opens = place == Place::Url && index == 0;
            match if opens { values.opening(name) } else { values.value(name) } {
                Some(value) if opens => {
                    filled.push_str(opening(value, self.parts.get(1)));
                }
                Some(value) => escape(value, place, name, &mut filled)?,
                None if optional => return Ok(None),
                None => {
                    return Err(Error::new(
                        Status::MissingOption,
                        format!("`{}` needs {name}, which has no value", self.shown()),
                    ));
                }
            }
        }
        if filled.len() > MOST_FILLED {
            return too_long();
        }
        Ok(Some(Secret::new(filled.as_str())))
    }
}

/// The longest text that a template becomes, in bytes: no header, URL or form is near it.
const MOST_FILLED: usize = 1024 * 1024;

impl Template {
    /// The template for messages: names with a text to show are replaced by it. `show` is given a
    /// name and whether it opens the template.
    pub fn show(&self, show: impl Fn(&str, bool) -> Option<String>) -> String {
        let mut text = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Name { name, .. } => match show(name, index == 0) {
                    Some(value) if index == 0 => text.push_str(opening(&value, self.parts.get(1))),
                    Some(value) => text.push_str(&value),
                    None => text.push_str(&format!("{{{name}}}")),
                },
            }
        }
        text
    }

    /// What is signed or encoded: its text and its values as they are. Where a value is missing,
    /// `None`; if `lenient`, a name that may be missing then stands for nothing.
    pub fn bytes(&self, values: &dyn Values, lenient: bool) -> Option<Zeroizing<Vec<u8>>> {
        let pieces: Option<Vec<&[u8]>> = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.as_bytes()),
                Part::Name { name, optional } => {
                    values.bytes(name).or((*optional && lenient).then_some(&[][..]))
                }
            })
            .collect();
        // A request's body may be as long as it likes, once.
        let pieces = pieces?;
        let longest = pieces.iter().map(|piece| piece.len()).max().unwrap_or(0);
        let total = pieces.iter().map(|piece| piece.len()).fold(0, usize::saturating_add);
        (total - longest <= MOST_FILLED).then(|| Zeroizing::new(pieces.concat()))
    }
}

/// A URL that opens a template. It stands as it was given, a slash at its end included, since some
/// servers know `/token/` alone; only a path that follows brings its own slash.
fn opening<'a>(url: &'a str, next: Option<&Part>) -> &'a str {
    match next {
        Some(Part::Text(text)) if text.starts_with('/') => url.trim_end_matches('/'),
        _ => url,
    }
}

/// Appends a value as its place has it. A `.` or `..` would be another path, whatever is
/// percent-encoded.
fn escape(value: &str, place: Place, name: &str, into: &mut String) -> Result<()> {
    let refuse = |why: &str| Err(Error::new(Status::InvalidOption, format!("{name}: {why}")));
    match place {
        Place::Url if matches!(value, "." | "..") => refuse("cannot be a piece of a path"),
        Place::Url | Place::Query => {
            query_encode(value, into);
            Ok(())
        }
        Place::Form => {
            form_encode(value, into);
            Ok(())
        }
        Place::Header if !value.bytes().all(|b| (0x20..0x7f).contains(&b)) => {
            refuse("has a character that a header cannot carry")
        }
        Place::Header | Place::Plain => {
            into.push_str(value);
            Ok(())
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) struct One(pub &'static str);

    impl Values for One {
        fn value(&self, name: &str) -> Option<&str> {
            (name == "v").then_some(self.0)
        }

        fn is_number(&self, _: &str) -> bool {
            self.0.bytes().all(|b| b.is_ascii_digit())
        }
    }

    fn fill(template: &str, place: Place, value: &'static str) -> Result<Option<String>> {
        let filled = Template::parse(template).unwrap().fill(place, &One(value));
        Ok(filled?.map(|s| s.expose().to_string()))
    }

    #[test]
    fn a_value_is_escaped_for_where_it_stands() {
        let nasty = "a/b?c&d=e {\"f\"}+é";
        let path = fill("https://h/{v}", Place::Url, nasty).unwrap().unwrap();
        assert_eq!(path, "https://h/a%2Fb%3Fc%26d%3De%20%7B%22f%22%7D%2B%C3%A9");
        let form = fill("{v}", Place::Form, "a b+c@d").unwrap().unwrap();
        assert_eq!(form, "a+b%2Bc%40d");
    }

    #[test]
    fn a_url_stands_as_given_and_a_path_after_it_brings_its_slash() {
        for (template, expected) in [
            ("{v}", "https://h/token/"),
            ("{v}/x", "https://h/token/x"),
            ("{v}?q", "https://h/token/?q"),
        ] {
            let filled = fill(template, Place::Url, "https://h/token/").unwrap().unwrap();
            assert_eq!(filled, expected);
        }
        assert_eq!(fill("{v}/x", Place::Url, "https://h").unwrap().unwrap(), "https://h/x");
    }

    #[test]
    fn a_value_cannot_break_out_of_its_place() {
        for bad in ["a\r\nX: y", "a\0", "é"] {
            assert!(fill("Bearer {v}", Place::Header, bad).is_err(), "{bad:?}");
        }
        assert!(fill("https://h/{v}/x", Place::Url, "..").is_err());
    }

    #[test]
    fn a_missing_value_drops_an_optional_field_and_fails_another() {
        assert_eq!(fill("x {w?}", Place::Plain, "").unwrap(), None);
        assert!(fill("x {w}", Place::Plain, "").is_err());
    }

    #[test]
    fn what_is_not_a_template_is_said_to_be_none() {
        for bad in ["{", "{a", "a}", "{}", "{a b}", "{?}"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Template::parse("{{a}}")
                .unwrap()
                .fill(Place::Plain, &One(""))
                .unwrap()
                .unwrap()
                .expose(),
            "{a}"
        );
    }
}
