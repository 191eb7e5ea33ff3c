//! An answer that comes too late for its caller is not lost: the conversation is kept, as far as it
//! has come, and whoever asks the same next goes on with it.
//!
//! Otherwise a cloud that is slower than its callers are patient would look at the password at every
//! call, and would have rotated a refresh token whose successor nobody has read.
//!
//! Nothing here knows sockets, so that tests/late_answers.rs can try it in every order.

use crate::support::clock::Moment;
use crate::support::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an answer is waited for by one caller after the other before it is asked for anew.
const AWAITED: Duration = Duration::from_secs(10);
/// The same for what cannot be asked for again: as long as one call has by default.
const AWAITED_ONCE: Duration = Duration::from_secs(30);
/// What it takes to see whether it has come meanwhile.
const LOOK: Duration = Duration::from_millis(100);
/// More that is unanswered than this is not kept for one identity.
const MOST: usize = 64;

/// A conversation that can be left and taken up again.
pub(crate) trait Pending {
    /// Whether any of the request may have left this machine.
    fn has_begun(&self) -> bool;
}

/// How waiting for an answer ended.
pub(crate) enum Waited<A, E> {
    /// With an answer, or with one that no waiting makes better.
    Answered(Result<A, E>),
    /// The caller's own time is over: the conversation is as good as it was.
    Over(E),
    /// The wait for it was too long; the caller has time for more.
    TooLong(E),
    /// It does not come any more.
    Broken(E),
}

/// How a request is to be asked whose answer must not be lost.
pub(crate) struct Asking<'a, T> {
    pub now: Moment,
    /// Whether it cannot be asked again: it spends what it carries.
    pub once: bool,
    /// What led to it, and is needed to ask the very same again.
    pub trail: &'a T,
}

/// What came of asking.
pub(crate) struct Asked<A, E> {
    pub outcome: Result<A, E>,
    /// When the request was sent, if that was by an earlier call.
    pub earlier: Option<Moment>,
    /// Whether the answer is kept for the next one who asks.
    pub is_kept: bool,
}

/// A request that is still unanswered.
struct Unanswered<K, T, P> {
    /// What was asked, and where.
    key: K,
    asked: Moment,
    once: bool,
    trail: T,
    pending: P,
}

/// The token calls of an identity that were not answered in time.
pub(crate) struct Late<K, T, P: Pending>(Mutex<Vec<Unanswered<K, T, P>>>);

impl<K: PartialEq + Clone, T: Clone, P: Pending> Late<K, T, P> {
    pub fn new() -> Self {
        Late(Mutex::new(Vec::new()))
    }

    /// What led to a request that is unanswered and still worth waiting for: the last of those for
    /// which `fits` holds.
    pub fn trail(&self, now: Moment, fits: impl Fn(&T) -> bool) -> Option<T> {
        let kept = self.lock();
        let mut worth_it = kept.iter().rev().filter(|u| u.patience(now).is_some());
        worth_it.find(|u| fits(&u.trail)).map(|u| u.trail.clone())
    }

    /// Gives up on what was not answered.
    pub fn clear(&self) {
        let kept = std::mem::take(&mut *self.lock());
        drop(kept);
    }

    /// Asks, unless the very same was asked before: then the answer to that is waited for, as long
    /// as that is worth it. Whatever way this ends but with an answer, what was asked is kept.
    ///
    /// `wait` goes on with a conversation, for no longer than it is told; `begin` makes one.
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
        // Until the same was asked anew, the first answer is the one that may come.
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

    /// What is unanswered of this very request, the longest first. What is not worth waiting for any
    /// more is given up on the way.
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T, P> Unanswered<K, T, P> {
    /// How much longer to wait; `None` where asking anew is better. What a password was answered a
    /// while ago may no longer be so, but a refresh token that was spent has no other successor.
    fn patience(&self, now: Moment) -> Option<Duration> {
        let awaited = if self.once { AWAITED_ONCE } else { AWAITED };
        let left = awaited.saturating_sub(now.since(self.asked));
        (self.once || !left.is_zero()).then(|| left.max(LOOK))
    }
}

/// An unanswered request in a caller's hands. Dropped, by whatever way, it goes back.
struct Held<'a, K, T, P: Pending> {
    late: &'a Late<K, T, P>,
    /// There until it is let go.
    unanswered: Option<Unanswered<K, T, P>>,
}

impl<K, T, P: Pending> Held<'_, K, T, P> {
    fn unanswered(&mut self) -> &mut Unanswered<K, T, P> {
        self.unanswered.as_mut().expect("nobody asks for it after it was let go")
    }

    fn is_there(&self) -> bool {
        self.unanswered.is_some()
    }

    /// It needs no answer any more.
    fn let_go(&mut self) {
        self.unanswered = None;
    }
}

impl<K, T, P: Pending> Drop for Held<'_, K, T, P> {
    fn drop(&mut self) {
        let Some(unanswered) = self.unanswered.take().filter(|u| u.pending.has_begun()) else {
            return;
        };
        let mut kept = self.late.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = (kept.len() >= MOST).then(|| kept.remove(0));
        kept.push(unanswered);
        drop(kept);
        drop(oldest);
    }
}
