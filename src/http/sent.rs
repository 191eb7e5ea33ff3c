//! Knows whether any of a request has left this machine: one that never did can be sent again.

use crate::call;
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// The last link of the chain: from here on, what is written is the request itself.
#[derive(Debug)]
pub(super) struct RequestBegins;

impl<In: Transport> Connector<In> for RequestBegins {
    type Out = Watched<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        // What a proxy or the TLS handshake was sent is not the request.
        call::with_in_flight(|flight| flight.sent = false);
        Ok(chained.map(Watched))
    }
}

/// Notes when a request has begun to leave, so that one that never did can be sent again safely.
#[derive(Debug)]
pub(super) struct Watched<T>(T);

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        call::with_in_flight(|flight| flight.sent = true);
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
