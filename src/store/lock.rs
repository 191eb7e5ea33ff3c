//! The lock that keeps apart the processes that share a directory, and the threads of each.
//!
//! Between processes it is the system's lock of a file, which goes with the process that holds
//! it. On Unix that lock does not keep the threads of one process apart, and it goes when the
//! process closes the file by any descriptor. So a lock among threads ([`NameLocks`]) is taken
//! first, and only its holder opens the file.

use super::name_locks::{NameLock, NameLocks};
use crate::support::os::{self, Directory, Facts};
use crate::support::process::PerProcess;
use std::fs::File;
use std::io;

/// The locks among threads, by lock file: the directory, by whatever path it was found, and the
/// name in it.
static HELD: PerProcess<NameLocks> = PerProcess::new();

/// A lock that is held until dropped: first the file is closed, then the next thread may open it.
pub(super) struct FileLock {
    _file: File,
    // After the file: nobody else may open it before it is closed.
    _thread: NameLock,
}

impl super::Lock for FileLock {}

/// Why a lock cannot be had.
pub(super) enum Refusal {
    /// The system cannot open or lock it: a read-only file system, no locks on a network file
    /// system.
    System(io::Error),
    /// Something else stands in the place of the lock file.
    NotALockFile,
}

/// Takes the lock of this name in the directory, without waiting; `None` while somebody else has
/// it. `usable` says whether what was opened may serve as a lock file.
///
/// A lock on a file that was deleted meanwhile excludes nobody, so the name is looked at again
/// once it is locked.
pub(super) fn try_hold(
    directory: &Directory,
    name: &str,
    usable: impl Fn(&Facts) -> bool,
) -> Result<Option<FileLock>, Refusal> {
    let (volume, number) = directory.facts().map_err(Refusal::System)?.identity;
    let place = format!("{volume}:{number}/{name}");
    let Some(thread) = HELD.get(NameLocks::default).try_lock(&place) else { return Ok(None) };
    for _ in 0..TRIES {
        let file = directory.open_or_make(name).map_err(Refusal::System)?;
        let opened = os::facts(&file).map_err(Refusal::System)?;
        if !usable(&opened) {
            return Err(Refusal::NotALockFile);
        }
        if !os::try_lock(&file).map_err(Refusal::System)? {
            return Ok(None);
        }
        // Somebody may have deleted the file: then others can lock a new one of that name.
        if directory.look_at(name).is_ok_and(|named| named.identity == opened.identity) {
            return Ok(Some(FileLock { _file: file, _thread: thread }));
        }
    }
    Ok(None)
}

/// How often the lock file is opened again because it was deleted meanwhile. Then somebody else
/// is taken to have it.
const TRIES: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    #[cfg(unix)] // elsewhere nobody deletes a file that is open
    fn a_lock_file_deleted_meanwhile_is_not_the_one_that_is_held() {
        let name = format!("keyfob-lock-deleted-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        Directory::make(&path).unwrap();
        let directory = Directory::open(&path).unwrap();
        // It is asked between the opening and the locking.
        let deletes = Cell::new(3);
        let usable = |_: &Facts| {
            if deletes.get() > 0 {
                deletes.set(deletes.get() - 1);
                std::fs::remove_file(path.join("lock")).unwrap();
            }
            true
        };
        let held = try_hold(&directory, "lock", usable).ok().flatten().expect("the lock");
        let named = directory.look_at("lock").expect("the file that others will find");
        assert_eq!(named.identity, os::facts(&held._file).unwrap().identity);
        drop(held);

        deletes.set(u32::MAX);
        let held = try_hold(&directory, "lock", usable).ok().expect("no fault");
        assert!(held.is_none(), "whoever deletes it again and again has it");
        std::fs::remove_dir_all(&path).unwrap();
    }
}
