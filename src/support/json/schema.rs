//! What a reader reads, as a JSON Schema (2020-12): made from the very types, so that no page can
//! differ from them. For tests, which write it to docs/.

use super::Value;
use super::object;
use crate::support::ordered::Ordered;

/// What can be described. Objects with members of their own go into the definitions, once each.
pub(crate) trait Schema {
    fn schema(definitions: &mut Definitions) -> Value;
}

/// The named parts of a schema.
#[derive(Default)]
pub(crate) struct Definitions(pub Vec<(String, Value)>);

/// A member of an object: its name, what it is for, what it is, and whether it must be there.
pub(crate) struct Described {
    pub name: &'static str,
    pub doc: String,
    pub kind: Value,
    pub needed: bool,
}

impl Definitions {
    /// An object with these members and no others, under its type's name.
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

/// One of several.
pub(crate) fn any_of<const N: usize>(kinds: [Value; N]) -> Value {
    object([("anyOf", kinds.into_iter().collect())])
}

/// A value of a plain type.
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

/// The same JSON, for people: two blanks a level, short arrays on one line.
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
