//! Locks by name, within this process: for each name, one thread at a time.
//!
//! They have no wait of their own. Who does not get one tries again, as with the lock between
//! processes that is taken next. A forked child must not inherit them: keep them in a
//! [`PerProcess`](crate::support::process::PerProcess).

use crate::support::sync::locked;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// The names that somebody has locked. The mutex is held for an instant only, not while a name is
/// locked.
#[derive(Default)]
pub(super) struct NameLocks(Mutex<HashSet<String>>);

/// A name that is locked until this is dropped.
pub(super) struct NameLock {
    locks: Arc<NameLocks>,
    name: String,
}

impl NameLocks {
    /// Locks this name; `None` while somebody else has it locked.
    pub fn try_lock(self: &Arc<NameLocks>, name: &str) -> Option<NameLock> {
        let free = locked(&self.0).insert(name.into());
        free.then(|| NameLock { locks: self.clone(), name: name.into() })
    }
}

impl Drop for NameLock {
    fn drop(&mut self) {
        locked(&self.locks.0).remove(&self.name);
    }
}
