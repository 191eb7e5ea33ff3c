//! TLS on a line: rustls turns records into bytes and bytes into records.
//!
//! rustls is used without its own buffers (`UnbufferedClientConnection`). What waits to be read
//! or written stands here, where it can be seen whether anything does, and where it is wiped. No
//! function waits but those that take a [`Call`].

use super::broken::{Broken, Outcome};
use super::buffers::lengthen;
use super::inbox::Inbox;
use super::line::Line;
use super::socket::For;
use crate::support::call::Call;
use rustls::ClientConfig;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError,
    UnbufferedStatus,
};
use std::sync::Arc;
use zeroize::Zeroize;

/// The state of TLS on one line, which is handed to each function.
pub(super) struct Session {
    tls: UnbufferedClientConnection,
    /// Records as they came. rustls decrypts them in place.
    incoming: Inbox,
    /// Records that are to be written, in order.
    outgoing: Vec<u8>,
    /// How many bytes of `outgoing` have been written.
    written: usize,
    /// Whether the other side has said goodbye (`close_notify`, RFC 8446 6.1). Without it, an end
    /// is a cut.
    ended: bool,
}

/// What rustls waits for when all that came has been taken in.
#[derive(PartialEq, Eq)]
enum Readiness {
    /// The other side's next handshake message.
    Handshaking,
    /// Nothing: data may be sent.
    Open,
}

/// What one look at a socket brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// There is data to be read.
    Something,
    /// No data yet: nothing came, or only what TLS itself needs.
    Nothing,
    /// The other side has closed, in good order.
    TheEnd,
}

impl Came {
    /// What a read of a line found: `None` where nothing was there, 0 at the end.
    pub fn of(read: Option<usize>) -> Came {
        match read {
            None => Came::Nothing,
            Some(0) => Came::TheEnd,
            Some(_) => Came::Something,
        }
    }
}

/// Takes decrypted data. It fails where there is no memory for it.
pub(super) type Sink<'a> = dyn FnMut(&[u8]) -> Outcome<()> + 'a;

impl Session {
    /// Shakes hands within the call, and verifies the certificate for `name`.
    ///
    /// In turns: rustls says what it has to say, that is sent, and what the server answers is
    /// given to rustls, until it lets data through. TLS 1.3 takes one round trip, 1.2 two.
    pub fn begin(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        line: &mut dyn Line,
        call: &Call,
    ) -> Outcome<Session> {
        let tls = UnbufferedClientConnection::new(config, name)?;
        let mut session = Session {
            tls,
            incoming: Inbox::default(),
            outgoing: Vec::new(),
            written: 0,
            ended: false,
        };
        let mut early = |_: &[u8]| Ok(());
        while session.process(line, &mut early)? == Readiness::Handshaking {
            while !session.flush(line)? {
                line.wait(For::Room, call)?;
            }
            if session.read(line, Some(call))? == Came::TheEnd {
                return Err(Broken::Ended);
            }
        }
        Ok(session)
    }

    /// Gives rustls the records that are there, until it needs more. Hands the data in them to
    /// `sink`, and puts what rustls itself has to say behind `outgoing`.
    fn process(&mut self, line: &mut dyn Line, sink: &mut Sink<'_>) -> Outcome<Readiness> {
        loop {
            let status = self.tls.process_tls_records(self.incoming.unread_mut());
            let UnbufferedStatus { mut discard, state } = status;
            let mut readiness = None;
            let mut taken = Ok(());
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    let mut length = 0;
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        length = record.payload.len();
                        taken = taken.and_then(|()| sink(record.payload));
                    }
                    drop(traffic);
                    wipe_freed(length);
                }
                Ok(ConnectionState::EncodeTlsData(data)) => {
                    encode_into(&mut self.outgoing, data)?;
                }
                // The record stands in `outgoing` already, and is sent in its turn.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::BlockedHandshake) => readiness = Some(Readiness::Handshaking),
                Ok(ConnectionState::WriteTraffic(_)) => readiness = Some(Readiness::Open),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(ConnectionState::Closed) => readiness = Some(Readiness::Open),
                Ok(_) => return Err(Broken::Malformed("a TLS state that is not known")),
                Err(error) => {
                    self.say_why(line);
                    return Err(error.into());
                }
            }
            self.incoming.take(discard);
            taken?;
            if let Some(readiness) = readiness {
                return Ok(readiness);
            }
        }
    }

    /// Sends the alert that tells the server what is wrong, as far as that takes no waiting. It
    /// is all that rustls has left to say after an error.
    fn say_why(&mut self, line: &mut dyn Line) {
        let status = self.tls.process_tls_records(self.incoming.unread_mut());
        if let Ok(ConnectionState::EncodeTlsData(data)) = status.state {
            if encode_into(&mut self.outgoing, data).is_ok() {
                self.flush(line).ok();
            }
        }
    }

    /// Reads the records that are there, as far as there is room. An end without goodbye is
    /// [`Broken::Cut`].
    fn read(&mut self, line: &mut dyn Line, wait: Option<&Call>) -> Outcome<Came> {
        match self.incoming.fill(|room| line.read(room, wait))? {
            None => Ok(Came::Nothing),
            Some(0) if self.ended => Ok(Came::TheEnd),
            Some(0) => Err(Broken::Cut),
            Some(_) => Ok(Came::Something),
        }
    }

    /// Takes in what came, and hands the data in it to `sink`. With a call it waits a slice of it for
    /// something to come.
    pub fn look(
        &mut self,
        line: &mut dyn Line,
        wait: Option<&Call>,
        sink: &mut Sink<'_>,
    ) -> Outcome<Came> {
        if self.ended {
            return Ok(Came::TheEnd);
        }
        // A connection that cannot be written to any more may still have an alert to read, which
        // says why.
        let flushed = self.flush(line);
        if self.read(line, wait)? == Came::Nothing {
            return flushed.map(|_| Came::Nothing);
        }
        let mut some = false;
        self.process(line, &mut |bytes| {
            some |= !bytes.is_empty();
            sink(bytes)
        })?;
        match (some, self.ended) {
            (true, _) => Ok(Came::Something),
            (false, true) => Ok(Came::TheEnd),
            (false, false) => Ok(Came::Nothing),
        }
    }

    /// Encrypts a part of the data and sends what there is room for. Gives how much was taken
    /// over; 0 where the last part is still waiting to be sent.
    pub fn put(&mut self, line: &mut dyn Line, data: &[u8], sink: &mut Sink<'_>) -> Outcome<usize> {
        /// The most data that is encrypted at once, in bytes. Four full records: few writes, and
        /// not much memory.
        const AT_ONCE: usize = 4 * 16_384;
        if !self.flush(line)? {
            return Ok(0);
        }
        // What came meanwhile is looked at first: it may be an alert, or new keys.
        self.process(line, sink)?;
        let data = &data[..data.len().min(AT_ONCE)];
        let room = data.len() + 1024;
        let status = self.tls.process_tls_records(self.incoming.unread_mut());
        let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state else {
            return Err(Broken::Malformed("TLS does not take data any more"));
        };
        write_into(&mut self.outgoing, room, |room| match traffic.encrypt(data, room) {
            Ok(written) => Ok(written),
            Err(EncryptError::InsufficientSize(needed)) => Err(needed),
            Err(EncryptError::EncryptExhausted) => Ok(0),
        })?;
        if self.outgoing.is_empty() {
            return Err(Broken::Malformed("TLS has no keys left"));
        }
        self.flush(line)?;
        Ok(data.len())
    }

    /// Writes what waits, as far as there is room; says whether that is all of it now.
    pub fn flush(&mut self, line: &mut dyn Line) -> Outcome<bool> {
        while self.written < self.outgoing.len() {
            match line.write(&self.outgoing[self.written..])? {
                0 => return Ok(false),
                amount => self.written += amount,
            }
        }
        self.outgoing.clear();
        self.written = 0;
        line.flush()
    }

    /// Whether the next look will find something, most likely, also without waiting for it.
    pub fn flows(&self) -> bool {
        self.ended || self.incoming.wants_more
    }

    /// Whether nothing waits to be read or written, not even half a record, and the other side
    /// has not said goodbye: only then can the connection carry another request.
    pub fn is_settled(&self) -> bool {
        self.incoming.is_empty() && self.outgoing.is_empty() && !self.ended
    }

    /// Gives back the memory that an idle connection does not need.
    pub fn release(&mut self) {
        self.incoming.release();
        self.outgoing = Vec::new();
    }
}

/// Appends a handshake message or an alert of rustls' own.
fn encode_into(
    bytes: &mut Vec<u8>,
    mut data: EncodeTlsData<'_, ClientConnectionData>,
) -> Outcome<()> {
    write_into(bytes, 0, |room| match data.encode(room) {
        Err(EncodeError::InsufficientSize(needed)) => Err(needed),
        other => Ok(other.unwrap_or(0)),
    })
}

/// Lets `encode` write behind the end of a vector, into `room` bytes. It says how much it wrote,
/// or how much room it needs; it is asked twice at most.
fn write_into(
    bytes: &mut Vec<u8>,
    room: usize,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, InsufficientSizeError>,
) -> Outcome<()> {
    let end = bytes.len();
    let mut room = room;
    for _ in 0..2 {
        bytes.try_reserve(room).map_err(|_| Broken::NoMemory(room))?;
        lengthen(bytes, end + room);
        match encode(&mut bytes[end..]) {
            Ok(written) => {
                bytes.truncate(end + written);
                return Ok(());
            }
            Err(InsufficientSizeError { required_size }) => room = required_size,
        }
    }
    bytes.truncate(end);
    Err(Broken::Malformed("TLS needs more room than it says"))
}

/// Wipes what rustls has left of decrypted data.
///
/// rustls copies what it has decrypted into a block of that size, and frees it without wiping.
/// Allocators that are asked at once for the same size give out the same block again: it is wiped
/// this time. A best effort.
fn wipe_freed(size: usize) {
    /// In bytes. A token's answer is no longer than a record or two; data that is not secret
    /// comes in full records.
    const SMALL: usize = 16_000;
    if size < SMALL {
        Vec::<u8>::with_capacity(size).zeroize();
    }
}
