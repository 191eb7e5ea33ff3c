//! Parse Server: the application's identifier goes with everything; a wrong password is not found,
//! and a dead session a bad request.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::{Dead, Habits};

pub(super) struct ParseServer;

const APP_ID: &str = "gatewayapp";

impl Rules for ParseServer {
    fn habits(&self) -> Habits {
        Habits::default().lasting(365 * 86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[("app_id", APP_ID), ("username", known::USERNAME), ("password", known::PASSWORD)],
        )]
    }

    fn base_path(&self) -> &'static str {
        "/parse"
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/parse/login", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        app(call)?;
        // Without it the session is one of the old kind, which cannot be revoked.
        call.header("X-Parse-Revocable-Session", "1")?;
        let fields = call.json(&["username", "password"])?;
        let minted = call.enter(fields.text("username"), fields.text("password"), false)?;
        Ok(Answer::json(
            200,
            &json!({
                "objectId": "user7",
                "username": known::USERNAME,
                "sessionToken": minted.access,
            }),
        ))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("X-Parse-Session-Token", ""), Opens::Token)]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        app(call)?;
        call.carried(self.carriers())
    }

    fn list(&self) -> List {
        List {
            body: |page| json!({ "results": page.items }),
            ..List::bare("/parse/classes/Gateway")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "code": 119, "error": message }))
    }

    fn wrong_login(&self, _refused: Refused) -> Answer {
        errors::shaped(404, json!({ "code": 101, "error": "Invalid username/password." }))
    }

    fn dead_access(&self, _dead: Dead, _token: &str) -> Answer {
        errors::shaped(400, json!({ "code": 209, "error": "Invalid session token" }))
    }
}

fn app(call: &Call<'_>) -> Result<(), Answer> {
    if call.request.header("X-Parse-Application-Id") == Some(APP_ID) {
        return Ok(());
    }
    Err(errors::error(403, "unauthorized"))
}
