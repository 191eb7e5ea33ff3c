//! Watches over a request: whether any of it has left this machine, since one that never did can be
//! sent again; and what came of an answer that its caller could not wait for.

use super::buffers::append;
use super::in_flight;
use super::late::Pending;
use super::tcp;
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use zeroize::Zeroizing;

/// The last link of the chain: from here on, what is written is the request itself.
#[derive(Debug)]
pub(super) struct RequestBegins;

impl<In: Transport> Connector<In> for RequestBegins {
    type Out = Watched;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        // What a proxy or the TLS handshake was sent is not the request.
        in_flight::with_in_flight(|flight| flight.sent = false);
        Ok(chained.map(|connection| Watched {
            connection: Some(connection.boxed()),
            came: Zeroizing::default(),
            given: 0,
            was_sent: false,
            gave_up: false,
        }))
    }
}

#[derive(Debug)]
pub(super) struct Watched {
    /// There until it is dropped.
    connection: Option<Box<dyn Transport>>,
    /// What the answer has come to so far, where it may be wanted later,
    came: Zeroizing<Vec<u8>>,
    /// and how much of it this reader has been given.
    given: usize,
    /// Whether an earlier call has sent the request, so that only the answer is to be read.
    was_sent: bool,
    /// Whether the caller's time was over while the answer was not.
    gave_up: bool,
}

impl Watched {
    /// A connection whose request has been sent, read from the beginning of the answer.
    pub fn again(pending: Pending) -> Watched {
        let Pending { mut connection, came } = pending;
        // What the last reader left stands in `came`, too.
        let left = connection.buffers().input().len();
        connection.buffers().input_consume(left);
        Watched { connection: Some(connection), came, given: 0, was_sent: true, gave_up: false }
    }

    fn connection(&mut self) -> &mut dyn Transport {
        self.connection.as_mut().expect("there until this is dropped")
    }
}

impl Transport for Watched {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.connection().buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        in_flight::with_in_flight(|flight| flight.sent = true);
        if self.was_sent {
            return Ok(());
        }
        (self.came, self.given) = (Zeroizing::default(), 0);
        self.connection().transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let connection = self.connection.as_mut().expect("there until this is dropped");
        if self.given < self.came.len() {
            let room = connection.buffers().input_append_buf();
            let amount = room.len().min(self.came.len() - self.given);
            room[..amount].copy_from_slice(&self.came[self.given..][..amount]);
            connection.buffers().input_appended(amount);
            self.given += amount;
            return Ok(amount > 0);
        }
        let before = connection.buffers().input().len();
        let more = connection.await_input(timeout);
        match &more {
            Ok(_) if in_flight::with_in_flight(|flight| flight.keep) == Some(true) => {
                append(&mut self.came, &connection.buffers().input()[before..]);
                self.given = self.came.len();
            }
            Ok(_) => {}
            Err(error) => {
                self.gave_up = matches!(error, Error::Io(error) if tcp::gave_up(error).is_some());
            }
        }
        more
    }

    fn is_open(&mut self) -> bool {
        self.connection().is_open()
    }

    fn is_tls(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.is_tls())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take().filter(|_| self.gave_up) else { return };
        let came = std::mem::take(&mut self.came);
        in_flight::with_in_flight(|flight| {
            if flight.keep {
                flight.pending = Some(Pending { connection, came });
            }
        });
    }
}
