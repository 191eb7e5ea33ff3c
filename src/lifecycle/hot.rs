//! The fresh token where any number of readers copy it at once: a sequence lock over atomic words.
//!
//! A reader writes nothing that others see, so readers do not slow each other down, and it takes no
//! lock that a renewal could hold. Who reads while the token changes is told so and takes the
//! ordinary way, which costs two locked instructions for a reference count. Tokens that are longer
//! than any that clouds are known to issue take it always.

use crate::ffi::copy_blocks;
use crate::support::clock::Moment;
use once_cell::race::OnceBox;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, fence};

const WORD: usize = size_of::<u64>();

/// What is copied at once: a cache line.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Block(pub [AtomicU64; 8]);

const BLOCK: usize = size_of::<Block>();
const SHORT: usize = 8 * BLOCK;
const LONG: usize = 64 * BLOCK;

pub(crate) struct HotToken {
    /// Odd while the rest is being changed.
    sequence: AtomicUsize,
    /// Until when it is fresh.
    until: AtomicI64,
    /// In bytes; 0 for no token.
    length: AtomicUsize,
    short: [Block; SHORT / BLOCK],
    /// Made with the first token that needs it, since not every client has one, and kept, because
    /// readers may be in it. Without a lock, which a forked child could inherit held.
    long: OnceBox<[Block; LONG / BLOCK]>,
}

impl HotToken {
    pub fn empty() -> HotToken {
        HotToken {
            sequence: AtomicUsize::new(0),
            until: AtomicI64::new(0),
            length: AtomicUsize::new(0),
            short: Default::default(),
            long: OnceBox::new(),
        }
    }

    /// Puts a token in the place of the last one, or none. For one writer at a time.
    pub fn publish(&self, token: &str, until: Moment) {
        let none = &[][..];
        let (short, long) = match token.as_bytes() {
            short if short.len() <= SHORT => (short, none),
            long if long.len() <= LONG => (none, long),
            _ => (none, none),
        };
        if !long.is_empty() {
            self.long.get_or_init(|| Box::new(std::array::from_fn(|_| Block::default())));
        }
        // Odd already where a fork cut the last writer off: then it stays so until this one is done.
        let changing = self.sequence.load(Relaxed) | 1;
        self.sequence.store(changing, Relaxed);
        fence(Release);
        self.until.store(until.0, Relaxed);
        self.length.store(short.len() + long.len(), Relaxed);
        write(&self.short, short);
        if let Some(blocks) = self.long.get() {
            write(blocks, long);
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
        let blocks = if length <= SHORT { &self.short[..] } else { &self.long.get()?[..] };
        read(blocks, buffer.get_mut(..length)?);
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
        std::hint::black_box((&self.short, self.long.get()));
    }
}

/// Writes a token to the beginning of the blocks, and zeroes after it.
fn write(blocks: &[Block], token: &[u8]) {
    let mut pieces = token.chunks(WORD);
    for word in blocks.iter().flat_map(|block| &block.0) {
        let mut bytes = [0; WORD];
        if let Some(piece) = pieces.next() {
            bytes[..piece.len()].copy_from_slice(piece);
        }
        word.store(u64::from_ne_bytes(bytes), Relaxed);
    }
}

/// Fills the target from the beginning of the blocks, which may be changing meanwhile.
#[inline]
fn read(blocks: &[Block], target: &mut [u8]) {
    let whole = copy_blocks(blocks, target);
    let words = blocks.iter().skip(whole).flat_map(|block| &block.0);
    let rest = target.get_mut(whole * BLOCK..).unwrap_or_default();
    for (word, target) in words.zip(rest.chunks_mut(WORD)) {
        let bytes = word.load(Relaxed).to_ne_bytes();
        match <&mut [u8; WORD]>::try_from(&mut *target) {
            Ok(target) => *target = bytes,
            Err(_) => target.copy_from_slice(&bytes[..target.len()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_any_length_is_copied_whole_or_not_at_all() {
        let hot = HotToken::empty();
        let mut buffer = [b'#'; LONG + 100];
        assert_eq!(hot.copy(|| Moment(0), &mut buffer), None);
        let lengths = (1..=2 * SHORT).chain(LONG - 2 * BLOCK..=LONG);
        // Long and short by turns: neither leaves anything of itself to the other.
        for length in lengths.flat_map(|length| [length, length % 100 + 1]) {
            let token: String = (0..length).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
            hot.publish(&token, Moment(10));
            buffer.fill(b'#');
            assert_eq!(hot.copy(|| Moment(9), &mut buffer), Some(length));
            assert_eq!(&buffer[..length], token.as_bytes());
            assert!(buffer[length..].iter().all(|byte| *byte == b'#'), "nothing after it");
            assert_eq!(hot.copy(|| Moment(9), &mut buffer[..length]), None, "no room for a NUL");
            assert_eq!(hot.copy(|| Moment(10), &mut buffer), None, "no longer fresh");
        }
        hot.publish(&"x".repeat(LONG + 1), Moment(10));
        assert_eq!(hot.copy(|| Moment(9), &mut buffer), None, "too long");
    }

    #[test]
    fn of_a_token_that_was_replaced_nothing_is_kept() {
        let hot = HotToken::empty();
        let kept = |hot: &HotToken| {
            let blocks = hot.short.iter().chain(hot.long.get().into_iter().flatten());
            blocks.flat_map(|block| &block.0).filter(|word| word.load(Relaxed) != 0).count()
        };
        for (length, words) in [(LONG, LONG / WORD), (9, 2), (SHORT, SHORT / WORD), (LONG + 1, 0)] {
            hot.publish(&"x".repeat(length), Moment(10));
            assert_eq!(kept(&hot), words, "{length}");
        }
        hot.publish(&"x".repeat(SHORT + 1), Moment(10));
        hot.publish("", Moment::START);
        assert_eq!(kept(&hot), 0);
    }

    #[test]
    fn what_is_published_has_a_number_of_its_own_while_it_is_fresh() {
        let hot = HotToken::empty();
        assert_eq!(hot.number(|| Moment(0)), None, "nothing was published");
        let numbers = [1, LONG, LONG + 1].map(|length| {
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
        let lengths = [300, SHORT, 3 * SHORT, LONG].into_iter().cycle();
        let tokens: Vec<String> = (b'a'..=b'z')
            .zip(lengths)
            .map(|(c, length)| char::from(c).to_string().repeat(length))
            .collect();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut buffer = [0; LONG + 1];
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
