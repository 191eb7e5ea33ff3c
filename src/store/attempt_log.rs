//! What became of the logins with one secret, as everyone knows it who shares a process or a
//! store.
//!
//! A cloud counts wrong passwords and then locks the account, whatever client, scope or option
//! they came with. So they are counted by the secret here, and not by identity: in this process,
//! in its forked children, and in a record of its own in the store.
//!
//! The rules (how long a hold is, how many tries an hour has) stand in `lifecycle/holds.rs`. This
//! file only keeps the counts, and lets one caller log in at a time.

use super::document::Kept;
use super::{Lock, Store};
use crate::error::{Error, Result, Status};
use crate::model::attempts::Attempts;
use crate::support::call::Call;
use crate::support::clock::{Clock, Moment};
use crate::support::gate::{Gate, Passage};
use crate::support::process::PerProcess;
use crate::support::registry::{Held, Registry, Shared};
use crate::support::slot::Slot;
use once_cell::race::OnceBox;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The attempts with one secret. Clients that send the same secret to the same place share one.
pub(crate) struct AttemptLog {
    /// What this process knows.
    shared: Held<SharedAttempts>,
    /// Opens the store below; `None` where attempts are kept in memory only.
    open: Option<Opener>,
    /// Where the attempts outlive the process. Opened when it is first needed, since a login is
    /// rarely due.
    store: OnceBox<Option<Box<dyn Store<Attempts>>>>,
}

/// Opens the store of one secret's attempts; `None` where they are kept in memory only.
pub(crate) type Opener = Box<dyn Fn() -> Result<Option<Box<dyn Store<Attempts>>>> + Send + Sync>;

/// What all clients of this process know.
///
/// It outlives them: a program that makes a client, fails and begins anew would otherwise send a
/// wrong password each time. A forked child inherits it.
struct SharedAttempts {
    /// Replaced as a whole; readers take no lock. `None` where there were none.
    attempts: Slot<Attempts>,
    /// Whether the last login with the secret worked. While that is so, logins need not wait for
    /// each other.
    proven: AtomicBool,
    /// Lets one login through at a time while the secret is not proven.
    gate: PerProcess<Gate>,
}

impl Shared for SharedAttempts {
    fn is_over(&self, now: Moment) -> bool {
        self.attempts.get().is_none_or(|attempts| attempts.are_over(now))
    }
}

/// The right to log in with the secret, until dropped. Others wait meanwhile: the secret they
/// would send may be rejected just now.
pub(crate) struct Turn {
    /// The lock of the attempts' own record, where the store lets one thread hold it besides the
    /// identity's.
    lock: Option<Box<dyn Lock>>,
    /// The gate, unless the secret is proven.
    _passage: Option<Passage>,
}

impl AttemptLog {
    /// The log of the secret of this name. The name is a digest of the secret, and of where and
    /// how it is sent.
    pub fn new(name: &Arc<str>, clock: &Clock, open: Option<Opener>) -> AttemptLog {
        static KNOWN: Registry = Registry::new();
        let shared = || SharedAttempts {
            attempts: Slot::empty(),
            proven: AtomicBool::new(false),
            gate: PerProcess::new(),
        };
        AttemptLog { shared: KNOWN.get(name, clock, shared), open, store: OnceBox::new() }
    }

    /// What this process knows. Costs no lock and no look into the store.
    pub fn known(&self) -> Arc<Attempts> {
        self.shared.attempts.get().unwrap_or_default()
    }

    /// Learns what the store knows. Fails where it cannot be read; what this process knows still
    /// stands then.
    pub fn look(&self) -> Result<()> {
        let Some(store) = self.store()? else { return Ok(()) };
        let stored = store.load().map_err(|unusable| unusable.error)?;
        self.change(|known| known.adopt(stored.clone()));
        Ok(())
    }

    /// Waits until nobody else logs in with this secret, and learns what came of that.
    ///
    /// A secret that has worked is not waited for. Other processes are only waited for where
    /// something went wrong before, so that a login that works leaves no trace in the store.
    ///
    /// Fails where the call ends first. A fault of the store does not keep anyone from logging
    /// in: it is given beside the turn, for the status.
    pub fn turn(&self, call: &Call) -> Result<(Turn, Option<Error>)> {
        if self.shared.proven.load(Ordering::Relaxed) {
            return Ok((Turn { lock: None, _passage: None }, self.look().err()));
        }
        let passage = self.shared.gate.get(Gate::default).pass(call)?;
        let mut turn = Turn { lock: None, _passage: Some(passage) };
        if let Err(fault) = self.look() {
            return Ok((turn, Some(fault)));
        }
        let Some(store) = self.store()?.filter(|store| store.nests()) else {
            return Ok((turn, None));
        };
        if self.known().are_clear() {
            return Ok((turn, None));
        }
        match store.lock(call) {
            Ok(lock) => turn.lock = Some(lock),
            Err(error) if error.status() != Status::Store => return Err(error),
            Err(fault) => return Ok((turn, Some(fault))),
        }
        let fault = self.look().err();
        Ok((turn, fault))
    }

    /// A login with it worked: holds and failures are over. Says whether there were any, so that
    /// they must be forgotten in the store, too.
    pub fn succeed(&self) -> bool {
        self.shared.proven.store(true, Ordering::Relaxed);
        let is_news = !self.known().are_clear();
        if is_news {
            self.change(Attempts::clear);
        }
        is_news
    }

    /// A login with it did not work; `change` notes how. From now on logins wait for each other.
    pub fn fail(&self, change: impl Fn(&mut Attempts)) {
        self.shared.proven.store(false, Ordering::Relaxed);
        self.change(change);
    }

    /// Changes what this process knows. `change` may be called more than once, where others
    /// change it at the same time.
    pub fn change(&self, change: impl Fn(&mut Attempts)) {
        self.shared.attempts.change(|known| {
            let mut known = known.cloned().unwrap_or_default();
            change(&mut known);
            known
        });
    }

    /// Writes what this process knows to the store. Takes the record's lock unless `turn` has it.
    /// Not while the lock of an identity is held whose store does not nest: it would wait for
    /// itself.
    pub fn keep(&self, turn: Option<&Turn>, call: &Call) -> Result<()> {
        let Some(store) = self.store()? else { return Ok(()) };
        let locked = turn.is_some_and(|turn| turn.lock.is_some());
        let _lock = (!locked).then(|| store.lock(call)).transpose()?;
        // A record that cannot be read is replaced.
        self.look().ok();
        let mut known = Attempts::clone(&self.known());
        store.save(&mut known)?;
        let version = known.version();
        self.change(|known| known.set_version(version));
        Ok(())
    }

    /// The store, opened once; `None` where attempts are kept in memory only. A failure to open
    /// it is not kept.
    fn store(&self) -> Result<Option<&dyn Store<Attempts>>> {
        let Some(open) = &self.open else { return Ok(None) };
        let opened = self.store.get_or_try_init(|| open().map(Box::new))?;
        Ok(opened.as_deref())
    }
}
