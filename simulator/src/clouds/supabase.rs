//! Supabase: the project's key goes with everything, and the query says which grant is meant.

use serde_json::json;

use super::call::Call;
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{KEY, Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::{Answer, Request};
use crate::site::Refused;
use crate::tokens::{Dead, Form, Habits};

pub(super) struct Supabase;

impl Rules for Supabase {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("supabase"))
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[
                ("api_key", known::API_KEY),
                ("username", known::USERNAME),
                ("password", known::PASSWORD),
            ],
        )]
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        let grant = request.parameter("grant_type");
        let name = if grant.as_deref() == Some("refresh_token") { "refresh" } else { "login" };
        (request.path == "/auth/v1/token").then_some(name)
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        project(call)?;
        let minted = if call.name == "refresh" {
            let fields = call.json(&["refresh_token"])?;
            call.renew(fields.text("refresh_token"))?
        } else if call.request.parameter("grant_type").as_deref() == Some("password") {
            let fields = call.json(&["email", "password"])?;
            call.enter(fields.text("email"), fields.text("password"), true)?
        } else {
            return Err(coded(400, "unsupported_grant_type", "the query must say the grant_type"));
        };
        Ok(Answer::json(
            200,
            &json!({
                "access_token": minted.access,
                "token_type": "bearer",
                "expires_in": minted.expires_in(0),
                "expires_at": (call.scene.now_ms + minted.lifetime_ms.unwrap_or(0)) / 1000,
                "refresh_token": minted.refresh,
                "user": { "id": "user-7", "email": known::USERNAME },
            }),
        ))
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        project(call)?;
        call.carried(self.carriers())
    }

    fn list(&self) -> List {
        List::bare("/rest/v1/devices")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }

    fn wrong_login(&self, _refused: Refused) -> Answer {
        coded(400, "invalid_credentials", "Invalid login credentials")
    }

    fn dead_refresh(&self, dead: Dead) -> Answer {
        match dead {
            Dead::Spent => coded(400, "refresh_token_already_used", "Invalid Refresh Token"),
            _ => coded(400, "refresh_token_not_found", "Invalid Refresh Token"),
        }
    }

    fn dead_access(&self, _dead: Dead, _token: &str) -> Answer {
        errors::shaped(401, json!({ "code": "PGRST303", "message": "JWT expired" }))
    }
}

fn project(call: &Call<'_>) -> Result<(), Answer> {
    if call.request.header("apikey") == call.site.secret(KEY) {
        return Ok(());
    }
    Err(errors::message(401, "No API key found in request"))
}

fn coded(status: u16, code: &str, message: &str) -> Answer {
    errors::shaped(status, json!({ "code": status, "error_code": code, "msg": message }))
}
