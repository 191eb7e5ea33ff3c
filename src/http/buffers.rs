//! Buffers whose size a server chooses: no allocation of one may end the process, and one that
//! was outgrown is wiped where it may hold a token.
//!
//! `Vec` ends the process when memory runs out, and copies without wiping when it grows. So these
//! ask with `try_reserve`, and move what is secret by hand.

use super::broken::{Broken, Outcome};
use crate::support::wipe::wipe;
use zeroize::Zeroizing;

/// A body while it is read whole.
pub(super) struct Whole {
    bytes: Zeroizing<Vec<u8>>,
    /// How many bytes there is memory for.
    room: usize,
    /// Whether it may hold a token.
    secret: bool,
}

/// The most that is read at once, in bytes.
const STEP: usize = 64 * 1024;
/// The memory that a body is given first where its length is not announced.
const FIRST: usize = 8 * 1024;
/// The most memory that is given for an announced length before anything has come: a server may
/// announce anything.
const BELIEVED: usize = 1 << 20;

/// Reads a body to its end; `None` where that is further than `most` bytes.
///
/// `read` gives 0 at the end. `announced` is the length by the head of the answer, a hint only.
/// `secret` says whether the body may hold a token.
///
/// Memory grows with what has come: by what is announced, but by 1 MiB or what is there already
/// at most; without an announcement by doubling, from 8 KiB in steps of 16 MiB at most. So a
/// server that announces a terabyte and sends nothing costs 1 MiB.
pub(super) fn read_whole(
    mut read: impl FnMut(&mut [u8]) -> Outcome<usize>,
    announced: Option<u64>,
    most: u64,
    secret: bool,
) -> Outcome<Option<Vec<u8>>> {
    let announced = announced.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let mut whole = Whole { bytes: Zeroizing::default(), room: 0, secret };
    let mut length = 0;
    loop {
        if length == whole.room {
            let step = match announced {
                // One byte more shows the end without another round.
                Some(all) => all.saturating_sub(length).min(length.max(BELIEVED)) + 1,
                None => length.clamp(FIRST, 16 * BELIEVED),
            };
            whole.grow(step)?;
        }
        // Zeroed a step at a time, just before it is written to: it is in the cache then.
        let end = whole.room.min(length + STEP);
        if end > whole.bytes.len() {
            lengthen(&mut whole.bytes, end);
        }
        match read(&mut whole.bytes[length..end])? {
            0 => break,
            amount => length += amount,
        }
        if length as u64 > most {
            return Ok(None);
        }
    }
    whole.bytes.truncate(length);
    Ok(Some(std::mem::take(&mut *whole.bytes)))
}

impl Whole {
    /// Makes room for so many bytes more. A body that is no secret moves as the allocator likes,
    /// which copies nothing for large blocks.
    fn grow(&mut self, more: usize) -> Outcome<()> {
        let size = self.room + more;
        if self.secret {
            let mut larger = Vec::new();
            larger.try_reserve_exact(size).map_err(|_| Broken::NoMemory(size))?;
            larger.extend_from_slice(&self.bytes);
            wipe(&mut self.bytes);
            *self.bytes = larger;
        } else {
            let more = size - self.bytes.len();
            self.bytes.try_reserve_exact(more).map_err(|_| Broken::NoMemory(size))?;
        }
        self.room = size;
        Ok(())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.secret {
            // Not worth a wipe.
            drop(std::mem::take(&mut *self.bytes));
        }
    }
}

/// Fills a buffer with zeros up to this length, where it is shorter. Not by `Vec::resize`, which is a
/// loop over single bytes where code is made for size: a quarter of what a large body cost. From the
/// zeros that are there it copies twice as many each time.
pub(super) fn lengthen(bytes: &mut Vec<u8>, length: usize) {
    const ZEROS: [u8; 512] = [0; 512];
    let begin = bytes.len();
    bytes.reserve_exact(length.saturating_sub(begin));
    while bytes.len() < length {
        let (more, there) = (length - bytes.len(), bytes.len() - begin);
        match there {
            0 => bytes.extend_from_slice(&ZEROS[..more.min(ZEROS.len())]),
            _ => bytes.extend_from_within(begin..begin + more.min(there)),
        }
    }
}

/// Appends to a buffer that may hold a token. Where it has to move, the old place is wiped.
pub(super) fn append(bytes: &mut Vec<u8>, more: &[u8]) -> Outcome<()> {
    if bytes.capacity() - bytes.len() < more.len() {
        let size = (bytes.len() + more.len()).next_power_of_two().max(1024);
        let mut larger = Vec::new();
        larger.try_reserve_exact(size).map_err(|_| Broken::NoMemory(size))?;
        larger.extend_from_slice(bytes);
        wipe(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(more);
    Ok(())
}
