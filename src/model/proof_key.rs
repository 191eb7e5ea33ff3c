//! The key that DPoP binds tokens to (RFC 9449): made here, and kept in the record beside the tokens
//! that are bound to it, so that the two are written, forgotten and replaced together.
//!
//! ```text
//! text        PKCS#8 in base64url: what the record holds
//! jwk         {"crv":"P-256","kty":"EC","x":"…","y":"…"}: what each proof shows
//! thumbprint  SHA-256 of that text (RFC 7638 3): what servers and the status call the key
//! ```

use crate::error::{Error, Result, Status};
use crate::support::crypto::{Digest, JwtAlgorithm, PrivateKey, new_p256};
use crate::support::json::{Value, object};
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::fmt;
use std::sync::Arc;

/// A P-256 key. Cheap to copy; two are equal where they are the same key.
#[derive(Clone)]
pub(crate) struct ProofKey(Arc<Parts>);

struct Parts {
    text: Secret,
    key: PrivateKey,
    jwk: Value,
    thumbprint: String,
}

impl ProofKey {
    /// A new one. `NO_RANDOMNESS` where the system gives no random numbers.
    pub fn generate() -> Result<ProofKey> {
        let text = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(&*new_p256()?));
        ProofKey::read(&text).ok_or_else(|| Error::new(Status::Panic, "a new key is none"))
    }

    /// The key that a record holds; `None` where the text is no P-256 key.
    pub fn read(text: &Secret) -> Option<ProofKey> {
        let der = zeroize::Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(text.expose()).ok()?);
        let key = PrivateKey::from_pkcs8(&der).filter(|key| key.can(JwtAlgorithm::Es256))?;
        // A SubjectPublicKeyInfo ends in the point: two numbers of 32 bytes (RFC 5480 2.2).
        let public = key.public()?;
        let (x, y) = public.get(public.len().checked_sub(64)?..)?.split_at(32);
        let jwk = jwk(x, y);
        let thumbprint = thumbprint(&jwk);
        Some(ProofKey(Arc::new(Parts { text: text.clone(), key, jwk, thumbprint })))
    }

    /// As the record holds it.
    pub fn text(&self) -> &Secret {
        &self.0.text
    }

    pub fn key(&self) -> &PrivateKey {
        &self.0.key
    }

    /// Its public half (RFC 7517).
    pub fn jwk(&self) -> &Value {
        &self.0.jwk
    }

    /// Names it, and may be shown (`jkt`, RFC 9449 6.1).
    pub fn thumbprint(&self) -> &str {
        &self.0.thumbprint
    }
}

impl PartialEq for ProofKey {
    fn eq(&self, other: &ProofKey) -> bool {
        self.0.text == other.0.text
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProofKey({})", self.0.thumbprint)
    }
}

/// The members that a thumbprint counts, in its order (RFC 7638 3.2).
fn jwk(x: &[u8], y: &[u8]) -> Value {
    let number = |bytes: &[u8]| Value::from(&BASE64_URL_SAFE_NO_PAD.encode(bytes));
    object([("crv", "P-256".into()), ("kty", "EC".into()), ("x", number(x)), ("y", number(y))])
}

fn thumbprint(jwk: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Digest::Sha256.of(jwk.to_json().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_rfc_9449() {
        let number = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        // The key of its figures 2 and 16.
        let x = number("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs");
        let y = number("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA");
        assert_eq!(thumbprint(&jwk(&x, &y)), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn a_key_is_read_again_and_never_shown() {
        let key = ProofKey::generate().unwrap();
        assert_eq!(ProofKey::read(key.text()), Some(key.clone()));
        assert_ne!(ProofKey::generate().unwrap(), key);
        assert!(!format!("{key:?}").contains(&key.text().expose()[..20]));
        for bad in ["", "AAAA", "no base64!", &key.text().expose()[..100]] {
            assert_eq!(ProofKey::read(&bad.into()), None, "{bad}");
        }
    }
}
