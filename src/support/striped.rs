//! A value that many threads read at once and none waits for, replaced as a whole by one of them.
//!
//! A reference count or a read lock costs a reader two locked instructions: one to begin, one to end.
//! Here the value has stripes, each with a lock that nobody waits for. A reader takes the stripe of
//! its thread with one locked instruction and gives it back with a plain store. A reader that finds
//! its stripe taken gets nothing, and has to look where the value is kept otherwise.

use crate::support::sync::AtomicU64;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use try_lock::TryLock;

/// Threads beyond this many share stripes. A gateway's program has fewer; each costs 64 bytes a
/// client.
pub(crate) const STRIPES: usize = 8;

/// How often the writer tries to take a stripe. A reader holds it for some nanoseconds, unless
/// its thread is not running just then.
const TRIES: u32 = 30;
/// How long the writer sleeps after a try: 3 ms in all for a stripe that stays taken.
const BETWEEN_TRIES: Duration = Duration::from_micros(100);

/// A value, and a number that grows each time the value is replaced.
///
/// It serves the cached token: `lifecycle/` reads it for each request, and replaces it when a
/// token is renewed.
pub(crate) struct Striped<T> {
    /// The number of the last value. A stripe that has another number is out of date.
    number: AtomicU64,
    /// Copies of the pointer, not of the value.
    stripes: [Stripe<T>; STRIPES],
}

// Two stripes in one cache line would slow each other down.
#[repr(align(64))]
struct Stripe<T>(TryLock<(u64, Arc<T>)>);

impl<T> Striped<T> {
    /// The first value has the number 1.
    pub fn new(value: &Arc<T>) -> Striped<T> {
        let stripe = |_| Stripe(TryLock::new((1, value.clone())));
        Striped { number: AtomicU64::new(1), stripes: std::array::from_fn(stripe) }
    }

    /// Gives the value and its number to `look`, which must be short: it holds the stripe.
    ///
    /// `None` where `look` says so, or where the stripe is taken or out of date. The caller then
    /// looks where the value is kept otherwise.
    #[inline]
    pub fn read<R>(&self, look: impl FnOnce(&T, u64) -> Option<R>) -> Option<R> {
        let stripe = self.stripes[stripe_of_this_thread()].0.try_lock()?;
        let (number, value) = &*stripe;
        if *number != self.number.load(Ordering::Acquire) {
            return None;
        }
        look(value, *number)
    }

    /// Puts a value in the place of the last one. One writer at a time: the caller holds a lock
    /// for that. When it returns, no reader gets the old value any more.
    ///
    /// A stripe that stays taken is left out of date: its reader sleeps, or was not copied into
    /// this process by `fork`. The readers of that stripe get nothing until the next `replace`.
    pub fn replace(&self, value: &Arc<T>) {
        let number = self.number.fetch_add(1, Ordering::AcqRel) + 1;
        for stripe in &self.stripes {
            for _ in 0..TRIES {
                if let Some(mut stripe) = stripe.0.try_lock() {
                    let last = std::mem::replace(&mut *stripe, (number, value.clone()));
                    drop(stripe);
                    drop(last); // may free a lot, so not while the stripe is taken
                    break;
                }
                std::thread::sleep(BETWEEN_TRIES);
            }
        }
    }
}

/// Threads are dealt out to stripes in the order in which they first ask, so that the first eight
/// have one each.
#[inline]
pub(crate) fn stripe_of_this_thread() -> usize {
    number_of_this_thread() % STRIPES
}

/// What tells this thread from the others: their order when they first asked.
#[inline]
pub(crate) fn number_of_this_thread() -> usize {
    const NONE: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = const { Cell::new(NONE) });
    let mine = MINE.get();
    if mine != NONE {
        return mine;
    }
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    MINE.set(next);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen<T: Clone>(striped: &Striped<T>) -> Option<(T, u64)> {
        striped.read(|value, number| Some((value.clone(), number)))
    }

    #[test]
    fn every_thread_sees_the_value_that_was_put_there_last() {
        let striped = Striped::new(&Arc::new("old"));
        let old = seen(&striped).unwrap();
        striped.replace(&Arc::new("new"));
        let new = seen(&striped).unwrap();
        assert!(old.0 == "old" && new.0 == "new" && 0 < old.1 && old.1 < new.1);
        std::thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                // Two threads may have one stripe.
                let sees = || assert!(seen(&striped).is_none_or(|seen| seen == new));
                scope.spawn(sees);
            }
        });
    }

    #[test]
    fn nothing_is_kept_of_a_value_that_was_replaced() {
        let old = Arc::new(());
        let kept = Arc::downgrade(&old);
        let striped = Striped::new(&old);
        drop(old);
        assert!(kept.upgrade().is_some());
        striped.replace(&Arc::new(()));
        assert!(kept.upgrade().is_none());
    }

    #[test]
    fn a_reader_that_never_ends_stops_no_writer() {
        let old = Arc::new("old");
        let kept = Arc::downgrade(&old);
        let striped = Striped::new(&old);
        drop(old);
        let within = striped.read(|old, _| {
            striped.replace(&Arc::new("new"));
            Some((*old, seen(&striped)))
        });
        assert_eq!(
            within,
            Some(("old", None)),
            "it reads on, and is told that its stripe is taken"
        );
        assert_eq!(seen(&striped), None, "its stripe is out of date");
        striped.replace(&Arc::new("newer"));
        assert_eq!(seen(&striped).unwrap().0, "newer");
        assert!(kept.upgrade().is_none());
    }

    #[test]
    fn no_reader_ever_sees_a_value_that_is_half_another() {
        let text = |round: usize| vec![b'a' + (round % 26) as u8; 100 + round % 5_000];
        let striped = Striped::new(&Arc::new(text(0)));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let same = |text: &[u8]| text.iter().all(|byte| *byte == text[0]);
                        assert_ne!(striped.read(|text, _| Some(same(text))), Some(false));
                    }
                });
            }
            for round in 0..2_000 {
                striped.replace(&Arc::new(text(round)));
            }
        });
    }
}
