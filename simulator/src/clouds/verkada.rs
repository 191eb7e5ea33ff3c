//! Verkada: a key buys tokens of half an hour, which go into a header of their own.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::{List, Pages};
use super::rules::{BY_KEY, KEY, Outcome, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::tokens::{Dead, Habits};

pub(super) struct Verkada;

impl Rules for Verkada {
    fn habits(&self) -> Habits {
        Habits::default().lasting(30 * 60)
    }

    fn logins(&self) -> &'static [Login] {
        &[BY_KEY]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        call.no_body()?;
        let key = call.request.header("x-api-key").unwrap_or("");
        let minted = call.enter(KEY, key, false)?;
        Ok(Answer::json(200, &json!({ "token": minted.access })))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("x-verkada-auth", ""), Opens::Token)]
    }

    fn list(&self) -> List {
        List::get(
            "/cameras/v1/devices",
            Pages::Cursor("page_token"),
            |page| json!({ "cameras": page.items, "next_page_token": page.next }),
        )
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "id": "7f3b", "message": message, "data": null }))
    }

    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        self.error(401, if dead == Dead::Unknown { "Invalid token" } else { "Token expired" })
    }
}
