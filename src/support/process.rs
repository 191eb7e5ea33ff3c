//! Things that belong to one process: after `fork` the child makes its own.
//!
//! A child inherits its parent's sockets, and locks that other threads of its parent held. It has
//! no such threads, so nobody would ever unlock them; and what it wrote to a socket would mix
//! with what its parent writes. So the connection pool, TLS sessions and locks that are waited
//! for are kept here, and a child makes them anew on first use.

use crate::support::os::{Process, this_process};
use arc_swap::ArcSwapOption;
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// A value that each process makes once, when it first asks for it.
///
/// ```text
/// static POOL: PerProcess<Pool> = PerProcess::new();
/// POOL.get(Pool::default)   // in the parent: the parent's pool; in the child: a new one
/// ```
pub(crate) struct PerProcess<T>(Slot, PhantomData<fn() -> T>);

impl<T: Any + Send + Sync> PerProcess<T> {
    /// One of which no process has made its value yet. `const`, so that it can be a `static`.
    pub const fn new() -> PerProcess<T> {
        PerProcess(Slot(ArcSwapOption::const_empty()), PhantomData)
    }

    /// This process's value. Takes no lock, so it works in a child of `fork` whatever its parent
    /// did then.
    ///
    /// Two threads that ask at once may both call `make`; one value is kept, and both get it.
    pub fn get(&self, make: impl Fn() -> T) -> Arc<T> {
        let value = self.0.get(&|| Arc::new(make()));
        value.downcast().expect("only what is made above is ever put there")
    }

    /// This process's value, if it has made one.
    pub fn known(&self) -> Option<Arc<T>> {
        let seen = self.0.0.load();
        let (_, value) = seen.as_deref().filter(|(process, _)| *process == this_process())?;
        value.clone().downcast().ok()
    }
}

/// A value of any type. `PerProcess::get` knows which it is.
type Value = Arc<dyn Any + Send + Sync>;

/// Whose value is kept, and the value. Type-erased, so that the compare-and-swap loop is compiled
/// once.
struct Slot(ArcSwapOption<(Process, Value)>);

impl Slot {
    /// What a parent made is leaked in its child: to drop it could write to the parent's sockets,
    /// or wait for a lock that nobody holds any more.
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
