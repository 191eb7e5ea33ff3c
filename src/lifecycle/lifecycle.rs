//! The lifecycle of one client: its state, and what readers and the renewing thread see of it.
//!
//! One value is published at a time, by the leader of the single flight, with one store into an
//! `ArcSwap`; readers take no lock. `serving.rs` has the order of moves, and this file what each
//! move is for a real account: its state, its store, its renewal.

use super::counters::Counters;
use super::flight::Flight;
use super::fresh::Fresh;
use super::goal::{Goal, Stage};
use super::holds;
use super::lookout::Lookout;
use super::news::News;
use super::pauses;
use super::renewer::Job;
use super::serving::Serving;
use super::state::State;
use crate::account::account::Account;
use crate::account::api::Api;
use crate::error::{Error, Result, Status};
use crate::model::option_table::DPOP;
use crate::model::record::Record;
use crate::model::token::Token;
use crate::store::Lock;
use crate::support::call::{Call, Entered};
use crate::support::clock::Clock;
use crate::support::log::{self, Log, log};
use crate::support::process::PerProcess;
use crate::support::slot::Slot;
use crate::support::striped::Striped;
use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use std::sync::Arc;

/// Keeps one identity's token good. Usable from any thread; in a forked child it goes on with what
/// the parent knew.
pub(crate) struct Lifecycle {
    /// Boot time, and the cloud's time as it was last told. Tests wind it.
    pub clock: Clock,
    /// Where lines for people go. Never a secret.
    pub log: Log,
    /// What happened so far, for the status.
    pub counters: Counters,
    /// What a caller may be told of what changed.
    pub news: News,
    /// What is known. Replaced by `publish` alone, under the lead.
    state: ArcSwap<State>,
    /// When to look into the store though the token is fresh.
    pub(super) lookout: Lookout,
    /// A copy of the state's token, for those who need nothing else of it. Replaced after `state`.
    pub(super) at_hand: Striped<Fresh>,
    /// Who renews. A forked child has its own, since its parent's leader is not there.
    flight: PerProcess<Flight<Result<()>>>,
    /// Why the last renewal failed; `None` after one that did not. For the status.
    last_error: Slot<Error>,
    /// What is wrong with the store; `None` once it works again. For the status.
    store_fault: Slot<Error>,
    /// Why what was last forgotten may still be good at the cloud.
    not_revoked: Slot<Error>,
    /// The job of the thread that renews early, where the client asked for one. Set without a lock,
    /// which a forked child could inherit held.
    renewer: ArcSwapOption<Job>,
}

impl Lifecycle {
    /// Begins with what the store has, so that a restart needs no login. A store that cannot be
    /// read is noted and lived without, unless that will never change. Nothing is asked of the
    /// cloud.
    pub fn new(account: Account, clock: Clock, log: Log) -> Result<Lifecycle> {
        let (record, fault) = known_of(&account, account.first_record()?)?;
        let api = Api::of(&account, &record)?;
        let state = Arc::new(State::new(Arc::new(account), record, api)?);
        let lookout = Lookout::of(&*state.account.store, clock.now());
        let lifecycle = Lifecycle {
            at_hand: Striped::new(&Arc::new(Fresh::of(&state, lookout.next()))),
            lookout,
            clock,
            log,
            counters: Counters::default(),
            news: News::new(),
            state: ArcSwap::new(state),
            flight: PerProcess::new(),
            last_error: Slot::empty(),
            store_fault: Slot::empty(),
            not_revoked: Slot::empty(),
            renewer: ArcSwapOption::empty(),
        };
        if let Some(fault) = fault {
            lifecycle.note_store_fault(fault);
        }
        lifecycle.learn_of_holds();
        Ok(lifecycle)
    }

    /// Where the next call would log in, asks the store for the attempts of earlier processes. The
    /// login itself asks again; this is for the status, which is to show a hold before anybody runs
    /// into it.
    pub(super) fn learn_of_holds(&self) {
        let state = self.state.load();
        if state.record.token.is_none() {
            let secrets = &state.account.secrets;
            for log in secrets.login.iter().chain(&secrets.client) {
                log.look().unwrap_or_else(|fault| self.note_store_fault(fault));
            }
        }
    }

    /// What is known now, be there a token or not. For the status and for what needs no token.
    pub fn state(&self) -> Guard<Arc<State>> {
        self.state.load()
    }

    /// Why the last renewal failed.
    pub fn last_error(&self) -> Option<Error> {
        self.last_error.get().map(Arc::unwrap_or_clone)
    }

    /// Notes how a renewal ended.
    pub(super) fn set_last_error(&self, error: Option<Error>) {
        self.last_error.put(error.map(Arc::new));
    }

    /// Why what was last forgotten may still be good at the cloud.
    pub fn not_revoked(&self) -> Option<Error> {
        self.not_revoked.get().map(Arc::unwrap_or_clone)
    }

    /// Notes whether the cloud was told of the last forgetting.
    pub(super) fn set_not_revoked(&self, error: Option<Error>) {
        self.not_revoked.put(error.map(Arc::new));
    }

    /// What is wrong with the store at present.
    pub fn store_fault(&self) -> Option<Error> {
        self.store_fault.get().map(Arc::unwrap_or_clone)
    }

    /// The hot path: copies a fresh token to the beginning of `buffer`, if it fits with a byte to
    /// spare, and gives its length. No allocation, no system call, and no lock that anyone waits
    /// for. `None` where the ordinary way has to be taken.
    #[inline]
    pub fn copy_fresh(&self, buffer: &mut [u8]) -> Option<usize> {
        let now = self.clock.now();
        self.at_hand.read(|fresh, _| {
            let token = fresh.token();
            if token.len() >= buffer.len() || now >= fresh.until() {
                return None;
            }
            buffer.get_mut(..token.len())?.copy_from_slice(token);
            Some(token.len())
        })
    }

    /// A number that changes with the state, while its token is fresh: a binding keeps its own copy
    /// of the token for as long as the number is the same. `None` may also mean that another thread
    /// is looking; then the ordinary way has the answer.
    #[inline]
    pub fn fresh_number(&self) -> Option<u64> {
        let now = self.clock.now();
        self.at_hand.read(|fresh, number| (now < fresh.until()).then_some(number))
    }

    /// A fresh token and all that goes with it, without a lock or a system call. `None` where the
    /// token is due, has expired, or is not there.
    #[inline]
    pub fn fresh(&self) -> Option<Guard<Arc<State>>> {
        let state = self.state.load();
        (self.clock.now() < state.renew_at.min(self.lookout.next())).then_some(state)
    }

    /// A token that has not expired, renewed if that is due.
    ///
    /// Fails only where there is no good token and none was to be had: with what the cloud said,
    /// with what holds the login back, or with the end of this call.
    pub fn serve(&self, call: &Call) -> Result<Arc<State>> {
        let _within = within(call);
        Serving::serve(self, call)
    }

    /// A token that has not expired, if that takes no waiting: for event loops. Else why the cloud
    /// may not be asked now, or `WOULD_BLOCK` where it may.
    pub fn serve_at_once(&self) -> Result<Arc<State>> {
        let state = self.state.load_full();
        if self.meets(Goal::Usable, &state) {
            return Ok(state);
        }
        self.may_ask(&state.account, &state.record)?;
        Err(Error::new(
            Status::WouldBlock,
            "no good token is at hand, and getting one means waiting for the cloud",
        ))
    }

    /// Renews now, fresh or not. Callers at the same time share one renewal: each wants a token
    /// newer than the one it saw, and the one that comes is that for all.
    pub fn renew(&self, call: &Call) -> Result<Arc<State>> {
        let _within = within(call);
        let state = self.state.load_full();
        self.obtain(Goal::NewerThan(state.record.generation), call)
    }

    /// An API refused this token: gives a newer one, renewing only where nobody else has.
    ///
    /// A hundred threads whose token was revoked come here with the same token, and cost one
    /// renewal. A token that is refused right after its issue is not replaced again for a while:
    /// then it is given back, and the caller sees that by comparing.
    pub fn replace(&self, refused: &str, call: &Call) -> Result<Arc<State>> {
        let _within = within(call);
        let state = self.state.load_full();
        if state.access_token() != refused {
            return self.obtain(Goal::Usable, call);
        }
        if state.record.is_kept_though_refused(self.clock.now()) {
            return Ok(state);
        }
        self.obtain(Goal::Instead(state.record.generation), call)
    }

    /// What the renewing thread does when a token is due, or has expired; or as one that is fresh and in
    /// use. Its failures are in the status and the log, since it has no caller.
    pub fn renew_in_background(&self, call: &Call) -> Result<()> {
        let _within = within(call);
        let state = self.state.load_full();
        match self.stage(&state) {
            // Nobody has asked for one.
            Stage::None => {}
            Stage::Fresh => drop(self.kept_up(state, call)),
            Stage::Due => drop(self.renew_early(state, call)),
            Stage::Expired => drop(self.obtain(Goal::Usable, call)?),
        }
        Ok(())
    }

    /// From now on this job renews early and no caller does; `None`: callers do. Called by the job's
    /// owner when it begins and ends.
    pub fn renewed_by(&self, job: Option<Arc<Job>>) {
        self.renewer.store(job);
    }

    /// Lets the renewing thread look again, after something changed: a token, options, the clock.
    pub fn wake_renewer(&self) {
        if let Some(job) = &*self.renewer.load() {
            job.wake();
        }
    }

    /// Why nothing may be asked of the cloud now, as far as this process knows: a strict pause, a
    /// hold on the client software, or a hold on the login where nothing else could renew. The
    /// store may know more; the login looks into it.
    pub(super) fn may_ask(&self, account: &Account, record: &Record) -> Result<()> {
        pauses::may_call(record, self.clock.now())?;
        self.nothing_is_held(account, record)
    }

    /// A hold on the client software, or on the login where nothing else could renew.
    pub(super) fn nothing_is_held(&self, account: &Account, record: &Record) -> Result<()> {
        let now = self.clock.now();
        let secrets = &account.secrets;
        if let Some(client) = &secrets.client {
            holds::may_send(&client.known(), now)?;
        }
        // A hold is about what a login sends; a refresh token needs none of it.
        let refreshes = record.refresh.is_some() && account.can_refresh();
        match &secrets.login {
            Some(login) if !refreshes && !account.awaits_login(record, now) => {
                holds::may_send(&login.known(), now)
            }
            _ => Ok(()),
        }
    }

    /// The store's lock, waited for to the call's deadline, whatever others store meanwhile; `None`
    /// where it cannot be had at all.
    pub(super) fn lock_alone(&self, state: &State, call: &Call) -> Result<Option<Box<dyn Lock>>> {
        let locked = self.unless_broken(state.account.store.lock(call).map(Some));
        locked.map(Option::flatten)
    }

    /// A lock that cannot be had at all, as on a read-only disk, is lived without.
    fn unless_broken(
        &self,
        locked: Result<Option<Box<dyn Lock>>>,
    ) -> Result<Option<Option<Box<dyn Lock>>>> {
        match locked {
            Ok(lock) => Ok(lock.map(Some)),
            Err(error) if error.status() != Status::Store => Err(error),
            Err(fault) => {
                self.note_store_fault(fault);
                Ok(Some(None))
            }
        }
    }

    /// Notes what is wrong with the store, and logs it. The tokens are used from memory meanwhile.
    pub(super) fn note_store_fault(&self, fault: Error) {
        log!(self.log, Error, "{fault}");
        self.store_fault.put(Some(Arc::new(fault)));
    }

    /// Warns where tokens are to be bound to a key and this one is not, once a change.
    pub(super) fn tell_of_no_binding(
        &self,
        account: &Account,
        now: &Token,
        before: Option<&Token>,
    ) {
        if account.options.flag(DPOP) && !now.bound && before.is_none_or(|before| before.bound) {
            let name = &account.profile.name;
            log!(
                self.log,
                Warn,
                "{name}: dpop is set, but the token that came is a Bearer token: it is used, and whoever steals it can use it, too"
            );
        }
    }

    /// The store has kept what it was given: what was wrong with it is over.
    pub(super) fn store_works(&self) {
        self.store_fault.put(None);
        self.lookout.is_behind(false);
    }

    /// Lets readers see a new record. Only the leader does, so that no two states overtake each
    /// other.
    ///
    /// Works the URLs of requests out anew only where the account, the endpoints or the names that
    /// came with the token have changed. Fails where a template cannot be filled; readers then keep
    /// what they had.
    pub(super) fn publish(&self, account: &Arc<Account>, record: Record) -> Result<Arc<State>> {
        let before = self.state.load();
        let saved = |record: &Record| record.token.as_ref().map(|token| token.saved.clone());
        let same = Arc::ptr_eq(account, &before.account)
            && record.discovered == before.record.discovered
            && saved(&record) == saved(&before.record);
        let api = match same {
            true => before.api.clone(),
            false => Api::of(account, &record)?,
        };
        let state = Arc::new(State::new(account.clone(), record, api)?);
        self.state.store(state.clone());
        // Last: who sees the new number must find the new state.
        let next = self.lookout.begin_anew(&*account.store, self.clock.now());
        self.at_hand.replace(&Arc::new(Fresh::of(&state, next)));
        if state.access_token() != before.access_token() {
            self.news.count_token();
        }
        self.tell_listeners();
        self.wake_renewer();
        Ok(state)
    }
}

/// What holds while a thread is in a call: waits far below end with it, and its lines are logged
/// after it, when no lock is held.
pub(super) fn within(call: &Call) -> (Entered, log::Later) {
    (call.enter(), log::later())
}

impl Serving for Lifecycle {
    type State = State;
    /// `None` where it cannot be had at all, as on a read-only disk: the renewal goes on without
    /// it, and the store refuses to save.
    type StoreLock = Option<Box<dyn Lock>>;

    fn flight(&self) -> Arc<Flight<Result<()>>> {
        self.flight.get(Flight::new)
    }

    fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    fn stage(&self, state: &State) -> Stage {
        state.stage(self.clock.now())
    }

    fn generation(&self, state: &State) -> u64 {
        state.record.generation
    }

    fn same_account(&self, one: &State, other: &State) -> bool {
        Arc::ptr_eq(&one.account, &other.account)
    }

    fn is_paused(&self, state: &State) -> bool {
        state.record.paused(self.clock.now()).is_some()
    }

    fn renews_in_background(&self) -> bool {
        // In a forked child the thread is not there, and callers renew as they do without one.
        self.renewer.load().as_ref().is_some_and(|job| job.is_here())
    }

    fn has_news(&self, state: &State) -> bool {
        state.account.store.has_news(&state.record)
    }

    fn look(&self) -> Result<Arc<State>> {
        let state = self.state.load_full();
        let mut record = state.record.clone();
        match state.account.load() {
            Ok(stored) => {
                self.lookout.is_behind(record.outlives(&stored));
                record.adopt(stored);
            }
            Err(unusable) => self.note_store_fault(unusable.error),
        }
        if record != state.record {
            self.publish(&state.account, record)?;
        }
        self.restore()
    }

    fn kept_up(&self, state: Arc<State>, call: &Call) -> Arc<State> {
        self.keep_up(state, call)
    }

    fn look_again(&self, state: &State) -> Result<()> {
        match state.account.store.may_have_news(&state.record) {
            true => self.look().map(drop),
            false => Ok(()),
        }
    }

    fn lock(&self, state: &State, call: &Call) -> Result<Option<Option<Box<dyn Lock>>>> {
        self.unless_broken(state.account.store.lock_or_news(&state.record, call))
    }

    fn try_lock(&self, state: &State, call: &Call) -> Option<Option<Box<dyn Lock>>> {
        match state.account.store.try_lock(call) {
            Ok(lock) => lock.map(Some),
            Err(fault) => {
                self.note_store_fault(fault);
                // Each machine would log in on its own, though the token at hand is good.
                (!state.account.store.is_remote()).then_some(None)
            }
        }
    }

    fn exchange(
        &self,
        state: &State,
        goal: Goal,
        lock: Option<Box<dyn Lock>>,
        call: &Call,
    ) -> Result<()> {
        self.renew_under(lock, state, goal, call)
    }
}

/// What the account's store adds to what is known, and what is wrong with the store. An error where
/// it stays unusable until a person acts, as with a wrong key: then no client is made of it.
pub(super) fn known_of(account: &Account, mut record: Record) -> Result<(Record, Option<Error>)> {
    match account.load() {
        Ok(stored) => {
            record.adopt(stored);
            Ok((record, None))
        }
        // A wrong key is the user's to know now, not when the token has expired.
        Err(unusable) if unusable.for_good => Err(unusable.error),
        Err(unusable) => Ok((record, Some(unusable.error))),
    }
}
