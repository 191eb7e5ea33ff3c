//! A gate that lets one through at a time. Who waits before it does so to its own call's deadline.

use crate::error::Result;
use crate::support::call::Call;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Lets one through at a time.
#[derive(Default)]
pub(crate) struct Gate {
    taken: Mutex<bool>,
    freed: Condvar,
}

/// The gate is somebody's until this is dropped.
pub(crate) struct Passage(Arc<Gate>);

impl Gate {
    /// Waits until nobody else is through.
    pub fn pass(self: &Arc<Gate>, call: &Call) -> Result<Passage> {
        let mut taken = self.taken();
        while *taken {
            let slice = call.slice()?;
            let waited = self.freed.wait_timeout(taken, slice);
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken = true;
        Ok(Passage(self.clone()))
    }

    /// Goes through if nobody else is.
    pub fn try_pass(self: &Arc<Gate>) -> Option<Passage> {
        let mut taken = self.taken();
        (!std::mem::replace(&mut *taken, true)).then(|| Passage(self.clone()))
    }

    fn taken(&self) -> MutexGuard<'_, bool> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        *self.0.taken() = false;
        self.0.freed.notify_one();
    }
}
