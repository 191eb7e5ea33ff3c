//! An identity: who logs in where, with which secrets; and what its clients in this process share.

use crate::clock::Clock;
use crate::http::Late;
use crate::process::PerProcess;
use crate::provider::exchange::Trail;
use crate::store::memory::Manners;
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub(crate) struct Identity {
    /// Names it among all others, its secrets included. Not for people's eyes: whoever has it can
    /// try passwords against it.
    pub name: String,
    clock: Clock,
    common: PerProcess<Arc<Common>>,
}

/// What all clients of one identity have in common.
pub(crate) struct Common {
    pub manners: Arc<Manners>,
    pub late: Late<Trail>,
}

impl Identity {
    pub fn new(name: String, clock: &Clock) -> Identity {
        let identity = Identity { name, clock: clock.clone(), common: PerProcess::new() };
        // From now on, so that it lives as long as any client of this identity does.
        identity.common();
        identity
    }

    pub fn common(&self) -> Arc<Common> {
        Arc::clone(&self.common.get(|| in_this_process(&self.name, &self.clock)))
    }
}

/// Bytes as a name that files can have.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
        let common = Common { manners: known.manners.clone(), late: Late::new() };
        let common = Arc::new(common);
        known.clients = Arc::downgrade(&common);
        common
    })
}
