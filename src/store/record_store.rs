//! The store of one record on some medium: what is believed, what is written when, and what is
//! never overwritten. The media know bytes only.
//!
//! Its rules:
//!
//! - Without the lock nothing is written.
//! - What may be good but cannot be read (sealed with another key) is not overwritten.
//! - What is worthless is set aside when something better is saved.
//! - After a look that failed, no refresh token may be spent: a newer one may be there.
//! - Flash wears: where nothing that matters has changed, nothing is written.

use super::codec::{Check, Codec};
use super::document::Kept;
use super::medium::{Medium, Unreadable, lease_for};
use super::seal::Key;
use super::{Lock, Store, Unusable};
use crate::error::{Error, Result, Status};
use crate::model::record::Version;
use crate::support::call::Call;
use crate::support::clock::Clock;
use crate::support::process::PerProcess;
use crate::support::sync::locked;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A store over a medium. What this process has seen there is shared by its threads, not by a
/// forked child.
pub(crate) struct RecordStore<R> {
    medium: Box<dyn Medium>,
    codec: Codec<R>,
    /// Locked for an instant only, never while the medium is at work.
    seen: PerProcess<Mutex<Seen<R>>>,
}

/// What this process knows of the medium, from the last time it looked.
#[derive(Default)]
struct Seen<R> {
    /// What is written there, as far as it matters; `None` where that is not known, or is no
    /// record.
    essence: Option<R>,
    /// Why what is there is no record, and the version it had then: it is news only once that
    /// changes.
    unreadable: Option<(Version, Unreadable)>,
    /// Why the last look failed; what is there is not known then.
    blind: Option<Error>,
    /// Whether a thread of this process may write.
    lock: Held,
}

/// The lock of the medium, as this process knows it.
#[derive(Default)]
enum Held {
    #[default]
    No,
    Yes,
    /// It cannot be had at all, for this reason; so nothing is written.
    Fault(Error),
}

impl<R: Kept> RecordStore<R> {
    /// `identity` is the name that a record must have been written for; `key` seals it.
    pub fn new(
        medium: Box<dyn Medium>,
        identity: &str,
        key: Option<Key>,
        clock: &Clock,
        is_credible: Check<R>,
    ) -> RecordStore<R> {
        let codec = Codec::new(identity, key, clock, is_credible);
        RecordStore { medium, codec, seen: PerProcess::new() }
    }

    fn seen(&self) -> Arc<Mutex<Seen<R>>> {
        self.seen.get(Mutex::default)
    }

    /// The lock, waited for to the call's deadline; `None` where there is news that `known` does not
    /// take account of, after a wait.
    ///
    /// A medium that went out of reach a moment ago is waited for, too: a server that is started
    /// anew must not cost each machine a login. For half of the call's time at most, or to its end
    /// where somebody had the lock, and so renews.
    fn wait_for_lock(&self, known: Option<&R>, call: &Call) -> Result<Option<Box<dyn Lock>>> {
        let mut outage = call.within(call.remaining()? / 2);
        let mut waiter = self.medium.waiter();
        loop {
            match Store::try_lock(self, call) {
                Ok(Some(lock)) => return Ok(Some(lock)),
                Ok(None) => outage = call.clone(),
                Err(fault) => {
                    if !self.medium.may_come_back() || outage.sleep(RETRY).is_err() {
                        call.remaining()?;
                        return Err(fault);
                    }
                    continue;
                }
            }
            waiter.wait(call).map_err(|over| match over.status() {
                Status::Timeout => self.not_free_in_time(),
                _ => over,
            })?;
            if known.is_some_and(|known| self.has_news(known)) {
                return Ok(None);
            }
        }
    }

    /// A lock in a medium that went out of reach a moment ago may as well be lost.
    fn unless_away(&self, outcome: Result<bool>) -> Result<bool> {
        outcome.or_else(|fault| if self.medium.may_come_back() { Ok(false) } else { Err(fault) })
    }

    /// The lock was somebody else's until the call's time was over.
    fn not_free_in_time(&self) -> Error {
        let what = format!("store {}: its lock was not free in time", self.medium.name());
        Error::new(Status::Timeout, what)
    }

    /// Fails where nothing may be written: without the lock, and over what may be good but cannot
    /// be read.
    fn may_write(&self) -> Result<()> {
        let seen = self.seen();
        let seen = locked(&seen);
        match (&seen.lock, &seen.unreadable) {
            (Held::Fault(fault), _) => Err(fault.clone()),
            (Held::No, _) => Err(self.fault(": nothing is written without the lock")),
            (Held::Yes, Some((_, Unreadable::Locked(why)))) => {
                Err(self.fault(&format!(" {why}; it is left as it is")))
            }
            (Held::Yes, _) => Ok(()),
        }
    }

    /// Whether the medium's bytes of this version are not those of the record, nor known to be no
    /// record.
    fn is_news(&self, version: Version, record: &R) -> bool {
        let seen = self.seen();
        let worthless = locked(&seen).unreadable.as_ref().map(|(version, _)| *version);
        version != record.version() && worthless != Some(version)
    }

    /// `what` is put right behind the record's name.
    fn fault(&self, what: &str) -> Error {
        Error::new(Status::Store, format!("store {}{what}", self.medium.name()))
    }

    /// What the reader of the status is told: why, and what becomes of the bytes.
    fn unusable(&self, unreadable: Unreadable) -> Unusable {
        let (why, fate, for_good) = match unreadable {
            Unreadable::Worthless(why) => (why, self.medium.fate(), false),
            Unreadable::Distrusted(why) => (why, "the next save replaces it", false),
            Unreadable::Locked(why) => (why, "it is left as it is", true),
        };
        Unusable { error: self.fault(&format!(" {why}; {fate}")), for_good }
    }
}

/// How long a medium that is out of reach is left alone by whoever waits for it.
const RETRY: Duration = Duration::from_millis(50);

/// The lock of the medium. When it is dropped, this process notes that it no longer has it.
struct HeldLock<R> {
    seen: Arc<Mutex<Seen<R>>>,
    _lock: Box<dyn Lock>,
}

impl<R: Kept> Lock for HeldLock<R> {}

impl<R> Drop for HeldLock<R> {
    fn drop(&mut self) {
        locked(&self.seen).lock = Held::No;
    }
}

impl<R: Kept> Store<R> for RecordStore<R> {
    fn lock(&self, call: &Call) -> Result<Box<dyn Lock>> {
        loop {
            if let Some(lock) = self.wait_for_lock(None, call)? {
                return Ok(lock);
            }
        }
    }

    fn lock_or_news(&self, record: &R, call: &Call) -> Result<Option<Box<dyn Lock>>> {
        self.wait_for_lock(Some(record), call)
    }

    fn prolong(&self, call: &Call) -> Result<bool> {
        // Who could not have it at all has none to lose.
        if !matches!(locked(&self.seen()).lock, Held::Yes) {
            return Ok(true);
        }
        self.unless_away(self.medium.prolong(lease_for(call)))
    }

    fn try_lock(&self, call: &Call) -> Result<Option<Box<dyn Lock>>> {
        match self.medium.is_settling() {
            true => Ok(None),
            false => self.try_lock_to_restore(call),
        }
    }

    fn try_lock_to_restore(&self, call: &Call) -> Result<Option<Box<dyn Lock>>> {
        let outcome = self.medium.try_lock(lease_for(call));
        let seen = self.seen();
        match outcome {
            Ok(None) => Ok(None),
            Ok(Some(lock)) => {
                locked(&seen).lock = Held::Yes;
                Ok(Some(Box::new(HeldLock { seen, _lock: lock })))
            }
            Err(fault) => {
                locked(&seen).lock = Held::Fault(fault.clone());
                Err(fault)
            }
        }
    }

    fn load(&self) -> std::result::Result<R, Unusable> {
        let found = self.medium.read().map_err(|error| {
            locked(&self.seen()).blind = Some(error.clone());
            Unusable { error, for_good: false }
        })?;
        let decoded = found.bytes.and_then(|bytes| {
            bytes.map_or_else(|| Ok(R::default()), |bytes| self.codec.decode(&bytes))
        });
        let seen = self.seen();
        let mut seen = locked(&seen);
        seen.blind = None;
        match decoded {
            Ok(mut record) => {
                seen.unreadable = None;
                seen.essence = Some(record.essence());
                record.set_version(found.version);
                Ok(record)
            }
            Err(unreadable) => {
                seen.unreadable = Some((found.version, unreadable.clone()));
                seen.essence = None;
                Err(self.unusable(unreadable))
            }
        }
    }

    fn has_news(&self, record: &R) -> bool {
        self.medium.version().is_some_and(|version| self.is_news(version, record))
    }

    fn may_have_news(&self, record: &R) -> bool {
        self.medium.version().is_none_or(|version| self.is_news(version, record))
    }

    fn heard_news(&self, record: &R) -> bool {
        self.medium.heard().is_some_and(|version| self.is_news(version, record))
    }

    fn tells(&self) -> bool {
        self.medium.tells()
    }

    fn check_writable(&self, record: &R, call: &Call) -> Result<bool> {
        self.may_write()?;
        // A newer refresh token may be there, and the one in hand may be spent.
        if let Some(fault) = locked(&self.seen()).blind.clone() {
            return Err(fault);
        }
        self.unless_away(self.medium.check_writable(&self.codec.encode(record)?, lease_for(call)))
    }

    fn save(&self, record: &mut R) -> Result<()> {
        self.may_write()?;
        let seen = self.seen();
        let essence = record.essence();
        let set_aside = {
            let seen = locked(&seen);
            // Flash wears: nothing is written when nothing changed.
            if seen.essence.as_ref() == Some(&essence) {
                return Ok(());
            }
            matches!(seen.unreadable, Some((_, Unreadable::Worthless(_))))
        };
        let Some(version) = self.medium.write(&self.codec.encode(record)?, set_aside)? else {
            // Whoever took the lock over renewed too, or will: what is there counts.
            if let Ok(stored) = self.load() {
                record.yield_to(stored);
            }
            return Ok(());
        };
        record.set_version(version);
        let mut seen = locked(&seen);
        seen.essence = Some(essence);
        seen.unreadable = None;
        Ok(())
    }

    fn describe(&self) -> String {
        self.medium.describe()
    }

    fn nests(&self) -> bool {
        self.medium.nests()
    }

    fn lease_left(&self) -> Option<Duration> {
        self.medium.lease_left()
    }

    fn is_remote(&self) -> bool {
        self.medium.is_remote()
    }
}
