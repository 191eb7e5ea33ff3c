//! Error: why one call failed.
//!
//! Each function that can fail takes a `keyfob_error **err` as its last argument. On failure it
//! makes an error there, which the caller looks at and frees with `keyfob_error_free`; on success
//! it writes NULL. Who wants no more than the status passes NULL. There is no "last error" of a
//! thread: an error belongs to the call that gave it, so that bindings may move between threads.
//!
//! An error is plain data that never changes: any thread may read it until it is freed. Each
//! function here takes NULL for an error and then returns what stands for "none".

use super::convert::{free_handle, into_handle};
use super::panics::plain;
use crate::error::{Error, Status};
use std::ffi::{CString, c_char};
use std::ptr;

/// Why a call failed. Owned by the caller of the function that gave it; freed with
/// `keyfob_error_free`. Any thread may read it.
pub struct keyfob_error {
    error: Error,
    // The texts as C strings, made once, so that what the functions below lend out lives as long as
    // the error does.
    message: CString,
    provider_code: Option<CString>,
    provider_message: Option<CString>,
}

impl keyfob_error {
    /// Hands an error over to the caller. A NUL inside a text, which a cloud may have sent, becomes
    /// a blank: C would see the text end there.
    pub(super) fn boxed(error: Error) -> *mut keyfob_error {
        let c = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
        into_handle(keyfob_error {
            message: c(error.message()),
            provider_code: error.provider_code().map(c),
            provider_message: error.provider_message().map(c),
            error,
        })
    }

    /// What `read` finds in the error; `fallback` for NULL.
    fn read<T>(
        pointer: *const keyfob_error,
        fallback: T,
        read: impl FnOnce(&keyfob_error) -> T,
    ) -> T {
        // SAFETY: by the header's contract NULL or an error that was not freed.
        match unsafe { pointer.as_ref() } {
            Some(error) => plain(fallback, || read(error)),
            None => fallback,
        }
    }
}

/// The status that the call returned: what a program branches on. `KEYFOB_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_status(error: *const keyfob_error) -> Status {
    keyfob_error::read(error, Status::Ok, |e| e.error.status())
}

/// What happened and what to do about it, for a person: one line of less than 1000 bytes, without a
/// secret. Its words may change with any release. Never NULL; empty for NULL. Borrowed until the
/// error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_message(error: *const keyfob_error) -> *const c_char {
    keyfob_error::read(error, c"".as_ptr(), |e| e.message.as_ptr())
}

/// The HTTP status of the answer that caused this; 0 if no answer did, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_http_status(error: *const keyfob_error) -> i32 {
    keyfob_error::read(error, 0, |e| e.error.http_status().map_or(0, i32::from))
}

/// The cloud's own code for the fault, such as `invalid_grant` (RFC 6749 5.2); NULL if it gave
/// none. Borrowed until the error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_provider_code(error: *const keyfob_error) -> *const c_char {
    keyfob_error::read(error, ptr::null(), |e| {
        e.provider_code.as_ref().map_or(ptr::null(), |c| c.as_ptr())
    })
}

/// The cloud's own sentence about the fault, such as `Session not active`; NULL if it gave none.
/// One line of at most 200 characters, without secrets. Borrowed until the error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_provider_message(
    error: *const keyfob_error,
) -> *const c_char {
    keyfob_error::read(error, ptr::null(), |e| {
        e.provider_message.as_ref().map_or(ptr::null(), |c| c.as_ptr())
    })
}

/// How many milliseconds to wait before another try: what the cloud asked for (`Retry-After`, RFC
/// 9110 10.2.3), or what is left of a hold on rejected credentials. -1 if neither says, and for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_retry_after_ms(error: *const keyfob_error) -> i64 {
    keyfob_error::read(error, -1, |e| {
        e.error.retry_after().map_or(-1, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
    })
}

/// Whether the same call may succeed later with nothing changed but the time. keyfob has retried by
/// then what may be retried within the call's limit. False for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_is_retriable(error: *const keyfob_error) -> bool {
    keyfob_error::read(error, false, |e| e.error.is_retriable())
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_free(error: *mut keyfob_error) {
    plain((), || free_handle(error));
}
