//! The two clocks: boot time, which lifetimes run on, and the wall clock, which is never trusted
//! alone.

use crate::error::Result;
use crate::support::call::Call;
use crate::support::os;
use crate::support::sync::{AtomicI64, AtomicU64};
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point on the boot-time clock, in nanoseconds: it never jumps, and time asleep counts. Negative
/// for what happened before this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub i64);

impl Moment {
    /// Later than anything: the end of a token that does not expire.
    pub const NEVER: Moment = Moment(i64::MAX);
    /// Earlier than anything.
    pub const START: Moment = Moment(i64::MIN);

    pub fn after(self, wait: Duration) -> Moment {
        Moment(self.0.saturating_add(nanos(wait)))
    }

    pub fn before(self, lead: Duration) -> Moment {
        if self == Moment::NEVER { self } else { Moment(self.0.saturating_sub(nanos(lead))) }
    }

    /// The time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Moment) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Seconds since 1970 by some clock that people set.
pub(crate) type UnixSeconds = i64;

/// Milliseconds since 1970.
pub(crate) type UnixMillis = i64;

/// No machine that runs this library lives before its release: a wall clock that says so is unset.
pub(crate) const RELEASE: UnixSeconds = 1_767_225_600; // 2026-01-01

/// Where a client takes the time from.
///
/// [`Clock::system`] is what every client uses unless told otherwise. [`Clock::manual`] stands
/// still until it is wound, for tests. Clones share one clock; it may be wound from any thread.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    manual: bool,
    /// System clock: what has been wound onto it. Manual clock: the time itself.
    boot_ns: AtomicI64,
    /// Likewise.
    wall_s: AtomicI64,
    /// Manual clock only: how often it was rebooted.
    boots: AtomicU64,
    /// Manual clock only: which machine's it is.
    machine: ArcSwapOption<String>,
    /// What is to be added to a moment to get the time since 1970 as a cloud last told it, in
    /// nanoseconds; [`UNTOLD`] until one has.
    told_ns: AtomicI64,
}

const UNTOLD: i64 = i64::MIN;

impl Clock {
    /// The machine's own clocks: `CLOCK_BOOTTIME` and the wall clock.
    pub fn system() -> Clock {
        Clock(Arc::new(Hands {
            manual: false,
            boot_ns: AtomicI64::new(0),
            wall_s: AtomicI64::new(0),
            boots: AtomicU64::new(0),
            machine: ArcSwapOption::const_empty(),
            told_ns: AtomicI64::new(UNTOLD),
        }))
    }

    /// A clock that moves only when [`wind`](Clock::wind) is called. The wall starts at 2026-01-01.
    pub fn manual() -> Clock {
        Clock(Arc::new(Hands {
            manual: true,
            boot_ns: AtomicI64::new(1_000_000_000),
            wall_s: AtomicI64::new(RELEASE),
            boots: AtomicU64::new(0),
            machine: ArcSwapOption::const_empty(),
            told_ns: AtomicI64::new(UNTOLD),
        }))
    }

    /// Lets time pass: boot time and wall time both move forward, by 146 years in all at most.
    pub fn wind(&self, by: Duration) {
        // Any further and moments would wrap around: what expired long ago would be fresh again.
        let wound = |ns: i64| ns.saturating_add(nanos(by)).min(i64::MAX / 2);
        let boot = &self.0.boot_ns;
        let before = boot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ns| Some(wound(ns)));
        let moved = before.map_or(0, |before| wound(before) - before);
        self.0.wall_s.fetch_add(moved / 1_000_000_000, Ordering::Relaxed);
    }

    /// Sets a manual clock's wall time alone, as a person, NTP or an empty battery would.
    pub fn set_wall(&self, unix_seconds: i64) {
        self.0.wall_s.store(unix_seconds, Ordering::Relaxed);
    }

    /// Starts a manual clock's boot time over, as a reboot does; the wall stays as it is.
    pub fn reboot(&self) {
        self.0.boot_ns.store(1_000_000_000, Ordering::Relaxed);
        self.0.told_ns.store(UNTOLD, Ordering::Relaxed);
        self.0.boots.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a manual clock one of another machine: its moments mean nothing on those before it.
    pub fn set_machine(&self, name: &str) {
        self.0.machine.store(Some(Arc::new(name.into())));
    }

    /// Names this machine, where the system does. An image that was copied has one name twice.
    pub(crate) fn machine_id(&self) -> Option<String> {
        if self.0.manual {
            return self.0.machine.load().as_ref().map(|name| name.to_string());
        }
        os::machine_id()
    }

    /// Names this boot: moments of another one mean nothing here. `None` where the system does not
    /// say; then no moment of another process means anything.
    pub(crate) fn boot_id(&self) -> Option<String> {
        if self.0.manual {
            let machine = self.machine_id().unwrap_or_default();
            return Some(format!("manual-{machine}{}", self.0.boots.load(Ordering::Relaxed)));
        }
        os::boot_id()
    }

    /// How often a manual clock was rebooted.
    pub(crate) fn boots(&self) -> u64 {
        self.0.boots.load(Ordering::Relaxed)
    }

    /// Whether a moment of the other clock is the same moment of this one.
    pub(crate) fn agrees_with(&self, other: &Clock) -> bool {
        let wound = |clock: &Clock| clock.0.boot_ns.load(Ordering::Relaxed);
        let both_of_this_machine = !self.0.manual && !other.0.manual;
        Arc::ptr_eq(&self.0, &other.0) || (both_of_this_machine && wound(self) == wound(other))
    }

    #[inline(always)]
    pub(crate) fn now(&self) -> Moment {
        let wound = self.0.boot_ns.load(Ordering::Relaxed);
        if self.0.manual { Moment(wound) } else { Moment(os::boot_time_ns().wrapping_add(wound)) }
    }

    pub(crate) fn wall(&self) -> UnixSeconds {
        let wound = self.0.wall_s.load(Ordering::Relaxed);
        if self.0.manual { wound } else { wall_time_s() + wound }
    }

    /// Notes what time a cloud says it is now.
    pub(crate) fn hear(&self, date: UnixSeconds) {
        let told = date.saturating_mul(1_000_000_000).saturating_sub(self.now().0);
        self.0.told_ns.store(told.max(UNTOLD + 1), Ordering::Relaxed);
    }

    /// The time by the cloud that told it last, carried on since; `None` until one has.
    pub(crate) fn told(&self) -> Option<UnixSeconds> {
        let told = self.0.told_ns.load(Ordering::Relaxed);
        (told != UNTOLD).then(|| self.now().0.saturating_add(told) / 1_000_000_000)
    }

    /// The same in milliseconds since 1970; by this machine's clock until a cloud has told.
    pub(crate) fn cloud_millis(&self) -> UnixMillis {
        let told = self.0.told_ns.load(Ordering::Relaxed);
        if told != UNTOLD {
            return self.now().0.saturating_add(told) / 1_000_000;
        }
        let wound = self.0.wall_s.load(Ordering::Relaxed).saturating_mul(1000);
        if self.0.manual { wound } else { wall_time_ms().saturating_add(wound) }
    }

    /// Whether the cloud's time is another by now than it was taken for, when this was the time and that
    /// the moment: by more than clouds forgive in what is signed.
    pub(crate) fn is_set_right_since(&self, time: UnixMillis, moment: Moment) -> bool {
        const FORGIVEN: u64 = 30_000;
        let expected = time.saturating_add(self.now().since(moment).as_millis() as i64);
        expected.abs_diff(self.cloud_millis()) > FORGIVEN
    }

    /// Waits within a call. A manual clock is wound instead: tests do not sleep.
    pub(crate) fn sleep(&self, wait: Duration, call: &Call) -> Result<()> {
        if self.0.manual {
            self.wind(wait);
            return call.remaining().map(drop);
        }
        call.sleep(wait)
    }
}

/// Now, by the clock that counts time asleep, whatever a client's own clock says: for what is real,
/// such as how long a connection has been idle.
pub(crate) fn boot_time() -> Moment {
    Moment(os::boot_time_ns())
}

fn wall_time_s() -> UnixSeconds {
    wall_time_ms().div_euclid(1000)
}

fn wall_time_ms() -> UnixMillis {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as UnixMillis,
        Err(before) => -(before.duration().as_millis() as UnixMillis),
    }
}

/// The cloud's clock, as its `Date` headers tell it and the boot-time clock carries it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloudTime {
    pub date: UnixSeconds,
    pub seen: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wound_beyond_measure_stays_where_it_got() {
        for clock in [Clock::manual(), Clock::system()] {
            let before = clock.now();
            for _ in 0..3 {
                clock.wind(Duration::MAX);
            }
            let after = clock.now();
            assert!(before < after && after < Moment::NEVER);
            assert!(clock.wall() > RELEASE);
        }
    }
}
