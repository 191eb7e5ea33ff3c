//! A program whose output is wanted: no shell, no more output than asked for, and no longer than
//! the call may wait. One that still runs then is killed, with all that it started.
//!
//! For tokens that only another program can get: a platform's own tool, a hardware key. The user
//! names the program, so it is trusted with the secret; it is not trusted to end, to be quiet, or
//! to write little. The host's signal handlers are not changed; a host that waits for all of its
//! children may take this one's exit code.

use super::call::Call;
use super::os::{self, Program};
use std::io::{self, Read};
use std::process::{Command, Stdio};
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
pub(crate) fn output(
    words: &[String],
    most: usize,
    call: &Call,
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failed::of("names no program"));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(Program::start(&mut command).map_err(|error| {
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

/// A program that runs. Dropped, it is killed with all that it started, unless it has ended.
struct Running(Program);

/// Standard output and standard error.
type Written = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

impl Running {
    /// Reads both outputs to their ends at the same time: a program that fills one pipe while the
    /// other is read would hang.
    fn read(&mut self, most: usize, call: &Call) -> Result<Written, Failed> {
        // Large enough from the beginning: growing would leave copies of a secret behind.
        let mut written = Zeroizing::new(Vec::with_capacity(most + 1));
        let mut complaints = Zeroizing::new(Vec::with_capacity(MOST_COMPLAINTS));
        let child = &mut self.0.0;
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let broken = |error: io::Error| Failed::of(format!("its output broke off: {error}"));
        while out.is_some() || err.is_some() {
            let wait = call.slice().map_err(|_| self.late(call))?;
            let [of_out, of_err] =
                os::readable(out.as_ref(), err.as_ref(), wait).map_err(broken)?;
            if of_out && is_over(&mut out, &mut written).map_err(broken)? {
                out = None;
            }
            if written.len() > most {
                return Err(Failed::of(format!("writes more than {most} bytes")));
            }
            if of_err && is_over(&mut err, &mut complaints).map_err(broken)? {
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
            match self.0.0.try_wait() {
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

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.0.try_wait(), Ok(None)) {
            self.0.kill();
        }
    }
}
