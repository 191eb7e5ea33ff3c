//! Tokens that are bound to a key (DPoP, RFC 9449): which key, and the proof beside each request.
//!
//! ```text
//! the record has a key      that one: its tokens are bound to it
//! it has none               the one that all clients of the identity in this process begin with
//! ```
//!
//! The key is kept and forgotten with the tokens, in one write: neither is there without the other.

use super::account::Account;
use crate::error::{Error, Result, Status};
use crate::http::message::Outgoing;
use crate::http::url::Url;
use crate::model::option_table::DPOP;
use crate::model::proof_key::ProofKey;
use crate::model::record::Record;
use crate::provider::dpop::{Prover, Seen, challenges_proof};
use crate::support::clock::Clock;
use crate::support::secret::Secret;

impl Account {
    /// What tokens are to be bound to: made here where there is none yet. `None` where they are to
    /// be bound to nothing.
    pub fn proof_key(&self, record: &Record) -> Result<Option<ProofKey>> {
        match &record.proof_key {
            _ if !self.options.flag(DPOP) => Ok(None),
            Some(known) => Ok(Some(known.clone())),
            None => self.siblings.proof_key().map(Some),
        }
    }

    /// What makes proofs with this key, if it is asked for.
    pub(super) fn prover(&self, key: Option<&ProofKey>) -> Option<Prover> {
        let key = key.filter(|_| self.options.flag(DPOP))?.clone();
        Some(Prover { key, nonces: self.siblings.nonces() })
    }

    /// The proof for a request that carries the record's token, where that is bound: good for this
    /// request and once.
    pub fn proof(
        &self,
        record: &Record,
        request: &Outgoing,
        clock: &Clock,
    ) -> Result<Option<Secret>> {
        let token = record.token.as_ref().filter(|token| token.bound);
        let Some((prover, token)) = self.prover(record.proof_key.as_ref()).zip(token) else {
            return Ok(None);
        };
        prover.proof(request, Some(token.access.expose()), clock.cloud_millis()).map(Some)
    }

    /// Which nonces are known now.
    pub fn nonces_seen(&self) -> Seen {
        self.siblings.nonces().seen()
    }

    /// Notes the nonce that an API's answer gives for the next requests to its origin.
    pub fn note_nonce(&self, url: &Url, nonce: Option<&str>) {
        if self.limits().proves {
            self.siblings.nonces().learn(url.origin(), nonce);
        }
    }

    /// Whether this answer asks for another proof, and since `seen` there is a nonce to make it with.
    pub fn wants_proof(
        &self,
        status: u16,
        challenges: &mut dyn Iterator<Item = &str>,
        seen: &Seen,
    ) -> bool {
        self.limits().proves
            && challenges_proof(status, challenges)
            && seen.is_old(&self.siblings.nonces())
    }

    /// Refuses to bind tokens where no call would carry a proof.
    pub(super) fn check_proof_key(&self) -> Result<()> {
        let proves = || self.profile.steps().iter().any(|(_, step)| step.client_auth);
        match self.options.flag(DPOP) && !proves() {
            true => Err(Error::new(
                Status::InvalidOption,
                format!("dpop: {} issues no tokens that are bound to a key", self.profile.name),
            )),
            false => Ok(()),
        }
    }
}
