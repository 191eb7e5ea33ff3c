//! The single flight under a model checker: every order in which its threads can meet, within bounds.
//!
//! src/flight.rs is compiled a second time here, with loom's locks and a call of our own in place of
//! the library's.
#![allow(dead_code)] // the core is compiled whole, and used in part

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

use flight::{Flight, Joined};
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
