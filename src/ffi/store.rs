//! Store: where tokens are kept, if neither memory nor files will do.
//!
//! Most programs need nothing of this group: the option `store` takes `memory` or `file:` and a
//! directory. A program with a database, a TPM or a secure element gives four functions, by
//! `keyfob_config_set_store`, before it makes a client; one whose store is shared by machines gives six,
//! by `keyfob_config_set_store2`. A load function hands what it has to
//! `keyfob_record_set`. Around a renewal keyfob calls lock, load, save and unlock in this order,
//! and may save once more before it asks the cloud, to see that it can. It calls load alone to see
//! what is there. A record is opaque bytes: keep them as they are.

use super::config::keyfob_config;
use super::convert::{bytes, handle_mut};
use super::error::keyfob_error;
use super::guard::guard;
use crate::error::{Error, Status};
use crate::store::{LeasedStore, TokenStore};
use std::ffi::{CString, c_char, c_void};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Where a load function of a store puts what it has. keyfob's, and good for the time of that call
/// only.
pub struct keyfob_record(Option<Zeroizing<Vec<u8>>>);

/// Loads the record of this name: gives it to `keyfob_record_set`, or does not where there is none.
/// Returns `KEYFOB_OK`; anything else says that the store cannot tell, and then no refresh token is
/// spent.
pub type keyfob_store_load_fn = Option<
    unsafe extern "C" fn(
        name: *const c_char,
        record: *mut keyfob_record,
        user_data: *mut c_void,
    ) -> i32,
>;

/// Puts these `len` bytes in the place of the record of this name, wholly or not at all, and
/// returns `KEYFOB_OK` once they would survive a power cut: the refresh token that they replace may
/// be spent. Anything else says that they were not saved: the tokens are then used from memory, and
/// the fault is in the client's status.
pub type keyfob_store_save_fn = Option<
    unsafe extern "C" fn(
        name: *const c_char,
        data: *const u8,
        len: usize,
        user_data: *mut c_void,
    ) -> i32,
>;

/// Takes the lock of this name without waiting, and returns `KEYFOB_OK`; `KEYFOB_WOULD_BLOCK` while
/// anyone else has it, in this process or another, and keyfob asks again until the call's time is
/// over. The lock must go when its process ends, however that ends. Anything else says that locking
/// is impossible, and then nothing is saved.
pub type keyfob_store_lock_fn =
    Option<unsafe extern "C" fn(name: *const c_char, user_data: *mut c_void) -> i32>;

/// Gives back the lock of this name, after a lock function that returned `KEYFOB_OK`.
pub type keyfob_store_unlock_fn =
    Option<unsafe extern "C" fn(name: *const c_char, user_data: *mut c_void)>;

/// Keeps the tokens of the clients made from this config in a store of the caller's own: a
/// database, a TPM, a secure element. The option `store` must not be set then; `store_key` seals
/// what is kept. docs/STORE.md says what such a store must do; `examples/c/keyfob-sqlite-store.c`
/// is one.
///
/// A record is a few kilobytes. Its `name` is one to eighty letters, digits and `-`. Strings and
/// data are borrowed for the time of the call. `lock` and `unlock` may both be NULL where no other
/// process and no client of another config shares the store. All four NULL: back to the option
/// `store`.
///
/// The functions are called on the threads that use the clients, several at once for different
/// names, and while a client is made. Between a `lock` that was taken and its `unlock`, all calls
/// for that name but further loads come from one thread. They should return within a second or so,
/// since no time limit interrupts them; they must not unwind or jump out, nor use a client of this
/// store. They and `user_data` must stay usable until the last client made from this config is
/// freed.
///
/// `KEYFOB_NULL_ARGUMENT`: `load` or `save` alone is NULL, or one of `lock` and `unlock`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_store(
    config: *mut keyfob_config,
    load: keyfob_store_load_fn,
    save: keyfob_store_save_fn,
    lock: keyfob_store_lock_fn,
    unlock: keyfob_store_unlock_fn,
    user_data: *mut c_void,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let config = &mut handle_mut(config, "config")?.0;
        let incomplete = |what: &str| Err(Error::new(Status::NullArgument, what));
        let locking = match (lock, unlock) {
            (Some(lock), Some(unlock)) => Some((lock, unlock)),
            (None, None) => None,
            _ => return incomplete("lock and unlock: give both, or neither"),
        };
        match (load, save, locking) {
            (Some(load), Some(save), locking) => {
                config.set_store(Arc::new(Functions { load, save, locking, user_data }));
            }
            (None, None, None) => config.unset_store(),
            _ => return incomplete("load and save: a store needs both"),
        }
        Ok(())
    })
}

/// Takes the lock of this name for as long as `lease_ms` without waiting, writes the store's own number
/// for it to `*fence`, and returns `KEYFOB_OK`. The number is higher than that of any lock before.
/// `KEYFOB_WOULD_BLOCK` while anyone else has it, in this process or another; a lock whose lease is over
/// is free. Anything else says that locking is impossible, and then nothing is saved.
pub type keyfob_store_lock2_fn = Option<
    unsafe extern "C" fn(
        name: *const c_char,
        lease_ms: u64,
        fence: *mut u64,
        user_data: *mut c_void,
    ) -> i32,
>;

/// Lets the lock of this fence last for as long as `lease_ms` from now, and returns `KEYFOB_OK`;
/// `KEYFOB_WOULD_BLOCK` where it is not held any more. Asked just before a password or a refresh token
/// is sent. Anything else says that the store cannot tell, and then no refresh token is spent.
pub type keyfob_store_prolong_fn = Option<
    unsafe extern "C" fn(
        name: *const c_char,
        fence: u64,
        lease_ms: u64,
        user_data: *mut c_void,
    ) -> i32,
>;

/// As `keyfob_store_save_fn`, for whoever holds the lock of this fence still. `KEYFOB_WOULD_BLOCK`, and
/// nothing is written, where it is not held any more: then the record is loaded again, and nothing is at
/// fault.
pub type keyfob_store_save2_fn = Option<
    unsafe extern "C" fn(
        name: *const c_char,
        data: *const u8,
        len: usize,
        fence: u64,
        user_data: *mut c_void,
    ) -> i32,
>;

/// Gives back the lock of this fence, if it is held still.
pub type keyfob_store_unlock2_fn =
    Option<unsafe extern "C" fn(name: *const c_char, fence: u64, user_data: *mut c_void)>;

/// Waits until anyone has saved a record of this name or given back its lock, and returns `KEYFOB_OK`;
/// `KEYFOB_TIMEOUT` where nobody has within `wait_ms`, which may be 0 and is 20 at most, since a
/// cancelled call waits no longer. What happens between two calls is told by the next one, once. Anything
/// else is taken as `KEYFOB_TIMEOUT`.
pub type keyfob_store_wait_fn =
    Option<unsafe extern "C" fn(name: *const c_char, wait_ms: u64, user_data: *mut c_void) -> i32>;

/// Keeps the tokens of the clients made from this config in a store that machines share, such as a
/// database on the network. What `keyfob_config_set_store` says holds here, too; what is different is the
/// lock. It is a lease, for a machine that was switched off gives back nothing: keyfob says how long its
/// call to the cloud may take, and ends it before the lease does. And it has a fence, so that a process
/// that was stopped past its lease changes nothing. `examples/c/keyfob-postgres-store.c` and
/// `examples/c/keyfob-sqlite-store.c` are such stores.
///
/// `wait` may be NULL: then the lock is tried two hundred times a second by whoever waits for it, and
/// each call that finds its token due loads the record. All six NULL: back to the option `store`.
///
/// `KEYFOB_NULL_ARGUMENT`: `load`, `save`, `lock`, `prolong` or `unlock` alone is NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_store2(
    config: *mut keyfob_config,
    load: keyfob_store_load_fn,
    save: keyfob_store_save2_fn,
    lock: keyfob_store_lock2_fn,
    prolong: keyfob_store_prolong_fn,
    unlock: keyfob_store_unlock2_fn,
    wait: keyfob_store_wait_fn,
    user_data: *mut c_void,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let config = &mut handle_mut(config, "config")?.0;
        match (load, save, lock, prolong, unlock, wait) {
            (Some(load), Some(save), Some(lock), Some(prolong), Some(unlock), wait) => {
                let functions = Leases { load, save, lock, prolong, unlock, wait, user_data };
                config.set_leased_store(Arc::new(functions));
                Ok(())
            }
            (None, None, None, None, None, None) => {
                config.unset_store();
                Ok(())
            }
            _ => Err(Error::new(
                Status::NullArgument,
                "load, save, lock, prolong and unlock: a store needs all of them",
            )),
        }
    })
}

/// Hands over the record that was asked for, from within a load function; the `len` bytes are
/// copied, and the copy is overwritten after use. A second call replaces what the first one gave.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_record_set(
    record: *mut keyfob_record,
    data: *const u8,
    len: usize,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let record = handle_mut(record, "record")?;
        record.0 = Some(Zeroizing::new(bytes(data, len, "data")?.to_vec()));
        Ok(())
    })
}

type Load = unsafe extern "C" fn(*const c_char, *mut keyfob_record, *mut c_void) -> i32;
type Save = unsafe extern "C" fn(*const c_char, *const u8, usize, *mut c_void) -> i32;
type Lock = unsafe extern "C" fn(*const c_char, *mut c_void) -> i32;
type Unlock = unsafe extern "C" fn(*const c_char, *mut c_void);

/// The caller's functions, as the store that the crate knows.
struct Functions {
    load: Load,
    save: Save,
    /// `None`: nobody shares the store, and every lock is free.
    locking: Option<(Lock, Unlock)>,
    user_data: *mut c_void,
}

// SAFETY: the header's contract for keyfob_config_set_store: the functions and `user_data` may be
// used from any thread that uses a client, for as long as a client lives.
unsafe impl Send for Functions {}
// SAFETY: as above, also from several threads at once.
unsafe impl Sync for Functions {}

/// What a function of the caller's returned, as a fault that names the function where it is one.
fn outcome(what: &str, returned: i32) -> io::Result<()> {
    match Status::from_number(returned) {
        Some(Status::Ok) => Ok(()),
        Some(status) => Err(io::Error::other(format!("{what} returned {}", status.name()))),
        None => Err(io::Error::other(format!("{what} returned {returned}"))),
    }
}

/// A name for C. Names hold no NUL: they are letters, digits and `-`.
fn c_name(name: &str) -> CString {
    CString::new(name).unwrap_or_default()
}

/// Asks a load function of the caller's.
fn load(function: Load, name: &str, user_data: *mut c_void) -> io::Result<Option<Vec<u8>>> {
    let mut record = keyfob_record(None);
    // SAFETY: a function pointer of this type, a NUL-terminated string and a record, which outlive
    // the call.
    let returned = unsafe { function(c_name(name).as_ptr(), &mut record, user_data) };
    outcome("its load function", returned)?;
    Ok(record.0.map(|mut bytes| std::mem::take(&mut *bytes)))
}

impl TokenStore for Functions {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        load(self.load, name, self.user_data)
    }

    fn save(&self, name: &str, record: &[u8]) -> io::Result<()> {
        let name = c_name(name);
        // SAFETY: as above, and `record` is as long as it says.
        let returned =
            unsafe { (self.save)(name.as_ptr(), record.as_ptr(), record.len(), self.user_data) };
        outcome("its save function", returned)
    }

    fn try_lock(&self, name: &str) -> io::Result<bool> {
        let Some((lock, _)) = self.locking else { return Ok(true) };
        // SAFETY: a function pointer of this type, and a NUL-terminated string that outlives the
        // call.
        let returned = unsafe { lock(c_name(name).as_ptr(), self.user_data) };
        match Status::from_number(returned) {
            Some(Status::WouldBlock) => Ok(false),
            _ => outcome("its lock function", returned).map(|()| true),
        }
    }

    fn unlock(&self, name: &str) {
        if let Some((_, unlock)) = self.locking {
            // SAFETY: as above.
            unsafe { unlock(c_name(name).as_ptr(), self.user_data) };
        }
    }
}

type Save2 = unsafe extern "C" fn(*const c_char, *const u8, usize, u64, *mut c_void) -> i32;
type Lock2 = unsafe extern "C" fn(*const c_char, u64, *mut u64, *mut c_void) -> i32;
type Prolong = unsafe extern "C" fn(*const c_char, u64, u64, *mut c_void) -> i32;
type Unlock2 = unsafe extern "C" fn(*const c_char, u64, *mut c_void);
type Wait = unsafe extern "C" fn(*const c_char, u64, *mut c_void) -> i32;

/// The caller's functions of the second version.
struct Leases {
    load: Load,
    save: Save2,
    lock: Lock2,
    prolong: Prolong,
    unlock: Unlock2,
    /// `None`: the store tells of nothing.
    wait: Option<Wait>,
    user_data: *mut c_void,
}

// SAFETY: as for `Functions`: the header says the same of both.
unsafe impl Send for Leases {}
// SAFETY: as above.
unsafe impl Sync for Leases {}

/// Whether a lock is held: anything but yes and no is a fault.
fn is_held(what: &str, returned: i32) -> io::Result<bool> {
    match Status::from_number(returned) {
        Some(Status::WouldBlock) => Ok(false),
        _ => outcome(what, returned).map(|()| true),
    }
}

/// In whole milliseconds.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl LeasedStore for Leases {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        load(self.load, name, self.user_data)
    }

    fn save(&self, name: &str, record: &[u8], fence: u64) -> io::Result<bool> {
        let (name, data) = (c_name(name), record.as_ptr());
        // SAFETY: a function pointer of this type, a NUL-terminated string and `record`, which is as
        // long as it says; both outlive the call.
        let returned =
            unsafe { (self.save)(name.as_ptr(), data, record.len(), fence, self.user_data) };
        is_held("its save function", returned)
    }

    fn try_lock(&self, name: &str, lease: Duration) -> io::Result<Option<u64>> {
        let (name, lease, mut fence) = (c_name(name), milliseconds(lease), 0);
        // SAFETY: a function pointer of this type, a NUL-terminated string and a number, which outlive
        // the call.
        let returned = unsafe { (self.lock)(name.as_ptr(), lease, &mut fence, self.user_data) };
        Ok(is_held("its lock function", returned)?.then_some(fence))
    }

    fn prolong(&self, name: &str, fence: u64, lease: Duration) -> io::Result<bool> {
        let (name, lease) = (c_name(name), milliseconds(lease));
        // SAFETY: a function pointer of this type, and a NUL-terminated string that outlives the call.
        let returned = unsafe { (self.prolong)(name.as_ptr(), fence, lease, self.user_data) };
        is_held("its prolong function", returned)
    }

    fn unlock(&self, name: &str, fence: u64) {
        // SAFETY: as above.
        unsafe { (self.unlock)(c_name(name).as_ptr(), fence, self.user_data) };
    }

    fn wait(&self, name: &str, longest: Duration) -> io::Result<Option<bool>> {
        let Some(wait) = self.wait else { return Ok(None) };
        // SAFETY: as above.
        let returned =
            unsafe { wait(c_name(name).as_ptr(), milliseconds(longest), self.user_data) };
        Ok(Some(Status::from_number(returned) == Some(Status::Ok)))
    }
}
