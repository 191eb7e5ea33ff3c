//! What all Unix systems share: processes and forks, threads and signals, descriptors, sockets.
//!
//! The host owns the process. Nothing here installs a signal handler, changes a mask for longer
//! than a call, or takes a descriptor of the standard streams.

use super::{CANCEL_DISABLE, stream_socket, wiped_by_fork};
use rustix::io::Errno;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Names this process among its parent and children. The process id alone does not: in a PID
/// namespace of its own a child may have its parent's. `id` is that, or a number of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    id: u32,
    /// How many forks lie between the first process and this one.
    forks: u32,
}

/// How often this process and its ancestors were forked, since somebody first asked.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Runs in each child, before `fork` returns there. Only what is safe in a signal handler may
/// stand here.
extern "C" fn in_the_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// This process. The first call has every later `fork` noticed: where the system wipes a page of
/// memory in each child, by that, without a system call.
pub(crate) fn this_process() -> Process {
    let Some(page) = wiped_by_fork() else { return by_process_id() };
    let mut id = page.load(Ordering::Relaxed);
    if id == 0 {
        // The parent's count comes along, so a child's number is none of its ancestors'.
        let fresh = FORKS.fetch_add(1, Ordering::Relaxed) + 1;
        let before = page.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed);
        id = before.err().unwrap_or(fresh);
    }
    Process { id, forks: 0 }
}

/// The same by a system call.
fn by_process_id() -> Process {
    static NOTICED: AtomicBool = AtomicBool::new(false);
    if !NOTICED.load(Ordering::Acquire) {
        // Two threads may both get here; a fork is then counted twice, which is as good.
        // SAFETY: the handler only adds to an atomic number, and stays mapped: build.rs links the
        // library so that it is never unloaded.
        unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
        NOTICED.store(true, Ordering::Release);
    }
    Process { id: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
}

/// Keeps `pthread_cancel` from ending this thread until dropped: Rust's frames cannot be unwound
/// by it, and a lock would stay taken. What was asked for meanwhile happens at the thread's next
/// cancellation point.
pub(crate) struct NotCancelled(libc::c_int);

#[cfg(not(target_os = "android"))] // which cannot cancel threads
unsafe extern "C" {
    fn pthread_setcancelstate(state: libc::c_int, old: *mut libc::c_int) -> libc::c_int;
}

impl NotCancelled {
    /// Every function of the C ABI begins with this. It costs no system call.
    #[inline]
    pub fn begin() -> NotCancelled {
        let mut before = CANCEL_DISABLE;
        #[cfg(not(target_os = "android"))]
        // SAFETY: changes this thread's own state only, to one of the two that there are.
        unsafe {
            pthread_setcancelstate(CANCEL_DISABLE, &mut before);
        }
        NotCancelled(before)
    }
}

impl Drop for NotCancelled {
    #[inline]
    fn drop(&mut self) {
        #[cfg(not(target_os = "android"))]
        // SAFETY: as above; the state is the one that `begin` found.
        unsafe {
            pthread_setcancelstate(self.0, std::ptr::null_mut());
        }
    }
}

/// The same open file under a number that is not one of the standard streams'.
///
/// A host that has closed one of those still writes to its number: its `printf` would end up in a
/// store or on a connection.
pub(crate) fn above_standard_streams(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    // SAFETY: the descriptor is open while `fd` is borrowed.
    let copy = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fcntl` has just made it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Starts a thread of the library's own. All signals are blocked in it: a program's handlers run
/// on the program's threads. `name` is what debuggers show, cut to 15 bytes on Linux.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<std::thread::JoinHandle<()>> {
    // A thread begins with its creator's mask, so there is no moment at which a signal finds it.
    let _blocked = BlockedSignals::new();
    std::thread::Builder::new().name(name.into()).spawn(work)
}

/// Blocks all signals in this thread until dropped; then the mask is as it was.
struct BlockedSignals(libc::sigset_t);

impl BlockedSignals {
    fn new() -> BlockedSignals {
        // SAFETY: a set of signals is plain data, for which zeroes are a value.
        let [mut all, mut before]: [libc::sigset_t; 2] = unsafe { std::mem::zeroed() };
        // SAFETY: both sets may be written to, and belong to this thread alone.
        unsafe {
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        }
        BlockedSignals(before)
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: the set is what the same call gave above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}

/// Begins to connect, and does not wait: says whether the connection is there already. Otherwise
/// it is there, or has failed, when the socket can be written to.
pub(crate) fn begin_to_connect(address: &SocketAddr) -> io::Result<(TcpStream, bool)> {
    let family = match address {
        SocketAddr::V4(_) => rustix::net::AddressFamily::INET,
        SocketAddr::V6(_) => rustix::net::AddressFamily::INET6,
    };
    let socket = above_standard_streams(stream_socket(family)?)?;
    match rustix::net::connect(&socket, address) {
        Ok(()) => Ok((TcpStream::from(socket), true)),
        Err(Errno::INPROGRESS | Errno::INTR) => Ok((TcpStream::from(socket), false)),
        Err(error) => Err(error.into()),
    }
}

/// Whether there are sockets that have a path, and so whether `connect_locally` can do anything.
#[cfg(feature = "redis")]
pub(crate) const HAS_LOCAL_SOCKETS: bool = true;

/// Connects to a socket of this machine, without waiting: a queue that is full is an error. What is
/// done with it from here on is the same as with TCP.
#[cfg(feature = "redis")]
pub(crate) fn connect_locally(path: &std::path::Path) -> io::Result<TcpStream> {
    let address = rustix::net::SocketAddrUnix::new(path)?;
    let socket = above_standard_streams(stream_socket(rustix::net::AddressFamily::UNIX)?)?;
    rustix::net::connect(&socket, &address)?;
    Ok(TcpStream::from(socket))
}

/// Whether something failed because the process (EMFILE) or the system (ENFILE) has no descriptor
/// left. Closing idle connections may help.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}
