//! The state machine every cloud shares: serve, renew, fall back, hold off. One renewal at a time.

pub(crate) mod background;
pub(crate) mod flight;
mod fresh;
pub(crate) mod holdoff;
mod renewal;
pub(crate) mod state;

use crate::account::account::Account;
use crate::account::api::Api;
use crate::error::{Error, Result, Status};
use crate::lifecycle::flight::{Flight, Turn};
use crate::lifecycle::fresh::Fresh;
use crate::lifecycle::state::{Stage, State};
use crate::model::record::Record;
use crate::support::call::Call;
use crate::support::clock::{Clock, Moment};
use crate::support::log::{Log, log};
use crate::support::process::PerProcess;
use crate::support::striped::Striped;
use arc_swap::{ArcSwap, Guard};
use once_cell::race::OnceBox;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;

/// What a caller needs before it can go on.
#[derive(Clone, Copy, Debug)]
enum Need {
    /// Any token that has not expired.
    Usable,
    /// A token issued after this one.
    NewerThan(u64),
    /// The same, unless there was trouble lately: the present one is still good.
    Early(u64),
}

impl Need {
    fn is_met(self, state: &State, now: Moment) -> bool {
        match (self, state.stage(now)) {
            (_, Stage::None | Stage::Expired) => false,
            (Need::Usable, _) => true,
            (Need::NewerThan(known) | Need::Early(known), _) => state.record.generation > known,
        }
    }
}

/// What happened so far, for the status.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub logins: AtomicU64,
    pub logins_rejected: AtomicU64,
    pub refreshes: AtomicU64,
    pub refreshes_rejected: AtomicU64,
    pub failures: AtomicU64,
    pub requests: AtomicU64,
    pub replays: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Keeps one identity's token good. Usable from any thread; in a forked child it goes on with what
/// the parent knew.
pub(crate) struct Lifecycle {
    pub clock: Clock,
    pub log: Log,
    pub counters: Counters,
    state: ArcSwap<State>,
    /// The same state, for those who only copy its token.
    at_hand: Striped<Fresh>,
    flight: PerProcess<Flight<Result<()>>>,
    last_error: ArcSwap<Option<Error>>,
    store_fault: ArcSwap<Option<Error>>,
    /// The thread that renews early, and its process, where the client asked for one. Set without a
    /// lock, which a forked child could inherit held.
    renewer: OnceBox<(u32, Thread)>,
}

impl Lifecycle {
    pub fn new(account: Account, clock: Clock, log: Log) -> Result<Lifecycle> {
        let (record, fault) = known_of(&account, account.first_record()?)?;
        let api = Arc::new(Api::of(&account, &record)?);
        let state = Arc::new(State::new(Arc::new(account), record, api)?);
        let lifecycle = Lifecycle {
            at_hand: Striped::new(&Arc::new(Fresh::of(&state))),
            clock,
            log,
            counters: Counters::default(),
            state: ArcSwap::new(state),
            flight: PerProcess::new(),
            last_error: ArcSwap::default(),
            store_fault: ArcSwap::default(),
            renewer: OnceBox::new(),
        };
        if let Some(fault) = fault {
            lifecycle.note_store_fault(fault);
        }
        Ok(lifecycle)
    }

    /// What is known now, whatever it is.
    pub fn state(&self) -> Guard<Arc<State>> {
        self.state.load()
    }

    pub fn last_error(&self) -> Option<Error> {
        self.last_error.load().as_ref().clone()
    }

    pub fn store_fault(&self) -> Option<Error> {
        self.store_fault.load().as_ref().clone()
    }

    /// The hot path: copies a fresh token to the beginning of `buffer`, if it fits with a byte to
    /// spare, and gives its length. No allocation, no system call, and no lock that anyone waits for.
    /// `None` where the ordinary way has to be taken.
    #[inline]
    pub fn copy_fresh(&self, buffer: &mut [u8]) -> Option<usize> {
        let now = self.clock.now();
        self.at_hand.read(|fresh, _| {
            let token = fresh.token();
            if token.len() >= buffer.len() || now >= fresh.until {
                return None;
            }
            buffer.get_mut(..token.len())?.copy_from_slice(token);
            Some(token.len())
        })
    }

    /// A number that changes with the state, while its token is fresh. `None` may also mean that
    /// another thread is looking.
    #[inline]
    pub fn fresh_number(&self) -> Option<u64> {
        let now = self.clock.now();
        self.at_hand.read(|fresh, number| (now < fresh.until).then_some(number))
    }

    /// A fresh token and all that goes with it, without a lock or a system call.
    #[inline]
    pub fn fresh(&self) -> Option<Guard<Arc<State>>> {
        let state = self.state.load();
        (self.clock.now() < state.renew_at).then_some(state)
    }

    /// A token that has not expired, renewed if that is due.
    pub fn serve(&self, call: &Call) -> Result<Arc<State>> {
        let state = self.state.load_full();
        match state.stage(self.clock.now()) {
            Stage::Fresh => Ok(state),
            Stage::Due => self.serve_due(state, call),
            Stage::None | Stage::Expired => self.obtain(Need::Usable, call),
        }
    }

    fn serve_due(&self, state: Arc<State>, call: &Call) -> Result<Arc<State>> {
        let state = self.caught_up(state, call);
        match state.stage(self.clock.now()) {
            Stage::Fresh => Ok(state),
            // In a forked child the thread is not there, and callers renew as they do without one.
            Stage::Due if self.renewer.get().is_some_and(|(p, _)| *p == std::process::id()) => {
                Ok(state)
            }
            Stage::Due => Ok(self.renew_early(state, call)),
            Stage::None | Stage::Expired => self.obtain(Need::Usable, call),
        }
    }

    /// What is known once the store was looked into, if there is news in it: a token must not be
    /// served when another process has stored a newer one.
    fn caught_up(&self, mut state: Arc<State>, call: &Call) -> Arc<State> {
        let flight = self.flight.get(Flight::new);
        while state.account.store.has_news(&state.record) {
            match flight.join(call) {
                Ok(Turn::Lead(lead)) => {
                    let looked = self.look_into_store(&self.state.load_full()).map(drop);
                    self.end(lead, looked, call).ok();
                    return self.state.load_full();
                }
                // Whoever led may have looked before the news came.
                Ok(Turn::Shared(_) | Turn::Abandoned) => state = self.state.load_full(),
                Err(_) => break,
            }
        }
        state
    }

    /// A token that has not expired, if that takes no waiting.
    pub fn serve_at_once(&self) -> Result<Arc<State>> {
        let state = self.state.load_full();
        let now = self.clock.now();
        if Need::Usable.is_met(&state, now) {
            return Ok(state);
        }
        self.barrier(&state, now)?;
        Err(Error::new(
            Status::WouldBlock,
            "no good token is at hand, and getting one means waiting for the cloud",
        ))
    }

    /// From now on this thread renews early, and no caller does.
    pub fn renewed_by(&self, thread: Thread) {
        self.renewer.set(Box::new((std::process::id(), thread))).ok();
    }

    /// Lets the renewing thread look again, after something changed.
    pub fn wake_renewer(&self) {
        let me = std::thread::current().id();
        // What it changes itself is no news to it.
        if let Some((_, thread)) = self.renewer.get().filter(|(_, thread)| thread.id() != me) {
            thread.unpark();
        }
    }

    /// What the renewing thread does when a token is due, or has expired.
    pub fn renew_in_background(&self, call: &Call) -> Result<()> {
        let state = self.state.load_full();
        match state.stage(self.clock.now()) {
            Stage::Due => {
                self.renew_early(state, call);
                Ok(())
            }
            _ => self.obtain(Need::Usable, call).map(drop),
        }
    }

    /// Renews now, fresh or not. Callers at the same time share one renewal.
    pub fn renew(&self, call: &Call) -> Result<Arc<State>> {
        let state = self.state.load();
        self.obtain(Need::NewerThan(state.record.generation), call)
    }

    /// An API refused this token: gives a newer one, renewing only where nobody else has.
    pub fn replace(&self, refused: &str, call: &Call) -> Result<Arc<State>> {
        let state = self.state.load_full();
        let newer = state.access_token() != refused;
        let need = if newer { Need::Usable } else { Need::NewerThan(state.record.generation) };
        self.obtain(need, call)
    }

    /// Uses other options from now on: for a caller that is alone. A different principal's token is
    /// dropped.
    pub fn use_account(&self, account: Account, state: &State) -> Result<()> {
        let mut record = state.record.clone();
        let (now, before) = (&account.identity, &state.account.identity);
        if now.principal != before.principal {
            record = account.first_record()?;
        } else if now.name != before.name {
            record.hold = None;
            record.pause = None;
        }
        let (record, fault) = known_of(&account, record)?;
        if let Some(fault) = fault {
            self.note_store_fault(fault);
        }
        self.publish(&Arc::new(account), record)
    }

    /// Forgets the tokens, here, in the store and where possible at the cloud.
    pub fn forget(&self, call: &Call) -> Result<()> {
        self.alone(call, |state| {
            let store = &state.account.store;
            let _lock = match store.lock(call) {
                Err(error) if error.status() != Status::Store => return Err(error),
                lock => lock,
            };
            let mut record = state.record.clone();
            if let Ok(stored) = store.load() {
                record.adopt(stored);
            }
            state.account.expect_nothing();
            let revoked = state.account.revoke(&record, &self.clock, call);
            if let Err(failure) = revoked {
                log!(self.log, Warn, "not revoked at the cloud: {}", failure.error);
            }
            record.forget();
            record.token = state.account.fixed_token()?;
            let saved = store.save(&mut record);
            self.publish(&state.account, record)?;
            saved
        })
    }

    /// Runs as the leader, so that no renewal is under way meanwhile.
    pub fn alone(&self, call: &Call, work: impl FnOnce(&State) -> Result<()>) -> Result<()> {
        let flight = self.flight.get(Flight::new);
        loop {
            if let Turn::Lead(_lead) = flight.join(call)? {
                return work(&self.state.load());
            }
        }
    }

    /// Due: this caller renews if nobody does. Whatever comes of it, there is a good token.
    fn renew_early(&self, state: Arc<State>, call: &Call) -> Arc<State> {
        let need = Need::Early(state.record.generation);
        if state.record.paused(self.clock.now()).is_some() {
            return state;
        }
        let flight = self.flight.get(Flight::new);
        let Some(lead) = flight.try_lead() else { return state };
        let renewed = match state.account.store.try_lock() {
            Ok(Some(_lock)) => self.renew_locked(need, call),
            // Another process is at it.
            Ok(None) => self.look_into_store(&state).map(drop),
            Err(fault) => {
                self.note_store_fault(fault);
                self.renew_locked(need, call)
            }
        };
        self.end(lead, renewed, call).ok();
        let now = self.state.load_full();
        if Need::Usable.is_met(&now, self.clock.now()) { now } else { state }
    }

    /// Single flight: one caller goes to the cloud, the rest share its outcome.
    fn obtain(&self, need: Need, call: &Call) -> Result<Arc<State>> {
        let flight = self.flight.get(Flight::new);
        loop {
            let state = self.state.load_full();
            if need.is_met(&state, self.clock.now()) {
                return Ok(state);
            }
            match flight.join(call)? {
                Turn::Lead(lead) => {
                    let renewed = self.renew_as_leader(need, call);
                    self.end(lead, renewed, call)?;
                }
                Turn::Shared(Ok(())) | Turn::Abandoned => {}
                Turn::Shared(Err(error)) => return Err(error),
            }
            // What was just issued is the best there is, even if it expired on the way: of those
            // who waited for it nobody asks again.
            let renewed = self.state.load_full();
            if renewed.record.generation > state.record.generation {
                return Ok(renewed);
            }
        }
    }

    /// Shares the outcome, unless it is this caller's alone: its deadline, its cancellation.
    fn end(
        &self,
        lead: crate::lifecycle::flight::Lead<'_, Result<()>>,
        outcome: Result<()>,
        call: &Call,
    ) -> Result<()> {
        if outcome.is_ok() || call.remaining().is_ok() {
            lead.share(outcome.clone());
        }
        outcome
    }

    fn look_into_store(&self, state: &Arc<State>) -> Result<Arc<State>> {
        let mut record = state.record.clone();
        match state.account.store.load() {
            Ok(stored) => record.adopt(stored),
            Err(unusable) => self.note_store_fault(unusable.error),
        }
        if record == state.record {
            return Ok(state.clone());
        }
        self.publish(&state.account, record)?;
        Ok(self.state.load_full())
    }

    fn note_store_fault(&self, fault: Error) {
        log!(self.log, Error, "{fault}");
        self.store_fault.store(Arc::new(Some(fault)));
    }

    /// Lets readers see a new record. Only the leader does.
    fn publish(&self, account: &Arc<Account>, record: Record) -> Result<()> {
        let before = self.state.load();
        let saved = |record: &Record| record.token.as_ref().map(|token| token.saved.clone());
        let same = Arc::ptr_eq(account, &before.account)
            && record.discovered == before.record.discovered
            && saved(&record) == saved(&before.record);
        let api = match same {
            true => before.api.clone(),
            false => Arc::new(Api::of(account, &record)?),
        };
        let state = Arc::new(State::new(account.clone(), record, api)?);
        self.state.store(state.clone());
        // Last: who sees the new number must find the new state.
        self.at_hand.replace(&Arc::new(Fresh::of(&state)));
        self.wake_renewer();
        Ok(())
    }
}

/// What the account's store adds to what is known, and what is wrong with the store.
fn known_of(account: &Account, mut record: Record) -> Result<(Record, Option<Error>)> {
    match account.store.load() {
        Ok(stored) => {
            record.adopt(stored);
            Ok((record, None))
        }
        // A wrong key is the user's to know now, not when the token has expired.
        Err(unusable) if unusable.for_good => Err(unusable.error),
        Err(unusable) => Ok((record, Some(unusable.error))),
    }
}
