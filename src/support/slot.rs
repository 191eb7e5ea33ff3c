//! A place for a value that is replaced whole while others read it, without a lock: a forked child
//! could inherit one held.
//!
//! It is arc-swap's, with the type of the value left to this file. arc-swap's own code is there once
//! for each type, 1.3 KB of it. To read costs a pair of atomic additions more here, so the hot path's
//! places are arc-swap's.

use arc_swap::ArcSwapOption;
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// A value of any type. [`Slot`] knows which it is.
type Value = Arc<dyn Any + Send + Sync>;

/// A place for a value, or none.
///
/// ```text
/// let name = Slot::empty();
/// name.put(Some(Arc::new("north".to_string())));
/// name.get()     // Some("north"), and still that when another is put there
/// ```
#[derive(Debug)]
pub(crate) struct Slot<T>(ArcSwapOption<Value>, PhantomData<fn() -> T>);

impl<T: Any + Send + Sync> Slot<T> {
    /// Without a value. `const`, so that it can be in a `static`.
    pub const fn empty() -> Slot<T> {
        Slot(ArcSwapOption::const_empty(), PhantomData)
    }

    /// With this value.
    pub fn of(value: Option<Arc<T>>) -> Slot<T> {
        let slot = Slot::empty();
        slot.put(value);
        slot
    }

    /// The value that is there now.
    pub fn get(&self) -> Option<Arc<T>> {
        get(&self.0)?.downcast().ok()
    }

    /// Puts another there.
    pub fn put(&self, value: Option<Arc<T>>) {
        self.swap(value);
    }

    /// Puts another there, and gives what was there before.
    pub fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        swap(&self.0, value.map(|value| value as Value))?.downcast().ok()
    }

    /// Puts another there, unless something else is there by now than what was seen.
    pub fn replace(&self, seen: Option<&Arc<T>>, value: Arc<T>) -> bool {
        replace(&self.0, seen.map(|seen| Arc::as_ptr(seen).cast()), value)
    }

    /// Puts there what `change` makes of what is there. It is asked again where others put something
    /// there at the same time.
    pub fn change(&self, mut change: impl FnMut(Option<&T>) -> T) {
        let change = &mut |known: Option<&Value>| -> Value {
            Arc::new(change(known.and_then(|known| known.downcast_ref())))
        };
        rcu(&self.0, change);
    }
}

impl<T: Any + Send + Sync> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot::empty()
    }
}

fn get(place: &ArcSwapOption<Value>) -> Option<Value> {
    place.load().as_deref().cloned()
}

fn swap(place: &ArcSwapOption<Value>, value: Option<Value>) -> Option<Value> {
    place.swap(value.map(Arc::new)).map(|before| Value::clone(&before))
}

fn rcu(place: &ArcSwapOption<Value>, change: &mut dyn FnMut(Option<&Value>) -> Value) {
    place.rcu(|known| Some(Arc::new(change(known.as_deref()))));
}

/// `seen` is where the value is that was seen, which its reader still holds.
fn replace(place: &ArcSwapOption<Value>, seen: Option<*const ()>, value: Value) -> bool {
    let value = Some(Arc::new(value));
    loop {
        let known = place.load();
        if known.as_deref().map(|known| Arc::as_ptr(known).cast()) != seen {
            return false;
        }
        let before = place.compare_and_swap(&*known, value.clone());
        if before.as_ref().map(Arc::as_ptr) == known.as_ref().map(Arc::as_ptr) {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_out_stays_when_another_is_put_there() {
        let slot = Slot::empty();
        assert!(slot.get().is_none());
        slot.put(Some(Arc::new(1_u8)));
        let first = slot.get();
        slot.change(|known| known.copied().unwrap_or_default() + 1);
        assert_eq!((first.as_deref(), slot.get().as_deref()), (Some(&1), Some(&2)));
        assert!(!slot.replace(first.as_ref(), Arc::new(7)) && !slot.replace(None, Arc::new(7)));
        assert!(slot.replace(slot.get().as_ref(), Arc::new(2)));
        assert_eq!(slot.swap(None).as_deref(), Some(&2));
        assert!(slot.get().is_none());
    }
}
