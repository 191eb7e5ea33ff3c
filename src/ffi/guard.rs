//! The wall between Rust and C: no panic gets through it, and every failure becomes an error object.

use super::error::keyfob_error;
use crate::error::{Error, Result, Status};
use crate::support::os::NotCancelled;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Runs the body of a function that cannot fail, and yields `fallback` if it does all the same.
pub(super) fn plain<T>(fallback: T, work: impl FnOnce() -> T) -> T {
    contain(work).unwrap_or(fallback)
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// `None` for a panic. It is not printed either: a library writes nothing to its host's terminal.
fn contain<T>(work: impl FnOnce() -> T) -> Option<T> {
    let _not_cancelled = NotCancelled::begin();
    if !QUIET.load(Ordering::Relaxed) {
        be_quiet();
    }
    let outer = INSIDE.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "panic-probe")]
        probe::panic_if_armed();
        work()
    }));
    INSIDE.set(outer);
    outcome.ok()
}

/// Not a lock: a child that was forked while it is held would wait for ever.
static QUIET: AtomicBool = AtomicBool::new(false);

#[cold]
fn be_quiet() {
    if QUIET.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !INSIDE.get() {
            before(panic);
        }
    }));
}

/// Lets a test put a panic behind the next call: the only way to see that each is contained.
#[cfg(feature = "panic-probe")]
pub mod probe {
    use std::sync::atomic::{AtomicBool, Ordering};

    static ARMED: AtomicBool = AtomicBool::new(false);

    /// The next call into the library panics. For the tests in C, and in no header.
    #[unsafe(no_mangle)]
    pub extern "C" fn keyfob_test_arm_panic() {
        ARMED.store(true, Ordering::SeqCst);
    }

    pub(super) fn panic_if_armed() {
        assert!(!ARMED.swap(false, Ordering::SeqCst), "armed by a test");
    }
}
