//! A medium: where the bytes of one record are. It knows no record, and decides nothing.
//!
//! To keep records in a new kind of place, write a medium: what is believed and when is written
//! stays in `record_store`. tests/suites/store runs one contract on memory, files and a store of
//! a caller's own.

use super::Lock;
use crate::error::Result;
use crate::model::record::Version;
use std::time::Duration;
use zeroize::Zeroizing;

/// Where the bytes of one record are. Any thread may call it; errors have the status `Store`.
pub(crate) trait Medium: Send + Sync {
    /// Excludes all others until the lock is dropped; `None` while somebody else does. An error
    /// where it cannot be locked at all: then nothing is written.
    fn try_lock(&self) -> Result<Option<Box<dyn Lock>>>;
    /// What is there now. Needs no lock: a write is seen wholly or not at all. An error where
    /// that is not known.
    fn read(&self) -> Result<Contents>;
    /// The version that a `read` would find, without reading; `None` where that is not cheap or
    /// not known.
    fn version(&self) -> Option<Version>;
    /// Fails where a `write` of bytes like these would: no right, no room. Only under the lock.
    fn check_writable(&self, bytes: &[u8]) -> Result<()>;
    /// Puts the bytes in the place of what is there, wholly or not at all, and returns once they
    /// would survive a power cut. Gives their version; `None` where the lock was lost meanwhile and
    /// nothing is written. Only under the lock.
    ///
    /// `set_aside`: what is there is worthless, and is kept for people to look at, if the medium
    /// can do that.
    fn write(&self, bytes: &[u8], set_aside: bool) -> Result<Option<Version>>;
    /// How long the lock that is held lasts still, less what a save takes; `None` where it lasts until
    /// it is given back.
    fn lease_left(&self) -> Option<Duration> {
        None
    }
    /// How long to wait before the lock is tried again, after so many tries.
    fn patience(&self, tries: u32) -> Duration {
        let _ = tries;
        Duration::from_millis(5)
    }
    /// Whether it may be out of reach for a while, and come back.
    fn is_remote(&self) -> bool {
        false
    }
    /// What errors call the record: a path, a name.
    fn name(&self) -> String;
    /// What becomes of a worthless record: the end of an error message.
    fn fate(&self) -> &'static str;
    /// The kind of store, as the status shows it.
    fn describe(&self) -> String;
    /// Whether one thread may hold the locks of two names at once. A store of the caller's own may
    /// have one lock for all names.
    fn nests(&self) -> bool;
}

/// What a medium has.
pub(crate) struct Contents {
    /// `None` where nothing is there; `Unreadable` where the medium itself does not believe it.
    pub bytes: std::result::Result<Option<Zeroizing<Vec<u8>>>, Unreadable>,
    /// Of these very bytes, not of what may have replaced them since.
    pub version: Version,
}

/// Why stored bytes yield no record. The text is the middle of a message: "store <name> … ; <its
/// fate>".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Damaged, of another version, of another identity: overwritten by the next save, and set
    /// aside before.
    Worthless(&'static str),
    /// In good order, but anyone may have written it. Overwritten and not set aside, because its
    /// tokens are in the clear.
    Distrusted(&'static str),
    /// Sealed with another key, or sealed and there is none. It may be good: it is never
    /// overwritten.
    Locked(&'static str),
}

/// The largest record, in bytes. No record is near it; what is larger is not ours, and is not
/// read.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// What a medium says of a larger one.
pub(super) const TOO_LARGE: Unreadable =
    Unreadable::Worthless("is too large to be a keyfob record");
