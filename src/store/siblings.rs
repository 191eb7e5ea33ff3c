//! What the clients of one identity in this process share, whatever store they have:
//!
//! - the pause that the cloud asked for, and the cloud's time;
//! - the token call whose answer nobody could wait for;
//! - where nothing else keeps it, what was obtained for a refresh token;
//! - the key that their first tokens are bound to, and the nonces that servers gave for it (DPoP).

use crate::error::Result;
use crate::http::transport::Late;
use crate::model::proof_key::ProofKey;
use crate::model::record::{Pause, Record, Version};
use crate::provider::dpop::Nonces;
use crate::provider::trail::Trail;
use crate::support::clock::{Clock, CloudTime, Moment};
use crate::support::gate::Gate;
use crate::support::process::PerProcess;
use crate::support::registry::{Held, Registry, Shared};
use crate::support::slot::Slot;
use once_cell::race::OnceBox;
use std::sync::Arc;

/// One client's view of what it shares with the other clients of its identity.
pub(crate) struct Siblings {
    /// Names the identity among all others, its secrets included. Not for people's eyes: whoever
    /// has it can try passwords against it.
    pub name: Arc<str>,
    /// What is shared.
    family: Held<Family>,
    /// This client's clock, which may have been wound since: then the others' moments are not its
    /// own.
    clock: Clock,
}

/// What all clients of one identity have in common. A forked child inherits what is plain data;
/// gates and answers under way it makes anew.
struct Family {
    /// What the cloud last said; `None` where it has said nothing.
    cloud: Slot<CloudsWord>,
    /// What the memory store keeps, where the clients share their tokens. `None` otherwise.
    record: Slot<Record>,
    /// What the identity is called in a store, which is dear to work out: once for all its clients.
    lasting: OnceBox<Arc<str>>,
    /// The lock of that record.
    gate: PerProcess<Gate>,
    /// Token calls that were sent and whose answers are still to come.
    late: PerProcess<Late<Trail>>,
    /// For whoever has no key yet. One that has tokens is in their record.
    proof_key: Slot<ProofKey>,
    nonces: Arc<Nonces>,
}

/// What the cloud last said to any of them.
#[derive(Clone, Default)]
struct CloudsWord {
    /// A pause that binds everybody.
    pause: Option<Pause>,
    /// The cloud's time, as last told.
    time: Option<CloudTime>,
}

impl Shared for Family {
    fn is_over(&self, now: Moment) -> bool {
        // A pause of our own choice spares a cloud that failed; a new client may try its luck.
        let cloud = self.cloud.get();
        let pause = cloud.as_ref().and_then(|cloud| cloud.pause.as_ref());
        let quiet = pause.is_some_and(|pause| pause.asked && now < pause.until);
        // What was obtained for a refresh token has no other copy, and the token is spent.
        !quiet && self.record.get().is_none_or(|record| record.refresh.is_none())
    }
}

impl Siblings {
    /// Joins the others of this identity whose clocks agree with this one.
    pub fn new(name: &Arc<str>, clock: &Clock) -> Siblings {
        static KNOWN: Registry = Registry::new();
        let family = || Family {
            cloud: Slot::empty(),
            record: Slot::empty(),
            lasting: OnceBox::new(),
            gate: PerProcess::new(),
            late: PerProcess::new(),
            proof_key: Slot::empty(),
            nonces: Arc::default(),
        };
        Siblings {
            name: name.clone(),
            family: KNOWN.get(name, clock, family),
            clock: clock.clone(),
        }
    }

    /// What the identity is called in a store: worked out by the first that asks, and known as long
    /// as one of its clients is there.
    pub(super) fn lasting(&self, work_out: impl Fn(&Arc<str>) -> Arc<str>) -> Arc<str> {
        self.family.lasting.get_or_init(|| Box::new(work_out(&self.name))).clone()
    }

    /// Token calls whose callers could not wait for the answers. The next caller takes them up.
    pub fn late(&self) -> Arc<Late<Trail>> {
        self.family.late.get(Late::new)
    }

    /// The key for tokens that are still to be had: one for all, made by the first who asks. An
    /// answer that one of them could not wait for serves another.
    pub fn proof_key(&self) -> Result<ProofKey> {
        let cell = &self.family.proof_key;
        if let Some(known) = cell.get() {
            return Ok(ProofKey::clone(&known));
        }
        let made = Arc::new(ProofKey::generate()?);
        cell.replace(None, made.clone());
        Ok(ProofKey::clone(&cell.get().unwrap_or(made)))
    }

    /// From now on tokens are bound to another.
    pub fn forget_proof_key(&self) {
        self.family.proof_key.put(None);
    }

    /// The nonces that servers gave to any of them.
    pub fn nonces(&self) -> Arc<Nonces> {
        self.family.nonces.clone()
    }

    /// Adds to a record what the cloud said to any of them. Only what makes the record more
    /// careful.
    pub fn tell(&self, record: &mut Record) {
        if !self.family.agrees_with(&self.clock) {
            return;
        }
        let Some(cloud) = self.family.cloud.get() else { return };
        if cloud.pause.as_ref().map(|p| p.until) > record.pause.as_ref().map(|p| p.until) {
            record.pause = cloud.pause.clone();
        }
        record.cloud = record.cloud.or(cloud.time);
    }

    /// Notes what the cloud said to this one, as far as it binds the others.
    pub fn note(&self, record: &Record) {
        let pause = record.pause.clone().filter(|pause| pause.strict);
        let agree = self.family.agrees_with(&self.clock);
        let known = || self.family.cloud.get().and_then(|cloud| cloud.time);
        let time = if agree { record.cloud } else { known() };
        // That there is no pause is true by any clock.
        if agree || pause.is_none() {
            self.family.cloud.put(Some(Arc::new(CloudsWord { pause, time })));
        }
    }

    /// For the memory store: who holds it may call `keep`.
    pub(super) fn gate(&self) -> Arc<Gate> {
        self.family.gate.get(Gate::default)
    }

    /// For the memory store: what is shared now.
    pub(super) fn record(&self) -> Arc<Record> {
        self.family.record.get().unwrap_or_default()
    }

    /// Keeps this record for all, and gives its version, which counts up. Only for the holder of
    /// the gate.
    pub(super) fn keep(&self, record: &Record) -> Version {
        let Version([last, ..]) = self.record().version;
        let version = Version([last + 1, 0, 0, 0]);
        self.family.record.put(Some(Arc::new(Record { version, ..record.clone() })));
        version
    }
}

impl Drop for Siblings {
    fn drop(&mut self) {
        // A kept request holds secrets, which must not outlive the clients.
        if let Some(late) = self.family.late.known().filter(|_| self.family.is_last()) {
            late.clear();
        }
    }
}
