//! macOS and its like: its clocks, its names, and how its sockets are made.

use std::ffi::{CStr, c_int};
use std::io;
use std::net::TcpStream;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// `mach_timebase_info_data_t`: a tick is `numerator / denominator` nanoseconds.
#[repr(C)]
struct Timebase {
    numerator: u32,
    denominator: u32,
}

unsafe extern "C" {
    fn mach_continuous_time() -> u64;
    fn mach_timebase_info(info: *mut Timebase) -> c_int;
}

/// Nanoseconds since the machine started; time asleep counts. `mach_absolute_time`, which
/// `Instant` uses, stops while the machine sleeps.
#[inline]
pub(crate) fn boot_time_ns() -> i64 {
    /// Numerator and denominator in one number, so that they are stored at once; 0 until they are
    /// known.
    static NS_PER_TICK: AtomicU64 = AtomicU64::new(0);
    let mut ratio = NS_PER_TICK.load(Ordering::Relaxed);
    if ratio == 0 {
        let mut info = Timebase { numerator: 1, denominator: 1 };
        // SAFETY: `info` may be written to, and has the layout of `mach_timebase_info_data_t`.
        unsafe { mach_timebase_info(&mut info) };
        ratio = u64::from(info.numerator) << 32 | u64::from(info.denominator);
        NS_PER_TICK.store(ratio, Ordering::Relaxed);
    }
    // SAFETY: takes nothing and touches nothing of ours.
    let ticks = unsafe { mach_continuous_time() };
    // 125/3 at 24 MHz: it takes two hundred years to overflow.
    ticks.wrapping_mul(ratio >> 32).wrapping_div((ratio & 0xFFFF_FFFF).max(1)) as i64
}

/// Names this boot: a UUID that the kernel makes when it starts.
pub(crate) fn boot_id() -> Option<String> {
    let mut text = [0u8; 64];
    let mut length = text.len();
    // SAFETY: the name ends in a NUL, `text` has `length` bytes, and nothing is set.
    let outcome = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    let text = CStr::from_bytes_until_nul(&text).ok().filter(|_| outcome == 0)?;
    text.to_str().ok().filter(|id| !id.is_empty()).map(str::to_string)
}

/// Names this machine. On iOS and its like no program may know.
pub(crate) fn machine_id() -> Option<String> {
    #[cfg(target_os = "macos")]
    {
        unsafe extern "C" {
            fn gethostuuid(id: *mut u8, wait: *const libc::timespec) -> c_int;
        }
        let (mut id, at_once) = ([0u8; 16], libc::timespec { tv_sec: 0, tv_nsec: 0 });
        // SAFETY: `id` has the sixteen bytes that a UUID has.
        let outcome = unsafe { gethostuuid(id.as_mut_ptr(), &at_once) };
        (outcome == 0).then(|| crate::support::hex::to_hex(&id))
    }
    #[cfg(not(target_os = "macos"))]
    None
}

/// The argument of `pthread_setcancelstate` that keeps a thread from being cancelled: another
/// number than on Linux.
pub(super) const CANCEL_DISABLE: c_int = 0;

/// Nothing is wiped by a fork here; its process id tells a child.
pub(super) fn wiped_by_fork() -> Option<&'static std::sync::atomic::AtomicU32> {
    None
}

/// Writes what was changed to the disk, and out of its cache (F_FULLFSYNC), which `fsync` leaves to
/// the disk here. A file system that cannot, such as a network's, is asked for the latter.
pub(super) fn sync(file: BorrowedFd<'_>) -> rustix::io::Result<()> {
    use rustix::io::Errno;
    match rustix::fs::fcntl_fullfsync(file) {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::NOTTY) => rustix::fs::fsync(file),
        outcome => outcome,
    }
}

/// A TCP socket that does not block, that no program started later inherits, and that sends no
/// signal (SIGPIPE) when the other side is gone. Three calls: this system has no single one for
/// it.
pub(super) fn stream_socket(family: rustix::net::AddressFamily) -> io::Result<OwnedFd> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    let socket = rustix::net::socket(family, rustix::net::SocketType::STREAM, None)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&socket, true)?;
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket)
}

/// Whether what was sent has been repeated again and again. This system is not asked, so a dead
/// connection is noticed by the call's deadline alone.
pub(crate) fn is_unheard(_: &TcpStream) -> bool {
    false
}
