//! Which fields a call's body carries, and what is wrong with them.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

/// One thing wrong with a body. `field` is empty when no one field is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldFault {
    pub(crate) field: String,
    pub(crate) error: String,
}

impl FieldFault {
    pub(crate) fn new(field: &str, error: impl Into<String>) -> FieldFault {
        FieldFault { field: field.to_owned(), error: error.into() }
    }

    /// The body as a whole is to blame.
    pub(crate) fn body(error: impl Into<String>) -> FieldFault {
        FieldFault::new("", error)
    }
}

impl fmt::Display for FieldFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(out, "{}", self.error)
        } else {
            write!(out, "{}: {}", self.field, self.error)
        }
    }
}

/// Every fault in one sentence.
pub(crate) fn sentence(faults: &[FieldFault]) -> String {
    let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// A body's fields by name, after they have been found to be the right ones.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// The text of a field; empty when it is absent or not a string.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.value(name).and_then(Value::as_str).unwrap_or("")
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The same fields, if they are all of `required`, none but `optional` besides, none twice,
    /// and each a string with something in it.
    pub(crate) fn exactly(
        self,
        required: &[&str],
        optional: &[&str],
    ) -> Result<Fields, Vec<FieldFault>> {
        let mut faults = self.repeated();
        for (name, value) in &self.0 {
            let known = required.contains(&name.as_str()) || optional.contains(&name.as_str());
            if !known {
                faults.push(FieldFault::new(speakable(name), "this call has no such field"));
            } else if !value.is_string() {
                faults.push(FieldFault::new(name, "must be a string"));
            } else if value.as_str() == Some("") {
                faults.push(FieldFault::new(name, "must not be empty"));
            }
        }
        for name in required {
            if !self.has(name) {
                faults.push(FieldFault::new(name, "is missing"));
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    /// The fields of these names, with the others left out.
    pub(crate) fn only(mut self, names: &[&str]) -> Fields {
        self.0.retain(|(name, _)| names.contains(&name.as_str()));
        self
    }

    /// A fault for each field that came more than once.
    pub(crate) fn repeated(&self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        for (index, (name, _)) in self.0.iter().enumerate() {
            if self.0[..index].iter().any(|(earlier, _)| earlier == name) {
                faults.push(FieldFault::new(speakable(name), "came more than once"));
            }
        }
        faults
    }

    /// Takes a field out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.remove(index).1)
    }
}

impl From<Vec<(String, String)>> for Fields {
    fn from(pairs: Vec<(String, String)>) -> Fields {
        let pairs = pairs.into_iter();
        Fields(pairs.map(|(name, value)| (name, Value::String(value))).collect())
    }
}

/// What a refusal may call a field. A secret sent in the place of a name must not come back, so
/// only names that some cloud uses are repeated.
fn speakable(name: &str) -> &str {
    const NAMES: [&str; 24] = [
        "username",
        "password",
        "user",
        "email",
        "login",
        "api_key",
        "token",
        "code",
        "refreshToken",
        "refreshtoken",
        "refresh_token",
        "accessToken",
        "access_token",
        "grant_type",
        "client_id",
        "client_secret",
        "scope",
        "audience",
        "resource",
        "expiresAt",
        "username ",
        "password ",
        "token_type_hint",
        "expires_in",
    ];
    if NAMES.contains(&name) { name } else { "(another field)" }
}

/// Whether a parameter of that name is a credential in some cloud's calls.
pub(crate) fn names_a_credential(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    const WHOLE: [&str; 5] = ["username", "user", "email", "login", "clientid"];
    const PART: [&str; 5] = ["password", "secret", "token", "key", "assertion"];
    WHOLE.contains(&name.as_str()) || PART.iter().any(|part| name.contains(part))
}

/// A JSON object's members in the order they came, repeated ones too.
pub(crate) fn from_json(body: &[u8]) -> Result<Fields, FieldFault> {
    let text = std::str::from_utf8(body).map_err(|_| FieldFault::body("the body is not UTF-8"))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let members =
        reader.deserialize_map(Members).and_then(|members| reader.end().map(|()| members));
    // serde_json's own message can quote the input, and the input holds a password.
    members.map(Fields).map_err(|wrong| {
        FieldFault::body(format!(
            "the body is not a JSON object (line {} column {})",
            wrong.line(),
            wrong.column()
        ))
    })
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_key_is_seen() {
        let fields = from_json(br#"{"username":"a","username":"b","password":"c"}"#).unwrap();
        let faults = fields.exactly(&["username", "password"], &[]).unwrap_err();
        assert_eq!(sentence(&faults), "username: came more than once");
    }

    #[test]
    fn a_refusal_repeats_no_name_it_does_not_know() {
        let fields = from_json(br#"{"hunter2":"a"}"#).unwrap();
        let faults = fields.exactly(&["username"], &[]).unwrap_err();
        assert!(!sentence(&faults).contains("hunter2"));
    }

    #[test]
    fn a_refusal_repeats_no_body() {
        let fault = from_json(b"hunter2").unwrap_err();
        assert!(!fault.to_string().contains("hunter2"));
    }
}
