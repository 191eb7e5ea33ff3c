//! Things that belong to one process: after `fork` the child makes its own.
//!
//! A child inherits its parent's sockets, and locks that threads held which it does not have. It
//! must touch neither, so what can block or talk is kept here and made anew on first use.

use arc_swap::ArcSwapOption;
use std::sync::Arc;

/// A value made once in each process that asks for it.
pub(crate) struct PerProcess<T>(ArcSwapOption<(u32, Arc<T>)>);

impl<T> PerProcess<T> {
    pub const fn new() -> PerProcess<T> {
        PerProcess(ArcSwapOption::const_empty())
    }

    /// This process's value. What a parent left is leaked: dropping it could write to its sockets.
    pub fn get(&self, make: impl Fn() -> T) -> Arc<T> {
        let me = std::process::id();
        loop {
            let seen = self.0.load();
            if let Some(mine) = seen.as_ref().filter(|seen| seen.0 == me) {
                return mine.1.clone();
            }
            let fresh = Arc::new((me, Arc::new(make())));
            let before = self.0.compare_and_swap(&*seen, Some(fresh.clone()));
            if before.as_ref().map(Arc::as_ptr) == seen.as_ref().map(Arc::as_ptr) {
                std::mem::forget(before.clone());
                return fresh.1.clone();
            }
        }
    }
}
