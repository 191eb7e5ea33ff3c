//! Soracom: a login gives two values, and every request carries both.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use crate::credentials::known::Login;
use crate::fields::FieldFault;
use crate::http::Answer;
use crate::tokens::Habits;

pub(super) struct Soracom;

const KEY_ID: &str = "keyId-7f3b9a1c";
const KEY: &str = "secret-9f8e7d6c5b4a";
/// Given with every token, and the same for all of an account.
const API_KEY: &str = "api-4d3c2b1a0f9e";
const LONGEST_S: i64 = 172_800;

impl Rules for Soracom {
    fn habits(&self) -> Habits {
        Habits::default().lasting(LONGEST_S.unsigned_abs())
    }

    fn logins(&self) -> &'static [Login] {
        &[("auth_key", &[("auth_key_id", KEY_ID), ("auth_key", KEY)])]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(KEY_ID, KEY)]
    }

    fn base_path(&self) -> &'static str {
        "/v1"
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/v1/auth", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let mut fields = call.json_members()?;
        let seconds = match fields.take("tokenTimeoutSeconds") {
            None => 86_400,
            Some(asked) => {
                asked.as_i64().filter(|asked| (1..=LONGEST_S).contains(asked)).ok_or_else(|| {
                    self.bad_fields(&[FieldFault::new("tokenTimeoutSeconds", "is out of range")])
                })?
            }
        };
        let fields = fields
            .exactly(&["authKeyId", "authKey"], &[])
            .map_err(|faults| self.bad_fields(&faults))?;
        let ends_ms = call.scene.now_ms + seconds * 1000;
        let minted = call.enter_until(fields.text("authKeyId"), fields.text("authKey"), ends_ms)?;
        Ok(Answer::json(
            200,
            &json!({ "apiKey": API_KEY, "operatorId": "OP0077", "token": minted.access }),
        ))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("X-Soracom-Token", ""), Opens::Token)]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        if call.request.header("X-Soracom-API-Key") != Some(API_KEY) {
            return Err(self.error(400, "invalid api key"));
        }
        call.carried(self.carriers())
    }

    fn list(&self) -> List {
        List::get("/v1/subscribers", Pages::Linked("last_evaluated_key", 0), |page| {
            json!(page.items)
        })
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "code": "AUM0001", "message": message }))
    }
}
