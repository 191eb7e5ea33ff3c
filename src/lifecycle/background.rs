//! Renewal on a thread of the library's own, for those who ask for it (`background_renewal`): no
//! caller pays for a renewal, and an event loop always finds a token.
//!
//! The thread parks until the token is due, and is woken when the state changes. Callers leave
//! early renewals to it. It sleeps until the first caller has obtained a token: who never asks is
//! never logged in.

use super::goal::Stage;
use super::lifecycle::Lifecycle;
use super::pauses;
use super::serving::Serving;
use crate::error::{Error, Result, Status};
use crate::model::option_table::TIMEOUT_MS;
use crate::support::call::{Call, Canceller, SLICE};
use crate::support::clock::Moment;
use crate::support::os::{self, Process, this_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The thread. Dropping this ends it, and waits until it has ended. A call that the thread is in is
/// cancelled, so that is soon.
pub(crate) struct Background {
    /// Taken when the thread is joined.
    thread: Option<JoinHandle<()>>,
    lifecycle: Arc<Lifecycle>,
    /// Tells the thread to end at its next look.
    stop: Arc<AtomicBool>,
    /// Ends the call that the thread is in.
    canceller: Arc<Canceller>,
    /// The process that has the thread: a forked child has none.
    process: Process,
}

impl Background {
    /// Begins to renew what the lifecycle holds. `INVALID_OPTION` where the system gives no thread.
    pub fn start(lifecycle: Arc<Lifecycle>) -> Result<Background> {
        let (stop, canceller) = (Arc::<AtomicBool>::default(), Arc::<Canceller>::default());
        let thread = {
            let (lifecycle, stop, canceller) = (lifecycle.clone(), stop.clone(), canceller.clone());
            let run = move || {
                let mut failures = 0;
                while !stop.load(Ordering::Acquire) {
                    std::thread::park_timeout(next_look(&lifecycle, failures));
                    if !stop.load(Ordering::Acquire) {
                        renew_if_due(&lifecycle, &canceller);
                        failures = if is_due(&lifecycle) { failures + 1 } else { 0 };
                    }
                }
            };
            os::spawn("keyfob-renew", run).map_err(|e| {
                Error::new(Status::InvalidOption, format!("background_renewal: no thread: {e}"))
            })?
        };
        lifecycle.renewed_by(Some(thread.thread().clone()));
        let (thread, process) = (Some(thread), this_process());
        Ok(Background { thread, lifecycle, stop, canceller, process })
    }

    /// Whether the thread is one of this process. A forked child has none.
    pub fn is_here(&self) -> bool {
        self.process == this_process()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if !self.is_here() {
            // A forked child has no such thread to wait for, and what the system kept of it may be
            // gone: even to let go of the handle would touch that.
            return std::mem::forget(thread);
        }
        self.lifecycle.renewed_by(None);
        self.stop.store(true, Ordering::Release);
        self.canceller.cancel();
        thread.thread().unpark();
        thread.join().ok();
    }
}

/// How long nothing can be due. A change of state ends the sleep early.
fn next_look(lifecycle: &Lifecycle, failures: u32) -> Duration {
    // The clock may be wound or set right meanwhile, so a sleep without end is none.
    const LONGEST: Duration = Duration::from_secs(3600);
    next_renewal(lifecycle, failures).since(lifecycle.clock.now()).clamp(SLICE, LONGEST)
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

/// One try, within `timeout_ms` as a caller has it.
fn renew_if_due(lifecycle: &Lifecycle, canceller: &Arc<Canceller>) {
    if is_due(lifecycle) {
        let limit = lifecycle.state().account.options.duration(TIMEOUT_MS);
        // A failure is in the status and the log.
        lifecycle.renew_in_background(&Call::new(limit, canceller)).ok();
    }
}
