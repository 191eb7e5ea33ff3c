//! Linux and Android: its clocks, its names, and what its TCP tells.

use rustix::net::{RecvFlags, SendFlags};
use std::io;
use std::net::TcpStream;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

/// Nanoseconds since some moment before the machine started; time asleep counts.
///
/// Every token that is served reads it, so it goes to the vDSO by way of libc and nothing else.
#[inline(always)]
pub(crate) fn boot_time_ns() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` may be written to. It stays zero where there is no such clock, which no kernel
    // lacks that this crate is built for.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut now) };
    #[allow(clippy::unnecessary_cast)] // the fields' types differ from processor to processor
    let ns = now.tv_sec as i64 * 1_000_000_000 + now.tv_nsec as i64;
    ns
}

/// Names this boot: a random UUID that the kernel makes when it starts (random(4)). `None`
/// without `/proc`.
pub(crate) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_string())
}

/// Names this machine (machine-id(5)). `None` where there is no such file. An image that was
/// copied may have one name twice.
pub(crate) fn machine_id() -> Option<String> {
    let id = std::fs::read_to_string("/etc/machine-id").ok()?;
    Some(id.trim().to_string()).filter(|id| !id.is_empty())
}

/// A number that is 0 in a process when it first looks, whatever its parent has put there and by
/// whichever call it was forked (`MADV_WIPEONFORK`, Linux 4.14). `None` where there is no such thing.
#[inline]
pub(super) fn wiped_by_fork() -> Option<&'static AtomicU32> {
    /// Null before the first call.
    static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());
    /// Stands for the page where there is none.
    static NONE: AtomicU32 = AtomicU32::new(0);
    let none = std::ptr::from_ref(&NONE).cast_mut();
    let mut page = PAGE.load(Ordering::Acquire);
    if page.is_null() {
        let fresh = wiped_page().map_or(none, |page| page.cast());
        // Another thread may have been quicker; then this page stays unused.
        let before = PAGE.compare_exchange(page, fresh, Ordering::AcqRel, Ordering::Acquire);
        page = before.err().unwrap_or(fresh);
    }
    // SAFETY: a page that is never unmapped, or a static; both are aligned, and zeros at first.
    (page != none).then(|| unsafe { &*page })
}

/// Maps a page that a child finds wiped.
fn wiped_page() -> Option<*mut libc::c_void> {
    const LENGTH: usize = 4096;
    let (may, how) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, of which nobody else knows; `madvise` changes what becomes of it alone.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), LENGTH, may, how, -1, 0);
        if page == libc::MAP_FAILED {
            return None;
        }
        // Emulators say yes to any advice, and do nothing: they are asked for one that is none.
        let listens = libc::madvise(page, LENGTH, -1) != 0;
        if listens && libc::madvise(page, LENGTH, libc::MADV_WIPEONFORK) == 0 {
            return Some(page);
        }
        libc::munmap(page, LENGTH);
    }
    None
}

/// The argument of `pthread_setcancelstate` that keeps a thread from being cancelled; libc has no
/// name for it.
pub(super) const CANCEL_DISABLE: libc::c_int = 1;

/// Writes what was changed to the disk, and out of its cache.
pub(super) fn sync(file: BorrowedFd<'_>) -> rustix::io::Result<()> {
    rustix::fs::fsync(file)
}

/// A TCP socket that does not block and that no program started later inherits. Both are asked
/// for in the same call: another thread may fork in between.
pub(super) fn stream_socket(family: rustix::net::AddressFamily) -> io::Result<OwnedFd> {
    use rustix::net::{SocketFlags, SocketType, socket_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(family, SocketType::STREAM, flags, None)?)
}

/// Makes reads that are told to wait do so for this long at most, and says that they can.
pub(crate) fn waits_in_reads(stream: &TcpStream, limit: Duration) -> io::Result<bool> {
    stream.set_read_timeout(Some(limit))?;
    stream.set_nonblocking(false)?;
    Ok(true)
}

/// Reads what is there, or waits for it; `WouldBlock` where nothing came.
pub(crate) fn read(stream: &TcpStream, into: &mut [u8], waits: bool) -> io::Result<usize> {
    let how = if waits { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
    Ok(rustix::net::recv(stream, into, how)?.0)
}

/// Whether there is something to read, which stays unread; `WouldBlock` where nothing is.
pub(crate) fn peek(stream: &TcpStream) -> io::Result<usize> {
    Ok(rustix::net::recv(stream, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT)?.0)
}

/// Writes what there is room for; `WouldBlock` where there is none. Sends no signal (SIGPIPE).
pub(crate) fn write(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(stream, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
}

/// Whether what was sent has been repeated three times in a row and nobody has acknowledged it:
/// the other side, or the way to it, is not there any more. `false` where the kernel does not
/// say.
///
/// The kernel waits longer before each repetition, by the round trips it has measured (RFC 6298).
/// So this turns true after a second and a half on a quick way, and after many on a slow one.
pub(crate) fn is_unheard(stream: &TcpStream) -> bool {
    use std::os::fd::AsRawFd;
    /// The beginning of `struct tcp_info` (linux/tcp.h), which has only ever grown at its end.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        /// `TCP_ESTABLISHED` and its like; not looked at.
        state: u8,
        congestion: u8,
        /// How often the first unacknowledged segment was repeated.
        retransmits: u8,
        rest: [u8; 5],
        times_and_sizes: [u32; 4],
        /// How many segments were sent and not acknowledged.
        unacknowledged: u32,
    }
    /// Three in a row: a busy network loses one or two.
    const REPEATED: u8 = 3;
    let mut info = Info::default();
    let mut length = size_of::<Info>() as libc::socklen_t;
    // SAFETY: the descriptor is open while `stream` is borrowed, and the kernel writes no more than
    // `length` bytes, which is the size of `info`.
    let outcome = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    outcome == 0 && info.unacknowledged > 0 && info.retransmits >= REPEATED
}
