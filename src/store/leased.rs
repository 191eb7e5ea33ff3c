//! A store of the caller's own on many machines: its lock is a lease, and each save proves with a fence
//! that the lock is still held.

use std::io;
use std::time::Duration;

/// Keeps records of bytes under names, as [`TokenStore`](super::TokenStore) does, where a lock cannot
/// last until it is given back: whoever holds it may be another machine, which was switched off. Given
/// to [`Config::set_leased_store`](crate::Config::set_leased_store).
///
/// What is said there of records, names and threads holds here. A fence is the store's own number for a
/// lock: whoever takes the lock later gets a higher one. docs/STORE.md says what comes of a store that
/// does not keep to this.
///
/// ```
/// use std::collections::HashMap;
/// use std::io;
/// use std::sync::{Arc, Mutex};
/// use std::time::{Duration, Instant};
///
/// /// One machine's memory: an example, not a store.
/// #[derive(Default)]
/// struct Shelf(Mutex<HashMap<String, Place>>);
///
/// #[derive(Default)]
/// struct Place {
///     record: Option<Vec<u8>>,
///     fence: u64,
///     held_until: Option<Instant>,
/// }
///
/// impl Place {
///     fn is_held_by(&self, fence: u64) -> bool {
///         self.fence == fence && self.held_until.is_some_and(|until| Instant::now() < until)
///     }
/// }
///
/// impl keyfob::LeasedStore for Shelf {
///     fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
///         Ok(self.0.lock().unwrap().get(name).and_then(|place| place.record.clone()))
///     }
///
///     fn save(&self, name: &str, record: &[u8], fence: u64) -> io::Result<bool> {
///         let mut shelf = self.0.lock().unwrap();
///         let place = shelf.entry(name.into()).or_default();
///         let held = place.is_held_by(fence);
///         if held {
///             place.record = Some(record.into());
///         }
///         Ok(held)
///     }
///
///     fn try_lock(&self, name: &str, lease: Duration) -> io::Result<Option<u64>> {
///         let mut shelf = self.0.lock().unwrap();
///         let place = shelf.entry(name.into()).or_default();
///         if place.is_held_by(place.fence) {
///             return Ok(None);
///         }
///         place.fence += 1;
///         place.held_until = Some(Instant::now() + lease);
///         Ok(Some(place.fence))
///     }
///
///     fn prolong(&self, name: &str, fence: u64, lease: Duration) -> io::Result<bool> {
///         let mut shelf = self.0.lock().unwrap();
///         let place = shelf.entry(name.into()).or_default();
///         let held = place.is_held_by(fence);
///         if held {
///             place.held_until = Some(Instant::now() + lease);
///         }
///         Ok(held)
///     }
///
///     fn unlock(&self, name: &str, fence: u64) {
///         if let Some(place) = self.0.lock().unwrap().get_mut(name) {
///             if place.fence == fence {
///                 place.held_until = None;
///             }
///         }
///     }
/// }
///
/// let mut config = keyfob::Config::new("kontakt")?;
/// config.set("username", "gateway@example.com")?;
/// config.set("password_file", "/etc/gateway/password")?;
/// config.set_leased_store(Arc::new(Shelf::default()));
/// # Ok::<(), keyfob::Error>(())
/// ```
pub trait LeasedStore: Send + Sync {
    /// The record of this name as it was last saved, whole, or `None` where there is none.
    ///
    /// # Errors
    /// Whatever keeps from telling. No refresh token is spent then.
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Puts a record in the place of the one of this name, wholly or not at all, and returns once it
    /// would survive a power cut. `false`, and nothing is written, where the lock of this fence is not
    /// held any more: then the record is loaded again, and nothing is at fault.
    ///
    /// # Errors
    /// Whatever kept it from being saved. The tokens are then used from memory, and the fault is in the
    /// client's status.
    fn save(&self, name: &str, record: &[u8], fence: u64) -> io::Result<bool>;

    /// Takes the lock of this name without waiting, for as long as `lease`, and gives its fence; `None`
    /// while anyone else has it. A lock whose lease is over is free.
    ///
    /// # Errors
    /// Whatever keeps from locking. Nothing is saved then.
    fn try_lock(&self, name: &str, lease: Duration) -> io::Result<Option<u64>>;

    /// Lets the lock of this fence last for as long as `lease` from now; `false` where it is not held
    /// any more. Asked just before a password or a refresh token is sent.
    ///
    /// # Errors
    /// Whatever keeps from telling. No refresh token is spent then.
    fn prolong(&self, name: &str, fence: u64, lease: Duration) -> io::Result<bool>;

    /// Gives back the lock of this fence, on the thread that took it. It cannot fail: what goes wrong
    /// is yours to tell.
    fn unlock(&self, name: &str, fence: u64);

    /// Waits until a record of this name was saved or its lock given back, by anyone, and at most for
    /// `longest`, which may be zero; whether something was. What happens between two waits is told by
    /// the next one, once.
    ///
    /// `None`, at once, where the store cannot tell, as this does. Then its lock is tried two hundred
    /// times a second by whoever waits for it, and a due token is looked for by loading.
    ///
    /// # Errors
    /// Whatever keeps from telling: then it is as if nothing had happened.
    fn wait(&self, name: &str, longest: Duration) -> io::Result<Option<bool>> {
        let _ = (name, longest);
        Ok(None)
    }
}
