//! The late answers under a model checker: what was asked and not yet answered goes back, whole, on
//! every way out. Tried with every outcome of every wait, and in every order in which callers can meet.
//!
//! src/http/late.rs is compiled a second time here, with loom's locks and a clock of our own in place
//! of the library's.
#![allow(dead_code)] // the core is compiled whole, and used in part

mod support {
    pub mod clock {
        use std::time::Duration;

        /// A second of a clock that the model winds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct Moment(pub u64);

        impl Moment {
            pub fn since(self, earlier: Moment) -> Duration {
                Duration::from_secs(self.0.saturating_sub(earlier.0))
            }
        }
    }

    pub mod sync {
        pub use loom::sync::{Mutex, MutexGuard};
        pub use std::sync::PoisonError;
    }
}

#[path = "../src/http/late.rs"]
mod late;

use late::{Asked, Asking, Late, Pending, Waited};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;
use support::clock::Moment;

/// What became of the requests that were sent.
trait Ledger {
    /// One that nobody has settled is gone.
    fn lost(&self);
}

/// A request, begun or not.
struct Request<L: Ledger> {
    ledger: L,
    begun: bool,
    /// Whether it was answered, broken, or waited for too long.
    settled: bool,
}

impl<L: Ledger> Pending for Request<L> {
    fn has_begun(&self) -> bool {
        self.begun
    }
}

impl<L: Ledger> Drop for Request<L> {
    fn drop(&mut self) {
        if self.begun && !self.settled {
            self.ledger.lost();
        }
    }
}

/// What a panic says that is part of the model.
const PLANNED: &str = "planned";

/// How one wait goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Answered,
    Over,
    OverBeforeAnythingWasSent,
    TooLong,
    Broken,
    Panic,
}

const WAYS: [Way; 6] = [
    Way::Answered,
    Way::Over,
    Way::OverBeforeAnythingWasSent,
    Way::TooLong,
    Way::Broken,
    Way::Panic,
];

fn go<L: Ledger>(request: &mut Request<L>, way: Way) -> Waited<u32, &'static str> {
    request.begun |= way != Way::OverBeforeAnythingWasSent;
    request.settled = matches!(way, Way::Answered | Way::TooLong | Way::Broken);
    match way {
        Way::Answered => Waited::Answered(Ok(1)),
        Way::Over | Way::OverBeforeAnythingWasSent => Waited::Over("over"),
        Way::TooLong => Waited::TooLong("too long"),
        Way::Broken => Waited::Broken("broken"),
        Way::Panic => std::panic::panic_any(PLANNED),
    }
}

/// Counts what is lost on one thread.
#[derive(Clone, Default)]
struct Lost(Rc<Cell<u32>>);

impl Ledger for Lost {
    fn lost(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// One caller, whose waits go these ways, or who cannot begin. Gives how often it waited for what was
/// there already, and how often it asked anew.
fn call(
    late: &Late<u32, (), Request<Lost>>,
    lost: &Lost,
    (earlier, new): (Way, Option<Way>),
) -> (u32, u32) {
    let (resumed, asked) = (Cell::new(0), Cell::new(0));
    let asking = Asking { now: Moment(0), once: true, trail: &() };
    let wait = |request: &mut Request<Lost>, patience: Option<Duration>| match patience {
        Some(_) => {
            resumed.set(resumed.get() + 1);
            go(request, earlier)
        }
        None => go(request, new.unwrap()),
    };
    let begin = || {
        new.ok_or("no connection")?;
        asked.set(asked.get() + 1);
        Ok(Request { ledger: lost.clone(), begun: false, settled: false })
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| late.ask(&7, &asking, wait, begin)));
    if let Ok(Asked { outcome: Ok(_), is_kept, .. }) = outcome {
        assert!(!is_kept, "an answer is given once");
    }
    (resumed.get(), asked.get())
}

#[test]
fn no_way_out_loses_what_was_asked_and_not_answered() {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref() != Some(&PLANNED) {
            loud(panic);
        }
    }));
    let ways =
        |earlier: Way| WAYS.iter().map(move |new| (earlier, Some(*new))).chain([(earlier, None)]);
    let callers: Vec<_> = WAYS.iter().flat_map(|earlier| ways(*earlier)).collect();
    let tried = RefCell::new(Vec::new());
    for first in &callers {
        for second in &callers {
            for third in &callers {
                // loom's locks work within a model alone.
                let (first, second, third) = (*first, *second, *third);
                tried.borrow_mut().push([first, second, third]);
            }
        }
    }
    for callers in tried.into_inner().chunks(40) {
        let callers = callers.to_vec();
        loom::model(move || {
            for three in &callers {
                let late = Late::new();
                let lost = Lost::default();
                let mut is_there = false;
                for caller in three {
                    let (resumed, asked) = call(&late, &lost, *caller);
                    assert_eq!(resumed > 0, is_there, "{three:?}: what is kept is gone on with");
                    let (earlier, new) = *caller;
                    let is_over = |way: Way| {
                        matches!(way, Way::Over | Way::OverBeforeAnythingWasSent | Way::Panic)
                    };
                    if is_there && (is_over(earlier) || earlier == Way::Answered) {
                        assert_eq!(asked, 0, "{three:?}: asked again before it was answered");
                        is_there = earlier != Way::Answered;
                        continue;
                    }
                    let was_too_long = is_there && earlier == Way::TooLong;
                    is_there = match new {
                        Some(Way::Over | Way::Panic) => true,
                        // The first was not asked anew after all.
                        Some(Way::OverBeforeAnythingWasSent) | None => was_too_long,
                        Some(Way::Answered | Way::TooLong | Way::Broken) => {
                            new == Some(Way::TooLong)
                        }
                    };
                }
                assert_eq!(lost.0.get(), 0, "{three:?}");
                late.clear();
            }
        });
    }
}

/// Counts what threads lose.
#[derive(Clone)]
struct Counted(Arc<AtomicUsize>);

impl Ledger for Counted {
    fn lost(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[test]
fn however_two_callers_meet_nothing_unanswered_is_lost() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let late = Arc::new(Late::<u32, (), Request<Counted>>::new());
        let lost = Counted(Arc::new(AtomicUsize::new(0)));
        let ask = |key: u32, way: Way| {
            let (late, lost) = (late.clone(), lost.clone());
            move || {
                let asking = Asking { now: Moment(0), once: true, trail: &() };
                let begin = || Ok(Request { ledger: lost.clone(), begun: false, settled: false });
                late.ask(&key, &asking, |request, _| go(request, way), begin).is_kept
            }
        };
        // Of one identity: two that ask the same, and one that asks for another refresh token.
        let others = [thread::spawn(ask(1, Way::Over)), thread::spawn(ask(2, Way::Over))];
        let own = ask(1, Way::Over)();
        let kept = others.map(|other| other.join().unwrap());
        assert!(own && kept == [true, true]);
        assert_eq!(lost.0.load(Ordering::Acquire), 0, "one has put the other out");
        // Whoever comes next finds them.
        let asking = Asking { now: Moment(1), once: true, trail: &() };
        for key in [1, 2] {
            let begin = || Err("asked again");
            let asked = late.ask(&key, &asking, |request, _| go(request, Way::Answered), begin);
            assert_eq!(asked.outcome, Ok(1));
            assert!(asked.earlier.is_some());
        }
        late.clear();
    });
}
