//! Login: one that a person allows, at another device or in a browser.
//!
//! At another device (RFC 8628): `keyfob_client_login_begin`; show the person
//! `keyfob_login_verification_uri` and `keyfob_login_user_code`; `keyfob_client_login_wait`. In a
//! browser (RFC 8252): `keyfob_client_login_begin_browser`; open `keyfob_login_url`; give what the
//! browser comes back with to `keyfob_client_login_finish`. After that the client has a token as
//! after any login.
//!
//! The login is the caller's, to be freed with `keyfob_login_free`. Any thread may use it; one at a
//! time goes on with it. What it lends out as `const` lives as long as the login. A call that runs
//! out of time takes nothing away: make it again.

use super::client::keyfob_client;
use super::convert::{Out, free_handle, handle, into_handle, milliseconds, text};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use crate::client::login::Login;
use crate::error::Status;
use std::ffi::{CString, c_char};
use std::ptr;
use std::time::Duration;

/// A login that a person allows: at another device, by a code (RFC 8628), or in a browser (RFC
/// 8252). Freed with `keyfob_login_free`. Any thread may use it; freeing it must not race with a
/// call on it.
pub struct keyfob_login {
    login: Login,
    // What it lends out, as C strings: made once, so that they live as long as the login does.
    url: CString,
    verification_uri: Option<CString>,
    verification_uri_complete: Option<CString>,
    user_code: Option<CString>,
}

impl keyfob_login {
    /// Hands a login over to the caller.
    fn boxed(login: Login) -> *mut keyfob_login {
        let c = |text: &str| CString::new(text).unwrap_or_default();
        into_handle(keyfob_login {
            url: c(login.url()),
            verification_uri: login.verification_uri().map(c),
            verification_uri_complete: login.verification_uri_complete().map(c),
            user_code: login.user_code().map(c),
            login,
        })
    }

    /// A text of the login; NULL where it has none, and for NULL.
    fn text(
        login: *const keyfob_login,
        read: impl FnOnce(&keyfob_login) -> Option<&CString>,
    ) -> *const c_char {
        // SAFETY: by the header's contract NULL or a login that was not freed.
        let login = unsafe { login.as_ref() };
        plain(ptr::null(), || login.and_then(read).map_or(ptr::null(), |text| text.as_ptr()))
    }

    /// A time of the login in milliseconds; -1 where it has none, and for NULL.
    fn time(login: *const keyfob_login, read: impl FnOnce(&Login) -> Option<Duration>) -> i64 {
        // SAFETY: as above.
        let login = unsafe { login.as_ref() };
        let time = plain(None, || read(&login?.login));
        time.map_or(-1, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Begins a login at another device (RFC 8628), for a person who needs no browser on this machine:
/// show `keyfob_login_verification_uri` and `keyfob_login_user_code`, then call
/// `keyfob_client_login_wait`. The options are `client_id` with `issuer`, or with `token_url` and
/// `device_authorization_url`; where `client_secret` is set, too, `grant` is `interactive`. Free
/// the login with `keyfob_login_free`, before or after the client.
///
/// `KEYFOB_INVALID_OPTION` where the options are those of another login; `KEYFOB_MISSING_OPTION`
/// where the server has no such login; and whatever keeps from reaching it.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_login_begin(
    client: *const keyfob_client,
    out: *mut *mut keyfob_login,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        out.set(keyfob_login::boxed(handle(client, "client")?.0.login_begin()?));
        Ok(())
    })
}

/// Begins a login in a browser (RFC 6749 4.1 with PKCE, RFC 8252): open `keyfob_login_url` there,
/// and give what it comes back with to `keyfob_client_login_finish`. `redirect_uri` is where the
/// server sends the browser back to: a listener of the program's own on loopback, such as
/// `http://127.0.0.1:8400/`, or a page of it. Nothing is opened and nothing listens here. `state`
/// and the code verifier stay in the login. Options as for `keyfob_client_login_begin`, with
/// `authorization_url` where no issuer names it.
///
/// As `keyfob_client_login_begin`, and `KEYFOB_INVALID_ARGUMENT` for a `redirect_uri` that is none.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_login_begin_browser(
    client: *const keyfob_client,
    redirect_uri: *const c_char,
    out: *mut *mut keyfob_login,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        let uri = text(redirect_uri, "redirect_uri")?;
        out.set(keyfob_login::boxed(handle(client, "client")?.0.login_begin_browser(uri)?));
        Ok(())
    })
}

/// Waits until the person has answered, at most `timeout_ms` (0: as long as the code is good), and
/// keeps the token as that of any login: it is in the store before this returns. The server is
/// asked no faster than it says (`slow_down` counts). Once it has ended, it ends the same way
/// again.
///
/// `KEYFOB_TIMEOUT`, `KEYFOB_CANCELLED` (`keyfob_client_cancel`): the login is as it was; wait
/// again. `KEYFOB_LOGIN_DENIED`, `KEYFOB_LOGIN_EXPIRED`: begin another. `KEYFOB_INVALID_ARGUMENT`:
/// the login is another client's, or in a browser, or the client's options were changed since.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_login_wait(
    client: *const keyfob_client,
    login: *const keyfob_login,
    timeout_ms: i64,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let limit = milliseconds(timeout_ms, "timeout_ms")?;
        handle(client, "client")?.0.login_wait(&handle(login, "login")?.login, limit)
    })
}

/// Takes what the browser came back with: the whole URL, its path and query, or the query alone.
/// Checks `state` and `iss` (RFC 9207), trades the code in, and keeps the token as that of any
/// login.
///
/// `KEYFOB_INVALID_ARGUMENT`: it is no answer, or not to this login, which goes on waiting for its
/// own; or a second one. `KEYFOB_FOREIGN_ORIGIN`: it is another issuer's. `KEYFOB_LOGIN_DENIED`,
/// `KEYFOB_LOGIN_EXPIRED`: begin another login. `KEYFOB_TIMEOUT`, `KEYFOB_NETWORK` and the like:
/// give the same answer again.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_client_login_finish(
    client: *const keyfob_client,
    login: *const keyfob_login,
    answer: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let answer = text(answer, "answer")?;
        handle(client, "client")?.0.login_finish(&handle(login, "login")?.login, answer)
    })
}

/// What the person opens: the URL with the code in it where the server gives one, else that at
/// which the code is typed; or where a browser is sent. It fits into a QR code. Borrowed until the
/// login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_url(login: *const keyfob_login) -> *const c_char {
    keyfob_login::text(login, |login| Some(&login.url))
}

/// Where the person types the code; NULL for a login in a browser. Borrowed until the login is
/// freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_verification_uri(
    login: *const keyfob_login,
) -> *const c_char {
    keyfob_login::text(login, |login| login.verification_uri.as_ref())
}

/// The same with the code in it; NULL where the server gives no such URL. Borrowed until the login
/// is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_verification_uri_complete(
    login: *const keyfob_login,
) -> *const c_char {
    keyfob_login::text(login, |login| login.verification_uri_complete.as_ref())
}

/// What the person types; NULL for a login in a browser. Borrowed until the login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_user_code(login: *const keyfob_login) -> *const c_char {
    keyfob_login::text(login, |login| login.user_code.as_ref())
}

/// How many milliseconds the code is good; -1 for a login in a browser, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_expires_in_ms(login: *const keyfob_login) -> i64 {
    keyfob_login::time(login, Login::expires_in)
}

/// How many milliseconds pass between two questions whether the person has answered; -1 for a login
/// in a browser, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_interval_ms(login: *const keyfob_login) -> i64 {
    keyfob_login::time(login, Login::interval)
}

/// Frees a login. One that was not waited for is forgotten. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_free(login: *mut keyfob_login) {
    plain((), || free_handle(login));
}
