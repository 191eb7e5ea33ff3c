//! Why an exchange got no whole answer, as the layers below know it. `explain.rs` puts it into
//! words.
//!
//! ureq and its traits pass `io::Error` alone. A `Broken` travels inside of one, and comes out
//! whole on the other side: nothing is told from an error's text.

use crate::error::Error;
use std::io;

/// What broke, without the request that it broke for.
#[derive(Debug)]
pub(super) enum Broken {
    /// The call's time is over, or it was cancelled. The connection is as good as it was.
    Over,
    /// No address took the connection within `connect_timeout_ms`, though the call has time left.
    NoConnection,
    /// The name has no address.
    NoAddress,
    /// The name means this machine (`localhost`), and its addresses are elsewhere.
    NotHere,
    /// What broke on the way to the proxy, or in asking it for a tunnel.
    AtProxy(Box<Broken>),
    /// The proxy answered with this status instead of a tunnel.
    ProxyRefused(u16),
    /// A SOCKS proxy leads to no tunnel, and says why.
    SocksRefused(&'static str),
    /// TLS failed: a certificate, a version, an alert. `tls_words` says what it means.
    Tls(rustls::Error),
    /// The system gives no random numbers, and there is no TLS without.
    NoRandomness,
    /// No certificate can be for this host.
    NoCertificateName,
    /// There is no thread to look a name up on: the process may make no more.
    NoThread(io::Error),
    /// What was sent is repeated again and again, and nobody acknowledges it. See
    /// `os::is_unheard`.
    Unheard,
    /// A system call failed: refused, reset, unreachable.
    Io(io::Error),
    /// The other side closed the connection, and something is missing.
    Ended,
    /// The same without TLS's goodbye (`close_notify`): anyone on the way can do that.
    Cut,
    /// What came is not HTTP, for this reason.
    Malformed(&'static str),
    /// ureq cannot read it, and says why.
    NotHttp(String),
    /// The body of the answer with this status is larger than `most` bytes, which the caller
    /// allows.
    TooLarge { status: u16, most: u64 },
    /// There is no memory for this many bytes.
    NoMemory(usize),
    /// There is no memory for the body of the answer with this status.
    NoRoom { status: u16, bytes: usize },
    /// The body of the answer with this status is in a coding that was not asked for.
    Unasked { status: u16, coding: String },
    /// The answer came to its end, and the gzip body in it did not.
    CodingCut,
    /// The gzip body is damaged, in this way.
    CodingDamaged(&'static str),
    /// The request cannot be sent: a header that HTTP cannot carry, a body that cannot be read.
    /// The error says which.
    Unsendable(Error),
}

/// What the functions of this room give each other: no words yet, and no `Error`.
pub(super) type Outcome<T> = Result<T, Broken>;

/// A `Broken` on its way up through code that knows `io::Error` alone, ureq's among it.
#[derive(Debug)]
struct Wrapped(Broken);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unwrapped before anyone reads it")
    }
}

impl std::error::Error for Wrapped {}

/// On the way into code of others.
impl From<Broken> for io::Error {
    fn from(broken: Broken) -> io::Error {
        io::Error::other(Wrapped(broken))
    }
}

impl From<Broken> for ureq::Error {
    fn from(broken: Broken) -> ureq::Error {
        ureq::Error::Io(broken.into())
    }
}

/// On the way back out: a `Broken` that was wrapped, also within an error of ureq's, comes out as
/// it was. An early end that ureq or rustls told is [`Broken::Ended`].
impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        let kind = error.kind();
        let error = match error.downcast::<Wrapped>() {
            Ok(wrapped) => return wrapped.0,
            Err(error) => error,
        };
        match error.downcast::<ureq::Error>() {
            Ok(inner) => inner.into(),
            Err(_) if kind == io::ErrorKind::UnexpectedEof => Broken::Ended,
            Err(error) => Broken::Io(error),
        }
    }
}

/// ureq has no time limits of its own here, so its timeouts are the call's.
impl From<ureq::Error> for Broken {
    fn from(error: ureq::Error) -> Broken {
        match error {
            ureq::Error::Io(error) => error.into(),
            ureq::Error::Timeout(_) => Broken::Over,
            other => Broken::NotHttp(other.to_string()),
        }
    }
}

impl From<rustix::io::Errno> for Broken {
    fn from(error: rustix::io::Errno) -> Broken {
        Broken::Io(error.into())
    }
}

/// No random numbers is a fault of this system, not of TLS.
impl From<rustls::Error> for Broken {
    fn from(error: rustls::Error) -> Broken {
        match error {
            rustls::Error::FailedToGetRandomBytes => Broken::NoRandomness,
            error => Broken::Tls(error),
        }
    }
}

impl Broken {
    /// Whether the server did not like our certificate, or the lack of one. It has then not
    /// looked at the request.
    pub fn refuses_our_certificate(&self) -> bool {
        use rustls::AlertDescription as Alert;
        let Broken::Tls(rustls::Error::AlertReceived(alert)) = self else { return false };
        matches!(
            alert,
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
        )
    }
}
