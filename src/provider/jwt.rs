//! JSON Web Tokens as clouds ask for them: the one place that makes them (RFC 7515, RFC 7519).
//!
//! ```text
//! {"alg":"ES256","typ":"JWT"} . {"iss":"...","exp":1700003600} . signature      each base64url
//! ```

use crate::support::crypto::{Hmac, JwtAlgorithm, PrivateKey};
use crate::support::json::Value;
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// What a JWT is signed with.
pub(super) enum JwtKey<'k> {
    /// A key whose public half the other side has.
    Private(&'k PrivateKey),
    /// A secret that the other side has, too.
    Shared(&'k [u8]),
}

/// A JWT in its compact form (RFC 7515 7.1). `header` is what stands in its header besides `alg`
/// and `typ`, or in their place.
pub(super) fn jwt(
    alg: JwtAlgorithm,
    header: Option<Value>,
    claims: &Value,
    key: &JwtKey<'_>,
) -> Result<Secret, &'static str> {
    let mut members = vec![("alg".into(), alg.name().into()), ("typ".into(), "JWT".into())];
    if let Some(Value::Object(more)) = header {
        members.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        members.extend(more);
    }
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_json().as_bytes());
    let signed = format!("{}.{}", encode(&Value::Object(members)), encode(claims));
    let signature = match key {
        JwtKey::Private(key) => key.sign_jwt(alg, signed.as_bytes())?,
        JwtKey::Shared(secret) => Hmac::Sha256.of(secret, signed.as_bytes()).to_vec(),
    };
    Ok(Secret::new(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
}
