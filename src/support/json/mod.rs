//! JSON as token answers, profiles and records need it: serde_json reads it, members keep their
//! order, duplicates are seen, and every text is wiped when it is dropped, since any may be a
//! token.
//!
//! There is one tree for all of them ([`Value`]), and small readers that take it apart (`read`).
//! Derived code for each type made the library a tenth larger, and could not say where in a
//! profile a mistake stands.
//!
//! There are two ways in, for two kinds of author:
//!
//! - [`parse()`] for what we or the user wrote: profiles, records, options. A mistake is an error.
//! - [`Document`](document::Document) for what a cloud wrote. It takes what is asked for, and
//!   forgives the rest.
//!
//! This room knows no field of any cloud and no option.

pub(crate) mod document;
mod parse;
pub(crate) mod read;
#[cfg(test)]
pub(crate) mod schema;
mod write;

use crate::support::ordered::Ordered;
use zeroize::Zeroizing;

pub(crate) use parse::parse;

/// A JSON value (RFC 8259). Its texts are wiped when dropped; its names and numbers are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Value {
    #[default]
    Null,
    Bool(bool),
    /// As it is written, so that no digit is lost: a cloud's numbers may be larger than any type
    /// here.
    Number(String),
    /// Wiped when dropped, since it may be a token.
    Text(Zeroizing<String>),
    Array(Vec<Value>),
    /// Members in the order they stand there. Of two members with the same name the last counts.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The member of an object; `None` for other values, too.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Value::Object(members) = self else { return None };
        members.iter().rfind(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A number that the type holds exactly: no fraction, no exponent, not out of range.
    pub fn as_integer<T: std::str::FromStr>(&self) -> Option<T> {
        match self {
            Value::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// A number, or a text that is one, without its fraction. Some clouds write `"expires_in":
    /// "3599.5"`.
    ///
    /// Above 2^53 it is the nearest number that `f64` holds, which is close enough for a
    /// lifetime.
    pub fn whole(&self) -> Option<f64> {
        let digits = match self {
            Value::Number(digits) => digits.as_str(),
            Value::Text(text) => text.trim(),
            _ => return None,
        };
        number(digits).map(f64::trunc)
    }

    /// An object without its members that are null: a record has no word for what is not known.
    pub fn without_nulls(self) -> Value {
        match self {
            Value::Object(mut members) => {
                members.retain(|(_, value)| *value != Value::Null);
                Value::Object(members)
            }
            other => other,
        }
    }
}

/// The nearest number to these digits that `f64` holds. Not by Rust's own reader: it takes `inf`, and
/// tables of 12 KB that would be there for this alone.
pub(crate) fn number(digits: &str) -> Option<f64> {
    serde_json::from_slice(digits.as_bytes()).ok()
}

/// An object with these members, in this order.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Zeroizing::new(text.into()))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        text.as_str().into()
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

macro_rules! from_integers {
    ($($type:ty)*) => {$(
        impl From<$type> for Value {
            fn from(number: $type) -> Value {
                Value::Number(number.to_string())
            }
        }
    )*};
}

from_integers!(i64 u64);

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

impl From<&Ordered<String>> for Value {
    fn from(pairs: &Ordered<String>) -> Value {
        Value::Object(pairs.iter().map(|(name, text)| (name.into(), text.into())).collect())
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Value {
        Value::Array(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_number_is_read_without_its_fraction() {
        for (text, number) in [
            ("0", 0.0),
            ("-0", 0.0),
            ("3600", 3600.0),
            ("3599.9", 3599.0),
            ("-1.5", -1.0),
            ("1.5e3", 1500.0),
            ("36e-1", 3.0),
            ("0.36E+2", 36.0),
            ("9007199254740991", 9007199254740991.0),
            ("1e300", 1e300),
            ("5e-99999999999999999999", 0.0),
        ] {
            assert_eq!(json(text).whole(), Some(number), "{text}");
            assert_eq!(Value::from(text).whole(), Some(number), "{text}, as a text");
        }
        for none in ["\"\"", "\"inf\"", "\"NaN\"", "\"0x1\"", "\"1 2\"", "true", "null", "[1]"] {
            assert_eq!(json(none).whole(), None, "{none}");
        }
    }

    #[test]
    fn of_two_members_the_last_counts() {
        assert_eq!(json(r#"{"a":1,"a":2}"#).get("a"), Some(&json("2")));
    }
}
