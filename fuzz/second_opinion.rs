//! What serde_json makes of the same bytes.

/// Both parsers take the same documents, and read the same in them.
pub fn json(data: &[u8]) {
    let judged: Result<serde_json::Value, _> = serde_json::from_slice(data);
    let ours = keyfob::fuzzing::json(data);
    match (ours, judged) {
        (Some(ours), Ok(judged)) => {
            let ours: serde_json::Value = serde_json::from_str(&ours).unwrap();
            assert_eq!(ours, judged);
        }
        (None, Err(_)) => {}
        // A number may be larger than any type of theirs holds; ours keeps its digits.
        (Some(_), Err(error)) => {
            assert!(error.to_string().contains("number out of range"), "refused: {error}");
        }
        (None, Ok(judged)) => panic!("we refused {judged}"),
    }
}
