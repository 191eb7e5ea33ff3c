//! A connection: a line, with TLS on it or without, and what came on it and was not taken yet.
//!
//! Nothing here waits but what takes a [`Call`]. All others do what can be done at once and say how
//! far they got.

use super::broken::{Broken, Outcome};
use super::inbox::Inbox;
use super::line::Line;
use super::session::{Came, Session};
use super::socket::For;
use super::url::Origin;
use crate::support::call::Call;
use crate::support::crypto;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;

/// One connection. It belongs to one conversation at a time, or lies in the pool.
pub(super) struct Connection {
    /// A socket; or the connection to a proxy, where that is hidden by TLS of its own.
    line: Box<dyn Line>,
    /// TLS; `None` on plain HTTP.
    session: Option<Box<Session>>,
    /// What came and was not taken yet, decrypted.
    inbox: Inbox,
    /// Without TLS: whether the last read found as much as it asked for, so that there is more, most
    /// likely. TLS knows by itself.
    flows: bool,
    /// What broke it behind data that was read. It is told when the data has been given.
    broken: Option<Box<Broken>>,
    /// For the pool; `None` for one that never goes there.
    pub place: Option<Place>,
}

/// Where a connection leads, and which transport it belongs to: one with another CA or proxy must
/// not take it.
pub(super) struct Place {
    pub transport: u64,
    pub origin: Origin,
}

impl Connection {
    /// A plain connection over this line.
    pub fn over(line: impl Line + 'static) -> Connection {
        Connection {
            line: Box::new(line),
            session: None,
            inbox: Inbox::default(),
            flows: false,
            broken: None,
            place: None,
        }
    }

    /// Puts TLS on the connection: shakes hands and verifies the server's certificate for this
    /// origin's host. `config` is asked for when there are random numbers.
    pub fn secure(
        &mut self,
        origin: &Origin,
        config: impl FnOnce() -> Arc<ClientConfig>,
        call: &Call,
    ) -> Outcome<()> {
        let host = origin.host_without_zone();
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_string())
            .map_err(|_| Broken::NoCertificateName)?;
        // rustls and its session cache would panic without.
        crypto::random(1).map_err(|_| Broken::NoRandomness)?;
        self.session = Some(Box::new(Session::begin(config(), name, &mut *self.line, call)?));
        Ok(())
    }

    /// What came and was not taken yet.
    pub fn unread(&self) -> &[u8] {
        self.inbox.unread()
    }

    /// The same, to mend a head in place (`head`).
    pub fn unread_mut(&mut self) -> &mut [u8] {
        self.inbox.unread_mut()
    }

    /// Whether there is TLS on it.
    pub fn is_tls(&self) -> bool {
        self.session.is_some()
    }

    /// Drops this many bytes of what came: they were used.
    pub fn take(&mut self, amount: usize) {
        self.inbox.take(amount);
    }

    /// Takes in what came, without waiting. An error is what broke the connection; what came before it
    /// is given first.
    pub fn look(&mut self) -> Outcome<Came> {
        self.look_for(None)
    }

    /// The same; with a call it waits a slice of it for something to come.
    fn look_for(&mut self, wait: Option<&Call>) -> Outcome<Came> {
        self.tell_what_broke()?;
        let Connection { line, session, inbox, .. } = self;
        let had = inbox.unread().len();
        let Some(session) = session else {
            return inbox.fill(|room| line.read(room, wait)).map(Came::of);
        };
        let looked = session.look(&mut **line, wait, &mut |bytes| inbox.push(bytes));
        let has_more = inbox.unread().len() > had;
        self.data_first(looked, has_more)
    }

    /// Fails by what broke the connection behind data that has been given since.
    fn tell_what_broke(&mut self) -> Outcome<()> {
        self.broken.take().map_or(Ok(()), |broken| Err(*broken))
    }

    /// Keeps a fault behind data that came with it, until that has been given.
    fn data_first(&mut self, looked: Outcome<Came>, has_data: bool) -> Outcome<Came> {
        match looked {
            Err(broken) if has_data => {
                self.broken = Some(Box::new(broken));
                Ok(Came::Something)
            }
            looked => looked,
        }
    }

    /// Waits until more has come; `false` at the end. Without `waits` it fails with `Over` where nothing is
    /// there, and also where the call is over, so that a server that sends on and on is left.
    pub fn fill(&mut self, call: &Call, waits: bool) -> Outcome<bool> {
        loop {
            if !waits {
                call.remaining().map_err(|_| Broken::Over)?;
            }
            match self.look_for(waits.then_some(call))? {
                Came::Something => return Ok(true),
                Came::Nothing if !waits => return Err(Broken::Over),
                Came::Nothing => {}
                Came::TheEnd => return Ok(false),
            }
        }
    }

    /// Waits for data and reads it to where it is wanted, with no copy in between but of what had come
    /// before; 0 at the end. Once it has some it takes what more there is, and waits no more. While it
    /// flows it does not even wait before it reads. Without `waits` it fails with `Over` where nothing is
    /// there.
    pub fn receive(&mut self, buffer: &mut [u8], call: &Call, waits: bool) -> Outcome<usize> {
        let mut filled = 0;
        match self.read_on(buffer, &mut filled, call, waits) {
            Err(broken) if filled == 0 => return Err(broken),
            // The next read has its own limits.
            Ok(()) | Err(Broken::Over) => {}
            Err(broken) => self.broken = Some(Box::new(broken)),
        }
        Ok(filled)
    }

    fn read_on(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        call: &Call,
        waits: bool,
    ) -> Outcome<()> {
        while *filled < buffer.len() {
            let is_there = self.flows() || !self.inbox.is_empty();
            if !is_there && *filled > 0 {
                break;
            }
            let wait = (waits && !is_there).then_some(call);
            // What has come already takes no time.
            if wait.is_none() && self.inbox.is_empty() {
                call.remaining().map_err(|_| Broken::Over)?;
            }
            match self.take_in(buffer, filled, wait)? {
                Came::TheEnd => break,
                Came::Nothing if !waits => return Err(Broken::Over),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a read finds something, most likely, also where nobody has waited for it.
    fn flows(&self) -> bool {
        self.session.as_ref().map_or(self.flows, |session| session.flows())
    }

    /// Reads behind what is filled. What is decrypted and has no room waits in the inbox.
    fn take_in(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        wait: Option<&Call>,
    ) -> Outcome<Came> {
        let room = &mut buffer[*filled..];
        let unread = self.inbox.unread();
        if !unread.is_empty() {
            let amount = unread.len().min(room.len());
            room[..amount].copy_from_slice(&unread[..amount]);
            self.inbox.take(amount);
            *filled += amount;
            return Ok(Came::Something);
        }
        self.tell_what_broke()?;
        let Connection { line, session, inbox, flows, .. } = self;
        let Some(session) = session else {
            let read = line.read(room, wait)?;
            *flows = read == Some(room.len());
            *filled += read.unwrap_or(0);
            return Ok(Came::of(read));
        };
        let had = *filled;
        let looked = session.look(&mut **line, wait, &mut |bytes| {
            let (here, rest) = bytes.split_at(bytes.len().min(buffer.len() - *filled));
            buffer[*filled..][..here.len()].copy_from_slice(here);
            *filled += here.len();
            if rest.is_empty() { Ok(()) } else { inbox.push(rest) }
        });
        self.data_first(looked, *filled > had)
    }

    /// Takes over some of the data and sends what there is room for. Gives how much was taken
    /// over; 0 where there is no room.
    pub fn put(&mut self, data: &[u8]) -> Outcome<usize> {
        let Connection { line, session, inbox, .. } = self;
        match session {
            Some(session) => session.put(&mut **line, data, &mut |bytes| inbox.push(bytes)),
            None => line.write(data),
        }
    }

    /// Sends all of it, waiting for room within the call.
    pub fn put_all(&mut self, data: &[u8], call: &Call) -> Outcome<()> {
        let mut put = 0;
        while put < data.len() || !self.flush()? {
            let amount = if put < data.len() { self.put(&data[put..])? } else { 0 };
            put += amount;
            if amount == 0 {
                self.line.wait(For::Room, call)?;
            }
        }
        Ok(())
    }

    /// Sends what was taken over and is not sent yet; says whether that is all of it now.
    pub fn flush(&mut self) -> Outcome<bool> {
        let Connection { line, session, .. } = self;
        match session {
            Some(session) => session.flush(&mut **line),
            None => line.flush(),
        }
    }

    /// Waits until there is something to read or room to write, or a slice of the call is over.
    pub fn wait(&self, what: For, call: &Call) -> Outcome<()> {
        self.line.wait(what, call)
    }

    /// Whether nothing is unread or unwritten at any layer: in the buffer of what came, in half a
    /// TLS record, in what waits to be sent. Bytes that came beyond one answer would be taken for
    /// the next one's (response smuggling).
    pub fn is_settled(&self) -> bool {
        let is_whole = self.inbox.is_empty() && self.broken.is_none();
        is_whole && self.session.as_ref().is_none_or(|s| s.is_settled())
    }

    /// Whether it can carry another request: it is settled, was not closed, and nothing came
    /// since.
    pub fn is_fit(&self) -> bool {
        self.is_settled() && self.line.is_quiet()
    }

    /// Whether what was sent has been repeated again and again, and nobody has acknowledged it.
    pub fn is_unheard(&self) -> bool {
        self.line.is_unheard()
    }

    /// Gives back the memory that an idle connection does not need.
    pub fn release(&mut self) {
        self.inbox.release();
        if let Some(session) = &mut self.session {
            session.release();
        }
        self.line.release();
    }
}

/// The connection to a proxy, as what goes through it sees it.
impl Line for Connection {
    fn read(&mut self, into: &mut [u8], wait: Option<&Call>) -> Outcome<Option<usize>> {
        let mut filled = 0;
        let came = self.take_in(into, &mut filled, wait).map_err(of_the_proxy)?;
        Ok((came != Came::Nothing).then_some(filled))
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        self.put(bytes).map_err(of_the_proxy)
    }

    fn flush(&mut self) -> Outcome<bool> {
        Connection::flush(self)
    }

    /// What came and was not taken needs no waiting for: the socket would never tell of it again.
    fn wait(&self, what: For, call: &Call) -> Outcome<()> {
        let is_there = !self.inbox.is_empty() || self.broken.is_some();
        match what != For::Room && is_there {
            true => Ok(()),
            false => self.line.wait(what, call),
        }
    }

    fn is_quiet(&self) -> bool {
        self.is_fit()
    }

    fn is_unheard(&self) -> bool {
        self.line.is_unheard()
    }

    fn release(&mut self) {
        Connection::release(self);
    }
}

/// A fault of TLS with the proxy must not read as one of TLS with the host.
fn of_the_proxy(broken: Broken) -> Broken {
    match broken {
        broken @ (Broken::Tls(_) | Broken::Malformed(_)) => Broken::AtProxy(Box::new(broken)),
        broken => broken,
    }
}
