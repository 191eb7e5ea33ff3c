//! Request: what to send to an API of the cloud.
//!
//! Make it with `keyfob_request_new`, set headers, query and body, and send it as often as wanted
//! with `keyfob_client_send`, `keyfob_client_open` or `keyfob_client_download`; free it with
//! `keyfob_request_free` at any time after that. Everything that is passed in is copied, but for
//! the functions of the next group. A request is plain data and belongs to no client: one thread
//! may change it, or any number may send it.

use super::convert::{Out, bytes, free_handle, handle_mut, into_handle, milliseconds, text};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use crate::client::request::Request;
use crate::error::Status;
use std::ffi::c_char;
use std::ptr;

/// A request, to be sent as often as wanted. Freed with `keyfob_request_free`. Not to be used from
/// two threads while one of them changes it.
pub struct keyfob_request(pub(super) Request);

/// Makes a request. `method` is any HTTP method but CONNECT and TRACE. `url` is absolute, or
/// relative to the provider's base URL (`devices?page=2`; a leading slash begins at the host; RFC
/// 3986 5.2), or begins with a discovered endpoint: `{deviceBaseUrl}/Device`. Whether the token may
/// go there is checked when the request is sent. Free it with `keyfob_request_free`.
///
/// `KEYFOB_INVALID_ARGUMENT`: not a method, or not a URL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_new(
    method: *const c_char,
    url: *const c_char,
    out: *mut *mut keyfob_request,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        let request = Request::new(text(method, "method")?, text(url, "url")?)?;
        out.set(into_handle(keyfob_request(request)));
        Ok(())
    })
}

/// Sets a header, in place of one of the same name. Those of the connection (`Host`,
/// `Content-Length`, ...) are refused here; those that carry the token are refused when the request
/// is sent.
///
/// `KEYFOB_INVALID_ARGUMENT`: a header of the connection, a name that is none, a value with a line
/// break or another character that headers cannot carry, or more than 64 KiB of both.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_set_header(
    request: *mut keyfob_request,
    name: *const c_char,
    value: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        handle_mut(request, "request")?.0.set_header(text(name, "name")?, text(value, "value")?)
    })
}

/// Adds `name=value` to the query, both percent-encoded. The same name may be added again.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_add_query(
    request: *mut keyfob_request,
    name: *const c_char,
    value: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        handle_mut(request, "request")?.0.add_query(text(name, "name")?, text(value, "value")?);
        Ok(())
    })
}

/// Sets the body to a copy of `len` bytes, in place of any before. `data` may be NULL where `len`
/// is 0. `Content-Type` is the caller's to set, where the provider has none of its own.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_set_body(
    request: *mut keyfob_request,
    data: *const u8,
    len: usize,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        handle_mut(request, "request")?.0.set_body(bytes(data, len, "data")?);
        Ok(())
    })
}

/// Sets the longest this request takes, in milliseconds, its retries and a renewal included: a day
/// at most; 0 leaves it to the client.
///
/// `KEYFOB_INVALID_ARGUMENT`: the time is negative.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_set_timeout_ms(
    request: *mut keyfob_request,
    ms: i64,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        handle_mut(request, "request")?.0.timeout = milliseconds(ms, "ms")?;
        Ok(())
    })
}

/// Says whether sending the request twice does no harm. Only then is it repeated after a fault that
/// leaves open whether the cloud carried it out. True from the start for GET, HEAD, OPTIONS, PUT
/// and DELETE (RFC 9110 9.2.2), false for all others.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_set_idempotent(
    request: *mut keyfob_request,
    idempotent: bool,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        handle_mut(request, "request")?.0.set_idempotent(idempotent);
        Ok(())
    })
}

/// Frees a request. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_free(request: *mut keyfob_request) {
    plain((), || free_handle(request));
}
