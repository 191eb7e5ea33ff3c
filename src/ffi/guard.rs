//! The body of every function that can fail runs in `guard`: no panic leaves it, and every failure
//! becomes a status and an error object.
//!
//! ```text
//! guard(err, || { handle(client, "client")?.0.renew() })
//!     Ok(())      KEYFOB_OK,      *err = NULL
//!     Err(error)  error.status(), *err = the error, or freed where err is NULL
//!     a panic     KEYFOB_PANIC,   *err = an error that does not quote the panic
//! ```

use super::error::keyfob_error;
use super::panics::contain;
use crate::error::{Error, Result, Status};

/// Runs the body of a function that can fail. Writes the error, or NULL, to `err`.
pub(super) fn guard(err: *mut *mut keyfob_error, work: impl FnOnce() -> Result<()>) -> Status {
    match contain(work) {
        Some(Ok(())) => {
            if !err.is_null() {
                // SAFETY: the caller passes NULL or a pointer it may be written through (the
                // header's contract for `err`); NULL was excluded.
                unsafe { err.write(std::ptr::null_mut()) };
            }
            Status::Ok
        }
        Some(Err(error)) => fail(err, error),
        None => fail(err, panicked()),
    }
}

/// The panic's text is withheld: it may quote a secret.
#[cold]
fn panicked() -> Error {
    Error::new(
        Status::Panic,
        "a fault in keyfob itself; please report it with the status_json of this client",
    )
}

/// Hands the error over, or drops it where the caller wants none. Out of line: on the way of a call
/// that succeeds there is no code for it.
#[cold]
fn fail(err: *mut *mut keyfob_error, error: Error) -> Status {
    let status = error.status();
    let error = keyfob_error::boxed(error);
    if err.is_null() {
        // SAFETY: `error` is NULL or came from `boxed` above, and nobody else has it.
        unsafe { super::error::keyfob_error_free(error) };
    } else {
        // SAFETY: as above.
        unsafe { err.write(error) };
    }
    status
}
