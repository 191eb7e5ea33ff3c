//! A gate that lets one caller through at a time. Each caller waits no longer than its own call's
//! deadline.
//!
//! A plain `Mutex` cannot do that: its wait has no limit and cannot be cancelled. Logins with one
//! secret pass a gate, and so do the clients that share a store in memory.
//!
//! A gate must not be inherited by a forked child while somebody is through: keep it in a
//! [`PerProcess`](super::process::PerProcess).

use crate::error::Result;
use crate::support::call::Call;
use crate::support::sync::locked;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Lets one caller through at a time. The order in which callers wait is not kept.
#[derive(Default)]
pub(crate) struct Gate {
    /// Whether somebody is through. The mutex is held for an instant only, never while someone is
    /// through.
    taken: Mutex<bool>,
    /// Signalled for one waiter each time the gate becomes free.
    freed: Condvar,
}

/// Proof that the gate is this caller's. Dropping it lets the next caller through.
pub(crate) struct Passage(Arc<Gate>);

impl Gate {
    /// Waits until nobody else is through. In slices: a cancelled call is noticed within
    /// [`SLICE`](super::call::SLICE).
    ///
    /// Fails with `Timeout` or `Cancelled` where the call ends first; the gate is then as it was.
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

    /// Goes through at once, or gives `None` where somebody is through.
    pub fn try_pass(self: &Arc<Gate>) -> Option<Passage> {
        let mut taken = self.taken();
        (!std::mem::replace(&mut *taken, true)).then(|| Passage(self.clone()))
    }

    /// A thread that panicked left at worst a truth value here, and that is whole: poison is
    /// ignored.
    fn taken(&self) -> MutexGuard<'_, bool> {
        locked(&self.taken)
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        *self.0.taken() = false;
        self.0.freed.notify_one();
    }
}
