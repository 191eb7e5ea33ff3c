//! Sockets that never wait, for systems where a read cannot be told whether it may.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Says that no read waits.
pub(crate) fn waits_in_reads(_: &TcpStream, _: Duration) -> io::Result<bool> {
    Ok(false)
}

/// Reads what is there; `WouldBlock` where nothing is.
pub(crate) fn read(mut stream: &TcpStream, into: &mut [u8], _: bool) -> io::Result<usize> {
    stream.read(into)
}

/// Whether there is something to read, which stays unread; `WouldBlock` where nothing is.
pub(crate) fn peek(stream: &TcpStream) -> io::Result<usize> {
    stream.peek(&mut [0])
}

/// Writes what there is room for; `WouldBlock` where there is none.
pub(crate) fn write(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    stream.write(bytes)
}
