//! News of a token: a number that grows when there is another token, or a hold or a pause begins or
//! ends. Threads wait for it, and event loops have a descriptor that becomes readable.
//!
//! What nobody asks for costs nothing: the lock and the descriptors are made for the first who
//! does. The number makes news that comes between two waits impossible to miss.

use crate::support::clock::Moment;
use crate::support::os::bell::Bell;
use crate::support::process::PerProcess;
use crate::support::sync::{AtomicU64, locked};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// What is news if it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Counts the tokens that readers were given to see.
    pub tokens: u64,
    /// Until when no login may be sent.
    pub held: Option<Moment>,
    /// Until when the cloud is spared.
    pub paused: Option<Moment>,
}

/// What is new at one client, and who waits to hear it.
pub(crate) struct News {
    /// The last news. A forked child goes on counting where its parent was.
    number: AtomicU64,
    /// Counts the tokens.
    tokens: AtomicU64,
    /// Made when somebody first asks for news. A child shares neither locks nor descriptors.
    listeners: PerProcess<Listeners>,
}

/// Who waits in this process.
#[derive(Default)]
struct Listeners {
    /// Held for a few stores and the ringing of bells; nothing is waited for under it but
    /// `changed`.
    told: Mutex<Told>,
    /// Wakes the threads that wait.
    changed: Condvar,
}

/// What they were told.
#[derive(Default)]
struct Told {
    /// What was true when they last were; `None` before the first time.
    seen: Option<Seen>,
    /// The descriptors of handles that have asked for one.
    bells: Vec<Hung>,
}

/// A bell, and the handle it is for.
struct Hung {
    /// The handle's number.
    of: u64,
    bell: Bell,
    /// The last news that the handle has heard.
    heard: u64,
}

impl Hung {
    /// Is readable while there is news; else once this time is over.
    fn set(&self, number: u64, next: Option<Duration>) {
        if self.heard == number { self.bell.ring_in(next) } else { self.bell.ring() }
    }
}

impl News {
    pub fn new() -> News {
        News { number: AtomicU64::new(0), tokens: AtomicU64::new(0), listeners: PerProcess::new() }
    }

    /// There is another token.
    pub fn count_token(&self) {
        self.tokens.fetch_add(1, Ordering::AcqRel);
    }

    /// How many tokens readers were given to see.
    pub fn tokens(&self) -> u64 {
        self.tokens.load(Ordering::Acquire)
    }

    /// Whether anybody has ever asked for news in this process.
    pub fn is_wanted(&self) -> bool {
        self.listeners.known().is_some()
    }

    /// Tells those who wait if this is new, and gives the number of the last news. `next` is when
    /// it is worth looking again.
    pub(super) fn tell(&self, now: Seen, next: Option<Duration>) -> u64 {
        let listeners = self.listeners.get(Listeners::default);
        let mut told = locked(&listeners.told);
        if told.seen.replace(now) != Some(now) {
            self.number.fetch_add(1, Ordering::AcqRel);
            listeners.changed.notify_all();
        }
        let number = self.number.load(Ordering::Acquire);
        told.bells.iter().for_each(|hung| hung.set(number, next));
        number
    }

    /// Waits for news, at most so long. Those who wait look for themselves, then.
    pub(super) fn wait(&self, known: u64, longest: Duration) {
        let listeners = self.listeners.get(Listeners::default);
        let told = locked(&listeners.told);
        if self.number.load(Ordering::Acquire) == known {
            drop(listeners.changed.wait_timeout(told, longest));
        }
    }

    /// This handle has heard the news of this number.
    pub(super) fn heard(&self, handle: u64, number: u64, next: Option<Duration>) {
        let Some(listeners) = self.listeners.known() else { return };
        for hung in locked(&listeners.told).bells.iter_mut().filter(|hung| hung.of == handle) {
            hung.heard = number;
            hung.set(self.number.load(Ordering::Acquire), next);
        }
    }

    /// The descriptor of this handle, made when it is first asked for. All that is new from now on
    /// rings it.
    pub(super) fn bell_of(&self, handle: u64) -> io::Result<i32> {
        let listeners = self.listeners.get(Listeners::default);
        let mut told = locked(&listeners.told);
        if let Some(hung) = told.bells.iter().find(|hung| hung.of == handle) {
            return Ok(hung.bell.fd());
        }
        let bell = Bell::new()?;
        let fd = bell.fd();
        let heard = self.number.load(Ordering::Acquire);
        told.bells.push(Hung { of: handle, bell, heard });
        Ok(fd)
    }

    /// The handle is gone, and its descriptor is closed.
    pub fn take_down(&self, handle: u64) {
        if let Some(listeners) = self.listeners.known() {
            locked(&listeners.told).bells.retain(|hung| hung.of != handle);
        }
    }
}
