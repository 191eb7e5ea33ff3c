//! TLS before a server that speaks none: what a proxy with `https://` is to its clients.

use super::certificate::{AnyCertificate, asking};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::ServerConnection;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Listens until the test program ends.
pub struct Front {
    port: u16,
    shown: Arc<Mutex<Vec<bool>>>,
}

impl Front {
    /// Before the server at this port of this machine. It asks for a certificate, and goes without.
    pub fn before(port: u16, certificate: &str, key: &str) -> Front {
        let config = asking(certificate, key, AnyCertificate { mandatory: false });
        let shown = Arc::<Mutex<Vec<bool>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap().port();
        let noted = shown.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let session = ServerConnection::new(config.clone()).unwrap();
                let noted = noted.clone();
                std::thread::spawn(move || {
                    let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                    lead(session, client, server, &noted)
                });
            }
        });
        Front { port: here, shown }
    }

    /// What the option `proxy` is set to; `credentials` are empty, or `name:password@`.
    pub fn url(&self, credentials: &str) -> String {
        format!("https://{credentials}127.0.0.1:{}", self.port)
    }

    /// Of each client that shook hands: whether it showed a certificate.
    pub fn shown(&self) -> Vec<bool> {
        self.shown.lock().unwrap().clone()
    }
}

/// Passes on what comes, both ways, until one side is at its end.
fn lead(
    mut session: ServerConnection,
    mut client: TcpStream,
    mut server: TcpStream,
    shown: &Mutex<Vec<bool>>,
) -> Option<()> {
    client.set_nonblocking(true).unwrap();
    let (mut is_noted, mut server_ended, mut piece) = (false, false, vec![0; 16_384]);
    loop {
        let mut client_wants = PollFlags::IN;
        client_wants.set(PollFlags::OUT, session.wants_write());
        // What waits to be sent is sent before there is more of it.
        let full = session.is_handshaking() || session.wants_write();
        let server_wants = match server_ended || full {
            true => PollFlags::empty(),
            false => PollFlags::IN,
        };
        let mut both = [PollFd::new(&client, client_wants), PollFd::new(&server, server_wants)];
        poll(&mut both, None).ok()?;
        let [from_client, from_server] = both.map(|side| side.revents());
        if from_client.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            match session.read_tls(&mut client) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
            let bad = session.process_new_packets().is_err();
            let mut plain = Vec::new();
            session.reader().read_to_end(&mut plain).ok();
            // One that has gone may have said something.
            server.write_all(&plain).ok();
            if bad {
                session.write_tls(&mut client).ok();
                break;
            }
        }
        if !session.is_handshaking() && !is_noted {
            is_noted = true;
            shown.lock().unwrap().push(session.peer_certificates().is_some());
        }
        if from_server.contains(PollFlags::IN) {
            match server.read(&mut piece) {
                Ok(amount @ 1..) => session.writer().write_all(&piece[..amount]).unwrap(),
                _ => {
                    server_ended = true;
                    session.send_close_notify();
                }
            }
        }
        match session.wants_write().then(|| session.write_tls(&mut client)) {
            Some(Err(error)) if error.kind() != ErrorKind::WouldBlock => break,
            None if server_ended => break,
            _ => {}
        }
    }
    client.shutdown(Shutdown::Write).ok();
    server.shutdown(Shutdown::Both).ok()
}
