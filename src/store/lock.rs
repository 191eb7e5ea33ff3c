//! The lock that keeps apart the processes that share a directory, and the threads of each.
//!
//! Between processes it is a record lock of `fcntl`: it goes with the process that holds it, however
//! that ends. A lock of `flock` would live on in a child that was forked meanwhile. But a record lock
//! does not keep the threads of one process apart, and goes when the process closes the file in any
//! way: so it is taken by one thread at a time, and only that thread opens the file.

use super::name_locks::{NameLock, NameLocks};
use crate::support::os::above_standard_streams;
use crate::support::process::PerProcess;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::OwnedFd;

/// By lock file: the directory, wherever it is mounted, and the name in it.
static HELD: PerProcess<NameLocks> = PerProcess::new();

/// Held until dropped.
pub(super) struct FileLock {
    _file: OwnedFd,
    // After the file: nobody else may open it before it is closed.
    _thread: NameLock,
}

impl super::Lock for FileLock {}

/// Why a lock cannot be had.
pub(super) enum Refusal {
    System(Errno),
    /// What stands in the place of the lock file.
    NotALockFile,
}

/// Takes the lock of this name in the directory; `None` while somebody else has it. `usable` says
/// whether what was opened may serve as a lock file.
pub(super) fn try_hold(
    directory: &OwnedFd,
    name: &str,
    usable: impl Fn(&Stat) -> bool,
) -> Result<Option<FileLock>, Refusal> {
    let stat = rustix::fs::fstat(directory).map_err(Refusal::System)?;
    let place = format!("{}:{}/{name}", stat.st_dev, stat.st_ino);
    let Some(thread) = HELD.get(NameLocks::default).try_lock(&place) else { return Ok(None) };
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = flags | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        let open = || rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR);
        let file = retry_on_intr(open).and_then(held_high).map_err(Refusal::System)?;
        let opened = rustix::fs::fstat(&file).map_err(Refusal::System)?;
        if !usable(&opened) {
            return Err(Refusal::NotALockFile);
        }
        let lock = || rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive);
        match retry_on_intr(lock) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Ok(None),
            // Linux has this from a security module alone; elsewhere it is the other word for "held".
            Err(Errno::ACCESS) if !cfg!(target_os = "linux") => return Ok(None),
            Err(error) => return Err(Refusal::System(error)),
        }
        // Whoever deletes the file lets others lock a new one of that name.
        let named = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
        if named.is_ok_and(|n| (n.st_dev, n.st_ino) == (opened.st_dev, opened.st_ino)) {
            return Ok(Some(FileLock { _file: file, _thread: thread }));
        }
    }
    Ok(None)
}

/// How often a lock file that is deleted as soon as it was made is made again.
const TRIES: u32 = 10;

/// Keeps the descriptor away from the host's standard streams.
pub(super) fn held_high(fd: OwnedFd) -> rustix::io::Result<OwnedFd> {
    above_standard_streams(fd).map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::MFILE))
}
