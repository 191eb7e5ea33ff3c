//! The wall between Rust and C: no panic gets through it, and every failure becomes an error object.

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

/// The panic's text is withheld: it may quote what it stumbled over.
#[cold]
fn panicked() -> Error {
    Error::new(
        Status::Panic,
        "a fault in keyfob itself; please report it with the status_json of this client",
    )
}

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
