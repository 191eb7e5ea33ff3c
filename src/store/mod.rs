//! Where records are kept between calls: in memory, in a file that survives a power cut, on a Redis
//! server, or in a store of the caller's own.
//!
//! This room turns a record into bytes and back, and keeps processes apart while one renews. It
//! does not know why a record changes, nor what a cloud is. docs/STORE.md says what is promised,
//! and how each promise is tried.
//!
//! From top to bottom:
//!
//! - `Store` is what the lifecycle sees: one record, with a lock. `memory` and `record_store` are
//!   stores.
//! - `record_store` decides what is believed and what is overwritten. It stands on a `Codec` and
//!   a `Medium`.
//! - `codec` makes bytes of a record; `document`, `clocks` and `seal` serve it. `user_key` is a key
//!   that the system keeps.
//! - `Medium` is where the bytes are, and decides nothing. `file`, `redis` and `caller` are media.
//!
//! A renewal uses a store like this, and leaves out no step:
//!
//! ```text
//! let lock = store.lock(&call)?;         // others wait, or serve what they have
//! let record = store.load()?;            // somebody may have renewed meanwhile
//! store.check_writable(&record, &call)?; // before a refresh token is spent that works once
//! ... the exchange ...
//! store.save(&mut record)?;              // durable before anyone is given the new token
//! drop(lock);
//! ```

pub(crate) mod attempt_log;
pub(crate) mod caller;
mod clocks;
mod codec;
mod document;
pub(crate) mod factory;
mod file;
mod leased;
mod lock;
mod medium;
mod memory;
mod name_locks;
mod record_store;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod redis_ear;
#[cfg(feature = "redis")]
mod redis_protocol;
#[cfg(feature = "redis")]
mod redis_server;
#[cfg(feature = "redis")]
mod redis_url;
mod seal;
pub(crate) mod siblings;
mod user_key;

pub use caller::TokenStore;
pub use leased::LeasedStore;

use crate::error::{Error, Result};
use crate::model::record::Record;
use crate::support::call::Call;
use std::time::Duration;

/// Why a store gives no record although there may be one.
#[derive(Clone, Debug)]
pub(crate) struct Unusable {
    /// Status `Store`; says what is wrong with it and what becomes of it.
    pub error: Error,
    /// Whether it stays so until a person acts, as with a wrong `store_key`: then no client is
    /// made. Otherwise the client goes on with what it knows itself, and shows the fault in its
    /// status.
    pub for_good: bool,
}

/// Keeps one record: that of an identity, unless another type is named.
///
/// Whoever renews holds the lock from before the load until after the save: of all who share a
/// store, one renews at a time. Reading needs no lock and changes nothing. Any thread may call
/// it.
pub(crate) trait Store<R = Record>: Send + Sync {
    /// Excludes all others, in this process and in others. Waits to the call's deadline at most:
    /// then `Timeout`. A `Store` error means that it cannot be locked at all.
    fn lock(&self, call: &Call) -> Result<Box<dyn Lock>>;
    /// The same, or `None` where somebody else has the lock and saved something meanwhile that this
    /// record does not take account of.
    fn lock_or_news(&self, record: &R, call: &Call) -> Result<Option<Box<dyn Lock>>> {
        let _ = record;
        self.lock(call).map(Some)
    }
    /// Excludes all others, or gives `None` at once where somebody else does.
    fn try_lock(&self, call: &Call) -> Result<Option<Box<dyn Lock>>>;
    /// The same for who puts back what the store has lost. A store that just came back keeps all
    /// others waiting a moment for that.
    fn try_lock_to_restore(&self, call: &Call) -> Result<Option<Box<dyn Lock>>> {
        self.try_lock(call)
    }
    /// Lets the lock that is held last for as long as the call may take; `false` where it was lost
    /// meanwhile. Then others may be renewing.
    fn prolong(&self, call: &Call) -> Result<bool> {
        let _ = call;
        Ok(true)
    }
    /// What is kept now; an empty record where nothing is.
    fn load(&self) -> std::result::Result<R, Unusable>;
    /// Whether something was saved that this record does not take account of. Asked each time a
    /// token that is due is served, so it must be cheap; a store that cannot tell cheaply says
    /// no.
    fn has_news(&self, record: &R) -> bool;
    /// The same, but a store that cannot tell cheaply says yes.
    fn may_have_news(&self, record: &R) -> bool {
        let _ = record;
        true
    }
    /// The same, asked while the token is fresh: nobody who may keep the caller waiting is asked,
    /// unless something was heard of.
    fn heard_news(&self, record: &R) -> bool {
        self.has_news(record)
    }
    /// Whether it can tell cheaply of what others save.
    fn tells(&self) -> bool {
        false
    }
    /// Fails where a save would. Asked, with the record at hand, before a single-use refresh
    /// token is spent: after that it would be too late. Prolongs the lock as `prolong` does. Only
    /// under the lock.
    fn check_writable(&self, record: &R, call: &Call) -> Result<bool>;
    /// Returns once the record would survive a power cut, and sets the record's version. Only
    /// under the lock. On failure what is kept is still whole: the record before, or this one.
    fn save(&self, record: &mut R) -> Result<()>;
    /// The kind of store, as the status shows it: `memory`, `file:<directory>`, `redis://…`, `own`.
    fn describe(&self) -> String;
    /// Whether one thread may hold the locks of two records at once. A caller's own store may
    /// have one lock for all, and would wait for itself.
    fn nests(&self) -> bool;
    /// How long the lock that is held lasts still, for a call to be made under it; `None` where it
    /// lasts until it is given back.
    fn lease_left(&self) -> Option<Duration> {
        None
    }
    /// Whether it may be out of reach for a while, and come back. Then a token that is good is not
    /// renewed without it.
    fn is_remote(&self) -> bool {
        false
    }
}

/// A lock that is held while renewing, and given back when dropped.
pub(crate) trait Lock {}
