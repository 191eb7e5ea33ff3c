//! Values that all clients of a process share by name, and that a forked child inherits.
//!
//! Some things must not be forgotten when a client is closed, such as that a password was
//! rejected: a program that makes a client, fails and begins anew would send it each time. The
//! registry keeps them, for the process and for its children. What says nothing any more goes with
//! the last client that holds it.
//!
//! It has no lock, which a fork could leave behind locked: a [`Shelf`] keeps the values.

use crate::support::clock::{Clock, Moment};
use crate::support::shelf::{Item, Shelf, hash_of};
use crate::support::sync::AtomicU64;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A value that can be shared by name.
pub(crate) trait Shared: Send + Sync + 'static {
    /// Whether the value says nothing any more, so that nothing is lost when it is dropped. Asked
    /// of values that no client holds. `now` is a moment of the clock that the value was made
    /// with.
    fn is_over(&self, now: Moment) -> bool;
}

/// Values by name. Two clients share a value only if their clocks agree: a moment in it would
/// mean another time to the other.
pub(crate) struct Registry(Shelf);

/// A value, its name, and the clock that its moments are on.
struct Entry<T> {
    name: Arc<str>,
    /// The clock of the client that made the value.
    clock: Clock,
    /// How often that clock had been rebooted then. A manual clock's moments end with its boot.
    boot: u64,
    /// How many hold it, in the lower half; in the upper, how often somebody began to.
    holders: AtomicU64,
    value: T,
}

/// In the lower half: it is on its way out of the registry, and nobody may hold it any more.
const GONE: u64 = u32::MAX as u64;

/// One more holder, one more beginning.
const ONE_MORE: u64 = (1 << 32) + 1;

impl<T: Shared> Entry<T> {
    /// One more holds it, unless it is on its way out.
    fn hold(&self) -> bool {
        let more = |state: u64| (state & GONE != GONE).then(|| state.wrapping_add(ONE_MORE));
        self.holders.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    /// Whether nobody holds it and it says nothing: then nobody gets it any more. What it says is
    /// changed by holders alone, so it says the same while none has begun.
    fn ends(&self) -> bool {
        let state = self.holders.load(Ordering::Acquire);
        let ended = || {
            let gone = state | GONE;
            self.holders.compare_exchange(state, gone, Ordering::AcqRel, Ordering::Acquire).is_ok()
        };
        match state & GONE {
            GONE => true,
            0 => self.value.is_over(self.clock.now()) && ended(),
            _ => false,
        }
    }
}

/// A value that is held: it stays in the registry at least until this is dropped.
pub(crate) struct Held<T: Shared> {
    entry: Arc<Entry<T>>,
    registry: &'static Registry,
}

impl<T: Shared> Held<T> {
    /// Whether a moment of this clock is the same moment to the others who share the value. A
    /// test that winds its own clock no longer agrees.
    pub fn agrees_with(&self, clock: &Clock) -> bool {
        self.entry.boot == clock.boots() && self.entry.clock.agrees_with(clock)
    }

    /// Whether nobody else holds it.
    pub fn is_last(&self) -> bool {
        self.entry.holders.load(Ordering::Acquire) & GONE == 1
    }
}

impl<T: Shared> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.entry.value
    }
}

impl<T: Shared> Drop for Held<T> {
    fn drop(&mut self) {
        self.entry.holders.fetch_sub(1, Ordering::AcqRel);
        if self.entry.ends() {
            let me = Arc::as_ptr(&self.entry).cast::<()>();
            self.registry
                .0
                .sweep(hash_of(&self.entry.name), &|item| Arc::as_ptr(item).cast() == me);
        }
    }
}

impl Registry {
    /// An empty registry. `const`, so that it can be a `static`. All its values are of one type.
    pub const fn new() -> Registry {
        Registry(Shelf::new())
    }

    /// The value of this name on this clock; made where there is none. When one is made, those beside
    /// it that are over and that nobody holds are dropped. `make` may be called more than once, where
    /// others change the registry at the same time.
    pub fn get<T: Shared>(
        &'static self,
        name: &Arc<str>,
        clock: &Clock,
        make: impl Fn() -> T,
    ) -> Held<T> {
        let of = |item: &Item| item.clone().downcast::<Entry<T>>().ok();
        let is_it = |item: &Item| {
            item.downcast_ref::<Entry<T>>().is_some_and(|entry| {
                let agrees = || entry.boot == clock.boots() && entry.clock.agrees_with(clock);
                entry.name == *name && agrees() && entry.hold()
            })
        };
        let is_over = |item: &Item| item.downcast_ref::<Entry<T>>().is_some_and(Entry::ends);
        let fresh = || -> Item {
            let (name, clock, boot) = (name.clone(), clock.clone(), clock.boots());
            let holders = AtomicU64::new(ONE_MORE);
            Arc::new(Entry { name, clock, boot, holders, value: make() })
        };
        let item = self.0.get(hash_of(name), &is_it, &is_over, &fresh);
        Held { entry: of(&item).expect("a registry has one type"), registry: self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    struct Flag(AtomicBool);

    impl Shared for Flag {
        fn is_over(&self, _: Moment) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn get(registry: &'static Registry, name: &str, clock: &Clock) -> Held<Flag> {
        registry.get(&name.into(), clock, flag)
    }

    fn flag() -> Flag {
        Flag(AtomicBool::new(false))
    }

    #[test]
    fn a_name_has_one_value_until_it_is_over_and_unused() {
        static REGISTRY: Registry = Registry::new();
        let (clock, other) = (Clock::manual(), Clock::manual());
        let first = get(&REGISTRY, "a", &clock);
        let same = get(&REGISTRY, "a", &clock);
        assert!(Arc::ptr_eq(&first.entry, &same.entry) && !first.is_last());
        let another = get(&REGISTRY, "a", &other);
        assert!(!Arc::ptr_eq(&first.entry, &another.entry), "another clock");
        let kept = Arc::downgrade(&first.entry);
        drop((first, same));
        assert!(kept.upgrade().is_some(), "not over");
        let again = get(&REGISTRY, "a", &clock);
        again.0.store(true, Ordering::Relaxed);
        let held = get(&REGISTRY, "a", &clock);
        drop(again);
        assert!(kept.upgrade().is_some(), "over, but used");
        drop(held);
        assert!(kept.upgrade().is_none());
        assert!(!get(&REGISTRY, "a", &clock).0.load(Ordering::Relaxed), "made anew");
    }

    #[test]
    fn what_is_over_later_goes_when_another_comes_to_its_place() {
        static REGISTRY: Registry = Registry::new();
        let clock = Clock::manual();
        let first = get(&REGISTRY, "a", &clock);
        let kept = Arc::downgrade(&first.entry);
        let held = Arc::clone(&first.entry);
        drop(first);
        held.value.0.store(true, Ordering::Relaxed);
        drop(held);
        assert!(kept.upgrade().is_some());
        // One of these comes beside it.
        let all: Vec<_> = (0..64).map(|n| get(&REGISTRY, &n.to_string(), &clock)).collect();
        assert!(kept.upgrade().is_none());
        drop(all);
    }
}
