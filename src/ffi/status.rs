//! Status: what a call returns.
//!
//! `KEYFOB_OK` is 0 and every other number is one kind of failure, so `if (status)` asks whether a
//! call failed, and a `switch` decides what to do. docs/ERRORS.md says of each status what happened
//! and what to do about it. A number is never used for anything else later. A newer library may
//! return one that this header does not have: treat it as a failure.

use crate::error::Status;
use std::ffi::c_char;

pub use crate::error::Status as keyfob_status;

/// A status's name without `KEYFOB_`, such as `CREDENTIALS_REJECTED`; `UNKNOWN` for a number that
/// this library does not have. Static: never freed.
#[unsafe(no_mangle)]
pub extern "C" fn keyfob_status_name(status: i32) -> *const c_char {
    Status::from_number(status).map_or(c"UNKNOWN", Status::c_name).as_ptr()
}
