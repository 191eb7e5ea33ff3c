//! The medium that survives: one file per identity in a directory, whole after a power cut at any
//! step.
//!
//! A write makes a temporary file durable (`fsync`), renames it over the old one, and makes the
//! name durable (`fsync` of the directory): rename(2) replaces a name wholly or not at all, so
//! each moment shows the old record or the new.
//!
//! The directory and the files are looked at each time, by what was opened and not by name:
//! anybody may have replaced them since. A file is never followed through a link, and is not
//! believed if others could write it.

use super::Lock;
use super::lock::{Refusal, try_hold};
use super::medium::{Contents, MOST_BYTES, Medium, TOO_LARGE, Unreadable};
use crate::error::{Error, Result, Status};
use crate::model::record::Version;
use crate::support::os::{self, Directory, Facts, Found, Kind};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// The files of one record. None is held open between calls.
pub(crate) struct RecordFile {
    directory: PathBuf,
    /// `<name>.json`: the record.
    record: String,
    /// `<name>.lock`: empty, and never deleted.
    lock: String,
    /// `<name>.new`: the next record while it is written. Its room on the disk may be taken
    /// beforehand.
    temporary: String,
    /// `<name>.json.damaged`: a record that was not believed, for a person to look at.
    aside: String,
}

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

    /// Makes the directory for its owner alone where it is missing. What is wrong with it is
    /// refused here, when the client is made.
    pub fn open(directory: &Path, name: &str) -> Result<RecordFile> {
        let file = RecordFile::at(directory, name);
        file.make_directory()?;
        file.directory()?;
        Ok(file)
    }

    /// One that cannot be made but is there is good: the file system may be read-only.
    fn make_directory(&self) -> Result<()> {
        match Directory::make(&self.directory) {
            Err(error) if !self.directory.is_dir() => {
                Err(self.unreachable("the directory cannot be made", error))
            }
            _ => Ok(()),
        }
    }

    /// The directory, opened anew each time: it may have been replaced since. One that others own
    /// or may write to is refused, since they could put a record of theirs in it.
    fn directory(&self) -> Result<Directory> {
        let directory = Directory::open(&self.directory)
            .map_err(|e| self.unreachable("the directory cannot be opened", e))?;
        let facts =
            directory.facts().map_err(|e| self.fault("the directory cannot be examined", e))?;
        if !facts.is_mine {
            return Err(self.fault("the directory belongs to another user", "use one of your own"));
        }
        if facts.others_may_write {
            let what = "other users may write to the directory";
            return Err(self.fault(what, os::HOW_TO_CLOSE));
        }
        Ok(directory)
    }

    /// A fault of the directory.
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

    /// A fault of the record's file.
    fn file_fault(&self, what: &str, why: impl std::fmt::Display) -> Error {
        Error::new(Status::Store, format!("store {} {what}: {why}", self.name()))
    }

    /// The temporary file, to be written from its beginning. It may have old contents: a power
    /// cut leaves it.
    fn open_temporary(&self, directory: &Directory) -> Result<File> {
        let open = || directory.open_or_make(&self.temporary);
        // Whatever stands in its place and is not ours is removed. If that does not help, the
        // disk is at fault.
        if let Ok(file) = open() {
            if os::facts(&file).is_ok_and(|facts| is_private_file(&facts)) {
                return Ok(file);
            }
        }
        directory.remove(&self.temporary).ok();
        open().map_err(|e| self.file_fault("cannot be written", e))
    }

    /// Fails where a file of this size is more than the process may write.
    fn may_grow_to(&self, size: u64) -> Result<()> {
        match os::largest_file() {
            Some(most) if most < size => Err(self.file_fault(
                "could not be written",
                format_args!("files of this process may have {most} bytes (RLIMIT_FSIZE)"),
            )),
            _ => Ok(()),
        }
    }

    /// Takes the room on the disk that a file of this size needs, unless the file has it already.
    fn reserve(&self, file: &mut File, room: u64) -> Result<()> {
        let full = |e: io::Error| self.file_fault("could not be written", e);
        if file.metadata().map_err(full)?.len() >= room {
            return Ok(());
        }
        self.may_grow_to(room)?;
        os::reserve(file, room).map_err(full)
    }
}

/// Why what was opened is not believed; `None` where it is. It may still be no record.
pub(super) fn distrust(facts: &Facts) -> Option<Unreadable> {
    let why = if facts.kind != Kind::File {
        "is not a file"
    } else if !facts.is_mine {
        "belongs to another user"
    } else if facts.others_may_write {
        "could be written by other users"
    } else if facts.size > MOST_BYTES as u64 {
        return Some(TOO_LARGE);
    } else {
        return None;
    };
    Some(Unreadable::Worthless(why))
}

/// Whether what is written to it is seen by this user alone.
fn is_private_file(facts: &Facts) -> bool {
    facts.kind == Kind::File && facts.is_mine && !facts.open_to_others
}

impl Medium for RecordFile {
    fn try_lock(&self, _: Duration) -> Result<Option<Box<dyn Lock>>> {
        let usable = |facts: &Facts| facts.is_mine && facts.kind == Kind::File;
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
        let file = match directory.find(&self.record) {
            Ok(Found::File(file)) => file,
            Ok(Found::Nothing) => {
                return Ok(Contents { bytes: Ok(None), version: Version::default() });
            }
            Ok(Found::Link) => {
                let link = directory.look_at(&self.record);
                let link = link.map_err(|e| self.file_fault("is a link", e))?;
                let bytes = Err(Unreadable::Worthless("is a symbolic link"));
                return Ok(Contents { bytes, version: Version(link.version) });
            }
            Err(error) => return Err(self.file_fault("cannot be opened", error)),
        };
        let facts = os::facts(&file).map_err(|e| self.file_fault("cannot be examined", e))?;
        let found = |bytes| Ok(Contents { bytes, version: Version(facts.version) });
        if let Some(distrust) = distrust(&facts) {
            return found(Err(distrust));
        }
        if facts.open_to_others {
            // Its contents are ours, but were open to others: closed now, and replaced with the
            // next renewal.
            let closed = os::close_to_others(&file);
            closed.map_err(|e| self.file_fault("is readable by other users", e))?;
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(facts.size as usize + 1));
        match file.take(MOST_BYTES as u64).read_to_end(&mut bytes) {
            Ok(_) => found(Ok(Some(bytes))),
            Err(error) => Err(self.file_fault("cannot be read", error)),
        }
    }

    fn version(&self) -> Option<Version> {
        match self.directory().ok()?.look_at(&self.record) {
            Ok(facts) => Some(Version(facts.version)),
            // A file that cannot be looked at is no news.
            Err(error) => (error.kind() == ErrorKind::NotFound).then(Version::default),
        }
    }

    fn tells(&self) -> bool {
        true
    }

    fn check_writable(&self, bytes: &[u8], _: Duration) -> Result<bool> {
        let directory = self.directory()?;
        // A file left there earlier may be opened though no other could be made.
        let refused = directory.check_writable();
        refused.map_err(|e| self.fault("the directory cannot be written to", e))?;
        // Room for a record twice as large: a full disk shows here. The save writes into the same
        // file.
        self.reserve(&mut self.open_temporary(&directory)?, bytes.len() as u64 * 2 + 4096)?;
        Ok(true)
    }

    fn write(&self, bytes: &[u8], set_aside: bool) -> Result<Option<Version>> {
        let failed = |what: &'static str| move |e: io::Error| self.file_fault(what, e);
        let directory = self.directory()?;
        let mut file = self.open_temporary(&directory)?;
        self.may_grow_to(bytes.len() as u64)?;
        file.write_all(bytes).map_err(failed("cannot be written"))?;
        file.set_len(bytes.len() as u64).map_err(failed("cannot be written"))?;
        file.sync_all().map_err(failed("cannot be made durable"))?;
        if set_aside {
            directory.rename(&self.record, &self.aside).map_err(failed("cannot be set aside"))?;
        }
        directory.rename(&self.temporary, &self.record).map_err(failed("cannot be replaced"))?;
        directory.make_durable().map_err(failed("cannot be made durable"))?;
        // Windows settles a file's times when it is closed.
        drop(file);
        let facts = directory.look_at(&self.record).map_err(failed("cannot be examined"))?;
        Ok(Some(Version(facts.version)))
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
