//! Ubidots: the API key is good for a token and for nothing else.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::{List, Pages};
use super::rules::{BY_KEY, KEY, Outcome, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::tokens::Habits;

pub(super) struct Ubidots;

impl Rules for Ubidots {
    fn habits(&self) -> Habits {
        Habits::default().lasting(6 * 3600)
    }

    fn logins(&self) -> &'static [Login] {
        &[BY_KEY]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api/v1.6/auth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        call.no_body()?;
        let key = call.request.header("x-ubidots-apikey").unwrap_or("");
        let minted = call.enter(KEY, key, false)?;
        Ok(Answer::json(200, &json!({ "token": minted.access })))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("X-Auth-Token", ""), Opens::Token)]
    }

    fn list(&self) -> List {
        List::get(
            "/api/v2.0/devices/",
            Pages::Number("page", 1),
            |page| json!({ "count": page.total, "next": page.next_url, "results": page.items }),
        )
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "code": u32::from(status) * 1000 + 1, "message": message }))
    }
}
