//! The locks and atomic numbers that the rest is built on.
//!
//! They are named here for two reasons. `tests/single_flight.rs` puts the locks of a model
//! checker (loom) in their place. And some processors cannot change a number of 64 bits at once:
//! there, a crate does it with a lock.

#[cfg(not(target_has_atomic = "64"))]
pub(crate) use portable_atomic::{AtomicI64, AtomicU64};
#[cfg(target_has_atomic = "64")]
pub(crate) use std::sync::atomic::{AtomicI64, AtomicU64};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What the mutex guards. A thread that panicked keeps nobody out: what is guarded is changed in steps
/// that each leave it whole, so poison is ignored.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
