//! `keyfob_config`: a provider and its options.

use super::convert::{Out, free_handle, handle, handle_mut, into_handle, text};
use super::error::keyfob_error;
use super::guard::guard;
use super::panics::plain;
use crate::client::config::Config;
use crate::error::{Error, Status};
use crate::support::log::Level;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// A provider and its options, from which clients are made. Not to be used from two threads while
/// one of them changes it.
pub struct keyfob_config(pub(super) Config);

/// Takes a log line. It runs on the thread that called keyfob, with no lock held; `message` is one
/// line without a secret, borrowed for the time of the call. It must not unwind or jump out.
pub type keyfob_log_fn =
    Option<unsafe extern "C" fn(level: i32, message: *const c_char, user_data: *mut c_void)>;

/// Makes a config for a provider: `kontakt`, `kontakt-cloud`, `iotconnect`, `kii`, `simacan`,
/// `oauth2`, or `custom`, whose profile is then set first with the option `profile` or
/// `profile_file`. Free it with `keyfob_config_free`.
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
/// Every secret option `x` may be given as `x_file` instead, a file that is read when a client is
/// made.
///
/// `KEYFOB_UNKNOWN_OPTION`, `KEYFOB_INVALID_OPTION`, `KEYFOB_INVALID_PROFILE`; the config is then
/// as it was.
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
/// `KEYFOB_UNKNOWN_OPTION`.
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

/// Sets every member of a JSON object; numbers and booleans may be written as such. All or nothing:
/// after a failure the config is as it was.
///
/// `KEYFOB_INVALID_ARGUMENT` where it is not such an object, and as `keyfob_config_set`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_load_json(
    config: *mut keyfob_config,
    json: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle_mut(config, "config")?.0.load_json(text(json, "json")?))
}

/// As `keyfob_config_load_json`, from a file.
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
/// is read once, here, and never changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_load_env(
    config: *mut keyfob_config,
    prefix: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle_mut(config, "config")?.0.load_env(text(prefix, "prefix")?))
}

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
        let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug];
        let most =
            levels.into_iter().find(|level| *level as i32 == max_level).ok_or_else(|| {
                Error::new(
                    Status::InvalidArgument,
                    format!("max_level {max_level} is not a log level; they are 1 to 4"),
                )
            })?;
        let sink = Sink { log, user_data };
        config.0.set_log(Arc::new(move |level, message| sink.line(level, message)), most);
        Ok(())
    })
}

/// Frees a config. Clients made from it go on. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_free(config: *mut keyfob_config) {
    plain((), || free_handle(config));
}
