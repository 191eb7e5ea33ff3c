//! The record: everything that is known of one identity at one moment. A store keeps it; the
//! lifecycle changes it.
//!
//! A record is a value: whoever holds one can neither be surprised by others nor change what they
//! see. Others' changes come in by `adopt`, and its own go out by saving it.

use crate::error::Error;
use crate::model::proof_key::ProofKey;
use crate::model::token::Token;
use crate::support::clock::{CloudTime, Moment};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::time::Duration;

/// Everything that is known of one identity at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    /// Counts what was issued or forgotten: of two records, the higher one is the newer.
    pub generation: u64,
    /// The last token that was issued, also when it has expired.
    pub token: Option<Token>,
    /// The one refresh token that is good, if any. It may outlive the access token it came with.
    pub refresh: Option<Secret>,
    /// What tokens are bound to, where they are (DPoP): the one at hand and the refresh token were
    /// asked for with it.
    pub proof_key: Option<ProofKey>,
    /// Why there is no refresh token any more, until there is a newer one.
    pub lost: Option<Error>,
    /// When no token call may be made, and why.
    pub pause: Option<Pause>,
    /// Refreshes whose answers may have been refusals, since the last one that worked.
    pub doubts: Option<Doubts>,
    /// Tokens that an API refused soon after they were issued, however good they look.
    pub refusals: Option<Refusals>,
    /// The cloud's time when it was last told.
    pub cloud: Option<CloudTime>,
    /// What the last discovery found.
    pub discovered: Discovered,
    /// The state of the store that this takes account of.
    pub version: Version,
}

/// Tells one state of a store from another; they have no order. The default is that of an empty
/// store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version(pub [u64; 4]);

/// Answers of a refresh that may have been refusals: an unknown 4xx, a success without a token.
/// Only several of them, minutes apart, lead to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubts {
    /// How many, not counting those that came within a minute of the one before.
    pub count: u32,
    /// When the last that counts came.
    pub last: Moment,
}

/// Tokens that an API refused soon after they were issued. A new token will not help then, and
/// each costs a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusals {
    /// How many in a row.
    pub count: u32,
    /// Until when the token at hand is not replaced for being refused.
    pub until: Moment,
}

/// No token call for a while: the cloud asked for quiet, or failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pause {
    /// The first moment at which a token call may be made.
    pub until: Moment,
    /// How many failures in a row.
    pub count: u32,
    /// How far chance could put its end; the next one grows from here.
    pub bound: Duration,
    /// Why: what a caller gets who has no token to fall back on.
    pub error: Error,
    /// Whether it also binds callers who have no good token to fall back on.
    pub strict: bool,
    /// Whether the cloud asked for it (`Retry-After`). Then it holds for everyone who shares a
    /// store, and a new client heeds it, too.
    pub asked: bool,
}

impl Record {
    /// Takes over what another process or client has learnt. The newer record wins as a whole. Of
    /// two that know the same token, each part is taken from the more careful one: the longer
    /// pause, more doubts, a refresh token that was refused.
    pub fn adopt(&mut self, stored: Record) {
        if stored.is_newer_than(self) {
            *self = stored;
            return;
        }
        let is_same = stored.generation == self.generation && stored.access() == self.access();
        if stored.pause.as_ref().map(|p| p.until) > self.pause.as_ref().map(|p| p.until) {
            self.pause = stored.pause;
        }
        if stored.doubts.map(|d| d.count) > self.doubts.map(|d| d.count) {
            self.doubts = stored.doubts;
        }
        if stored.refusals.map(|r| r.until) > self.refusals.map(|r| r.until) {
            self.refusals = stored.refusals;
        }
        if is_same && stored.lost.is_some() {
            self.refresh = stored.refresh;
            self.lost = stored.lost;
        }
        self.cloud = self.cloud.or(stored.cloud);
        self.proof_key = self.proof_key.take().or(stored.proof_key);
        self.version = stored.version;
    }

    /// Whether it has what was issued or forgotten later. Two may count to the same generation
    /// and have different tokens: after a store lost a write, or was out of reach. Then the one
    /// that was issued last counts, and at the same second the one that is asked of others: were
    /// each to keep its own, each would log in. What was forgotten stays so, and a token that was
    /// issued counts more than a refresh token that was refused elsewhere.
    fn is_newer_than(&self, known: &Record) -> bool {
        let counts_more = || match (&self.token, &known.token) {
            (Some(token), Some(of_known)) => {
                self.access() != known.access() && !token.is_older_than(of_known)
            }
            (Some(_), None) => known.lost.is_some(),
            (None, _) => self.is_forgotten() && !known.is_forgotten(),
        };
        self.generation > known.generation || self.generation == known.generation && counts_more()
    }

    /// Whether the other is what a store has that lost this one: who has this one may put it back.
    /// Not where the other's token was issued later, though its generation is lower: then the store
    /// was begun anew, and whoever has this one was away meanwhile.
    pub fn outlives(&self, stored: &Record) -> bool {
        let was_away = match (&self.token, &stored.token) {
            (Some(token), Some(of_stored)) => token.is_older_than(of_stored),
            _ => false,
        };
        self.is_newer_than(stored) && !stored.is_newer_than(self) && !was_away
    }

    /// Whether somebody forgot what there was. In the beginning there was nothing.
    fn is_forgotten(&self) -> bool {
        let is_empty = self.token.is_none() && self.refresh.is_none() && self.lost.is_none();
        self.generation > 0 && is_empty
    }

    fn access(&self) -> Option<&Secret> {
        self.token.as_ref().map(|token| &token.access)
    }

    /// From now on another refresh token is good. Others who share the store must not send the one
    /// before.
    pub fn change_refresh(&mut self, refresh: Secret) {
        self.generation = self.generation.saturating_add(1);
        self.refresh = Some(refresh);
    }

    /// Takes over what a cloud said of its time, if it did.
    pub fn learn_time(&mut self, time: Option<CloudTime>) {
        self.cloud = time.or(self.cloud);
    }

    /// Takes over a token that was just issued, and what follows: the cloud is well, so pause and
    /// doubts end. Where the answer has no new refresh token, the old one stays good (RFC 6749
    /// 6).
    pub fn accept(&mut self, mut token: Token) {
        self.generation = self.generation.saturating_add(1);
        if let Some(newer) = token.refresh.take() {
            self.refresh = Some(newer);
        }
        self.token = Some(token);
        self.lost = None;
        self.pause = None;
        self.doubts = None;
    }

    /// Counts an answer to a refresh that may have been a refusal; gives how many there were. One
    /// within a minute of the last that was counted does not count: a fault of a few seconds must
    /// not look like three refusals.
    pub fn doubt(&mut self, now: Moment) -> u32 {
        let doubts = match self.doubts {
            Some(doubts) if now < doubts.last.after(Duration::from_secs(60)) => doubts,
            before => {
                let count = before.map_or(0, |doubts| doubts.count).saturating_add(1);
                Doubts { count, last: now }
            }
        };
        self.doubts = Some(doubts);
        doubts.count
    }

    /// Whether the token at hand must not be replaced yet although an API refuses it.
    pub fn is_kept_though_refused(&self, now: Moment) -> bool {
        self.refusals.is_some_and(|refusals| now < refusals.until)
    }

    /// Notes that the token was just issued in the place of one that an API refused.
    ///
    /// An API that refuses whatever comes must not cost a renewal for each request. The next
    /// refusal counts only after ten seconds, then twenty, up to five minutes. It starts over
    /// once none has come for ten minutes after that.
    pub fn note_refusal(&mut self, now: Moment) {
        const FIRST: Duration = Duration::from_secs(10);
        const MOST: Duration = Duration::from_secs(300);
        let recent = self.refusals.filter(|refusals| now < refusals.until.after(MOST * 2));
        let count = recent.map_or(0, |refusals| refusals.count).saturating_add(1);
        let wait = FIRST.saturating_mul(1 << (count - 1).min(10)).min(MOST);
        self.refusals = Some(Refusals { count, until: now.after(wait) });
    }

    /// Forgets everything but the generation, which it raises: others who share the store then
    /// forget, too.
    pub fn forget(&mut self) {
        let (generation, version) = (self.generation.saturating_add(1), self.version);
        *self = Record { generation, version, ..Record::default() };
    }

    /// The pause that is in force, and for how much longer; `None` where a token call may be
    /// made.
    pub fn paused(&self, now: Moment) -> Option<(&Pause, Duration)> {
        self.pause.as_ref().filter(|p| now < p.until).map(|p| (p, p.until.since(now)))
    }
}

/// What a discovery found: a URL for each name that the profile discovers. Not secret; kept with
/// the tokens, so that a restart needs no second discovery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Discovered(pub Ordered<String>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    fn record(access: &str, refresh: Option<&str>, issued: i64) -> Record {
        let token = Token {
            access: access.into(),
            saved: Ordered::default(),
            refresh: None,
            login: String::new(),
            principal: None,
            scope: None,
            answer: None,
            issued: Moment(issued),
            date: None,
            lifetime: None,
            bound: false,
            out_of_turn: false,
        };
        let refresh = refresh.map(Secret::from);
        Record { generation: 2, token: Some(token), refresh, ..Record::default() }
    }

    #[test]
    fn of_two_of_one_generation_the_last_issued_counts_for_both() {
        let (old, new) = (record("a", Some("r"), 1), record("b", Some("s"), 2));
        for (mut own, stored) in [(old.clone(), new.clone()), (new.clone(), old)] {
            own.adopt(stored);
            assert_eq!((own.token, own.refresh), (new.token.clone(), new.refresh.clone()));
        }
    }

    #[test]
    fn only_what_a_store_has_lost_is_put_back() {
        let known = record("b", Some("s"), 2);
        let older = Record { generation: 1, ..record("a", Some("r"), 1) };
        assert!(known.outlives(&older) && known.outlives(&Record::default()));
        assert!(!older.outlives(&known) && !known.outlives(&known));
        let mut forgotten = older.clone();
        forgotten.forget();
        assert!(!known.outlives(&forgotten) && forgotten.outlives(&older));
        let mut told = known.clone();
        told.adopt(forgotten);
        assert_eq!(told.token, None, "what was forgotten stays so");
        let begun_anew = Record { generation: 1, ..record("c", Some("t"), 3) };
        assert!(!known.outlives(&begun_anew));
        let lost = Some(Error::new(Status::LoginRequired, "refused"));
        let refused = Record { lost, token: None, refresh: None, ..known.clone() };
        assert!(known.outlives(&refused) && !refused.outlives(&known));
    }

    #[test]
    fn what_was_refused_is_dropped_and_nothing_that_came_since() {
        let lost = Some(Error::new(Status::LoginRequired, "refused"));
        let refused = Record { lost, ..record("a", None, 1) };
        let mut same = record("a", Some("r"), 1);
        same.adopt(refused.clone());
        assert_eq!(same.refresh, None);
        let mut since = record("b", Some("s"), 2);
        since.adopt(refused);
        assert!(since.refresh.is_some() && since.lost.is_none());
    }
}
