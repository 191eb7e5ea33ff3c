//! What happened so far, for the status. Counters decide nothing.

use crate::support::sync::AtomicU64;
use std::sync::atomic::Ordering;

/// Counters of one client and all its handles, from 0 when the client is made. docs/ABI.md promises
/// their names in the status, under `counters`.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Logins tried, whatever came of them.
    pub logins: AtomicU64,
    /// Of these, how many the cloud rejected: the user, or the client software.
    pub logins_rejected: AtomicU64,
    /// Refreshes tried.
    pub refreshes: AtomicU64,
    /// Of these, how many ended with the refresh token dropped.
    pub refreshes_rejected: AtomicU64,
    /// Renewals that came to nothing.
    pub failures: AtomicU64,
    /// Requests to an API that had a token to carry.
    pub requests: AtomicU64,
    /// Of these, how many were sent again: with a newer token, or signed by a clock that was set
    /// right.
    pub replays: AtomicU64,
}

/// Counts one more. Relaxed: no memory is ordered by a counter.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
