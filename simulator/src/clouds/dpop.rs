//! Proofs of possession at the OAuth 2.0 server and its API (DPoP, RFC 9449): checked as section 4.3
//! says, for each request anew. One client must bring them, with a nonce of the server's; others may.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, signature};
use serde_json::{Value, json};

use super::call::Call;
use super::oauth2::refusal;
use super::oauth2_client::Client;
use super::signed;
use crate::credentials::known::oauth2 as known;
use crate::http::Answer;

/// How far the time of a proof may be from the server's.
const SKEW_S: i64 = 60;
/// How long a nonce is the newest. The one before it is good, too.
const NONCE_S: i64 = 60;
/// What this server calls the requests that it admits.
const NONCE_HEADER: &str = "DPoP-Nonce";

/// What is wrong with a proof.
enum Wrong {
    /// It is no proof of this request.
    Proof(&'static str),
    /// It has no nonce, or not one that is good now.
    Nonce,
}

/// The thumbprint of the key whose owner makes this call of a token; `None` where nobody proves
/// anything.
pub(super) fn at_token_endpoint(
    call: &mut Call<'_>,
    client: &Client,
) -> Result<Option<String>, Answer> {
    let needs = client.id == known::PROVING_CLIENT_ID;
    match checked(call, None, needs) {
        Ok(None) if needs => Err(refusal("invalid_dpop_proof", "this client must bring a proof")),
        Ok(thumbprint) => Ok(thumbprint),
        Err(Wrong::Proof(why)) => Err(refusal("invalid_dpop_proof", why)),
        Err(Wrong::Nonce) => {
            let answer = refusal("use_dpop_nonce", "the proof needs a nonce of this server");
            Err(answer.with(NONCE_HEADER, nonce(call, 0)))
        }
    }
}

/// Binds what an answer issues to this key (6). A refresh token only where the client proves itself by
/// nothing else (5).
pub(super) fn bind(
    call: &mut Call<'_>,
    client: &Client,
    thumbprint: &str,
    answer: Answer,
) -> Answer {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body["token_type"] = json!("DPoP");
    let bound: &[&str] =
        if client.proven { &["access_token"] } else { &["access_token", "refresh_token"] };
    for token in bound.iter().filter_map(|name| body[*name].as_str()) {
        call.site.vault.bind(token, thumbprint);
    }
    let answer = Answer::json(answer.status, &body);
    match client.id == known::PROVING_CLIENT_ID {
        true => answer.with(NONCE_HEADER, nonce(call, 0)),
        false => answer,
    }
}

/// Admits a request to the API that carries a token with this scheme's name (7.1).
pub(super) fn admit(call: &mut Call<'_>, token: &str) -> Result<(), Answer> {
    call.token(token)?;
    let challenge = |error: &str, why: &str| {
        let body = json!({ "error": error, "error_description": why });
        let challenge = format!(
            "DPoP realm=\"devices\", error=\"{error}\", error_description=\"{why}\", algs=\"ES256\""
        );
        Answer::json(401, &body).with("WWW-Authenticate", challenge)
    };
    let Some(bound) = call.site.vault.binding(token).map(str::to_owned) else {
        return Err(challenge("invalid_token", "the access token is bound to no key"));
    };
    let grant = call.site.vault.access(token, call.scene.now_ms);
    let prefix = format!("{}/", known::PROVING_CLIENT_ID);
    let needs = grant.is_ok_and(|grant| grant.principal.starts_with(&prefix));
    match checked(call, Some(token), needs) {
        Ok(Some(thumbprint)) if thumbprint == bound => Ok(()),
        Ok(Some(_)) => Err(challenge("invalid_token", "the access token is bound to another key")),
        Ok(None) => Err(challenge("invalid_dpop_proof", "there is no proof")),
        Err(Wrong::Proof(why)) => Err(challenge("invalid_dpop_proof", why)),
        Err(Wrong::Nonce) => {
            let answer = challenge("use_dpop_nonce", "the proof needs a nonce of this server");
            Err(answer.with(NONCE_HEADER, nonce(call, 0)))
        }
    }
}

/// The nonce of now, or of so many before.
fn nonce(call: &Call<'_>, before: i64) -> String {
    let window = call.scene.now_ms / 1000 / NONCE_S - before;
    format!("nonce~{}", &signed::sha256(format!("dpop {window}").as_bytes())[..24])
}

/// The thumbprint of the key that has proved this request, if there is a proof.
fn checked(call: &mut Call<'_>, token: Option<&str>, needs: bool) -> Result<Option<String>, Wrong> {
    let wrong = |why| Err(Wrong::Proof(why));
    let Some(proof) = call.request.header("dpop") else { return Ok(None) };
    if call.request.header_count("dpop") != 1 {
        return wrong("more than one proof came");
    }
    let Some([header, claims]) = signed::unverified_jwt(proof) else {
        return wrong("the proof is no JWT");
    };
    let jwk = &header["jwk"];
    let is_known = header["typ"] == "dpop+jwt" && header["alg"] == "ES256";
    if !is_known || jwk["kty"] != "EC" || jwk["crv"] != "P-256" {
        return wrong("typ, alg or jwk is not what proves here");
    }
    if jwk.get("d").is_some() {
        return wrong("the proof shows the private key");
    }
    let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
    let (Some(x), Some(y)) = (number("x"), number("y")) else {
        return wrong("the jwk is no point");
    };
    let point = [&[4], &x[..], &y[..]].concat();
    if signed::jwt(proof, &signature::ECDSA_P256_SHA256_FIXED, &point).is_none() {
        return wrong("the proof is not signed by its key");
    }
    let place = format!("{}{}", call.scene.here(), call.request.path);
    if claims["htm"] != call.request.method.as_str() || claims["htu"] != place.as_str() {
        return wrong("htm and htu are not this request");
    }
    let now = call.scene.now_ms / 1000;
    if claims["iat"].as_i64().is_none_or(|at| (at - now).abs() > SKEW_S) {
        return wrong("iat is not now");
    }
    let hash =
        |text: &str| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
    let ath = token.map(hash);
    if claims["ath"].as_str() != ath.as_deref() {
        return wrong("ath is not the access token's");
    }
    let is_good = |given: &Value| [0, 1].iter().any(|n| *given == nonce(call, *n).as_str());
    if needs && !is_good(&claims["nonce"])
        || !claims["nonce"].is_null() && !is_good(&claims["nonce"])
    {
        return Err(Wrong::Nonce);
    }
    let Some(jti) = claims["jti"].as_str().filter(|jti| jti.len() >= 16) else {
        return wrong("the proof has no jti");
    };
    let used = format!("jti dpop {jti}");
    if call.site.one_time.insert(used, "proof".to_owned()).is_some() {
        return wrong("the proof was used before");
    }
    let [x, y] = [x, y].map(|number| URL_SAFE_NO_PAD.encode(number));
    Ok(Some(hash(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))))
}
