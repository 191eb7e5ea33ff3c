//! EMnify: an application token is exchanged for a JWT, and a wrong one is refused without a word.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::{List, Pages};
use super::rules::{KEY, Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::{Form, Habits};

pub(super) struct Emnify;

impl Rules for Emnify {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("emnify")).lasting(4 * 3600)
    }

    fn logins(&self) -> &'static [Login] {
        &[("application_token", &[("application_token", known::API_KEY)])]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api/v1/authenticate", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let fields = call.json(&["application_token"])?;
        let minted = call.enter(KEY, fields.text("application_token"), false)?;
        Ok(Answer::json(200, &json!({ "auth_token": minted.access })))
    }

    fn list(&self) -> List {
        List::get("/api/v1/endpoint", Pages::Number("page", 1), |page| json!(page.items))
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        match refused {
            Refused::Wrong => Answer::empty(401),
            Refused::Locked => errors::shaped(401, json!({ "error_token": "TooManyRequests" })),
        }
    }
}
