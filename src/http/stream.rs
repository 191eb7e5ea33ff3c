//! A connection for what does not speak HTTP, such as the server of a store: to a host, with TLS or
//! without, or to a socket of this machine. Every wait ends with the call.
//!
//! ```text
//! open      looks the host up, connects, and speaks TLS where that is wanted
//! send      writes all of it, or fails
//! receive   waits for more of what comes
//! look      takes what has come, and waits for nothing
//! ```
//!
//! The sender of a protocol knows what is whole; here bytes are bytes. A stream that failed once is of
//! no use any more: nobody knows how much of what was said has arrived.

use super::broken::{Broken, Outcome};
use super::connection::Connection;
use super::explain::in_words;
use super::resolve;
use super::session::Came;
use super::socket::{For, Socket};
use super::tls::{self, TlsFiles};
use super::url::{Origin, Url};
use crate::error::{Result, Status};
use crate::support::call::Call;
use rustls::ClientConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Where a stream leads.
#[derive(Clone)]
pub(crate) enum Place {
    /// A host, in the clear.
    Plain(Origin),
    /// A host, over TLS.
    Secure(Origin, Certificates),
    /// A socket in the file system.
    Local(PathBuf),
}

/// Whose certificates are believed. Read once, when a client is made.
#[derive(Clone)]
pub(crate) struct Certificates(Arc<ClientConfig>);

impl Certificates {
    /// Fails with the option that is wrong.
    pub fn of(files: &TlsFiles) -> Result<Certificates> {
        tls::configure(files, &files.read()?).map(Certificates)
    }
}

/// What a host and a port are as an origin. `None` where the host is none.
pub(crate) fn origin(host: &str, port: u16) -> Option<Origin> {
    Url::parse(&format!("https://{host}:{port}/")).ok().map(|url| url.origin().clone())
}

/// Why a stream is of no use any more.
#[derive(Clone, Debug)]
pub(crate) struct StreamFault {
    /// In words, without what was sent.
    pub why: String,
    /// The call was over: that says nothing of the other side.
    pub is_over: bool,
    /// It stays so until somebody acts: a certificate is wrong.
    pub lasts: bool,
}

/// One connection.
pub(crate) struct Stream {
    connection: Connection,
    host: String,
    /// Nothing has come yet, in the clear: the other side may want TLS.
    is_mute: bool,
}

impl Stream {
    /// Connects, and shakes hands where there is TLS.
    pub fn open(place: &Place, call: &Call) -> std::result::Result<Stream, StreamFault> {
        let host = match place {
            Place::Plain(origin) | Place::Secure(origin, _) => origin.host().to_string(),
            Place::Local(path) => path.display().to_string(),
        };
        let is_mute = matches!(place, Place::Plain(_));
        let mut connection = connect(place, call).map_err(|broken| fault(broken, &host, call))?;
        if let Place::Secure(origin, Certificates(config)) = place {
            let shaken = connection.secure(origin, || config.clone(), call);
            shaken.map_err(|broken| {
                let fault = fault(broken, &host, call);
                let is_mute = fault.is_over && !call.is_cancelled();
                let hint = if is_mute { "; does this port speak TLS?" } else { "" };
                StreamFault { why: fault.why + hint, ..fault }
            })?;
        }
        Ok(Stream { connection, host, is_mute })
    }

    /// Sends all of it.
    pub fn send(&mut self, bytes: &[u8], call: &Call) -> std::result::Result<(), StreamFault> {
        self.connection.put_all(bytes, call).map_err(|broken| fault(broken, &self.host, call))
    }

    /// Waits until something has come, and appends it.
    pub fn receive(
        &mut self,
        into: &mut Zeroizing<Vec<u8>>,
        call: &Call,
    ) -> std::result::Result<(), StreamFault> {
        let broken = match self.connection.fill(call, true) {
            Ok(true) => return self.take(into),
            Ok(false) => Broken::Ended,
            Err(broken) => broken,
        };
        let mut fault = fault(broken, &self.host, call);
        if self.is_mute && !fault.is_over {
            fault.why += "; does it want TLS?";
        }
        Err(fault)
    }

    /// Appends what has come, without waiting; whether that is anything.
    pub fn look(
        &mut self,
        into: &mut Zeroizing<Vec<u8>>,
        call: &Call,
    ) -> std::result::Result<bool, StreamFault> {
        match self.connection.look() {
            Ok(Came::Something) => self.take(into).map(|()| true),
            Ok(Came::Nothing) => Ok(false),
            Ok(Came::TheEnd) => Err(fault(Broken::Ended, &self.host, call)),
            Err(broken) => Err(fault(broken, &self.host, call)),
        }
    }

    /// Waits for a slice of the call until something has come.
    pub fn wait(&self, call: &Call) {
        self.connection.wait(For::Input, call).ok();
    }

    /// Whether nothing has come, not even the end.
    pub fn is_quiet(&self) -> bool {
        self.connection.is_fit()
    }

    fn take(&mut self, into: &mut Zeroizing<Vec<u8>>) -> std::result::Result<(), StreamFault> {
        let unread = self.connection.unread();
        let (amount, room) = (unread.len(), into.capacity() - into.len());
        if room < amount {
            // A `Vec` that grows by itself leaves a copy behind.
            let mut larger = Zeroizing::new(Vec::new());
            let size = (into.len() + amount).saturating_mul(2);
            if larger.try_reserve_exact(size).is_err() {
                let why = format!("there is no memory for {size} bytes");
                return Err(StreamFault { why, is_over: false, lasts: false });
            }
            larger.extend_from_slice(into);
            *into = larger;
        }
        self.is_mute = false;
        into.extend_from_slice(self.connection.unread());
        self.connection.take(amount);
        Ok(())
    }
}

fn connect(place: &Place, call: &Call) -> Outcome<Connection> {
    let origin = match place {
        Place::Local(path) => return Socket::local(path).map(Connection::over),
        Place::Plain(origin) | Place::Secure(origin, _) => origin,
    };
    let limit = call.remaining().map_err(|_| Broken::Over)?;
    let addresses = resolve::addresses(origin, call)?;
    Socket::connect(&addresses, limit, call).map(Connection::over)
}

fn fault(broken: Broken, host: &str, call: &Call) -> StreamFault {
    let is_over = matches!(broken, Broken::Over);
    let lasts = matches!(broken, Broken::Tls(_) | Broken::NoCertificateName);
    let why = match broken {
        Broken::Over | Broken::NoConnection if !call.is_cancelled() => "no answer in time".into(),
        Broken::Over | Broken::NoConnection => "the call was cancelled".into(),
        Broken::Ended | Broken::Cut => "it closed the connection".into(),
        broken => {
            let (status, what) = in_words(broken, host, Duration::ZERO);
            match status {
                Status::MalformedAnswer => "its answer makes no sense".into(),
                _ => what,
            }
        }
    };
    StreamFault { why, is_over, lasts }
}
