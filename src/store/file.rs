//! The medium that survives: one file per identity in a directory, whole after a power cut at any
//! step.
//!
//! A write makes a temporary file durable, renames it over the old one and makes the name durable.

use super::Lock;
use super::lock::{Refusal, held_high, try_hold};
use super::medium::{Contents, MOST_BYTES, Medium, TOO_LARGE, Unreadable};
use crate::error::{Error, Result, Status};
use crate::model::record::Version;
use rustix::fs::{Access, AtFlags, FallocateFlags, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Resource, getrlimit};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file of one identity.
pub(crate) struct RecordFile {
    directory: PathBuf,
    record: String,
    lock: String,
    temporary: String,
    aside: String,
}

const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

impl RecordFile {
    /// The record of this name in the directory, which must be absolute: a daemon that changes to
    /// another directory later must not change its store.
    pub fn at(directory: &Path, name: &str) -> RecordFile {
        RecordFile {
            directory: directory.into(),
            record: format!("{name}.json"),
            lock: format!("{name}.lock"),
            temporary: format!("{name}.new"),
            aside: format!("{name}.json.damaged"),
        }
    }

    /// Makes the directory (0700) where it is missing. What is wrong with it is refused here, at the
    /// door.
    pub fn open(directory: &Path, name: &str) -> Result<RecordFile> {
        let file = RecordFile::at(directory, name);
        file.make_directory()?;
        file.directory()?;
        Ok(file)
    }

    fn make_directory(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let missing: Vec<&Path> =
            self.directory.ancestors().take_while(|path| !path.exists()).collect();
        let mut builder = std::fs::DirBuilder::new();
        match builder.recursive(true).mode(0o700).create(&self.directory) {
            Err(error) if !self.directory.is_dir() => {
                return Err(self.unreachable("the directory cannot be made", error));
            }
            _ => {}
        }
        // A directory lasts when its name does. Some may be passed through but not opened: the
        // system then makes them last in its own time.
        for parent in missing.iter().filter_map(|made| made.parent()) {
            File::open(parent).and_then(|parent| parent.sync_all()).ok();
        }
        Ok(())
    }

    /// The directory, opened anew each time: it may have been replaced since.
    fn directory(&self) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = retry_on_intr(|| rustix::fs::open(&self.directory, flags, Mode::empty()))
            .and_then(held_high)
            .map_err(|e| self.unreachable("the directory cannot be opened", e))?;
        let stat = rustix::fs::fstat(&directory)
            .map_err(|e| self.fault("the directory cannot be examined", e))?;
        if !is_mine(&stat) {
            return Err(self.fault("the directory belongs to another user", "use one of your own"));
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(self.fault("other users may write to the directory", "chmod it 700"));
        }
        Ok(directory)
    }

    fn fault(&self, what: &str, why: impl std::fmt::Display) -> Error {
        Error::new(Status::Store, format!("store {}: {what}: {why}", self.directory.display()))
    }

    /// A fault of the directory, or of the link that stands in its place and leads nowhere.
    fn unreachable(&self, what: &str, why: impl std::fmt::Display) -> Error {
        match self.directory.is_symlink() && !self.directory.exists() {
            true => self.fault("it is a symbolic link", "what it leads to does not exist"),
            false => self.fault(what, why),
        }
    }

    fn file_fault(&self, what: &str, why: impl std::fmt::Display) -> Error {
        Error::new(Status::Store, format!("store {} {what}: {why}", self.name()))
    }

    fn stat(&self, directory: &OwnedFd) -> rustix::io::Result<Stat> {
        rustix::fs::statat(directory, &self.record, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The temporary file, ready to be written from its beginning.
    fn open_temporary(&self, directory: &OwnedFd) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = flags | OFlags::CLOEXEC;
        let open = || {
            retry_on_intr(|| rustix::fs::openat(directory, &self.temporary, flags, PRIVATE_FILE))
                .and_then(held_high)
        };
        // Whatever stands in its place and is not ours goes; a second failure is the disk's.
        if let Ok(file) = open() {
            if rustix::fs::fstat(&file).is_ok_and(|stat| is_private_file(&stat)) {
                return Ok(File::from(file));
            }
        }
        rustix::fs::unlinkat(directory, &self.temporary, AtFlags::empty()).ok();
        open().map(File::from).map_err(|e| self.file_fault("cannot be written", e))
    }

    /// Fails where a file of this size is more than the process may write. The system would end the
    /// process for trying (SIGXFSZ).
    fn may_grow_to(&self, size: u64) -> Result<()> {
        match getrlimit(Resource::Fsize).current {
            Some(most) if most < size => Err(self.file_fault(
                "could not be written",
                format_args!("files of this process may have {most} bytes (RLIMIT_FSIZE)"),
            )),
            _ => Ok(()),
        }
    }

    /// Takes the room on the disk that a file of this size needs, if it has it not yet.
    fn reserve(&self, file: &mut File, room: u64) -> Result<()> {
        let full = |e: std::io::Error| self.file_fault("could not be written", e);
        if file.metadata().map_err(full)?.len() >= room {
            return Ok(());
        }
        self.may_grow_to(room)?;
        match retry_on_intr(|| rustix::fs::fallocate(&*file, FallocateFlags::empty(), 0, room)) {
            // Some file systems can only be asked by writing.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                file.write_all(&vec![b' '; room as usize]).map_err(full)
            }
            outcome => outcome.map_err(|e| full(e.into())),
        }
    }
}

/// Why what was opened is no record of ours, if it is not.
fn distrust(stat: &Stat) -> Option<Unreadable> {
    let why = if !is_regular(stat) {
        "is not a file"
    } else if !is_mine(stat) {
        "belongs to another user"
    } else if stat.st_mode & 0o022 != 0 {
        "could be written by other users"
    } else if stat.st_size as u64 > MOST_BYTES as u64 {
        return Some(TOO_LARGE);
    } else {
        return None;
    };
    Some(Unreadable::Worthless(why))
}

#[allow(clippy::unnecessary_cast)] // the fields' types differ from platform to platform
fn version(stat: &Stat) -> Version {
    // A rename brings a new inode.
    Version([
        stat.st_ino as u64,
        stat.st_size as u64,
        stat.st_mtime as u64,
        stat.st_mtime_nsec as u64,
    ])
}

fn is_mine(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

fn is_private_file(stat: &Stat) -> bool {
    is_regular(stat) && is_mine(stat) && stat.st_mode & 0o077 == 0
}

impl Medium for RecordFile {
    fn try_lock(&self) -> Result<Option<Box<dyn Lock>>> {
        let usable = |stat: &Stat| is_mine(stat) && is_regular(stat);
        match try_hold(&self.directory()?, &self.lock, usable) {
            Ok(held) => Ok(held.map(|lock| Box::new(lock) as Box<dyn Lock>)),
            Err(Refusal::System(e)) => Err(self.fault("the lock file cannot be locked", e)),
            Err(Refusal::NotALockFile) => {
                Err(self.fault("the lock file is not a file of this user's", &self.lock))
            }
        }
    }

    fn read(&self) -> Result<Contents> {
        let directory = self.directory()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&directory, &self.record, flags, Mode::empty());
        let file = match retry_on_intr(open).and_then(held_high) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => {
                return Ok(Contents { bytes: Ok(None), version: Version::default() });
            }
            Err(Errno::LOOP) => {
                let link = self.stat(&directory).map_err(|e| self.file_fault("is a link", e))?;
                let bytes = Err(Unreadable::Worthless("is a symbolic link"));
                return Ok(Contents { bytes, version: version(&link) });
            }
            Err(error) => return Err(self.file_fault("cannot be opened", error)),
        };
        let stat =
            rustix::fs::fstat(&file).map_err(|e| self.file_fault("cannot be examined", e))?;
        let found = |bytes| Ok(Contents { bytes, version: version(&stat) });
        if let Some(distrust) = distrust(&stat) {
            return found(Err(distrust));
        }
        if stat.st_mode & 0o044 != 0 {
            // Its contents are ours, but were open to others: closed now, and replaced with the
            // next renewal.
            let closed = rustix::fs::fchmod(&file, PRIVATE_FILE);
            closed.map_err(|e| self.file_fault("is readable by other users", e))?;
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(stat.st_size as usize + 1));
        match file.take(MOST_BYTES as u64).read_to_end(&mut bytes) {
            Ok(_) => found(Ok(Some(bytes))),
            Err(error) => Err(self.file_fault("cannot be read", error)),
        }
    }

    fn version(&self) -> Option<Version> {
        let found = self.directory().ok().map(|directory| self.stat(&directory));
        // What cannot be looked at is no news.
        found?.map_or_else(|e| (e == Errno::NOENT).then(Version::default), |s| Some(version(&s)))
    }

    fn check_writable(&self, bytes: &[u8]) -> Result<()> {
        let directory = self.directory()?;
        // A file left there earlier may be opened though no other could be made. The system call
        // that asks for the effective user is younger than many a gateway's kernel.
        if rustix::process::getuid() == rustix::process::geteuid() {
            let needed = Access::WRITE_OK | Access::EXEC_OK;
            rustix::fs::accessat(&directory, ".", needed, AtFlags::empty())
                .map_err(|e| self.fault("the directory cannot be written to", e))?;
        }
        // Room for a record twice as large: a full disk shows here. The save writes into the same
        // file.
        self.reserve(&mut self.open_temporary(&directory)?, bytes.len() as u64 * 2 + 4096)
    }

    fn write(&self, bytes: &[u8], set_aside: bool) -> Result<Version> {
        let failed = |what: &'static str| move |e: std::io::Error| self.file_fault(what, e);
        let directory = self.directory()?;
        let mut file = self.open_temporary(&directory)?;
        self.may_grow_to(bytes.len() as u64)?;
        file.write_all(bytes).map_err(failed("cannot be written"))?;
        file.set_len(bytes.len() as u64).map_err(failed("cannot be written"))?;
        file.sync_all().map_err(failed("cannot be made durable"))?;
        let rename = |from: &str, to: &str| {
            retry_on_intr(|| rustix::fs::renameat(&directory, from, &directory, to))
        };
        if set_aside {
            rename(&self.record, &self.aside)
                .map_err(|e| self.file_fault("cannot be set aside", e))?;
        }
        rename(&self.temporary, &self.record)
            .map_err(|e| self.file_fault("cannot be replaced", e))?;
        match retry_on_intr(|| rustix::fs::fsync(&directory)) {
            // Some network file systems have no such thing for directories.
            Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(self.file_fault("cannot be made durable", error)),
        }
        let stat = rustix::fs::fstat(&file).map_err(|e| self.file_fault("cannot be examined", e));
        stat.map(|stat| version(&stat))
    }

    fn name(&self) -> String {
        self.directory.join(&self.record).display().to_string()
    }

    fn fate(&self) -> &'static str {
        "the next save sets it aside as .damaged"
    }

    fn describe(&self) -> String {
        format!("file:{}", self.directory.display())
    }

    fn nests(&self) -> bool {
        true
    }
}
