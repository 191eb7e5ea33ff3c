//! Overwrites secrets in memory that is about to be freed.
//!
//! Freed memory keeps its bytes until somebody else writes there, and a core dump, a swap file or
//! a later allocation would show them.

use zeroize::optimization_barrier;

/// Fills with zeros what nobody reads any more.
///
/// libc's `memset` does it, which is quicker than zeroize's store for each byte. The barrier
/// keeps the compiler from leaving the write out because nothing reads it.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    optimization_barrier(bytes);
}
