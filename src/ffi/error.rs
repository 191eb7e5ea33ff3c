//! `keyfob_error`: why a call failed.

use super::convert::{free_handle, into_handle};
use super::panics::plain;
use crate::error::{Error, Status};
use std::ffi::{CString, c_char};
use std::ptr;

/// Why a call failed. It belongs to the call that returned it and to whoever made that call, who
/// frees it with `keyfob_error_free`. Plain data: any thread may read it.
pub struct keyfob_error {
    error: Error,
    message: CString,
    provider_code: Option<CString>,
    provider_message: Option<CString>,
}

impl keyfob_error {
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

/// The status of the call that failed, as the call returned it. `KEYFOB_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_status(error: *const keyfob_error) -> Status {
    keyfob_error::read(error, Status::Ok, |e| e.error.status())
}

/// What happened and what to do about it, in one line without a secret. Never NULL; empty for NULL.
/// Borrowed until the error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_message(error: *const keyfob_error) -> *const c_char {
    keyfob_error::read(error, c"".as_ptr(), |e| e.message.as_ptr())
}

/// The HTTP status of the answer that caused this; 0 if no answer did.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_http_status(error: *const keyfob_error) -> i32 {
    keyfob_error::read(error, 0, |e| e.error.http_status().map_or(0, i32::from))
}

/// The cloud's own code for the fault, such as `invalid_grant`; NULL if it gave none. Borrowed until
/// the error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_provider_code(error: *const keyfob_error) -> *const c_char {
    keyfob_error::read(error, ptr::null(), |e| {
        e.provider_code.as_ref().map_or(ptr::null(), |c| c.as_ptr())
    })
}

/// The cloud's own sentence about the fault, such as `Session not active`; NULL if it gave none. At most
/// 200 characters, on one line, without secrets. Borrowed until the error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_provider_message(
    error: *const keyfob_error,
) -> *const c_char {
    keyfob_error::read(error, ptr::null(), |e| {
        e.provider_message.as_ref().map_or(ptr::null(), |c| c.as_ptr())
    })
}

/// How many milliseconds to wait before another try, where the cloud or a hold says so; -1 if not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_retry_after_ms(error: *const keyfob_error) -> i64 {
    keyfob_error::read(error, -1, |e| {
        e.error.retry_after().map_or(-1, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
    })
}

/// Whether the same call may succeed later with nothing changed but the time. False for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_is_retriable(error: *const keyfob_error) -> bool {
    keyfob_error::read(error, false, |e| e.error.is_retriable())
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_free(error: *mut keyfob_error) {
    plain((), || free_handle(error));
}
