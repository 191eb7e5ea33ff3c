//! The buffers of a connection and of a body: growing them, and wiping what was in them.

use std::io::Read;
use ureq::unversioned::transport::{Buffers, LazyBuffers};
use zeroize::Zeroize;

/// Passwords and tokens went through a connection's buffers, and whoever gets this memory next must
/// not find them there.
pub(super) fn wipe(buffers: &mut LazyBuffers) {
    let unread = buffers.input().len();
    buffers.input_consume(unread);
    buffers.input_append_buf().zeroize();
    buffers.output().zeroize();
}

/// Reads to the end. Zeroed when it is allocated, which is cheaper than before each read.
pub(super) fn read_whole(mut from: impl Read, expected: u64) -> std::io::Result<Vec<u8>> {
    const STEP: usize = 65_536;
    let mut bytes = vec![0; (expected as usize).clamp(1024, 1 << 20) + 1];
    let mut length = 0;
    loop {
        if length == bytes.len() {
            make_room(&mut bytes, 1);
            bytes.resize(bytes.capacity(), 0);
        }
        let end = bytes.len().min(length + STEP);
        match from.read(&mut bytes[length..end]) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Ok(amount) => length += amount,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                bytes.zeroize();
                return Err(error);
            }
        }
    }
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
