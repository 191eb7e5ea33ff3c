//! Directus: JSON calls whose mode must be said, and lifetimes in milliseconds.

use serde_json::json;

use super::call::Call;
use super::carrier::Carrier;
use super::errors;
use super::list::List;
use super::rules::{BY_KEY, Outcome, PERSON, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::{Dead, Form, Habits};

pub(super) struct Directus;

impl Rules for Directus {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("directus")).lasting(900)
    }

    fn logins(&self) -> &'static [Login] {
        &[PERSON, BY_KEY]
    }

    /// A static token comes where the others do.
    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        call.token_or_key(Carrier::Header("Authorization", "Bearer"))
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/auth/login", "login"), ("/auth/refresh", "refresh")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let minted = if call.name == "login" {
            let fields = call.json(&["email", "password", "mode"])?;
            call.says(&fields, &[("mode", "json")])?;
            call.enter(fields.text("email"), fields.text("password"), true)?
        } else {
            let fields = call.json(&["refresh_token", "mode"])?;
            call.says(&fields, &[("mode", "json")])?;
            call.renew(fields.text("refresh_token"))?
        };
        let data = json!({
            "access_token": minted.access,
            "refresh_token": minted.refresh,
            "expires": minted.lifetime_ms,
        });
        Ok(Answer::json(200, &json!({ "data": data })))
    }

    fn list(&self) -> List {
        List { body: |page| json!({ "data": page.items }), ..List::bare("/items/gateways") }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        coded(
            status,
            if status == 401 { "INVALID_CREDENTIALS" } else { "INVALID_PAYLOAD" },
            message,
        )
    }

    fn wrong_login(&self, _refused: Refused) -> Answer {
        coded(401, "INVALID_CREDENTIALS", "Invalid user credentials.")
    }

    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        match dead {
            Dead::Unknown => coded(401, "INVALID_CREDENTIALS", "Invalid user credentials."),
            _ => coded(401, "TOKEN_EXPIRED", "Token expired."),
        }
    }
}

fn coded(status: u16, code: &str, message: &str) -> Answer {
    let error = json!({ "message": message, "extensions": { "code": code } });
    errors::shaped(status, json!({ "errors": [error] }))
}
