//! `{name}` in URLs, queries, forms, JSON and headers, escaped for where it stands.

use crate::error::{Error, Result, Status};
use crate::http::url::{form_encode, query_encode};
use crate::support::json::Value;
use crate::support::secret::Secret;

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
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name { name: String, optional: bool },
}

/// Gives names their values.
pub(crate) trait Values {
    fn value(&self, name: &str) -> Option<&str>;

    /// Whether the name stands for a number, so that JSON gets it without quotes.
    fn is_number(&self, _name: &str) -> bool {
        false
    }
}

impl Template {
    /// Parses a template, or says what is wrong with it.
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

    /// The names it uses, and whether each may be missing.
    pub fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name { name, optional } => Some((name.as_str(), *optional)),
            Part::Text(_) => None,
        })
    }

    /// Fills the template. `None` where a name that may be missing is.
    pub fn fill(&self, place: Place, values: &dyn Values) -> Result<Option<Secret>> {
        let mut filled = zeroize::Zeroizing::new(String::new());
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
                Part::Name { name, optional } => (name, *optional),
            };
            match values.value(name) {
                Some(value) if place == Place::Url && index == 0 => {
                    filled.push_str(opening(value, self.parts.get(1)));
                }
                Some(value) => escape(value, place, name, &mut filled)?,
                None if optional => return Ok(None),
                None => {
                    return Err(Error::new(
                        Status::MissingOption,
                        format!("`{}` needs {name}, which has no value", self.source),
                    ));
                }
            }
        }
        Ok(Some(Secret::new(filled.as_str())))
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

/// A JSON document whose strings are templates.
#[derive(Clone, Debug)]
pub(crate) enum JsonTemplate {
    Text(Template),
    Array(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
    Fixed(Value),
}

impl Default for JsonTemplate {
    fn default() -> Self {
        JsonTemplate::Fixed(Value::Null)
    }
}

impl JsonTemplate {
    pub fn parse(document: &Value) -> std::result::Result<JsonTemplate, String> {
        Ok(match document {
            Value::Text(text) => JsonTemplate::Text(Template::parse(text)?),
            Value::Array(items) => JsonTemplate::Array(
                items.iter().map(Self::parse).collect::<std::result::Result<_, _>>()?,
            ),
            Value::Object(fields) => JsonTemplate::Object(
                fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), Self::parse(value)?)))
                    .collect::<std::result::Result<_, String>>()?,
            ),
            other => JsonTemplate::Fixed(other.clone()),
        })
    }

    pub fn templates(&self) -> Vec<&Template> {
        match self {
            JsonTemplate::Text(template) => vec![template],
            JsonTemplate::Array(items) => items.iter().flat_map(Self::templates).collect(),
            JsonTemplate::Object(fields) => {
                fields.iter().flat_map(|(_, v)| v.templates()).collect()
            }
            JsonTemplate::Fixed(_) => Vec::new(),
        }
    }

    /// Fills every string. Members whose optional name has no value are left out. A string that is
    /// one name of a number option becomes a JSON number.
    pub fn fill(&self, values: &dyn Values) -> Result<Option<Value>> {
        Ok(match self {
            JsonTemplate::Fixed(value) => Some(value.clone()),
            JsonTemplate::Text(template) => {
                let filled = template.fill(Place::Plain, values)?;
                let is_number = match template.parts.as_slice() {
                    [Part::Name { name, .. }] => values.is_number(name),
                    _ => false,
                };
                filled.map(|text| match text.expose().parse::<i64>() {
                    // Written anew: JSON has no leading zeros and no plus sign.
                    Ok(number) if is_number => Value::Number(number.to_string()),
                    _ => text.expose().into(),
                })
            }
            JsonTemplate::Array(items) => {
                let filled: Result<Vec<_>> = items.iter().map(|item| item.fill(values)).collect();
                Some(Value::Array(filled?.into_iter().flatten().collect()))
            }
            JsonTemplate::Object(fields) => {
                let mut filled = Vec::new();
                for (name, field) in fields {
                    if let Some(value) = field.fill(values)? {
                        filled.push((name.clone(), value));
                    }
                }
                Some(Value::Object(filled))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::json;

    struct One(&'static str);

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

    fn json(text: &str) -> JsonTemplate {
        JsonTemplate::parse(&json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_value_is_escaped_for_where_it_stands() {
        let nasty = "a/b?c&d=e {\"f\"}+é";
        let path = fill("https://h/{v}", Place::Url, nasty).unwrap().unwrap();
        assert_eq!(path, "https://h/a%2Fb%3Fc%26d%3De%20%7B%22f%22%7D%2B%C3%A9");
        let form = fill("{v}", Place::Form, "a b+c@d").unwrap().unwrap();
        assert_eq!(form, "a+b%2Bc%40d");
        let json = json(r#"{"p": "{v}", "n": [1, "{x?}"]}"#);
        let filled = json.fill(&One(nasty)).unwrap().unwrap();
        assert_eq!(filled.get("p"), Some(&nasty.into()));
        assert_eq!(*filled.get("n").unwrap().to_json(), "[1]");
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
    fn only_a_number_option_becomes_a_json_number() {
        let json = json(r#""{v}""#);
        for number in ["17", "0017"] {
            assert_eq!(json.fill(&One(number)).unwrap(), Some(17u64.into()));
        }
        assert_eq!(json.fill(&One("x17")).unwrap(), Some("x17".into()));
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
