//! The single flight under a model checker: every order in which its threads can meet, within bounds.
//!
//! src/lifecycle/flight.rs, goal.rs and serving.rs are compiled a second time here, with loom's locks
//! and a call of our own in place of the library's. The second half is a model of everything that
//! serves, renews, sets, forgets and brings news by the store.
#![allow(dead_code)] // the core is compiled whole, and used in part
#![allow(clippy::clone_on_copy)] // the errors here are simpler than the library's

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

mod error {
    /// Whatever ended a call.
    pub type Result<T> = std::result::Result<T, &'static str>;
}

mod support {
    pub mod call {
        use std::cell::Cell;
        use std::time::Duration;

        /// A call that waits as long as it takes, or for so many slices of no time at all.
        pub struct Call(Option<Cell<usize>>);

        impl Call {
            pub fn patient() -> Call {
                Call(None)
            }

            pub fn hasty(slices: usize) -> Call {
                Call(Some(Cell::new(slices)))
            }

            pub fn remaining(&self) -> crate::error::Result<Duration> {
                Ok(Duration::MAX)
            }

            pub fn slice(&self) -> crate::error::Result<Duration> {
                let Some(left) = &self.0 else { return Ok(Duration::MAX) };
                left.set(left.get().checked_sub(1).ok_or("the deadline has passed")?);
                Ok(Duration::ZERO)
            }
        }
    }

    pub mod sync {
        pub use loom::sync::{Mutex, MutexGuard};
        use std::sync::LockResult;
        pub use std::sync::PoisonError;
        use std::time::Duration;

        pub struct Condvar(loom::sync::Condvar);

        impl Condvar {
            pub fn new() -> Condvar {
                Condvar(loom::sync::Condvar::new())
            }

            pub fn notify_all(&self) {
                self.0.notify_all();
            }

            /// Waits to be notified, or not at all: loom knows no time.
            pub fn wait_timeout<'a, T>(
                &self,
                guard: MutexGuard<'a, T>,
                slice: Duration,
            ) -> LockResult<(MutexGuard<'a, T>, ())> {
                if slice.is_zero() {
                    return Ok((guard, ()));
                }
                let waited = self.0.wait_timeout(guard, slice);
                Ok((waited.unwrap_or_else(PoisonError::into_inner).0, ()))
            }
        }
    }
}

#[path = "../src/lifecycle/flight.rs"]
mod flight;
#[path = "../src/lifecycle/goal.rs"]
mod goal;
#[path = "../src/lifecycle/serving.rs"]
mod serving;

use flight::{Flight, Joined};
use goal::{Goal, Stage};
use serving::Serving;
use support::call::Call;

/// Runs this model through every order of its threads' steps, with up to three preemptions.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// What the threads share: the flight, what the leaders bring about, and how many lead at a time.
struct World {
    flight: Flight<usize>,
    leading: AtomicUsize,
    /// The number of token calls, which is also the newest token.
    calls: AtomicUsize,
    token: AtomicUsize,
}

impl World {
    fn new() -> Arc<World> {
        let zero = || AtomicUsize::new(0);
        Arc::new(World { flight: Flight::new(), leading: zero(), calls: zero(), token: zero() })
    }

    /// As the lifecycle obtains a token: looks, joins, leads or shares, and looks again.
    fn obtain(&self, call: &Call) -> error::Result<usize> {
        loop {
            let token = self.token.load(Ordering::Acquire);
            if token > 0 {
                return Ok(token);
            }
            match self.flight.join(call)? {
                Joined::Lead(lead) => {
                    assert_eq!(self.leading.fetch_add(1, Ordering::AcqRel), 0, "two lead at once");
                    if self.token.load(Ordering::Acquire) == 0 {
                        let issued = self.calls.fetch_add(1, Ordering::AcqRel) + 1;
                        self.token.store(issued, Ordering::Release);
                    }
                    let token = self.token.load(Ordering::Acquire);
                    self.leading.fetch_sub(1, Ordering::AcqRel);
                    lead.share(token);
                }
                Joined::Shared(token) => {
                    assert_eq!(token, self.token.load(Ordering::Acquire), "the token that is");
                    return Ok(token);
                }
                Joined::Abandoned => {}
            }
        }
    }

    /// Leads, and goes without an outcome: a deadline, a cancellation, a panic.
    fn lead_and_give_up(&self) {
        if let Ok(Joined::Lead(lead)) = self.flight.join(&Call::patient()) {
            assert_eq!(self.leading.fetch_add(1, Ordering::AcqRel), 0, "two lead at once");
            self.leading.fetch_sub(1, Ordering::AcqRel);
            drop(lead);
        }
    }

    /// Nobody is left in flight.
    fn is_at_rest(&self) {
        assert!(self.flight.try_lead().is_some(), "the next caller can lead");
    }
}

#[test]
fn however_three_callers_meet_one_call_is_made_for_all() {
    check(|| {
        let world = World::new();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let world = world.clone();
                thread::spawn(move || world.obtain(&Call::patient()).unwrap())
            })
            .collect();
        assert_eq!(world.obtain(&Call::patient()), Ok(1));
        for other in others {
            assert_eq!(other.join().unwrap(), 1);
        }
        assert_eq!(world.calls.load(Ordering::Acquire), 1);
        world.is_at_rest();
    });
}

#[test]
fn however_a_leader_gives_up_another_takes_over() {
    check(|| {
        let world = World::new();
        let quitter = {
            let world = world.clone();
            thread::spawn(move || world.lead_and_give_up())
        };
        let other = {
            let world = world.clone();
            thread::spawn(move || world.obtain(&Call::patient()).unwrap())
        };
        assert_eq!(world.obtain(&Call::patient()), Ok(1));
        assert_eq!(other.join().unwrap(), 1);
        quitter.join().unwrap();
        assert_eq!(world.calls.load(Ordering::Acquire), 1);
        world.is_at_rest();
    });
}

#[test]
fn a_waiter_whose_time_is_up_goes_and_takes_nothing_with_it() {
    check(|| {
        let world = World::new();
        let hasty = {
            let world = world.clone();
            thread::spawn(move || world.obtain(&Call::hasty(1)))
        };
        let patient = {
            let world = world.clone();
            thread::spawn(move || world.obtain(&Call::patient()).unwrap())
        };
        assert_eq!(patient.join().unwrap(), 1);
        let outcome = hasty.join().unwrap();
        assert!(matches!(outcome, Ok(1) | Err("the deadline has passed")), "{outcome:?}");
        assert_eq!(world.calls.load(Ordering::Acquire), 1);
        world.is_at_rest();
    });
}

#[test]
fn who_only_tries_to_lead_never_waits_and_never_makes_two() {
    check(|| {
        let world = World::new();
        let tries = {
            let world = world.clone();
            thread::spawn(move || {
                let Some(lead) = world.flight.try_lead() else { return false };
                assert_eq!(world.leading.fetch_add(1, Ordering::AcqRel), 0, "two lead at once");
                world.leading.fetch_sub(1, Ordering::AcqRel);
                drop(lead);
                true
            })
        };
        assert_eq!(world.obtain(&Call::patient()), Ok(1));
        tries.join().unwrap();
        world.is_at_rest();
    });
}

#[test]
fn a_failure_is_shared_by_those_who_waited_for_it() {
    check(|| {
        let world = World::new();
        let outcomes: Vec<_> = (0..2)
            .map(|_| {
                let world = world.clone();
                thread::spawn(move || match world.flight.join(&Call::patient()).unwrap() {
                    Joined::Lead(lead) => {
                        let failure = world.calls.fetch_add(1, Ordering::AcqRel) + 1;
                        lead.share(failure);
                        failure
                    }
                    Joined::Shared(failure) => failure,
                    Joined::Abandoned => panic!("nobody gave up"),
                })
            })
            .collect();
        let outcomes: Vec<usize> = outcomes.into_iter().map(|t| t.join().unwrap()).collect();
        let calls = world.calls.load(Ordering::Acquire);
        assert!(outcomes.iter().all(|outcome| (1..=calls).contains(outcome)), "{outcomes:?}");
        assert_eq!(outcomes.iter().max(), Some(&calls));
        world.is_at_rest();
    });
}

/// What a client knows at one moment: whose token it has, and which.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    account: usize,
    /// 0 for no token.
    token: usize,
    generation: u64,
    stage: Stage,
}

/// What is stored of an account, and which refresh token its cloud would take.
#[derive(Clone, Copy, Debug)]
struct Shelf {
    token: usize,
    generation: u64,
    good_refresh: u64,
    locked: bool,
}

/// One client, the stores of two accounts, and the clouds behind them.
struct Client {
    flight: std::sync::Arc<Flight<error::Result<()>>>,
    state: loom::sync::Mutex<std::sync::Arc<Known>>,
    shelves: [loom::sync::Mutex<Shelf>; 2],
    exchanging: AtomicUsize,
    issued: AtomicUsize,
}

/// A lock of an account's store.
struct ShelfLock(Arc<Client>, usize);

impl Drop for ShelfLock {
    fn drop(&mut self) {
        self.0.shelf(self.1).locked = false;
    }
}

const MINE: usize = 0;
const ANOTHERS: usize = 1;

/// Tokens of one account are of one hundred.
fn account_of(token: usize) -> usize {
    token / 100
}

impl Client {
    /// A client whose token stands so, as its store has it too.
    fn with(stage: Stage) -> Arc<Client> {
        let shelf = Shelf { token: 1, generation: 1, good_refresh: 1, locked: false };
        let empty = Shelf { token: 0, generation: 0, good_refresh: 0, locked: false };
        let known = Known { account: MINE, token: 1, generation: 1, stage };
        Arc::new(Client {
            flight: std::sync::Arc::new(Flight::new()),
            state: loom::sync::Mutex::new(std::sync::Arc::new(known)),
            shelves: [loom::sync::Mutex::new(shelf), loom::sync::Mutex::new(empty)],
            exchanging: AtomicUsize::new(0),
            issued: AtomicUsize::new(1),
        })
    }

    fn shelf(&self, account: usize) -> loom::sync::MutexGuard<'_, Shelf> {
        self.shelves[account].lock().unwrap()
    }

    fn known(&self) -> Known {
        **self.state.lock().unwrap()
    }

    fn publish(&self, known: Known) {
        *self.state.lock().unwrap() = std::sync::Arc::new(known);
    }

    /// Tells the cloud of an account a refresh token; it takes each once.
    fn spend(&self, account: usize, generation: u64) -> usize {
        let mut shelf = self.shelf(account);
        assert!(shelf.locked, "a refresh token is sent without its own store's lock");
        assert_eq!(shelf.good_refresh, generation, "a refresh token is sent twice");
        shelf.good_refresh = generation + 1;
        drop(shelf);
        let number = self.issued.fetch_add(1, Ordering::AcqRel) + 1;
        account * 100 + number
    }
}

/// A handle for a thread.
#[derive(Clone)]
struct Handle(Arc<Client>);

impl Serving for Handle {
    type State = Known;
    type StoreLock = ShelfLock;

    fn flight(&self) -> std::sync::Arc<Flight<error::Result<()>>> {
        self.0.flight.clone()
    }

    fn state(&self) -> std::sync::Arc<Known> {
        self.0.state.lock().unwrap().clone()
    }

    fn stage(&self, state: &Known) -> Stage {
        state.stage
    }

    fn generation(&self, state: &Known) -> u64 {
        state.generation
    }

    fn same_account(&self, one: &Known, other: &Known) -> bool {
        one.account == other.account
    }

    fn is_paused(&self, _: &Known) -> bool {
        false
    }

    fn renews_in_background(&self) -> bool {
        false
    }

    fn has_news(&self, state: &Known) -> bool {
        self.0.shelf(state.account).generation > state.generation
    }

    fn look(&self) -> error::Result<std::sync::Arc<Known>> {
        let state = self.state();
        let shelf = *self.0.shelf(state.account);
        if shelf.generation > state.generation {
            let stage = if shelf.token == 0 { Stage::None } else { Stage::Fresh };
            let (token, generation) = (shelf.token, shelf.generation);
            self.0.publish(Known { token, generation, stage, ..*state });
        }
        Ok(self.state())
    }

    fn lock(&self, state: &Known, call: &Call) -> error::Result<Option<ShelfLock>> {
        // What holds it in these models is another process, which is done at once.
        loop {
            if let Some(lock) = self.try_lock(state, call) {
                return Ok(Some(lock));
            }
            if self.has_news(state) {
                return Ok(None);
            }
            thread::yield_now();
        }
    }

    fn try_lock(&self, state: &Known, _: &Call) -> Option<ShelfLock> {
        let mut shelf = self.0.shelf(state.account);
        let free = !std::mem::replace(&mut shelf.locked, true);
        drop(shelf);
        free.then(|| ShelfLock(self.0.clone(), state.account))
    }

    fn exchange(&self, state: &Known, _: Goal, lock: ShelfLock, _: &Call) -> error::Result<()> {
        let before = self.0.exchanging.fetch_add(1, Ordering::AcqRel);
        assert_eq!(before, 0, "two exchanges at once");
        assert_eq!(lock.1, state.account, "the lock is another store's");
        let token = self.0.spend(state.account, state.generation);
        let generation = state.generation + 1;
        *self.0.shelf(state.account) =
            Shelf { token, generation, good_refresh: generation, locked: true };
        let known = Known { account: state.account, token, generation, stage: Stage::Fresh };
        self.0.publish(known);
        self.0.exchanging.fetch_sub(1, Ordering::AcqRel);
        drop(lock);
        Ok(())
    }
}

impl Handle {
    fn serve_patiently(&self) -> Known {
        *self.serve(&Call::patient()).unwrap()
    }

    /// As `set` does with another account's credentials.
    fn set_another(&self) {
        let changed = self.alone(&Call::patient(), |_| {
            let shelf = *self.0.shelf(ANOTHERS);
            let stage = if shelf.token == 0 { Stage::None } else { Stage::Fresh };
            let (token, generation) = (shelf.token, shelf.generation);
            self.0.publish(Known { account: ANOTHERS, token, generation, stage });
            Ok(())
        });
        changed.unwrap();
    }

    /// The lock, whatever others store meanwhile.
    fn lock_alone(&self, state: &Known) -> ShelfLock {
        loop {
            if let Some(lock) = self.try_lock(state, &Call::patient()) {
                return lock;
            }
            thread::yield_now();
        }
    }

    /// As `forget` does.
    fn forget(&self) {
        let forgotten = self.alone(&Call::patient(), |state| {
            let lock = self.lock_alone(&state);
            let generation = state.generation.max(self.0.shelf(state.account).generation) + 1;
            *self.0.shelf(state.account) =
                Shelf { token: 0, generation, good_refresh: generation, locked: true };
            let account = state.account;
            self.0.publish(Known { account, token: 0, generation, stage: Stage::None });
            drop(lock);
            Ok(())
        });
        forgotten.unwrap();
    }

    /// What another process does that shares the store: it renews and stores.
    fn renew_elsewhere(&self) {
        let state = Known { account: MINE, token: 1, generation: 1, stage: Stage::Due };
        let Some(lock) = self.try_lock(&state, &Call::patient()) else { return };
        let shelf = *self.0.shelf(MINE);
        // It looks before it asks, as every process does.
        if shelf.generation == state.generation {
            let token = self.0.spend(MINE, shelf.generation);
            let generation = shelf.generation + 1;
            *self.0.shelf(MINE) =
                Shelf { token, generation, good_refresh: generation, locked: true };
        }
        drop(lock);
    }
}

/// Runs these on threads of their own beside each other.
fn beside(client: &Arc<Client>, work: impl FnOnce(Handle) + 'static) -> thread::JoinHandle<()> {
    let handle = Handle(client.clone());
    thread::spawn(move || work(handle))
}

#[test]
fn set_beside_a_due_caller_is_not_undone() {
    check(|| {
        let client = Client::with(Stage::Due);
        let serving = beside(&client, |handle| {
            let served = handle.serve_patiently();
            assert_ne!(served.token, 0);
        });
        let handle = Handle(client.clone());
        handle.set_another();
        // From now on every call is the other account's.
        let served = handle.serve_patiently();
        assert_eq!(account_of(served.token), ANOTHERS, "{served:?}");
        serving.join().unwrap();
        assert_eq!(client.known().account, ANOTHERS, "whatever the due caller did");
    });
}

#[test]
fn set_beside_an_expired_caller_is_not_undone() {
    check(|| {
        let client = Client::with(Stage::Expired);
        let serving = beside(&client, |handle| {
            assert_ne!(handle.serve_patiently().token, 0);
        });
        let handle = Handle(client.clone());
        handle.set_another();
        assert_eq!(account_of(handle.serve_patiently().token), ANOTHERS);
        serving.join().unwrap();
        assert_eq!(client.known().account, ANOTHERS);
    });
}

#[test]
fn forget_beside_a_due_caller_leaves_nothing_behind() {
    check(|| {
        let client = Client::with(Stage::Due);
        let serving = beside(&client, |handle| {
            handle.serve_patiently();
        });
        let handle = Handle(client.clone());
        handle.forget();
        let forgotten = client.known().generation;
        // What was forgotten is served to no call that comes after.
        let served = handle.serve_patiently();
        assert!(served.token != 0 && served.token != 1, "{served:?}");
        assert!(served.generation >= forgotten, "{served:?}");
        serving.join().unwrap();
    });
}

#[test]
fn news_of_the_store_beside_due_callers_costs_no_second_refresh() {
    check(|| {
        let client = Client::with(Stage::Due);
        let elsewhere = beside(&client, |handle| handle.renew_elsewhere());
        let serving = beside(&client, |handle| assert_ne!(handle.serve_patiently().token, 0));
        let served = Handle(client.clone()).serve_patiently();
        assert_ne!(served.token, 0);
        elsewhere.join().unwrap();
        serving.join().unwrap();
        // Once news is there, nobody whose own token is due is served the older one.
        let stored = client.shelf(MINE).token;
        assert_eq!(Handle(client.clone()).serve_patiently().token, stored);
    });
}

#[test]
fn renew_beside_set_and_news_spends_no_token_twice() {
    check(|| {
        let client = Client::with(Stage::Expired);
        let renewing = beside(&client, |handle| {
            let before = handle.state().generation;
            drop(handle.obtain(Goal::NewerThan(before), &Call::patient()));
        });
        let elsewhere = beside(&client, |handle| handle.renew_elsewhere());
        Handle(client.clone()).set_another();
        renewing.join().unwrap();
        elsewhere.join().unwrap();
        assert_eq!(client.known().account, ANOTHERS);
    });
}
