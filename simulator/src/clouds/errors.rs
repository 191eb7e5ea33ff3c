//! The shapes in which clouds tell an error.

use serde_json::{Value, json};

use crate::http::Answer;

/// `{"message": …}`
pub(super) fn message(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({ "message": why }))
}

/// `{"error": …}`
pub(super) fn error(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}

/// `{"error": {"message": …}}`
pub(super) fn nested(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": { "message": why } }))
}

/// The JSON of a gRPC gateway: the code is gRPC's own.
pub(super) fn grpc(status: u16, why: &str) -> Answer {
    let code = match status {
        401 => 16,
        403 => 7,
        404 => 5,
        _ => 3,
    };
    Answer::json(status, &json!({ "code": code, "message": why, "details": [] }))
}

/// An error of OAuth 2.0 (RFC 6749 5.2).
pub(super) fn oauth(status: u16, code: &str, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": code, "error_description": why }))
}

/// A status and nothing else.
pub(super) fn bare(status: u16, _why: &str) -> Answer {
    Answer::empty(status)
}

/// A body of another shape.
pub(super) fn shaped(status: u16, body: Value) -> Answer {
    Answer::json(status, &body)
}
