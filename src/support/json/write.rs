//! A value to a text: compact, one line.
//!
//! It writes by itself instead of through serde_json, because a text with secrets must be written
//! into memory that does not move.

use super::Value;
use zeroize::Zeroizing;

impl Value {
    /// The value as JSON. The length is counted first: a buffer that grows would leave copies of
    /// secrets behind.
    pub fn to_json(&self) -> Zeroizing<String> {
        let mut length = 0;
        self.write(&mut |piece| length += piece.len());
        let mut text = Zeroizing::new(String::with_capacity(length));
        self.write(&mut |piece| text.push_str(piece));
        text
    }

    /// Hands over the text piece by piece. Called twice for each text: to count, and to write.
    fn write(&self, to: &mut dyn FnMut(&str)) {
        match self {
            Value::Null => to("null"),
            Value::Bool(true) => to("true"),
            Value::Bool(false) => to("false"),
            Value::Number(digits) => to(digits),
            Value::Text(text) => quoted(text, to),
            Value::Array(items) => {
                to("[");
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        to(",");
                    }
                    item.write(to);
                }
                to("]");
            }
            Value::Object(members) => {
                to("{");
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        to(",");
                    }
                    quoted(name, to);
                    to(":");
                    value.write(to);
                }
                to("}");
            }
        }
    }
}

/// A text in quotes, with no more escaped than RFC 8259 7 asks for: quotes, backslashes, control
/// characters.
fn quoted(text: &str, to: &mut dyn FnMut(&str)) {
    to("\"");
    for piece in text.split_inclusive(|c: char| c < ' ' || c == '"' || c == '\\') {
        let last = piece.chars().next_back().filter(|c| *c < ' ' || *c == '"' || *c == '\\');
        to(&piece[..piece.len() - last.map_or(0, char::len_utf8)]);
        match last {
            None => {}
            Some('"') => to("\\\""),
            Some('\\') => to("\\\\"),
            Some('\n') => to("\\n"),
            Some('\r') => to("\\r"),
            Some('\t') => to("\\t"),
            Some(control) => to(&format!("\\u{:04x}", u32::from(control))),
        }
    }
    to("\"");
}
