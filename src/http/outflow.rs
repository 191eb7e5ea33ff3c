//! A body on its way out: read from its source as far as it was said to go, within the call's
//! time.
//!
//! The source is the caller's: a file that may shrink, a function that may be slow or give too
//! much. A wrong length on the wire would be taken for the beginning of another request (request
//! smuggling), so more than was said is not read, and less is an error that closes the
//! connection.

use super::broken::Broken;
use super::in_flight;
use crate::error::{Error, Status};
use std::io::{self, Read};

/// A source while it is sent. It must give as many bytes as it said; more are not read.
pub(super) struct Outflow {
    from: Box<dyn Read + Send>,
    /// How many bytes are still to come; `None` where no length was said, and the body goes in
    /// chunks.
    left: Option<u64>,
}

impl Outflow {
    /// `length` is what the head of the request announces.
    pub fn new(from: Box<dyn Read + Send>, length: Option<u64>) -> Outflow {
        Outflow { from, left: length }
    }

    /// Reads what there is to send. Fails with the status `File` where the source fails or ends
    /// too soon.
    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let unreadable = |what: String| {
            let error = Error::new(Status::File, format!("the request's body {what}"));
            io::Error::from(Broken::Unsendable(error))
        };
        match (self.from.read(buffer), self.left) {
            (Ok(0), Some(left)) => Err(unreadable(format!("ended {left} bytes before its length"))),
            (Err(error), _) if error.kind() != io::ErrorKind::Interrupted => {
                Err(unreadable(format!("cannot be read: {error}")))
            }
            (outcome, _) => outcome,
        }
    }
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
        let flight = in_flight::with_in_flight(|flight| {
            (flight.answered_early, flight.call.remaining().is_err())
        });
        let came = match flight {
            // The server has answered and reads no more. What would have been sent is not read
            // either, but ureq goes on to the answer only when it has been given all of it.
            Some((true, _)) => self.left.map_or(0, |_| most),
            Some((false, true)) => return Err(Broken::Over.into()),
            _ => self.read_on(&mut buffer[..most])?,
        };
        self.left = self.left.map(|left| left - came as u64);
        Ok(came)
    }
}
