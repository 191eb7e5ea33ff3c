//! A descriptor that an event loop can wait for: readable once it was rung.
//! `keyfob_client_event_fd` gives it away.
//!
//! It carries no news itself: whoever finds it readable asks the client what is new. Nothing here
//! waits, and nothing fails once it was made.

#[cfg(unix)]
use super::above_standard_streams;
use std::io;
#[cfg(unix)]
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// Linux: a timer's descriptor, which can be rung now or at a time, without a thread. Time asleep counts.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) struct Bell(OwnedFd);

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Bell {
    pub fn new() -> io::Result<Bell> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Boottime, flags)?;
        Ok(Bell(above_standard_streams(timer)?))
    }

    /// Is readable from now on.
    pub fn ring(&self) {
        self.ring_in(Some(Duration::from_nanos(1)));
    }

    /// Is not readable now, but after this time, if one is given.
    pub fn ring_in(&self, wait: Option<Duration>) {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        const NEVER: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let spec = |wait: Duration| Timespec {
            tv_sec: wait.as_secs().min(i32::MAX as u64) as _,
            tv_nsec: wait.subsec_nanos() as _,
        };
        // Zero would disarm it.
        let at = wait.map_or(NEVER, |wait| spec(wait.max(Duration::from_nanos(1))));
        let time = Itimerspec { it_interval: NEVER, it_value: at };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &time).ok();
    }
}

/// Other systems like it: a pipe with a byte in it, or none. It cannot be rung at a time.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) struct Bell(OwnedFd, OwnedFd);

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
impl Bell {
    pub fn new() -> io::Result<Bell> {
        use rustix::io::{FdFlags, fcntl_setfd};
        let (reader, writer) = rustix::pipe::pipe()?;
        let (reader, writer) = (above_standard_streams(reader)?, above_standard_streams(writer)?);
        for end in [&reader, &writer] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(end, true)?;
        }
        Ok(Bell(reader, writer))
    }

    /// Is readable from now on.
    pub fn ring(&self) {
        rustix::io::write(&self.1, &[1]).ok();
    }

    /// Is not readable now.
    pub fn ring_in(&self, _: Option<Duration>) {
        let mut rest = [0; 64];
        while rustix::io::read(&self.0, &mut rest).is_ok_and(|amount| amount > 0) {}
    }
}

#[cfg(unix)]
impl Bell {
    pub fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

/// Windows has no descriptors that an event loop could wait for.
#[cfg(not(unix))]
pub(crate) struct Bell(std::convert::Infallible);

#[cfg(not(unix))]
impl Bell {
    pub fn new() -> io::Result<Bell> {
        let what =
            "this system has no descriptors to wait for; wait in a thread (keyfob_client_wait)";
        Err(io::Error::new(io::ErrorKind::Unsupported, what))
    }

    pub fn ring(&self) {}

    pub fn ring_in(&self, _: Option<Duration>) {}

    pub fn fd(&self) -> i32 {
        -1
    }
}
