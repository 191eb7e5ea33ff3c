//! Overwrites secrets in memory that is about to be freed.

use zeroize::optimization_barrier;

/// Fills with zeros what will not be read any more. libc's `memset` does it, instead of a store for
/// each byte, and the barrier keeps the compiler from leaving it out.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    optimization_barrier(bytes);
}
