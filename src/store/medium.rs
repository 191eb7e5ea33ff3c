//! A medium: where the bytes of one record are. It knows no record, and decides nothing.
//!
//! To keep records in a new kind of place, write a medium: what is believed and when is written
//! stays in `record_store`. tests/suites/store runs one contract on memory, files and a store of
//! a caller's own.

use super::Lock;
use crate::error::Result;
use crate::model::record::Version;
use crate::support::call::Call;
use std::time::Duration;
use zeroize::Zeroizing;

/// Where the bytes of one record are. Any thread may call it; errors have the status `Store`.
pub(crate) trait Medium: Send + Sync {
    /// Excludes all others until the lock is dropped, or `lease` is over where the medium counts
    /// that; `None` while somebody else does. An error where it cannot be locked at all: then
    /// nothing is written.
    fn try_lock(&self, lease: Duration) -> Result<Option<Box<dyn Lock>>>;
    /// Lets the lock that is held last for `lease` from now; `false` where it was lost meanwhile.
    fn prolong(&self, lease: Duration) -> Result<bool> {
        let _ = lease;
        Ok(true)
    }
    /// What is there now. Needs no lock: a write is seen wholly or not at all. An error where
    /// that is not known.
    fn read(&self) -> Result<Contents>;
    /// The version that a `read` would find, without reading; `None` where that is not cheap or
    /// not known.
    fn version(&self) -> Option<Version>;
    /// The same without a wait, as far as was heard: for who has a fresh token.
    fn heard(&self) -> Option<Version> {
        self.version()
    }
    /// Whether `version` and `heard` tell of what others write.
    fn tells(&self) -> bool;
    /// Whether it came back a moment ago and may have lost the last write: who has that puts it
    /// back now, and all others wait.
    fn is_settling(&self) -> bool {
        false
    }
    /// Fails where a `write` of bytes like these would: no right, no room. Prolongs the lock for
    /// `lease`, and gives `false` where it was lost. Only under the lock.
    fn check_writable(&self, bytes: &[u8], lease: Duration) -> Result<bool>;
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
    /// What waits between two tries of the lock.
    fn waiter(&self) -> Box<dyn Waiter + '_> {
        Box::new(Naps)
    }
    /// Whether it may be out of reach for a while, and come back.
    fn is_remote(&self) -> bool {
        false
    }
    /// Whether it went out of reach a moment ago, and may be worth waiting for.
    fn may_come_back(&self) -> bool {
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

/// Waits between two tries of a lock that somebody else has.
pub(super) trait Waiter {
    /// Waits until the lock may be free or something may have been written. Fails where the call
    /// ends first.
    fn wait(&mut self, call: &Call) -> Result<()>;
}

/// Waits for five milliseconds, where nothing tells of a change.
pub(super) struct Naps;

impl Waiter for Naps {
    fn wait(&mut self, call: &Call) -> Result<()> {
        call.sleep(Duration::from_millis(5))
    }
}

/// How long a lock lasts at most without its holder's word: longer than nearly any token call.
const LONGEST_LEASE: Duration = Duration::from_secs(15);

/// What a call under a lease leaves of it: for the save, and for clocks that differ a little.
pub(super) const MARGIN: Duration = Duration::from_secs(1);

/// The lease for a lock under which this call may go to the cloud.
pub(super) fn lease_for(call: &Call) -> Duration {
    let left = call.remaining().unwrap_or_default();
    left.saturating_add(MARGIN).min(LONGEST_LEASE)
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
