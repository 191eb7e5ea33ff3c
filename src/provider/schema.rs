//! docs/profile.schema.json: what a profile may say, for editors, made from the types that read it.
//!
//! A schema that is written by hand falls behind its reader. Here each type that reads a member
//! says what an editor may accept for it: never less than the reader does, so that no good profile
//! is underlined.

use super::computed::{Computed, Form, Time, Writing, Written};
use super::json_template::JsonTemplate;
use super::pointer::Pointer;
use super::profile::{Carriers, Entry, Format, Present};
use super::rule::Code;
use super::template::{Number, Template};
use crate::http::url::OriginRule;
use crate::support::crypto::JwtAlgorithm;
use crate::support::json::schema::{Definitions, Schema, any_of, pattern, plain, pretty, words};
use crate::support::json::{Value, object};
use crate::support::ordered::Ordered;

/// Any text. Whether its names mean something, only the whole profile says.
impl Schema for Template {
    fn schema(_: &mut Definitions) -> Value {
        plain("string")
    }
}

/// A whole number, or a template that becomes one.
impl Schema for Number {
    fn schema(_: &mut Definitions) -> Value {
        any_of([plain("integer"), plain("string")])
    }
}

/// Any JSON: what is sent is the cloud's to say.
impl Schema for JsonTemplate {
    fn schema(_: &mut Definitions) -> Value {
        Value::Object(Vec::new())
    }
}

/// Scheme and host, and no path.
impl Schema for OriginRule {
    fn schema(_: &mut Definitions) -> Value {
        pattern("^https?://[^/]+$")
    }
}

/// A JSON pointer, a header or a cookie; the empty text is the whole body.
impl Schema for Pointer {
    fn schema(_: &mut Definitions) -> Value {
        pattern("^(/.*|header:.+|cookie:.+|\\?)?$")
    }
}

/// A word, a number, or `false` for an answer without a code.
impl Schema for Code {
    fn schema(_: &mut Definitions) -> Value {
        any_of([plain("string"), plain("number"), object([("const", false.into())])])
    }
}

/// One of the words there are.
impl Schema for Form {
    fn schema(_: &mut Definitions) -> Value {
        words(Form::NAMES.iter().map(|(name, _)| *name))
    }
}

impl Schema for Writing {
    fn schema(_: &mut Definitions) -> Value {
        words(Writing::NAMES.iter().map(|(name, _)| *name))
    }
}

impl Schema for JwtAlgorithm {
    fn schema(_: &mut Definitions) -> Value {
        words(JwtAlgorithm::NAMES.iter().map(|(name, _)| *name))
    }
}

/// `s`, `ms`, or text with at least one of the letters that stand for a part of the time.
impl Schema for Time {
    fn schema(_: &mut Definitions) -> Value {
        pattern("^(s|ms|([^%]|%[YmdHMS])*%[YmdHMS]([^%]|%[YmdHMS])*)$")
    }
}

impl Schema for Computed {
    fn schema(definitions: &mut Definitions) -> Value {
        Written::schema(definitions)
    }
}

/// A text, or how a value is computed.
impl Schema for Entry {
    fn schema(definitions: &mut Definitions) -> Value {
        any_of([plain("string"), Computed::schema(definitions)])
    }
}

/// The places that carry the token; or, as format 1 had it, the headers themselves.
impl Schema for Present {
    fn schema(definitions: &mut Definitions) -> Value {
        any_of([Carriers::schema(definitions), Ordered::<Template>::schema(definitions)])
    }
}

/// The file as it should be.
fn page() -> String {
    let mut definitions = Definitions::default();
    Format::schema(&mut definitions);
    let (_, Value::Object(format)) = definitions.0.remove(0) else {
        panic!("the profile comes first")
    };
    let head = object([
        ("$schema", "https://json-schema.org/draft/2020-12/schema".into()),
        ("title", "A keyfob provider profile".into()),
    ]);
    let Value::Object(mut page) = head else { unreachable!() };
    page.extend(format);
    page.push(("$defs".into(), Value::Object(definitions.0)));
    let mut text = String::new();
    pretty(&Value::Object(page), 0, &mut text);
    text + "\n"
}

/// Where it stands.
fn path() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profile.schema.json")
}

#[test]
fn the_schema_says_what_the_reader_reads() {
    let written = std::fs::read_to_string(path()).unwrap();
    assert!(written == page(), "docs/profile.schema.json is out of date: run `make docs`");
}

#[test]
fn every_field_says_what_it_is_for() {
    let mut definitions = Definitions::default();
    Format::schema(&mut definitions);
    for (name, schema) in &definitions.0 {
        let Some(Value::Object(members)) = schema.get("properties") else { continue };
        for (member, kind) in members {
            assert!(kind.get("description").is_some(), "{name}.{member}");
        }
    }
}

#[test]
#[ignore = "writes docs/: `make docs`"]
fn write() {
    std::fs::write(path(), page()).unwrap();
}
