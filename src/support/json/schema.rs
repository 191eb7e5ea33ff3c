//! What a reader reads, as a JSON Schema (draft 2020-12), for tests alone.
//!
//! It is made from the very types that read a profile, so that docs/profile.schema.json cannot
//! differ from them. A test writes that file, or fails when it is out of date.

use super::Value;
use super::object;
use crate::support::ordered::Ordered;

/// A type that can be described.
pub(crate) trait Schema {
    /// The schema of its values. Objects with members of their own go into the definitions, once
    /// each, and are referred to.
    fn schema(definitions: &mut Definitions) -> Value;
}

/// The named parts of a schema (`$defs`), in the order in which they were first met.
#[derive(Default)]
pub(crate) struct Definitions(pub Vec<(String, Value)>);

/// A member of an object.
pub(crate) struct Described {
    pub name: &'static str,
    /// What it is for: the doc comment of the field.
    pub doc: String,
    pub kind: Value,
    /// Whether it must be there.
    pub needed: bool,
}

impl Definitions {
    /// An object with these members and no others, under its type's name. Gives the reference to
    /// it.
    pub fn object(
        &mut self,
        name: &str,
        members: impl FnOnce(&mut Definitions) -> Vec<Described>,
    ) -> Value {
        if !self.0.iter().any(|(known, _)| known == name) {
            // Its place is kept, for those that are made of themselves.
            self.0.push((name.into(), Value::Null));
            let members = members(self);
            let needed = members.iter().filter(|member| member.needed);
            let needed: Value = needed.map(|member| member.name).collect();
            let properties = members.into_iter().map(|member| {
                let Value::Object(mut kind) = member.kind else { panic!("{}", member.name) };
                if !member.doc.is_empty() {
                    kind.insert(0, ("description".into(), member.doc.trim().into()));
                }
                (member.name.to_string(), Value::Object(kind))
            });
            let schema = object([
                ("type", "object".into()),
                ("properties", Value::Object(properties.collect())),
                ("required", needed),
                ("additionalProperties", false.into()),
            ]);
            let place = self.0.iter_mut().find(|(known, _)| known == name);
            place.expect("kept").1 = schema;
        }
        object([("$ref", Value::from(&format!("#/$defs/{name}")))])
    }
}

/// A value that fits at least one of these.
pub(crate) fn any_of<const N: usize>(kinds: [Value; N]) -> Value {
    object([("anyOf", kinds.into_iter().collect())])
}

/// A value of one of JSON's own types: `string`, `integer`, `boolean`.
pub(crate) fn plain(name: &str) -> Value {
    object([("type", name.into())])
}

/// A text in a form that a regular expression tells.
pub(crate) fn pattern(pattern: &str) -> Value {
    object([("type", "string".into()), ("pattern", pattern.into())])
}

/// One of these words.
pub(crate) fn words<'a>(words: impl Iterator<Item = &'a str>) -> Value {
    object([("enum", words.collect())])
}

macro_rules! plain_types {
    ($($type:ty: $name:literal)*) => {$(
        impl Schema for $type {
            fn schema(_: &mut Definitions) -> Value {
                plain($name)
            }
        }
    )*};
}

plain_types!(bool: "boolean" String: "string" u8: "integer" u16: "integer" u32: "integer" u64: "integer");

impl Schema for Value {
    fn schema(_: &mut Definitions) -> Value {
        Value::Object(Vec::new())
    }
}

impl<T: Schema> Schema for Option<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }
}

impl<T: Schema> Schema for Vec<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        object([("type", "array".into()), ("items", T::schema(definitions))])
    }
}

impl<T: Schema> Schema for super::read::OneOrMany<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        any_of([T::schema(definitions), Vec::<T>::schema(definitions)])
    }
}

impl<T: Schema> Schema for Ordered<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        object([("type", "object".into()), ("additionalProperties", T::schema(definitions))])
    }
}

impl<A: Schema, B: Schema> Schema for (A, B) {
    fn schema(definitions: &mut Definitions) -> Value {
        let both = [A::schema(definitions), B::schema(definitions)];
        object([
            ("type", "array".into()),
            ("prefixItems", both.into_iter().collect()),
            ("minItems", 2u64.into()),
            ("maxItems", 2u64.into()),
        ])
    }
}

/// Writes the value for people: two blanks a level, and arrays of texts on one line.
pub(crate) fn pretty(value: &Value, level: usize, to: &mut String) {
    let (open, close) = match value {
        Value::Object(members) if !members.is_empty() => ("{", "}"),
        Value::Array(items) if items.iter().any(|item| item.as_str().is_none()) => ("[", "]"),
        short => return to.push_str(&short.to_json()),
    };
    let blanks = "  ".repeat(level + 1);
    to.push_str(open);
    let mut first = true;
    let mut line = |to: &mut String| {
        to.push_str(if std::mem::take(&mut first) { "\n" } else { ",\n" });
        to.push_str(&blanks);
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                line(to);
                to.push_str(&Value::from(name).to_json());
                to.push_str(": ");
                pretty(value, level + 1, to);
            }
        }
        Value::Array(items) => {
            for item in items {
                line(to);
                pretty(item, level + 1, to);
            }
        }
        _ => {}
    }
    to.push_str(&format!("\n{}{close}", "  ".repeat(level)));
}
