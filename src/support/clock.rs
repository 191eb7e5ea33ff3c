//! The two clocks: boot time, which lifetimes run on, and the wall clock, which is never trusted
//! alone.
//!
//! A gateway boots in 1970 and gets the time later, so a wall clock jumps. Boot time
//! (`CLOCK_BOOTTIME` on Linux) does not, and counts time asleep; but it means nothing after a
//! reboot or on another machine. The third source is the cloud: its answers have a `Date` (RFC
//! 9110 6.6.1). What the cloud last said, carried on by boot time, is the time that tokens are
//! judged by across reboots, and that signatures are made with.
//!
//! Tests wind a manual clock instead of sleeping:
//!
//! ```text
//! let clock = Clock::manual();
//! config.set_clock(clock.clone());
//! clock.wind(Duration::from_secs(3600));   // to the client, an hour has passed
//! ```

use crate::error::Result;
use crate::support::call::Call;
use crate::support::os;
use crate::support::slot::Slot;
use crate::support::sync::{AtomicI64, AtomicU64};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point on the boot-time clock, in nanoseconds. The clock never jumps, and time asleep counts.
/// Negative for what happened before this boot. All arithmetic saturates: moments never wrap
/// around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub i64);

impl Moment {
    /// Later than anything: the end of a token that does not expire.
    pub const NEVER: Moment = Moment(i64::MAX);
    /// Earlier than anything.
    pub const START: Moment = Moment(i64::MIN);

    /// The moment this long after it; at most [`Moment::NEVER`].
    pub fn after(self, wait: Duration) -> Moment {
        Moment(self.0.saturating_add(nanos(wait)))
    }

    /// The time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Moment) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

/// Saturates at 292 years.
fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Seconds since 1970 by a clock that people or machines set: a wall clock, or a cloud's.
pub(crate) type UnixSeconds = i64;

/// Milliseconds since 1970.
pub(crate) type UnixMillis = i64;

/// No machine that runs this library lives before its release: a wall clock that says so was
/// never set.
pub(crate) const RELEASE: UnixSeconds = 1_767_225_600; // 2026-01-01

/// Where a client takes the time from.
///
/// [`Clock::system`] is what every client uses unless told otherwise. [`Clock::manual`] stands
/// still until it is wound, for tests. Clones share one clock; it may be wound and read from any
/// thread.
///
/// ```
/// use std::time::Duration;
///
/// let clock = keyfob::Clock::manual();
/// let mut config = keyfob::Config::new("kontakt")?;
/// config.set_clock(clock.clone());
/// clock.wind(Duration::from_secs(3600)); // tokens of the config's clients are an hour older now
/// # Ok::<(), keyfob::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Arc<ClockState>);

/// What all clones of a clock share. Each field is changed by itself, so a reader may see boot
/// time wound already and the wall not yet.
#[derive(Debug)]
struct ClockState {
    manual: bool,
    /// Nanoseconds. Of a system clock: how far it was wound. Of a manual clock: boot time itself.
    boot_ns: AtomicI64,
    /// Seconds. Of a system clock: how far it was wound. Of a manual clock: seconds since 1970.
    wall_s: AtomicI64,
    /// How often a manual clock was rebooted; 0 for a system clock, whose boots the system names.
    boots: AtomicU64,
    /// Which machine a manual clock belongs to, where a test has named one.
    machine: Slot<String>,
    /// Nanoseconds to add to a moment to get the time since 1970 as a cloud last told it;
    /// [`UNTOLD`] until a cloud has.
    told_ns: AtomicI64,
}

/// No cloud has told the time. Not a time that one could tell: `hear` stores a greater number
/// always.
const UNTOLD: i64 = i64::MIN;

impl Clock {
    /// The machine's own clocks: `CLOCK_BOOTTIME` and the wall clock.
    pub fn system() -> Clock {
        Clock(Arc::new(ClockState {
            manual: false,
            boot_ns: AtomicI64::new(0),
            wall_s: AtomicI64::new(0),
            boots: AtomicU64::new(0),
            machine: Slot::empty(),
            told_ns: AtomicI64::new(UNTOLD),
        }))
    }

    /// A clock that moves only when [`wind`](Clock::wind) is called. The wall starts at 2026-01-01.
    pub fn manual() -> Clock {
        Clock(Arc::new(ClockState {
            manual: true,
            boot_ns: AtomicI64::new(1_000_000_000),
            wall_s: AtomicI64::new(RELEASE),
            boots: AtomicU64::new(0),
            machine: Slot::empty(),
            told_ns: AtomicI64::new(UNTOLD),
        }))
    }

    /// Lets time pass: boot time and wall time both move forward, by 146 years in all at most.
    /// Tokens age, holds and pauses pass, and renewals become due; nothing is waited for. A
    /// system clock can be wound, too.
    pub fn wind(&self, by: Duration) {
        // Any further and moments would wrap around: what expired long ago would be fresh again.
        let wound = |ns: i64| ns.saturating_add(nanos(by)).min(i64::MAX / 2);
        let boot = &self.0.boot_ns;
        let before = boot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ns| Some(wound(ns)));
        let moved = before.map_or(0, |before| wound(before) - before);
        self.0.wall_s.fetch_add(moved / 1_000_000_000, Ordering::Relaxed);
    }

    /// Sets a manual clock's wall time alone, as a person, NTP or an empty battery would. Tokens
    /// must not care.
    pub fn set_wall(&self, unix_seconds: i64) {
        self.0.wall_s.store(unix_seconds, Ordering::Relaxed);
    }

    /// Starts a manual clock's boot time over, as a reboot does; the wall stays as it is. What a
    /// cloud told of the time is forgotten, as a process would have ended.
    pub fn reboot(&self) {
        self.0.boot_ns.store(1_000_000_000, Ordering::Relaxed);
        self.0.told_ns.store(UNTOLD, Ordering::Relaxed);
        self.0.boots.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a manual clock one of another machine. Its moments mean nothing to the clocks of
    /// other names, so what they stored is judged by the cloud's time.
    pub fn set_machine(&self, name: &str) {
        self.0.machine.put(Some(Arc::new(name.into())));
    }

    /// Names this machine, where the system does. Not a proof: two machines made from one image
    /// may have the same name.
    pub(crate) fn machine_id(&self) -> Option<String> {
        if self.0.manual {
            return self.0.machine.get().map(|name| name.to_string());
        }
        os::machine_id()
    }

    /// Names this boot: moments of another one mean nothing here. `None` where the system does
    /// not say; then a moment that another process wrote means nothing either.
    pub(crate) fn boot_id(&self) -> Option<String> {
        if self.0.manual {
            let machine = self.machine_id().unwrap_or_default();
            return Some(format!("manual-{machine}{}", self.0.boots.load(Ordering::Relaxed)));
        }
        os::boot_id()
    }

    /// How often a manual clock was rebooted. Where it has changed, moments kept before are of
    /// another boot.
    pub(crate) fn boots(&self) -> u64 {
        self.0.boots.load(Ordering::Relaxed)
    }

    /// Whether a moment of the other clock is the same moment of this one: they are clones, or
    /// two system clocks wound equally far.
    pub(crate) fn agrees_with(&self, other: &Clock) -> bool {
        let wound = |clock: &Clock| clock.0.boot_ns.load(Ordering::Relaxed);
        let both_of_this_machine = !self.0.manual && !other.0.manual;
        Arc::ptr_eq(&self.0, &other.0) || (both_of_this_machine && wound(self) == wound(other))
    }

    /// Boot time now. Every cached token asks, so it is inlined, takes no lock, and makes no
    /// system call that the vDSO does not serve.
    #[inline(always)]
    pub(crate) fn now(&self) -> Moment {
        let wound = self.0.boot_ns.load(Ordering::Relaxed);
        if self.0.manual { Moment(wound) } else { Moment(os::boot_time_ns().wrapping_add(wound)) }
    }

    /// Wall time now, in seconds since 1970. It may be wrong by decades: compare with
    /// [`RELEASE`], and prefer [`told`](Clock::told).
    pub(crate) fn wall(&self) -> UnixSeconds {
        let wound = self.0.wall_s.load(Ordering::Relaxed);
        if self.0.manual { wound } else { wall_time_s() + wound }
    }

    /// Notes that a cloud says it is `date` now (the `Date` of an answer). The last cloud to
    /// speak wins, where it says another second.
    pub(crate) fn hear(&self, date: UnixSeconds) {
        let told = date.saturating_mul(1_000_000_000).saturating_sub(self.now().0);
        // A date has whole seconds: what differs by less is the same. If each request wrote here, the clock
        // would be on its way between processors all the time.
        let known = self.0.told_ns.load(Ordering::Relaxed);
        if known == UNTOLD || told.abs_diff(known) >= 1_000_000_000 {
            self.0.told_ns.store(told.max(UNTOLD + 1), Ordering::Relaxed);
        }
    }

    /// Now, in seconds since 1970, by the cloud that last told the time; boot time carries it on.
    /// `None` until a cloud has told it.
    pub(crate) fn told(&self) -> Option<UnixSeconds> {
        let told = self.0.told_ns.load(Ordering::Relaxed);
        (told != UNTOLD).then(|| self.now().0.saturating_add(told) / 1_000_000_000)
    }

    /// Now, in milliseconds since 1970: by the cloud, or by the wall clock until a cloud has told
    /// the time. For what is signed: clouds refuse a signature of another time than theirs.
    pub(crate) fn cloud_millis(&self) -> UnixMillis {
        let told = self.0.told_ns.load(Ordering::Relaxed);
        if told != UNTOLD {
            return self.now().0.saturating_add(told) / 1_000_000;
        }
        let wound = self.0.wall_s.load(Ordering::Relaxed).saturating_mul(1000);
        if self.0.manual { wound } else { wall_time_ms().saturating_add(wound) }
    }

    /// Whether a signature made at `moment` with `time` would get another time now, by more than
    /// clouds forgive.
    ///
    /// An answer's `Date` may have set the clock right after the signature was made. If so, the
    /// cloud may have refused it for its time, and signing once more helps.
    pub(crate) fn is_set_right_since(&self, time: UnixMillis, moment: Moment) -> bool {
        const FORGIVEN: u64 = 30_000;
        let expected = time.saturating_add(self.now().since(moment).as_millis() as i64);
        expected.abs_diff(self.cloud_millis()) > FORGIVEN
    }

    /// Waits within a call; fails where the call ends first. A manual clock is wound instead,
    /// because tests do not sleep.
    pub(crate) fn sleep(&self, wait: Duration, call: &Call) -> Result<()> {
        if self.0.manual {
            self.wind(wait);
            return call.remaining().map(drop);
        }
        call.sleep(wait)
    }
}

/// Boot time now, whatever a client's own clock says. For what is real and shared by all clients,
/// such as how long a connection has been idle.
pub(crate) fn boot_time() -> Moment {
    Moment(os::boot_time_ns())
}

fn wall_time_s() -> UnixSeconds {
    wall_time_ms().div_euclid(1000)
}

/// Negative before 1970: a clock that was never set may show that.
fn wall_time_ms() -> UnixMillis {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as UnixMillis,
        Err(before) => -(before.duration().as_millis() as UnixMillis),
    }
}

/// What a cloud's clock showed at one moment of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloudTime {
    /// The time by the cloud's `Date` header.
    pub date: UnixSeconds,
    /// The moment at which it was that time, as near as we know.
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
