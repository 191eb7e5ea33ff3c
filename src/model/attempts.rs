//! What became of the logins with one secret at one place, whatever client or scope asked: the hold
//! after a refusal, the sendings that came to nothing, and whether it was spent.
//!
//! A cloud locks accounts by counting passwords, so this is counted by the secret, and outlives the
//! process that counted. The rules that follow from it are the lifecycle's.

use crate::error::Error;
use crate::model::record::Version;
use crate::support::clock::Moment;
use std::time::Duration;

/// The longest hold: however often a secret was rejected, it may be tried again after an hour.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(3600);

/// How many logins that came to nothing are remembered: as many as an hour may have.
pub(crate) const MOST_FRUITLESS: usize = 15;

/// What became of the logins with one secret.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attempts {
    /// Counts successes and forgettings. Of two that differ in it, the higher one is the newer.
    pub round: u64,
    /// The hold after the last rejection, also when it is over: the next one is longer.
    pub hold: Option<Hold>,
    /// How many answers in a row may have been refusals, but did not clearly say so.
    pub doubts: u32,
    /// When it was sent and nothing came of it, the latest last: the cloud failed, or its answer
    /// did not come.
    pub fruitless: Vec<Moment>,
    /// Why it last came to nothing, for the error that refuses the next try. Of a secret that is
    /// spent: how it was refused, if it was.
    pub fault: Option<Error>,
    /// The secret was a seed refresh token, and was exchanged: it must never be sent again. Never
    /// becomes `false`.
    pub spent: bool,
    /// The state of the store that this takes account of.
    pub version: Version,
}

/// No login with the secret for a while, because it was rejected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hold {
    /// The first moment at which it may be sent again.
    pub until: Moment,
    /// How many rejections in a row.
    pub count: u32,
    /// The rejection, with the cloud's own words: callers get it while the hold lasts.
    pub error: Error,
}

impl Attempts {
    /// Takes over what another client or process has learnt. What is newer wins; of two that are
    /// equally new, the more careful.
    pub fn adopt(&mut self, other: Attempts) {
        let spent = self.spent || other.spent;
        let refused = other.fault.clone().filter(|_| other.spent && !self.spent);
        if other.round > self.round {
            *self = other;
        } else {
            if other.round == self.round {
                self.join(other.clone());
            }
            self.version = other.version;
        }
        self.spent = spent;
        self.fault = refused.or(self.fault.take());
    }

    /// Of the same round: the longer hold, and the longer list of failures, count.
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

    /// Forgets all but that it was spent. After a login that worked, or when new credentials are
    /// set.
    pub fn clear(&mut self) {
        let (round, spent, version) = (self.round + 1, self.spent, self.version);
        *self = Attempts { round, spent, version, ..Attempts::default() };
    }

    /// Whether nobody has to heed any of it, so that it need not be remembered. A hold counts for
    /// an hour after its end, since the next one would be twice as long; a failure counts for an
    /// hour.
    pub fn are_over(&self, now: Moment) -> bool {
        let hold = self.hold.as_ref().map(|hold| hold.until.after(LONGEST_HOLD));
        let fruitless = self.fruitless.last().map(|sent| sent.after(Duration::from_secs(3600)));
        !self.spent && hold.max(fruitless).is_none_or(|until| until <= now)
    }

    /// Whether nothing of what went wrong is left.
    pub fn are_clear(&self) -> bool {
        self.hold.is_none() && self.fruitless.is_empty() && self.doubts == 0
    }

    /// The hold that is in force, and for how much longer; `None` where the secret may be sent.
    pub fn held(&self, now: Moment) -> Option<(&Hold, Duration)> {
        self.hold.as_ref().filter(|h| now < h.until).map(|h| (h, h.until.since(now)))
    }
}
