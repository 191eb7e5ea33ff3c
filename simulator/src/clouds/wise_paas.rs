//! Advantech WISE-PaaS: a JSON login, and a refresh that calls the refresh token a token.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::{Outcome, PERSON, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::tokens::{Form, Habits};

pub(super) struct WisePaas;

impl Rules for WisePaas {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("wise-paas"))
    }

    fn logins(&self) -> &'static [Login] {
        &[PERSON]
    }

    fn base_path(&self) -> &'static str {
        "/v2.0"
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/v2.0/auth/native", "login"), ("/v2.0/token", "refresh")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let minted = if call.name == "login" {
            let fields = call.json(&["username", "password"])?;
            call.enter(fields.text("username"), fields.text("password"), true)?
        } else {
            let fields = call.json(&["token"])?;
            call.renew(fields.text("token"))?
        };
        let body = json!({ "accessToken": minted.access, "refreshToken": minted.refresh });
        Ok(Answer::json(200, &body))
    }

    fn list(&self) -> List {
        List::bare("/v2.0/users/me")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }
}
