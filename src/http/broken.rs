//! Why an exchange got no whole answer, as the layers below know it. `explain.rs` puts it into words.

use crate::error::Error;
use std::io;

/// What broke.
#[derive(Debug)]
pub(super) enum Broken {
    /// The call's time is over, or it was cancelled. The connection is as good as it was.
    Over,
    /// No address took the connection within `connect_timeout_ms`.
    NoConnection,
    /// The name has no address.
    NoAddress,
    /// The name means this machine, and its addresses are elsewhere.
    NotHere,
    /// The way to the proxy broke.
    AtProxy(Box<Broken>),
    /// The proxy answered with this status instead of a tunnel.
    ProxyRefused(u16),
    Tls(rustls::Error),
    /// The system gives no random numbers, and there is no TLS without.
    NoRandomness,
    /// No certificate can be for this host.
    NoCertificateName,
    /// There is no thread to look a name up on.
    NoThread(io::Error),
    /// What was sent is repeated again and again, and nobody acknowledges it.
    Unheard,
    Io(io::Error),
    /// The other side closed the connection, and something is missing.
    Ended,
    /// The same without TLS's goodbye (`close_notify`): anyone on the way can do that.
    Cut,
    /// What came is not HTTP, for this reason.
    Malformed(&'static str),
    /// ureq cannot read it, and says why.
    NotHttp(String),
    /// The body of this answer is larger than the caller allows.
    TooLarge {
        status: u16,
        most: u64,
    },
    /// There is no memory for this many bytes.
    NoMemory(usize),
    /// The same for the body of this answer.
    NoRoom {
        status: u16,
        bytes: usize,
    },
    /// The request cannot be sent.
    Unsendable(Error),
}

pub(super) type Outcome<T> = Result<T, Broken>;

/// On its way up through code that knows `io::Error` alone, ureq's among it.
#[derive(Debug)]
struct Wrapped(Broken);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Wrapped {}

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

impl From<rustls::Error> for Broken {
    fn from(error: rustls::Error) -> Broken {
        match error {
            rustls::Error::FailedToGetRandomBytes => Broken::NoRandomness,
            error => Broken::Tls(error),
        }
    }
}

impl Broken {
    /// Whether the server did not like our certificate, or the lack of one.
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
