//! The socket: no wait on it is longer than a slice of the call, so a deadline or a cancellation ends it.
//!
//! Where the system has it (`os::waits_in_reads`), a read itself waits for a slice: one system call in
//! place of two for each answer, and the cheaper one. All else is done at once or waited for by `poll`.
//!
//! It also makes connections: to a name with several addresses, some of which may not answer, it
//! tries them beside each other (RFC 8305). The system calls that differ by system are in
//! `support/os`.

use super::broken::{Broken, Outcome};
use super::line::Line;
use crate::support::call::{Call, SLICE, from_now};
use crate::support::os;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A connected TCP socket, with Nagle's algorithm off: what is sent is a whole message.
pub(super) struct Socket {
    stream: TcpStream,
    /// Whether a read can wait by itself.
    waits: bool,
}

/// What a caller waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Something to read, or the end.
    Input,
    /// Room to write.
    Room,
    Either,
}

impl Socket {
    /// Connects to the first of these addresses that answers. Fails with `NoConnection` after
    /// `limit`, and with `Over` where the call ends first.
    pub fn connect(addresses: &[SocketAddr], limit: Duration, call: &Call) -> Outcome<Socket> {
        let stream = race(addresses, limit, call)?;
        stream.set_nodelay(true)?;
        Socket::of(stream)
    }

    fn of(stream: TcpStream) -> Outcome<Socket> {
        let waits = os::waits_in_reads(&stream, SLICE)?;
        Ok(Socket { stream, waits })
    }

    /// Connects to a socket of this machine.
    #[cfg(feature = "redis")]
    pub fn local(path: &std::path::Path) -> Outcome<Socket> {
        Socket::of(os::connect_locally(path)?)
    }
}

impl Line for Socket {
    fn read(&mut self, into: &mut [u8], wait: Option<&Call>) -> Outcome<Option<usize>> {
        let mut waits = false;
        if let Some(call) = wait {
            // The kernel counts such a wait in ticks: near the end of a call that would be too long.
            let left = call.remaining().map_err(|_| Broken::Over)?;
            waits = self.waits && left > 2 * SLICE;
            if !waits {
                self.wait(For::Input, call)?;
            }
        }
        at_once(os::read(&self.stream, into, waits))
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        at_once(os::write(&self.stream, bytes)).map(|amount| amount.unwrap_or(0))
    }

    /// The kernel sends what it took over.
    fn flush(&mut self) -> Outcome<bool> {
        Ok(true)
    }

    /// Says not what it is ready for: that shows in the next read or write.
    fn wait(&self, what: For, call: &Call) -> Outcome<()> {
        let flags = match what {
            For::Input => PollFlags::IN,
            For::Room => PollFlags::OUT,
            For::Either => PollFlags::IN | PollFlags::OUT,
        };
        wait_for(&mut [PollFd::new(&self.stream, flags)], slice(call)?)
    }

    fn is_quiet(&self) -> bool {
        matches!(os::peek(&self.stream), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    fn is_unheard(&self) -> bool {
        os::is_unheard(&self.stream)
    }

    fn release(&mut self) {}
}

/// Closes the connection, by a reset where what was sent may still be under way.
impl Drop for Socket {
    fn drop(&mut self) {
        // After an orderly close the kernel would go on to repeat what nobody has acknowledged,
        // and it could arrive after the same was sent on another connection. A reset ends that.
        if self.is_unheard() {
            rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).ok();
        }
    }
}

/// `None` where a system call only has to be made again, now or later.
fn at_once(outcome: io::Result<usize>) -> Outcome<Option<usize>> {
    match outcome {
        Ok(amount) => Ok(Some(amount)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether something failed because the process has no descriptor left. The resolver needs some
/// as well, and only says that it has found no address: so a socket is made, to see.
pub(super) fn is_out_of_descriptors(broken: &Broken) -> bool {
    match broken {
        Broken::Io(error) => os::is_out_of_descriptors(error),
        Broken::NoAddress => {
            let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None);
            socket.is_err_and(|errno| os::is_out_of_descriptors(&errno.into()))
        }
        Broken::AtProxy(inner) => is_out_of_descriptors(inner),
        _ => false,
    }
}

/// How long the call may wait now; fails where it is over.
fn slice(call: &Call) -> Outcome<Duration> {
    call.slice().map_err(|_| Broken::Over)
}

/// Waits until one of the sockets is ready, the time is over, or a signal came.
fn wait_for(sockets: &mut [PollFd<'_>], limit: Duration) -> Outcome<()> {
    let limit = Timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos() as _ };
    match poll(sockets, Some(&limit)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How long an address is tried alone before the next one is tried beside it ("Connection Attempt
/// Delay", RFC 8305 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Tries the addresses one after the other, each a little later than the one before, without
/// giving up on any. The first that takes the connection wins ("Happy Eyeballs", RFC 8305). One
/// that fails lets the next one start at once.
///
/// ```text
/// 0 ms     2001:db8::1   no answer ...............................
/// 250 ms   192.0.2.1     refused
/// 251 ms   2001:db8::2   connected: this one is taken, the first is closed
/// ```
fn race(addresses: &[SocketAddr], limit: Duration, call: &Call) -> Outcome<TcpStream> {
    let end = from_now(limit);
    let mut waiting = by_turns(addresses);
    let mut trying: Vec<TcpStream> = Vec::new();
    let mut next_at = Instant::now();
    let mut last = Broken::NoAddress;
    loop {
        let now = Instant::now();
        if now >= end {
            return Err(Broken::NoConnection);
        }
        if trying.is_empty() || now >= next_at {
            match waiting.pop_front() {
                Some(address) => match os::begin_to_connect(&address) {
                    Ok((stream, true)) => return Ok(stream),
                    Ok((stream, false)) => {
                        trying.push(stream);
                        next_at = now + HEAD_START;
                    }
                    Err(error) => {
                        last = error.into();
                        continue;
                    }
                },
                None if trying.is_empty() => return Err(last),
                None => next_at = end,
            }
        }
        let limit = slice(call)?.min(end.min(next_at).saturating_duration_since(now));
        let mut sockets: Vec<_> = trying.iter().map(|s| PollFd::new(s, PollFlags::OUT)).collect();
        wait_for(&mut sockets, limit)?;
        let ready = sockets.iter().position(|socket| !socket.revents().is_empty());
        if let Some(at) = ready {
            let stream = trying.swap_remove(at);
            match stream.take_error()? {
                None => return Ok(stream),
                Some(error) => last = error.into(),
            }
            // It failed, so the next one need not wait.
            next_at = Instant::now();
        }
    }
}

/// The addresses with the families by turns, beginning with the one that the resolver prefers
/// (RFC 8305 4): where IPv6 does not work, the second try is IPv4.
fn by_turns(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let preferred = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.iter().partition(|address| address.is_ipv6() == preferred);
    let mut second = second.into_iter();
    let mut turns = VecDeque::with_capacity(addresses.len());
    for address in first {
        turns.push_back(address);
        turns.extend(second.next());
    }
    turns.extend(second);
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::call::Canceller;
    use std::net::TcpListener;
    use std::sync::Arc;

    fn call() -> Call {
        Call::new(Duration::from_secs(20), &Arc::<Canceller>::default())
    }

    #[test]
    fn families_take_turns_as_the_resolver_prefers_them() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"].map(address);
        let turns = by_turns(&given);
        assert_eq!(turns, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(address));
        assert!(by_turns(&[]).is_empty());
    }

    /// An address that takes no connection and refuses none: its queue is full.
    fn silent() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        rustix::net::listen(&socket, 0).unwrap();
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        loop {
            let (stream, done) = os::begin_to_connect(&address).unwrap();
            waiting.push(stream);
            let last = waiting.last().unwrap();
            let limit = Duration::from_millis(100);
            let mut socket = [PollFd::new(last, PollFlags::OUT)];
            wait_for(&mut socket, limit).unwrap();
            if !done && socket[0].revents().is_empty() {
                return (listener, waiting, address);
            }
        }
    }

    #[test]
    fn a_dead_address_does_not_keep_the_next_from_being_tried() {
        let (_listener, _waiting, dead) = silent();
        let good = TcpListener::bind("127.0.0.1:0").unwrap();
        let alive = good.local_addr().unwrap();
        let socket = Socket::connect(&[dead, alive], Duration::from_secs(20), &call()).unwrap();
        assert_eq!(socket.stream.peer_addr().unwrap(), alive);
    }

    #[test]
    fn an_address_that_refuses_is_followed_by_the_next_at_once() {
        let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let good = TcpListener::bind("127.0.0.1:0").unwrap();
        let alive = good.local_addr().unwrap();
        let limit = Duration::from_secs(20);
        assert!(Socket::connect(&[refused, alive], limit, &call()).is_ok());
        let error = Socket::connect(&[refused, refused], limit, &call()).err().unwrap();
        assert!(matches!(error, Broken::Io(error) if error.kind() == ErrorKind::ConnectionRefused));
    }

    #[test]
    fn addresses_that_are_all_dead_end_at_the_limit() {
        let (_listener, _waiting, dead) = silent();
        let limit = Duration::from_millis(300);
        let error = Socket::connect(&[dead, dead], limit, &call()).err().unwrap();
        assert!(matches!(error, Broken::NoConnection), "{error:?}");
    }
}
