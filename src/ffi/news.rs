//! News: another token, and holds and pauses that begin or end.
//!
//! For whoever gives the token to something that lives longer than a request: an MQTT session, a
//! WebSocket. Wait for it in a thread with `keyfob_client_wait`, or have an event loop look at the
//! descriptor of `keyfob_client_event_fd`. News has a number that only grows, so that none is
//! missed between two waits; it is not that of `keyfob_client_fresh_number`.

use super::client::keyfob_client;
use super::convert::{Out, duration, handle};
use super::error::keyfob_error;
use super::guard::guard;
use crate::error::Status;
use std::ffi::c_char;

/// Waits until there is news, and gives its number: another token, or a hold or a pause that begins
/// or ends. `known` is the number that the last call gave; 0 at first, which returns at once.
/// `*number` is `known` again where nothing happens within `timeout_ms`; 0 looks and does not wait.
/// `keyfob_client_status_json` says what happened; `keyfob_client_token` gives the token to use
/// from now on. Any number of threads may wait at once.
///
/// A token that is due is renewed meanwhile, where `background_renewal` does not do it and
/// `timeout_ms` is a second or more. A failure of that is no failure of the wait: it begins a hold
/// or a pause, which is news. The first token is the caller's to ask for.
///
/// `KEYFOB_CANCELLED`: `keyfob_client_cancel` on this handle ended the wait.
/// `KEYFOB_INVALID_ARGUMENT`: the time is negative.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_wait(
    client: *const keyfob_client,
    known: u64,
    timeout_ms: i64,
    number: *mut u64,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(number, 0, "number")?;
        let limit = duration(timeout_ms, "timeout_ms")?;
        out.set(handle(client, "client")?.0.wait(known, limit)?);
        Ok(())
    })
}

/// Gives a descriptor for epoll, libuv, glib and their like. It is readable while there is news
/// that `keyfob_client_wait` on this handle has not given. On Linux also when a hold or a pause
/// ends, and when the token is due and no thread renews it: then `keyfob_client_token` does;
/// elsewhere set `background_renewal`. When it is readable, call `keyfob_client_wait` with 0 ms,
/// which clears it, and ask for the token. The descriptor is this handle's: never read from it,
/// never close it, and take it out of the loop before `keyfob_client_free`. A forked child asks for
/// its own.
///
/// `KEYFOB_FILE`: no descriptor is to be had; so on Windows, always.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_event_fd(
    client: *const keyfob_client,
    fd: *mut i32,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(fd, -1, "fd")?;
        out.set(handle(client, "client")?.0.event_fd()?);
        Ok(())
    })
}

/// Gives the oldest log line that was not read yet, of those that `keyfob_config_keep_log` keeps,
/// and through `level`, which may be NULL, its level. `KEYFOB_OK` with `*line` NULL where there is
/// none. All clients of a config share its lines. The string is the caller's, to be freed with
/// `keyfob_string_free`. Never waits.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_next_log(
    client: *const keyfob_client,
    level: *mut i32,
    line: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let level = (!level.is_null()).then(|| Out::new(level, 0, "level")).transpose()?;
        let out = Out::of_text(line, "line")?;
        if let Some((of, text)) = handle(client, "client")?.0.next_log_line() {
            if let Some(level) = level {
                level.set(of as i32);
            }
            out.set_text(&text);
        }
        Ok(())
    })
}
