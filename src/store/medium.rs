//! A medium: where the bytes of one record are. It knows no record, and decides nothing.

use super::Lock;
use crate::error::Result;
use crate::model::record::Version;
use zeroize::Zeroizing;

/// Where the bytes of one record are.
pub(crate) trait Medium: Send + Sync {
    /// Excludes all others; `None` while somebody else does.
    fn try_lock(&self) -> Result<Option<Box<dyn Lock>>>;
    /// What is there now.
    fn read(&self) -> Result<Contents>;
    /// What a `read` would call its version, without reading; `None` where that is not cheap.
    fn version(&self) -> Option<Version>;
    /// Fails where a `write` of bytes like these would.
    fn check_writable(&self, bytes: &[u8]) -> Result<()>;
    /// Puts the bytes in the place of what is there, wholly or not at all, and returns once they
    /// are durable. What `set_aside` says is worthless is kept for people to look at, if possible.
    fn write(&self, bytes: &[u8], set_aside: bool) -> Result<Version>;
    /// The record's name in errors.
    fn name(&self) -> String;
    /// What becomes of a worthless record, in errors.
    fn fate(&self) -> &'static str;
    /// What the status calls the medium.
    fn describe(&self) -> String;
    /// Whether one thread may hold the locks of two names at once. A store of the caller's own may
    /// have one lock for all names.
    fn nests(&self) -> bool;
}

/// What a medium has.
pub(crate) struct Contents {
    pub bytes: std::result::Result<Option<Zeroizing<Vec<u8>>>, Unreadable>,
    pub version: Version,
}

/// Why stored bytes yield no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Damaged, another version's, another identity's: worthless, and in the way.
    Worthless(&'static str),
    /// In good order, but anyone may have written it: not kept for anyone to look at, because what
    /// it tells is in the clear.
    Distrusted(&'static str),
    /// Sealed with another key, or sealed and there is none: may be good, and must not be overwritten.
    Locked(&'static str),
}

/// No record is near this large; what is, is not ours.
pub(super) const MOST_BYTES: usize = 4 << 20;

pub(super) const TOO_LARGE: Unreadable =
    Unreadable::Worthless("is too large to be a keyfob record");
