//! FIWARE Keyrock: the token comes in a header, its end as a date, and an unknown one is not found.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::List;
use super::rules::{Outcome, PERSON, Rules};
use crate::clock::iso_date;
use crate::credentials::known::Login;
use crate::fields::FieldFault;
use crate::http::Answer;
use crate::tokens::Dead;

pub(super) struct Keyrock;

impl Rules for Keyrock {
    fn logins(&self) -> &'static [Login] {
        &[PERSON]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/v1/auth/tokens", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let fields = call.json(&["name", "password"])?;
        let minted = call.enter(fields.text("name"), fields.text("password"), false)?;
        let ends_ms = call.scene.now_ms + minted.lifetime_ms.unwrap_or(0);
        let body = json!({
            "token": { "methods": ["password"], "expires_at": iso_date(ends_ms) },
            "idm_authorization_config": { "level": "basic", "authzforce": false },
        });
        Ok(Answer::json(201, &body).with("X-Subject-Token", minted.access))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("X-Auth-token", ""), Opens::Token)]
    }

    fn list(&self) -> List {
        List { body: |page| json!({ "users": page.items }), ..List::bare("/v1/users") }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let title = crate::http::reason(status);
        errors::shaped(
            status,
            json!({ "error": { "message": message, "code": status, "title": title } }),
        )
    }

    /// Whatever is wrong with a login is a wrong password.
    fn bad_fields(&self, _faults: &[FieldFault]) -> Answer {
        self.error(401, "Invalid email or password")
    }

    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        match dead {
            Dead::Unknown => self.error(404, "Token not found"),
            _ => self.error(401, "Token has expired"),
        }
    }
}
