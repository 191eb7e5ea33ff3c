//! AWS: requests signed by Signature Version 4, with keys that stay or with those that a device gets
//! for its certificate.

use serde_json::json;

use super::call::Call;
use super::cloud::Role;
use super::errors;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use super::signed::{SigV4, sha256};
use crate::clock::iso_date;
use crate::credentials::known::Login;
use crate::http::{Answer, Request};
use crate::tokens::Grant;

/// By the keys of an account.
pub(super) struct Aws;

/// By the credential provider of IoT Core.
pub(super) struct AwsIot;

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SESSION: &str = "session-token/7f3b9a1c==";
const REGION: &str = "eu-west-1";
const SERVICE: &str = "iotdata";

const KEYS: [(&str, &str); 2] = [("access_key_id", KEY_ID), ("secret_access_key", SECRET)];
const WHERE: [(&str, &str); 2] = [("region", REGION), ("service", SERVICE)];

impl Rules for Aws {
    fn logins(&self) -> &'static [Login] {
        &[
            ("keys", &[KEYS[0], KEYS[1], WHERE[0], WHERE[1]]),
            ("temporary", &[KEYS[0], KEYS[1], ("session_token", SESSION), WHERE[0], WHERE[1]]),
        ]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        let signed = signature(call.request)?;
        let session = call.request.header("x-amz-security-token");
        if signed.key_id != KEY_ID || session.is_some_and(|session| session != SESSION) {
            return Err(refused("UnrecognizedClientException", "the key is not known"));
        }
        judged(&signed, SECRET, call)
    }

    fn list(&self) -> List {
        List::get(
            "/things",
            Pages::Cursor("nextToken"),
            |page| json!({ "things": page.items, "nextToken": page.next }),
        )
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }
}

impl Rules for AwsIot {
    fn logins(&self) -> &'static [Login] {
        &[(
            "certificate",
            &[("role_alias", "gateways"), ("thing_name", "gw-7"), ("region", REGION)],
        )]
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        (request.path == "/role-aliases/gateways/credentials").then_some("login")
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.only("GET")?;
        if call.request.header("x-amzn-iot-thingname") != Some("gw-7") {
            return Err(errors::message(403, "Invalid thing name passed"));
        }
        let now_ms = call.scene.now_ms;
        let grant = Grant { principal: "gw-7".to_owned(), scope: String::new() };
        let minted = call.site.vault.start(grant, false, None, now_ms);
        let secret = secret_of(&minted.access);
        let ends_ms = now_ms + minted.lifetime_ms.unwrap_or(0);
        Ok(Answer::json(
            200,
            &json!({
                "credentials": {
                    "accessKeyId": "ASIAEXAMPLE",
                    "secretAccessKey": secret,
                    "sessionToken": minted.access,
                    "expiration": iso_date(ends_ms).replace(".000", ""),
                },
            }),
        ))
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        let signed = signature(call.request)?;
        let session = call.request.header("x-amz-security-token").unwrap_or("");
        if call.site.vault.access(session, call.scene.now_ms).is_err() {
            return Err(refused("ExpiredTokenException", "the session has ended"));
        }
        judged(&signed, &secret_of(session), call)
    }

    fn list(&self) -> List {
        List::bare("/things/gw-7/shadow")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }
}

/// The secret of a session: a test that has the session can sign, as a broker beside this cloud can.
fn secret_of(session: &str) -> String {
    sha256(format!("secret of {session}").as_bytes())
}

fn signature(request: &Request) -> Result<SigV4<'_>, Answer> {
    SigV4::of(request).ok_or_else(|| {
        refused("MissingAuthenticationTokenException", "Authorization: AWS4-HMAC-SHA256 is missing")
    })
}

fn judged(signed: &SigV4<'_>, secret: &str, call: &Call<'_>) -> Result<(), Answer> {
    if signed.is_good(secret, REGION, SERVICE, call.scene.now_ms) {
        return Ok(());
    }
    Err(refused("InvalidSignatureException", "the signature is not that of this request, now"))
}

fn refused(kind: &str, why: &str) -> Answer {
    errors::message(403, why).with("x-amzn-ErrorType", kind)
}
