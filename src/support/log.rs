//! Log lines to whoever asked for them: one line, no secret, on the calling thread, no lock held.

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
        if let Some((most, sink)) = &self.0 {
            if level <= *most {
                let text = text.to_string().replace(char::is_control, " ");
                sink(level, &text);
            }
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
