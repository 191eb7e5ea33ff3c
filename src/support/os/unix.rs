//! Linux and its like.

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK_THAT_COUNTS_SLEEP: libc::clockid_t = libc::CLOCK_BOOTTIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK_THAT_COUNTS_SLEEP: libc::clockid_t = libc::CLOCK_MONOTONIC;

/// Nanoseconds since some moment before the machine started; time asleep counts.
///
/// Every token that is served reads it, so it goes to the vDSO by way of libc and nothing else.
#[inline(always)]
pub(crate) fn boot_time_ns() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` may be written to. It stays zero where there is no such clock, which no system
    // lacks that this crate is built for.
    unsafe { libc::clock_gettime(CLOCK_THAT_COUNTS_SLEEP, &mut now) };
    #[allow(clippy::unnecessary_cast)] // the fields' types differ from platform to platform
    let ns = now.tv_sec as i64 * 1_000_000_000 + now.tv_nsec as i64;
    ns
}
