//! A store of the caller's own: a database, a TPM, a secure element, a key store.
//!
//! The caller's functions see bytes under a name. Everything that is hard about a store stays on
//! this side: what is believed, what is sealed, when is written. What they must keep to stands in
//! docs/STORE.md, with what comes of it if they do not.

use super::Lock;
use super::medium::{Contents, MOST_BYTES, Medium, TOO_LARGE};
use super::name_locks::{NameLock, NameLocks};
use crate::error::{Error, Result, Status};
use crate::model::record::Version;
use crate::support::process::PerProcess;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroizing;

/// Keeps records of bytes under names, for clients that are to keep their tokens in it. Given to
/// [`Config::set_store`](crate::Config::set_store); then the option `store` is not set.
///
/// A record is a few kilobytes, sealed if the option `store_key` is set and in the clear if not.
/// Its name is one to eighty letters, digits and `-`: the provider and the identity. What the file
/// store promises holds here as far as these functions keep their part.
///
/// They are called on the threads that use the clients, several at once for different names, and
/// also while a client is made. Between a `try_lock` that got the lock and its `unlock`, the calls
/// for that name but further `load`s come from one thread. They should return within a second or
/// so: no call's time limit interrupts them. They must not use a client of this store.
///
/// ```
/// use std::collections::HashMap;
/// use std::io;
/// use std::sync::{Arc, Mutex};
///
/// /// Forgets everything at the end of the process: an example, not a store.
/// #[derive(Default)]
/// struct Shelf(Mutex<HashMap<String, Vec<u8>>>);
///
/// impl keyfob::TokenStore for Shelf {
///     fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
///         Ok(self.0.lock().unwrap().get(name).cloned())
///     }
///
///     fn save(&self, name: &str, record: &[u8]) -> io::Result<()> {
///         self.0.lock().unwrap().insert(name.into(), record.into());
///         Ok(())
///     }
/// }
///
/// let mut config = keyfob::Config::new("kontakt")?;
/// config.set("username", "gateway@example.com")?;
/// config.set("password_file", "/etc/gateway/password")?;
/// config.set_store(Arc::new(Shelf::default()));
/// # Ok::<(), keyfob::Error>(())
/// ```
pub trait TokenStore: Send + Sync {
    /// The record of this name as it was last saved, whole, or `None` where there is none.
    ///
    /// # Errors
    /// Whatever keeps from telling. No refresh token is spent then.
    fn load(&self, name: &str) -> std::io::Result<Option<Vec<u8>>>;

    /// Puts a record in the place of the one of this name, wholly or not at all, and returns once
    /// it would survive a power cut.
    ///
    /// # Errors
    /// Whatever kept it from being saved. The tokens are then used from memory, and the fault is in
    /// the client's status.
    fn save(&self, name: &str, record: &[u8]) -> std::io::Result<()>;

    /// Takes the lock of this name without waiting: `false` while anyone else has it, in this
    /// process or another.
    ///
    /// The lock must go when its process ends, however that ends. Clients of one
    /// [`Config`](crate::Config) are kept apart already; a program that shares the store with no
    /// other need not lock.
    ///
    /// # Errors
    /// Whatever keeps from locking. Nothing is saved then.
    fn try_lock(&self, name: &str) -> std::io::Result<bool> {
        let _ = name;
        Ok(true)
    }

    /// Gives back the lock that `try_lock` took, on the thread that took it. It cannot fail: what
    /// goes wrong is yours to tell.
    fn unlock(&self, name: &str) {
        let _ = name;
    }
}

/// The caller's store, as all clients of one config share it.
#[derive(Clone)]
pub(crate) struct CallerStore(Arc<Shared>);

/// What they share: the caller's functions, and the locks between threads, so that a store which
/// serves one config need not lock at all.
struct Shared {
    store: Arc<dyn TokenStore>,
    threads: PerProcess<NameLocks>,
}

impl CallerStore {
    pub fn new(store: Arc<dyn TokenStore>) -> CallerStore {
        CallerStore(Arc::new(Shared { store, threads: PerProcess::new() }))
    }
}

impl std::fmt::Debug for CallerStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallerStore")
    }
}

/// One record of a caller's store: a medium.
pub(crate) struct CallerRecord {
    caller: CallerStore,
    name: String,
    /// Whether the last save worked.
    proven: AtomicBool,
}

impl CallerRecord {
    pub fn new(caller: CallerStore, name: &str) -> CallerRecord {
        CallerRecord { caller, name: name.into(), proven: AtomicBool::new(false) }
    }

    /// Names the record and repeats the caller's own words.
    fn fault(&self, what: &str, error: &std::io::Error) -> Error {
        Error::new(Status::Store, format!("store {}: {what}: {error}", self.name()))
    }
}

/// The lock of one record: among threads, and the caller's own. Given back when dropped.
struct CallerLock {
    caller: CallerStore,
    name: String,
    /// Whether the caller's own lock was taken, and has to be given back.
    taken: bool,
    // After the caller's own lock is given back.
    _thread: NameLock,
}

impl Lock for CallerLock {}

impl Drop for CallerLock {
    fn drop(&mut self) {
        if self.taken {
            self.caller.0.store.unlock(&self.name);
        }
    }
}

impl Medium for CallerRecord {
    fn try_lock(&self) -> Result<Option<Box<dyn Lock>>> {
        let threads = self.caller.0.threads.get(NameLocks::default);
        let Some(thread) = threads.try_lock(&self.name) else { return Ok(None) };
        let (caller, name) = (self.caller.clone(), self.name.clone());
        let mut lock = CallerLock { caller, name, taken: false, _thread: thread };
        let taken = self.caller.0.store.try_lock(&self.name);
        lock.taken = taken.map_err(|e| self.fault("cannot be locked", &e))?;
        Ok(lock.taken.then(|| Box::new(lock) as Box<dyn Lock>))
    }

    fn read(&self) -> Result<Contents> {
        let bytes = self.caller.0.store.load(&self.name).map(|bytes| bytes.map(Zeroizing::new));
        let bytes = match bytes.map_err(|e| self.fault("cannot be loaded", &e))? {
            Some(bytes) if bytes.len() > MOST_BYTES => Err(TOO_LARGE),
            bytes => Ok(bytes),
        };
        Ok(Contents { bytes, version: Version::default() })
    }

    /// A look would cost a `load`. Others' news is found when a token is due.
    fn version(&self) -> Option<Version> {
        None
    }

    /// There is no other way to find out than to save. Each later save is the proof for the next.
    fn check_writable(&self, bytes: &[u8]) -> Result<()> {
        if self.proven.load(Ordering::Relaxed) {
            return Ok(());
        }
        // There is no other way to find out. Each later save is the proof for the next.
        self.write(bytes, false).map(drop)
    }

    fn write(&self, bytes: &[u8], _: bool) -> Result<Option<Version>> {
        let saved = self.caller.0.store.save(&self.name, bytes);
        self.proven.store(saved.is_ok(), Ordering::Relaxed);
        saved.map_err(|e| self.fault("cannot be saved", &e))?;
        Ok(Some(Version::default()))
    }

    fn name(&self) -> String {
        format!("record {}", self.name)
    }

    fn fate(&self) -> &'static str {
        "the next save replaces it"
    }

    fn describe(&self) -> String {
        "own".into()
    }

    fn nests(&self) -> bool {
        false
    }
}
