//! Response: what came back, whatever its status.
//!
//! `keyfob_client_send` gives a response that is whole: `keyfob_response_body` is its body.
//! `keyfob_client_open` gives one whose body is still to come: read it with `keyfob_response_read`
//! until that gives 0 bytes. What the functions here return is borrowed until the response is freed
//! with `keyfob_response_free`; the client and the request may be freed before. Any number of
//! threads may look at a response; one at a time may read its body.

use super::convert::{Out, bytes_mut, free_handle, handle, handle_mut, into_handle, text};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use crate::client::response::Response;
use crate::error::{Result, Status};
use once_cell::race::OnceBox;
use std::ffi::{CStr, CString, c_char};
use std::ptr;

/// An answer: whole from `keyfob_client_send`, its body still to be read from `keyfob_client_open`.
/// Freed with `keyfob_response_free`. Any thread may look at it; one at a time may read its body.
pub struct keyfob_response {
    response: Response,
    /// The headers as C strings, in their order: made once, when one is asked for, so that what is
    /// lent out lives as long as the response.
    headers: OnceBox<Vec<(CString, CString)>>,
}

impl keyfob_response {
    /// Hands a response over to the caller.
    pub(super) fn boxed(response: Response) -> *mut keyfob_response {
        into_handle(keyfob_response { response, headers: OnceBox::new() })
    }

    /// A NUL inside a header becomes a blank.
    fn headers(&self) -> &[(CString, CString)] {
        let c = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let pairs = || self.response.headers().map(|(name, value)| (c(name), c(value))).collect();
        self.headers.get_or_init(|| Box::new(pairs()))
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

/// The HTTP status (RFC 9110 15), such as 404; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_status(response: *const keyfob_response) -> u16 {
    keyfob_response::read(response, 0, |r| r.response.status())
}

/// The value of the first header of this name, without regard to case (RFC 9110 5.1); NULL if there
/// is none, and for NULL. Borrowed until the response is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_header(
    response: *const keyfob_response,
    name: *const c_char,
) -> *const c_char {
    let Ok(name) = text(name, "name") else { return ptr::null() };
    keyfob_response::read(response, ptr::null(), |r| {
        let is_name = |header: &CStr| header.to_bytes().eq_ignore_ascii_case(name.as_bytes());
        let found = r.headers().iter().find(|(header, _)| is_name(header));
        found.map_or(ptr::null(), |(_, value)| value.as_ptr())
    })
}

/// The name of the header at this index, counted from 0, in lower case; and through `value`, which may
/// be NULL, its value. NULL past the end. Both borrowed until the response is freed. Headers of one
/// name are in the order in which they came, which is the one that means something (RFC 9110 5.3). A
/// body that was unpacked has no `Content-Encoding` and `Content-Length`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_header_at(
    response: *const keyfob_response,
    index: usize,
    value: *mut *const c_char,
) -> *const c_char {
    let none = (ptr::null(), ptr::null());
    let (name, found) = keyfob_response::read(response, none, |r| {
        r.headers().get(index).map_or(none, |(name, value)| (name.as_ptr(), value.as_ptr()))
    });
    if !value.is_null() {
        // SAFETY: not NULL, and by the contract writable.
        unsafe { value.write(found) };
    }
    name
}

/// The body of a response that is whole and, through `len`, which may be NULL, its length in bytes.
/// Binary: no NUL is at its end; an empty body may be NULL. That of `keyfob_client_open` is read
/// with `keyfob_response_read` instead; that of `keyfob_client_download` is in its file. Borrowed
/// until the response is freed.
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

/// Reads the next bytes of the body of a response of `keyfob_client_open`: at most `cap` of them,
/// to `buf`. `*len` is how many; 0 at the end of the body. Waits for them at most
/// `idle_timeout_ms`. Not to be called from two threads at once. A response of `keyfob_client_send`
/// is read from memory.
///
/// `KEYFOB_NETWORK`: the body was cut, so what came before is not the whole of it (RFC 9112 8); a later
/// read fails, too. `KEYFOB_TIMEOUT`: nothing came for `idle_timeout_ms`, or all of it took longer than
/// `transfer_timeout_ms`. `KEYFOB_CANCELLED`: `keyfob_client_cancel` on the handle that opened it,
/// or its progress function. `KEYFOB_INVALID_ARGUMENT`: a fork lies between, and it is the parent's.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_read(
    response: *mut keyfob_response,
    buf: *mut u8,
    cap: usize,
    len: *mut usize,
    err: *mut *mut keyfob_error,
) -> Status {
    read_piece(response, (buf, cap), len, err, Response::read)
}

/// The same without waiting: reads what has come. For an event loop, which must not wait: it goes on with
/// `keyfob_response_read` on another thread where this has nothing.
///
/// `KEYFOB_WOULD_BLOCK`: nothing has come since, and the body goes on; or it is unpacked on its way
/// (`compress`), which is never done so. No silence is too long for it: `idle_timeout_ms` is for those
/// who wait. All else as `keyfob_response_read`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_read_now(
    response: *mut keyfob_response,
    buf: *mut u8,
    cap: usize,
    len: *mut usize,
    err: *mut *mut keyfob_error,
) -> Status {
    read_piece(response, (buf, cap), len, err, Response::read_now)
}

fn read_piece(
    response: *mut keyfob_response,
    (buf, cap): (*mut u8, usize),
    len: *mut usize,
    err: *mut *mut keyfob_error,
    read: fn(&mut Response, &mut [u8]) -> Result<usize>,
) -> Status {
    guard(err, || {
        let out = Out::new(len, 0, "len")?;
        let buffer = bytes_mut(buf, cap, "buf")?;
        out.set(read(&mut handle_mut(response, "response")?.response, buffer)?);
        Ok(())
    })
}

/// Gives the absolute URL of the link with this relation, such as `next`: from a `Link` header (RFC
/// 8288), or from a `links` or `_links` member in the first MiB of a JSON body; for `next` also
/// where the provider's profile says that its next page is. A page whose next one is itself is the
/// last. `KEYFOB_OK` with `*url` NULL where
/// there is no such link. The string is the caller's, to be freed with `keyfob_string_free`.
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

/// How many bytes the body has in all, where the answer's head says so (`Content-Length`, RFC 9110
/// 8.6); -1 where it does not, where it is unpacked on its way (`compress`), and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_length(response: *const keyfob_response) -> i64 {
    keyfob_response::read(response, -1, |r| {
        r.response.length().map_or(-1, |length| i64::try_from(length).unwrap_or(i64::MAX))
    })
}

/// Frees a response; its body need not have been read to the end. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_response_free(response: *mut keyfob_response) {
    plain((), || free_handle(response));
}
