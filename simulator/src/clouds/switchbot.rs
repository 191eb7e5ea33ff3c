//! SwitchBot: a token with every request, and a signature over it, the time and a nonce.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::Rules;
use super::signed::{hmac_sha256, is_now};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;

pub(super) struct SwitchBot;

const SECRET: &str = "switchbot-secret-4c3b2a1d";

impl Rules for SwitchBot {
    fn logins(&self) -> &'static [Login] {
        &[("api_key", &[("api_key", known::API_KEY), ("api_secret", SECRET)])]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        let header = |name: &str| call.request.header(name).unwrap_or("");
        let (stamp, nonce) = (header("t"), header("nonce"));
        let text = format!("{}{stamp}{nonce}", known::API_KEY);
        let sign = STANDARD.encode(hmac_sha256(SECRET.as_bytes(), &text));
        let good = header("Authorization") == known::API_KEY
            && header("sign") == sign
            && !nonce.is_empty()
            && is_now(Some(stamp), call.scene.now_ms);
        if good { Ok(()) } else { Err(self.error(401, "Unauthorized")) }
    }

    fn list(&self) -> List {
        List {
            body: |page| json!({ "statusCode": 100, "body": { "deviceList": page.items } }),
            ..List::bare("/v1.1/devices")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }
}
