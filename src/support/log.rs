//! Log lines to whoever asked for them: one line, no secret, on the calling thread, no lock held.
//!
//! The library prints nothing by itself. A sink is the host's code: it may be slow, take locks of
//! its own or call keyfob again. So it is never called while a lock of ours is held. `later`
//! collects a thread's lines until then.
//!
//! ```text
//! let _lines_later = log::later();      // at the entry of a call that takes locks
//! log!(self.log, Info, "renewed");      // waits
//! // the sink is called here, when `_lines_later` is dropped last
//! ```

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// How much a log line matters: the higher the number, the less.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed that the caller may not see otherwise.
    Error = 1,
    /// Something was put right that should not have been necessary.
    Warn = 2,
    /// A login, a renewal, a hold.
    Info = 3,
    /// Each call to the cloud.
    Debug = 4,
}

/// Takes a log line: its level and its text, without a line end and without secrets.
///
/// It is called on the thread whose call wrote the line, or on the background thread, from
/// several threads at once. It may call keyfob. It should be quick: the call waits for it.
///
/// ```
/// use std::sync::Arc;
///
/// let mut config = keyfob::Config::new("kontakt")?;
/// config.set_log(Arc::new(|level, line: &str| eprintln!("{level:?} {line}")), keyfob::Level::Warn);
/// # Ok::<(), keyfob::Error>(())
/// ```
pub type LogSink = dyn Fn(Level, &str) + Send + Sync;

/// Where a client's log lines go: a sink, and the least important level that it wants. By default
/// nowhere.
#[derive(Clone, Default)]
pub(crate) struct Log(Option<(Level, Arc<LogSink>)>);

impl Log {
    /// A log with a sink that gets lines up to the level `most`.
    pub fn to(sink: Arc<LogSink>, most: Level) -> Log {
        Log(Some((most, sink)))
    }

    /// Writes a line, or keeps it until [`Later`] is dropped. Control characters become blanks:
    /// what a server says must not forge a second line. Call it by the macro `log!`.
    pub fn line(&self, level: Level, text: fmt::Arguments<'_>) {
        let Some((most, sink)) = &self.0 else { return };
        if level > *most {
            return;
        }
        let text = text.to_string().replace(char::is_control, " ");
        let waiting = WAITING.with_borrow_mut(|waiting| match waiting {
            Some(lines) => {
                lines.push((sink.clone(), level, text.clone()));
                true
            }
            None => false,
        });
        if !waiting {
            sink(level, &text);
        }
    }
}

/// A line, and whose it is: several clients may write on one thread.
type Line = (Arc<LogSink>, Level, String);

thread_local! {
    /// The lines of this thread that wait until it holds no lock.
    static WAITING: RefCell<Option<Vec<Line>>> = const { RefCell::new(None) };
}

/// Keeps this thread's log lines until it is dropped. May be nested: the outermost lets the lines
/// go.
///
/// Without it the host's code could run while a lock is held, or after a cloud has rotated a
/// token and before the new one is stored.
pub(crate) struct Later(bool);

/// Keeps this thread's lines from now on.
pub(crate) fn later() -> Later {
    let outermost = WAITING.with_borrow_mut(|waiting| match waiting {
        Some(_) => false,
        None => {
            *waiting = Some(Vec::new());
            true
        }
    });
    Later(outermost)
}

impl Drop for Later {
    fn drop(&mut self) {
        if !self.0 {
            return;
        }
        let lines = WAITING.take().unwrap_or_default();
        // A sink that panics while a panic is under way would end the process.
        if !std::thread::panicking() {
            lines.into_iter().for_each(|(sink, level, text)| sink(level, &text));
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Log(on)" } else { "Log(off)" })
    }
}

macro_rules! log {
    ($log:expr, $level:ident, $($text:tt)+) => {
        $log.line($crate::support::log::Level::$level, format_args!($($text)+))
    };
}
pub(crate) use log;
