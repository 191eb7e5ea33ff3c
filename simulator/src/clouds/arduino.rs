//! Arduino IoT Cloud: client credentials for an audience, and tokens of five minutes.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::{CLIENT, Outcome, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::{Form, Habits};

pub(super) struct Arduino;

impl Rules for Arduino {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("https://login.arduino.cc/")).lasting(300)
    }

    fn logins(&self) -> &'static [Login] {
        &[CLIENT]
    }

    fn base_path(&self) -> &'static str {
        "/iot"
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/iot/v1/clients/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let (id, secret) = call.client_form(&[("audience", "https://api2.arduino.cc/iot")])?;
        let minted = call.enter(&id, &secret, false)?;
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
        List::bare("/iot/v2/devices")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }

    fn wrong_login(&self, _refused: Refused) -> Answer {
        errors::oauth(401, "access_denied", "Unauthorized")
    }
}
