//! The socket: non-blocking, so that a deadline or a cancellation ends any wait on it.

use super::in_flight;
use super::resolve;
use crate::support::call::SLICE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

/// Why our own socket gave up, carried inside an [`io::Error`] through the layers above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GaveUp {
    Deadline,
    ConnectDeadline,
    Cancelled,
}

impl std::fmt::Display for GaveUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for GaveUp {}

impl From<GaveUp> for io::Error {
    fn from(why: GaveUp) -> io::Error {
        io::Error::other(why)
    }
}

/// How long the call in flight may wait now, at most one slice.
pub(super) fn slice() -> io::Result<Duration> {
    in_flight::with_in_flight(|flight| match flight.call.slice() {
        Ok(slice) => Ok(slice),
        Err(_) if flight.call.is_cancelled() => Err(GaveUp::Cancelled.into()),
        Err(_) => Err(GaveUp::Deadline.into()),
    })
    .unwrap_or(Ok(SLICE))
}

#[derive(Debug)]
pub(super) struct TcpConnector;

impl<In: Transport> Connector<In> for TcpConnector {
    type Out = Either<In, Tcp>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        // A proxy's connector came first and has made the connection.
        if let Some(through_proxy) = chained {
            return Ok(Some(Either::A(through_proxy)));
        }
        let stream = connect_any(&resolve::addresses(details.uri)?)?;
        stream.set_nodelay(true)?;
        let buffers = LazyBuffers::new(
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        Ok(Some(Either::B(Tcp { stream, buffers })))
    }
}

/// Tries each address in turn; each gets an even share of the time that is left to connect.
fn connect_any(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let limit = in_flight::with_in_flight(|flight| flight.connect_timeout);
    let end = Instant::now() + limit.unwrap_or(Duration::from_secs(10));
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for (index, address) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - index) as u32;
        match connect(address, Instant::now() + share) {
            Ok(stream) => return Ok(stream),
            Err(error) => match gave_up(&error) {
                Some(GaveUp::Cancelled | GaveUp::Deadline) => return Err(error),
                Some(GaveUp::ConnectDeadline) | None => last = error,
            },
        }
    }
    Err(last)
}

pub(super) fn gave_up(error: &io::Error) -> Option<GaveUp> {
    error.get_ref()?.downcast_ref().copied()
}

fn connect(address: &SocketAddr, end: Instant) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, address) {
        Ok(()) => {}
        Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => {
            let stream = TcpStream::from(socket);
            loop {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(GaveUp::ConnectDeadline.into());
                }
                if wait(&stream, PollFlags::OUT, left.min(slice()?))? {
                    break;
                }
            }
            return match stream.take_error()? {
                None => Ok(stream),
                Some(error) => Err(error),
            };
        }
        Err(error) => return Err(error.into()),
    }
    Ok(TcpStream::from(socket))
}

/// Whether the socket became ready (or failed, which the next call on it will tell).
fn wait(stream: &TcpStream, flags: PollFlags, limit: Duration) -> io::Result<bool> {
    let mut sockets = [PollFd::new(stream, flags)];
    let limit = Timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos() as _ };
    match poll(&mut sockets, Some(&limit)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(super) struct Tcp {
    stream: TcpStream,
    buffers: LazyBuffers,
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let mut output = &self.buffers.output()[..amount];
        while !output.is_empty() {
            let limit = slice()?;
            match (&self.stream).write(output) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(written) => output = &output[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    wait(&self.stream, PollFlags::OUT, limit)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        loop {
            // Poll first: an answer is hardly ever there already, and a read that finds nothing
            // is a system call for nothing.
            if !wait(&self.stream, PollFlags::IN, slice()?)? {
                continue;
            }
            match (&self.stream).read(self.buffers.input_append_buf()) {
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// An idle connection that has something to read was closed, or is out of step.
    fn is_open(&mut self) -> bool {
        matches!(self.stream.peek(&mut [0]), Err(e) if e.kind() == ErrorKind::WouldBlock)
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        super::buffers::wipe(&mut self.buffers);
    }
}

impl std::fmt::Debug for Tcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tcp")
    }
}
