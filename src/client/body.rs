//! Bodies that are read while they are sent: a file, or a reader of the caller's own.
//!
//! A request may have to be sent again: with a newer token, or after a broken connection. A body
//! that is read on its way can follow only if it can begin anew. A file always can; a reader only
//! with a function that winds it back, or while nothing was read of it.

use crate::error::{Error, Result, Status};
use crate::http::payload::BodySource;
use crate::support::sync::locked;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A regular file, opened each time that the request goes out. No descriptor is held meanwhile, and
/// a file that was replaced is sent as it is now.
pub(super) struct FileBody(PathBuf);

impl FileBody {
    /// `FILE` where there is no such file, or it is not a regular one: a pipe has no length and no
    /// beginning.
    pub fn new(path: &Path) -> Result<FileBody> {
        let body = FileBody(path.to_path_buf());
        body.length()?;
        Ok(body)
    }

    /// A fault of this file, by its path.
    fn fault(&self, what: impl std::fmt::Display) -> Error {
        Error::new(Status::File, format!("the body {}: {what}", self.0.display()))
    }
}

impl BodySource for FileBody {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(&self.0).map_err(|error| self.fault(error))?))
    }

    fn length(&self) -> Result<Option<u64>> {
        let about = std::fs::metadata(&self.0).map_err(|error| self.fault(error))?;
        if !about.is_file() {
            return Err(self.fault("is not a regular file"));
        }
        Ok(Some(about.len()))
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

/// The caller's way back to the beginning of a body.
type Rewind = Box<dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync>;

/// A reader of the caller's own. The lock is held only while the reader is taken out, never while
/// it reads.
pub(super) struct ReaderBody {
    /// The one reader there is, until it is sent; `None` after that, and where `rewind` makes
    /// readers.
    unread: Mutex<Option<Box<dyn Read + Send>>>,
    /// Makes a reader from the beginning, as often as the request is sent.
    rewind: Option<Rewind>,
    /// In bytes. `None`: not known, so the body goes in chunks.
    length: Option<u64>,
}

impl ReaderBody {
    /// For a reader that cannot be wound back.
    pub fn once(from: Box<dyn Read + Send>, length: Option<u64>) -> ReaderBody {
        ReaderBody { unread: Mutex::new(Some(from)), rewind: None, length }
    }

    /// For what can be read again.
    pub fn rewinding(rewind: Rewind, length: Option<u64>) -> ReaderBody {
        ReaderBody { unread: Mutex::default(), rewind: Some(rewind), length }
    }

    /// The reader, for the one time that it can be sent.
    fn take(&self) -> Option<Box<dyn Read + Send>> {
        locked(&self.unread).take()
    }
}

impl BodySource for ReaderBody {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        match &self.rewind {
            Some(rewind) => rewind().map_err(|error| {
                let what = format!("the request's body cannot be wound back: {error}");
                Error::new(Status::InvalidArgument, what)
            }),
            None => self.take().ok_or_else(|| {
                let what = "the request has to be sent again, but its body was read and cannot be wound back; give it a rewind function, a file, or bytes";
                Error::new(Status::BodyNotRepeatable, what)
            }),
        }
    }

    fn length(&self) -> Result<Option<u64>> {
        Ok(self.length)
    }

    fn is_repeatable(&self) -> bool {
        let unread = locked(&self.unread);
        self.rewind.is_some() || unread.is_some()
    }
}
