//! Copies atomic words that another thread may be writing, about as fast as `memcpy` copies others.
//!
//! The compiler may not merge atomic loads, and word by word a token of 2 KB takes three times as
//! long. This is in here for being `unsafe`, and is no part of the C ABI.

use crate::lifecycle::hot::Block;

const BLOCK: usize = size_of::<Block>();

/// Copies as many whole blocks as both have to the beginning of `target`, as relaxed loads of their
/// words would, in any order; gives how many: none where there is no quicker way than that.
#[inline]
pub(crate) fn copy_blocks(blocks: &[Block], target: &mut [u8]) -> usize {
    let count = blocks.len().min(target.len() / BLOCK);
    let Some(copy) = way().filter(|_| count > 0) else { return 0 };
    // SAFETY: `blocks` is live and atomic throughout, `target` is the caller's alone, both have
    // `count` blocks, which is not 0, and `way` knows the processor.
    unsafe { copy(blocks.as_ptr(), target.as_mut_ptr(), count) };
    count
}

/// Copies `count` blocks, at least one. Each load is of one or more whole words, aligned as they
/// are, and nothing is promised of their order: so none of them can do what relaxed loads could not.
type Copy = unsafe fn(from: *const Block, to: *mut u8, count: usize);

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
fn way() -> Option<Copy> {
    Some(if std::arch::is_x86_feature_detected!("avx") { avx } else { sse })
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline]
fn way() -> Option<Copy> {
    Some(neon)
}

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[inline]
fn way() -> Option<Copy> {
    None
}

// Not inlined: the end of it clears what callers with AVX might keep in other registers.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx")]
#[inline(never)]
unsafe fn avx(from: *const Block, to: *mut u8, count: usize) {
    // SAFETY: by `Copy`, and registers and flags that change are declared.
    unsafe {
        std::arch::asm!(
            "2:",
            "vmovups {a}, [{from}]",
            "vmovups {b}, [{from} + 32]",
            "vmovups [{to}], {a}",
            "vmovups [{to} + 32], {b}",
            "add {from}, 64",
            "add {to}, 64",
            "dec {count}",
            "jne 2b",
            "vzeroupper",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            count = inout(reg) count => _,
            a = out(ymm_reg) _,
            b = out(ymm_reg) _,
            options(nostack),
        );
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
unsafe fn sse(from: *const Block, to: *mut u8, count: usize) {
    // SAFETY: by `Copy`, and registers and flags that change are declared.
    unsafe {
        std::arch::asm!(
            "2:",
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups {c}, [{from} + 32]",
            "movups {d}, [{from} + 48]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "movups [{to} + 32], {c}",
            "movups [{to} + 48], {d}",
            "add {from}, 64",
            "add {to}, 64",
            "dec {count}",
            "jne 2b",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            count = inout(reg) count => _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
unsafe fn neon(from: *const Block, to: *mut u8, count: usize) {
    // SAFETY: by `Copy`, and registers and flags that change are declared.
    unsafe {
        std::arch::asm!(
            "2:",
            "ldp {a:q}, {b:q}, [{from}], 32",
            "ldp {c:q}, {d:q}, [{from}], 32",
            "stp {a:q}, {b:q}, [{to}], 32",
            "stp {c:q}, {d:q}, [{to}], 32",
            "subs {count}, {count}, 1",
            "b.ne 2b",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            count = inout(reg) count => _,
            a = out(vreg) _,
            b = out(vreg) _,
            c = out(vreg) _,
            d = out(vreg) _,
            options(nostack),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn every_way_copies_whole_blocks_and_touches_nothing_else() {
        let blocks: Vec<Block> = (0..9)
            .map(|block| {
                Block(std::array::from_fn(|word| AtomicU64::new(block << 32 | word as u64)))
            })
            .collect();
        let words: Vec<u8> = blocks
            .iter()
            .flat_map(|block| block.0.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()))
            .collect();
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        let ways = [way(), Some(sse as Copy)];
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        let ways = [way()];
        for copy in ways.into_iter().flatten() {
            for count in 1..=blocks.len() {
                // Not at all aligned.
                let mut target = vec![b'#'; 1 + words.len() + BLOCK];
                // SAFETY: both have as many blocks, and one.
                unsafe { copy(blocks.as_ptr(), target[1..].as_mut_ptr(), count) };
                let (copied, rest) = target[1..].split_at(count * BLOCK);
                assert_eq!(copied, &words[..copied.len()]);
                assert!(target[0] == b'#' && rest.iter().all(|byte| *byte == b'#'));
            }
        }
        for (blocks_of, length) in [(9, 63), (0, 640)] {
            assert_eq!(copy_blocks(&blocks[..blocks_of], &mut vec![0; length]), 0);
        }
    }
}
