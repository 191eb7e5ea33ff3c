//! What became of the logins with one secret, as everyone knows it who shares a process or a store.

use super::document::Kept;
use super::{Lock, Store};
use crate::error::{Error, Result, Status};
use crate::model::attempts::Attempts;
use crate::support::call::Call;
use crate::support::clock::{Clock, Moment};
use crate::support::gate::{Gate, Passage};
use crate::support::process::PerProcess;
use crate::support::registry::{Entry, Registry, Shared};
use arc_swap::ArcSwap;
use once_cell::race::OnceBox;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The attempts with one secret.
pub(crate) struct AttemptLog {
    shared: Arc<Entry<SharedAttempts>>,
    open: Opener,
    /// Where they outlive the process. Opened when it is first needed: that a login is due is rare.
    store: OnceBox<Option<Box<dyn Store<Attempts>>>>,
}

/// Opens the store of one secret's attempts; `None` where they are kept in memory only.
pub(crate) type Opener = Box<dyn Fn() -> Result<Option<Box<dyn Store<Attempts>>>> + Send + Sync>;

/// What all clients of this process know. It outlives them, or a program that makes a client, fails
/// and begins anew would send a wrong password each time; and a forked child inherits it.
struct SharedAttempts {
    attempts: ArcSwap<Attempts>,
    /// The last login with the secret worked.
    proven: AtomicBool,
    gate: PerProcess<Gate>,
}

impl Shared for SharedAttempts {
    fn is_over(&self, now: Moment) -> bool {
        self.attempts.load().are_over(now)
    }
}

/// The right to log in with the secret. Others wait meanwhile: they might send what is rejected now.
pub(crate) struct Turn {
    /// The store's lock, where one may be held besides the identity's.
    lock: Option<Box<dyn Lock>>,
    _passage: Option<Passage>,
}

impl AttemptLog {
    /// `name` names the secret, and where and how it is sent.
    pub fn new(name: &str, clock: &Clock, open: Opener) -> AttemptLog {
        static KNOWN: Registry<SharedAttempts> = Registry::new();
        let shared = || SharedAttempts {
            attempts: ArcSwap::default(),
            proven: AtomicBool::new(false),
            gate: PerProcess::new(),
        };
        AttemptLog { shared: KNOWN.get(name, clock, shared), open, store: OnceBox::new() }
    }

    /// What this process knows.
    pub fn known(&self) -> Arc<Attempts> {
        self.shared.attempts.load_full()
    }

    /// Learns what the store knows.
    pub fn look(&self) -> Result<()> {
        let Some(store) = self.store()? else { return Ok(()) };
        let stored = store.load().map_err(|unusable| unusable.error)?;
        self.change(|known| known.adopt(stored.clone()));
        Ok(())
    }

    /// Waits until nobody else logs in with this secret, and learns what came of it. Once it has worked
    /// nobody needs to wait; and other processes only where it did not work before, so that what works
    /// leaves no trace in the store. Gives what is wrong with the store, too.
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

    /// A login with it worked. Says whether anything has changed by that.
    pub fn succeed(&self) -> bool {
        self.shared.proven.store(true, Ordering::Relaxed);
        let is_news = !self.known().are_clear();
        if is_news {
            self.change(Attempts::clear);
        }
        is_news
    }

    /// A login with it did not work.
    pub fn fail(&self, change: impl Fn(&mut Attempts)) {
        self.shared.proven.store(false, Ordering::Relaxed);
        self.change(change);
    }

    /// Changes what this process knows.
    pub fn change(&self, change: impl Fn(&mut Attempts)) {
        self.shared.attempts.rcu(|known| {
            let mut known = Attempts::clone(known);
            change(&mut known);
            known
        });
    }

    /// Makes what this process knows outlive it. Not while the lock of an identity is held whose store
    /// does not nest.
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

    fn store(&self) -> Result<Option<&dyn Store<Attempts>>> {
        let opened = self.store.get_or_try_init(|| (self.open)().map(Box::new))?;
        Ok(opened.as_deref())
    }
}
