//! What serde_json and httparse make of the same bytes.

use serde_json::Value;

/// Both parsers take the same documents, and read the same in them.
pub fn json(data: &[u8]) {
    let judged: Result<Value, _> = serde_json::from_slice(data);
    let ours = keyfob::fuzzing::json(data);
    match (ours, judged) {
        (Some(ours), Ok(judged)) => {
            let ours: Value = serde_json::from_str(&ours).unwrap();
            assert!(same(&ours, &judged), "{ours}\n{judged}");
        }
        (None, Err(_)) => {}
        (Some(ours), Err(error)) => panic!("we took {ours}, and they say: {error}"),
        (None, Ok(judged)) => panic!("we refused {judged}"),
    }
}

/// The same, but for the last digit of a fraction: ours has been read, written and read again.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= one.abs() * 4.0 * f64::EPSILON
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            let known = |(name, value)| other.get(name).is_some_and(|found| same(value, found));
            one.len() == other.len() && one.iter().all(known)
        }
        _ => one == other,
    }
}

/// What is taken out of a head is what httparse, which ureq reads with, finds in it. In what is left it
/// finds the headers that frame a body, as they were, and the same behind them.
pub fn head(data: &[u8]) {
    let Some((fields, left)) = keyfob::fuzzing::head(data) else { return };
    let frames = |name: &str| ["content-length", "transfer-encoding", "connection"].contains(&name);
    match (parsed(data), parsed(&left)) {
        (Some((status, all, rest)), Some(read)) => {
            assert_eq!(all, fields);
            let framing = all.into_iter().filter(|(name, _)| frames(name)).collect();
            assert_eq!((status, framing, rest), read);
        }
        // A version or a status that is none: ureq tells, from what is left.
        (None, None) => {}
        (all, read) => panic!("{all:?} and {read:?}"),
    }
}

/// The status, the headers, and what is behind them; `None` where that is no whole head.
fn parsed(bytes: &[u8]) -> Option<(Option<u16>, Vec<(String, String)>, &[u8])> {
    let mut headers = [httparse::EMPTY_HEADER; 2048];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else { return None };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let fields = head.headers.iter().map(|h| (h.name.to_ascii_lowercase(), text(h.value)));
    Some((head.code, fields.collect(), &bytes[length..]))
}
