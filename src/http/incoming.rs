//! The body of an answer, read as it comes: each read waits for the next bytes, at most as long as a
//! silence may last, and never past the end of the transfer's own time.

use super::explain::explain;
use super::in_flight::{self, InFlight};
use super::message::Outgoing;
use super::payload::Payload;
use crate::error::{Error, Result, Status};
use crate::support::call::Call;
use std::io::Read;
use std::time::{Duration, Instant};

/// How long a body may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// The longest silence (`idle_timeout_ms`).
    pub idle: Duration,
    /// When all of it must be there, and after how long that was (`transfer_timeout_ms`).
    pub end: Option<(Instant, Duration)>,
}

/// A body whose head was read. Dropped before its end, it closes its connection.
pub(crate) struct Incoming {
    body: ureq::BodyReader<'static>,
    /// The call that asked: whoever cancels it ends the body, too.
    call: Call,
    connect_timeout: Duration,
    limits: BodyLimits,
    /// The request, for messages.
    request: Outgoing,
    /// What the head said that there will be, if it did.
    pub announced: Option<u64>,
    came: u64,
}

impl Incoming {
    pub(super) fn new(
        body: ureq::Body,
        request: &Outgoing,
        call: &Call,
        connect_timeout: Duration,
        limits: BodyLimits,
    ) -> Incoming {
        let announced = body.content_length();
        let request = Outgoing { body: Payload::None, headers: Vec::new(), ..request.clone() };
        let body = body.into_with_config().limit(u64::MAX).reader();
        Incoming { body, call: call.clone(), connect_timeout, limits, request, announced, came: 0 }
    }

    /// Reads the next bytes; 0 at the end of the body.
    ///
    /// # Errors
    /// `NETWORK` where the body is cut: what came before is then not the whole of it. `TIMEOUT`,
    /// which says whether it was a silence or the whole that took too long. `CANCELLED`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let left = self.limits.end.map(|(end, _)| end.saturating_duration_since(Instant::now()));
        let call =
            self.call.again(left.map_or(self.limits.idle, |left| left.min(self.limits.idle)));
        let in_flight = InFlight {
            call: call.clone(),
            connect_timeout: self.connect_timeout,
            sent: true,
            keep: false,
            pending: None,
        };
        let (read, _) = in_flight::in_flight(in_flight, || self.read_within(buffer, &call));
        read.map_err(|error| self.in_words(error))
    }

    /// The same as part of a call that is under way already.
    pub(super) fn read_within(&mut self, buffer: &mut [u8], call: &Call) -> Result<usize> {
        loop {
            match self.body.read(buffer) {
                Ok(amount) => {
                    self.came += amount as u64;
                    return Ok(amount);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(explain(error.into(), &self.request, call, self.connect_timeout));
                }
            }
        }
    }

    /// Reads what little is left of a body that nobody wants, so that its connection can be used
    /// again; a large one is given up with its connection.
    pub fn settle(mut self) {
        const LITTLE: u64 = 16_384;
        let mut buffer = [0; 4096];
        if self.announced.is_some_and(|length| length <= LITTLE) {
            while self.came <= LITTLE && self.read(&mut buffer).is_ok_and(|amount| amount > 0) {}
        }
    }

    /// Which limit it was, and how far the body had come.
    fn in_words(&self, error: Error) -> Error {
        let at = format!("{} {}", self.request.method, self.request.shown);
        let of = self.announced.map_or(String::new(), |length| format!(" of {length}"));
        let had_come = format!("{}{of} bytes of the body had come", self.came);
        match error.status() {
            Status::Timeout => {
                let over = self.limits.end.filter(|(end, _)| *end <= Instant::now());
                let which = match over {
                    Some((_, all)) => format!(
                        "the body was not whole within {} ms (transfer_timeout_ms)",
                        all.as_millis()
                    ),
                    None => format!(
                        "nothing more came for {} ms (idle_timeout_ms)",
                        self.limits.idle.as_millis()
                    ),
                };
                Error::new(Status::Timeout, format!("{at}: {which}; {had_come}"))
            }
            Status::Network => {
                Error::new(Status::Network, format!("{}; {had_come}", error.message()))
            }
            _ => error,
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Incoming({} of {:?} bytes)", self.came, self.announced)
    }
}
