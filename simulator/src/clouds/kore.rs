//! KORE: client credentials by form at one host, the APIs at others.

use serde_json::json;

use super::call::Call;
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{CLIENT, Outcome, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::site::Refused;

pub(super) struct Kore;

impl Rules for Kore {
    fn logins(&self) -> &'static [Login] {
        &[CLIENT]
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Auth, Role::Api]
    }

    fn base_path(&self) -> &'static str {
        "/api-services"
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api-services/v1/auth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let (id, secret) = call.client_form(&[])?;
        let minted = call.enter(&id, &secret, false)?;
        Ok(Answer::json(
            200,
            &json!({
                "access_token": minted.access,
                "expires_in": minted.expires_in(0),
                "token_type": "Bearer",
                "scope": "supersim",
            }),
        ))
    }

    fn list(&self) -> List {
        List { body: |page| json!({ "sims": page.items }), ..List::bare("/v1/Sims") }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "code": status, "message": message }))
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        errors::oauth(401, "invalid_client", refused.why())
    }
}
