//! AirVantage: a password grant by form for a client that authenticates by Basic.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::{Dead, Habits};

pub(super) struct AirVantage;

impl Rules for AirVantage {
    fn habits(&self) -> Habits {
        Habits::default().lasting(24 * 3600)
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[
                ("username", known::USERNAME),
                ("password", known::PASSWORD),
                ("client_id", known::CLIENT_ID),
                ("client_secret", known::CLIENT_SECRET),
            ],
        )]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api/oauth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let (id, secret) = call.basic()?;
        call.site
            .login(&id, &secret, call.scene.now_ms)
            .map_err(|refused| errors::oauth(401, "invalid_client", refused.why()))?;
        let fields = call.form(&["grant_type", "username", "password"])?;
        call.says(&fields, &[("grant_type", "password")])?;
        let minted = call.enter(fields.text("username"), fields.text("password"), true)?;
        Ok(Answer::json(
            200,
            &json!({
                "access_token": minted.access,
                "refresh_token": minted.refresh,
                "expires_in": minted.expires_in(0),
                "token_type": "bearer",
            }),
        ))
    }

    fn list(&self) -> List {
        List {
            body: |page| json!({ "items": page.items, "count": page.total }),
            ..List::bare("/api/v1/systems")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "error": message, "errorParameters": [] }))
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        errors::oauth(400, "invalid_grant", refused.why())
    }

    fn dead_access(&self, _dead: Dead, _token: &str) -> Answer {
        errors::oauth(401, "invalid_token", "the access token is no good")
    }
}
