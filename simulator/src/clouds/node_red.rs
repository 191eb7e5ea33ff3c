//! Node-RED's admin API: a password grant of oauth2orize, whose refusal is a 403, and a lock that
//! shows as a 500.

use serde_json::json;

use super::call::{Call, FORM, JSON};
use super::errors;
use super::list::List;
use super::rules::{Outcome, PERSON, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::Habits;

pub(super) struct NodeRed;

impl Rules for NodeRed {
    fn habits(&self) -> Habits {
        Habits::default().lasting(604_800)
    }

    fn logins(&self) -> &'static [Login] {
        &[PERSON]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/auth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        call.media(&[FORM, JSON])?;
        let names = ["client_id", "grant_type", "scope", "username", "password"];
        let is_json = call.request.media_type() == JSON;
        let fields = if is_json { call.json(&names)? } else { call.form(&names)? };
        let known = [("client_id", "node-red-admin"), ("grant_type", "password")];
        call.says(&fields, &known)?;
        if !matches!(fields.text("scope"), "*" | "read") {
            return Err(errors::oauth(403, "invalid_scope", "scope must be * or read"));
        }
        let minted = call.enter(fields.text("username"), fields.text("password"), false)?;
        Ok(Answer::json(
            200,
            &json!({
                "access_token": minted.access,
                "expires_in": minted.expires_in(0),
                "token_type": "Bearer",
            }),
        ))
    }

    fn list(&self) -> List {
        List::bare("/flows")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        match status {
            401 => Answer::of(401, "text/plain", b"Unauthorized".to_vec()),
            _ => errors::oauth(status, "invalid_request", message),
        }
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        match refused {
            Refused::Wrong => {
                errors::oauth(403, "invalid_grant", "Invalid resource owner credentials")
            }
            Refused::Locked => errors::oauth(500, "server_error", "Too many login attempts"),
        }
    }
}
