//! An answer that comes too late for its caller is not lost: the connection is kept, with what has
//! been read from it, and whoever sends the same request next reads the answer there.
//!
//! Otherwise a cloud that is slower than its callers are patient would look at the password at every
//! call, and would have rotated a refresh token whose successor nobody has read.

use super::message::{Outgoing, TransportSettings};
use super::sent::Watched;
use crate::support::clock::Moment;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};
use zeroize::Zeroizing;

/// How long an answer is waited for by one caller after the other before it is asked for anew.
const AWAITED: Duration = Duration::from_secs(10);
/// The same for what cannot be asked for again: as long as one call has by default.
const AWAITED_ONCE: Duration = Duration::from_secs(30);
/// What it takes to see whether it has come meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// A connection on which a request was sent, and what has come of the answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub connection: Box<dyn Transport>,
    pub came: Zeroizing<Vec<u8>>,
}

/// A request that is still unanswered.
pub(super) struct Unanswered<T> {
    pub request: Outgoing,
    pub settings: TransportSettings,
    /// When it was sent.
    pub asked: Moment,
    pub trail: T,
    pub pending: Pending,
}

/// How a request is to be asked whose answer must not be lost.
pub(crate) struct Asking<'a, T> {
    pub late: &'a Late<T>,
    pub now: Moment,
    /// Whether it cannot be asked again: it spends what it carries.
    pub once: bool,
    /// What led to it, and is needed to ask the very same again.
    pub trail: &'a T,
}

/// The last token call of an identity that was not answered in time.
pub(crate) struct Late<T>(Mutex<Option<Unanswered<T>>>);

impl<T: Clone> Late<T> {
    pub fn new() -> Late<T> {
        Late(Mutex::new(None))
    }

    /// What led to the request that is unanswered, if that is still worth waiting for.
    pub fn trail(&self, now: Moment, once: bool) -> Option<T> {
        let slot = self.lock();
        let unanswered = slot.as_ref().filter(|u| u.patience(now, once).is_some())?;
        Some(unanswered.trail.clone())
    }

    /// Says whether this is all that is unanswered: of two, the earlier is given up.
    pub(super) fn put(&self, unanswered: Unanswered<T>) -> bool {
        let before = self.lock().replace(unanswered);
        before.is_none()
    }

    /// What is unanswered of this very request.
    pub(super) fn take(
        &self,
        request: &Outgoing,
        settings: &TransportSettings,
    ) -> Option<Unanswered<T>> {
        self.lock().take_if(|u| u.request == *request && u.settings == *settings)
    }

    /// Gives up on what was not answered.
    pub fn clear(&self) {
        let before = self.lock().take();
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Unanswered<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Unanswered<T> {
    /// How much longer to wait; `None` where asking anew is better. What a password was answered a
    /// while ago may no longer be so, but a refresh token that was spent has no other successor.
    pub fn patience(&self, now: Moment, once: bool) -> Option<Duration> {
        let awaited = if once { AWAITED_ONCE } else { AWAITED };
        let left = awaited.saturating_sub(now.since(self.asked));
        (once || !left.is_zero()).then(|| left.max(LOOK))
    }
}

/// Gives the connection that there is already.
pub(super) struct Resume(Mutex<Option<Pending>>);

impl Resume {
    pub fn new(pending: Pending) -> Resume {
        Resume(Mutex::new(Some(pending)))
    }
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resume")
    }
}

impl Connector for Resume {
    type Out = Watched;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Watched>, Error> {
        let pending = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(pending.map(Watched::again))
    }
}
