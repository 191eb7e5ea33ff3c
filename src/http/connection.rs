//! A connection: a socket, with TLS on it or without, and what came on it and was not taken yet.

use super::broken::Outcome;
use super::inbox::Inbox;
use super::session::{Came, Session};
use super::socket::{For, Socket};
use crate::support::call::Call;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;

pub(super) struct Connection {
    socket: Socket,
    session: Option<Box<Session>>,
    /// Data, decrypted where it was not plain.
    inbox: Inbox,
}

impl Connection {
    pub fn over(socket: Socket) -> Connection {
        Connection { socket, session: None, inbox: Inbox::default() }
    }

    /// Puts TLS on the connection.
    pub fn secure(
        &mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        call: &Call,
    ) -> Outcome<()> {
        self.session = Some(Box::new(Session::begin(config, name, &self.socket, call)?));
        Ok(())
    }

    /// What came and was not taken yet.
    pub fn unread(&self) -> &[u8] {
        self.inbox.unread()
    }

    pub fn unread_mut(&mut self) -> &mut [u8] {
        self.inbox.unread_mut()
    }

    /// Whether there is TLS on it.
    pub fn is_tls(&self) -> bool {
        self.session.is_some()
    }

    pub fn take(&mut self, amount: usize) {
        self.inbox.take(amount);
    }

    /// Looks what came, without waiting.
    pub fn look(&mut self) -> Outcome<Came> {
        let Connection { socket, session, inbox } = self;
        match session {
            Some(session) => session.look(socket, &mut |bytes| inbox.push(bytes)),
            None => match socket.read(inbox.room()?)? {
                None => Ok(Came::Nothing),
                Some(0) => Ok(Came::TheEnd),
                Some(amount) => {
                    inbox.came(amount);
                    Ok(Came::Something)
                }
            },
        }
    }

    /// Waits until more has come; `false` at the end. An answer is hardly ever there already, and a
    /// read that finds nothing is a system call for nothing: so it is waited for first.
    pub fn fill(&mut self, call: &Call) -> Outcome<bool> {
        loop {
            self.socket.wait(For::Input, call)?;
            match self.look()? {
                Came::Something => return Ok(true),
                Came::Nothing => {}
                Came::TheEnd => return Ok(false),
            }
        }
    }

    /// Takes over some of the data and sends what there is room for; 0 where there is none.
    pub fn put(&mut self, data: &[u8]) -> Outcome<usize> {
        let Connection { socket, session, inbox } = self;
        match session {
            Some(session) => session.put(socket, data, &mut |bytes| inbox.push(bytes)),
            None => socket.write(data),
        }
    }

    /// Sends all of it, however long that takes within the call.
    pub fn put_all(&mut self, data: &[u8], call: &Call) -> Outcome<()> {
        let mut put = 0;
        while put < data.len() || !self.flush()? {
            let amount = if put < data.len() { self.put(&data[put..])? } else { 0 };
            put += amount;
            if amount == 0 {
                self.socket.wait(For::Room, call)?;
            }
        }
        Ok(())
    }

    /// Whether all that was taken over has been sent.
    pub fn flush(&mut self) -> Outcome<bool> {
        self.session.as_mut().map_or(Ok(true), |session| session.flush(&self.socket))
    }

    /// Waits until there is something to read or room to write.
    pub fn wait(&self, what: For, call: &Call) -> Outcome<()> {
        self.socket.wait(what, call)
    }

    /// Whether nothing is unread or unwritten at any layer. What came too much of one answer would be
    /// taken for the next one's.
    pub fn is_settled(&self) -> bool {
        self.inbox.is_empty() && self.session.as_ref().is_none_or(|s| s.is_settled())
    }

    /// Whether it can carry another request: settled, and nothing came since.
    pub fn is_fit(&self) -> bool {
        self.is_settled() && self.socket.is_quiet()
    }

    /// Whether what was sent has been repeated again and again, and nobody has acknowledged it.
    pub fn is_unheard(&self) -> bool {
        self.socket.is_unheard()
    }

    /// Gives back the memory that an idle connection does not need.
    pub fn release(&mut self) {
        self.inbox.release();
        if let Some(session) = &mut self.session {
            session.release();
        }
    }
}
