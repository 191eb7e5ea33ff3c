//! No panic leaves the library, and none is printed; nor does `pthread_cancel` end a thread within.
//!
//! Unwinding into C is undefined behaviour, and ends the host at best. A panic's message goes to
//! standard error by Rust's default, which is the host's and not ours. A thread that is cancelled
//! within a call would leave locks held and a spent refresh token unread.

use crate::support::os::NotCancelled;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs the body of a function that cannot fail, and yields `fallback` if it does all the same.
pub(super) fn plain<T>(fallback: T, work: impl FnOnce() -> T) -> T {
    contain(work).unwrap_or(fallback)
}

thread_local! {
    /// Whether this thread is within a call: its panics are ours, and are not printed.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// `None` for a panic. It is not printed either: a library writes nothing to its host's terminal.
pub(super) fn contain<T>(work: impl FnOnce() -> T) -> Option<T> {
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

/// Whether the panic hook is ours. Not a lock: a child that was forked while it is held would wait
/// for ever.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Puts a hook before the one that is there, which still sees the host's own panics. Once a
/// process, at the first call.
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

    /// Whether the next call is to panic.
    static ARMED: AtomicBool = AtomicBool::new(false);

    /// The next call into the library panics. For the tests in C, and in no header.
    #[unsafe(no_mangle)]
    pub extern "C" fn keyfob_test_arm_panic() {
        ARMED.store(true, Ordering::SeqCst);
    }

    /// Panics once, where `contain` catches it.
    pub(super) fn panic_if_armed() {
        assert!(!ARMED.swap(false, Ordering::SeqCst), "armed by a test");
    }
}
