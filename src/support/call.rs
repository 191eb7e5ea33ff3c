//! One call of a caller: how long it may take, and whether it was cancelled.
//!
//! Every wait in the library takes a [`Call`] and ends with it: waiting for a lock, for a socket,
//! for another thread's renewal, before a retry. Waits are cut into slices ([`SLICE`]), because a
//! cancelled call cannot wake a thread that waits for a file lock or a condition of someone
//! else's.
//!
//! The deadline is on `Instant`, not on the client's [`Clock`](super::clock::Clock): it bounds
//! real waiting, and a test that winds a clock must not end anybody's call.

use crate::error::{Error, Result, Status};
use crate::support::sync::AtomicU64;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The longest a wait goes without looking whether its call was cancelled: how late a caller sees
/// it.
pub(crate) const SLICE: Duration = Duration::from_millis(20);

/// Cancels every call that is under way on one handle. Calls that begin later are not touched,
/// but for one that is awaited ([`Canceller::awaiting`]).
///
/// Any thread may use it at any time. A call notes the number of cancellations when it begins; it
/// is cancelled once the number is another.
#[derive(Debug, Default)]
pub(crate) struct Canceller {
    /// How often `cancel` was called.
    cancellations: AtomicU64,
    /// Whether the next call counts as under way since this was made.
    awaits_first: AtomicBool,
}

impl Canceller {
    /// One whose first call counts as under way before it begins. A call that is handed to
    /// another thread needs this: whoever cancels it cannot know whether the thread has begun it.
    pub fn awaiting() -> Canceller {
        Canceller { awaits_first: AtomicBool::new(true), ..Canceller::default() }
    }

    /// Ends all calls under way, each at its next slice. Never waits.
    pub fn cancel(&self) {
        self.cancellations.fetch_add(1, Ordering::Release);
    }

    /// The number of cancellations that a call which begins now takes for none: for the awaited
    /// first call, all of them count.
    fn seen(&self) -> u64 {
        let first = self.awaits_first.load(Ordering::Relaxed)
            && self.awaits_first.swap(false, Ordering::Relaxed);
        if first { 0 } else { self.cancellations.load(Ordering::Acquire) }
    }
}

/// The instant after this wait. A wait longer than a century is one: `Instant` cannot hold any
/// more, and would panic.
pub(crate) fn from_now(wait: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    Instant::now() + wait.min(CENTURY)
}

thread_local! {
    static CURRENT: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// A call that this thread is in. The one before is back when this is dropped.
pub(crate) struct Entered(Option<Call>);

impl Drop for Entered {
    fn drop(&mut self) {
        // Unset at the end of a thread: then there is nothing to put back.
        CURRENT.try_with(|current| current.replace(self.0.take())).ok();
    }
}

/// The limits of one call. A clone has the same deadline and is cancelled with it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// When the call gives up.
    deadline: Instant,
    /// How long it was given, for the message of a timeout.
    limit: Duration,
    canceller: Arc<Canceller>,
    /// The number of cancellations when it began.
    cancellations_at_start: u64,
}

impl Call {
    /// A call that begins now. `limit` zero means that it may not wait at all: `remaining` fails
    /// at once.
    pub fn new(limit: Duration, canceller: &Arc<Canceller>) -> Call {
        Call {
            deadline: from_now(limit),
            limit,
            cancellations_at_start: canceller.seen(),
            canceller: canceller.clone(),
        }
    }

    /// The same call with a nearer deadline, at most `limit` from now. Its timeout still names
    /// the limit that the caller gave.
    pub fn within(&self, limit: Duration) -> Call {
        Call { deadline: self.deadline.min(from_now(limit)), ..self.clone() }
    }

    /// A further wait of the same call, with `limit` from now: reading a body goes on after the
    /// call that opened it has ended. What cancelled the call ends it, too.
    pub fn again(&self, limit: Duration) -> Call {
        Call { deadline: from_now(limit), limit, ..self.clone() }
    }

    /// A further wait of the same call, with as much time as it had.
    pub fn anew(&self) -> Call {
        self.again(self.limit)
    }

    /// The time left, never zero. Fails with `Cancelled` or `Timeout` where the call is over.
    pub fn remaining(&self) -> Result<Duration> {
        if self.is_cancelled() {
            return Err(Error::new(Status::Cancelled, "the call was cancelled"));
        }
        match self.deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(self.timeout()),
        }
    }

    /// The time left, but at most [`SLICE`]: what to wait before looking again. Fails as
    /// `remaining` does.
    pub fn slice(&self) -> Result<Duration> {
        self.remaining().map(|left| left.min(SLICE))
    }

    /// Makes it this thread's current call until what this gives is dropped: for waits far below,
    /// such as a store's, which are handed no call.
    pub fn enter(&self) -> Entered {
        Entered(CURRENT.replace(Some(self.clone())))
    }

    /// The call that this thread is in.
    pub fn current() -> Option<Call> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Whether somebody cancelled it since it began.
    pub fn is_cancelled(&self) -> bool {
        self.canceller.cancellations.load(Ordering::Acquire) != self.cancellations_at_start
    }

    /// The error of a call whose time is over. It names the limit and the option that sets it.
    pub fn timeout(&self) -> Error {
        Error::new(
            Status::Timeout,
            format!(
                "no answer within {} ms (timeout_ms, or the request's own limit)",
                self.limit.as_millis()
            ),
        )
    }

    /// Waits for this long. Fails as soon as the call is over, and also when the call ends with
    /// the wait.
    pub fn sleep(&self, wait: Duration) -> Result<()> {
        let until = from_now(wait);
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            std::thread::sleep(self.slice()?.min(left));
        }
        self.remaining().map(drop)
    }
}
