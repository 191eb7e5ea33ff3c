//! Single flight: of all callers that need the same thing, one leads and the rest share its
//! outcome.
//!
//! ```text
//! A  join -> Lead ... goes to the cloud ... share(outcome)
//! B         join, waits ........................... Shared(outcome)
//! C         join, waits ... its own deadline: TIMEOUT, and A goes on
//! ```
//!
//! A round is what lies between a lead that begins and the same lead dropped. The mutex guards the
//! few words of a round and is never held while anything is waited for but the condition itself, so
//! no caller waits for the network under a lock. A leader that panics or gives up ends its round,
//! too: the `Lead` is dropped, and the next caller leads.

use crate::error::Result;
use crate::support::call::Call;
use crate::support::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Who is under way, and how the last round ended.
pub(crate) struct Flight<T> {
    round: Mutex<Round<T>>,
    /// Wakes those who wait for the round to end.
    ended: Condvar,
}

/// The round that is under way, or the last one.
struct Round<T> {
    /// Grows by one with each round: a waiter sees by it that its own round is over.
    number: u64,
    /// Whether somebody leads.
    under_way: bool,
    /// `None`: the leader gave up for reasons of its own (its deadline, a cancellation, a panic).
    outcome: Option<T>,
}

/// What joining came to.
pub(crate) enum Joined<'a, T> {
    /// No round was under way: this caller leads.
    Lead(Lead<'a, T>),
    /// The outcome of the round that this caller waited for.
    Shared(T),
    /// The round ended without an outcome; whoever joins next leads.
    Abandoned,
}

impl<T: Clone> Flight<T> {
    /// No round was under way yet.
    pub fn new() -> Flight<T> {
        let round = Round { number: 0, under_way: false, outcome: None };
        Flight { round: Mutex::new(round), ended: Condvar::new() }
    }

    /// Leads, or waits for the one who does, to this call's own deadline.
    ///
    /// Fails with `TIMEOUT` or `CANCELLED` where the call ends first; the round goes on without it.
    /// Waits in slices, since a cancellation wakes nobody.
    pub fn join(&self, call: &Call) -> Result<Joined<'_, T>> {
        let mut round = self.round();
        if !round.under_way {
            return Ok(Joined::Lead(self.begin(round)));
        }
        let joined = round.number;
        while round.under_way && round.number == joined {
            let slice = call.slice()?;
            let waited = self.ended.wait_timeout(round, slice);
            round = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        // A later round may have begun meanwhile; then the outcome of ours is gone with it.
        if round.number != joined {
            return Ok(Joined::Abandoned);
        }
        Ok(round.outcome.clone().map_or(Joined::Abandoned, Joined::Shared))
    }

    /// Leads, unless somebody else does. Never waits: for callers whose token is still good.
    pub fn try_lead(&self) -> Option<Lead<'_, T>> {
        let round = self.round();
        (!round.under_way).then(|| self.begin(round))
    }

    /// Begins a round. The guard shows that the caller has seen that none is under way.
    fn begin<'a>(&'a self, mut round: MutexGuard<'a, Round<T>>) -> Lead<'a, T> {
        round.number += 1;
        round.under_way = true;
        round.outcome = None;
        Lead { flight: self, outcome: None }
    }

    /// The round. A panic while it was locked left it as good as before: each change of it is a few
    /// stores.
    fn round(&self) -> MutexGuard<'_, Round<T>> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to act for everyone; there is one at a time. Dropping it without an outcome leaves the
/// rest to take over.
pub(crate) struct Lead<'a, T> {
    flight: &'a Flight<T>,
    /// What those who wait will get.
    outcome: Option<T>,
}

impl<T> Lead<'_, T> {
    /// Ends the round; everyone who waited gets this.
    pub fn share(mut self, outcome: T) {
        self.outcome = Some(outcome);
    }
}

impl<T> Drop for Lead<'_, T> {
    fn drop(&mut self) {
        let mut round = self.flight.round.lock().unwrap_or_else(PoisonError::into_inner);
        round.under_way = false;
        round.outcome = self.outcome.take();
        drop(round);
        self.flight.ended.notify_all();
    }
}
