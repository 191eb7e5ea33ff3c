//! The body of an answer, read as it comes: each read waits for the next bytes, at most as long
//! as a silence may last, and never past the end of the transfer's own time.
//!
//! The call's deadline does not bound it. It ends with the head of the answer, and a download may
//! take hours.

use super::broken::{Broken, Outcome};
use super::conversation::Conversation;
use super::gzip::Gunzip;
use super::in_flight::{self, InFlight};
use crate::error::{Error, Result, Status};
use crate::support::call::Call;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a body may take, besides the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// The longest silence (`idle_timeout_ms`).
    pub idle: Duration,
    /// When all of it must be there, and how long after its beginning that is
    /// (`transfer_timeout_ms`). `None`: no limit.
    pub end: Option<(Instant, Duration)>,
}

/// What becomes of a conversation whose body was read to its end: its connection goes to the
/// pool.
pub(super) type GiveBack = Box<dyn FnOnce(Conversation) + Send + Sync>;

/// A body whose head was read. Dropped before its end, it closes its connection, since the rest
/// is unread.
pub(crate) struct Incoming {
    body: ureq::BodyReader<'static>,
    /// Unpacks it, where it is packed and that was asked for.
    gunzip: Option<Gunzip>,
    /// The call that asked: whoever cancels it ends the body, too.
    call: Call,
    /// For each read.
    limits: BodyLimits,
    /// `GET https://…`, which messages begin with. Without the query.
    at: String,
    /// Puts what broke into words.
    explain: Arc<dyn Fn(Broken, &Call) -> Error + Send + Sync>,
    give_back: Option<GiveBack>,
    /// How many bytes the head of the answer says that there will be. `None` too for a packed body:
    /// nobody says how many it will be unpacked.
    pub announced: Option<u64>,
    /// How many bytes have come.
    came: u64,
}

impl Incoming {
    pub(super) fn new(
        body: ureq::Body,
        call: &Call,
        limits: BodyLimits,
        at: String,
        explain: Arc<dyn Fn(Broken, &Call) -> Error + Send + Sync>,
    ) -> Incoming {
        let announced = body.content_length();
        let body = body.into_with_config().limit(u64::MAX).reader();
        let (call, give_back, gunzip) = (call.clone(), None, None);
        Incoming { body, gunzip, call, limits, at, explain, give_back, announced, came: 0 }
    }

    /// Reads the body unpacked from now on: it is gzip.
    pub(super) fn unpack(&mut self) {
        (self.gunzip, self.announced) = (Some(Gunzip::new()), None);
    }

    /// Says what becomes of the connection when the body has been read to its end.
    pub(super) fn at_the_end(&mut self, give_back: GiveBack) {
        self.give_back = Some(give_back);
    }

    /// Reads the next bytes; 0 at the end of the body.
    ///
    /// # Errors
    /// `NETWORK` where the body is cut: what came before is then not the whole of it. `TIMEOUT`,
    /// which says whether it was a silence or the whole that took too long. `CANCELLED`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let left = self.limits.end.map(|(end, _)| end.saturating_duration_since(Instant::now()));
        let idle = left.map_or(self.limits.idle, |left| left.min(self.limits.idle));
        let call = self.call.again(idle);
        let (read, left) =
            in_flight::in_flight(InFlight::of(&call, None), || self.read_within(buffer));
        if let (Ok(0), Some(conversation)) = (&read, left) {
            if let Some(give_back) = self.give_back.take() {
                give_back(conversation);
            }
        }
        read.map_err(|broken| self.in_words((self.explain)(broken, &call)))
    }

    /// Reads the next bytes as part of a call that is in flight already, and within its limits
    /// alone.
    pub(super) fn read_within(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        let Incoming { body, gunzip, came, .. } = self;
        let mut more = |buffer: &mut [u8]| next(body, came, buffer);
        match gunzip {
            None => more(buffer),
            // A server that sends and sends what unpacks to nothing keeps nobody beyond the limits.
            Some(gunzip) => gunzip.read(buffer, |buffer| match in_flight::call() {
                Some(call) if call.remaining().is_err() => Err(Broken::Over),
                _ => more(buffer),
            }),
        }
    }

    /// Ends a body that nobody wants. One that is announced with at most 16 KiB is read to its
    /// end, so that its connection can be used again; any other is given up with its connection.
    pub fn settle(mut self) {
        /// In bytes. To read this much is quicker than to make a new connection.
        const LITTLE: u64 = 16_384;
        let mut buffer = [0; 4096];
        if self.announced.is_some_and(|length| length <= LITTLE) {
            while self.came <= LITTLE && self.read(&mut buffer).is_ok_and(|amount| amount > 0) {}
        }
    }

    /// The error with which limit it was, and how far the body had come.
    fn in_words(&self, error: Error) -> Error {
        let at = &self.at;
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

/// The next bytes as they came; 0 at the end. Counts them.
fn next(body: &mut ureq::BodyReader<'static>, came: &mut u64, buffer: &mut [u8]) -> Outcome<usize> {
    loop {
        in_flight::with_in_flight(|flight| flight.around = 0);
        match body.read(buffer) {
            Ok(amount) => {
                *came += amount as u64;
                return Ok(amount);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Incoming({} of {:?} bytes)", self.came, self.announced)
    }
}
