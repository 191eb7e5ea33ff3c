//! How the clients of the OAuth 2.0 server say and prove who they are (RFC 6749 2.3): by a secret, in a
//! header or in the form, by a JWT that the secret or a key signs (RFC 7523 2.2), by a certificate
//! (RFC 8705 2), or not at all where a client has none (2.1).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use ring::signature::{self, VerificationAlgorithm};

use super::call::Call;
use super::oauth2::{client_refused, refusal};
use super::signed;
use crate::credentials::known::{catalogue, oauth2 as known};
use crate::fields::Fields;
use crate::form::unescape;
use crate::http::{Answer, Request};

/// Who asks.
pub(super) struct Client {
    pub(super) id: String,
    /// Whether it has shown that it is that.
    pub(super) proven: bool,
}

/// One way of authentication, never two (2.3).
pub(super) fn authenticate(call: &mut Call<'_>, fields: &Fields) -> Result<Client, Answer> {
    if call.request.path == known::MTLS_TOKEN_PATH && call.scene.client_cert.is_none() {
        return Err(client_refused(false, "this endpoint is for clients that show a certificate"));
    }
    let by_header = call.request.header("authorization").is_some();
    if fields.has("client_assertion") || fields.has("client_assertion_type") {
        if by_header || fields.has("client_secret") {
            return Err(refusal("invalid_request", "the client authenticated in two ways"));
        }
        return by_assertion(call, fields);
    }
    let (id, secret) = if by_header {
        if fields.has("client_secret") {
            return Err(refusal("invalid_request", "the client authenticated in two ways"));
        }
        let (id, secret) = basic(call.request).map_err(|why| client_refused(true, why))?;
        if fields.has("client_id") && fields.text("client_id") != id {
            return Err(refusal("invalid_request", "two different client_ids came"));
        }
        (id, secret)
    } else {
        let id = fields.text("client_id").to_owned();
        if [known::PUBLIC_CLIENT_ID, known::PROVING_CLIENT_ID].contains(&id.as_str())
            && !fields.has("client_secret")
        {
            return Ok(Client { id, proven: false });
        }
        if id == known::CERT_CLIENT_ID && !fields.has("client_secret") {
            let shown = call.scene.client_cert.is_some();
            let why = "the client has shown no certificate";
            return shown
                .then_some(Client { id, proven: true })
                .ok_or_else(|| client_refused(false, why));
        }
        if id.is_empty() || !fields.has("client_secret") {
            return Err(client_refused(false, "no client authentication came"));
        }
        (id, fields.text("client_secret").to_owned())
    };
    call.site
        .login(&format!("client:{id}"), &secret, call.scene.now_ms)
        .map_err(|refused| client_refused(by_header, refused.why()))?;
    Ok(Client { id, proven: true })
}

/// A JWT of the client's (RFC 7523 3): for this server, for a few minutes, and good once.
fn by_assertion(call: &mut Call<'_>, fields: &Fields) -> Result<Client, Answer> {
    const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const LONGEST_S: i64 = 300;
    const SKEW_S: i64 = 30;
    let refused = |why: &str| client_refused(false, why);
    if fields.text("client_assertion_type") != BEARER {
        return Err(refused("client_assertion_type is not that of a JWT"));
    }
    let token = fields.text("client_assertion");
    let [header, claims] = signed_by_a_client(call, token)
        // As a server does that quotes what it was sent.
        .ok_or_else(|| refused(&format!("the assertion {token} is signed by no client")))?;
    let id = claims["iss"].as_str().unwrap_or("").to_owned();
    if claims["sub"] != id.as_str() || fields.has("client_id") && fields.text("client_id") != id {
        return Err(refused("iss, sub and client_id are not one client"));
    }
    if !header["typ"].is_null() && header["typ"] != "JWT" {
        return Err(refused("typ is not JWT"));
    }
    let issuer = call.scene.here();
    let endpoint = format!("{issuer}{}", known::TOKEN_PATH);
    if claims["aud"] != endpoint && claims["aud"] != issuer {
        return Err(refused("aud is not this server"));
    }
    let now = call.scene.now_ms / 1000;
    let time = |name: &str| claims[name].as_i64();
    let begins = time("nbf").or(time("iat")).unwrap_or(now);
    let in_time = time("exp").is_some_and(|end| end > now && end <= now + LONGEST_S);
    if !in_time || begins > now + SKEW_S {
        return Err(refused("the assertion is not in its time"));
    }
    let jti = claims["jti"].as_str().filter(|jti| jti.len() >= 16);
    let jti = jti.ok_or_else(|| refused("the assertion has no jti"))?;
    let used = format!("jti {id} {jti}");
    if call.site.one_time.insert(used, "client_assertion".to_owned()).is_some() {
        return Err(refused("the assertion was used before"));
    }
    Ok(Client { id, proven: true })
}

/// Header and claims, where the key of the client that they name has signed them.
pub(super) fn signed_by_a_client(call: &Call<'_>, token: &str) -> Option<[serde_json::Value; 2]> {
    let [header, claims] = signed::unverified_jwt(token)?;
    let id = claims["iss"].as_str()?;
    if header["alg"] == "HS256" {
        let secret = call.site.secret(&format!("client:{id}"))?;
        let (signed, signature) = token.rsplit_once('.')?;
        let expected = signed::hmac_sha256(secret.as_bytes(), signed);
        return (URL_SAFE_NO_PAD.encode(expected) == signature).then_some([header, claims]);
    }
    if id != known::KEY_CLIENT_ID {
        return None;
    }
    let (kid, algorithm, key): (_, &'static dyn VerificationAlgorithm, _) =
        match header["alg"].as_str()? {
            "RS256" => ("rsa-1", &signature::RSA_PKCS1_2048_8192_SHA256, catalogue::RSA_PUBLIC_DER),
            "PS256" => ("rsa-1", &signature::RSA_PSS_2048_8192_SHA256, catalogue::RSA_PUBLIC_DER),
            "ES256" => ("ec-1", &signature::ECDSA_P256_SHA256_FIXED, known::EC_PUBLIC_DER),
            "EdDSA" => ("ed-1", &signature::ED25519, known::ED25519_PUBLIC_DER),
            _ => return None,
        };
    // What names the key must name that one.
    let der: String =
        catalogue::RSA_CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(der).ok()?;
    let is = |name: &str, value: &str| header[name].is_null() || header[name] == value;
    let thumbprint = |digest| URL_SAFE_NO_PAD.encode(digest::digest(digest, &der));
    let named = is("kid", kid)
        && is("x5t#S256", &thumbprint(&digest::SHA256))
        && is("x5t", &thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY));
    named.then(|| signed::jwt(token, algorithm, key)).flatten()
}

/// Identifier and secret are form-encoded before they are joined and written in base64 (2.3.1).
fn basic(request: &Request) -> Result<(String, String), &'static str> {
    let given = request
        .credentials("authorization", "Basic")
        .ok_or("Authorization must be of the Basic type")?;
    let given = STANDARD.decode(given).map_err(|_| "the Basic credentials are not base64")?;
    let colon =
        given.iter().position(|byte| *byte == b':').ok_or("the Basic credentials have no ':'")?;
    Ok((unescape(&given[..colon])?, unescape(&given[colon + 1..])?))
}
