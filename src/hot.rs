//! The fresh token where any number of readers copy it at once: a sequence lock over atomic words.
//!
//! A reader writes nothing that others see, so readers do not slow each other down, and it takes no
//! lock that a renewal could hold. Who reads while the token changes is told so and takes the
//! ordinary way. Longer tokens take it always: past this size its one reference count costs less
//! than copying word by word.

use crate::clock::Moment;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, fence};

const MOST_WORDS: usize = 64;
const WORD: usize = size_of::<u64>();

pub(crate) struct HotToken {
    /// Odd while the rest is being changed.
    sequence: AtomicUsize,
    /// Until when it is fresh.
    until: AtomicI64,
    /// In bytes; 0 for no token.
    length: AtomicUsize,
    words: [AtomicU64; MOST_WORDS],
}

impl HotToken {
    pub fn empty() -> HotToken {
        HotToken {
            sequence: AtomicUsize::new(0),
            until: AtomicI64::new(0),
            length: AtomicUsize::new(0),
            words: [const { AtomicU64::new(0) }; MOST_WORDS],
        }
    }

    /// Puts a token in the place of the last one, or none. For one writer at a time.
    pub fn publish(&self, token: &str, until: Moment) {
        let token = if token.len() <= MOST_WORDS * WORD { token.as_bytes() } else { &[] };
        // Odd already where a fork cut the last writer off: then it stays so until this one is done.
        let changing = self.sequence.load(Relaxed) | 1;
        self.sequence.store(changing, Relaxed);
        fence(Release);
        self.until.store(until.0, Relaxed);
        self.length.store(token.len(), Relaxed);
        let mut pieces = token.chunks(WORD);
        for word in &self.words {
            let mut bytes = [0; WORD];
            if let Some(piece) = pieces.next() {
                bytes[..piece.len()].copy_from_slice(piece);
            }
            word.store(u64::from_ne_bytes(bytes), Relaxed);
        }
        self.sequence.store(changing.wrapping_add(1), Release);
    }

    /// Copies the token to the beginning of `buffer`, if it is fresh and fits with a byte to spare;
    /// gives its length.
    #[inline]
    pub fn copy(&self, now: impl FnOnce() -> Moment, buffer: &mut [u8]) -> Option<usize> {
        let sequence = self.sequence.load(Acquire);
        let length = self.length.load(Relaxed);
        let fits = length != 0 && length < buffer.len() && sequence % 2 == 0;
        if !fits || now().0 >= self.until.load(Relaxed) {
            return None;
        }
        let words = self.words.get(..length.div_ceil(WORD))?;
        let (whole, rest) = words.split_at(length / WORD);
        let (target, tail) = buffer.split_at_mut(whole.len() * WORD);
        // Four at a time: the compiler may neither merge nor unroll atomic reads by itself.
        let mut fours = whole.chunks_exact(4);
        let mut targets = target.chunks_exact_mut(4 * WORD);
        for (four, target) in fours.by_ref().zip(targets.by_ref()) {
            for (word, target) in four.iter().zip(target.chunks_exact_mut(WORD)) {
                target.copy_from_slice(&word.load(Relaxed).to_ne_bytes());
            }
        }
        let left = targets.into_remainder().chunks_exact_mut(WORD);
        for (word, target) in fours.remainder().iter().zip(left) {
            target.copy_from_slice(&word.load(Relaxed).to_ne_bytes());
        }
        if let Some(word) = rest.first() {
            let bytes = word.load(Relaxed).to_ne_bytes();
            let most = (length % WORD).min(tail.len());
            tail[..most].copy_from_slice(&bytes[..most]);
        }
        fence(Acquire);
        (self.sequence.load(Relaxed) == sequence).then_some(length)
    }

    /// A number that nothing else published here has, while what was published last is fresh.
    #[inline]
    pub fn number(&self, now: impl FnOnce() -> Moment) -> Option<u64> {
        let sequence = self.sequence.load(Acquire);
        let until = self.until.load(Relaxed);
        fence(Acquire);
        let whole = sequence % 2 == 0 && self.sequence.load(Relaxed) == sequence;
        (whole && now().0 < until).then_some(sequence as u64)
    }
}

impl Drop for HotToken {
    fn drop(&mut self) {
        self.publish("", Moment::START);
        // The stores above are not to be left out for being the last.
        std::hint::black_box(&self.words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_any_length_is_copied_whole_or_not_at_all() {
        let hot = HotToken::empty();
        let mut buffer = [b'#'; 600];
        assert_eq!(hot.copy(|| Moment(0), &mut buffer), None);
        for length in 1..=MOST_WORDS * WORD {
            let token: String = (0..length).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
            hot.publish(&token, Moment(10));
            assert_eq!(hot.copy(|| Moment(9), &mut buffer), Some(length));
            assert_eq!(&buffer[..length], token.as_bytes());
            assert_eq!(hot.copy(|| Moment(9), &mut buffer[..length]), None, "no room for a NUL");
            assert_eq!(hot.copy(|| Moment(10), &mut buffer), None, "no longer fresh");
        }
        hot.publish(&"x".repeat(MOST_WORDS * WORD + 1), Moment(10));
        assert_eq!(hot.copy(|| Moment(9), &mut buffer), None, "too long");
    }

    #[test]
    fn what_is_published_has_a_number_of_its_own_while_it_is_fresh() {
        let hot = HotToken::empty();
        assert_eq!(hot.number(|| Moment(0)), None, "nothing was published");
        let numbers = [1, MOST_WORDS * WORD, MOST_WORDS * WORD + 1].map(|length| {
            hot.publish(&"x".repeat(length), Moment(10));
            assert_eq!(hot.number(|| Moment(10)), None, "no longer fresh");
            hot.number(|| Moment(9)).expect("fresh")
        });
        assert!(numbers[0] != 0 && numbers[0] < numbers[1] && numbers[1] < numbers[2]);
    }

    #[test]
    fn a_writer_that_was_cut_off_leaves_nothing_behind_for_the_next() {
        let hot = HotToken::empty();
        let mut buffer = [b'#'; 16];
        hot.sequence.store(7, Relaxed);
        assert_eq!(hot.copy(|| Moment(0), &mut buffer), None);
        hot.publish("token", Moment(10));
        assert_eq!(hot.copy(|| Moment(0), &mut buffer), Some(5));
        assert_eq!(hot.sequence.load(Relaxed) % 2, 0);
    }

    #[test]
    fn no_reader_ever_sees_a_token_that_is_half_another() {
        let hot = HotToken::empty();
        let tokens: Vec<String> =
            (b'a'..=b'z').map(|c| char::from(c).to_string().repeat(300)).collect();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut buffer = [0; 600];
                    for _ in 0..20_000 {
                        if let Some(length) = hot.copy(|| Moment(0), &mut buffer) {
                            assert!(buffer[..length].iter().all(|byte| *byte == buffer[0]));
                        }
                    }
                });
            }
            for token in tokens.iter().cycle().take(5_000) {
                hot.publish(token, Moment(1));
            }
        });
    }
}
