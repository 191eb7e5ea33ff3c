//! An answer that comes too late for its caller is not lost: the conversation is kept, as far as
//! it has come, and whoever asks the same next goes on with it.
//!
//! Otherwise a cloud that is slower than its callers are patient would look at the password at
//! every call, and would have rotated a refresh token whose successor nobody has read.
//!
//! ```text
//! caller 1   sends the refresh ........ its time is over   (the cloud is at work)
//! caller 2                                 asks the same: reads the answer to caller 1's request
//! ```
//!
//! Nothing here knows sockets, so that tests/late_answers.rs can try it in every order of events.

use crate::support::clock::Moment;
use crate::support::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an answer is waited for, counted from the request, by one caller after the other.
/// After that it is asked for anew.
const AWAITED: Duration = Duration::from_secs(10);
/// The same for what cannot be asked for again: as long as one call has by default
/// (`timeout_ms`).
const AWAITED_ONCE: Duration = Duration::from_secs(30);
/// The least that an answer is waited for, however old the request: long enough to see whether it
/// has come.
const LOOK: Duration = Duration::from_millis(100);
/// How many unanswered requests are kept for one identity. The one that was put there first goes
/// first.
const MOST: usize = 64;

/// A conversation that can be left and taken up again.
pub(crate) trait Pending {
    /// Whether any of the request may have left this machine. If not, it may be sent again
    /// without harm.
    fn has_begun(&self) -> bool;
}

/// How waiting for an answer ended.
pub(crate) enum Waited<A, E> {
    /// With an answer, or with a fault that no waiting makes better.
    Answered(Result<A, E>),
    /// The caller's own time is over. The conversation is as good as it was, and is kept.
    Over(E),
    /// The wait that was worth it is over; the caller has time for more.
    TooLong(E),
    /// The answer does not come any more: the connection broke.
    Broken(E),
}

/// How to ask a request whose answer must not be lost.
pub(crate) struct Asking<'a, T> {
    /// This moment, by the client's clock.
    pub now: Moment,
    /// Whether it cannot be asked again, because it spends what it carries: a refresh token.
    pub once: bool,
    /// What led to the request, and is needed to build the very same again.
    pub trail: &'a T,
}

/// What came of asking.
pub(crate) struct Asked<A, E> {
    /// The answer, or why there is none yet.
    pub outcome: Result<A, E>,
    /// When the request was sent, if an earlier call sent it. What the answer says counts from
    /// then.
    pub earlier: Option<Moment>,
    /// Whether the answer is kept for the next one who asks.
    pub is_kept: bool,
}

/// A request that was sent and is still unanswered.
struct Unanswered<K, T, P> {
    /// What was asked, and where: only an equal request takes the answer.
    key: K,
    /// When it was sent.
    asked: Moment,
    /// As it was asked.
    once: bool,
    /// What led to the request.
    trail: T,
    /// The conversation, as far as it has come.
    pending: P,
}

/// The token calls of one identity that were not answered in time. Any thread may ask; the mutex
/// is held for an instant only, never while an answer is waited for.
pub(crate) struct Late<K, T, P: Pending> {
    unanswered: Mutex<Vec<Unanswered<K, T, P>>>,
    /// How far an exchange had come whose caller's time was over between two of its requests, and
    /// since when it stands there.
    reached: Mutex<Option<(Moment, T)>>,
}

impl<K: PartialEq + Clone, T: Clone, P: Pending> Late<K, T, P> {
    pub fn new() -> Self {
        Late { unanswered: Mutex::new(Vec::new()), reached: Mutex::new(None) }
    }

    /// Keeps how far an exchange has come, so that the next caller need not ask again for what
    /// its steps obtained. `since` is when the last of them was answered.
    pub fn keep_reached(&self, since: Moment, trail: T) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some((since, trail));
    }

    /// How far the last exchange had come, unless that is long ago or does not fit. It is taken
    /// out: nobody else is given it.
    pub fn take_reached(&self, now: Moment, fits: impl Fn(&T) -> bool) -> Option<T> {
        let kept = self.reached.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (_, trail) = kept.filter(|(since, _)| now.since(*since) < AWAITED_ONCE)?;
        Some(trail).filter(fits)
    }

    /// What led to the last request that is unanswered, still worth waiting for, and fits. Its
    /// successor builds the same request from it.
    pub fn trail(&self, now: Moment, fits: impl Fn(&T) -> bool) -> Option<T> {
        let kept = self.lock();
        let mut worth_it = kept.iter().rev().filter(|u| u.patience(now).is_some());
        worth_it.find(|u| fits(&u.trail)).map(|u| u.trail.clone())
    }

    /// Gives up on all that was not answered; their connections close.
    pub fn clear(&self) {
        let kept = std::mem::take(&mut *self.lock());
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop((kept, reached));
    }

    /// Asks, unless the very same was asked before: then it waits for the answer to that, as long
    /// as that is worth it. Whatever way this ends but with an answer, what was asked is kept.
    ///
    /// `wait` goes on with a conversation, for no longer than it is told; `begin` makes one.
    ///
    /// A request that is asked anew does not end the earlier one before it has itself left this
    /// machine: until then, the earlier answer is the one that may come.
    pub fn ask<A, E>(
        &self,
        key: &K,
        asking: &Asking<'_, T>,
        mut wait: impl FnMut(&mut P, Option<Duration>) -> Waited<A, E>,
        begin: impl FnOnce() -> Result<P, E>,
    ) -> Asked<A, E> {
        let mut before = self.take(key, asking.now);
        if let Some(held) = &mut before {
            let earlier = Some(held.unanswered().asked);
            if let Some(patience) = held.unanswered().patience(asking.now) {
                match wait(&mut held.unanswered().pending, Some(patience)) {
                    Waited::Answered(outcome) => {
                        held.let_go();
                        return Asked { outcome, earlier, is_kept: false };
                    }
                    Waited::Over(error) => {
                        return Asked { outcome: Err(error), earlier, is_kept: true };
                    }
                    Waited::TooLong(_) => {}
                    Waited::Broken(_) => held.let_go(),
                }
            }
        }
        let pending = match begin() {
            Ok(pending) => pending,
            Err(error) => {
                let is_kept = before.is_some_and(|before| before.is_there());
                return Asked { outcome: Err(error), earlier: None, is_kept };
            }
        };
        let unanswered = Unanswered {
            key: key.clone(),
            asked: asking.now,
            once: asking.once,
            trail: asking.trail.clone(),
            pending,
        };
        let mut held = Held { late: self, unanswered: Some(unanswered) };
        let waited = wait(&mut held.unanswered().pending, None);
        let has_begun = held.unanswered().pending.has_begun();
        // Only a request that was sent in its place ends the earlier one.
        if let Some(before) = before.as_mut().filter(|_| has_begun) {
            before.let_go();
        }
        let (outcome, is_kept) = match waited {
            Waited::Answered(outcome) => (outcome, false),
            Waited::Broken(error) => (Err(error), false),
            Waited::Over(error) | Waited::TooLong(error) => (Err(error), has_begun),
        };
        if !is_kept {
            held.let_go();
        }
        Asked { outcome, earlier: None, is_kept: is_kept || before.is_some_and(|b| b.is_there()) }
    }

    /// Takes out the oldest unanswered request that equals this one. What is not worth waiting
    /// for any more is given up on the way, outside of the lock.
    fn take(&self, key: &K, now: Moment) -> Option<Held<'_, K, T, P>> {
        let mut kept = self.lock();
        let same = kept.iter().enumerate().filter(|(_, u)| u.key == *key);
        let first = same.min_by_key(|(_, u)| u.asked).map(|(at, _)| at);
        let unanswered = first.map(|at| kept.remove(at));
        let (worth_it, over): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *kept).into_iter().partition(|u| u.patience(now).is_some());
        *kept = worth_it;
        drop(kept);
        drop(over);
        unanswered.map(|unanswered| Held { late: self, unanswered: Some(unanswered) })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Unanswered<K, T, P>>> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T, P> Unanswered<K, T, P> {
    /// How much longer to wait for the answer; `None` where asking anew is better. What a cloud
    /// said of a password a while ago may no longer be so. But a refresh token that was spent has
    /// no other successor, however late it comes.
    fn patience(&self, now: Moment) -> Option<Duration> {
        let awaited = if self.once { AWAITED_ONCE } else { AWAITED };
        let left = awaited.saturating_sub(now.since(self.asked));
        (self.once || !left.is_zero()).then(|| left.max(LOOK))
    }
}

/// An unanswered request in one caller's hands. When it is dropped, in whatever way, it goes back
/// to be kept.
struct Held<'a, K, T, P: Pending> {
    late: &'a Late<K, T, P>,
    /// There until it is let go.
    unanswered: Option<Unanswered<K, T, P>>,
}

impl<K, T, P: Pending> Held<'_, K, T, P> {
    fn unanswered(&mut self) -> &mut Unanswered<K, T, P> {
        self.unanswered.as_mut().expect("nobody asks for it after it was let go")
    }

    /// Whether it was not let go, and so will be kept.
    fn is_there(&self) -> bool {
        self.unanswered.is_some()
    }

    /// Gives the request up: it needs no answer any more.
    fn let_go(&mut self) {
        self.unanswered = None;
    }
}

/// Keeps the request for the next caller, however this one left it, even by a panic. One of which
/// nothing left this machine is not kept.
impl<K, T, P: Pending> Drop for Held<'_, K, T, P> {
    fn drop(&mut self) {
        let Some(unanswered) = self.unanswered.take().filter(|u| u.pending.has_begun()) else {
            return;
        };
        let mut kept = self.late.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = (kept.len() >= MOST).then(|| kept.remove(0));
        kept.push(unanswered);
        drop(kept);
        drop(oldest);
    }
}
