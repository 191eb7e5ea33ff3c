//! Client: one account's token, kept good, and requests that carry it.
//!
//! The order of calls: `keyfob_client_new` from a config, which sends nothing; then, from any
//! threads at once, `keyfob_client_send` for a whole exchange, or `keyfob_client_token` and
//! `keyfob_client_headers_for` for a program that has an HTTP client of its own; at the end
//! `keyfob_client_free`, which must not race with a call on the same handle. The first call that
//! needs a token logs in. Later ones get the token at hand, and the one that finds it due renews
//! it. A program that sends requests itself tells of each answer that refuses the token:
//! `keyfob_client_is_refusal`, then `keyfob_client_refused`.
//!
//! Each call that may wait ends after `timeout_ms` (30 s unless set), or sooner where its handle or
//! its request has a limit of its own. `keyfob_client_cancel` ends it at once. What never waits
//! says so.

use super::config::keyfob_config;
use super::convert::{
    Out, bytes, free_handle, handle, into_handle, milliseconds, optional_text, text,
};
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

/// Obtains, keeps and renews one account's token. Freed with `keyfob_client_free`. Any number of
/// threads may use it at once; freeing it must not race with a call on it.
pub struct keyfob_client(pub(super) Client);

/// Makes a client from a config, which is copied and stays the caller's. Nothing is sent: the first
/// call that needs a token does that. Files that options name, and the store, are read here. Free
/// it with `keyfob_client_free`.
///
/// `KEYFOB_MISSING_OPTION`: the options fit no login; the message says what each login lacks.
/// `KEYFOB_INVALID_OPTION`: they fit more than one, contradict each other, or name a file that
/// cannot be used. `KEYFOB_STORE`: the store cannot be used.
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

/// Makes another handle on the same client: token, store and connections are shared. Calls on the
/// new handle take at most `timeout_ms` milliseconds, a day at most; 0 leaves it to the client's
/// option. Cheap; meant for one call or a few. Free it with `keyfob_client_free`, before or after
/// the first handle.
///
/// `keyfob_client_cancel` on the new handle ends its own calls only: those under way and, while
/// none had to wait yet, the first that has to. So a call that is handed to another thread can be
/// cancelled on its way there.
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
/// read and a copy, and no lock that a renewal holds.
///
/// `KEYFOB_CREDENTIALS_REJECTED`, `KEYFOB_LOGIN_ON_HOLD`, `KEYFOB_LOGIN_REQUIRED`: a person is
/// needed. `KEYFOB_TIMEOUT`, `KEYFOB_NETWORK`, `KEYFOB_RATE_LIMITED`, `KEYFOB_SERVER_ERROR` and
/// what else keeps from an answer of the cloud: docs/ERRORS.md says what to do about each.
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
/// is the token's length in bytes without the NUL. The cheapest way to a token: nothing is
/// allocated.
///
/// `KEYFOB_BUFFER_TOO_SMALL`: nothing was written to `buf`; `*len` is the token's length, and `cap`
/// must be one more. Other errors as `keyfob_client_token`.
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

/// The hot path, without `guard` around it: nothing in it can panic, and the guard's part in it
/// would cost as much as the rest. Gives the token's length, if one was fresh and fits.
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

/// In bytes. No token needs more, and no slice may have more than `isize::MAX`, whatever a caller
/// says.
const MOST_BUFFER: usize = 64 << 20;

/// Out of line: it is on no way that succeeds. The token itself is not in it.
#[cold]
fn too_small(needed: usize) -> Error {
    Error::new(Status::BufferTooSmall, format!("the token takes {needed} bytes and a NUL"))
}

/// As `keyfob_client_token`, but never waits and never renews: for event loops. What renews then is
/// the option `background_renewal`, or a call of `keyfob_client_token` on a thread that may wait.
///
/// `KEYFOB_WOULD_BLOCK`: no good token is at hand. Where nothing may be asked of the cloud now, the
/// reason in its place: `KEYFOB_LOGIN_ON_HOLD`, `KEYFOB_RATE_LIMITED` and the like.
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

/// The number of the fresh token at hand. While it is the same, so is what `keyfob_client_token`
/// and `keyfob_client_headers` give, and a copy of that need not be made anew: for languages in
/// which asking for a number is cheaper than converting a string. 0 where there is no fresh token,
/// where many threads ask at once, and for NULL: then ask for the token itself. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_fresh_number(client: *const keyfob_client) -> u64 {
    // Without the wall, as `copy_fresh`: nothing in it could panic.
    // SAFETY: by the header's contract NULL or a client that was not freed.
    unsafe { client.as_ref() }.and_then(|client| client.0.fresh_number()).unwrap_or(0)
}

/// Gives a member of the answer that gave the token, by its JSON pointer (RFC 6901): `/id_token`,
/// `/scope`, or whatever the server adds. A text comes as it is, anything else as JSON. NULL with
/// `KEYFOB_OK`: the answer has no such member, or the provider keeps none; `oauth2` does. The tokens
/// themselves are not in it. What a refresh does not say anew is what was said before. It may be
/// secret, and is in no status and no log. The string is the caller's, to be freed with
/// `keyfob_string_free`.
///
/// Errors as `keyfob_client_token`. `KEYFOB_INVALID_ARGUMENT`: it is no JSON pointer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_answer_member(
    client: *const keyfob_client,
    pointer: *const c_char,
    member: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(member, "member")?;
        let client = handle(client, "client")?;
        if let Some(found) = client.0.answer_member(text(pointer, "pointer")?)? {
            out.set_text(found.expose());
        }
        Ok(())
    })
}

/// Gives the headers that carry the token, one `Name: value` a line, without a line end after the
/// last: `Authorization: Bearer ...` (RFC 6750 2.1), or what the cloud has in its place. They
/// belong to no URL, so the caller sees to it that only the cloud gets them;
/// `keyfob_client_headers_for` checks that. The string is the caller's, to be freed with
/// `keyfob_string_free`.
///
/// Errors as `keyfob_client_token`. `KEYFOB_INVALID_ARGUMENT`: the cloud has each request signed, or
/// the token is bound to a key (`dpop`); ask `keyfob_client_headers_for_request`.
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

/// Gives the headers that `keyfob_client_send` adds to a GET of this URL unless the request sets
/// them: those that carry the token, and what the provider asks of every request. For those who
/// send requests themselves. In form and ownership as `keyfob_client_headers`.
///
/// `KEYFOB_FOREIGN_ORIGIN`, `KEYFOB_INSECURE_URL`: the token must not go there. Other errors as
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
/// request signed. What is sent must then be exactly this, and once: a request that is repeated
/// needs headers of its own. `len` is in bytes; `body` may be NULL where it is 0.
///
/// `KEYFOB_INVALID_ARGUMENT`: the method or the URL is none; or the cloud wants the token in the
/// query or in the body, where `keyfob_client_send` puts it.
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

/// Whether an answer of an API with this HTTP status and body refuses the access token: 401, or
/// what the provider's profile has in its place, since some clouds say so with 200 or 403. Then
/// tell `keyfob_client_refused`. For those who send requests themselves. `body` may be NULL where
/// `len` is 0; one of more than 16 KiB is data and no error document, and is not looked into. False
/// for NULL. Never waits.
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

/// Notes what an API's answer says of DPoP proofs, for those who send requests themselves with the
/// option `dpop` (RFC 9449): tell it of each answer. True: the answer refuses the request for want of
/// the nonce that it gives; send it once more, with new headers, and do not tell
/// `keyfob_client_refused`. `url` is where the request went, `dpop_nonce` and `www_authenticate` are
/// the values of the headers `DPoP-Nonce` and `WWW-Authenticate`, each NULL where there is none.
/// False for NULL. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_note_nonce(
    client: *const keyfob_client,
    url: *const c_char,
    http_status: u16,
    dpop_nonce: *const c_char,
    www_authenticate: *const c_char,
) -> bool {
    plain(None, || {
        let client = handle(client, "client").ok()?;
        let nonce = optional_text(dpop_nonce, "dpop_nonce").ok()?;
        let challenge = optional_text(www_authenticate, "www_authenticate").ok()?;
        Some(client.0.note_nonce(text(url, "url").ok()?, http_status, nonce, challenge))
    })
    .unwrap_or(false)
}

/// How many milliseconds the token at hand is still good: `INT64_MAX` for ever, 0 where there is
/// none. Counted from the lifetime that the cloud gave, on a clock that runs on while the machine
/// sleeps. Never waits.
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

/// How many milliseconds until the token is due to be renewed: 0 for now, and where there is none;
/// `INT64_MAX` for never. For an event loop that has another thread call `keyfob_client_token` at
/// that time. Never waits.
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

/// Deprecated: the old name of `keyfob_client_renew_due_in_ms`, which does the same.
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

/// `None`, which is for ever, becomes the largest number, so that a caller may compare.
fn whole_milliseconds(time: Option<Duration>) -> i64 {
    time.map_or(i64::MAX, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// Renews the token now, fresh or not: by refresh where a refresh token is held, else by a login.
/// Callers at the same time share one renewal. No program has to call this to keep a token good.
///
/// Errors as `keyfob_client_token`; the token at hand then stays as it is.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_renew(
    client: *const keyfob_client,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.renew())
}

/// Says that an API refused this access token, for those who send requests themselves. Renews,
/// unless a newer token is there already. Then ask for the token again and repeat the request,
/// once: a token that is refused right after its issue is not replaced again for a while (10 s,
/// growing).
///
/// Errors as `keyfob_client_token`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_refused(
    client: *const keyfob_client,
    token: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.refused(text(token, "token")?))
}

/// Changes an option while the client is in use, for all its handles. New credentials end a hold. A
/// token of another account is dropped; a new password of the same account leaves it. Waits for a
/// renewal that is under way.
///
/// Errors as `keyfob_config_set` and `keyfob_client_new`; the client then goes on as before.
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
/// as `keyfob_config_load_json` takes it. All or nothing. Otherwise, and in its errors, as
/// `keyfob_client_set`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_set_json(
    client: *const keyfob_client,
    json: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.set_json(text(json, "json")?))
}

/// Forgets the tokens and any hold: in memory, in the store, and at the cloud where it can revoke
/// (RFC 7009). The next call logs in. A revocation that fails is no failure of this call, since
/// here the tokens are gone: `not_revoked` of `keyfob_client_status_json` tells why they may still
/// be good at the cloud, and is null where they are not.
///
/// `KEYFOB_STORE`: the tokens are gone from memory, but not from the store. `KEYFOB_TIMEOUT`: a
/// renewal, in this process or another, was under way all the time.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_forget(
    client: *const keyfob_client,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.forget())
}

/// Tries the way to the cloud, for a check of a set-up: finds the host, asks the proxy, connects, and
/// does TLS. Nothing of HTTP is sent, so no credential is, and the connection is closed. `url` is
/// absolute, or relative to the base URL, which "" stands for; only its host and port count.
///
/// `KEYFOB_NETWORK`, `KEYFOB_TLS`, `KEYFOB_TIMEOUT`: the message says where the way ends, and names
/// the proxy if it is that. `KEYFOB_MISSING_OPTION`: there is no base URL yet.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_reach(
    client: *const keyfob_client,
    url: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle(client, "client")?.0.reach(text(url, "url")?))
}

/// Gives the client's state, counters and last error as JSON, without a secret, for a health page;
/// docs/ABI.md lists the members. The string is the caller's, to be freed with
/// `keyfob_string_free`. Never waits.
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

/// Ends the calls that are under way on this handle: they look for a cancellation every 20 ms, and
/// return `KEYFOB_CANCELLED`. Later calls are not touched, but for the first of a handle of
/// `keyfob_client_share`. May be called from any thread and, within the limits that docs/ABI.md
/// has, from a signal handler. Never waits.
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

/// Lets `ms` milliseconds pass on this client's clock at once, so that a test sees what happens
/// when tokens age. The cloud's clock is not touched, and what was wound cannot be wound back. For
/// tests.
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

/// Sends a request with the token, and reads the whole answer into memory. If the API refuses the
/// token, renews it and sends once more. Every answer is a response, 404 and 500 too. The response
/// is the caller's, to be freed with `keyfob_response_free`; the request may be sent again.
///
/// `KEYFOB_FOREIGN_ORIGIN`, `KEYFOB_INSECURE_URL`: the token must not go there, and nothing was
/// sent. `KEYFOB_ANSWER_TOO_LARGE`: more than `max_body_bytes`. `KEYFOB_MALFORMED_ANSWER`: a coding
/// that was not asked for (`compress`), or a packed body that is damaged. `KEYFOB_BODY_NOT_REPEATABLE`: it
/// had to be sent again, and its body cannot be read again. `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`,
/// `KEYFOB_TLS`: no answer. Other errors as `keyfob_client_token`.
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

/// As `keyfob_client_send`, but gives the response once its head is there; its body is then read
/// with `keyfob_response_read`, however large it is. `timeout_ms`, or the request's own limit, is
/// for the head; `idle_timeout_ms` and `transfer_timeout_ms` bound the body. `keyfob_client_cancel`
/// on this handle ends the reading, too. The client may be freed before the response.
///
/// Errors as `keyfob_client_send`.
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

/// Downloads what the request asks for to a file. Bytes go to `PATH.part`; PATH itself is replaced
/// in one step once all is there and would survive a power cut. What came before a fault is kept,
/// and a later call with the same request goes on from there (`Range` and `If-Range`, RFC 9110
/// 13.1.5), in this process or another. Faults of the network are tried again until nothing has
/// come for `download_retry_s` seconds: `timeout_ms` bounds the head of each answer, and nothing
/// the whole.
///
/// `sha256` is what the file must have, as 64 hexadecimal digits, or NULL. A digest that the server
/// names (`Repr-Digest`, RFC 9530, or `Digest`) is checked, too. The response has the status and
/// headers of the last answer and no body; where that is not a success nothing is written. Progress
/// is told as `keyfob_request_set_progress` says.
///
/// `KEYFOB_FILE`: the target is a directory or a symbolic link, or cannot be written, or another
/// download to it is under way. `KEYFOB_DIGEST_MISMATCH`: what came was thrown away; a file that
/// was there before is as it was. `KEYFOB_INVALID_ARGUMENT`: `sha256` is not such a digest, or the
/// request asks for a range of its own. Other errors as `keyfob_client_open`.
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

/// Frees a client handle. The last one of a client ends it: the thread of `background_renewal` has
/// ended when this returns, and what is no longer used is overwritten. Tokens in a store stay. Must
/// not race with a call on this handle. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_free(client: *mut keyfob_client) {
    plain((), || free_handle(client));
}
