//! Things that belong to one process: after `fork` the child makes its own.
//!
//! A child inherits its parent's sockets, and locks that threads held which it does not have. It
//! must touch neither, so what can block or talk is kept here and made anew on first use.

use crate::support::os::{Process, this_process};
use arc_swap::ArcSwapOption;
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// A value made once in each process that asks for it.
pub(crate) struct PerProcess<T>(Slot, PhantomData<fn() -> T>);

impl<T: Any + Send + Sync> PerProcess<T> {
    pub const fn new() -> PerProcess<T> {
        PerProcess(Slot(ArcSwapOption::const_empty()), PhantomData)
    }

    /// This process's value.
    pub fn get(&self, make: impl Fn() -> T) -> Arc<T> {
        let value = self.0.get(&|| Arc::new(make()));
        value.downcast().expect("only what is made above is ever put there")
    }
}

type Value = Arc<dyn Any + Send + Sync>;

/// Type-erased, so that the compare-and-swap loop is compiled once.
struct Slot(ArcSwapOption<(Process, Value)>);

impl Slot {
    /// What a parent left is leaked: dropping it could write to its sockets.
    fn get(&self, make: &dyn Fn() -> Value) -> Value {
        let me = this_process();
        loop {
            let seen = self.0.load();
            if let Some(mine) = seen.as_ref().filter(|seen| seen.0 == me) {
                return mine.1.clone();
            }
            let fresh = Arc::new((me, make()));
            let before = self.0.compare_and_swap(&*seen, Some(fresh.clone()));
            if before.as_ref().map(Arc::as_ptr) == seen.as_ref().map(Arc::as_ptr) {
                std::mem::forget(before.clone());
                return fresh.1.clone();
            }
        }
    }
}
