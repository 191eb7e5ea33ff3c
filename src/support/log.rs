//! Log lines to whoever asked for them: one line, no secret, on the calling thread, no lock held.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// How much a log line matters.
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

/// Takes a log line.
pub type LogSink = dyn Fn(Level, &str) + Send + Sync;

/// Where a client's log lines go. Nowhere, unless told otherwise.
#[derive(Clone, Default)]
pub(crate) struct Log(Option<(Level, Arc<LogSink>)>);

impl Log {
    pub fn to(sink: Arc<LogSink>, most: Level) -> Log {
        Log(Some((most, sink)))
    }

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

type Line = (Arc<LogSink>, Level, String);

thread_local! {
    /// The lines of this thread that wait until it holds no lock.
    static WAITING: RefCell<Option<Vec<Line>>> = const { RefCell::new(None) };
}

/// Until this is dropped, this thread's lines wait: nobody's code runs while a lock is held, or between
/// what a cloud did and what is written down of it.
pub(crate) struct Later(bool);

/// Lets this thread's lines wait.
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
