//! Tuya: every call is signed, the one that gets a token too, and all is answered 200.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::{CLIENT, Outcome, Rules};
use super::signed::{hex, hmac_sha256, is_now, meant_query, sha256};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::tokens::{Dead, Habits};

pub(super) struct Tuya;

impl Rules for Tuya {
    fn habits(&self) -> Habits {
        Habits::default().lasting(7200)
    }

    fn logins(&self) -> &'static [Login] {
        &[CLIENT]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/v1.0/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.only("GET")?;
        if call.request.query != "grant_type=1" {
            return Err(told(1003, "grant type invalid", call));
        }
        signed(call, "")?;
        // A signature that is good is a login that is.
        let minted = call.enter(known::CLIENT_ID, known::CLIENT_SECRET, true)?;
        Ok(Answer::json(
            200,
            &json!({
                "success": true,
                "t": call.scene.now_ms,
                "result": {
                    "access_token": minted.access,
                    "refresh_token": minted.refresh,
                    "expire_time": minted.expires_in(0),
                    "uid": "uid-7",
                },
            }),
        ))
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        let token = call.request.header("access_token").unwrap_or("").to_owned();
        signed(call, &token)?;
        match call.site.vault.access(&token, call.scene.now_ms) {
            Ok(_) => Ok(()),
            Err(Dead::Unknown) => Err(told(1011, "token invalid", call)),
            Err(_) => Err(told(1010, "token is expired", call)),
        }
    }

    fn list(&self) -> List {
        List {
            body: |page| json!({ "success": true, "result": { "devices": page.items } }),
            ..List::bare("/v1.0/iot-01/associated-users/devices")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "success": false, "code": 1108, "msg": message }))
    }
}

/// Client, token, time and nonce, then method, body, signed headers (none) and URL.
fn signed(call: &Call<'_>, token: &str) -> Result<(), Answer> {
    let header = |name: &str| call.request.header(name).unwrap_or("");
    if header("client_id") != known::CLIENT_ID || header("sign_method") != "HMAC-SHA256" {
        return Err(told(1005, "clientId is invalid", call));
    }
    if !is_now(call.request.header("t"), call.scene.now_ms) {
        return Err(told(1013, "request time is invalid", call));
    }
    let query = meant_query(call.request);
    let mark = if query.is_empty() { "" } else { "?" };
    let text = format!(
        "{}{token}{}{}{}\n{}\n\n{}{mark}{query}",
        known::CLIENT_ID,
        header("t"),
        header("nonce"),
        call.request.method,
        sha256(&call.request.body),
        call.request.path,
    );
    let secret = call.site.secret(known::CLIENT_ID).unwrap_or("");
    let signature = hex(&hmac_sha256(secret.as_bytes(), &text)).to_uppercase();
    if signature == header("sign") { Ok(()) } else { Err(told(1004, "sign invalid", call)) }
}

fn told(code: u16, why: &str, call: &Call<'_>) -> Answer {
    let body = json!({ "success": false, "code": code, "msg": why, "t": call.scene.now_ms });
    errors::shaped(200, body)
}
