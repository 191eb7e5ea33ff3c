//! Whose clock a record's moments are on, and what they are on this one's.
//!
//! Moments are nanoseconds since a boot. Of the same boot they are the same here. Of an earlier boot
//! of this machine, the cloud's time or the wall clock says how long ago they were. Of another machine,
//! or of a clock that this one does not agree with, only the cloud's time does: nobody's wall clock is
//! believed, and without the cloud's time a record is taken to have been written just before it was
//! first seen.

use super::document::Body;
use crate::support::clock::{Clock, Moment, UnixSeconds};
use arc_swap::ArcSwap;
use std::sync::Arc;

const SECOND: i64 = 1_000_000_000;

/// What turns a record's moments into this clock's.
pub(crate) struct Shift {
    pub now: Moment,
    by: i64,
    /// The same for holds, which believe in less.
    by_of_hold: i64,
    /// This clock's moment at which the cloud's time was 0, where both clocks know the cloud's.
    epoch: Option<i64>,
}

impl Shift {
    pub fn moment(&self, ns: i64) -> Moment {
        Moment(ns.saturating_add(self.by))
    }

    pub fn moment_of_hold(&self, ns: i64) -> Moment {
        Moment(ns.saturating_add(self.by_of_hold))
    }

    /// When a token was issued, by the cloud's time where that is told.
    pub fn issued(&self, ns: i64, date: Option<UnixSeconds>) -> Moment {
        match (self.epoch, date) {
            (Some(epoch), Some(date)) => {
                Moment(epoch.saturating_add(date.saturating_mul(SECOND))).min(self.now)
            }
            _ => self.moment(ns),
        }
    }
}

/// This clock, and what it knows of others.
pub(super) struct Clocks {
    clock: Clock,
    /// For each other clock, the smallest distance that one of its records has shown: each was written
    /// before it was seen.
    distances: ArcSwap<Vec<(String, i64)>>,
}

/// How many other clocks are remembered.
const MOST_CLOCKS: usize = 64;

impl Clocks {
    pub fn new(clock: &Clock) -> Clocks {
        Clocks { clock: clock.clone(), distances: ArcSwap::default() }
    }

    /// Signs what is written now.
    pub fn sign(&self, body: &mut Body) {
        body.machine = self.clock.machine_id();
        body.boot = self.clock.boot_id();
        body.saved_wall = self.clock.wall();
        body.saved = self.clock.now().0;
        // So that another machine can tell when that was.
        body.cloud = body.cloud.or(self.clock.told().map(|date| (date, body.saved)));
    }

    /// What turns this record's moments into this clock's.
    pub fn shift(&self, body: &Body) -> Shift {
        let now = self.clock.now();
        let (boot, machine) = (self.clock.boot_id(), self.clock.machine_id());
        let latest = latest(body);
        let here = |by, by_of_hold| Shift { now, by, by_of_hold, epoch: None };
        let same_machine = match (&machine, &body.machine) {
            (Some(mine), Some(its)) => mine == its,
            _ => true,
        };
        let same_boot = boot.is_some() && body.boot == boot;
        // What lies in the future was written by a clock of this boot that is not this one: another
        // time namespace, or time that was wound.
        if same_boot && latest <= now.0 {
            return here(0, 0);
        }
        if let Some(shift) = self.by_the_cloud(body, now) {
            return shift;
        }
        if same_machine && !same_boot {
            let (by, by_of_hold) = self.after_a_reboot(body, &boot);
            return here(by, by_of_hold);
        }
        let name = format!("{:?} {:?}", body.machine, body.boot);
        let by = self.distance(name, now.0.saturating_sub(latest));
        here(by, by)
    }

    /// By the cloud's time, where the record and this clock know it.
    fn by_the_cloud(&self, body: &Body, now: Moment) -> Option<Shift> {
        let (date, seen) = body.cloud?;
        // A second early, since dates have no fractions: better too old than too young.
        let told = self.clock.told()?.saturating_add(1).saturating_mul(SECOND);
        let epoch = now.0.saturating_sub(told);
        let by = epoch.saturating_add(date.saturating_mul(SECOND)).saturating_sub(seen);
        // It cannot have been written after it was seen.
        let by = by.min(now.0.saturating_sub(latest(body)));
        Some(Shift { now, by, by_of_hold: by, epoch: Some(epoch) })
    }

    /// The wall clock says how long ago that was, judged by the cloud's own time where the record has
    /// it. A wall clock that claims a time before the record was written says nothing; at least the
    /// time since this boot has passed. A token that died meanwhile is tried, and a refusal renews it.
    ///
    /// A hold believes in no time but that since this boot: a machine that wakes up in the wrong year
    /// again and again must not lock the account, and one that was off waits for an hour at most.
    fn after_a_reboot(&self, body: &Body, boot: &Option<String>) -> (i64, i64) {
        let then = match body.cloud {
            Some((date, seen)) => date.saturating_add(body.saved.saturating_sub(seen) / SECOND),
            None => body.saved_wall,
        };
        let (now, wall) = (self.clock.now().0, self.clock.wall());
        let off = wall.saturating_sub(then).max(0).saturating_mul(SECOND);
        let shift = |passed: i64| now.saturating_sub(passed).saturating_sub(body.saved);
        match (boot, &body.boot) {
            (Some(_), Some(_)) => (shift(off.max(now)), shift(now)),
            // It may be the same boot, and the wall clock as wrong as it was.
            _ if wall >= body.saved_wall => {
                let by_wall = wall.saturating_sub(body.saved_wall).saturating_mul(SECOND);
                (shift(off), shift(off.min(by_wall)))
            }
            _ => (shift(off), shift(off)),
        }
    }

    /// The smallest distance that this clock has shown, this one included.
    fn distance(&self, name: String, shown: i64) -> i64 {
        let mut smallest = shown;
        self.distances.rcu(|known| {
            let mut known = Vec::clone(known);
            match known.iter_mut().find(|(clock, _)| *clock == name) {
                Some((_, distance)) => {
                    smallest = shown.min(*distance);
                    *distance = smallest;
                }
                None => {
                    smallest = shown;
                    known.truncate(MOST_CLOCKS - 1);
                    known.insert(0, (name.clone(), shown));
                }
            }
            Arc::new(known)
        });
        smallest
    }
}

/// The latest moment that the record says has been.
fn latest(body: &Body) -> i64 {
    let issued = body.token.iter().map(|token| token.issued);
    let sent = body.fruitless.iter().flat_map(|fruitless| &fruitless.sent).copied();
    let seen = body.cloud.map(|(_, seen)| seen);
    issued.chain(sent).chain(seen).fold(body.saved, i64::max)
}
