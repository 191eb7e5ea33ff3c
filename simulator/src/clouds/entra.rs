//! Microsoft Entra: client credentials, by a secret or by a JWT that a certificate's key signed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, signature};
use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use super::signed;
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::{Form, Grant, Habits};

pub(super) struct Entra;

const TENANT: &str = "7f3b9a1c-0000-4000-8000-000000000007";
const PATH: &str = "/7f3b9a1c-0000-4000-8000-000000000007/oauth2/v2.0/token";
const BEARER_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Rules for Entra {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("https://sts.windows.net/")).lasting(3599)
    }

    fn logins(&self) -> &'static [Login] {
        &[
            (
                "client_credentials",
                &[
                    ("tenant", TENANT),
                    ("client_id", known::CLIENT_ID),
                    ("client_secret", known::CLIENT_SECRET),
                ],
            ),
            (
                "certificate",
                &[
                    ("tenant", TENANT),
                    ("client_id", known::CLIENT_ID),
                    ("client_assertion_key", known::RSA_KEY),
                    ("client_assertion_cert", known::RSA_CERTIFICATE),
                ],
            ),
        ]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[(PATH, "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let scope = ("scope", "https://graph.microsoft.com/.default");
        let minted = if call.form_says("client_assertion_type", BEARER_ASSERTION) {
            let names =
                ["grant_type", "client_id", "scope", "client_assertion_type", "client_assertion"];
            let fields = call.form(&names)?;
            call.says(&fields, &[scope, ("grant_type", "client_credentials")])?;
            asserted(call, fields.text("client_assertion"))?;
            let grant = Grant { principal: known::CLIENT_ID.to_owned(), scope: String::new() };
            call.site.vault.start(grant, false, None, call.scene.now_ms)
        } else {
            let (id, secret) = call.client_form(&[scope])?;
            call.enter(&id, &secret, false)?
        };
        Ok(Answer::json(
            200,
            &json!({
                "token_type": "Bearer",
                "expires_in": minted.expires_in(0),
                "ext_expires_in": minted.expires_in(0),
                "access_token": minted.access,
            }),
        ))
    }

    fn list(&self) -> List {
        List::get("/v1.0/devices", Pages::Cursor("$skiptoken"), |page| match &page.next_url {
            Some(next) => json!({ "value": page.items, "@odata.nextLink": next }),
            None => json!({ "value": page.items }),
        })
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let error = json!({ "code": "InvalidAuthenticationToken", "message": message });
        errors::shaped(status, json!({ "error": error }))
    }

    fn wrong_login(&self, _refused: Refused) -> Answer {
        coded(7_000_215, "the client secret is not the application's")
    }
}

/// The claims and the header that say who signed, for whom, and with which certificate.
fn asserted(call: &Call<'_>, assertion: &str) -> Result<(), Answer> {
    let algorithm = &signature::RSA_PSS_2048_8192_SHA256;
    let [header, claims] = signed::jwt(assertion, algorithm, known::RSA_PUBLIC_DER)
        .ok_or_else(|| coded(700_027, "the assertion's signature is not good"))?;
    let der: String =
        known::RSA_CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(der).unwrap_or_default();
    let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &der));
    if header["alg"] != "PS256" || header["x5t#S256"] != thumbprint {
        return Err(coded(700_027, "alg must be PS256, and x5t#S256 the certificate's digest"));
    }
    let audience = format!("{}{PATH}", call.scene.secure());
    if claims["aud"] != audience {
        return Err(coded(700_023, "aud is not this endpoint"));
    }
    if claims["iss"] != known::CLIENT_ID || claims["sub"] != known::CLIENT_ID {
        return Err(coded(700_021, "iss and sub must be the client"));
    }
    let now = call.scene.now_ms / 1000;
    let time = |name: &str| claims[name].as_i64().unwrap_or(0);
    if !claims["jti"].is_string() || time("nbf") > now + 300 || time("exp") <= now {
        return Err(coded(700_024, "the assertion is not in its time, or has no jti"));
    }
    Ok(())
}

fn coded(code: u32, why: &str) -> Answer {
    errors::shaped(
        401,
        json!({
            "error": "invalid_client",
            "error_description": format!("AADSTS{code}: {why}"),
            "error_codes": [code],
            "trace_id": "7f3b9a1c",
        }),
    )
}
