//! Library: which version is here, and who frees its strings.
//!
//! A program that is linked to keyfob needs nothing of this group but `keyfob_string_free`. One
//! that loads the library at run time, as a binding does, first checks that `keyfob_abi_version` is
//! not smaller than the `KEYFOB_ABI_VERSION` it was written for. Any thread may call these
//! functions at any time; none of them waits, and none can fail.

use super::convert::free_text;
use super::panics::plain;
use std::ffi::c_char;

/// The number of this interface. It grows by one with each release that adds a function, a status
/// or a type. What is there keeps its name, number and meaning: docs/ABI.md has the promise.
pub const KEYFOB_ABI_VERSION: u32 = 1;

/// The version of the library that this header came with, MAJOR.MINOR.PATCH, for `#if`. What
/// `keyfob_version` gives is the version of the library that is loaded; the two may differ.
pub const KEYFOB_VERSION_MAJOR: u32 = 0;
/// See `KEYFOB_VERSION_MAJOR`.
pub const KEYFOB_VERSION_MINOR: u32 = 1;
/// See `KEYFOB_VERSION_MAJOR`.
pub const KEYFOB_VERSION_PATCH: u32 = 0;

/// The `KEYFOB_ABI_VERSION` of the library that is loaded. Whoever loads it at run time compares: a
/// smaller number than the program was compiled with means that functions may be missing.
#[unsafe(no_mangle)]
pub extern "C" fn keyfob_abi_version() -> u32 {
    KEYFOB_ABI_VERSION
}

/// The version of the library that is loaded, such as `0.1.0`. Static: never freed.
#[unsafe(no_mangle)]
pub extern "C" fn keyfob_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Overwrites a string with zeroes and frees it: one that a function of this library gave through a
/// `char **`, and no other. The C library's `free` must not be used in its place, since the two may
/// have different heaps. NULL is fine.
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
