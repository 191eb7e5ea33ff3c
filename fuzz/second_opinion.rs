//! What serde_json makes of the same bytes.

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
