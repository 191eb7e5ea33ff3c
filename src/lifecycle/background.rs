//! Renewal on a thread of the library's own, for those who ask for it (`background_renewal`): no
//! caller pays for a renewal, and an event loop always finds a token.
//!
//! One thread does it for all clients of the process (`renewer.rs`), and this file is what it does for
//! one. It waits until the token is due, and is woken when the state changes. Callers leave early
//! renewals to it. It waits until the first caller has obtained a token: who never asks is never
//! logged in.

use super::goal::Stage;
use super::lifecycle::Lifecycle;
use super::pauses;
use super::renewer::{Job, Work};
use super::serving::Serving;
use crate::error::Result;
use crate::model::option_table::TIMEOUT_MS;
use crate::support::call::{Call, Canceller, SLICE};
use crate::support::clock::Moment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The renewal of one client. Dropping this ends it: a call that it is in is cancelled and waited for,
/// so that is soon.
pub(crate) struct Background {
    lifecycle: Arc<Lifecycle>,
    job: Arc<Job>,
    /// Kept for as long as there is a job.
    _work: Arc<Renewal>,
}

/// What is done for one client.
struct Renewal {
    lifecycle: Arc<Lifecycle>,
    /// How many tries in a row left the token due.
    failures: AtomicU32,
}

impl Work for Renewal {
    fn look(&self, canceller: &Arc<Canceller>) -> Duration {
        // The clock may be wound or set right meanwhile, so a sleep without end is none.
        const LONGEST: Duration = Duration::from_secs(3600);
        // A server that lost a write has it back soon, though nobody uses the token.
        const LONGEST_REMOTE: Duration = Duration::from_secs(1);
        let lifecycle = &self.lifecycle;
        renew_if_due(lifecycle, canceller);
        let is_remote = lifecycle.state().account.store.is_remote();
        let longest = if is_remote { LONGEST_REMOTE } else { LONGEST };
        let before = self.failures.load(Ordering::Relaxed);
        let failures = if is_due(lifecycle) { before.saturating_add(1) } else { 0 };
        self.failures.store(failures, Ordering::Relaxed);
        next_renewal(lifecycle, failures).since(lifecycle.clock.now()).clamp(SLICE, longest)
    }
}

impl Background {
    /// Begins to renew what the lifecycle holds. `INVALID_OPTION` where the system gives no thread.
    pub fn start(lifecycle: Arc<Lifecycle>) -> Result<Background> {
        let work = Arc::new(Renewal { lifecycle: lifecycle.clone(), failures: AtomicU32::new(0) });
        let weak = Arc::downgrade(&work);
        let job = Job::begin(weak)?;
        lifecycle.renewed_by(Some(job.clone()));
        Ok(Background { lifecycle, job, _work: work })
    }

    /// Whether the thread is one of this process. A forked child has none.
    pub fn is_here(&self) -> bool {
        self.job.is_here()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.is_here() {
            self.lifecycle.renewed_by(None);
            self.job.end();
        }
    }
}

/// When the token at hand is to be renewed by whoever has nothing else to do. `failures` says how
/// many tries in a row left the token due.
pub(super) fn next_renewal(lifecycle: &Lifecycle, failures: u32) -> Moment {
    let (state, now) = (lifecycle.state(), lifecycle.clock.now());
    let pause = state.record.paused(now).map(|(pause, _)| pause.until);
    let barrier = pause.max(state.account.secrets.held_until(now));
    match state.stage(now) {
        Stage::None => Moment::NEVER,
        // Only new credentials help, and those who bring them end the sleep.
        _ if !state.is_renewable() => Moment::NEVER,
        Stage::Fresh | Stage::Due | Stage::Expired => {
            // Where nothing says how long to wait, another process is at it, or the store cannot be
            // written to. A pause has its own chance in it, which must not be drowned.
            let unsaid = barrier.is_none() && failures > 0;
            let rest = unsaid.then(|| now.after(pauses::rest(failures)));
            state.renew_at.max(barrier.or(rest).unwrap_or(now))
        }
    }
}

/// Whether a renewal is wanted. No token at all is no reason: nobody has asked for one.
fn is_due(lifecycle: &Lifecycle) -> bool {
    let stage = lifecycle.stage(&lifecycle.state());
    matches!(stage, Stage::Due | Stage::Expired)
}

/// One try where it is due, within `timeout_ms` as a caller has it; else a look into the store.
fn renew_if_due(lifecycle: &Lifecycle, canceller: &Arc<Canceller>) {
    let limit = lifecycle.state().account.options.duration(TIMEOUT_MS);
    // A failure is in the status and the log.
    lifecycle.renew_in_background(&Call::new(limit, canceller)).ok();
}
