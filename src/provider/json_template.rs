//! JSON documents whose texts are templates.
//!
//! ```text
//! {"user": "{username}", "scope": "{scope?}", "expires": "{lifetime}"}   lifetime is a number option
//! {"user": "gateway", "expires": 3600}                                   scope is not set
//! ```
//!
//! A value is a JSON string whatever is in it: it is written by the JSON writer, not into JSON
//! text.

use super::template::{Place, Template, Values};
use crate::error::Result;
use crate::support::json::Value;
use crate::support::json::read::{At, Misread, Read};

/// A JSON document whose strings are templates.
#[derive(Clone, Debug)]
pub(crate) enum JsonTemplate {
    /// A string: it is filled.
    Text(Template),
    /// Items that come to nothing are left out.
    Array(Vec<JsonTemplate>),
    /// Members in their order, which some signatures depend on.
    Object(Vec<(String, JsonTemplate)>),
    /// A number, a boolean or `null`: it stands as it is.
    Fixed(Value),
}

impl Default for JsonTemplate {
    fn default() -> Self {
        JsonTemplate::Fixed(Value::Null)
    }
}

impl JsonTemplate {
    /// Parses all strings of a document; says which is no template.
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

    /// Whether other members can be merged into it.
    pub fn is_object(&self) -> bool {
        matches!(self, JsonTemplate::Object(_))
    }

    /// All templates of it, however deep.
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
                let is_number = template.only_name().is_some_and(|name| values.is_number(name));
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

impl Read for JsonTemplate {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        *self = JsonTemplate::parse(at.value).map_err(|what| at.wrong(&what))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::tests::One;
    use super::*;
    use crate::support::json;

    fn json(text: &str) -> JsonTemplate {
        JsonTemplate::parse(&json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_value_is_a_json_string_and_an_absent_one_leaves_no_trace() {
        let nasty = "a/b?c&d=e {\"f\"}+é";
        let json = json(r#"{"p": "{v}", "n": [1, "{x?}"]}"#);
        let filled = json.fill(&One(nasty)).unwrap().unwrap();
        assert_eq!(filled.get("p"), Some(&nasty.into()));
        assert_eq!(*filled.get("n").unwrap().to_json(), "[1]");
    }

    #[test]
    fn only_a_number_option_becomes_a_json_number() {
        let json = json(r#""{v}""#);
        for number in ["17", "0017"] {
            assert_eq!(json.fill(&One(number)).unwrap(), Some(17u64.into()));
        }
        assert_eq!(json.fill(&One("x17")).unwrap(), Some("x17".into()));
    }
}
