//! What is there of a file that is being downloaded: `PATH.part`, and beside it what it is a part
//! of.
//!
//! ```text
//! firmware.bin            the old version, until the new one is whole
//! firmware.bin.part       what has come; locked while a download writes to it
//! firmware.bin.part.json  of which request, which version of the file, how much is on the disk
//! ```
//!
//! The note is written before the bytes that it speaks of, so a part never passes for one of
//! another file. A lock of the system (`flock`) keeps a second download away, and goes with its
//! process.

use crate::client::response::Response;
use crate::error::{Error, Result, Status};
use crate::support::file;
use crate::support::hex::to_hex;
use crate::support::json::{self, Value, object};
use crate::support::os::{self, Kind};
use ring::digest::{Context, SHA256};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often what came is made to survive a power cut: after so many bytes, but no more than once in
/// so long. What is lost by one then comes again in about that time.
const SYNC_EVERY: (u64, Duration) = (16 << 20, Duration::from_secs(1));

/// By what the server tells one version of a file from another: a strong `ETag`, else its date. A
/// weak one (`W/`) may stand for two files that differ in bytes (RFC 9110 8.8.1). `None` where the
/// server gives neither, or no ranges: then nothing is resumed.
pub(super) struct Validator(Option<String>);

impl Validator {
    /// What the head of an answer gives.
    pub fn of(response: &Response) -> Validator {
        let strong = response.header("etag").filter(|tag| !tag.starts_with("W/"));
        let ranges = response.header("accept-ranges").is_none_or(|how| how.contains("bytes"));
        // A file of this very second may change within it, and keep its date (RFC 9110 8.8.2.2).
        let is_past = |date: &&str| response.header("date") != Some(date);
        let date = response.header("last-modified").filter(is_past);
        let found = strong.or(date).filter(|_| ranges);
        Validator(found.map(str::to_string))
    }

    /// Whether a range with this validator may be of the file that the other names: a server that does
    /// not know `If-Range` may give one of another file (RFC 9110 15.3.7.3). One that names none in a
    /// range, or names the file in another way there, is believed.
    pub fn allows(&self, known: Option<&str>) -> bool {
        let is_tag = |validator: &str| validator.starts_with('"');
        match (self.0.as_deref(), known) {
            (Some(this), Some(known)) if is_tag(this) == is_tag(known) => this == known,
            _ => true,
        }
    }
}

/// A download that is under way. Only one at a time has it.
pub(super) struct Part {
    /// The file that it is to become.
    target: PathBuf,
    /// `PATH.part`.
    path: PathBuf,
    /// Open, locked, and at the end of what has come.
    file: File,
    /// SHA-256 of what has come, where somebody says what it has to be.
    digest: Option<Context>,
    /// How many bytes have come.
    length: u64,
    /// How much of it is known to survive a power cut.
    synced: u64,
    /// Since when. By real time: it bounds what really is fetched again.
    synced_at: Instant,
    about: About,
}

/// What is written down beside the part.
#[derive(Default)]
struct About {
    /// A digest of the request.
    request: String,
    /// The version of the file, as the server names it.
    validator: Option<String>,
    /// How many bytes the whole has, where the server said so.
    total: Option<u64>,
    /// The boot of the machine that the part was written in: in another one, a power cut may lie
    /// between.
    boot: Option<String>,
}

impl Part {
    /// The part of this target that an earlier download of the same request has left, or an empty
    /// one. `FILE` where the target cannot be written to, or another download has its part.
    pub fn open(target: &Path, request: &str, boot: Option<String>) -> Result<Part> {
        check_target(target)?;
        let path = beside(target, ".part");
        let file = open_alone(&path)?;
        keep_permissions(target, &file);
        // A digest of it, since a URL may hold what not everybody should read.
        let request = to_hex(ring::digest::digest(&SHA256, request.as_bytes()).as_ref());
        let about = About { request, boot, ..About::default() };
        let target = target.to_path_buf();
        let synced_at = Instant::now();
        let mut part =
            Part { target, path, file, digest: None, length: 0, synced: 0, synced_at, about };
        let usable = part.usable_length();
        part.shorten(usable)?;
        Ok(part)
    }

    /// How much of what lies there can be gone on with: all of it, after a power cut what was
    /// synced, and nothing of another request or an unnamed version.
    fn usable_length(&mut self) -> u64 {
        let Some(note) = read_note(&self.note_path()) else { return 0 };
        let text = |name: &str| note.get(name).and_then(Value::as_str).map(str::to_string);
        let number = |name: &str| -> Option<u64> { note.get(name).and_then(Value::as_integer) };
        if text("request").as_deref() != Some(&self.about.request) {
            return 0;
        }
        let length = self.file.metadata().map_or(0, |about| about.len());
        let same_boot = self.about.boot.is_some() && text("boot") == self.about.boot;
        self.about.validator = text("validator");
        self.about.total = number("total");
        match self.about.validator {
            None => 0,
            // After a power cut a file may be as long as it was, and hold zeroes.
            Some(_) if !same_boot => number("synced").unwrap_or(0).min(length),
            Some(_) => length,
        }
    }

    /// How many bytes the whole has, as the head of a range says.
    pub fn learn_total(&mut self, total: u64) {
        self.about.total.get_or_insert(total);
    }

    /// Cuts the part to this length, and goes on behind it.
    fn shorten(&mut self, length: u64) -> Result<()> {
        let cut = |file: &mut File| {
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))
        };
        cut(&mut self.file).map_err(|error| fault(&self.path, error))?;
        (self.length, self.synced) = (length, length);
        if self.digest.take().is_some() {
            self.keep_digest()?;
        }
        Ok(())
    }

    /// From now on the digest of all that is there is known, which means reading what is there already.
    /// Only where somebody says what it has to be: it is a third of what a download costs.
    pub fn keep_digest(&mut self) -> Result<()> {
        if self.digest.is_none() {
            let read = |file: &mut File| -> io::Result<Context> {
                file.seek(SeekFrom::Start(0))?;
                let mut digest = Context::new(&SHA256);
                let mut buffer = vec![0; 65_536];
                loop {
                    match file.read(&mut buffer)? {
                        0 => return Ok(digest),
                        amount => digest.update(&buffer[..amount]),
                    }
                }
            };
            let digest = read(&mut self.file).map_err(|error| fault(&self.path, error))?;
            self.digest = Some(digest);
        }
        Ok(())
    }

    /// How many bytes are there.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes the whole has, where the server said so.
    pub fn total(&self) -> Option<u64> {
        self.about.total
    }

    /// With what the server can be asked whether the file is still the same.
    pub fn validator(&self) -> Option<&str> {
        self.about.validator.as_deref()
    }

    /// Throws away what is there.
    pub fn begin_anew(&mut self) -> Result<()> {
        (self.about.validator, self.about.total) = (None, None);
        self.shorten(0)
    }

    /// The server gives the whole file from its beginning: what was there before is of no use.
    pub fn take(&mut self, validator: Validator, total: Option<u64>) -> Result<()> {
        self.shorten(0)?;
        (self.about.validator, self.about.total) = (validator.0, total);
        self.write_note()
    }

    /// Writes what came, and now and then waits until it is on the disk.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        // To write more would end a process that has not asked to live on (SIGXFSZ).
        let most = os::largest_file().unwrap_or(u64::MAX);
        if self.length.saturating_add(bytes.len() as u64) > most {
            let what = format!("files of this process may have {most} bytes (RLIMIT_FSIZE)");
            return Err(fault(&self.path, what));
        }
        self.file.write_all(bytes).map_err(|error| fault(&self.path, error))?;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        self.length += bytes.len() as u64;
        let (bytes, time) = SYNC_EVERY;
        if self.length - self.synced >= bytes && self.synced_at.elapsed() >= time {
            self.sync()?;
            self.write_note()?;
        }
        Ok(())
    }

    /// Waits until all that came is on the disk.
    fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|error| fault(&self.path, error))?;
        (self.synced, self.synced_at) = (self.length, Instant::now());
        Ok(())
    }

    /// Checks the whole, and puts it in its place, durably: the bytes, then the rename, then the
    /// directory. `NETWORK` where bytes are missing, which are fetched by the next try.
    /// `DIGEST_MISMATCH` where they are wrong: then all of them go, since nobody knows which.
    pub fn finish(&mut self, wanted: Option<[u8; 32]>, stated: Option<[u8; 32]>) -> Result<()> {
        if self.about.total.is_some_and(|total| total != self.length) {
            let what = format!("{} bytes came of {}", self.length, self.about.total.unwrap_or(0));
            return Err(Error::new(Status::Network, format!("{}: {what}", self.target.display())));
        }
        if wanted.is_some() || stated.is_some() {
            self.keep_digest()?;
        }
        let digest = self.digest.clone().unwrap_or_else(|| Context::new(&SHA256)).finish();
        for (digest_of, whose) in [(wanted, "that was given"), (stated, "that the server names")] {
            if digest_of.is_some_and(|wanted| wanted != digest.as_ref()) {
                self.begin_anew()?;
                let found = to_hex(digest.as_ref());
                let what = format!(
                    "{}: the SHA-256 of what came is {found}, not the one {whose}; it was thrown away",
                    self.target.display()
                );
                return Err(Error::new(Status::DigestMismatch, what));
            }
        }
        self.sync()?;
        check_target(&self.target)?;
        if !is_at(&self.file, &self.path) {
            return Err(fault(&self.path, "was taken away meanwhile"));
        }
        os::replace(&self.path, &self.target).map_err(|e| fault(&self.target, e))?;
        std::fs::remove_file(self.note_path()).ok();
        let directory = self.target.parent().filter(|p| !p.as_os_str().is_empty());
        let made_durable = os::make_names_durable(directory.unwrap_or(Path::new(".")));
        made_durable.map_err(|error| fault(&self.target, error))
    }

    /// Where it is written down what the part is a part of.
    fn note_path(&self) -> PathBuf {
        beside(&self.path, ".json")
    }

    /// Writes down what the part is a part of: to a new file that is renamed, so that it is never
    /// half there.
    fn write_note(&self) -> Result<()> {
        let note = object([
            ("request", (&self.about.request).into()),
            ("validator", self.about.validator.as_ref().into()),
            ("total", self.about.total.into()),
            ("synced", self.synced.into()),
            ("boot", self.about.boot.as_ref().into()),
        ]);
        let path = self.note_path();
        let fresh = beside(&path, ".new");
        std::fs::remove_file(&fresh).ok();
        // Made, never opened: somebody may have put a link in its place.
        File::create_new(&fresh)
            .and_then(|mut file| file.write_all(note.without_nulls().to_json().as_bytes()))
            .and_then(|()| os::replace(&fresh, &path))
            .map_err(|error| fault(&path, error))
    }
}

/// An empty part is of no use to anybody, and is taken away; not one that took its place meanwhile.
impl Drop for Part {
    fn drop(&mut self) {
        if self.length == 0 && is_at(&self.file, &self.path) {
            std::fs::remove_file(&self.path).ok();
            std::fs::remove_file(self.note_path()).ok();
        }
    }
}

/// What is written down beside a part; a link that somebody may have put in its place is not
/// followed.
fn read_note(path: &Path) -> Option<Value> {
    // In bytes: a note has a few hundred, and what is longer is somebody else's file.
    const LONGEST: u64 = 65_536;
    std::fs::symlink_metadata(path).ok().filter(|about| about.is_file())?;
    json::parse(&file::read(path, LONGEST).ok()?).ok()
}

/// A path with something behind its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    PathBuf::from(name)
}

/// A fault of a file of the caller's, by its path.
fn fault(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(Status::File, format!("{}: {what}", path.display()))
}

/// A regular file may be replaced, or nothing; a link or a directory is something else's.
fn check_target(target: &Path) -> Result<()> {
    if target.file_name().is_none() {
        return Err(fault(target, "names no file to download to"));
    }
    match std::fs::symlink_metadata(target) {
        Ok(about) if about.is_file() => Ok(()),
        Ok(about) if about.is_dir() => Err(fault(target, "is a directory; name a file in it")),
        Ok(about) if about.is_symlink() => {
            Err(fault(target, "is a symbolic link; name the file that it leads to"))
        }
        Ok(_) => Err(fault(target, "is not a regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(fault(target, error)),
    }
}

/// Opens or makes the part, and locks it. Follows no link that somebody may have put in its place, and
/// writes to no file that somebody else can change afterwards, or that has another name, too.
fn open_alone(path: &Path) -> Result<File> {
    /// How often a download may end just then.
    const TRIES: u32 = 10;
    for _ in 0..TRIES {
        let file = os::open_or_make(path).map_err(|error| fault(path, error))?;
        let facts = os::facts(&file).map_err(|error| fault(path, error))?;
        if facts.kind != Kind::File {
            return Err(fault(path, "is not a regular file"));
        }
        if !facts.is_mine && is_mine_what_is_made(path) {
            return Err(fault(path, "belongs to another user; remove it"));
        }
        if facts.names > 1 {
            return Err(fault(path, "has another name, too (a hard link); remove it"));
        }
        if !os::try_lock_handle(&file) {
            break;
        }
        // One that ended between the opening and the lock has made the target of it.
        if is_at(&file, path) {
            return Ok(file);
        }
    }
    Err(fault(path, "another download to it is under way"))
}

/// Whether a file that is made beside this one belongs to this user. On a memory card or a share of the
/// network all files may be another's; who owns one says nothing there.
fn is_mine_what_is_made(path: &Path) -> bool {
    let fresh = beside(path, ".new");
    std::fs::remove_file(&fresh).ok();
    let made = File::create_new(&fresh).and_then(|file| os::facts(&file));
    std::fs::remove_file(&fresh).ok();
    made.map_or(true, |facts| facts.is_mine)
}

/// Whether this is the file that the path leads to now.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |file: &File| os::facts(file).map(|facts| facts.identity);
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink());
    let there = os::open_to_read(path).and_then(|there| identity(&there));
    !is_link && there.is_ok_and(|there| identity(file).is_ok_and(|own| own == there))
}

/// What is downloaded is as open to others as the file whose place it takes.
fn keep_permissions(target: &Path, part: &File) {
    if let Ok(old) = std::fs::symlink_metadata(target).map(|about| about.permissions()) {
        // A part that its owner may not write to could not be gone on with.
        if !old.readonly() {
            part.set_permissions(os::as_open_to_others(old)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_became_the_target_is_no_longer_the_part() {
        let directory = std::env::temp_dir().join(format!("keyfob-part-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (target, path) = (directory.join("file"), directory.join("file.part"));
        let ended = open_alone(&path).unwrap();
        assert!(is_at(&ended, &path));
        std::fs::rename(&path, &target).unwrap();
        assert!(!is_at(&ended, &path) && is_at(&ended, &target));
        let next = open_alone(&path).unwrap();
        assert!(!is_at(&ended, &path) && is_at(&next, &path));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
