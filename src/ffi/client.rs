//! `keyfob_client`: one account's token, and requests that carry it.

use super::config::keyfob_config;
use super::convert::{Out, bytes, free_handle, handle, into_handle, milliseconds, text};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use super::request::keyfob_request;
use super::response::keyfob_response;
use crate::client::client::Client;
use crate::client::download::Download;
use crate::error::{Error, Status};
use std::ffi::c_char;
use std::ptr;
use std::time::Duration;

/// Obtains, keeps and renews one account's token. May be used from any number of threads at once;
/// freeing it must not race with a call on it.
pub struct keyfob_client(Client);

/// Makes a client from a config, which is copied and stays the caller's. Nothing is sent: the first
/// call that needs a token does that. Free it with `keyfob_client_free`.
///
/// `KEYFOB_MISSING_OPTION` or `KEYFOB_INVALID_OPTION` where the options fit no login, or more than
/// one; `KEYFOB_STORE` where the store cannot be used.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_new(
    config: *const keyfob_config,
    out: *mut *mut keyfob_client,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        out.set(into_handle(keyfob_client(handle(config, "config")?.0.client()?)));
        Ok(())
    })
}

/// Makes another handle on the same client: token, store and connections are shared, but calls on
/// the new handle take at most `timeout_ms` (0: what the client's option says), and
/// `keyfob_client_cancel` on it ends its own calls only: those under way and, while none had to wait
/// yet, the first that has to. So a call that is handed to another thread can be cancelled on its
/// way there. Cheap; meant for one call or a few. Free it with `keyfob_client_free`, before or after
/// the first handle.
///
/// `KEYFOB_INVALID_ARGUMENT`: the time is negative.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_share(
    client: *const keyfob_client,
    timeout_ms: i64,
    out: *mut *mut keyfob_client,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        let limit = milliseconds(timeout_ms, "timeout_ms")?;
        out.set(into_handle(keyfob_client(handle(client, "client")?.0.share(limit))));
        Ok(())
    })
}

/// Gives a good access token, obtained or renewed first where that is needed. The string is the
/// caller's, to be freed with `keyfob_string_free`. A token that is cached and fresh costs a clock
/// read and a copy.
///
/// `KEYFOB_CREDENTIALS_REJECTED`, `KEYFOB_LOGIN_ON_HOLD`, `KEYFOB_LOGIN_REQUIRED`, and whatever
/// keeps from reaching the cloud; docs/ERRORS.md says what to do about each.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_token(
    client: *const keyfob_client,
    token: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(token, "token")?;
        handle(client, "client")?.0.with_token(|token| out.set_text(token))
    })
}

/// As `keyfob_client_token`, into the caller's buffer of `cap` bytes, with a NUL at its end. `*len`
/// is the token's length without the NUL.
///
/// `KEYFOB_BUFFER_TOO_SMALL`: `*len` is the length that is needed, and `cap` must be one more.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_token_copy(
    client: *const keyfob_client,
    buf: *mut c_char,
    cap: usize,
    len: *mut usize,
    err: *mut *mut keyfob_error,
) -> Status {
    if let Some(length) = copy_fresh(client, buf, cap) {
        if !len.is_null() {
            // SAFETY: not NULL, and by the contract writable; `err` likewise.
            unsafe {
                len.write(length);
                if !err.is_null() {
                    err.write(ptr::null_mut());
                }
            }
            return Status::Ok;
        }
    }
    guard(err, || {
        let out = Out::new(len, 0, "len")?;
        if buf.is_null() && cap > 0 {
            return Err(Error::new(Status::NullArgument, "buf is NULL"));
        }
        handle(client, "client")?.0.with_token(|token| {
            out.set(token.len());
            if token.len() >= cap {
                return Err(too_small(token.len()));
            }
            // SAFETY: `buf` is not NULL since `cap` is not 0, and by the contract has `cap` bytes,
            // which are more than the token's; a fresh copy of ours cannot overlap it.
            unsafe {
                ptr::copy_nonoverlapping(token.as_ptr(), buf.cast(), token.len());
                buf.add(token.len()).write(0);
            }
            Ok(())
        })?
    })
}

/// The hot path, without the wall around it: there is nothing in it that could panic, and nothing
/// that is not needed. A token's length, if it was fresh and fits.
#[inline]
fn copy_fresh(client: *const keyfob_client, buf: *mut c_char, cap: usize) -> Option<usize> {
    // SAFETY: by the header's contract NULL or a client that was not freed.
    let client = unsafe { client.as_ref() }.filter(|_| !buf.is_null())?;
    // SAFETY: not NULL, and by the contract `cap` bytes that nobody else touches meanwhile.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buf.cast::<u8>(), cap.min(MOST_BUFFER)) };
    let length = client.0.copy_fresh(buffer)?;
    *buffer.get_mut(length)? = 0;
    Some(length)
}

/// No token needs more, and no slice may have more than `isize::MAX`, whatever a caller says.
const MOST_BUFFER: usize = 64 << 20;

#[cold]
fn too_small(needed: usize) -> Error {
    Error::new(Status::BufferTooSmall, format!("the token takes {needed} bytes and a NUL"))
}

/// As `keyfob_client_token`, but never waits and never renews.
///
/// `KEYFOB_WOULD_BLOCK` where no good token is at hand.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_try_token(
    client: *const keyfob_client,
    token: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(token, "token")?;
        out.set_text(handle(client, "client")?.0.try_token()?.expose());
        Ok(())
    })
}

/// The number of the fresh token at hand; 0 where there is none, or it is due to be renewed, or many
/// threads ask at once, or the client is NULL. While the number is the same, so is what
/// `keyfob_client_token` and `keyfob_client_headers` give: for languages in which asking for a
/// number is cheaper than converting a string. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_fresh_number(client: *const keyfob_client) -> u64 {
    // Without the wall, as `copy_fresh`: nothing in it could panic.
    // SAFETY: by the header's contract NULL or a client that was not freed.
    unsafe { client.as_ref() }.and_then(|client| client.0.fresh_number()).unwrap_or(0)
}

/// Gives the headers that carry the token, one `Name: value` a line, without a line end after the
/// last: `Authorization: Bearer ...`. The string is the caller's, to be freed with
/// `keyfob_string_free`. Errors as `keyfob_client_token`; `KEYFOB_INVALID_ARGUMENT` where the cloud
/// has each request signed: then ask `keyfob_client_headers_for_request`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_headers(
    client: *const keyfob_client,
    lines: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(lines, "lines")?;
        handle(client, "client")?.0.with_header_lines(|lines| out.set_text(lines))
    })
}

/// Gives the headers that `keyfob_client_send` adds to a request for this URL unless the request
/// sets them: those that carry the token, and what the provider asks of every request. In form and
/// ownership as `keyfob_client_headers`. For those who send requests themselves.
///
/// `KEYFOB_FOREIGN_ORIGIN` and `KEYFOB_INSECURE_URL` where the token must not go; errors as
/// `keyfob_client_token`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_headers_for(
    client: *const keyfob_client,
    url: *const c_char,
    lines: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(lines, "lines")?;
        out.set_text(handle(client, "client")?.0.headers_for(text(url, "url")?)?.expose());
        Ok(())
    })
}

/// As `keyfob_client_headers_for`, for a request with this method and body: some clouds have each
/// request signed. What is sent must then be exactly this, and once: a request that is repeated needs
/// headers of its own. `body` may be NULL where `len` is 0.
///
/// `KEYFOB_INVALID_ARGUMENT` where the cloud wants the token in the query or in the body:
/// `keyfob_client_send` puts it there.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_headers_for_request(
    client: *const keyfob_client,
    method: *const c_char,
    url: *const c_char,
    body: *const u8,
    len: usize,
    lines: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(lines, "lines")?;
        let client = &handle(client, "client")?.0;
        let (method, url) = (text(method, "method")?, text(url, "url")?);
        out.set_text(client.headers_for_request(method, url, bytes(body, len, "body")?)?.expose());
        Ok(())
    })
}

/// Whether an answer of an API with this HTTP status and body refuses the access token, by the
/// provider's rule; then `keyfob_client_refused` is to be told. For those who send requests
/// themselves. `body` may be NULL where `len` is 0; a large one, which is no error document, is
/// not looked into. False for NULL. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_is_refusal(
    client: *const keyfob_client,
    http_status: u16,
    body: *const u8,
    len: usize,
) -> bool {
    plain(None, || {
        let client = handle(client, "client").ok()?;
        Some(client.0.is_refusal(http_status, bytes(body, len, "body").ok()?))
    })
    .unwrap_or(false)
}

/// How many milliseconds the token at hand lives: `INT64_MAX` for ever, 0 where there is none.
/// Never waits.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_expires_in_ms(
    client: *const keyfob_client,
    ms: *mut i64,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(ms, 0, "ms")?;
        out.set(whole_milliseconds(handle(client, "client")?.0.expires_in()));
        Ok(())
    })
}

/// How many milliseconds until the token is due to be renewed: 0 for now, `INT64_MAX` for never.
/// For an event loop that calls `keyfob_client_token` at that time. Never waits.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_renew_due_in_ms(
    client: *const keyfob_client,
    ms: *mut i64,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(ms, 0, "ms")?;
        out.set(whole_milliseconds(handle(client, "client")?.0.renew_due_in()));
        Ok(())
    })
}

/// Deprecated: the old name of `keyfob_client_renew_due_in_ms`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_renew_due_ms(
    client: *const keyfob_client,
    ms: *mut i64,
    err: *mut *mut keyfob_error,
) -> Status {
    // SAFETY: the contract is the same.
    unsafe { keyfob_client_renew_due_in_ms(client, ms, err) }
}

fn whole_milliseconds(time: Option<Duration>) -> i64 {
    time.map_or(i64::MAX, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// Renews the token now, fresh or not. Callers at the same time share one renewal.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_renew(
    client: *const keyfob_client,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.renew())
}

/// Says that an API refused this access token, for those who send requests themselves. Renews,
/// unless a newer token is there already; then ask for the token again and repeat the request once.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_refused(
    client: *const keyfob_client,
    token: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.refused(text(token, "token")?))
}

/// Changes an option while the client is in use. New credentials end a hold; another principal's
/// token is dropped. Errors as `keyfob_config_set` and `keyfob_client_new`; the client then goes on
/// as before.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_set(
    client: *const keyfob_client,
    option: *const c_char,
    value: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.set(text(option, "option")?, text(value, "value")?))
}

/// Changes several options at once, such as a name and its password: the members of a JSON object,
/// as `keyfob_config_load_json` takes it. All or nothing.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_set_json(
    client: *const keyfob_client,
    json: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.set_json(text(json, "json")?))
}

/// Forgets the tokens and any hold: in memory, in the store, and at the cloud where it can revoke.
/// The next call logs in.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_forget(
    client: *const keyfob_client,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.forget())
}

/// Gives the client's state, counters and last error as JSON, without a secret; docs/ABI.md lists
/// the members. The string is the caller's, to be freed with `keyfob_string_free`. Never waits.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_status_json(
    client: *const keyfob_client,
    json: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(json, "json")?;
        out.set_text(&handle(client, "client")?.0.status_json());
        Ok(())
    })
}

/// Ends the calls that are under way on this handle: they return `KEYFOB_CANCELLED`. Later calls
/// are not touched, but for the first of a handle of `keyfob_client_share`. May be called from any thread, and from a signal handler.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_cancel(
    client: *const keyfob_client,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        handle(client, "client")?.0.cancel();
        Ok(())
    })
}

/// Lets `ms` milliseconds pass on this client's clock, so that a test can see what happens when
/// tokens age without waiting. The cloud's clock is not touched.
///
/// `KEYFOB_INVALID_ARGUMENT`: the time is negative.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_wind_ms(
    client: *const keyfob_client,
    ms: i64,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let negative = |_| Error::new(Status::InvalidArgument, "ms is negative");
        let by = Duration::from_millis(u64::try_from(ms).map_err(negative)?);
        handle(client, "client")?.0.wind(by);
        Ok(())
    })
}

/// Sends a request with the token. If the API refuses the token, renews it and sends once more.
/// Every answer is a response, whatever its status; the response is the caller's, to be freed with
/// `keyfob_response_free`.
///
/// `KEYFOB_FOREIGN_ORIGIN` and `KEYFOB_INSECURE_URL` before anything is sent; the errors of
/// `keyfob_client_token`; and what keeps from getting an answer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_send(
    client: *const keyfob_client,
    request: *const keyfob_request,
    out: *mut *mut keyfob_response,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        let request = &handle(request, "request")?.0;
        let response = handle(client, "client")?.0.send(request)?;
        out.set(keyfob_response::boxed(response));
        Ok(())
    })
}

/// As `keyfob_client_send`, but gives the response once its head is there; its body is then read with
/// `keyfob_response_read`, however large it is. `timeout_ms`, or the request's own limit, is for the
/// head; `idle_timeout_ms` and `transfer_timeout_ms` bound the body. `keyfob_client_cancel` on this
/// handle ends the reading, too. The client may be freed before the response.
///
/// As `keyfob_client_send`, and `KEYFOB_BODY_NOT_REPEATABLE` where the token was refused and the
/// request's body cannot be read again.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_open(
    client: *const keyfob_client,
    request: *const keyfob_request,
    out: *mut *mut keyfob_response,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        let request = &handle(request, "request")?.0;
        let response = handle(client, "client")?.0.open(request)?;
        out.set(keyfob_response::boxed(response));
        Ok(())
    })
}

/// Downloads what the request asks for to a file. While it is under way it is in `PATH.part`; PATH
/// itself is replaced at once when all is there, durably. What came before a fault is kept, and a
/// later call with the same request goes on from there, in this process or another. Faults of the
/// network are tried again until nothing has come for `download_retry_s`.
///
/// `sha256` is what the file must have, as 64 hexadecimal digits, or NULL. A digest that the server
/// names (`Repr-Digest`, `Digest`) is checked, too. The response has the status and headers of the
/// last answer and no body; where that is not a success nothing is written. Progress is told as
/// `keyfob_request_set_progress` says.
///
/// `KEYFOB_FILE`: the target is a directory or a symbolic link, or cannot be written, or another
/// download to it is under way. `KEYFOB_DIGEST_MISMATCH`: what came was thrown away. As
/// `keyfob_client_open`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_download(
    client: *const keyfob_client,
    request: *const keyfob_request,
    path: *const c_char,
    sha256: *const c_char,
    out: *mut *mut keyfob_response,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        let request = &handle(request, "request")?.0;
        let mut download = Download::new();
        if !sha256.is_null() {
            download.set_sha256(text(sha256, "sha256")?)?;
        }
        let client = &handle(client, "client")?.0;
        let response = client.download(request, text(path, "path")?, &download)?;
        out.set(keyfob_response::boxed(response));
        Ok(())
    })
}

/// Frees a client handle; the last one of a client ends it. Must not race with a call on this
/// handle. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_free(client: *mut keyfob_client) {
    plain((), || free_handle(client));
}
