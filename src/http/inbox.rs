//! Bytes that came and were not taken yet. Tokens go through here, so what was used is wiped.
//!
//! ```text
//! |  taken, to be wiped  |  unread  |  room for the next read  |
//! 0                    start       end                     bytes.len()
//! ```
//!
//! A buffer of its own, because a `Vec` or a `BufReader` leaves copies behind when it grows, and
//! does not wipe what it gave out.

use super::broken::{Broken, Outcome};
use super::buffers::lengthen;
use crate::support::wipe::wipe;

/// A buffer that is filled at its end and emptied from its beginning. It begins without memory,
/// and grows as answers need it.
#[derive(Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    /// What is unread lies from `start` to `end`.
    start: usize,
    end: usize,
    /// How far it was ever filled, which is all that has to be wiped.
    touched: usize,
    /// Whether the last read filled all the room there was: then there is more to be read, and more room
    /// means fewer reads.
    pub wants_more: bool,
}

/// The first size, in bytes: most answers are smaller.
const FIRST: usize = 8 * 1024;
/// The largest size that `room` grows to, in bytes: the largest TLS handshake message, or four
/// full records (RFC 8446 5.1).
const MOST: usize = 80 * 1024;

impl Inbox {
    /// What came and was not taken, in order.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The same, for what decrypts or mends in place.
    pub fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes that many bytes off the beginning: they were used. They are wiped when their place
    /// is, not at once.
    pub fn take(&mut self, amount: usize) {
        self.start += amount;
        debug_assert!(self.start <= self.end);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads by `read`, which gives `None` where nothing is there and 0 at the end. Fails where the buffer
    /// has reached its limit and nobody takes what is in it: a message without end.
    ///
    /// What comes first goes by the stack and then into memory of just its size: most answers are
    /// small, and an allocator has small blocks at hand.
    pub fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Outcome<Option<usize>>,
    ) -> Outcome<Option<usize>> {
        if self.is_empty() && self.bytes.len() < FIRST && !self.wants_more {
            let mut first = [0; FIRST];
            let came = read(&mut first)?;
            let first = &mut first[..came.unwrap_or(0)];
            let outcome = self.push(first);
            wipe(first);
            self.wants_more = first.len() == FIRST;
            return outcome.map(|()| came);
        }
        let came = read(self.room()?)?;
        self.end += came.unwrap_or(0);
        self.touched = self.touched.max(self.end);
        self.wants_more = self.end == self.bytes.len();
        Ok(came)
    }

    /// Room to read into, never empty. Fails where the buffer has reached its limit and nobody
    /// takes what is in it: a message without end.
    fn room(&mut self) -> Outcome<&mut [u8]> {
        if self.end == self.bytes.len() && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let short = self.end == self.bytes.len() || self.bytes.len() < FIRST;
        if (short || self.wants_more) && self.bytes.len() < MOST {
            self.grow((self.bytes.len() * 4).clamp(FIRST, MOST))?;
        }
        self.wants_more = false;
        match &mut self.bytes[self.end..] {
            [] => Err(Broken::Malformed("a message without end")),
            room => Ok(room),
        }
    }

    /// Appends what was read elsewhere: data that TLS has decrypted.
    pub fn push(&mut self, bytes: &[u8]) -> Outcome<()> {
        if self.bytes.len() - self.end < bytes.len() {
            self.grow(self.bytes.len() + bytes.len())?;
        }
        self.bytes[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
        self.touched = self.touched.max(self.end);
        Ok(())
    }

    /// Moves to a larger block; the old one is wiped.
    fn grow(&mut self, size: usize) -> Outcome<()> {
        let mut larger = Vec::new();
        larger.try_reserve_exact(size).map_err(|_| Broken::NoMemory(size))?;
        larger.extend_from_slice(&self.bytes[..self.end]);
        lengthen(&mut larger, size);
        wipe(&mut self.bytes[..self.touched]);
        self.bytes = larger;
        self.touched = self.end;
        Ok(())
    }

    /// Wipes the buffer and gives its memory back. For a connection that goes idle.
    pub fn release(&mut self) {
        wipe(&mut self.bytes[..self.touched]);
        *self = Inbox::default();
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        wipe(&mut self.bytes[..self.touched]);
    }
}
