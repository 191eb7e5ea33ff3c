//! Values that all clients of a process share by name, and that a forked child inherits.
//!
//! Some things must not be forgotten when a client is closed, such as that a password was
//! rejected: a program that makes a client, fails and begins anew would send it each time. The
//! registry keeps them, for the process and for its children.
//!
//! It has no lock, which a fork could leave behind locked. A writer copies a shard, changes the
//! copy and puts it in the shard's place. There are many small shards, so that the hundred
//! thousandth name costs no more than the first.

use crate::support::clock::{Clock, Moment};
use arc_swap::ArcSwapOption;
use std::ops::Deref;
use std::sync::Arc;

/// With 100,000 names a shard has about 400, which is what is copied to add one.
const SHARDS: usize = 256;

/// A value that can be shared by name.
pub(crate) trait Shared {
    /// Whether the value says nothing any more, so that nothing is lost when it is dropped. Asked
    /// of values that no client holds. `now` is a moment of the clock that the value was made
    /// with.
    fn is_over(&self, now: Moment) -> bool;
}

/// Values by name. Two clients share a value only if their clocks agree: a moment in it would
/// mean another time to the other.
pub(crate) struct Registry<T>([ArcSwapOption<Vec<Arc<Entry<T>>>>; SHARDS]);

/// A value, its name, and the clock that its moments are on.
pub(crate) struct Entry<T> {
    name: String,
    /// The clock of the client that made the value.
    clock: Clock,
    /// How often that clock had been rebooted then. A manual clock's moments end with its boot.
    boot: u64,
    value: T,
}

impl<T> Entry<T> {
    /// Whether a moment of this clock is the same moment to the others who share the value. A
    /// test that winds its own clock no longer agrees.
    pub fn agrees_with(&self, clock: &Clock) -> bool {
        self.boot == clock.boots() && self.clock.agrees_with(clock)
    }
}

impl<T> Deref for Entry<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Shared> Registry<T> {
    /// An empty registry. `const`, so that it can be a `static`.
    pub const fn new() -> Registry<T> {
        Registry([const { ArcSwapOption::const_empty() }; SHARDS])
    }

    /// The value of this name on this clock; made where there is none. When one is made, those of
    /// its shard that are over and that nobody holds are dropped. `make` may be called more than
    /// once, where others change the shard at the same time.
    pub fn get(&self, name: &str, clock: &Clock, make: impl Fn() -> T) -> Arc<Entry<T>> {
        let shard = &self.0[shard_of(name)];
        loop {
            let seen = shard.load();
            let known = || seen.iter().flat_map(|entries| entries.iter());
            let is_same = |entry: &&Arc<Entry<T>>| entry.name == name && entry.agrees_with(clock);
            if let Some(same) = known().find(is_same) {
                return same.clone();
            }
            let is_kept = |entry: &&Arc<Entry<T>>| {
                Arc::strong_count(entry) > 1 || !entry.value.is_over(entry.clock.now())
            };
            let mut next: Vec<Arc<Entry<T>>> = known().filter(is_kept).cloned().collect();
            let (name, clock, boot) = (name.to_string(), clock.clone(), clock.boots());
            let fresh = Arc::new(Entry { name, clock, boot, value: make() });
            next.push(fresh.clone());
            let before = shard.compare_and_swap(&*seen, Some(Arc::new(next)));
            if before.as_ref().map(Arc::as_ptr) == seen.as_ref().map(Arc::as_ptr) {
                return fresh;
            }
        }
    }
}

/// FNV-1a. Names are digests already, but need not be: any name has a shard.
fn shard_of(name: &str) -> usize {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    name.bytes().fold(2_166_136_261, step) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Flag(AtomicBool);

    impl Shared for Flag {
        fn is_over(&self, _: Moment) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn flag() -> Flag {
        Flag(AtomicBool::new(false))
    }

    #[test]
    fn a_name_has_one_value_until_it_is_over_and_unused() {
        let registry = Registry::new();
        let (clock, other) = (Clock::manual(), Clock::manual());
        let first = registry.get("a", &clock, flag);
        assert!(Arc::ptr_eq(&first, &registry.get("a", &clock, flag)));
        assert!(!Arc::ptr_eq(&first, &registry.get("a", &other, flag)), "another clock");
        first.0.store(true, Ordering::Relaxed);
        let neighbour = (0..).map(|n| n.to_string()).find(|n| shard_of(n) == shard_of("a"));
        registry.get(neighbour.as_ref().unwrap(), &clock, flag);
        assert!(Arc::ptr_eq(&first, &registry.get("a", &clock, flag)), "over, but used");
        drop(first);
        registry.get(&neighbour.unwrap(), &other, flag);
        let again = registry.get("a", &clock, flag);
        assert!(!again.0.load(Ordering::Relaxed), "made anew");
    }
}
