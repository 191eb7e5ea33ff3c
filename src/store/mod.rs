//! Where records are kept between calls: in memory, in a file that survives a power cut, or in a
//! store of the caller's own.
//!
//! This room turns a record into bytes and back, and keeps processes apart while one renews. It does
//! not know why a record changes, nor what a cloud is.

pub(crate) mod attempt_log;
pub(crate) mod caller;
mod clocks;
mod codec;
mod document;
pub(crate) mod factory;
mod file;
mod lock;
mod medium;
mod memory;
mod name_locks;
mod record_store;
mod seal;
pub(crate) mod siblings;

pub use caller::TokenStore;

use crate::error::{Error, Result};
use crate::model::record::Record;
use crate::support::call::Call;

/// Why a store gives no record.
#[derive(Clone, Debug)]
pub(crate) struct Unusable {
    pub error: Error,
    /// It stays so until a person acts, as with a wrong `store_key`: no client is made of it.
    pub for_good: bool,
}

/// Keeps one record: that of an identity, unless another kind is named.
///
/// Whoever renews holds the lock from before the load until after the save, so that of all who
/// share a store one renews at a time. Reading needs no lock, and changes nothing.
pub(crate) trait Store<R = Record>: Send + Sync {
    /// Excludes all others, waiting to the call's deadline.
    fn lock(&self, call: &Call) -> Result<Box<dyn Lock>>;
    /// Excludes all others if that needs no waiting.
    fn try_lock(&self) -> Result<Option<Box<dyn Lock>>>;
    /// What is kept now: an empty record where nothing is.
    fn load(&self) -> std::result::Result<R, Unusable>;
    /// Whether something was saved that this record does not take account of. Cheap; a store that
    /// cannot tell cheaply says no.
    fn has_news(&self, record: &R) -> bool;
    /// Fails where a save would: asked, with what is in hand, before a single-use refresh token is
    /// spent. Only under the lock.
    fn check_writable(&self, record: &R) -> Result<()>;
    /// Returns once the record is durable, and the record knows its version. Only under the lock.
    fn save(&self, record: &mut R) -> Result<()>;
    /// What the status calls it.
    fn describe(&self) -> String;
    /// Whether one thread may hold the locks of two records at once.
    fn nests(&self) -> bool;
}

/// Held while renewing; dropped to release.
pub(crate) trait Lock {}
