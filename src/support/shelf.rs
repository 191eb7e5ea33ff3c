//! A set of shared values that is looked into by any number of threads and has no lock, which a fork
//! could leave behind locked.
//!
//! A writer copies a few values, changes the copy and puts it in their place. Where many values come
//! together, the place becomes sixteen, so that the hundred thousandth costs no more than the first;
//! and a process that has one pays for one.

use arc_swap::ArcSwapOption;
use std::any::Any;
use std::sync::Arc;

/// A value of any type: what is on the shelf is one type's, and this file is compiled once.
pub(crate) type Item = Arc<dyn Any + Send + Sync>;

/// Values, each in a place that the hash of its name says.
pub(crate) struct Shelf(Places);

/// One for each value of four bits of a hash.
type Places = [Place; 16];

/// What is in one place; `None` is nothing.
struct Place(ArcSwapOption<Content>);

enum Content {
    /// Values, with their hashes.
    Few(Vec<(u64, Item)>),
    /// Places for the next four bits of the hash. It stays so, whatever is taken away.
    Many(Places),
}

/// With so many the place is divided: fewer are copied to add one.
const MOST: usize = 8;

/// How many bits of a hash a level of places takes.
const STEP: u32 = 4;

/// Which of the places of a level a value of this hash has.
fn at(hash: u64, level: u32) -> usize {
    (hash >> (level * STEP)) as usize % 16
}

/// FNV-1a. Names are digests already, but need not be: any name has a place.
pub(crate) fn hash_of(name: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Empty places.
const fn empty() -> Places {
    [const { Place(ArcSwapOption::const_empty()) }; 16]
}

impl Shelf {
    /// An empty one. `const`, so that it can be a `static`.
    pub const fn new() -> Shelf {
        Shelf(empty())
    }

    /// The value that is it, or else a new one. `is_it` is asked of each value of this hash, and
    /// must hold on to the value if it says so: another thread may sweep it away meanwhile. When
    /// one is made, those beside it that are over are dropped. `make` may be called more than once.
    pub fn get(
        &self,
        hash: u64,
        is_it: &dyn Fn(&Item) -> bool,
        is_over: &dyn Fn(&Item) -> bool,
        make: &dyn Fn() -> Item,
    ) -> Item {
        change(&self.0, hash, 0, &mut |known| {
            let is_same = |(of, item): &&(u64, Item)| *of == hash && is_it(item);
            if let Some((_, same)) = known.iter().find(is_same) {
                return (None, Some(same.clone()));
            }
            let fresh = make();
            let mut next = Vec::with_capacity(known.len() + 1);
            next.extend(known.iter().filter(|(_, item)| !is_over(item)).cloned());
            next.push((hash, fresh.clone()));
            (Some(next), Some(fresh))
        })
        .unwrap_or_else(make)
    }

    /// Takes away the values of this hash that are gone.
    pub fn sweep(&self, hash: u64, is_gone: &dyn Fn(&Item) -> bool) {
        change(&self.0, hash, 0, &mut |known| {
            let stays = |(of, item): &&(u64, Item)| *of != hash || !is_gone(item);
            let next: Vec<_> = known.iter().filter(stays).cloned().collect();
            ((next.len() < known.len()).then_some(next), None)
        });
    }
}

/// What a change puts in the place of what it was shown, if anything, and what it gives.
type Changed = (Option<Vec<(u64, Item)>>, Option<Item>);

/// Makes a change where values of this hash are, again until nobody else has made one meanwhile.
fn change(
    places: &Places,
    hash: u64,
    level: u32,
    make: &mut dyn FnMut(&[(u64, Item)]) -> Changed,
) -> Option<Item> {
    let place = &places[at(hash, level)].0;
    loop {
        let seen = place.load();
        let known = match seen.as_deref() {
            Some(Content::Many(places)) => return change(places, hash, level + 1, make),
            Some(Content::Few(known)) => &known[..],
            None => &[],
        };
        let (next, given) = make(known);
        let Some(next) = next else { return given };
        let content = match next.len() {
            0 => None,
            // Values whose hashes are the same stay together, however many.
            len if len > MOST && (level + 1) * STEP < u64::BITS => {
                Some(Content::Many(divided(next, level + 1)))
            }
            _ => Some(Content::Few(next)),
        };
        let before = place.compare_and_swap(&*seen, content.map(Arc::new));
        if before.as_ref().map(Arc::as_ptr) == seen.as_ref().map(Arc::as_ptr) {
            return given;
        }
    }
}

/// The same values, in places of this level.
fn divided(values: Vec<(u64, Item)>, level: u32) -> Places {
    let mut parts: [Vec<(u64, Item)>; 16] = Default::default();
    for (hash, item) in values {
        parts[at(hash, level)].push((hash, item));
    }
    parts.map(|mut part| {
        part.shrink_to_fit();
        let content = (!part.is_empty()).then(|| Arc::new(Content::Few(part)));
        Place(ArcSwapOption::from(content))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(item: &Item) -> usize {
        *item.downcast_ref().unwrap()
    }

    fn get(shelf: &Shelf, hash: u64, value: usize) -> usize {
        let make = || -> Item { Arc::new(value) };
        number(&shelf.get(hash, &|item| number(item) == value, &|_| false, &make))
    }

    fn count(places: &Places) -> usize {
        let of = |place: &Place| match place.0.load().as_deref() {
            Some(Content::Many(places)) => count(places),
            Some(Content::Few(known)) => known.len(),
            None => 0,
        };
        places.iter().map(of).sum()
    }

    #[test]
    fn what_many_threads_put_there_at_once_is_all_there_once() {
        const VALUES: usize = 3000;
        let shelf = Shelf::new();
        // Some hashes are the same, and some differ in their last bits alone.
        let hash = |value: usize| (value as u64 % 1000).reverse_bits();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for value in 0..VALUES {
                        assert_eq!(get(&shelf, hash(value), value), value);
                    }
                });
            }
        });
        assert_eq!(count(&shelf.0), VALUES);
        for value in (0..VALUES).step_by(2) {
            shelf.sweep(hash(value), &|item| number(item) == value);
        }
        assert_eq!(count(&shelf.0), VALUES / 2);
    }
}
