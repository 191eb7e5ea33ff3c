//! Why an exchange yielded no token, and what that says of the credentials.
//!
//! The lifecycle reads all of it: the verdict says what to drop or to hold back, the rest how long
//! to wait and what must not be lost.

use super::verdict::Verdict;
use crate::error::Error;
use crate::support::clock::CloudTime;
use crate::support::secret::Secret;

/// Why an exchange yielded no token.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What callers are told.
    pub error: Error,
    /// What it says of the credentials.
    pub verdict: Verdict,
    /// Whether the last call may have been carried out although no good answer came back.
    pub in_doubt: bool,
    /// Whether this call has sent what is secret, and not an earlier call whose answer it read.
    pub sent_secret: bool,
    /// A new refresh token that stood in an answer which was no good otherwise. The old one is
    /// spent by now, so this is the only one left.
    pub salvaged: Option<Secret>,
    /// The cloud's time, where it answered at all.
    pub time: Option<CloudTime>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let verdict = Verdict::Silent;
        let (in_doubt, sent_secret) = (false, false);
        Failure { error, verdict, in_doubt, sent_secret, salvaged: None, time: None }
    }
}
