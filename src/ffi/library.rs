//! The library as a whole: its versions, its statuses, its providers, its strings.

use super::convert::{Out, free_text};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use crate::error::Status;
use std::ffi::c_char;

/// The version of this interface. It grows with every addition; what is there stays as it is.
pub const KEYFOB_ABI_VERSION: u32 = 1;

/// The version of the library that this header came with: MAJOR.MINOR.PATCH, as `keyfob_version`
/// gives it of the library that is loaded.
pub const KEYFOB_VERSION_MAJOR: u32 = 0;
/// See `KEYFOB_VERSION_MAJOR`.
pub const KEYFOB_VERSION_MINOR: u32 = 1;
/// See `KEYFOB_VERSION_MAJOR`.
pub const KEYFOB_VERSION_PATCH: u32 = 0;

/// The `KEYFOB_ABI_VERSION` this library was built with. A binding compares it with its own when it
/// loads the library: the library's must not be smaller.
#[unsafe(no_mangle)]
pub extern "C" fn keyfob_abi_version() -> u32 {
    KEYFOB_ABI_VERSION
}

/// The library's version, such as `0.1.0`. Static: never freed.
#[unsafe(no_mangle)]
pub extern "C" fn keyfob_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// A status's name without `KEYFOB_`, such as `CREDENTIALS_REJECTED`; `UNKNOWN` for a number that
/// is none. Static: never freed.
#[unsafe(no_mangle)]
pub extern "C" fn keyfob_status_name(status: i32) -> *const c_char {
    Status::from_number(status).map_or(c"UNKNOWN", Status::c_name).as_ptr()
}

/// The built-in providers as JSON: `{"providers": [{"name", "title", "notes", "logins": [{"name",
/// "title", "needs", "uses"}], "options": [...]}], "options": [{"name", "group", "type", "default",
/// "secret", "help"}]}`. The string is the caller's, to be freed with `keyfob_string_free`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_providers_json(
    json: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(json, "json")?;
        out.set_text(&crate::provider::providers_json()?);
        Ok(())
    })
}

/// Overwrites a string with zeroes and frees it: one that a function of this library gave through a
/// `char **`. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_string_free(string: *mut c_char) {
    plain((), || free_text(string));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_version_is_the_crates() {
        let header = [KEYFOB_VERSION_MAJOR, KEYFOB_VERSION_MINOR, KEYFOB_VERSION_PATCH];
        assert_eq!(header.map(|number| number.to_string()).join("."), env!("CARGO_PKG_VERSION"));
    }
}
