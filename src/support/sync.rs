//! The locks and atomic numbers that others are built on, named here so that tests/single_flight.rs can
//! put a model checker's locks in their place, and for processors that have no numbers of 64 bits that
//! they change at once.

#[cfg(not(target_has_atomic = "64"))]
pub(crate) use portable_atomic::{AtomicI64, AtomicU64};
#[cfg(target_has_atomic = "64")]
pub(crate) use std::sync::atomic::{AtomicI64, AtomicU64};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
