//! The two ends of a connection's bytes: plain TCP, or TLS over it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

/// A socket that other threads may shut down.
#[derive(Debug)]
pub(crate) struct Socket(Arc<TcpStream>);

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(into)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        (&*self.0).write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) enum Wire {
    Plain(Socket),
    Tls(Box<StreamOwned<ServerConnection, Socket>>),
}

impl Wire {
    pub(crate) fn plain(socket: Arc<TcpStream>) -> Wire {
        Wire::Plain(Socket(socket))
    }

    /// TLS whose handshake goes with the first read.
    pub(crate) fn tls(socket: Arc<TcpStream>, config: Arc<ServerConfig>) -> io::Result<Wire> {
        let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
        // An answer is written whole, then sent whole.
        connection.set_buffer_limit(None);
        Ok(Wire::Tls(Box::new(StreamOwned::new(connection, Socket(socket)))))
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Wire::Tls(_))
    }

    /// The certificate that the client has shown, as DER.
    pub(crate) fn client_cert(&self) -> Option<&[u8]> {
        match self {
            Wire::Plain(_) => None,
            Wire::Tls(stream) => stream.conn.peer_certificates()?.first().map(|cert| cert.as_ref()),
        }
    }

    pub(crate) fn resumed(&self) -> bool {
        match self {
            Wire::Plain(_) => false,
            Wire::Tls(stream) => stream.conn.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// Says goodbye in good order, and waits for nothing.
    pub(crate) fn close(&mut self) {
        let socket = match self {
            Wire::Plain(socket) => socket,
            Wire::Tls(stream) => {
                stream.conn.send_close_notify();
                while stream.conn.wants_write() {
                    if stream.conn.write_tls(&mut stream.sock).is_err() {
                        break;
                    }
                }
                &mut stream.sock
            }
        };
        let _ = socket.0.shutdown(Shutdown::Write);
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.read(into),
            Wire::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.write(bytes),
            Wire::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(_) => Ok(()),
            Wire::Tls(stream) => stream.flush(),
        }
    }
}
