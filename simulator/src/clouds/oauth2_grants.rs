//! The grants of the OAuth 2.0 server that trade one token for another: JWT bearer (RFC 7523 2.1) and token
//! exchange (RFC 8693).

use serde_json::json;

use super::call::Call;
use super::oauth2::{granted_scope, refusal, tokens};
use super::oauth2_client::{Client, signed_by_a_client};
use super::rules::Outcome;
use crate::credentials::known::oauth2 as known;
use crate::fields::Fields;
use crate::http::Answer;
use crate::tokens::Grant;

pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// An assertion that a known issuer has signed (RFC 7523 3): for this server, for an hour at most, and
/// good once.
pub(super) fn by_assertion(call: &mut Call<'_>, client: &Client, fields: &Fields) -> Outcome {
    if !fields.has("assertion") {
        return Err(refusal("invalid_request", "assertion is missing"));
    }
    let token = fields.text("assertion").to_owned();
    let bad = |why: &str| refusal("invalid_grant", why);
    let [_, claims] = signed_by_a_client(call, &token)
        .ok_or_else(|| bad(&format!("the assertion {token} is signed by no known issuer")))?;
    let issuer = call.scene.here();
    let endpoint = format!("{issuer}{}", known::TOKEN_PATH);
    if claims["aud"] != endpoint && claims["aud"] != issuer {
        return Err(bad("aud is not this server"));
    }
    let now = call.scene.now_ms / 1000;
    let end = claims["exp"].as_i64().unwrap_or(0);
    if end <= now || end > now + 3600 || claims["iat"].as_i64().is_some_and(|at| at > now + 30) {
        return Err(bad("the assertion is not in its time"));
    }
    let subject = claims["sub"].as_str().filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| bad("the assertion is about nobody"))?.to_owned();
    let jti = claims["jti"].as_str().ok_or_else(|| bad("the assertion has no jti"))?;
    let used = format!("jti grant {jti}");
    if call.site.one_time.insert(used, "assertion".to_owned()).is_some() {
        return Err(bad("the assertion was used before"));
    }
    issue(call, &format!("{}/{subject}", client.id), fields, None)
}

/// One of this server's access tokens for another.
pub(super) fn by_exchange(call: &mut Call<'_>, client: &Client, fields: &Fields) -> Outcome {
    if !client.proven {
        return Err(refusal("unauthorized_client", "a public client cannot exchange tokens"));
    }
    // The types are required with the tokens, and forbidden without (2.1).
    for (token, kind, required) in
        [("subject_token", "subject_token_type", true), ("actor_token", "actor_token_type", false)]
    {
        if fields.has(token) != fields.has(kind) || required && !fields.has(token) {
            return Err(refusal("invalid_request", &format!("{token} and {kind} go together")));
        }
        if fields.has(kind) && fields.text(kind) != ACCESS_TOKEN {
            return Err(refusal("invalid_request", &format!("{kind} must be {ACCESS_TOKEN}")));
        }
    }
    let asked = fields.text("requested_token_type");
    if !asked.is_empty() && asked != ACCESS_TOKEN {
        return Err(refusal("invalid_request", "requested_token_type is not issued here"));
    }
    let now_ms = call.scene.now_ms;
    let holder = |call: &Call<'_>, field: &str| {
        let dead = |dead: crate::tokens::Dead| {
            // 2.2.2 has invalid_request for tokens that are no good.
            refusal("invalid_request", &format!("{field} {}", dead.why()))
        };
        let grant = call.site.vault.access(fields.text(field), now_ms).map_err(dead)?;
        Ok::<String, Answer>(grant.principal.clone())
    };
    let subject = holder(call, "subject_token")?;
    let subject = subject.split_once('/').map_or("", |(_, subject)| subject).to_owned();
    let mut principal = format!("{}/{subject}", client.id);
    if fields.has("actor_token") {
        principal = format!("{principal} by {}", holder(call, "actor_token")?);
    }
    issue(call, &principal, fields, Some(ACCESS_TOKEN))
}

fn issue(call: &mut Call<'_>, principal: &str, fields: &Fields, kind: Option<&str>) -> Outcome {
    let scope = granted_scope(call, fields)?;
    let grant = Grant { principal: principal.to_owned(), scope: scope.clone() };
    let minted = call.site.vault.start(grant, false, None, call.scene.now_ms);
    let mut answer = tokens(&minted, &scope);
    if let Some(kind) = kind {
        let mut body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        body["issued_token_type"] = json!(kind);
        answer = Answer::json(200, &body);
    }
    Ok(answer)
}
