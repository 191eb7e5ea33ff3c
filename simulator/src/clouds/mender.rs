//! Mender, the management API: Basic credentials, and an answer that is the token and nothing else.

use serde_json::json;

use super::call::Call;
use super::carrier::Carrier;
use super::errors;
use super::list::{List, Pages};
use super::rules::{BY_KEY, Outcome, PERSON, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::tokens::{Form, Habits};

pub(super) struct Mender;

impl Rules for Mender {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("mender.useradm")).lasting(604_800)
    }

    fn logins(&self) -> &'static [Login] {
        &[PERSON, BY_KEY]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api/management/v1/useradm/auth/login", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let (name, password) = call.basic()?;
        if !call.request.body.is_empty() {
            call.json(&[])?;
        }
        let minted = call.enter(&name, &password, false)?;
        Ok(Answer::of(200, "application/jwt", minted.access.into_bytes()))
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        call.token_or_key(Carrier::Header("Authorization", "Bearer"))
    }

    fn list(&self) -> List {
        List::get("/api/management/v2/devauth/devices", Pages::Linked("page", 1), |page| {
            json!(page.items)
        })
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "error": message, "request_id": "r-7" }))
    }
}
