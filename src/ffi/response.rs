//! `keyfob_response`: what came back.

use super::convert::{Out, bytes_mut, free_handle, handle, handle_mut, into_handle, text};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use crate::client::response::Response;
use crate::error::Status;
use std::ffi::{CStr, CString, c_char};
use std::ptr;

/// An answer: whole from `keyfob_client_send`, its body still to be read from `keyfob_client_open`.
/// Any thread may look at it.
pub struct keyfob_response {
    response: Response,
    /// The headers as C strings, in their order.
    headers: Vec<(CString, CString)>,
}

impl keyfob_response {
    pub(super) fn boxed(response: Response) -> *mut keyfob_response {
        let c = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let headers = response.headers().map(|(name, value)| (c(name), c(value))).collect();
        into_handle(keyfob_response { response, headers })
    }

    /// What `read` finds in the response; `fallback` for NULL.
    fn read<T: Copy>(
        pointer: *const keyfob_response,
        fallback: T,
        read: impl FnOnce(&keyfob_response) -> T,
    ) -> T {
        // SAFETY: by the header's contract NULL or a response that was not freed.
        match unsafe { pointer.as_ref() } {
            Some(response) => plain(fallback, || read(response)),
            None => fallback,
        }
    }
}

/// The HTTP status; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_status(response: *const keyfob_response) -> u16 {
    keyfob_response::read(response, 0, |r| r.response.status())
}

/// The value of the first header of this name, without regard to case; NULL if there is none.
/// Borrowed until the response is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_header(
    response: *const keyfob_response,
    name: *const c_char,
) -> *const c_char {
    let Ok(name) = text(name, "name") else { return ptr::null() };
    keyfob_response::read(response, ptr::null(), |r| {
        let is_name = |header: &CStr| header.to_bytes().eq_ignore_ascii_case(name.as_bytes());
        let found = r.headers.iter().find(|(header, _)| is_name(header));
        found.map_or(ptr::null(), |(_, value)| value.as_ptr())
    })
}

/// The name of the header at this index, in lower case, and through `value`, which may be NULL, its
/// value; NULL past the end. Both borrowed until the response is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_header_at(
    response: *const keyfob_response,
    index: usize,
    value: *mut *const c_char,
) -> *const c_char {
    let none = (ptr::null(), ptr::null());
    let (name, found) = keyfob_response::read(response, none, |r| {
        r.headers.get(index).map_or(none, |(name, value)| (name.as_ptr(), value.as_ptr()))
    });
    if !value.is_null() {
        // SAFETY: not NULL, and by the contract writable.
        unsafe { value.write(found) };
    }
    name
}

/// The body and, through `len`, its length; an empty body may be NULL. Binary: no NUL is at its
/// end. Borrowed until the response is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_body(
    response: *const keyfob_response,
    len: *mut usize,
) -> *const u8 {
    let (body, length) = keyfob_response::read(response, (ptr::null(), 0), |r| {
        let body = r.response.body();
        (if body.is_empty() { ptr::null() } else { body.as_ptr() }, body.len())
    });
    if !len.is_null() {
        // SAFETY: not NULL, and by the contract writable.
        unsafe { len.write(length) };
    }
    body
}

/// Reads the next bytes of the body of a response of `keyfob_client_open`: at most `cap` of them, to
/// `buf`. `*len` is how many; 0 at the end of the body. Waits for them at most `idle_timeout_ms`. Not
/// to be called from two threads at once. A response of `keyfob_client_send` is read from memory.
///
/// `KEYFOB_NETWORK`: the body was cut, so what came before is not the whole of it.
/// `KEYFOB_TIMEOUT`, `KEYFOB_CANCELLED`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_read(
    response: *mut keyfob_response,
    buf: *mut u8,
    cap: usize,
    len: *mut usize,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(len, 0, "len")?;
        let buffer = bytes_mut(buf, cap, "buf")?;
        out.set(handle_mut(response, "response")?.response.read(buffer)?);
        Ok(())
    })
}

/// Gives the absolute URL of the link with this relation, such as `next`: from a `Link` header (RFC
/// 8288), a HATEOAS `links` array or a `_links` object; for `next` also where the provider says that
/// its next page is. `KEYFOB_OK` with `*url` NULL where there is no such link. The string is the
/// caller's, to be freed with `keyfob_string_free`.
///
/// `KEYFOB_MALFORMED_ANSWER`: there is such a link, but it is not a URL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_link(
    response: *const keyfob_response,
    rel: *const c_char,
    url: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(url, "url")?;
        let response = handle(response, "response")?;
        if let Some(link) = response.response.link(text(rel, "rel")?)? {
            out.set_text(&link);
        }
        Ok(())
    })
}

/// How many bytes the body has in all, where the answer's head says so; -1 where it does not, and for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_length(response: *const keyfob_response) -> i64 {
    keyfob_response::read(response, -1, |r| {
        r.response.length().map_or(-1, |length| i64::try_from(length).unwrap_or(i64::MAX))
    })
}

/// Frees a response. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_free(response: *mut keyfob_response) {
    plain((), || free_handle(response));
}
