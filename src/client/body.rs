//! Bodies that are read while they are sent: a file, or a reader of the caller's own.

use crate::error::{Error, Result, Status};
use crate::http::payload::BodySource;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A regular file, opened each time that the request goes out.
pub(super) struct FileBody(PathBuf);

impl FileBody {
    pub fn new(path: &Path) -> Result<FileBody> {
        let body = FileBody(path.to_path_buf());
        body.length()?;
        Ok(body)
    }

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

type Rewind = Box<dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync>;

/// A reader of the caller's own.
pub(super) struct ReaderBody {
    /// What was not read yet.
    unread: Mutex<Option<Box<dyn Read + Send>>>,
    rewind: Option<Rewind>,
    length: Option<u64>,
}

impl ReaderBody {
    pub fn once(from: Box<dyn Read + Send>, length: Option<u64>) -> ReaderBody {
        ReaderBody { unread: Mutex::new(Some(from)), rewind: None, length }
    }

    pub fn rewinding(rewind: Rewind, length: Option<u64>) -> ReaderBody {
        ReaderBody { unread: Mutex::default(), rewind: Some(rewind), length }
    }

    fn take(&self) -> Option<Box<dyn Read + Send>> {
        self.unread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
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
        let unread = self.unread.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.rewind.is_some() || unread.is_some()
    }
}
