//! ClearBlade: every token call names the system, tokens end at a moment that is told in seconds,
//! and a refresh wants the old access token beside the refresh token.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::{Answer, Request};

pub(super) struct ClearBlade;

const SYSTEM_KEY: &str = "e8f1c3b6d4a5";
const SYSTEM_SECRET: &str = "E8F1C3B6D4A5F7E9";

impl Rules for ClearBlade {
    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[
                ("username", known::USERNAME),
                ("password", known::PASSWORD),
                ("system_key", SYSTEM_KEY),
                ("system_secret", SYSTEM_SECRET),
            ],
        )]
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        let refresh = String::from_utf8_lossy(&request.body).contains("refresh_token");
        let name = if refresh { "refresh" } else { "login" };
        (request.path == "/api/v/1/user/auth").then_some(name)
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        system(call)?;
        let minted = if call.name == "login" {
            let fields = call.json(&["email", "password"])?;
            call.enter(fields.text("email"), fields.text("password"), true)?
        } else {
            let fields = call.json(&["grant_type", "refresh_token", "access_token"])?;
            call.says(&fields, &[("grant_type", "refresh_token")])?;
            call.renew(fields.text("refresh_token"))?
        };
        let ends_ms = call.scene.now_ms + minted.lifetime_ms.unwrap_or(0);
        Ok(Answer::json(
            200,
            &json!({
                "user_token": minted.access,
                "refresh_token": minted.refresh,
                "expires_at": ends_ms / 1000,
            }),
        ))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("ClearBlade-UserToken", ""), Opens::Token)]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        system(call)?;
        call.carried(self.carriers())
    }

    fn list(&self) -> List {
        List::bare("/api/v/2/devices/e8f1c3b6d4a5")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "error": { "code": status, "detail": message } }))
    }
}

/// Every call of a user names the system.
fn system(call: &Call<'_>) -> Result<(), Answer> {
    for (name, value) in
        [("ClearBlade-SystemKey", SYSTEM_KEY), ("ClearBlade-SystemSecret", SYSTEM_SECRET)]
    {
        if call.request.header(name) != Some(value) {
            return Err(call.rules.error(401, &format!("{name} is not the system's")));
        }
    }
    Ok(())
}
