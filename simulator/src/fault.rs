//! The vocabulary of faults: what can go wrong at a call.

use serde_json::{Value, json};

/// How far a call gets before its connection fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Right after the connection was accepted, before TLS; no call is known yet.
    Accept,
    /// The request was read; not a byte of the answer leaves.
    BeforeHeaders,
    /// Half of the answer's header leaves.
    WithinHeaders,
    /// The header and half of the body leave.
    WithinBody,
}

impl Stage {
    pub(crate) const ALL: [Stage; 4] =
        [Stage::Accept, Stage::BeforeHeaders, Stage::WithinHeaders, Stage::WithinBody];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Stage::Accept => "accept",
            Stage::BeforeHeaders => "before-headers",
            Stage::WithinHeaders => "within-headers",
            Stage::WithinBody => "within-body",
        }
    }
}

/// What is wrong with a connection's TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate was signed by an authority that no one knows.
    UnknownCa,
    /// The certificate is for another host.
    WrongHost,
    /// The certificate expired long ago.
    Expired,
    /// The handshake never goes on.
    HandshakeStall,
    /// What answers does not speak TLS.
    NotTls,
}

impl TlsFault {
    pub(crate) const ALL: [TlsFault; 5] = [
        TlsFault::UnknownCa,
        TlsFault::WrongHost,
        TlsFault::Expired,
        TlsFault::HandshakeStall,
        TlsFault::NotTls,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            TlsFault::UnknownCa => "unknown-ca",
            TlsFault::WrongHost => "wrong-host",
            TlsFault::Expired => "expired",
            TlsFault::HandshakeStall => "handshake-stall",
            TlsFault::NotTls => "not-tls",
        }
    }
}

/// What is odd about the real answer's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFault {
    /// Behind it stands what reads as another answer, in the same write.
    Surplus,
    /// The same, but the real answer comes in chunks, and that stands behind the last one.
    SurplusChunked,
    /// It says no length, and ends with the connection, in good order.
    NoLength,
    /// The same, but the connection ends without TLS's goodbye (`close_notify`).
    NoLengthCut,
    /// The same, but the connection is reset.
    NoLengthReset,
    /// One of its header lines is folded.
    Folded,
}

impl WireFault {
    pub(crate) const ALL: [WireFault; 6] = [
        WireFault::Surplus,
        WireFault::SurplusChunked,
        WireFault::NoLength,
        WireFault::NoLengthCut,
        WireFault::NoLengthReset,
        WireFault::Folded,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            WireFault::Surplus => "surplus",
            WireFault::SurplusChunked => "surplus-chunked",
            WireFault::NoLength => "no-length",
            WireFault::NoLengthCut => "no-length-cut",
            WireFault::NoLengthReset => "no-length-reset",
            WireFault::Folded => "folded",
        }
    }
}

/// Where a redirect leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectTo {
    /// The same path on the same origin.
    Same,
    /// The same path on an origin that is none of the cloud's.
    OtherOrigin,
    /// The same path on the plain HTTP twin of the origin.
    Downgraded,
}

impl RedirectTo {
    pub(crate) const ALL: [RedirectTo; 3] =
        [RedirectTo::Same, RedirectTo::OtherOrigin, RedirectTo::Downgraded];

    pub(crate) fn name(self) -> &'static str {
        match self {
            RedirectTo::Same => "same",
            RedirectTo::OtherOrigin => "other-origin",
            RedirectTo::Downgraded => "downgraded",
        }
    }
}

/// Something that goes wrong at a call.
///
/// "The real answer" below means that the call is carried out first, with all its effects.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is reset (TCP RST).
    Reset {
        /// When.
        at: Stage,
        /// The call was carried out before.
        executed: bool,
    },
    /// The connection is closed in good order.
    Close {
        /// When.
        at: Stage,
        /// The call was carried out before.
        executed: bool,
    },
    /// Nothing more comes, and the connection stays open.
    Stall {
        /// When.
        at: Stage,
        /// The call was carried out before.
        executed: bool,
    },
    /// The real answer, a byte at a time.
    Drip {
        /// Milliseconds between two bytes.
        ms: u64,
    },
    /// The real answer, late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// TLS is not what it should be.
    Tls(TlsFault),
    /// The real answer, in odd bytes.
    Wire(WireFault),
    /// A redirect instead of the call.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// Its target.
        to: RedirectTo,
    },
    /// This answer instead of the call.
    Answer {
        /// Status.
        status: u16,
        /// Headers; `Content-Length` and `Date` are added where they are missing.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// The call is carried out, and then a gateway in between answers with an error of its own.
    Lost {
        /// 502 and 504 are what gateways say.
        status: u16,
    },
    /// A page of HTML under 200 in place of the real answer.
    Html200,
    /// The real answer's status without its body.
    Empty,
    /// The real answer's body cut in half, with a `Content-Length` to match.
    Truncated,
    /// A JSON array in place of the real answer's object.
    NotObject,
    /// An object that nests this deep in place of the real answer's.
    DeepJson(usize),
    /// An object with one string of this many bytes in place of the real answer's.
    HugeBody {
        /// Bytes.
        bytes: u64,
        /// `Transfer-Encoding: chunked` instead of `Content-Length`.
        chunked: bool,
    },
    /// A small gzip body that unpacks to this many bytes, in place of the real answer's.
    GzipBomb {
        /// Bytes after unpacking.
        bytes: u64,
    },
    /// The real answer with a byte in its first string that is not UTF-8.
    InvalidUtf8,
    /// The real answer after a byte order mark.
    Bom,
    /// The real answer with every member of its object twice, another value first.
    DuplicateKeys,
    /// The real answer with one member set.
    SetField {
        /// JSON pointer (RFC 6901).
        pointer: String,
        /// Its new value.
        value: Value,
    },
    /// The real answer with one member set to text that need not be JSON.
    RawField {
        /// JSON pointer (RFC 6901).
        pointer: String,
        /// What stands there, byte for byte.
        text: String,
    },
    /// The real answer without one of its members.
    RemoveField {
        /// JSON pointer (RFC 6901).
        pointer: String,
    },
    /// The real answer with one header set.
    SetHeader {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// The real answer without one of its headers.
    RemoveHeader {
        /// Its name.
        name: String,
    },
}

impl Fault {
    /// An answer with that status and a short body, without any header of note.
    pub fn status(status: u16) -> Fault {
        let body = json!({ "status": status, "message": "injected" });
        Fault::Answer {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    /// An answer as given.
    pub fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Fault {
        let headers = headers.iter();
        Fault::Answer {
            status,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_ref().to_vec(),
        }
    }

    /// The real answer with one member set.
    pub fn set_field(pointer: &str, value: Value) -> Fault {
        Fault::SetField { pointer: pointer.to_owned(), value }
    }

    /// The real answer with one member set to text that need not be JSON.
    pub fn raw_field(pointer: &str, text: &str) -> Fault {
        Fault::RawField { pointer: pointer.to_owned(), text: text.to_owned() }
    }

    /// The real answer without one of its members.
    pub fn remove_field(pointer: &str) -> Fault {
        Fault::RemoveField { pointer: pointer.to_owned() }
    }

    /// The fault strikes a connection, before any call on it is known.
    pub fn strikes_connection(&self) -> bool {
        use Fault::{Close, Reset, Stall, Tls};
        match self {
            Reset { at, .. } | Close { at, .. } | Stall { at, .. } => *at == Stage::Accept,
            Tls(_) => true,
            _ => false,
        }
    }

    /// The call is carried out all the same.
    pub fn executes(&self) -> bool {
        use Fault::{Answer, Close, Redirect, Reset, Stall, Tls};
        match self {
            Reset { executed, .. } | Close { executed, .. } | Stall { executed, .. } => *executed,
            Tls(_) | Redirect { .. } | Answer { .. } => false,
            _ => true,
        }
    }

    /// One of each, and more where the parameters make another fault of it: rows for a table.
    pub fn catalogue() -> Vec<Fault> {
        let mut all = Vec::new();
        for at in Stage::ALL {
            for executed in [false, true] {
                if at == Stage::Accept && executed {
                    continue;
                }
                all.push(Fault::Reset { at, executed });
                all.push(Fault::Close { at, executed });
                all.push(Fault::Stall { at, executed });
            }
        }
        all.extend(TlsFault::ALL.map(Fault::Tls));
        all.extend(WireFault::ALL.map(Fault::Wire));
        for status in [301, 302, 303, 307, 308] {
            all.extend(RedirectTo::ALL.map(|to| Fault::Redirect { status, to }));
        }
        all.extend([400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504].map(Fault::status));
        all.extend([502, 504].map(|status| Fault::Lost { status }));
        all.extend([
            Fault::Drip { ms: 1 },
            Fault::Delay { ms: 100 },
            Fault::Html200,
            Fault::Empty,
            Fault::Truncated,
            Fault::NotObject,
            Fault::DeepJson(10_000),
            Fault::HugeBody { bytes: 100_000_000, chunked: false },
            Fault::HugeBody { bytes: 100_000_000, chunked: true },
            Fault::GzipBomb { bytes: 100_000_000 },
            Fault::InvalidUtf8,
            Fault::Bom,
            Fault::DuplicateKeys,
            Fault::RemoveHeader { name: "Date".to_owned() },
        ]);
        all
    }
}
