//! Log lines that are kept until somebody reads them: for languages that take no calls from a
//! thread that is not theirs, such as Node.
//!
//! It is a sink like any other ([`LogSink`](super::log::LogSink)), with a bound: a program that
//! never reads must not make the log grow.

use crate::support::log::Level;
use crate::support::process::PerProcess;
use crate::support::sync::locked;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// The most lines that may be kept.
pub(crate) const MOST_LINES: usize = 65_536;

/// The last `most` lines that were not read. Where more come, the oldest give way, and one line
/// says how many.
///
/// Any thread may write and read. The mutex is held for an instant only.
pub(crate) struct LogRing {
    most: usize,
    /// Each process has lines of its own: a child of `fork` does not read its parent's.
    kept: PerProcess<Mutex<Lines>>,
}

/// The lines, the oldest first, and how many gave way since the last read.
#[derive(Default)]
struct Lines {
    lines: VecDeque<(Level, String)>,
    lost: u64,
}

impl LogRing {
    /// `most` from 1 to [`MOST_LINES`]; anything else is taken for the nearest of them.
    pub fn new(most: usize) -> LogRing {
        LogRing { most: most.clamp(1, MOST_LINES), kept: PerProcess::new() }
    }

    pub fn push(&self, level: Level, line: &str) {
        let kept = self.kept();
        let mut kept = locked(&kept);
        if kept.lines.len() == self.most {
            kept.lines.pop_front();
            kept.lost += 1;
        }
        kept.lines.push_back((level, line.to_string()));
    }

    /// Takes out the oldest line; `None` where there is none. First of all it tells that lines
    /// were lost.
    pub fn next(&self) -> Option<(Level, String)> {
        let kept = self.kept();
        let mut kept = locked(&kept);
        match std::mem::take(&mut kept.lost) {
            0 => kept.lines.pop_front(),
            lost => Some((Level::Warn, format!("{lost} log lines were not read in time"))),
        }
    }

    fn kept(&self) -> Arc<Mutex<Lines>> {
        self.kept.get(Mutex::default)
    }
}

impl std::fmt::Debug for LogRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogRing({})", self.most)
    }
}
