//! A file of any size for trying downloads, `/files/{size}`, with ranges (RFC 9110 14); and a place
//! for uploads, `/uploads`, that says what arrived.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::http::Answer;

use super::call::Call;
use super::rules::Outcome;

/// The largest file there is.
const LARGEST: usize = 256 * 1024 * 1024;

/// The file of this size. Its bytes follow from their places, so that a wrong range shows.
pub(super) fn download(call: &Call<'_>, size: &str) -> Outcome {
    let size = size.parse().ok().filter(|size| *size <= LARGEST);
    let Some(size) = size else { return Err(call.rules.error(404, "there is no such file")) };
    let whole = bytes(size);
    let tag = format!("\"size-{size}\"");
    let headed = |answer: Answer| {
        answer.with("ETag", tag.clone()).with("Accept-Ranges", "bytes").with(
            "Repr-Digest",
            format!("sha-256=:{}:", BASE64_STANDARD.encode(digest(&SHA256, &whole))),
        )
    };
    let same = call.request.header("if-range").is_none_or(|wanted| wanted == tag);
    let from = call
        .request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from.filter(|_| same) {
        None => Ok(headed(Answer::of(200, "application/octet-stream", whole.clone()))),
        Some(from) if from >= size => {
            Ok(headed(Answer::empty(416)).with("Content-Range", format!("bytes */{size}")))
        }
        Some(from) => {
            let rest = Answer::of(206, "application/octet-stream", whole[from..].to_vec());
            let range = format!("bytes {from}-{}/{size}", size - 1);
            Ok(headed(rest).with("Content-Range", range))
        }
    }
}

/// Says how much arrived, and its digest.
pub(super) fn upload(call: &Call<'_>) -> Outcome {
    let body = &call.request.body;
    let sha256: String =
        digest(&SHA256, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Answer::json(200, &json!({ "length": body.len(), "sha256": sha256 })))
}

/// The bytes of a file.
pub fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}
