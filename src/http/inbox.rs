//! Bytes that came and were not taken yet. Tokens go through here, so what was used is wiped.

use super::broken::{Broken, Outcome};
use crate::support::wipe::wipe;

/// A buffer that is filled at its end and emptied from its beginning.
#[derive(Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How far it was ever filled: no further need it be wiped.
    touched: usize,
    /// Whether the last read filled all the room there was, so that more room means fewer reads.
    wants_more: bool,
}

/// Most answers are smaller.
const FIRST: usize = 8 * 1024;
/// Room for the largest TLS handshake message, or for four full records.
const MOST: usize = 80 * 1024;

impl Inbox {
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes that many bytes off the beginning.
    pub fn take(&mut self, amount: usize) {
        self.start += amount;
        debug_assert!(self.start <= self.end);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room to read into: never none, but for a buffer that is full of what nobody takes.
    pub fn room(&mut self) -> Outcome<&mut [u8]> {
        if self.end == self.bytes.len() && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let full = self.end == self.bytes.len();
        if (full || self.wants_more) && self.bytes.len() < MOST {
            self.grow((self.bytes.len() * 4).clamp(FIRST, MOST))?;
        }
        self.wants_more = false;
        match &mut self.bytes[self.end..] {
            [] => Err(Broken::Malformed("a message without end")),
            room => Ok(room),
        }
    }

    /// Notes that so much was read into the room.
    pub fn came(&mut self, amount: usize) {
        self.end += amount;
        self.touched = self.touched.max(self.end);
        self.wants_more = self.end == self.bytes.len();
    }

    /// Appends what was read elsewhere.
    pub fn push(&mut self, bytes: &[u8]) -> Outcome<()> {
        if self.bytes.len() - self.end < bytes.len() {
            self.grow(self.bytes.len() + bytes.len())?;
        }
        self.bytes[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
        self.touched = self.touched.max(self.end);
        Ok(())
    }

    fn grow(&mut self, size: usize) -> Outcome<()> {
        let mut larger = Vec::new();
        larger.try_reserve_exact(size).map_err(|_| Broken::NoMemory(size))?;
        larger.extend_from_slice(&self.bytes[..self.end]);
        larger.resize(size, 0);
        wipe(&mut self.bytes[..self.touched]);
        self.bytes = larger;
        self.touched = self.end;
        Ok(())
    }

    /// Gives the memory back. For a connection that is idle: there is nothing to keep.
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
