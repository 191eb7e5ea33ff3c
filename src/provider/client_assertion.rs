//! The JWT by which a client proves who it is (RFC 7523 2.2, OpenID Connect Core 9): made from a
//! private key, or from the client secret, for one call.
//!
//! ```text
//! header  {"alg": "ES256", "typ": "JWT", "kid": "7"}
//! claims  {"iss": id, "sub": id, "aud": token endpoint, "jti": once, "iat": now, "exp": now + 60}
//! ```
//!
//! The time is the cloud's, as its answers told it last: a gateway whose clock is wrong would sign
//! JWTs that are over before they are sent.

use super::jwt::{JwtKey, jwt};
use super::names::Names;
use super::scope::Scope;
use super::template::Values;
use crate::error::{Error, Result, Status};
use crate::model::option_table::{
    CLIENT_ASSERTION_ALG, CLIENT_ASSERTION_AUDIENCE, CLIENT_ASSERTION_CERT, CLIENT_ASSERTION_KEY,
    CLIENT_ASSERTION_KID,
};
use crate::model::options::Options;
use crate::support::clock::UnixMillis;
use crate::support::crypto::{Digest, JwtAlgorithm, PrivateKey, certificate, random};
use crate::support::json::{Value, object};
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// How long an assertion is good, in seconds. Keycloak takes none that is good for longer.
const LIFETIME: i64 = 60;

/// What discovery finds of the server's `token_endpoint_auth_signing_alg_values_supported`.
pub(super) const ALGORITHMS: &str = "client_assertion_algs";

/// What an assertion is signed with.
pub(super) enum Signer {
    /// `header` is what names the key to the server: its `kid`, and the thumbprints of its
    /// certificate.
    Private { key: PrivateKey, algorithm: JwtAlgorithm, header: Vec<(String, Value)> },
    /// The client secret.
    Shared(Secret),
}

impl Signer {
    /// The private key of the options, with all that goes into the header beside it.
    pub fn of_key(options: &Options, names: &Names) -> Result<Signer> {
        let pem = options.text(CLIENT_ASSERTION_KEY).unwrap_or_default();
        let key = PrivateKey::from_pem(pem.as_bytes())
            .map_err(|why| invalid(CLIENT_ASSERTION_KEY.name, why))?;
        let algorithm = algorithm(options, names, &key)?;
        let mut header = Vec::new();
        if let Some(kid) = options.text(CLIENT_ASSERTION_KID) {
            header.push(("kid".into(), kid.into()));
        }
        if let Some(pem) = options.text(CLIENT_ASSERTION_CERT) {
            let wrong = |why: &str| invalid(CLIENT_ASSERTION_CERT.name, why);
            let der = certificate(pem.as_bytes())
                .ok_or_else(|| wrong("is not a certificate in PEM form"))?;
            // A certificate holds its public key as it is.
            let is_of = |public: Vec<u8>| der.windows(public.len()).any(|part| part == public);
            if !key.public().is_none_or(is_of) {
                return Err(wrong("does not belong to client_assertion_key"));
            }
            for (name, digest) in [("x5t#S256", Digest::Sha256), ("x5t", Digest::Sha1)] {
                let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(digest.of(&der));
                header.push((name.into(), (&thumbprint).into()));
            }
        }
        Ok(Signer::Private { key, algorithm, header })
    }
}

/// What the option says; else what follows from the key, and for RSA from what the server takes.
fn algorithm(options: &Options, names: &Names, key: &PrivateKey) -> Result<JwtAlgorithm> {
    let said = options.text(CLIENT_ASSERTION_ALG);
    let named = |name: &str| {
        JwtAlgorithm::NAMES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
    };
    if let Some(algorithm) = said.and_then(named) {
        return match key.can(algorithm) {
            true => Ok(algorithm),
            false => {
                let name = algorithm.name();
                let what = format!("{name} does not fit the key, which signs by {}", fitting(key));
                Err(invalid(CLIENT_ASSERTION_ALG.name, &what))
            }
        };
    }
    let usual = key.algorithm();
    if !key.can(usual) {
        let what = "is not an RSA (2048 to 8192 bits), P-256 or Ed25519 key";
        return Err(invalid(CLIENT_ASSERTION_KEY.name, what));
    }
    let taken = names.value(ALGORITHMS).unwrap_or_default();
    let takes = |algorithm: &JwtAlgorithm| taken.split(' ').any(|one| one == algorithm.name());
    let other = Some(JwtAlgorithm::Ps256).filter(|other| key.can(*other) && takes(other));
    Ok(other.filter(|_| !takes(&usual)).unwrap_or(usual))
}

/// The algorithms that a key can sign by, for messages.
fn fitting(key: &PrivateKey) -> String {
    let names = JwtAlgorithm::NAMES.iter().filter(|(_, algorithm)| key.can(*algorithm));
    names.map(|(name, _)| *name).collect::<Vec<_>>().join(" or ")
}

/// The assertion for a call that goes to `url`. Whoever asks the very same again sends the same
/// one.
pub(super) fn assertion(
    options: &Options,
    scope: &mut Scope<'_>,
    client_id: &Secret,
    signer: &Signer,
    url: &str,
) -> Result<Secret> {
    // The token endpoint, wherever the call goes (OpenID Connect Core 9), or what the server wants.
    let endpoint = scope.find("token_endpoint")?.map(str::to_string);
    let said = options.text(CLIENT_ASSERTION_AUDIENCE).map(str::to_string);
    let audience = said.or(endpoint).unwrap_or_else(|| url.to_string());
    scope.once("client assertion", |now| signed(signer, client_id, &audience, now))
}

/// The JWT itself: who the client is, whom it is for, and a number that is used once. Sent once,
/// and good for a minute, so that whoever reads it in a log has nothing.
fn signed(signer: &Signer, id: &Secret, audience: &str, now: UnixMillis) -> Result<Secret> {
    let now = now.div_euclid(1000);
    let unique = random(16)?;
    let number = |seconds: i64| Value::Number(seconds.to_string());
    let claims = object([
        ("iss", id.expose().into()),
        ("sub", id.expose().into()),
        ("aud", audience.into()),
        ("jti", (&BASE64_URL_SAFE_NO_PAD.encode(unique)).into()),
        ("iat", number(now)),
        ("exp", number(now.saturating_add(LIFETIME))),
    ]);
    match signer {
        Signer::Private { key, algorithm, header } => {
            let header = Some(Value::Object(header.clone()));
            jwt(*algorithm, header, &claims, &JwtKey::Private(key))
                .map_err(|why| invalid(CLIENT_ASSERTION_KEY.name, why))
        }
        Signer::Shared(secret) => {
            let key = JwtKey::Shared(secret.expose().as_bytes());
            jwt(JwtAlgorithm::Hs256, None, &claims, &key)
                .map_err(|why| invalid("client_secret", why))
        }
    }
}

/// What is wrong with a key or its certificate, by its option and never with its text.
fn invalid(option: &str, why: &str) -> Error {
    Error::new(Status::InvalidOption, format!("{option}: {why}"))
}
