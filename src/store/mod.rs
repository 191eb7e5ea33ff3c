//! Where tokens are kept between calls, and what is kept.

pub(crate) mod callback;
mod codec;
pub(crate) mod file;
pub(crate) mod kept;
mod lock;
pub(crate) mod memory;
mod seal;
mod turns;

pub use callback::TokenStore;

use crate::call::Call;
use crate::clock::{CloudTime, Moment};
use crate::error::{Error, Result};
use crate::identity::to_hex;
use crate::provider::names::Discovered;
use crate::secret::Secret;
use crate::token::Token;
use std::num::NonZeroU32;
use std::time::Duration;

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
pub(crate) struct Version([u64; 4]);

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

/// Why a store gives no record.
#[derive(Clone, Debug)]
pub(crate) struct Unusable {
    pub error: Error,
    /// It stays so until a person acts, as with a wrong `store_key`: no client is made of it.
    pub for_good: bool,
}

/// Keeps the record of one identity.
///
/// Whoever renews holds the lock from before the load until after the save, so that of all who
/// share a store one renews at a time. Reading needs no lock, and changes nothing.
pub(crate) trait Store: Send + Sync {
    /// Excludes all others, waiting to the call's deadline.
    fn lock(&self, call: &Call) -> Result<Box<dyn Lock + '_>>;
    /// Excludes all others if that needs no waiting.
    fn try_lock(&self) -> Result<Option<Box<dyn Lock + '_>>>;
    /// What is kept now: an empty record where nothing is.
    fn load(&self) -> std::result::Result<Record, Unusable>;
    /// Whether something was saved that this record does not take account of. Cheap; a store that
    /// cannot tell cheaply says no.
    fn has_news(&self, record: &Record) -> bool;
    /// Fails where a save would: asked, with what is in hand, before a single-use refresh token is
    /// spent. Only under the lock.
    fn check_writable(&self, record: &Record) -> Result<()>;
    /// Returns once the record is durable, and the record knows its version. Only under the lock.
    fn save(&self, record: &mut Record) -> Result<()>;
    /// What the status calls it.
    fn describe(&self) -> String;
}

/// Held while renewing; dropped to release.
pub(crate) trait Lock {}

/// An identity as a store knows it. It is made from the credentials, and a store may be stolen:
/// whoever guesses passwords by it pays for each guess (RFC 8018 5.2).
pub(crate) fn lasting(identity: &str) -> String {
    use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
    const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("not 0");
    let mut name = [0; 16];
    derive(PBKDF2_HMAC_SHA256, ROUNDS, b"keyfob store", identity.as_bytes(), &mut name);
    to_hex(&name)
}
