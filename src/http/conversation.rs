//! One request and its answer on one connection, as far as they have come.
//!
//! It can be left wherever it stands, even in the middle of a line, and be taken up by a later
//! call. ureq cannot do that, so a later call lets ureq begin anew: what it sends again is
//! skipped up to where the first call got (`put`), and what has come is read again from its
//! beginning (`came`).

use super::broken::{Broken, Outcome};
use super::buffers::append;
use super::connection::Connection;
use super::late::Pending;
use zeroize::Zeroizing;

/// A server goes on and on where HTTP sets no end: in a line, in interim answers, in trailers.
pub(super) const WITHOUT_END: Broken = Broken::Malformed("it does not come to an end");

/// How far a request and its answer have come on a connection.
pub(crate) struct Conversation {
    /// The connection that it goes on. No other request can have it meanwhile. Large, and handed on often.
    pub(super) connection: Box<Connection>,
    /// How many bytes of the request were handed to the connection, over all calls.
    pub(super) put: u64,
    /// What has come of the answer since its first byte, where it is kept for a later call.
    pub(super) came: Zeroizing<Vec<u8>>,
    /// How large `came` may grow where it is kept: for token calls, whose answers must not be lost.
    keeps: Option<usize>,
    /// Whether the answer came before all of the request was sent. The connection then carries no
    /// other request.
    pub(super) answered_early: bool,
    /// Whether the answer is whole and the connection may go on.
    pub(super) is_over: bool,
}

impl Conversation {
    /// A conversation of which nothing was sent yet. `keeps`: its answer must not be lost, and may
    /// have that many bytes on the wire.
    pub(super) fn on(connection: Box<Connection>, keeps: Option<usize>) -> Conversation {
        Conversation {
            connection,
            put: 0,
            came: Zeroizing::default(),
            keeps,
            answered_early: false,
            is_over: false,
        }
    }

    pub(super) fn keeps(&self) -> bool {
        self.keeps.is_some()
    }

    /// Moves what has come from the connection to where a later call finds it.
    pub(super) fn keep(&mut self) -> Outcome<()> {
        let unread = self.connection.unread();
        let amount = unread.len();
        if self.keeps.is_some_and(|most| self.came.len() + amount > most) {
            return Err(WITHOUT_END);
        }
        append(&mut self.came, unread)?;
        self.connection.take(amount);
        Ok(())
    }

    /// Whether the other side seems not to be there: nothing has come, and what was sent is not
    /// acknowledged.
    pub(super) fn is_unheard(&self) -> bool {
        self.came.is_empty() && self.connection.is_unheard()
    }

    /// The connection, where another request can go on it; otherwise it closes. `None` where the
    /// answer is not whole, came early, or left something unread.
    pub(super) fn connection_for_more(self) -> Option<Box<Connection>> {
        let mut connection = self.connection;
        let is_fit = self.is_over && !self.answered_early && connection.is_settled();
        connection.release();
        is_fit.then_some(connection)
    }
}

impl Pending for Conversation {
    fn has_begun(&self) -> bool {
        self.put > 0
    }
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conversation({} bytes out, {} in)", self.put, self.came.len())
    }
}
