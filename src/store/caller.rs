//! A store of the caller's own: a database, a TPM, a secure element, a key store.
//!
//! The caller's functions see bytes under a name. Everything that is hard about a store stays on
//! this side: what is believed, what is sealed, when is written. What they must keep to stands in
//! docs/STORE.md, with what comes of it if they do not.

use super::Lock;
use super::leased::LeasedStore;
use super::medium::{Contents, MARGIN, MOST_BYTES, Medium, Naps, TOO_LARGE, Waiter};
use super::name_locks::{NameLock, NameLocks};
use crate::error::{Error, Result, Status};
use crate::model::record::Version;
use crate::support::call::Call;
use crate::support::process::PerProcess;
use crate::support::sync::locked;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
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
    functions: Functions,
    threads: PerProcess<NameLocks>,
    /// By name: counts what the store told of changes.
    news: PerProcess<Mutex<HashMap<String, u64>>>,
}

/// The caller's functions.
enum Functions {
    /// Whose lock lasts until it is given back.
    Plain(Arc<dyn TokenStore>),
    /// Whose lock is a lease.
    Leased(Arc<dyn LeasedStore>),
}

impl CallerStore {
    pub fn new(store: Arc<dyn TokenStore>) -> CallerStore {
        CallerStore::of(Functions::Plain(store))
    }

    pub fn leased(store: Arc<dyn LeasedStore>) -> CallerStore {
        CallerStore::of(Functions::Leased(store))
    }

    fn of(functions: Functions) -> CallerStore {
        let (threads, news) = (PerProcess::new(), PerProcess::new());
        CallerStore(Arc::new(Shared { functions, threads, news }))
    }

    /// How often the store told of a change of this name.
    fn news_of(&self, name: &str) -> u64 {
        locked(&self.0.news.get(Mutex::default)).get(name).copied().unwrap_or(0)
    }

    /// Waits at most so long for the store to tell of a change; whether it did. `None` where it cannot
    /// tell.
    fn wait(&self, name: &str, longest: Duration) -> io::Result<Option<bool>> {
        let Functions::Leased(store) = &self.0.functions else { return Ok(None) };
        let told = store.wait(name, longest)?;
        if told == Some(true) {
            *locked(&self.0.news.get(Mutex::default)).entry(name.into()).or_default() += 1;
        }
        Ok(told)
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
    /// The lock that is held.
    held: PerProcess<Mutex<Option<Holding>>>,
}

/// A lock that this process has: its fence, and until when it is ours at least; `None` where it lasts
/// until it is given back.
#[derive(Clone, Copy)]
struct Holding {
    fence: u64,
    until: Option<Instant>,
}

impl CallerRecord {
    pub fn new(caller: CallerStore, name: &str) -> CallerRecord {
        let (proven, held) = (AtomicBool::new(false), PerProcess::new());
        CallerRecord { caller, name: name.into(), proven, held }
    }

    /// Names the record and repeats the caller's own words.
    fn fault(&self, what: &str, error: &io::Error) -> Error {
        Error::new(Status::Store, format!("store {}: {what}: {error}", self.name()))
    }

    /// Takes the caller's own lock; its fence.
    fn take(&self, lease: Duration) -> io::Result<Option<u64>> {
        match &self.caller.0.functions {
            Functions::Plain(store) => Ok(store.try_lock(&self.name)?.then_some(0)),
            Functions::Leased(store) => store.try_lock(&self.name, lease),
        }
    }

    fn held(&self) -> Arc<Mutex<Option<Holding>>> {
        self.held.get(Mutex::default)
    }

    fn fence(&self) -> u64 {
        locked(&self.held()).map_or(0, |holding| holding.fence)
    }
}

/// The lock of one record: among threads, and the caller's own. Given back when dropped.
struct CallerLock {
    caller: CallerStore,
    name: String,
    held: Arc<Mutex<Option<Holding>>>,
    // After the caller's own lock is given back.
    _thread: NameLock,
}

impl Lock for CallerLock {}

impl Drop for CallerLock {
    fn drop(&mut self) {
        // `None`: the caller's own lock was not taken.
        let held = locked(&self.held).take();
        if let Some(Holding { fence, .. }) = held {
            match &self.caller.0.functions {
                Functions::Plain(store) => store.unlock(&self.name),
                Functions::Leased(store) => store.unlock(&self.name, fence),
            }
        }
    }
}

/// Waits as the store tells of changes, where it can, and for five milliseconds where it cannot.
struct Told<'a>(&'a CallerRecord);

impl Waiter for Told<'_> {
    fn wait(&mut self, call: &Call) -> Result<()> {
        /// The longest wait before the lock is tried again: a lease may have ended, of which nobody
        /// tells.
        const LONGEST: Duration = Duration::from_secs(1);
        let CallerRecord { caller, name, .. } = self.0;
        let begun = Instant::now();
        // A store that tells of something each time must not be asked without a rest.
        call.sleep(Duration::from_millis(1))?;
        while begun.elapsed() < LONGEST {
            let (asked, slice) = (Instant::now(), call.slice()?);
            match caller.wait(name, slice) {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) if asked.elapsed() * 2 >= slice => {}
                // It did not wait, and must not be asked again without a rest.
                Ok(_) | Err(_) => return Naps.wait(call),
            }
        }
        Ok(())
    }
}

impl Medium for CallerRecord {
    fn try_lock(&self, lease: Duration) -> Result<Option<Box<dyn Lock>>> {
        let threads = self.caller.0.threads.get(NameLocks::default);
        let Some(thread) = threads.try_lock(&self.name) else { return Ok(None) };
        // Counted from before the question: never longer than the store counts.
        let until = Instant::now() + lease;
        let taken = self.take(lease).map_err(|e| self.fault("cannot be locked", &e))?;
        let Some(fence) = taken else { return Ok(None) };
        let is_leased = matches!(self.caller.0.functions, Functions::Leased(_));
        let held = self.held();
        *locked(&held) = Some(Holding { fence, until: is_leased.then_some(until) });
        let (caller, name) = (self.caller.clone(), self.name.clone());
        Ok(Some(Box::new(CallerLock { caller, name, held, _thread: thread })))
    }

    fn prolong(&self, lease: Duration) -> Result<bool> {
        let Functions::Leased(store) = &self.caller.0.functions else { return Ok(true) };
        let until = Instant::now() + lease;
        let kept = store.prolong(&self.name, self.fence(), lease);
        let kept = kept.map_err(|e| self.fault("its lock cannot be prolonged", &e))?;
        if let Some(holding) = locked(&self.held()).as_mut().filter(|_| kept) {
            holding.until = Some(until);
        }
        Ok(kept)
    }

    fn read(&self) -> Result<Contents> {
        // What is told from now on may not be in what is read.
        let version = Version([self.caller.news_of(&self.name) + 1, 0, 0, 0]);
        let bytes = match &self.caller.0.functions {
            Functions::Plain(store) => store.load(&self.name),
            Functions::Leased(store) => store.load(&self.name),
        };
        let bytes = bytes.map(|bytes| bytes.map(Zeroizing::new));
        let bytes = match bytes.map_err(|e| self.fault("cannot be loaded", &e))? {
            Some(bytes) if bytes.len() > MOST_BYTES => Err(TOO_LARGE),
            bytes => Ok(bytes),
        };
        Ok(Contents { bytes, version })
    }

    /// A look would cost a `load`, so news is what the store tells. One that tells nothing is looked
    /// into when a token is due.
    fn version(&self) -> Option<Version> {
        self.caller.wait(&self.name, Duration::ZERO).ok()??;
        Some(Version([self.caller.news_of(&self.name) + 1, 0, 0, 0]))
    }

    fn tells(&self) -> bool {
        self.is_remote()
    }

    fn check_writable(&self, bytes: &[u8], lease: Duration) -> Result<bool> {
        if !self.prolong(lease)? {
            return Ok(false);
        }
        if self.proven.load(Ordering::Relaxed) {
            return Ok(true);
        }
        // There is no other way to find out. Each later save is the proof for the next.
        Ok(self.write(bytes, false)?.is_some())
    }

    fn write(&self, bytes: &[u8], _: bool) -> Result<Option<Version>> {
        let saved = match &self.caller.0.functions {
            Functions::Plain(store) => store.save(&self.name, bytes).map(|()| true),
            Functions::Leased(store) => store.save(&self.name, bytes, self.fence()),
        };
        self.proven.store(matches!(saved, Ok(true)), Ordering::Relaxed);
        let saved = saved.map_err(|e| self.fault("cannot be saved", &e))?;
        Ok(saved.then(|| Version([self.caller.news_of(&self.name) + 1, 0, 0, 0])))
    }

    fn lease_left(&self) -> Option<Duration> {
        let until = (*locked(&self.held()))?.until?;
        Some(until.saturating_duration_since(Instant::now()).saturating_sub(MARGIN))
    }

    fn is_remote(&self) -> bool {
        matches!(self.caller.0.functions, Functions::Leased(_))
    }

    fn waiter(&self) -> Box<dyn Waiter + '_> {
        match &self.caller.0.functions {
            Functions::Plain(_) => Box::new(Naps),
            Functions::Leased(_) => Box::new(Told(self)),
        }
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
