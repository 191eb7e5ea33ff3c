//! What became of the logins with one secret at one place, whatever client or scope asked: the hold
//! after a refusal, the sendings that came to nothing, and whether it was spent.
//!
//! A cloud locks accounts by counting passwords, so this is counted by the secret, and outlives the
//! process that counted. The rules that follow from it are the lifecycle's.

use crate::error::Error;
use crate::model::record::Version;
use crate::support::clock::Moment;
use std::time::Duration;

/// However often a secret was rejected, it is tried again after this.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(3600);

/// How many sendings that came to nothing are remembered: as many as an hour may have.
pub(crate) const MOST_FRUITLESS: usize = 15;

/// What became of the logins with one secret.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attempts {
    /// Counts successes and forgettings: of two that differ in it, the higher one is the newer.
    pub round: u64,
    pub hold: Option<Hold>,
    /// How many answers in a row may have been refusals.
    pub doubts: u32,
    /// When it was sent to no avail, the latest last: the cloud failed, or its answer did not come.
    pub fruitless: Vec<Moment>,
    /// Why it last came to nothing.
    pub fault: Option<Error>,
    /// It was exchanged, and must never be sent again.
    pub spent: bool,
    /// The state of the store that this takes account of.
    pub version: Version,
}

/// The secret was rejected: no login with it for a while.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hold {
    pub until: Moment,
    /// How many rejections in a row.
    pub count: u32,
    pub error: Error,
}

impl Attempts {
    /// Takes over what another client or process has learnt. What is newer wins; of two that are
    /// equally new, the more careful.
    pub fn adopt(&mut self, other: Attempts) {
        let spent = self.spent || other.spent;
        if other.round > self.round {
            *self = other;
        } else {
            if other.round == self.round {
                self.join(other.clone());
            }
            self.version = other.version;
        }
        self.spent = spent;
    }

    fn join(&mut self, other: Attempts) {
        if other.hold.as_ref().map(|h| h.until) > self.hold.as_ref().map(|h| h.until) {
            self.hold = other.hold;
        }
        if other.fruitless.len() > self.fruitless.len() {
            self.fruitless = other.fruitless;
            self.fault = other.fault;
        }
        self.doubts = self.doubts.max(other.doubts);
    }

    /// Forgets all but that it was spent.
    pub fn clear(&mut self) {
        let (round, spent, version) = (self.round + 1, self.spent, self.version);
        *self = Attempts { round, spent, version, ..Attempts::default() };
    }

    /// Whether there is nothing that anybody must heed. A hold counts for some time after its end:
    /// the next one is twice as long.
    pub fn are_over(&self, now: Moment) -> bool {
        let hold = self.hold.as_ref().map(|hold| hold.until.after(LONGEST_HOLD));
        let fruitless = self.fruitless.last().map(|sent| sent.after(Duration::from_secs(3600)));
        !self.spent && hold.max(fruitless).is_none_or(|until| until <= now)
    }

    /// Whether nothing of what went wrong is left.
    pub fn are_clear(&self) -> bool {
        self.hold.is_none() && self.fruitless.is_empty() && self.doubts == 0
    }

    /// How long it must not be sent since it was rejected; nothing when it may.
    pub fn held(&self, now: Moment) -> Option<(&Hold, Duration)> {
        self.hold.as_ref().filter(|h| now < h.until).map(|h| (h, h.until.since(now)))
    }
}
