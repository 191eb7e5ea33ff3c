//! The body of an answer, read as it comes: each read waits for the next bytes, at most as long
//! as a silence may last, and never past the end of the transfer's own time.
//!
//! The call's deadline does not bound it. It ends with the head of the answer, and a download may
//! take hours.
//!
//! ```text
//! Content-Length   from the connection into the caller's buffer: there is nothing to take apart
//! anything else    by way of ureq: chunks, a body that ends with its connection, answers to tokens
//! ```

use super::broken::{Broken, Outcome};
use super::conversation::Conversation;
use super::gzip::Gunzip;
use super::in_flight::{self, InFlight};
use crate::error::{Error, Result, Status};
use crate::support::call::Call;
use crate::support::os::{Process, this_process};
use std::io::Read;
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

/// Puts what broke into words.
pub(super) type Explain = Box<dyn Fn(Broken, &Call) -> Error + Send + Sync>;

/// What becomes of a conversation whose body was read to its end: its connection goes to the
/// pool.
pub(super) type GiveBack = Box<dyn FnOnce(Conversation) + Send + Sync>;

/// Where a body is read from.
enum Source {
    /// From ureq, which finds its end.
    Framed(ureq::BodyReader<'static>),
    /// From its conversation, as many bytes as the head says. `conversation` is there until it was
    /// handed back.
    Counted { conversation: Option<Conversation>, left: u64, stays: bool },
    /// From nowhere any more: it broke, which was told.
    Lost,
}

/// A body whose head was read. Dropped before its end, it closes its connection, since the rest
/// is unread.
pub(crate) struct Incoming {
    body: Source,
    /// Unpacks it, where it is packed and that was asked for.
    gunzip: Option<Box<Gunzip>>,
    /// For one that is read after its call has ended.
    apart: Option<Box<Apart>>,
    /// How many bytes the head of the answer says that there will be. `None` too for a packed body:
    /// nobody says how many it will be unpacked.
    pub announced: Option<u64>,
    /// How many bytes have come.
    came: u64,
}

/// What a body needs that is read outside of the call that opened it.
pub(super) struct Apart {
    /// The call that asked: whoever cancels it ends the body, too.
    pub call: Call,
    /// Whose connection it is: what a forked child read of it, its parent would miss.
    pub process: Process,
    /// For each read.
    pub limits: BodyLimits,
    /// `GET https://…`, which messages begin with. Without the query.
    pub at: String,
    /// Puts what broke into words.
    pub explain: Explain,
    /// Until the end of the body.
    pub give_back: Option<GiveBack>,
}

impl Incoming {
    /// A body that is read within its call. `stays`: whether the connection may go on after it;
    /// `None` leaves that, and all else of the framing, to ureq.
    pub(super) fn new(body: ureq::Body, stays: Option<bool>) -> Incoming {
        let announced = body.content_length();
        let body = match (stays, announced) {
            (Some(stays), Some(left)) => {
                // ureq's wire gives its conversation to the call when it is dropped.
                drop(body);
                let left_by_ureq = in_flight::with_in_flight(|flight| flight.conversation.take());
                Source::Counted { conversation: left_by_ureq.flatten(), left, stays }
            }
            _ => Source::Framed(body.into_with_config().limit(u64::MAX).reader()),
        };
        Incoming { body, gunzip: None, apart: None, announced, came: 0 }
    }

    /// One that is read after its call has ended.
    pub(super) fn apart(self, apart: Apart) -> Box<Incoming> {
        Box::new(Incoming { apart: Some(Box::new(apart)), ..self })
    }

    /// Reads the body unpacked from now on: it is gzip.
    pub(super) fn unpack(&mut self) {
        (self.gunzip, self.announced) = (Some(Box::new(Gunzip::new())), None);
    }

    /// Reads the next bytes; 0 at the end of the body. Without `waits` it reads what is there.
    ///
    /// # Errors
    /// `WOULD_BLOCK` where nothing is there; and for a packed body, which may unpack to nothing for long.
    /// `NETWORK` where the body is cut: what came before is then not the whole of it. `TIMEOUT`,
    /// which says whether it was a silence or the whole that took too long. `CANCELLED`.
    /// `INVALID_ARGUMENT` in a child that was forked since: the connection is its parent's.
    pub fn read(&mut self, buffer: &mut [u8], waits: bool) -> Result<usize> {
        let Some(mut apart) = self.apart.take() else {
            return Err(Error::new(Status::Network, "the body is read after its call"));
        };
        let read = self.read_apart(&mut apart, buffer, waits);
        self.apart = Some(apart);
        read
    }

    fn read_apart(&mut self, apart: &mut Apart, buffer: &mut [u8], waits: bool) -> Result<usize> {
        if apart.process != this_process() {
            let what = format!(
                "{}: the answer is that of the process before the fork; ask again",
                apart.at
            );
            return Err(Error::new(Status::InvalidArgument, what));
        }
        let not_yet = || Error::new(Status::WouldBlock, "no more of the body has come yet");
        if !waits && self.gunzip.is_some() {
            return Err(not_yet());
        }
        let limits = &apart.limits;
        let left = limits.end.map(|(end, _)| end.saturating_duration_since(Instant::now()));
        // What does not wait hears no silence, however long this thread is kept from running.
        let silence = if waits { limits.idle } else { Duration::MAX };
        let call = apart.call.again(left.map_or(silence, |left| left.min(silence)));
        let (read, left) =
            in_flight::in_flight(InFlight { waits, ..InFlight::of(&call, None) }, || {
                self.read_within(buffer)
            });
        if let (Ok(0), Some(conversation)) = (&read, left) {
            if let Some(give_back) = apart.give_back.take() {
                give_back(conversation);
            }
        }
        match read {
            Err(Broken::Over) if !waits && call.remaining().is_ok() => Err(not_yet()),
            read => read.map_err(|broken| self.in_words((apart.explain)(broken, &call), apart)),
        }
    }

    /// Reads the next bytes as part of a call that is in flight already, and within its limits
    /// alone.
    ///
    /// What broke it is told once. From then on it is cut: ureq would say next that it has ended, and what
    /// is behind a damaged place in a packed one might be taken for its end, too.
    pub(super) fn read_within(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        let Incoming { body, gunzip, came, .. } = self;
        let mut more = |buffer: &mut [u8]| next(body, came, buffer);
        let read = match gunzip {
            None => more(buffer),
            // A server that sends and sends what unpacks to nothing keeps nobody beyond the limits.
            Some(gunzip) => gunzip.read(buffer, |buffer| match in_flight::call() {
                Some(call) if call.remaining().is_err() => Err(Broken::Over),
                _ => more(buffer),
            }),
        };
        if matches!(&read, Err(broken) if !matches!(broken, Broken::Over)) {
            (self.body, self.gunzip) = (Source::Lost, None);
        }
        read
    }

    /// Ends a body that nobody wants. One that is announced with at most 16 KiB is read to its
    /// end, so that its connection can be used again; any other is given up with its connection.
    pub fn settle(mut self) {
        /// In bytes. To read this much is quicker than to make a new connection.
        const LITTLE: u64 = 16_384;
        let mut buffer = [0; 4096];
        if self.announced.is_some_and(|length| length <= LITTLE) {
            while self.came <= LITTLE && self.read(&mut buffer, true).is_ok_and(|amount| amount > 0)
            {
            }
        }
    }

    /// How far the body has come, in words.
    pub(super) fn had_come(&self) -> String {
        let of = self.announced.map_or(String::new(), |length| format!(" of {length}"));
        format!("{}{of} bytes of the body had come", self.came)
    }

    /// The error with which limit it was, and how far the body had come.
    fn in_words(&self, error: Error, apart: &Apart) -> Error {
        let Apart { at, limits, .. } = apart;
        let had_come = self.had_come();
        match error.status() {
            Status::Timeout => {
                let over = limits.end.filter(|(end, _)| *end <= Instant::now());
                let which = match over {
                    Some((_, all)) => format!(
                        "the body was not whole within {} ms (transfer_timeout_ms)",
                        all.as_millis()
                    ),
                    None => format!(
                        "nothing more came for {} ms (idle_timeout_ms)",
                        limits.idle.as_millis()
                    ),
                };
                Error::new(Status::Timeout, format!("{at}: {which}; {had_come}"))
            }
            Status::Network | Status::MalformedAnswer => error.and(&had_come),
            _ => error,
        }
    }
}

/// The next bytes as they came; 0 at the end. Counts them.
fn next(body: &mut Source, came: &mut u64, buffer: &mut [u8]) -> Outcome<usize> {
    let amount = match body {
        Source::Framed(body) => framed(body, buffer)?,
        Source::Counted { conversation, left, stays } => {
            counted(conversation, left, *stays, buffer)?
        }
        Source::Lost => return Err(Broken::Ended),
    };
    *came += amount as u64;
    Ok(amount)
}

fn framed(body: &mut ureq::BodyReader<'static>, buffer: &mut [u8]) -> Outcome<usize> {
    loop {
        in_flight::with_in_flight(|flight| flight.around = 0);
        match body.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            outcome => return Ok(outcome?),
        }
    }
}

/// At the end the conversation goes back to the call in flight, as ureq's wire gives it.
fn counted(
    conversation: &mut Option<Conversation>,
    left: &mut u64,
    stays: bool,
    buffer: &mut [u8],
) -> Outcome<usize> {
    if *left == 0 {
        if let Some(mut over) = conversation.take() {
            over.is_over = stays;
            in_flight::with_in_flight(|flight| flight.conversation = Some(over));
        }
        return Ok(0);
    }
    let call = in_flight::call().ok_or(Broken::Over)?;
    let connection = &mut conversation.as_mut().ok_or(Broken::Ended)?.connection;
    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    match connection.receive(&mut buffer[..most], &call, in_flight::waits())? {
        0 => Err(Broken::Ended),
        amount => {
            *left -= amount as u64;
            Ok(amount)
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Incoming({} bytes so far)", self.came)
    }
}
