//! What a fault makes of a real answer.

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::gzip;
use crate::http::Answer;

/// Changes the answer as the fault says; faults of the connection leave it alone.
pub(crate) fn mutate(fault: &Fault, mut answer: Answer) -> Answer {
    match fault {
        Fault::Lost { status } => {
            let page = b"<html><body><h1>The upstream did not answer</h1></body></html>";
            Answer::of(*status, "text/html", page.to_vec())
        }
        Fault::Html200 => {
            let page =
                b"<!DOCTYPE html><html><body><h1>Welcome to the airport Wi-Fi</h1></body></html>";
            Answer::of(200, "text/html; charset=utf-8", page.to_vec())
        }
        Fault::Empty => Answer { body: Vec::new(), ..answer },
        Fault::Truncated => {
            answer.body.truncate(answer.body.len() / 2);
            answer
        }
        Fault::NotObject => Answer { body: b"[1,2,3]".to_vec(), ..answer },
        Fault::DeepJson(depth) => {
            let body = format!("{{\"deep\":{}{}}}", "[".repeat(*depth), "]".repeat(*depth));
            Answer { body: body.into_bytes(), ..answer }
        }
        Fault::GzipBomb { bytes } => {
            let [before, after] = FILLED;
            answer.set("Content-Encoding", "gzip");
            Answer { body: gzip::bomb(before.as_bytes(), *bytes, after.as_bytes()), ..answer }
        }
        Fault::InvalidUtf8 => {
            let start =
                answer.body.windows(2).position(|pair| pair == b":\"").map_or(0, |at| at + 2);
            answer.body.splice(start..start, [0xff, 0xfe]);
            answer
        }
        Fault::Bom => {
            answer.body.splice(0..0, [0xef, 0xbb, 0xbf]);
            answer
        }
        Fault::DuplicateKeys => reparse(answer, |body| doubled(&body)),
        Fault::SetField { pointer, value } => reparse(answer, |mut body| {
            set(&mut body, pointer, value.clone());
            body.to_string()
        }),
        Fault::RawField { pointer, text } => reparse(answer, |mut body| {
            const PLACE: &str = "(the raw text goes here)";
            set(&mut body, pointer, Value::from(PLACE));
            body.to_string().replacen(&format!("\"{PLACE}\""), text, 1)
        }),
        Fault::RemoveField { pointer } => reparse(answer, |mut body| {
            remove(&mut body, pointer);
            body.to_string()
        }),
        Fault::SetHeader { name, value } => answer.with(name, value.as_str()),
        Fault::RemoveHeader { name } => {
            answer.remove(name);
            answer
        }
        _ => answer,
    }
}

/// What stands around the filling of a huge body.
pub(crate) const FILLED: [&str; 2] = ["{\"access_token\":\"", "\"}"];

/// A body that is not JSON is taken for an empty object, so that the fault shows all the same.
fn reparse(mut answer: Answer, change: impl FnOnce(Value) -> String) -> Answer {
    let body = serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::Object(Map::new()));
    answer.body = change(body).into_bytes();
    answer
}

fn doubled(body: &Value) -> String {
    let Value::Object(members) = body else {
        return body.to_string();
    };
    let decoys = members.keys().map(|name| format!("{}:\"decoy\"", Value::from(name.as_str())));
    let real =
        members.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())));
    let all: Vec<String> = decoys.chain(real).collect();
    format!("{{{}}}", all.join(","))
}

/// Parent and last step of a pointer (RFC 6901), the escapes of the last step undone.
fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, last) = pointer.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn set(body: &mut Value, pointer: &str, value: Value) {
    let Some((parent, last)) = split(pointer) else {
        *body = value;
        return;
    };
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.insert(last, value);
        }
        Some(Value::Array(items)) => {
            if let Some(item) = last.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                *item = value;
            }
        }
        _ => {}
    }
}

fn remove(body: &mut Value, pointer: &str) {
    let Some((parent, last)) = split(pointer) else {
        return;
    };
    if let Some(Value::Object(members)) = body.pointer_mut(parent) {
        members.remove(&last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mutated(fault: &Fault) -> String {
        let answer = Answer::json(200, &json!({ "access_token": "abc", "expires_in": 60 }));
        String::from_utf8_lossy(&mutate(fault, answer).body).into_owned()
    }

    #[test]
    fn a_member_can_be_set_removed_or_made_anything() {
        assert_eq!(
            mutated(&Fault::set_field("/expires_in", json!("60"))),
            r#"{"access_token":"abc","expires_in":"60"}"#
        );
        assert_eq!(
            mutated(&Fault::raw_field("/expires_in", "1e300")),
            r#"{"access_token":"abc","expires_in":1e300}"#
        );
        assert_eq!(mutated(&Fault::remove_field("/access_token")), r#"{"expires_in":60}"#);
        assert_eq!(
            mutated(&Fault::DuplicateKeys),
            r#"{"access_token":"decoy","expires_in":"decoy","access_token":"abc","expires_in":60}"#
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_stand_in_a_string() {
        let answer = Answer::json(200, &json!({ "access_token": "abc" }));
        let body = mutate(&Fault::InvalidUtf8, answer).body;
        assert_eq!(body, b"{\"access_token\":\"\xff\xfeabc\"}");
    }
}
