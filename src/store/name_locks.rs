//! Locks by name, within this process: for each name, one thread at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The names that somebody has locked.
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
        let free = self.locked().insert(name.into());
        free.then(|| NameLock { locks: self.clone(), name: name.into() })
    }

    fn locked(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for NameLock {
    fn drop(&mut self) {
        self.locks.locked().remove(&self.name);
    }
}
