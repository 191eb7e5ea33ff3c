//! How far an exchange has come: kept with an answer that comes too late for its caller, so that
//! the next caller goes on where this one stopped.

use super::names::Names;
use super::scope::Moment;
use crate::support::clock;

/// How far an exchange has come.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    /// The names it began with. Only an exchange that begins with the same ones may go on here: its
    /// credentials are the same, and so is its refresh token.
    pub began: Names,
    /// Which step comes next.
    pub step: usize,
    /// The same names, and what the steps before have saved.
    pub names: Names,
    /// When the step before was answered: what it obtained grows old.
    pub reached: clock::Moment,
    /// What was computed for that step, if it was asked.
    pub moment: Option<Moment>,
}

impl Trail {
    /// An exchange that has not begun.
    pub fn of(names: &Names) -> Trail {
        let (began, names) = (names.clone(), names.clone());
        Trail { began, step: 0, names, reached: clock::Moment::START, moment: None }
    }
}
