//! Google service accounts: a JWT is traded for a token, or is the token itself.

use ring::signature;
use serde_json::{Value, json};

use super::call::Call;
use super::errors;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use super::signed;
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::tokens::{Grant, Habits};

pub(super) struct Google;

const EMAIL: &str = "gateway@example.iam.gserviceaccount.com";
const KEY_ID: &str = "7f3b9a1c";
const AUDIENCE: &str = "https://pubsub.googleapis.com/";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

impl Rules for Google {
    fn habits(&self) -> Habits {
        Habits::default().lasting(3599)
    }

    fn logins(&self) -> &'static [Login] {
        &[
            ("service_account", &[("key", known::GOOGLE_KEY)]),
            ("self_signed", &[("key", known::GOOGLE_KEY), ("audience", AUDIENCE)]),
        ]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let fields = call.form(&["grant_type", "assertion"])?;
        call.says(&fields, &[("grant_type", JWT_BEARER)])?;
        let audience = format!("{}/token", call.scene.secure());
        let claims = asserted(call, fields.text("assertion"), &audience)
            .ok_or_else(|| errors::oauth(400, "invalid_grant", "Invalid JWT"))?;
        if claims["scope"].as_str().is_none_or(str::is_empty) {
            return Err(errors::oauth(400, "invalid_scope", "Invalid OAuth scope"));
        }
        let grant = Grant { principal: EMAIL.to_owned(), scope: String::new() };
        let minted = call.site.vault.start(grant, false, None, call.scene.now_ms);
        Ok(Answer::json(
            200,
            &json!({
                "access_token": minted.access,
                "expires_in": minted.expires_in(0),
                "token_type": "Bearer",
            }),
        ))
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        let given = call.request.credentials("authorization", "Bearer").unwrap_or("");
        match asserted(call, given, AUDIENCE) {
            Some(claims) if claims["sub"] == EMAIL => Ok(()),
            _ => call.carried(self.carriers()),
        }
    }

    fn list(&self) -> List {
        List {
            pages: Pages::Cursor("pageToken"),
            body: |page| json!({ "topics": page.items, "nextPageToken": page.next }),
            ..List::bare("/v1/projects/gateways/topics")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let name = if status == 401 { "UNAUTHENTICATED" } else { "INVALID_ARGUMENT" };
        let error = json!({ "code": status, "message": message, "status": name });
        errors::shaped(status, json!({ "error": error }))
    }
}

/// The claims of a JWT that the account's key signed for an audience, for an hour at most.
fn asserted(call: &Call<'_>, token: &str, audience: &str) -> Option<Value> {
    let algorithm = &signature::RSA_PKCS1_2048_8192_SHA256;
    let [header, claims] = signed::jwt(token, algorithm, known::RSA_PUBLIC_DER)?;
    let now = call.scene.now_ms / 1000;
    let (begins, ends) = (claims["iat"].as_i64()?, claims["exp"].as_i64()?);
    let in_time = begins <= now + 300 && ends > now && ends - begins <= 3600;
    let right = header["alg"] == "RS256" && header["kid"] == KEY_ID && claims["iss"] == EMAIL;
    (right && in_time && claims["aud"] == audience).then_some(claims)
}
