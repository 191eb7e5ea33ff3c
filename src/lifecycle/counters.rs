//! What happened so far, for the status.

use crate::support::sync::AtomicU64;
use std::sync::atomic::Ordering;

/// Counters of one client; docs/ABI.md says what each counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub logins: AtomicU64,
    pub logins_rejected: AtomicU64,
    pub refreshes: AtomicU64,
    pub refreshes_rejected: AtomicU64,
    pub failures: AtomicU64,
    pub requests: AtomicU64,
    pub replays: AtomicU64,
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
