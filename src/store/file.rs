//! The store that survives: one file per identity in a directory, shared by every process that
//! names the same directory, whole after a power cut at any step.
//!
//! A save writes a temporary file, makes it durable, renames it over the old one and makes the name
//! durable. A lock on a file of its own keeps renewals apart; it goes with the process that holds it.

use super::codec::{Codec, Unreadable};
use super::seal::Key;
use super::{Lock, Record, Store};
use crate::call::Call;
use crate::clock::Clock;
use crate::error::{Error, Result, Status};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

pub(crate) struct FileStore {
    directory: PathBuf,
    codec: Codec,
    record: String,
    lock: String,
    temporary: String,
    seen: Mutex<Seen>,
}

/// What this store last found or left on the disk.
#[derive(Default)]
struct Seen {
    stamp: Option<Stamp>,
    essence: Option<Record>,
    /// Why the file that is there must not be overwritten.
    locked: Option<&'static str>,
}

/// Tells one state of a file from another: a rename brings a new inode.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: i64,
    modified: (i64, u64),
}

impl From<&Stat> for Stamp {
    #[allow(clippy::unnecessary_cast)] // the fields' types differ from platform to platform
    fn from(stat: &Stat) -> Stamp {
        Stamp {
            inode: stat.st_ino as u64,
            size: stat.st_size as i64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        }
    }
}

/// No record is near this large; what is, is not ours.
const MOST_BYTES: u64 = 4 << 20;

const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

impl FileStore {
    /// Opens or makes the directory (0700). What is wrong with it is refused here, at the door.
    pub fn open(
        directory: &str,
        name: &str,
        identity: &str,
        key: Option<&str>,
        clock: &Clock,
    ) -> Result<FileStore> {
        let key = key.map(Key::parse).transpose()?;
        let store = FileStore {
            directory: PathBuf::from(directory),
            codec: Codec::new(identity, key, clock),
            record: format!("{name}-{identity}.json"),
            lock: format!("{name}-{identity}.lock"),
            temporary: format!("{name}-{identity}.new"),
            seen: Mutex::default(),
        };
        store.make_directory()?;
        store.directory()?;
        // A wrong key is the user's to know now, not when the token has expired.
        if let Err(error) = store.load() {
            if store.seen().locked.is_some() {
                return Err(error);
            }
        }
        Ok(store)
    }

    fn make_directory(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let mut builder = std::fs::DirBuilder::new();
        match builder.recursive(true).mode(0o700).create(&self.directory) {
            Ok(()) => Ok(()),
            Err(_) if self.directory.is_dir() => Ok(()),
            Err(error) => Err(self.fault("the directory cannot be made", &error.to_string())),
        }
    }

    /// The directory, opened anew each time: it may have been replaced since.
    fn directory(&self) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(&self.directory, flags, Mode::empty())
            .map_err(|e| self.fault("the directory cannot be opened", &e.to_string()))?;
        let stat = rustix::fs::fstat(&directory)
            .map_err(|e| self.fault("the directory cannot be examined", &e.to_string()))?;
        if !is_mine(&stat) {
            return Err(self.fault("the directory belongs to another user", "use one of your own"));
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(self.fault("other users may write to the directory", "chmod it 700"));
        }
        Ok(directory)
    }

    fn fault(&self, what: &str, why: &str) -> Error {
        Error::new(Status::Store, format!("store {}: {what}: {why}", self.directory.display()))
    }

    fn file_fault(&self, what: &str, why: impl std::fmt::Display) -> Error {
        let path = self.directory.join(&self.record);
        Error::new(Status::Store, format!("store {}: {what}: {why}", path.display()))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_lock(&self) -> Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = rustix::fs::openat(self.directory()?, &self.lock, flags, PRIVATE_FILE)
            .map_err(|e| self.fault("the lock file cannot be opened", &e.to_string()))?;
        let stat = rustix::fs::fstat(&lock)
            .map_err(|e| self.fault("the lock file cannot be examined", &e.to_string()))?;
        match is_mine(&stat) && is_regular(&stat) {
            true => Ok(lock),
            false => Err(self.fault("the lock file is not a file of this user's", &self.lock)),
        }
    }

    /// `None` while somebody else holds it.
    fn try_hold(&self, lock: &OwnedFd) -> Result<Option<()>> {
        match rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(())),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
            Err(error) => Err(self.fault("the lock cannot be taken", &error.to_string())),
        }
    }

    /// The record's bytes, if there is a file and it can be trusted to be ours.
    fn read(&self) -> Result<std::result::Result<Option<Zeroizing<Vec<u8>>>, Unreadable>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(self.directory()?, &self.record, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => {
                *self.seen() = Seen::default();
                return Ok(Ok(None));
            }
            Err(Errno::LOOP) => return Ok(Err(Unreadable::Worthless("is a symbolic link"))),
            Err(error) => return Err(self.file_fault("cannot be opened", error)),
        };
        let stat =
            rustix::fs::fstat(&file).map_err(|e| self.file_fault("cannot be examined", e))?;
        self.seen().stamp = Some(Stamp::from(&stat));
        if !is_regular(&stat) {
            return Ok(Err(Unreadable::Worthless("is not a file")));
        }
        if !is_mine(&stat) {
            return Ok(Err(Unreadable::Worthless("belongs to another user")));
        }
        if stat.st_mode & 0o022 != 0 {
            return Ok(Err(Unreadable::Worthless("could be written by other users")));
        }
        if stat.st_size as u64 > MOST_BYTES {
            return Ok(Err(Unreadable::Worthless("is too large to be a keyfob store file")));
        }
        if stat.st_mode & 0o044 != 0 {
            // Its contents are ours, but were open to others: closed now, and replaced with the
            // next renewal.
            let closed = rustix::fs::fchmod(&file, PRIVATE_FILE);
            closed.map_err(|e| self.file_fault("is readable by other users", e))?;
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(stat.st_size as usize + 1));
        match file.take(MOST_BYTES).read_to_end(&mut bytes) {
            Ok(_) => Ok(Ok(Some(bytes))),
            Err(error) => Err(self.file_fault("cannot be read", error)),
        }
    }

    /// Moves a worthless file out of the way, for people to look at.
    fn set_aside(&self) -> Result<()> {
        let directory = self.directory()?;
        let aside = format!("{}.damaged", self.record);
        rustix::fs::renameat(&directory, &self.record, &directory, &aside)
            .map_err(|e| self.file_fault("cannot be set aside", e))
    }

    /// The temporary file, ready to be written from its beginning.
    fn open_temporary(&self, directory: &OwnedFd) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(directory, &self.temporary, flags, PRIVATE_FILE);
        let usable = |file: &OwnedFd| {
            rustix::fs::fstat(file)
                .is_ok_and(|stat| is_regular(&stat) && is_mine(&stat) && stat.st_mode & 0o077 == 0)
        };
        // Whatever stands in its place and is not ours goes; a second failure is the disk's.
        if let Ok(file) = open() {
            if usable(&file) {
                return Ok(File::from(file));
            }
        }
        rustix::fs::unlinkat(directory, &self.temporary, AtFlags::empty()).ok();
        open().map(File::from).map_err(|e| self.file_fault("cannot be written", e))
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        let failed = |what: &'static str| move |e: std::io::Error| self.file_fault(what, e);
        let directory = self.directory()?;
        let mut file = self.open_temporary(&directory)?;
        file.write_all(bytes).map_err(failed("cannot be written"))?;
        file.set_len(bytes.len() as u64).map_err(failed("cannot be written"))?;
        file.sync_all().map_err(failed("cannot be made durable"))?;
        rustix::fs::renameat(&directory, &self.temporary, &directory, &self.record)
            .map_err(|e| self.file_fault("cannot be replaced", e))?;
        rustix::fs::fsync(&directory).map_err(|e| self.file_fault("cannot be made durable", e))?;
        self.seen().stamp = rustix::fs::fstat(&file).ok().as_ref().map(Stamp::from);
        Ok(())
    }

    fn not_locked(&self) -> Result<()> {
        match self.seen().locked {
            Some(why) => Err(self.file_fault("is left as it is", why)),
            None => Ok(()),
        }
    }
}

fn is_mine(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// Held until dropped. Unlocked by name and not only by closing: a child forked meanwhile has the
/// same lock open.
struct Held(OwnedFd);

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        rustix::fs::flock(&self.0, FlockOperation::Unlock).ok();
    }
}

impl Store for FileStore {
    fn lock(&self, call: &Call) -> Result<Box<dyn Lock + '_>> {
        let lock = self.open_lock()?;
        while self.try_hold(&lock)?.is_none() {
            std::thread::sleep(call.slice()?.min(std::time::Duration::from_millis(5)));
        }
        Ok(Box::new(Held(lock)))
    }

    fn try_lock(&self) -> Result<Option<Box<dyn Lock + '_>>> {
        let lock = self.open_lock()?;
        let held = self.try_hold(&lock)?;
        Ok(held.map(|()| Box::new(Held(lock)) as Box<dyn Lock>))
    }

    fn load(&self) -> Result<Option<Record>> {
        let unreadable = match self.read()? {
            Ok(None) => return Ok(None),
            Ok(Some(bytes)) => match self.codec.decode(&bytes) {
                Ok(record) => {
                    let mut seen = self.seen();
                    seen.locked = None;
                    seen.essence = Some(Codec::essence(&record));
                    return Ok(Some(record));
                }
                Err(unreadable) => unreadable,
            },
            Err(unreadable) => unreadable,
        };
        match unreadable {
            Unreadable::Locked(why) => {
                self.seen().locked = Some(why);
                Err(self.file_fault("cannot be used", why))
            }
            Unreadable::Worthless(why) => {
                self.set_aside()?;
                *self.seen() = Seen::default();
                Err(self.file_fault("was set aside as .damaged", why))
            }
        }
    }

    fn has_news(&self) -> bool {
        let found = self
            .directory()
            .ok()
            .and_then(|d| rustix::fs::statat(d, &self.record, AtFlags::SYMLINK_NOFOLLOW).ok());
        found.as_ref().map(Stamp::from) != self.seen().stamp
    }

    fn check_writable(&self) -> Result<()> {
        self.not_locked()?;
        let directory = self.directory()?;
        let mut file = self.open_temporary(&directory)?;
        // Room for a record twice as large as the last, taken now: a full disk shows here. The
        // save writes into the same file.
        let room = self.seen().stamp.map_or(0, |stamp| stamp.size as u64) * 2 + 8192;
        let full = |e: std::io::Error| self.file_fault("could not be written", e);
        if file.metadata().map_err(full)?.len() >= room {
            return Ok(());
        }
        file.write_all(&vec![b' '; room as usize]).map_err(full)
    }

    fn save(&self, record: &Record) -> Result<()> {
        self.not_locked()?;
        let essence = Codec::essence(record);
        if self.seen().essence.as_ref() == Some(&essence) {
            return Ok(());
        }
        self.write(&self.codec.encode(record)?)?;
        self.seen().essence = Some(essence);
        Ok(())
    }

    fn describe(&self) -> String {
        format!("file:{}", self.directory.display())
    }
}
