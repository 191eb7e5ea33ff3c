//! A program whose output is wanted: no shell, no more output than asked for, and no longer than
//! the call may wait. One that still runs then is killed, with its process group.
//!
//! For tokens that only another program can get: a platform's own tool, a hardware key. The user
//! names the program, so it is trusted with the secret; it is not trusted to end, to be quiet, or
//! to write little. The host's signal handlers are not changed; a host that waits for all of its
//! children may take this one's exit code.

use super::call::Call;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zeroize::Zeroizing;

/// The longest that a program may take, whatever the call's own limit.
const LONGEST: Duration = Duration::from_secs(10);

/// The most that is kept of what it writes to standard error, in bytes.
const MOST_COMPLAINTS: usize = 4096;

/// Why a program gave nothing: the end of a sentence that names it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub what: String,
    /// The first line of its standard error, as it wrote it. It may hold a secret: whoever shows
    /// it takes that out first.
    pub complaint: Option<String>,
    /// Whether the time was over.
    pub late: bool,
}

impl Failed {
    fn of(what: impl Into<String>) -> Failed {
        Failed { what: what.into(), complaint: None, late: false }
    }
}

/// A program and its arguments, as an option has them. `None` where no program is named, or the
/// JSON is none.
///
/// ```text
/// get-token --device gw-7                 three words, split at blanks
/// ["get-token", "--title", "My gateway"]  a JSON array, where an argument has blanks itself
/// ```
///
/// No shell reads it: quotes, `$` and `|` mean themselves.
pub(crate) fn words(line: &str) -> Option<Vec<String>> {
    use super::json::{self, Value};
    if !line.trim_start().starts_with('[') {
        let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        return (!words.is_empty()).then_some(words);
    }
    let Value::Array(items) = json::parse(line.as_bytes()).ok()? else { return None };
    let words: Option<Vec<String>> =
        items.iter().map(|item| item.as_str().map(str::to_string)).collect();
    words.filter(|words| words.first().is_some_and(|program| !program.is_empty()))
}

/// Runs the program and gives what it writes to standard output, at most `most` bytes. Fails
/// where it ends with another code than 0, writes more, or is not done in time.
///
/// Its standard input is empty, and its environment is the host's.
#[cfg(unix)]
pub(crate) fn output(
    words: &[String],
    most: usize,
    call: &Call,
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    use std::os::unix::process::CommandExt;
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failed::of("names no program"));
    };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that all of it can be ended.
        .process_group(0)
        .spawn();
    let mut running = Running(child.map_err(|error| {
        Failed::of(format!("cannot be run: {}", super::file::in_words(&error)))
    })?);
    let call = call.within(LONGEST);
    let (written, complaints) = running.read(most, &call)?;
    let code = running.wait(&call)?;
    if code == Some(0) {
        return Ok(written);
    }
    let text = String::from_utf8_lossy(&complaints);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let what = code.map_or("was ended by a signal".into(), |code| format!("exit code {code}"));
    Err(Failed { complaint: line.map(str::to_string), ..Failed::of(what) })
}

#[cfg(not(unix))]
pub(crate) fn output(_: &[String], _: usize, _: &Call) -> Result<Zeroizing<Vec<u8>>, Failed> {
    Err(Failed::of("programs are run on Unix systems only; use a file"))
}

/// A program that runs. Dropped, it is killed with its process group, unless it has ended.
#[cfg(unix)]
struct Running(Child);

/// Standard output and standard error.
#[cfg(unix)]
type Written = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

#[cfg(unix)]
impl Running {
    /// Reads both outputs to their ends at the same time: a program that fills one pipe while the
    /// other is read would hang.
    fn read(&mut self, most: usize, call: &Call) -> Result<Written, Failed> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        // Large enough from the beginning: growing would leave copies of a secret behind.
        let mut written = Zeroizing::new(Vec::with_capacity(most + 1));
        let mut complaints = Zeroizing::new(Vec::with_capacity(MOST_COMPLAINTS));
        let (mut out, mut err) = (self.0.stdout.take(), self.0.stderr.take());
        let broken = |error: io::Error| Failed::of(format!("its output broke off: {error}"));
        while out.is_some() || err.is_some() {
            let wait = call.slice().map_err(|_| self.late(call))?;
            let wait = Timespec::try_from(wait).map_err(|_| Failed::of("cannot be waited for"))?;
            let of_out = out.iter().map(|out| PollFd::new(out, PollFlags::IN));
            let of_err = err.iter().map(|err| PollFd::new(err, PollFlags::IN));
            let mut both: Vec<PollFd<'_>> = of_out.chain(of_err).collect();
            match poll(&mut both, Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(broken(error.into())),
            }
            let ready: Vec<bool> = both.iter().map(|one| !one.revents().is_empty()).collect();
            drop(both);
            let had_out = out.is_some();
            if had_out && ready[0] && is_over(&mut out, &mut written).map_err(broken)? {
                out = None;
            }
            if written.len() > most {
                return Err(Failed::of(format!("writes more than {most} bytes")));
            }
            if ready.get(usize::from(had_out)) == Some(&true)
                && is_over(&mut err, &mut complaints).map_err(broken)?
            {
                err = None;
            }
            complaints.truncate(MOST_COMPLAINTS);
        }
        Ok((written, complaints))
    }

    /// Its exit code, waited for within the call; `None` where a signal ended it.
    fn wait(&mut self, call: &Call) -> Result<Option<i32>, Failed> {
        const PAUSE: Duration = Duration::from_millis(5);
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Ok(status.code()),
                Ok(None) => call.sleep(PAUSE).map_err(|_| self.late(call))?,
                // The host waits for all children itself; what was written counts then.
                Err(_) => return Ok(Some(0)),
            }
        }
    }

    /// Whose time is over: the program's, or the call was cancelled.
    fn late(&self, call: &Call) -> Failed {
        let what = match call.is_cancelled() {
            true => "the call was cancelled".to_string(),
            false => format!("was not done in time ({} s at most)", LONGEST.as_secs()),
        };
        Failed { late: true, ..Failed::of(what) }
    }
}

/// Reads once, since the pipe is ready; says whether that was the end.
#[cfg(unix)]
fn is_over(from: &mut Option<impl Read>, into: &mut Vec<u8>) -> io::Result<bool> {
    let Some(from) = from else { return Ok(true) };
    let mut piece = Zeroizing::new([0; 4096]);
    match from.read(&mut piece[..]) {
        Ok(length) => {
            into.extend_from_slice(&piece[..length]);
            Ok(length == 0)
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
impl Drop for Running {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        if matches!(self.0.try_wait(), Ok(None)) {
            if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
                kill_process_group(group, Signal::KILL).ok();
            }
            self.0.wait().ok();
        }
    }
}
