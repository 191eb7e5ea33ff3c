//! Aliyun's API gateway: every request is signed over five lines, some headers and the URL.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::Rules;
use super::signed::{hmac_sha256, is_now, md5, meant_query};
use crate::credentials::known::Login;
use crate::http::Answer;

pub(super) struct AliyunApi;

const KEY: &str = "203709998";
const SECRET: &str = "aliyun-app-secret-4c3b2a1d";

impl Rules for AliyunApi {
    fn logins(&self) -> &'static [Login] {
        &[("app", &[("app_key", KEY), ("app_secret", SECRET)])]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        let request = call.request;
        let header = |name: &str| request.header(name).unwrap_or("");
        if header("X-Ca-Key") != KEY {
            return Err(refused("Invalid AppKey"));
        }
        if !is_now(request.header("X-Ca-Timestamp"), call.scene.now_ms) {
            return Err(refused("Specified time stamp or date value is expired"));
        }
        let digest = if request.body.is_empty() {
            String::new()
        } else {
            STANDARD.encode(md5(&request.body))
        };
        if header("Content-MD5") != digest {
            return Err(refused("Content-MD5 is not the body's"));
        }
        let mut names: Vec<&str> = header("X-Ca-Signature-Headers").split(',').collect();
        names.sort_unstable();
        let must = ["x-ca-key", "x-ca-nonce", "x-ca-timestamp"];
        if names != must || header("X-Ca-Nonce").is_empty() {
            return Err(refused("X-Ca-Signature-Headers must be the three that are signed"));
        }
        let lines: String = names.iter().map(|name| format!("{name}:{}\n", header(name))).collect();
        let query = meant_query(request);
        let mark = if query.is_empty() { "" } else { "?" };
        let text = format!(
            "{}\n{}\n{digest}\n{}\n\n{lines}{}{mark}{query}",
            request.method,
            header("Accept"),
            header("Content-Type"),
            request.path,
        );
        let signature = STANDARD.encode(hmac_sha256(SECRET.as_bytes(), &text));
        if header("X-Ca-Signature") == signature {
            Ok(())
        } else {
            Err(refused(&format!(
                "Invalid Signature, Server StringToSign:`{}`",
                text.replace('\n', "#")
            )))
        }
    }

    fn list(&self) -> List {
        List {
            body: |page| json!({ "code": 200, "data": page.items }),
            ..List::bare("/things/list")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }
}

fn refused(why: &str) -> Answer {
    Answer::empty(400).with("X-Ca-Error-Message", why)
}
