//! Aqara: one path for everything, an MD5 over the headers, and 200 with a code for an answer.

use serde_json::{Value, json};

use super::call::Call;
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use super::signed::{hex, is_now, md5};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::{Answer, Request};
use crate::site::Site;
use crate::tokens::{Dead, Grant, Habits};

pub(super) struct Aqara;

const PATH: &str = "/v3.0/open/api";
const APP_ID: &str = "4e693d54d75db580a56d1263";
const KEY_ID: &str = "K.78784564654feda454557";
const APP_KEY: &str = "gU7Qtxi4dWnYAdmudyxni52bWZ58b8uN";

impl Rules for Aqara {
    fn habits(&self) -> Habits {
        Habits::default().lasting(86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "refresh_token",
            &[
                ("app_id", APP_ID),
                ("key_id", KEY_ID),
                ("app_key", APP_KEY),
                ("refresh_token", known::REFRESH_TOKEN),
            ],
        )]
    }

    fn furnish(&self, site: &mut Site, _now_ms: i64) {
        let grant = Grant { principal: APP_ID.to_owned(), scope: String::new() };
        site.vault.adopt_seeds(grant, known::REFRESH_TOKEN);
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        let is_refresh = body(request)["intent"] == "config.auth.refreshToken";
        (request.path == PATH && is_refresh).then_some("refresh")
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        call.media(&["application/json"])?;
        signed(call)?;
        let body = body(call.request);
        let only =
            |value: &Value, count: usize| value.as_object().is_some_and(|m| m.len() == count);
        if !only(&body, 2) || !only(&body["data"], 1) {
            return Err(told(302, "Params error"));
        }
        let minted = call.renew(body["data"]["refreshToken"].as_str().unwrap_or(""))?;
        Ok(Answer::json(
            200,
            &json!({
                "code": 0,
                "message": "Success",
                "requestId": "r-7",
                "result": {
                    "accessToken": minted.access,
                    "refreshToken": minted.refresh,
                    "expiresIn": minted.expires_in(0).to_string(),
                    "openId": "open-7",
                },
            }),
        ))
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        signed(call)?;
        call.token(call.request.header("Accesstoken").unwrap_or(""))
    }

    fn list(&self) -> List {
        List::post(PATH, |page| json!({ "code": 0, "result": { "data": page.items } }))
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "code": 302, "message": message }))
    }

    fn dead_refresh(&self, dead: Dead) -> Answer {
        told(if dead == Dead::Expired { 2007 } else { 2006 }, dead.why())
    }

    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        told(if dead == Dead::Unknown { 2004 } else { 108 }, dead.why())
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// The headers in their order, the token's only where it came, then the key, all in small letters.
fn signed(call: &Call<'_>) -> Result<(), Answer> {
    let header = |name: &str| call.request.header(name).unwrap_or("");
    let token = call.request.header("Accesstoken");
    let token = token.map(|token| format!("Accesstoken={token}&")).unwrap_or_default();
    let (nonce, time) = (header("Nonce"), header("Time"));
    let text = format!("{token}Appid={APP_ID}&Keyid={KEY_ID}&Nonce={nonce}&Time={time}{APP_KEY}");
    let sign = hex(&md5(text.to_lowercase().as_bytes()));
    let good = header("Appid") == APP_ID
        && header("Keyid") == KEY_ID
        && header("Sign") == sign
        && !nonce.is_empty()
        && is_now(Some(time), call.scene.now_ms);
    if good { Ok(()) } else { Err(told(106, "Invalid sign")) }
}

fn told(code: u16, message: &str) -> Answer {
    errors::shaped(200, json!({ "code": code, "message": message, "requestId": "r-7" }))
}
