//! The lock that keeps apart the processes that share a directory, and the threads of each.
//!
//! Between processes it is a record lock of `fcntl`: it goes with the process that holds it, however
//! that ends. A lock of `flock` would live on in a child that was forked meanwhile. But a record lock
//! does not keep the threads of one process apart, and goes when the process closes the file in any
//! way: so it is taken by one thread at a time, and only that thread opens the file.

use super::name_locks::{NameLock, NameLocks};
use crate::support::process::PerProcess;
use rustix::fs::{FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
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
    let file =
        rustix::fs::openat(directory, name, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    let file = file.map_err(Refusal::System)?;
    if !usable(&rustix::fs::fstat(&file).map_err(Refusal::System)?) {
        return Err(Refusal::NotALockFile);
    }
    match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(FileLock { _file: file, _thread: thread })),
        Err(Errno::AGAIN | Errno::ACCESS | Errno::INTR) => Ok(None),
        Err(error) => Err(Refusal::System(error)),
    }
}
