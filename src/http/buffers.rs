//! The buffers of a connection and of a body: growing them, and wiping what was in them.

use crate::error::Result;
use ureq::unversioned::transport::{Buffers, LazyBuffers};
use zeroize::{Zeroize, Zeroizing};

/// Passwords and tokens went through a connection's buffers, and whoever gets this memory next must
/// not find them there.
pub(super) fn wipe(buffers: &mut LazyBuffers) {
    let unread = buffers.input().len();
    buffers.input_consume(unread);
    buffers.input_append_buf().zeroize();
    buffers.output().zeroize();
}

/// Reads to the end; `None` where that is further than `most` bytes. The buffer is zeroed when it is
/// allocated, which is cheaper than before each read, and wiped where it is given up: an answer may
/// hold tokens.
pub(super) fn read_whole(
    mut read: impl FnMut(&mut [u8]) -> Result<usize>,
    expected: u64,
    most: u64,
) -> Result<Option<Vec<u8>>> {
    const STEP: usize = 65_536;
    let mut bytes = Zeroizing::new(vec![0; (expected as usize).clamp(1024, 1 << 20) + 1]);
    let mut length = 0;
    loop {
        if length == bytes.len() {
            make_room(&mut bytes, 1);
            let capacity = bytes.capacity();
            bytes.resize(capacity, 0);
        }
        let end = bytes.len().min(length + STEP);
        match read(&mut bytes[length..end])? {
            0 => break,
            amount => length += amount,
        }
        if length as u64 > most {
            return Ok(None);
        }
    }
    bytes.truncate(length);
    Ok(Some(std::mem::take(&mut *bytes)))
}

pub(super) fn append(bytes: &mut Vec<u8>, more: &[u8]) {
    if bytes.capacity() - bytes.len() < more.len() {
        make_room(bytes, more.len());
    }
    bytes.extend_from_slice(more);
}

/// Moves to a larger buffer. The outgrown one is overwritten: an answer may hold tokens.
fn make_room(bytes: &mut Vec<u8>, more: usize) {
    let mut larger = Vec::with_capacity(bytes.len() + bytes.capacity().max(more).max(1024));
    larger.extend_from_slice(bytes);
    bytes.fill(0);
    std::hint::black_box(&mut *bytes);
    *bytes = larger;
}
