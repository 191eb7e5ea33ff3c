//! The body of a request: bytes in memory, or a source that is read while it is sent.

use crate::error::Result;
use std::io::Read;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A body that is read while it is sent, and so is never in memory as a whole.
///
/// The transport opens it once for each time that the request goes out: at first, after a fault that
/// allows a repetition, and when a refused token was renewed.
pub(crate) trait BodySource: Send + Sync {
    /// Begins to read, from the beginning.
    ///
    /// # Errors
    /// `BODY_NOT_REPEATABLE` where it was read before and cannot be wound back; a fault of the file.
    fn open(&self) -> Result<Box<dyn Read + Send>>;

    /// How many bytes there are, where that is known; a body of unknown length goes in chunks.
    fn length(&self) -> Result<Option<u64>>;

    /// Whether it can be opened now, again if it was open before.
    fn is_repeatable(&self) -> bool;
}

/// What a request carries.
#[derive(Clone)]
pub(crate) enum Payload {
    None,
    Bytes(Arc<Zeroizing<Vec<u8>>>),
    Source(Arc<dyn BodySource>),
}

impl Payload {
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

    /// Whether the request can go out now, again if it did before.
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
