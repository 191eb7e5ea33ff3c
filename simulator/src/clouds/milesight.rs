//! Milesight Development Platform: client credentials by form, and everything in an envelope that
//! says whether it went well.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::{CLIENT, Outcome, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::site::Refused;

pub(super) struct Milesight;

impl Rules for Milesight {
    fn logins(&self) -> &'static [Login] {
        &[CLIENT]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/oauth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let (id, secret) = call.client_form(&[])?;
        let minted = call.enter(&id, &secret, true)?;
        Ok(Answer::json(
            200,
            &json!({
                "data": {
                    "access_token": minted.access,
                    "refresh_token": minted.refresh,
                    "expires_in": minted.expires_in(0),
                    "refresh_token_expires_in": 30 * 86_400,
                },
                "status": "Success",
                "requestId": "r-7",
            }),
        ))
    }

    fn list(&self) -> List {
        List::post(
            "/device/openapi/v1/devices/search",
            |page| json!({ "data": { "content": page.items, "total": page.total }, "status": "Success" }),
        )
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(
            status,
            json!({
                "status": "Failed",
                "requestId": "r-7",
                "errCode": "authentication_failed",
                "errMsg": message,
            }),
        )
    }

    /// Clients of the cloud are ready for a failure under 200.
    fn wrong_login(&self, refused: Refused) -> Answer {
        self.error(200, refused.why())
    }
}
