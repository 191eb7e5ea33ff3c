//! Looking into the store while the token is fresh.
//!
//! Another process may have renewed early, and some clouds then end the token at hand: whoever uses it
//! is to learn of the newer one, and not by being refused. And a server may have lost what was written
//! last, when a replica took over: whoever has that writes it back, before others send a refresh token
//! that was spent.
//!
//! A look is a system call or four, so callers take turns: one of them each tenth of a second, and all
//! others are served as before. It asks no server that has told nothing.

use super::lifecycle::Lifecycle;
use super::serving::Serving;
use super::state::State;
use crate::error::Result;
use crate::store::Store;
use crate::support::call::Call;
use crate::support::clock::Moment;
use crate::support::log::log;
use crate::support::sync::AtomicI64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// From one look to the next.
const REST: Duration = Duration::from_millis(100);

/// The most that a caller with a fresh token gives a server that has news.
const BRIEF: Duration = Duration::from_millis(750);

/// When to look, and what was seen.
pub(super) struct Lookout {
    /// The moment of the next look; `NEVER` where the store tells nothing cheaply.
    next: AtomicI64,
    /// The store has an older record than this process: it lost a write.
    is_behind: AtomicBool,
}

impl Lookout {
    /// For a store that was read just now.
    pub fn of(store: &dyn Store, now: Moment) -> Lookout {
        let lookout = Lookout { next: AtomicI64::new(0), is_behind: AtomicBool::new(false) };
        lookout.begin_anew(store, now);
        lookout
    }

    /// The store was read just now; gives the moment of the next look.
    pub fn begin_anew(&self, store: &dyn Store, now: Moment) -> Moment {
        let next = if store.tells() { now.after(REST) } else { Moment::NEVER };
        self.next.store(next.0, Ordering::Relaxed);
        next
    }

    /// The moment of the next look.
    #[inline]
    pub fn next(&self) -> Moment {
        Moment(self.next.load(Ordering::Relaxed))
    }

    /// Notes whether the store has an older record than this process.
    pub fn is_behind(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Ordering::Relaxed);
    }

    /// Whether it is this caller's turn to look.
    fn is_my_turn(&self, now: Moment) -> bool {
        let next = self.next();
        let later = now.after(REST).0;
        let (relaxed, next_ns) = (Ordering::Relaxed, next.0);
        now >= next && self.next.compare_exchange(next_ns, later, relaxed, relaxed).is_ok()
    }
}

impl Lifecycle {
    /// The state once the store was looked into, if it is time for that and nobody else leads.
    pub(super) fn keep_up(&self, state: Arc<State>, call: &Call) -> Arc<State> {
        let now = self.clock.now();
        let is_my_turn = self.lookout.is_my_turn(now);
        // All others are served meanwhile.
        let next = self.lookout.next();
        self.at_hand.read(|fresh, _| {
            fresh.look_again_at(next);
            Some(())
        });
        if !is_my_turn {
            return state;
        }
        let flight = self.flight();
        let Some(_lead) = flight.try_lead() else { return state };
        let _brief = call.within(BRIEF).enter();
        // Options may have been set, or the token renewed, before this caller led.
        let state = Serving::state(self);
        // The token at hand is good, and what went wrong is in the status.
        match state.account.store.heard_news(&state.record) {
            true => self.look().unwrap_or(state),
            false => self.restore().unwrap_or(state),
        }
    }

    /// Puts back what the store has lost, and gives what is known then. Not where another process has
    /// the lock: it may be writing something newer. Under the lead.
    pub(super) fn restore(&self) -> Result<Arc<State>> {
        let state = Serving::state(self);
        let store = &state.account.store;
        let is_behind = self.lookout.is_behind.load(Ordering::Relaxed) && store.is_remote();
        let Some(call) = Call::current().filter(|_| is_behind) else { return Ok(state) };
        let lock = store.try_lock_to_restore(&call).unwrap_or_else(|fault| {
            self.note_store_fault(fault);
            None
        });
        let Some(_lock) = lock else { return Ok(state) };
        // What is there now is what counts: it was looked at without the lock.
        let Ok(stored) = state.account.load() else { return Ok(state) };
        let mut record = state.record.clone();
        if record.outlives(&stored) {
            log!(self.log, Warn, "the store had lost the last token: it is written back");
            match state.account.save(&mut record) {
                Ok(()) => self.store_works(),
                Err(fault) => self.note_store_fault(fault),
            }
        } else {
            record.adopt(stored);
            self.lookout.is_behind(false);
        }
        self.publish(&state.account, record)
    }
}
