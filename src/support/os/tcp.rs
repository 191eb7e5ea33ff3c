//! What the kernel knows of a TCP connection.

use std::net::TcpStream;

/// Whether what was sent has been repeated three times in a row and nobody has acknowledged it: the
/// other side, or the way to it, is not there any more. `false` where the system does not tell.
///
/// The kernel waits longer before each repetition, by the round trips it has measured, so this is
/// after a second and a half on a quick way and after many on a slow one.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_unheard(stream: &TcpStream) -> bool {
    use std::os::fd::AsRawFd;
    /// The beginning of `struct tcp_info` (linux/tcp.h), which has only ever grown at its end.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        state: u8,
        congestion: u8,
        retransmits: u8,
        rest: [u8; 5],
        times_and_sizes: [u32; 4],
        unacknowledged: u32,
    }
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

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_unheard(_: &TcpStream) -> bool {
    false
}
