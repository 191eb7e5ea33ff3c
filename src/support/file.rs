//! Files that the user names: secrets, certificates, profiles. One place reads them all.
//!
//! Only a regular file is read, and no more of it than its kind can need: a FIFO would wait for a
//! writer for ever, and a device would never end. Whatever is read may be a secret, so it stands
//! in memory that is wiped. The store's own files are not read here; `store/file.rs` is stricter
//! with them.

use crate::support::os;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// The largest file, in bytes, with one value in it: a secret, a key, a profile, options.
pub(crate) const VALUE: u64 = 1 << 20;

/// The largest file, in bytes, with any number of certificates. A system's whole bundle has about
/// 250 kB.
pub(crate) const BUNDLE: u64 = 16 << 20;

/// Why a file cannot be read: its path, and the reason in words that fit after "path: ". Never
/// what is in it.
#[derive(Debug)]
pub(crate) struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a file of at most `most` bytes. A link to a regular file is followed.
pub(crate) fn read(path: impl AsRef<Path>, most: u64) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let path = path.as_ref();
    let unreadable = |why: &str| Unreadable(format!("{}: {why}", path.display()));
    contents(path, most).map_err(|fault| match fault {
        Refusal::NoFile => unreadable("is not a regular file"),
        Refusal::TooLarge => unreadable(&format!("is larger than {} MiB", most >> 20)),
        Refusal::Io(error) => unreadable(&in_words(&error)),
    })
}

/// Reads a file of UTF-8 text of at most `most` bytes. Editors on Windows put a byte order mark
/// before a text; it is left out.
pub(crate) fn read_text(
    path: impl AsRef<Path>,
    most: u64,
) -> Result<Zeroizing<String>, Unreadable> {
    let path = path.as_ref();
    let mut bytes = read(path, most)?;
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Unreadable(format!("{}: is not UTF-8 text", path.display())))
        }
    }
}

/// What went wrong with a file, as people say it: the system's own words end in an error number.
pub(crate) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".into(),
        ErrorKind::NotADirectory => "no such file: a part of the path is not a directory".into(),
        ErrorKind::IsADirectory => "is a directory, not a file".into(),
        kind => kind.to_string(),
    }
}

/// Why a file was not read, before there are words for it.
enum Refusal {
    /// A directory, a device, a FIFO or a socket.
    NoFile,
    TooLarge,
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Io(error)
    }
}

/// The bytes of a regular file. The kind is asked twice: before the file is opened, and of what
/// was opened, since somebody may have replaced it in between.
fn contents(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    // Asked before it is opened as well: to open a device may already have an effect.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Refusal::NoFile);
    }
    let file = os::open_to_read(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(Refusal::NoFile);
    }
    if meta.len() > most {
        return Err(Refusal::TooLarge);
    }
    // Large enough from the beginning: growing would leave copies of a secret behind. A file of /proc
    // says that it is empty, and is not.
    let mut bytes = Zeroizing::new(Vec::with_capacity(meta.len().max(4096) as usize + 1));
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(Refusal::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_fair_size_are_read() {
        let name = format!("keyfob-file-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, b"\xEF\xBB\xBFword\n").unwrap();
        assert_eq!(*read_text(&path, 100).unwrap(), "word\n");
        assert_eq!(read(&path, 8).unwrap().len(), 8);
        let why = |path: &Path, most| read_text(path, most).unwrap_err().to_string();
        let shown = path.display().to_string();
        assert_eq!(why(&path, 7), format!("{shown}: is larger than 0 MiB"));
        std::fs::write(&path, b"\xFF").unwrap();
        assert_eq!(why(&path, 100), format!("{shown}: is not UTF-8 text"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(why(&path, 100), format!("{shown}: no such file"));
        #[cfg(unix)]
        {
            assert_eq!(why(Path::new("/dev/zero"), 100), "/dev/zero: is not a regular file");
            assert_eq!(why(Path::new("/"), 100), "/: is not a regular file");
            assert!(why(Path::new("/dev/null/x"), 100).starts_with("/dev/null/x: no such file"));
        }
    }
}
