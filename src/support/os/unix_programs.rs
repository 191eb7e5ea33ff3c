//! Programs that are run: a process group, so that all of one can be ended, and what it writes.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

/// A program that runs, and those that it has started.
pub(crate) struct Program(pub Child);

impl Program {
    /// Starts it, in a group of its own: what the terminal sends to the host is not sent to it.
    pub fn start(command: &mut Command) -> io::Result<Program> {
        command.process_group(0).spawn().map(Program)
    }

    /// Ends all of it at once (SIGKILL). Only for one that still runs: the group's number is free
    /// for others once it was waited for.
    pub fn kill(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            kill_process_group(group, Signal::KILL).ok();
        }
        self.0.wait().ok();
    }
}

/// Waits until one of two outputs can be read without waiting, for so long at most, and says which
/// can: there are bytes, or it is at its end. It may come back early, with none.
pub(crate) fn readable(
    out: Option<&impl AsFd>,
    err: Option<&impl AsFd>,
    wait: Duration,
) -> io::Result<[bool; 2]> {
    let wait = Timespec::try_from(wait).map_err(|_| io::ErrorKind::InvalidInput)?;
    let of_out = out.iter().map(|out| PollFd::new(*out, PollFlags::IN));
    let of_err = err.iter().map(|err| PollFd::new(*err, PollFlags::IN));
    let mut both: Vec<PollFd<'_>> = of_out.chain(of_err).collect();
    match poll(&mut both, Some(&wait)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut ready = both.iter().map(|one| !one.revents().is_empty());
    let mut next = |is_there: bool| is_there && ready.next() == Some(true);
    Ok([next(out.is_some()), next(err.is_some())])
}
