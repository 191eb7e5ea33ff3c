//! One call of a caller: how long it may take, and whether it was cancelled.

use crate::error::{Error, Result, Status};
use crate::support::sync::AtomicU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The longest a wait goes without looking whether its call was cancelled.
pub(crate) const SLICE: Duration = Duration::from_millis(20);

/// Cancels every call that is under way; calls that begin later are not touched, but for one that
/// is awaited.
#[derive(Debug, Default)]
pub(crate) struct Canceller {
    cancellations: AtomicU64,
    awaits_first: AtomicBool,
}

impl Canceller {
    /// One whose first call counts as under way before it has begun: it is on its way to another
    /// thread, and whoever cancels it there cannot know whether it has arrived.
    pub fn awaiting() -> Canceller {
        Canceller { awaits_first: AtomicBool::new(true), ..Canceller::default() }
    }

    pub fn cancel(&self) {
        self.cancellations.fetch_add(1, Ordering::Release);
    }

    /// What a call that begins now has seen of cancellations.
    fn seen(&self) -> u64 {
        let first = self.awaits_first.load(Ordering::Relaxed)
            && self.awaits_first.swap(false, Ordering::Relaxed);
        if first { 0 } else { self.cancellations.load(Ordering::Acquire) }
    }
}

/// The instant after this wait. One beyond all measure is a century: `Instant` cannot hold any more.
pub(crate) fn from_now(wait: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    Instant::now() + wait.min(CENTURY)
}

/// The limits of one call. Real time, not the lifecycle's clock: it bounds real waiting.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    deadline: Instant,
    limit: Duration,
    canceller: Arc<Canceller>,
    born: u64,
}

impl Call {
    pub fn new(limit: Duration, canceller: &Arc<Canceller>) -> Call {
        Call {
            deadline: from_now(limit),
            limit,
            born: canceller.seen(),
            canceller: canceller.clone(),
        }
    }

    /// The same call, with no more time than this.
    pub fn within(&self, limit: Duration) -> Call {
        Call { deadline: self.deadline.min(from_now(limit)), ..self.clone() }
    }

    /// A further wait of the same call, for so long from now: what cancelled the call ends it, too.
    pub fn again(&self, limit: Duration) -> Call {
        Call { deadline: Instant::now() + limit, limit, ..self.clone() }
    }

    /// The time left, or why the call is over.
    pub fn remaining(&self) -> Result<Duration> {
        if self.is_cancelled() {
            return Err(Error::new(Status::Cancelled, "the call was cancelled"));
        }
        match self.deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(self.timeout()),
        }
    }

    /// The time left, at most one slice, or why the call is over.
    pub fn slice(&self) -> Result<Duration> {
        self.remaining().map(|left| left.min(SLICE))
    }

    pub fn is_cancelled(&self) -> bool {
        self.canceller.cancellations.load(Ordering::Acquire) != self.born
    }

    pub fn timeout(&self) -> Error {
        Error::new(
            Status::Timeout,
            format!(
                "no answer within {} ms (timeout_ms, or the request's own limit)",
                self.limit.as_millis()
            ),
        )
    }

    /// Waits, unless the call ends first.
    pub fn sleep(&self, wait: Duration) -> Result<()> {
        let until = from_now(wait);
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            std::thread::sleep(self.slice()?.min(left));
        }
        self.remaining().map(drop)
    }
}
