//! The store of one identity on some medium: what is believed, what is written when, and what is
//! never overwritten. The media know bytes only.

use super::codec::{Codec, Unreadable};
use super::seal::Key;
use super::{Lock, Store, Unusable};
use crate::error::{Error, Result, Status};
use crate::model::record::{Record, Version};
use crate::support::call::Call;
use crate::support::clock::Clock;
use crate::support::process::PerProcess;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where the bytes of one record are.
pub(crate) trait Medium: Send + Sync {
    /// Excludes all others; `None` while somebody else does.
    fn try_lock(&self) -> Result<Option<Box<dyn Lock + '_>>>;
    /// What is there now.
    fn read(&self) -> Result<Found>;
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
}

/// What a medium has.
pub(crate) struct Found {
    pub bytes: std::result::Result<Option<Zeroizing<Vec<u8>>>, Unreadable>,
    pub version: Version,
}

/// A store over a medium.
pub(crate) struct Kept<M> {
    medium: M,
    codec: Codec,
    seen: PerProcess<Mutex<Seen>>,
}

/// What this process knows of the medium.
#[derive(Default)]
struct Seen {
    /// What is written there, as far as it matters.
    essence: Option<Record>,
    /// What is there is no record, and why.
    unreadable: Option<(Version, Unreadable)>,
    /// The last look at it failed: what is there is not known.
    blind: Option<Error>,
    lock: Held,
}

#[derive(Default)]
enum Held {
    #[default]
    No,
    Yes,
    /// It cannot be had at all.
    Fault(Error),
}

/// No record is near this large; what is, is not ours.
pub(super) const MOST_BYTES: usize = 4 << 20;

pub(super) const TOO_LARGE: Unreadable =
    Unreadable::Worthless("is too large to be a keyfob record");

/// How long a waiting process lets the holder of the lock be.
const PATIENCE: Duration = Duration::from_millis(5);

impl<M: Medium> Kept<M> {
    /// `key` is the option `store_key`.
    pub fn new(medium: M, identity: &str, key: Option<&str>, clock: &Clock) -> Result<Kept<M>> {
        let key = key.map(Key::parse).transpose()?;
        Ok(Kept { medium, codec: Codec::new(identity, key, clock), seen: PerProcess::new() })
    }

    fn seen(&self) -> Arc<Mutex<Seen>> {
        self.seen.get(Mutex::default)
    }

    /// Others write too: whoever has not the lock writes nothing.
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

    fn fault(&self, what: &str) -> Error {
        Error::new(Status::Store, format!("store {}{what}", self.medium.name()))
    }

    fn unusable(&self, unreadable: Unreadable) -> Unusable {
        let (why, fate, for_good) = match unreadable {
            Unreadable::Worthless(why) => (why, self.medium.fate(), false),
            Unreadable::Distrusted(why) => (why, "the next save replaces it", false),
            Unreadable::Locked(why) => (why, "it is left as it is", true),
        };
        Unusable { error: self.fault(&format!(" {why}; {fate}")), for_good }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Guard<'a, M: Medium> {
    kept: &'a Kept<M>,
    _lock: Box<dyn Lock + 'a>,
}

impl<M: Medium> Lock for Guard<'_, M> {}

impl<M: Medium> Drop for Guard<'_, M> {
    fn drop(&mut self) {
        locked(&self.kept.seen()).lock = Held::No;
    }
}

impl<M: Medium> Store for Kept<M> {
    fn lock(&self, call: &Call) -> Result<Box<dyn Lock + '_>> {
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            let slice = call.slice().map_err(|over| match over.status() {
                Status::Timeout => Error::new(
                    Status::Timeout,
                    format!("store {}: its lock was not free in time", self.medium.name()),
                ),
                _ => over,
            })?;
            std::thread::sleep(slice.min(PATIENCE));
        }
    }

    fn try_lock(&self) -> Result<Option<Box<dyn Lock + '_>>> {
        let outcome = self.medium.try_lock();
        let seen = self.seen();
        match outcome {
            Ok(None) => Ok(None),
            Ok(Some(lock)) => {
                locked(&seen).lock = Held::Yes;
                Ok(Some(Box::new(Guard { kept: self, _lock: lock })))
            }
            Err(fault) => {
                locked(&seen).lock = Held::Fault(fault.clone());
                Err(fault)
            }
        }
    }

    fn load(&self) -> std::result::Result<Record, Unusable> {
        let found = self.medium.read().map_err(|error| {
            locked(&self.seen()).blind = Some(error.clone());
            Unusable { error, for_good: false }
        })?;
        let decoded = found.bytes.and_then(|bytes| {
            bytes.map_or_else(|| Ok(Record::default()), |bytes| self.codec.decode(&bytes))
        });
        let seen = self.seen();
        let mut seen = locked(&seen);
        seen.blind = None;
        match decoded {
            Ok(mut record) => {
                seen.unreadable = None;
                seen.essence = Some(Codec::essence(&record));
                record.version = found.version;
                Ok(record)
            }
            Err(unreadable) => {
                seen.unreadable = Some((found.version, unreadable.clone()));
                seen.essence = None;
                Err(self.unusable(unreadable))
            }
        }
    }

    fn has_news(&self, record: &Record) -> bool {
        let Some(version) = self.medium.version().filter(|version| *version != record.version)
        else {
            return false;
        };
        let seen = self.seen();
        let worthless = locked(&seen).unreadable.as_ref().map(|(version, _)| *version);
        worthless != Some(version)
    }

    fn check_writable(&self, record: &Record) -> Result<()> {
        self.may_write()?;
        // A newer refresh token may be there, and the one in hand may be spent.
        if let Some(fault) = locked(&self.seen()).blind.clone() {
            return Err(fault);
        }
        self.medium.check_writable(&self.codec.encode(record)?)
    }

    fn save(&self, record: &mut Record) -> Result<()> {
        self.may_write()?;
        let seen = self.seen();
        let essence = Codec::essence(record);
        let set_aside = {
            let seen = locked(&seen);
            // Flash wears: nothing is written when nothing changed.
            if seen.essence.as_ref() == Some(&essence) {
                return Ok(());
            }
            matches!(seen.unreadable, Some((_, Unreadable::Worthless(_))))
        };
        record.version = self.medium.write(&self.codec.encode(record)?, set_aside)?;
        let mut seen = locked(&seen);
        seen.essence = Some(essence);
        seen.unreadable = None;
        Ok(())
    }

    fn describe(&self) -> String {
        self.medium.describe()
    }
}
