//! What the clients of one identity in this process share: holds and pauses, and the token call
//! whose answer nobody could wait for.

use crate::error::Status;
use crate::http::transport::Late;
use crate::model::record::{Hold, LONGEST_HOLD, Pause};
use crate::provider::trail::Trail;
use crate::support::clock::{Clock, CloudTime, Moment};
use crate::support::process::PerProcess;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The clients of one identity in this process.
pub(crate) struct Siblings {
    /// Names it among all others, its secrets included. Not for people's eyes: whoever has it can
    /// try passwords against it.
    pub name: String,
    clock: Clock,
    common: PerProcess<Arc<Common>>,
}

/// What all clients of one identity have in common.
pub(crate) struct Common {
    pub manners: Arc<Manners>,
    pub late: Arc<Late<Trail>>,
}

impl Siblings {
    pub fn new(name: String, clock: &Clock) -> Siblings {
        let siblings = Siblings { name, clock: clock.clone(), common: PerProcess::new() };
        // From now on, so that it lives as long as any client of this identity does.
        siblings.common();
        siblings
    }

    pub fn common(&self) -> Arc<Common> {
        Arc::clone(&self.common.get(|| in_this_process(&self.name, &self.clock)))
    }
}

struct Known {
    name: String,
    /// Whose moments are meant.
    clock: Clock,
    clients: Weak<Common>,
    /// They outlive the clients, or a program that makes a client, fails and begins anew would send
    /// a wrong password each time.
    manners: Arc<Manners>,
}

fn in_this_process(name: &str, clock: &Clock) -> Arc<Common> {
    static KNOWN: PerProcess<Mutex<Vec<Known>>> = PerProcess::new();
    let known = KNOWN.get(Mutex::default);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|k| k.clients.strong_count() > 0 || !k.manners.are_over(k.clock.now()));
    let same = known.iter().position(|k| k.name == name && k.clock.agrees_with(clock));
    let index = same.unwrap_or_else(|| {
        let (clients, manners) = (Weak::new(), Arc::default());
        known.push(Known { name: name.into(), clock: clock.clone(), clients, manners });
        known.len() - 1
    });
    let known = &mut known[index];
    known.clients.upgrade().unwrap_or_else(|| {
        let common = Common { manners: known.manners.clone(), late: Arc::new(Late::new()) };
        let common = Arc::new(common);
        known.clients = Arc::downgrade(&common);
        common
    })
}

/// What a client must know of its siblings' experience with the cloud.
#[derive(Default)]
pub(crate) struct Manners(Mutex<(Option<Hold>, Option<Pause>, Option<CloudTime>)>);

impl Manners {
    /// Whether there is nothing in them that a new client must heed. A hold counts for some time
    /// after its end: the next one is twice as long.
    pub fn are_over(&self, now: Moment) -> bool {
        let (hold, pause, _) = &*self.known();
        let hold = hold.as_ref().map(|h| h.until.after(LONGEST_HOLD));
        // A pause of our own choice spares a cloud that failed, unless the failure may have been a
        // rejection; a new client may try its luck.
        let kept = |p: &&Pause| p.asked || p.error.status() == Status::UnexpectedAnswer;
        let pause = pause.as_ref().filter(kept).map(|p| p.until);
        hold.max(pause).is_none_or(|until| until <= now)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, (Option<Hold>, Option<Pause>, Option<CloudTime>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
