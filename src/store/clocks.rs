//! Whose clock a record's moments are on, and what they are on this one's.
//!
//! Moments are nanoseconds since a boot, so a record says which machine and which boot its own
//! are of. Whoever reads it moves them by what `Clocks::shift` finds, in this order:
//!
//! - Of the same boot, they are the same here.
//! - Where both the record and this process know the cloud's time, it says how long ago they
//!   were.
//! - Of an earlier boot of this machine, the wall clock says so, if it makes sense.
//! - Of another machine, nobody's wall clock is believed. The record is taken to have been
//!   written just before it was first seen.
//!
//! What a wrong guess costs is small: a token that has died is tried once and refused, and a hold
//! lasts longer than it had to.

use super::document::Body;
use crate::support::clock::{Clock, Moment, UnixSeconds};
use crate::support::slot::Slot;

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// What turns a record's moments into this clock's. Good for one reading of one record.
pub(crate) struct Shift {
    /// When the record was read.
    pub now: Moment,
    /// Nanoseconds to add to a moment.
    by: i64,
    /// Nanoseconds to add to a moment of a hold, which believes less: see `after_a_reboot`.
    by_of_hold: i64,
    /// This clock's moment at which the cloud's clock showed 1970; `None` where one of the two
    /// does not know the cloud's time.
    epoch: Option<i64>,
}

impl Shift {
    /// A moment of the record, on this clock.
    pub fn moment(&self, ns: i64) -> Moment {
        Moment(ns.saturating_add(self.by))
    }

    /// A moment of a hold or of a failed login, on this clock.
    pub fn moment_of_hold(&self, ns: i64) -> Moment {
        Moment(ns.saturating_add(self.by_of_hold))
    }

    /// When a token was issued: by the cloud's own date where both are known, which no reboot
    /// shifts. Never later than now.
    pub fn issued(&self, ns: i64, date: Option<UnixSeconds>) -> Moment {
        match (self.epoch, date) {
            (Some(epoch), Some(date)) => {
                Moment(epoch.saturating_add(date.saturating_mul(SECOND))).min(self.now)
            }
            _ => self.moment(ns),
        }
    }
}

/// This clock, and what it knows of others. One for each record store.
pub(super) struct Clocks {
    clock: Clock,
    /// By the name of another clock: the smallest distance that one of its records has shown.
    /// Each record was written before it was seen, so the smallest is nearest to the truth.
    distances: Slot<Vec<(ClockName, i64)>>,
}

/// The machine and the boot of a clock, as far as they are known.
type ClockName = (Option<String>, Option<String>);

/// How many other clocks are remembered; the one that was met first is forgotten first.
const MOST_CLOCKS: usize = 64;

impl Clocks {
    pub fn new(clock: &Clock) -> Clocks {
        Clocks { clock: clock.clone(), distances: Slot::empty() }
    }

    /// Notes in a record that is about to be written whose clock its moments are on, and what
    /// time it is.
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
        let name = (body.machine.clone(), body.boot.clone());
        let by = self.distance(name, now.0.saturating_sub(latest));
        here(by, by)
    }

    /// By the cloud's time; `None` where the record or this process does not know it.
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

    /// How far to move moments of an earlier boot of this machine: those of tokens, and those of
    /// holds.
    ///
    /// The wall clock says how long ago the record was written, compared with the cloud's time
    /// where the record has it. A wall clock that shows a time before the record was written is
    /// not believed; then only the time since this boot is known to have passed. A token that
    /// died meanwhile is tried, and renewed when the API refuses it.
    ///
    /// A hold believes in no time but that since this boot. A machine that wakes up in the wrong
    /// year again and again must not lock the account; one that was off waits for what was left,
    /// an hour at most.
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

    /// Notes a distance that a record of another clock has shown, in nanoseconds, and gives the
    /// smallest so far.
    fn distance(&self, name: ClockName, shown: i64) -> i64 {
        let mut smallest = shown;
        self.distances.change(|known| {
            let mut known = known.cloned().unwrap_or_default();
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
            known
        });
        smallest
    }
}

/// The latest moment that the record says has been. This clock cannot be before it, if it is the
/// same clock.
fn latest(body: &Body) -> i64 {
    let issued = body.token.iter().map(|token| token.issued);
    let sent = body.fruitless.iter().flat_map(|fruitless| &fruitless.sent).copied();
    let seen = body.cloud.map(|(_, seen)| seen);
    issued.chain(sent).chain(seen).fold(body.saved, i64::max)
}
