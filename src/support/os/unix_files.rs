//! Files and directories as Unix systems have them: owners, modes, record locks, renames.
//!
//! The store's promises rest on three of them: `rename` replaces a file wholly or not at all,
//! `fsync` of file and directory makes that last, and a record lock goes with its process.

use super::{Authorities, Facts, Found, Kind, UserSeal, above_standard_streams, sync};
use rustix::fs::{Access, AtFlags, FallocateFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// 0600.
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// There is nothing like it that every system and every user has.
pub(crate) const USER_SEAL: Option<UserSeal> = None;

/// Where systems keep the file of all authorities that they trust, as OpenSSL finds them there.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Alpine, OpenWrt, Yocto
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, Red Hat
    "/etc/pki/tls/certs/ca-bundle.crt",   // their older releases
    "/etc/ssl/ca-bundle.pem",             // SUSE
    "/etc/ssl/cert.pem",                  // macOS, FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt", // FreeBSD's package
];

/// Where this system keeps the authorities that it trusts, if in a place that is known.
pub(crate) fn authorities() -> io::Result<Option<Authorities>> {
    let found = BUNDLES.into_iter().find(|path| Path::new(path).exists());
    Ok(found.map(Authorities::File))
}

/// What to do about a directory or file that others may write to: the end of an error message.
pub(crate) const HOW_TO_CLOSE: &str = "chmod it 700";

/// A directory, held open: whoever replaces it meanwhile changes nothing for what is done here.
pub(crate) struct Directory(OwnedFd);

impl Directory {
    /// Makes it for its owner alone (0700), and what is missing above it.
    pub fn make(path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        // A new directory survives a power cut once the directory above it is synced. Where this
        // user may pass through that one but not open it, the system syncs it in its own time.
        for parent in missing.iter().filter_map(|made| made.parent()) {
            make_names_durable(parent).ok();
        }
        made
    }

    /// Opens the directory that has this path now. A link to one is followed.
    pub fn open(path: &Path) -> io::Result<Directory> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?;
        Ok(Directory(above_standard_streams(opened)?))
    }

    pub fn facts(&self) -> io::Result<Facts> {
        Ok(facts_of(&rustix::fs::fstat(&self.0)?))
    }

    /// What this name stands for now, links not followed.
    pub fn look_at(&self, name: &str) -> io::Result<Facts> {
        Ok(facts_of(&rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Opens what is there, without waiting should it be a FIFO.
    pub fn find(&self, name: &str) -> io::Result<Found> {
        match self.open_name(name, OFlags::RDONLY) {
            Ok(file) => Ok(Found::File(file)),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOENT) => Ok(Found::Nothing),
                Some(Errno::LOOP) => Ok(Found::Link),
                _ => Err(error),
            },
        }
    }

    /// Opens a file to be written, or makes it for its owner alone (0600).
    pub fn open_or_make(&self, name: &str) -> io::Result<File> {
        self.open_name(name, OFlags::RDWR | OFlags::CREATE)
    }

    /// Opens by name within the directory. A link is not followed, and a FIFO is not waited for.
    fn open_name(&self, name: &str, how: OFlags) -> io::Result<File> {
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&self.0, name, flags, PRIVATE_FILE);
        Ok(File::from(above_standard_streams(retry_on_intr(open)?)?))
    }

    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Puts a file in another's place, wholly or not at all.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::renameat(&self.0, from, &self.0, to))?)
    }

    /// Gives a file a name that nothing has yet; `false` where something has it. The old name is
    /// gone in both cases.
    pub fn rename_unless_there(&self, from: &str, to: &str) -> io::Result<bool> {
        let linked = rustix::fs::linkat(&self.0, from, &self.0, to, AtFlags::empty());
        self.remove(from)?;
        match linked {
            Err(Errno::EXIST) => Ok(false),
            outcome => outcome.map(|()| true).map_err(io::Error::from),
        }
    }

    /// Makes what names stand for now survive a power cut: `fsync` of the directory, or what the
    /// system has in its place.
    pub fn make_durable(&self) -> io::Result<()> {
        match retry_on_intr(|| sync(self.0.as_fd())) {
            // Some network file systems have no such thing for directories.
            Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Fails where no file can be made in it. `access` asks for the real user; the call that asks
    /// for the effective one is younger than many a gateway's kernel. So where the two differ,
    /// nothing is asked.
    pub fn check_writable(&self) -> io::Result<()> {
        if rustix::process::getuid() != rustix::process::geteuid() {
            return Ok(());
        }
        let needed = Access::WRITE_OK | Access::EXEC_OK;
        Ok(rustix::fs::accessat(&self.0, ".", needed, AtFlags::empty())?)
    }
}

/// What the system says of the open file, whatever its name stands for by now.
pub(crate) fn facts(file: &File) -> io::Result<Facts> {
    Ok(facts_of(&rustix::fs::fstat(file)?))
}

#[allow(clippy::unnecessary_cast)] // the fields' types differ from platform to platform
fn facts_of(stat: &Stat) -> Facts {
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Facts {
        kind: if is_file { Kind::File } else { Kind::Other },
        is_mine: stat.st_uid == rustix::process::geteuid().as_raw(),
        others_may_write: stat.st_mode & 0o022 != 0,
        open_to_others: stat.st_mode & 0o077 != 0,
        size: stat.st_size as u64,
        names: stat.st_nlink as u64,
        identity: (stat.st_dev as u64, stat.st_ino as u64),
        // A rename brings a new inode.
        version: [
            stat.st_ino as u64,
            stat.st_size as u64,
            stat.st_mtime as u64,
            stat.st_mtime_nsec as u64,
        ],
    }
}

/// Takes away what others may do with a file: mode 0600.
pub(crate) fn close_to_others(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, PRIVATE_FILE)?)
}

/// How large a file this process may write, in bytes; `None` is no limit. To try more would end
/// the process (SIGXFSZ).
pub(crate) fn largest_file() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current
}

/// Takes the room on the disk that a file of this size needs, so that a later write cannot fail
/// for want of it. The file is smaller than that now.
pub(crate) fn reserve(file: &mut File, room: u64) -> io::Result<()> {
    match retry_on_intr(|| rustix::fs::fallocate(&*file, FallocateFlags::empty(), 0, room)) {
        // Some file systems give room only to what is written.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            file.write_all(&vec![b' '; room as usize])
        }
        outcome => Ok(outcome?),
    }
}

/// Locks a file against other processes, without waiting; `false` while one of them has it
/// locked.
///
/// This is a record lock of `fcntl`: it goes with the process that holds it, however that ends,
/// while one of `flock` would live on in a child that was forked meanwhile. It does not keep the
/// threads of one process apart, and it goes when the process closes the file by any descriptor.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    let lock = || rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive);
    match retry_on_intr(lock) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN) => Ok(false),
        // Other systems may say EACCES for "held" (fcntl(2)). Linux says it where a security
        // module forbids the lock.
        Err(Errno::ACCESS) if !cfg!(target_os = "linux") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Locks a file against all who have opened it for themselves, in this process too; `false` while
/// one of them has it locked, or where it cannot be locked. Not for what must survive `fork`: a
/// child shares the lock.
pub(crate) fn try_lock_handle(file: &File) -> bool {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Opens a file to read it, without waiting should it have become a FIFO meanwhile.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

/// Opens or makes a file to be written. Follows no link that somebody may have put in its place.
pub(crate) fn open_or_make(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).custom_flags(flags).open(path)?;
    Ok(File::from(above_standard_streams(file.into())?))
}

/// Puts a file in another's place, wholly or not at all (`rename`). It lasts after
/// `make_names_durable`.
pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Permissions for a new file in an old one's place: others may do with it what they could with that,
/// its owner may read and write it, and nobody runs it as somebody else (set-user-ID).
pub(crate) fn as_open_to_others(old: Permissions) -> Permissions {
    Permissions::from_mode(old.mode() & 0o777 | 0o600)
}

/// Makes what names of this directory stand for now survive a power cut. Where this user may change
/// them but not read them, or the file system has no such thing, the system does it in its own time.
pub(crate) fn make_names_durable(directory: &Path) -> io::Result<()> {
    match File::open(directory).and_then(|opened| opened.sync_all()) {
        Err(error)
            if matches!(
                Errno::from_io_error(&error),
                Some(Errno::ACCESS | Errno::INVAL | Errno::OPNOTSUPP)
            ) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}
