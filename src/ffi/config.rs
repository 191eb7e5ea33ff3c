//! Config: which account at which cloud.
//!
//! A config is a provider and options by name. Make it with `keyfob_config_new`; fill it from text,
//! a JSON file or the environment; make clients from it with `keyfob_client_new`, which copies it;
//! free it with `keyfob_config_free`, at any time after that. Which login is used follows from the
//! options that are set: a client is refused where they fit none, or more than one.
//!
//! Nothing here uses the network. Options are checked as they are set; files that secret options
//! name are read when a client is made. A config is plain data: one thread may change it, or any
//! number may read it.

use super::convert::{Out, free_handle, handle, handle_mut, into_handle, text};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use crate::client::config::Config;
use crate::error::{Error, Result, Status};
use crate::support::log::Level;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

pub use crate::support::log::Level as keyfob_log_level;

/// A provider and its options, from which clients are made. Freed with `keyfob_config_free`. Not to
/// be used from two threads while one of them changes it.
pub struct keyfob_config(pub(super) Config);

/// Takes a log line of this level, one of `keyfob_log_level`. `message` is one line without a
/// secret, borrowed for the time of the call.
///
/// It runs on the thread that called keyfob, or on the library's own where the option
/// `background_renewal` is set, and on several at once where several threads use a client. No lock
/// is held that another call needs. It must not unwind, jump out, or use the client that it was
/// called for.
pub type keyfob_log_fn =
    Option<unsafe extern "C" fn(level: i32, message: *const c_char, user_data: *mut c_void)>;

/// Gives the built-in providers, the logins of each, and all options, as JSON, for programs that
/// ask a person: `{"providers": [{"name", "title", "notes", "logins": [{"name", "title", "needs",
/// "uses"}], "options": [...]}], "options": [{"name", "group", "type", "default", "secret",
/// "help"}]}`. Members may be added. The string is the caller's, to be freed with
/// `keyfob_string_free`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_providers_json(
    json: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(json, "json")?;
        out.set_text(&crate::provider::providers_json()?);
        Ok(())
    })
}

/// Makes a config for a provider, such as `kontakt`, `simacan` or `oauth2`: docs/CLOUDS.md lists
/// them, and `keyfob_providers_json` gives them. For `custom` the option `profile` or
/// `profile_file` is set first, and says what else there is to set. Free it with
/// `keyfob_config_free`.
///
/// `KEYFOB_UNKNOWN_PROVIDER`: the message lists the names there are.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_new(
    provider: *const c_char,
    out: *mut *mut keyfob_config,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::new(out, ptr::null_mut(), "out")?;
        out.set(into_handle(keyfob_config(Config::new(text(provider, "provider")?)?)));
        Ok(())
    })
}

/// Sets an option. All values are strings; docs/OPTIONS.md lists the names, ranges and defaults.
/// Every secret option `x` may be given as `x_file` instead: a file that is read when a client is
/// made, and again when a login is rejected, since secrets rotate by new files. The value is
/// copied; a copy of a secret is overwritten before its memory is freed.
///
/// `KEYFOB_UNKNOWN_OPTION`: the message has the nearest name. `KEYFOB_INVALID_OPTION`: not of the
/// option's type, or out of its range. `KEYFOB_INVALID_PROFILE`: the message says where. The config
/// is then as it was.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set(
    config: *mut keyfob_config,
    option: *const c_char,
    value: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        handle_mut(config, "config")?.0.set(text(option, "option")?, text(value, "value")?)
    })
}

/// Gives an option's value or default: `***` for a secret that is set, and `*value` is NULL for an
/// option that has no value. The string is the caller's, to be freed with `keyfob_string_free`.
///
/// `KEYFOB_UNKNOWN_OPTION`: the provider has no such option.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_get(
    config: *const keyfob_config,
    option: *const c_char,
    value: *mut *mut c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let out = Out::of_text(value, "value")?;
        let config = handle(config, "config")?;
        if let Some(value) = config.0.get(text(option, "option")?)? {
            out.set_text(&value);
        }
        Ok(())
    })
}

/// Sets every member of a JSON object: `{"username": "gateway", "timeout_ms": 5000}`. Numbers and
/// booleans may be written as such. All or nothing: after a failure the config is as it was.
///
/// `KEYFOB_INVALID_ARGUMENT`: not such an object. Errors of each member as `keyfob_config_set`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_load_json(
    config: *mut keyfob_config,
    json: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle_mut(config, "config")?.0.load_json(text(json, "json")?))
}

/// As `keyfob_config_load_json`, from a file. Errors as there; `KEYFOB_INVALID_ARGUMENT` also where
/// the file cannot be read.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_load_file(
    config: *mut keyfob_config,
    path: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle_mut(config, "config")?.0.load_file(text(path, "path")?))
}

/// Sets the options that environment variables name: with the prefix `KEYFOB`, `KEYFOB_USERNAME`
/// sets `username`. Variables that name no option, and empty ones, are passed over. The environment
/// is read here and, where the option `proxy` is `env`, when a client is made; it is never changed.
/// No other thread may change it meanwhile. All or nothing.
///
/// `KEYFOB_INVALID_ARGUMENT`: the prefix is empty, or has more than letters, digits and `_`. Errors
/// of each variable as `keyfob_config_set`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_load_env(
    config: *mut keyfob_config,
    prefix: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle_mut(config, "config")?.0.load_env(text(prefix, "prefix")?))
}

/// The caller's log function, with the pointer it asked to be given.
struct Sink {
    log: unsafe extern "C" fn(i32, *const c_char, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the header's contract for keyfob_config_set_log: `log` and `user_data` may be used from
// any thread that uses the client, for as long as the client lives.
unsafe impl Send for Sink {}
// SAFETY: as above, also from several threads at once.
unsafe impl Sync for Sink {}

impl Sink {
    /// Hands one line over. Lines of ours have no NUL; one that had would be empty.
    fn line(&self, level: Level, message: &str) {
        let message = CString::new(message).unwrap_or_default();
        // SAFETY: a function pointer of this type, and a NUL-terminated string that outlives the call.
        unsafe { (self.log)(level as i32, message.as_ptr(), self.user_data) };
    }
}

/// Sends log lines of the clients made from this config to `log`, up to `max_level`
/// (`KEYFOB_LOG_LEVEL_ERROR` to `KEYFOB_LOG_LEVEL_DEBUG`). A NULL `log` sends them nowhere.
/// `log` and `user_data` must stay usable, from any thread that uses a client, until the last
/// client made from this config is freed.
///
/// `KEYFOB_INVALID_ARGUMENT`: `max_level` is none of the levels.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_log(
    config: *mut keyfob_config,
    log: keyfob_log_fn,
    user_data: *mut c_void,
    max_level: i32,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let config = handle_mut(config, "config")?;
        let Some(log) = log else {
            config.0.unset_log();
            return Ok(());
        };
        let most = level(max_level)?;
        let sink = Sink { log, user_data };
        config.0.set_log(Arc::new(move |level, message| sink.line(level, message)), most);
        Ok(())
    })
}

/// Keeps the last `lines` log lines up to `max_level` of the clients made from this config, until
/// `keyfob_client_next_log` reads them: in place of a function of `keyfob_config_set_log`. For
/// languages that take no calls from a thread that is not theirs. 65536 lines at most; 0 keeps
/// none.
///
/// `KEYFOB_INVALID_ARGUMENT`: `max_level` is none of the levels.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_keep_log(
    config: *mut keyfob_config,
    max_level: i32,
    lines: usize,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let (config, most) = (handle_mut(config, "config")?, level(max_level)?);
        match lines {
            0 => config.0.unset_log(),
            lines => config.0.keep_log(most, lines),
        }
        Ok(())
    })
}

/// A level by its number: C passes any.
fn level(number: i32) -> Result<Level> {
    let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug];
    levels.into_iter().find(|level| *level as i32 == number).ok_or_else(|| {
        let what = format!("max_level {number} is not a log level; they are 1 to 4");
        Error::new(Status::InvalidArgument, what)
    })
}

/// Frees a config, and overwrites the secrets in it. Clients made from it go on. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_free(config: *mut keyfob_config) {
    plain((), || free_handle(config));
}
