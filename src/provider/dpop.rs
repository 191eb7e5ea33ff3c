//! Proofs of possession (DPoP, RFC 9449): a small JWT beside each request, signed by the key that
//! the tokens are bound to, so that a token which is stolen alone opens nothing.
//!
//! ```text
//! header  {"alg":"ES256","typ":"dpop+jwt","jwk":{…}}
//! claims  {"jti":once,"htm":"POST","htu":"https://server/token","iat":now}
//!         and "ath", the digest of the access token, and "nonce", where a server gave one
//! ```
//!
//! A server's nonce is good at its origin until the server gives another (RFC 9449 8.2, 9). It is
//! remembered for whatever asks there next.

use super::jwt::{JwtKey, jwt};
use crate::error::{Error, Result, Status};
use crate::http::message::{Answer, Outgoing};
use crate::http::url::Origin;
use crate::model::proof_key::ProofKey;
use crate::support::clock::UnixMillis;
use crate::support::crypto::{Digest, JwtAlgorithm, random};
use crate::support::json::{Value, object};
use crate::support::secret::Secret;
use crate::support::slot::Slot;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::sync::Arc;

/// The header that carries a proof.
pub(crate) const HEADER: &str = "DPoP";

/// The error of a server that wants a nonce in the proof (RFC 9449 8, 9).
const WANTS_NONCE: &str = "use_dpop_nonce";

/// Whether this code speaks of the proof, and so of no credential (RFC 9449 5, 8).
pub(crate) fn is_about_proof(code: &str) -> bool {
    code == WANTS_NONCE || code == "invalid_dpop_proof"
}

/// Whether this code asks for another proof, with a nonce.
pub(super) fn wants_nonce(code: Option<&str>) -> bool {
    code == Some(WANTS_NONCE)
}

/// Whether an API's answer with these challenges (`WWW-Authenticate`) speaks of the proof, and not
/// of the token (RFC 9449 7.1, 9).
pub(crate) fn challenges_proof(
    status: u16,
    mut challenges: &mut dyn Iterator<Item = &str>,
) -> bool {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let is_one = |challenge: &str| challenge.split(is_end).any(is_about_proof);
    status == 401 && Iterator::any(&mut challenges, is_one)
}

/// The challenges of an answer.
pub(crate) fn challenges(answer: &Answer) -> impl Iterator<Item = &str> {
    answer.headers.named("www-authenticate")
}

/// What makes proofs: a key, and the nonces that servers gave its owner.
#[derive(Clone)]
pub(crate) struct Prover {
    pub key: ProofKey,
    pub nonces: Arc<Nonces>,
}

impl Prover {
    /// The proof for this request, by the cloud's clock. `access` is the token that the request
    /// carries, if it carries one.
    pub fn proof(
        &self,
        request: &Outgoing,
        access: Option<&str>,
        now: UnixMillis,
    ) -> Result<Secret> {
        let (url, encoded) = (&request.url, |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let scheme = if url.origin().is_https() { "https" } else { "http" };
        let place = format!("{scheme}://{}{}", url.origin().authority(), url.path());
        let claims = object([
            ("jti", (&encoded(random(16)?)).into()),
            ("htm", request.method.as_str().into()),
            ("htu", (&place).into()),
            ("iat", Value::Number(now.div_euclid(1000).to_string())),
            (
                "ath",
                access.map(|token| encoded(Digest::Sha256.of(token.as_bytes()))).as_ref().into(),
            ),
            ("nonce", self.nonces.of(url.origin()).as_ref().into()),
        ]);
        let header = object([("typ", "dpop+jwt".into()), ("jwk", self.key.jwk().clone())]);
        let key = JwtKey::Private(self.key.key());
        let made = jwt(JwtAlgorithm::Es256, Some(header), &claims.without_nulls(), &key);
        made.map_err(|why| Error::new(Status::NoRandomness, format!("the DPoP key {why}")))
    }
}

/// The last nonce of each origin. A forked child knows what its parent knew.
#[derive(Default)]
pub(crate) struct Nonces(Slot<Vec<(Origin, String)>>);

/// What was known at one moment.
pub(crate) struct Seen(Option<Arc<Vec<(Origin, String)>>>);

impl Seen {
    /// Whether a server has given another nonce since.
    pub fn is_old(&self, nonces: &Nonces) -> bool {
        self.0.as_ref().map(Arc::as_ptr) != nonces.0.get().as_ref().map(Arc::as_ptr)
    }
}

/// How many origins are remembered: those that were heard from last.
const MOST_ORIGINS: usize = 8;
/// In bytes. It goes into a header with the token.
const LONGEST_NONCE: usize = 2048;

impl Nonces {
    /// Notes what an answer of this origin gives as its `DPoP-Nonce`. What is none (RFC 9449 8.1)
    /// is passed over.
    pub fn learn(&self, origin: &Origin, given: Option<&str>) {
        let is_of_nonce = |b: u8| b == 0x21 || (0x23..=0x7e).contains(&b) && b != b'\\';
        let is_nonce = |text: &&str| {
            (1..=LONGEST_NONCE).contains(&text.len()) && text.bytes().all(is_of_nonce)
        };
        let Some(given) = given.filter(is_nonce) else { return };
        if self.of(origin).as_deref() == Some(given) {
            return;
        }
        self.0.change(|known| {
            let others = known.into_iter().flatten().filter(|(other, _)| other != origin);
            let others = others.take(MOST_ORIGINS - 1).cloned();
            [(origin.clone(), given.to_string())].into_iter().chain(others).collect::<Vec<_>>()
        });
    }

    /// What is known now: another proof is worth a try only where that has changed since.
    pub fn seen(&self) -> Seen {
        Seen(self.0.get())
    }

    /// The nonce for a request to this origin.
    fn of(&self, origin: &Origin) -> Option<String> {
        let known = self.0.get()?;
        known.iter().find(|(other, _)| other == origin).map(|(_, nonce)| nonce.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::message::Method;
    use crate::http::payload::Payload;
    use crate::http::url::Url;
    use crate::support::json;

    fn proof(prover: &Prover, url: &str, access: Option<&str>) -> Value {
        let request = Outgoing {
            method: Method::parse("GET").unwrap(),
            url: Url::parse(url).unwrap(),
            shown: None,
            headers: Vec::new(),
            body: Payload::None,
        };
        let proof = prover.proof(&request, access, 1_562_262_618_000).unwrap();
        let claims = proof.expose().split('.').nth(1).unwrap();
        json::parse(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    }

    #[test]
    fn a_proof_names_place_time_and_token_as_rfc_9449_does() {
        let prover =
            Prover { key: ProofKey::generate().unwrap(), nonces: Arc::new(Nonces::default()) };
        // Section 7.1.
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        let url = "https://Resource.example.org/protectedresource?q=1";
        let claims = proof(&prover, url, Some(token));
        let said = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_string);
        assert_eq!(said("ath").unwrap(), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        assert_eq!(said("htu").unwrap(), "https://resource.example.org/protectedresource");
        assert_eq!(said("htm").unwrap(), "GET");
        assert_eq!(claims.get("iat"), Some(&Value::Number("1562262618".into())));
        assert_eq!(said("nonce"), None);
    }

    #[test]
    fn the_newest_nonce_of_an_origin_is_used_and_few_are_kept() {
        let nonces = Nonces::default();
        let origin = |host: &str| Url::parse(host).unwrap().origin().clone();
        let (first, other) = (origin("https://a.example"), origin("https://b.example"));
        nonces.learn(&first, Some("eyJ7S_zG.eyJH0-Z.HX4w-7v"));
        let seen = nonces.seen();
        nonces.learn(&first, Some("eyJ7S_zG.eyJH0-Z.HX4w-7v"));
        assert!(!seen.is_old(&nonces), "no news");
        nonces.learn(&first, Some("newer"));
        assert!(seen.is_old(&nonces));
        for bad in ["", "a b", "a\"b", "a\\b", "é", "a\r\nX: y", &"a".repeat(5000)] {
            nonces.learn(&first, Some(bad));
        }
        nonces.learn(&first, None);
        assert_eq!((nonces.of(&first).as_deref(), nonces.of(&other)), (Some("newer"), None));
        for n in 0..100 {
            nonces.learn(&origin(&format!("https://h{n}.example")), Some("x"));
        }
        assert_eq!(
            (nonces.0.get().unwrap_or_default().len(), nonces.of(&first)),
            (MOST_ORIGINS, None)
        );
    }

    #[test]
    fn a_challenge_of_the_proof_is_none_of_the_token() {
        let challenged = |status, text| challenges_proof(status, &mut [text].into_iter());
        assert!(challenged(401, "DPoP error=\"use_dpop_nonce\", error_description=\"x\""));
        assert!(challenged(401, "Bearer, DPoP algs=\"ES256\", error=\"invalid_dpop_proof\""));
        assert!(!challenged(401, "DPoP error=\"invalid_token\""));
        assert!(!challenged(403, "DPoP error=\"use_dpop_nonce\""));
        assert!(!challenged(401, "DPoP error=\"use_dpop_nonces\""));
    }
}
