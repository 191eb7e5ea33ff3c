//! The record: everything that is known of one identity at one moment. A store keeps it; the
//! lifecycle changes it.

use crate::error::Error;
use crate::model::token::Token;
use crate::support::clock::{CloudTime, Moment};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::time::Duration;

/// However often credentials were rejected, they are tried again after this.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(3600);

/// Everything that is known of one identity at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    /// Counts what was issued or forgotten: of two records, the higher one is the newer.
    pub generation: u64,
    pub token: Option<Token>,
    /// The one refresh token that is good, if any. It may outlive the access token it came with.
    pub refresh: Option<Secret>,
    pub hold: Option<Hold>,
    pub pause: Option<Pause>,
    pub cloud: Option<CloudTime>,
    pub discovered: Discovered,
    /// The state of the store that this takes account of.
    pub version: Version,
}

/// Tells one state of a store from another; the default is that of an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version(pub [u64; 4]);

/// The credentials were rejected: no login with them for a while.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hold {
    pub until: Moment,
    /// How many rejections in a row.
    pub count: u32,
    pub error: Error,
}

/// The cloud asked for quiet, or failed: no token call for a while.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pause {
    pub until: Moment,
    /// How many failures in a row.
    pub count: u32,
    pub error: Error,
    /// Whether it keeps from calls that have no good token to fall back on, too.
    pub strict: bool,
    /// Whether the cloud asked for it (`Retry-After`): then it holds for everyone who shares a store.
    pub asked: bool,
}

impl Record {
    /// Takes over what another process or client has learnt. What is newer wins; of two that are
    /// equally new, the more careful.
    pub fn adopt(&mut self, stored: Record) {
        if stored.generation > self.generation {
            *self = stored;
            return;
        }
        if stored.hold.as_ref().map(|h| h.until) > self.hold.as_ref().map(|h| h.until) {
            self.hold = stored.hold;
        }
        if stored.pause.as_ref().map(|p| p.until) > self.pause.as_ref().map(|p| p.until) {
            self.pause = stored.pause;
        }
        self.cloud = self.cloud.or(stored.cloud);
        self.version = stored.version;
    }

    /// Takes over what a cloud said of its time, if it did.
    pub fn learn_time(&mut self, time: Option<CloudTime>) {
        self.cloud = time.or(self.cloud);
    }

    /// Takes over a token that was just issued, and all that this proves.
    pub fn accept(&mut self, mut token: Token) {
        self.generation += 1;
        if let Some(newer) = token.refresh.take() {
            self.refresh = Some(newer);
        }
        self.token = Some(token);
        self.hold = None;
        self.pause = None;
    }

    /// Forgets everything but its own age, which tells others to forget too.
    pub fn forget(&mut self) {
        let (generation, version) = (self.generation + 1, self.version);
        *self = Record { generation, version, ..Record::default() };
    }

    /// How long a login must not be tried; nothing when it may.
    pub fn held(&self, now: Moment) -> Option<(&Hold, Duration)> {
        self.hold.as_ref().filter(|h| now < h.until).map(|h| (h, h.until.since(now)))
    }

    /// How long no token call must be made; nothing when it may.
    pub fn paused(&self, now: Moment) -> Option<(&Pause, Duration)> {
        self.pause.as_ref().filter(|p| now < p.until).map(|p| (p, p.until.since(now)))
    }
}

/// What a discovery found: names of endpoints. Not secret; kept with the tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Discovered(pub Ordered<String>);
