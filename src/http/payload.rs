//! The body of a request: bytes in memory, or a source that is read while it is sent.
//!
//! A request may go out more than once: after a fault that allows it, and when a refused token
//! was renewed. So a body must be readable from its beginning again, or say that it is not.

use crate::error::Result;
use std::io::Read;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A body that is read while it is sent, and so is never in memory as a whole.
///
/// The transport opens it once for each time that the request goes out. It is read on the thread
/// of the call.
pub(crate) trait BodySource: Send + Sync {
    /// Begins to read, from the beginning.
    ///
    /// # Errors
    /// `BODY_NOT_REPEATABLE` where it was read before and cannot be wound back; a fault of the file.
    fn open(&self) -> Result<Box<dyn Read + Send>>;

    /// How many bytes there are. `None` where that is not known: the body then goes in chunks
    /// (RFC 9112 7.1).
    fn length(&self) -> Result<Option<u64>>;

    /// Whether it can be opened now, also if it was opened before.
    fn is_repeatable(&self) -> bool;
}

/// The body of a request.
#[derive(Clone)]
pub(crate) enum Payload {
    None,
    /// Shared, so that sending again copies nothing; wiped when dropped.
    Bytes(Arc<Zeroizing<Vec<u8>>>),
    /// Opened anew each time the request goes out.
    Source(Arc<dyn BodySource>),
}

impl Payload {
    /// Takes over these bytes.
    pub fn bytes(bytes: Vec<u8>) -> Payload {
        Payload::Bytes(Arc::new(Zeroizing::new(bytes)))
    }

    /// The bytes of a body that is in memory.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Payload::Bytes(bytes) => Some(bytes),
            Payload::None | Payload::Source(_) => None,
        }
    }

    /// Whether the request can go out now, also if it did before.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Payload::None | Payload::Bytes(_) => true,
            Payload::Source(source) => source.is_repeatable(),
        }
    }
}

/// The same bytes, or the very same source.
impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        match (self, other) {
            (Payload::None, Payload::None) => true,
            (Payload::Bytes(a), Payload::Bytes(b)) => a == b,
            (Payload::Source(a), Payload::Source(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Payload {}
