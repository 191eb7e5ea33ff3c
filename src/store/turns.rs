//! Turns: for each name, one thread of this process at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The names whose turn somebody has.
#[derive(Default)]
pub(super) struct Turns(Mutex<Vec<String>>);

/// Somebody's turn, until dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    name: String,
}

impl Turns {
    /// The turn of this name; `None` while somebody else has it.
    pub fn take(self: &Arc<Turns>, name: &str) -> Option<Turn> {
        let mut held = self.held();
        if held.iter().any(|other| other == name) {
            return None;
        }
        held.push(name.into());
        Some(Turn { turns: self.clone(), name: name.into() })
    }

    fn held(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.held().retain(|name| *name != self.name);
    }
}
