//! Particle: OAuth 2.0 by form, for users by the public client of the command line, or for a client
//! of one's own.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::{CLIENT, Outcome, PERSON, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::Habits;

pub(super) struct Particle;

/// The public client's name, and its secret.
const PUBLIC: &str = "particle-api";

impl Rules for Particle {
    fn habits(&self) -> Habits {
        Habits::default().lasting(90 * 86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[PERSON, CLIENT]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/oauth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let by_user = call.form_says("grant_type", "password");
        let minted = if by_user {
            let names = ["grant_type", "username", "password", "client_id", "client_secret"];
            let fields = call.form(&names)?;
            if [fields.text("client_id"), fields.text("client_secret")] != [PUBLIC; 2] {
                return Err(errors::oauth(400, "invalid_client", "there is no such client"));
            }
            call.enter(fields.text("username"), fields.text("password"), true)?
        } else {
            let (id, secret) = call.client_form(&[])?;
            call.enter(&id, &secret, false)?
        };
        let mut body = json!({
            "access_token": minted.access,
            "token_type": "bearer",
            "expires_in": minted.expires_in(0),
        });
        if let Some(refresh) = minted.refresh {
            body["refresh_token"] = json!(refresh);
        }
        Ok(Answer::json(200, &body))
    }

    fn list(&self) -> List {
        List::bare("/v1/devices")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::oauth(
            status,
            if status == 401 { "invalid_token" } else { "invalid_request" },
            message,
        )
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        errors::oauth(400, "invalid_grant", refused.why())
    }
}
