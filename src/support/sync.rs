//! The locks that the single flight is built on, named here so that tests/single_flight.rs can put a
//! model checker's in their place.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
