//! 1NCE: Basic credentials beside a JSON body, and 400 for those that are wrong.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::{List, Pages};
use super::rules::{CLIENT, Outcome, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::site::Refused;

pub(super) struct OneNce;

impl Rules for OneNce {
    fn logins(&self) -> &'static [Login] {
        &[CLIENT]
    }

    fn base_path(&self) -> &'static str {
        "/management-api"
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/management-api/oauth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let (id, secret) = call.basic()?;
        let fields = call.json(&["grant_type"])?;
        call.says(&fields, &[("grant_type", "client_credentials")])?;
        let minted = call.enter(&id, &secret, false)?;
        Ok(Answer::json(
            200,
            &json!({
                "status_code": 200,
                "access_token": minted.access,
                "token_type": "bearer",
                "expires_in": minted.expires_in(0),
                "user_id": "7",
                "score": "all",
            }),
        ))
    }

    fn list(&self) -> List {
        List::get("/management-api/v1/sims", Pages::Counted("page", 1), |page| json!(page.items))
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let code = match status {
            401 => "AuthValidationError",
            415 => "UnsupportedContentTypeError",
            _ => "BodyValidationError",
        };
        coded(if status == 415 { 400 } else { status }, code, message)
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        coded(400, "BadCredentials", refused.why())
    }
}

fn coded(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({ "statusCode": status, "errorCode": code, "message": message });
    errors::shaped(status, body)
}
