//! The moves that threads make around one token: who is served, who waits, and who goes to the
//! cloud.
//!
//! Nothing here knows a cloud or a store, so that tests/single_flight.rs can put a model in their
//! place and try every order in which threads can meet. One rule holds everything together: the
//! state changes only under the lead of the single flight, and whoever leads reads it again first.
//!
//! ```text
//! serve  ─ fresh ──── kept_up ─────────────────────────────► the state at hand
//!        ─ due ────── caught_up ── renew_early ────────────► a good state, whatever came of it
//!        ─ expired ── obtain ─┬─ lead: renew_as_leader ────► the new state, or the leader's error
//!                             └─ wait: the leader's outcome, or this caller's own deadline
//! renew_as_leader ── look ── lock ── look again ── exchange   (the cloud is asked in exchange only)
//! ```
//!
//! The lead is taken before the store's lock, always in this order: one thread of each process
//! waits for other processes, and its other threads wait for it.

use super::flight::{Flight, Joined, Lead};
use super::goal::{Goal, Stage};
use crate::error::Result;
use crate::support::call::Call;
use std::sync::Arc;

/// What the moves are made around. Given these, it serves.
pub(crate) trait Serving {
    /// Everything that is known at one moment, replaced as a whole.
    type State;
    /// The store's lock; dropped to release.
    type StoreLock;

    /// This process's single flight. A forked child gets its own: nobody leads there.
    fn flight(&self) -> Arc<Flight<Result<()>>>;
    /// What is known now.
    fn state(&self) -> Arc<Self::State>;
    /// Where the state's token stands now.
    fn stage(&self, state: &Self::State) -> Stage;
    /// Counts what was issued: of two states of one account, the higher one has the newer token.
    fn generation(&self, state: &Self::State) -> u64;
    /// Whether both are of one account, the options being the same.
    fn same_account(&self, one: &Self::State, other: &Self::State) -> bool;
    /// Whether the cloud is to be spared, by a pause that early renewals heed.
    fn is_paused(&self, state: &Self::State) -> bool;
    /// Whether a thread of the library's own renews early, so that no caller need do it.
    fn renews_in_background(&self) -> bool;
    /// Whether the store has something newer. Cheap, since each call asks that finds its token due.
    fn has_news(&self, state: &Self::State) -> bool;
    /// Takes over what the store has. Under the lead.
    fn look(&self) -> Result<Arc<Self::State>>;
    /// Takes over what another process may have stored that has the lock. Asked by each call that finds
    /// its token due meanwhile, so it must be cheap. Under the lead.
    fn look_again(&self, state: &Self::State) -> Result<()> {
        let _ = state;
        self.look().map(drop)
    }
    /// The lock of this state's store, waited for to the call's deadline: another process may hold
    /// it while it renews. `None` where that one has stored something that this state does not take
    /// account of. Under the lead.
    fn lock(&self, state: &Self::State, call: &Call) -> Result<Option<Self::StoreLock>>;
    /// The same without waiting; `None` while another process has it. Under the lead.
    fn try_lock(&self, state: &Self::State, call: &Call) -> Option<Self::StoreLock>;
    /// Goes to the cloud, keeps what comes of it, and releases the lock. Under the lead.
    fn exchange(
        &self,
        state: &Self::State,
        goal: Goal,
        lock: Self::StoreLock,
        call: &Call,
    ) -> Result<()>;

    /// What is known once the store was looked into, if it is time for that though the token is fresh.
    /// Waits for nobody.
    fn kept_up(&self, state: Arc<Self::State>, call: &Call) -> Arc<Self::State> {
        let _ = call;
        state
    }

    /// Whether a state is what a caller with this goal can go on with.
    fn meets(&self, goal: Goal, state: &Self::State) -> bool {
        goal.is_met(self.stage(state), self.generation(state))
    }

    /// A token that has not expired, renewed if that is due: what an ordinary call gets.
    fn serve(&self, call: &Call) -> Result<Arc<Self::State>> {
        let mut state = self.state();
        if self.stage(&state) == Stage::Fresh {
            state = self.kept_up(state, call);
        }
        match self.stage(&state) {
            Stage::Fresh => Ok(state),
            Stage::Due => self.serve_due(state, call),
            // Or another process has forgotten it meanwhile.
            Stage::None | Stage::Expired => self.obtain(Goal::Usable, call),
        }
    }

    /// The token is good and due: it is served, and renewed by the way where nobody else does that.
    fn serve_due(&self, state: Arc<Self::State>, call: &Call) -> Result<Arc<Self::State>> {
        let state = self.caught_up(state, call);
        match self.stage(&state) {
            Stage::Fresh => Ok(state),
            Stage::Due if self.renews_in_background() || self.is_paused(&state) => Ok(state),
            Stage::Due => Ok(self.renew_early(state, call)),
            Stage::None | Stage::Expired => self.obtain(Goal::Usable, call),
        }
    }

    /// What is known once the store was looked into, if there is news in it: a token must not be
    /// served when another process has stored a newer one, which may have revoked it. A call that
    /// ends while it waits gets what it had, which is still good.
    fn caught_up(&self, mut state: Arc<Self::State>, call: &Call) -> Arc<Self::State> {
        while self.has_news(&state) {
            match self.flight().join(call) {
                Ok(Joined::Lead(lead)) => {
                    let looked = self.look().map(drop);
                    self.end(lead, looked, call).ok();
                    return self.state();
                }
                // Whoever led may have looked before the news came.
                Ok(Joined::Shared(_) | Joined::Abandoned) => state = self.state(),
                Err(_) => break,
            }
        }
        state
    }

    /// Due: this caller renews if nobody does, in this process or another; it waits for nobody who
    /// does. Whatever comes of it, there is a good token, `good`, and so no error. What went wrong
    /// is in the status, and in the pause that the next early renewal heeds.
    fn renew_early(&self, good: Arc<Self::State>, call: &Call) -> Arc<Self::State> {
        let flight = self.flight();
        let Some(lead) = flight.try_lead() else { return good };
        // Options may have been set, or the token renewed, before this caller led.
        let state = self.state();
        let renewed = match self.stage(&state) {
            Stage::Due if !self.is_paused(&state) => {
                let goal = Goal::Early(self.generation(&state));
                match self.try_lock(&state, call) {
                    Some(lock) => self.renew_locked(goal, lock, call),
                    // Another process is at it.
                    None => self.look_again(&state),
                }
            }
            _ => Ok(()),
        };
        self.end(lead, renewed, call).ok();
        let now = self.state();
        if self.meets(Goal::Usable, &now) { now } else { good }
    }

    /// Single flight: one caller goes to the cloud, the rest share its outcome.
    ///
    /// Loops, because a round may end without what this caller needs: its leader gave up, or needed
    /// less. Each turn either leads or waits, so a loop ends at the latest with the call's
    /// deadline.
    fn obtain(&self, goal: Goal, call: &Call) -> Result<Arc<Self::State>> {
        loop {
            let before = self.state();
            if self.meets(goal, &before) {
                return Ok(before);
            }
            match self.flight().join(call)? {
                Joined::Lead(lead) => {
                    let renewed = self.renew_as_leader(goal, call);
                    self.end(lead, renewed, call)?;
                }
                Joined::Shared(outcome) => outcome?,
                Joined::Abandoned => continue,
            }
            // What was just issued is the best there is, even if it expired on the way: of those
            // who waited for it nobody asks again.
            let now = self.state();
            let is_newer = self.generation(&now) > self.generation(&before);
            if is_newer && self.same_account(&now, &before) && self.stage(&now) != Stage::None {
                return Ok(now);
            }
        }
    }

    /// Renews for everyone who waits, unless it is not needed any more: between the caller's first
    /// look and its lead another thread may have renewed, and another process may have stored a
    /// token.
    fn renew_as_leader(&self, goal: Goal, call: &Call) -> Result<()> {
        let mut state = self.state();
        if self.meets(goal, &state) {
            return Ok(());
        }
        let mut is_news = self.has_news(&state);
        loop {
            // Whoever holds the lock may be waiting for the cloud, while what it stored before is
            // good. And those who waited for it need not take the lock one after the other.
            if is_news {
                state = self.look()?;
                if self.meets(goal, &state) {
                    return Ok(());
                }
            }
            match self.lock(&state, call)? {
                Some(lock) => return self.renew_locked(goal, lock, call),
                None => is_news = true,
            }
        }
    }

    /// Looks whether others have renewed; if not, goes to the cloud. Under the store's lock, so
    /// that what it sees is what is true until it saves: the look before was without.
    fn renew_locked(&self, goal: Goal, lock: Self::StoreLock, call: &Call) -> Result<()> {
        let state = self.look()?;
        let is_spared = matches!(goal, Goal::Early(_)) && self.is_paused(&state);
        if self.meets(goal, &state) || is_spared {
            return Ok(());
        }
        self.exchange(&state, goal, lock, call)
    }

    /// Runs as the leader, so that no renewal is under way meanwhile. Shares no outcome: what
    /// callers waited for did not happen, and one of them leads next.
    fn alone<T>(&self, call: &Call, work: impl FnOnce(Arc<Self::State>) -> Result<T>) -> Result<T> {
        loop {
            if let Joined::Lead(_lead) = self.flight().join(call)? {
                return work(self.state());
            }
        }
    }

    /// Ends the lead. Shares the outcome, unless it is this caller's alone: its deadline, its
    /// cancellation. Then one of those who wait leads, with a deadline of its own.
    fn end(&self, lead: Lead<'_, Result<()>>, outcome: Result<()>, call: &Call) -> Result<()> {
        if outcome.is_ok() || call.remaining().is_ok() {
            lead.share(outcome.clone());
        }
        outcome
    }
}
