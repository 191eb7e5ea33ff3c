//! Single flight: of all callers that need the same thing, one leads and the rest share its outcome.

use crate::error::Result;
use crate::support::call::Call;
use crate::support::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Who is under way, and how the last round ended.
pub(crate) struct Flight<T> {
    round: Mutex<Round<T>>,
    ended: Condvar,
}

struct Round<T> {
    number: u64,
    under_way: bool,
    /// `None`: the leader gave up for reasons of its own (its deadline, a cancellation, a panic).
    outcome: Option<T>,
}

/// What joining came to.
pub(crate) enum Joined<'a, T> {
    /// Nobody was under way: this caller leads.
    Lead(Lead<'a, T>),
    /// The round this caller waited for ended so.
    Shared(T),
    /// The round ended without an outcome; whoever joins next leads.
    Abandoned,
}

impl<T: Clone> Flight<T> {
    pub fn new() -> Flight<T> {
        let round = Round { number: 0, under_way: false, outcome: None };
        Flight { round: Mutex::new(round), ended: Condvar::new() }
    }

    /// Leads, or waits for the one who does, to this call's own deadline.
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

    /// Leads, unless somebody else does.
    pub fn try_lead(&self) -> Option<Lead<'_, T>> {
        let round = self.round();
        (!round.under_way).then(|| self.begin(round))
    }

    fn begin<'a>(&'a self, mut round: MutexGuard<'a, Round<T>>) -> Lead<'a, T> {
        round.number += 1;
        round.under_way = true;
        round.outcome = None;
        Lead { flight: self, outcome: None }
    }

    fn round(&self) -> MutexGuard<'_, Round<T>> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to act for everyone. Dropping it without an outcome leaves the rest to take over.
pub(crate) struct Lead<'a, T> {
    flight: &'a Flight<T>,
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
