//! What ureq reads from and writes to: a conversation's connection. ureq speaks HTTP; which
//! connection that goes over, and what becomes of it afterwards, is decided here and in the pool.
//!
//! ureq's `Transport` trait expects one wire a connection and one reader for its life. Here a
//! wire lives for one exchange: it takes the conversation of the call in flight, and gives it
//! back when ureq drops the wire. A later call makes another wire over the same conversation, and
//! that one skips what was sent and reads again what has come:
//!
//! ```text
//! call 1   ureq writes 900 bytes, 600 are sent, its time is over      put = 600
//! call 2   ureq writes the same 900 bytes, 600 are dropped, 300 sent  put = 900
//!          half of the answer comes, its time is over                 came = 512 bytes
//! call 3   ureq writes 900 bytes, all are dropped; reads 512 bytes from `came`, then the rest
//! ```
//!
//! That holds because a request is written alike each time: the same `Outgoing`, and a body from
//! memory.

use super::broken::Broken;
use super::buffers::lengthen;
use super::conversation::{Conversation, WITHOUT_END};
use super::head::{take_fields, unfold};
use super::in_flight;
use super::session::Came;
use super::socket::For;
use crate::support::call::Call;
use crate::support::wipe::wipe;
use std::rc::Rc;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Timeout};

/// Gives ureq a wire over the conversation of the call in flight.
#[derive(Debug)]
pub(super) struct Wires;

impl Connector for Wires {
    type Out = Wire;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Wire>, Error> {
        let taken = in_flight::with_in_flight(|flight| (flight.conversation.take(), flight.room));
        Ok(taken.and_then(|(conversation, room)| Some(Wire::over(conversation?, room))))
    }
}

/// Looks no name up: the connection is there already.
#[derive(Debug)]
pub(super) struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// The size of the pieces that a body of unknown length is read in, in bytes.
const PIECE: usize = 64 * 1024;

/// A conversation as ureq sees it, for one exchange.
#[derive(Debug)]
pub(super) struct Wire {
    /// There until this is dropped.
    conversation: Option<Conversation>,
    /// How many bytes of the request an earlier call has handed over: ureq writes them again, and
    /// they are dropped.
    to_skip: u64,
    /// How many bytes of `Conversation::came` ureq has taken. Only where what comes is kept.
    taken: usize,
    /// What ureq writes a request's head and pieces of its body into.
    output: Vec<u8>,
    /// How large `output` is to be, in bytes.
    room: usize,
    /// How many bytes of `output` were ever written, which have to be wiped.
    touched: usize,
    /// What ureq reads a piece of a body into.
    piece: Vec<u8>,
    /// Whether ureq could do something with what had come when it last looked. If not, it must
    /// wait for more.
    progress: bool,
    /// Whether the head of the answer has come to its end. Only lines of a head are unfolded.
    head_is_there: bool,
}

impl Wire {
    /// A wire that begins a request, or goes on with one.
    fn over(mut conversation: Conversation, room: usize) -> Wire {
        conversation.is_over = false;
        Wire {
            to_skip: conversation.put,
            conversation: Some(conversation),
            taken: 0,
            output: Vec::new(),
            room,
            touched: 0,
            piece: Vec::new(),
            progress: true,
            head_is_there: false,
        }
    }

    fn conversation(&mut self) -> &mut Conversation {
        self.conversation.as_mut().expect("there until this is dropped")
    }

    /// Sends these bytes of `output`, within the call.
    ///
    /// An answer that comes before they are sent ends it (RFC 9112 9.5): a server that refuses an
    /// upload says so at once, and reads no more. To send on would block for ever, or end in a
    /// reset that destroys the answer.
    fn put(&mut self, from: usize, to: usize, call: &Call) -> Result<(), Broken> {
        let Wire { conversation, output, .. } = self;
        let conversation = conversation.as_mut().expect("there until this is dropped");
        let mut rest = &output[from..to];
        loop {
            let sent = match rest.is_empty() {
                true => conversation.connection.flush().map(usize::from),
                false => conversation.connection.put(rest),
            };
            match sent {
                Ok(0) => {}
                Ok(_) if rest.is_empty() => return Ok(()),
                Ok(amount) => {
                    let is_first = conversation.put == 0;
                    conversation.put += amount as u64;
                    rest = &rest[amount..];
                    // Most requests go out at once, and the answer is waited for within the call.
                    if !is_first || !rest.is_empty() {
                        call.remaining().map_err(|_| Broken::Over)?;
                    }
                    continue;
                }
                Err(error) => return last_word(conversation, error),
            }
            conversation.connection.wait(For::Either, call)?;
            match conversation.connection.look() {
                Ok(Came::Something) if !is_interim(conversation.connection.unread()) => {
                    answered_early(conversation);
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => return last_word(conversation, error),
            }
        }
    }
}

/// The longest line or head that is waited for.
const MOST_UNREADABLE: usize = 80 * 1024;
/// How much a server may say around an answer: interim answers before it, and between two pieces of
/// its body, what says how long they are. A piece that is being read counts, too.
const MOST_AROUND: usize = 256 * 1024;

/// Whether an answer only says that the real one will come (RFC 9110 15.2). Too few bytes to tell
/// count as that.
fn is_interim(unread: &[u8]) -> bool {
    unread.len() < 12 || unread.starts_with(b"HTTP/1.1 1") || unread.starts_with(b"HTTP/1.0 1")
}

/// Notes that the rest of the request is not sent: for the wire, and for the source of the body.
fn answered_early(conversation: &mut Conversation) {
    conversation.answered_early = true;
    in_flight::with_in_flight(|flight| flight.answered_early = true);
}

/// The other side can no longer be written to. What it said before that is the answer, or the
/// alert that tells why: a server that refuses a large upload answers and closes.
fn last_word(conversation: &mut Conversation, error: Broken) -> Result<(), Broken> {
    if !matches!(error, Broken::Io(_)) {
        return Err(error);
    }
    loop {
        match conversation.connection.look() {
            Ok(Came::Something) => {}
            Ok(Came::Nothing | Came::TheEnd) | Err(Broken::Io(_) | Broken::Cut) => break,
            Err(said) => return Err(said),
        }
    }
    if conversation.connection.unread().is_empty() {
        return Err(error);
    }
    answered_early(conversation);
    Ok(())
}

impl Buffers for Wire {
    /// Where ureq writes the head, and pieces of the body.
    fn output(&mut self) -> &mut [u8] {
        lengthen(&mut self.output, self.room);
        &mut self.output
    }

    /// What came and ureq has not taken. Where it is kept, `came` is read from `taken` on.
    fn input(&self) -> &[u8] {
        let conversation = self.conversation.as_ref().expect("there until this is dropped");
        match conversation.keeps() {
            true => &conversation.came[self.taken..],
            false => conversation.connection.unread(),
        }
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        // Only transports that read into ureq's buffer call this.
        &mut []
    }

    fn input_appended(&mut self, _: usize) {}

    fn input_consume(&mut self, amount: usize) {
        in_flight::with_in_flight(|flight| flight.around += amount);
        self.progress = amount > 0;
        match self.conversation().keeps() {
            true => self.taken += amount,
            false => self.conversation().connection.take(amount),
        }
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        lengthen(&mut self.output, self.room);
        lengthen(&mut self.piece, PIECE);
        (&mut self.piece, &mut self.output)
    }

    /// Without progress ureq would look at the same bytes for ever.
    fn can_use_input(&self) -> bool {
        !self.input().is_empty() && self.progress
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    /// ureq has written this many bytes of output. Sends them, but for those that an earlier call
    /// has sent.
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.touched = self.touched.max(amount);
        let skipped = usize::try_from(self.to_skip).unwrap_or(usize::MAX).min(amount);
        self.to_skip -= skipped as u64;
        if self.conversation().answered_early || (skipped == amount && amount > 0) {
            return Ok(());
        }
        let call = in_flight::call().ok_or(Broken::Over)?;
        Ok(self.put(skipped, amount, &call)?)
    }

    /// ureq needs more. The limit is the call's; ureq's own counts only where a 100 (Continue) is
    /// waited for.
    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let call = in_flight::call().ok_or(Broken::Over)?;
        let waits_for_go_on = timeout.reason == Timeout::Await100;
        let within =
            if waits_for_go_on { Rc::new(call.within(*timeout.after)) } else { call.clone() };
        // ureq has taken all it can read: what is left has no end yet.
        let around = in_flight::with_in_flight(|flight| flight.around).unwrap_or(0);
        if self.input().len() > MOST_UNREADABLE || around > MOST_AROUND {
            return Err(WITHOUT_END.into());
        }
        let conversation = self.conversation.as_mut().expect("there until this is dropped");
        let connection = &mut conversation.connection;
        let more = match connection.fill(&within, in_flight::waits()) {
            Err(Broken::Over) if waits_for_go_on && call.remaining().is_ok() => {
                return Err(Error::Timeout(Timeout::Await100));
            }
            outcome => outcome?,
        };
        if conversation.keeps() {
            conversation.keep()?;
        }
        if !self.head_is_there && conversation.keeps() {
            // A later call may read it again, so nothing is taken out.
            self.head_is_there = unfold(&mut conversation.came);
        } else if !self.head_is_there {
            let head = conversation.connection.unread_mut();
            if let Some((fields, used)) = take_fields(head) {
                conversation.connection.take(used);
                in_flight::with_in_flight(|flight| flight.fields = Some(fields));
                self.head_is_there = true;
            } else {
                self.head_is_there = unfold(head);
            }
        }
        self.progress = true;
        Ok(more)
    }

    /// ureq asks this when the answer is whole and the connection may go on. It is told no, since
    /// the pool is ours.
    fn is_open(&mut self) -> bool {
        let all_is_taken = self.input().is_empty();
        self.conversation().is_over = all_is_taken;
        false
    }

    fn is_tls(&self) -> bool {
        self.conversation.as_ref().is_some_and(|conversation| conversation.connection.is_tls())
    }
}

impl Drop for Wire {
    /// Gives the conversation back to the call.
    fn drop(&mut self) {
        wipe(&mut self.output[..self.touched]);
        let conversation = self.conversation.take();
        in_flight::with_in_flight(|flight| flight.conversation = conversation);
    }
}
