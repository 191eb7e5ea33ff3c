//! A body on its way out: read from its source as far as it was said to go, within the call's time.

use super::in_flight;
use super::payload::SourceFailed;
use crate::error::{Error, Status};
use std::io::{self, Read};

/// A source while it is sent: it must give as many bytes as it said, and no more of it are read.
pub(super) struct Outflow {
    from: Box<dyn Read + Send>,
    /// How many bytes are still to come, where that is known.
    left: Option<u64>,
}

impl Outflow {
    pub fn new(from: Box<dyn Read + Send>, length: Option<u64>) -> Outflow {
        Outflow { from, left: length }
    }
}

fn unreadable(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted {
        return error;
    }
    let error = Error::new(Status::File, format!("the request's body cannot be read: {error}"));
    io::Error::other(SourceFailed(error))
}

fn too_short(left: u64) -> io::Error {
    let what = format!("the request's body ended {left} bytes before its length");
    io::Error::other(SourceFailed(Error::new(Status::File, what)))
}

impl Read for Outflow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more would be taken for the next request.
        if self.left == Some(0) {
            return Ok(0);
        }
        let most = self.left.map_or(buffer.len(), |left| {
            usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len())
        });
        // The caller's reader may take its time; the call's limit is looked at in between.
        if let Some(Err(over)) = in_flight::with_in_flight(|flight| flight.call.remaining()) {
            return Err(io::Error::other(SourceFailed(over)));
        }
        let came = self.from.read(&mut buffer[..most]).map_err(unreadable)?;
        if let Some(left) = self.left.filter(|_| came == 0) {
            return Err(too_short(left));
        }
        self.left = self.left.map(|left| left - came as u64);
        Ok(came)
    }
}
