//! ThingPark DX: the query says how long a token is to live, and whether it may be an old one.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::tokens::{Form, Habits};

pub(super) struct ThingPark;

/// Profile and login name in one.
const CLIENT_ID: &str = "community-api/gateway@example.com";

impl Rules for ThingPark {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("dx-api.thingpark.com")).lasting(7 * 86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "client_credentials",
            &[("client_id", CLIENT_ID), ("client_secret", known::CLIENT_SECRET)],
        )]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(CLIENT_ID, known::CLIENT_SECRET)]
    }

    fn clients(&self) -> &'static [&'static str] {
        &[CLIENT_ID]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/admin/latest/api/oauth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post_with(&["renewToken", "validityPeriod"])?;
        let period = call.request.parameter("validityPeriod");
        let seconds = match period.as_deref() {
            Some("5minutes") => 300,
            Some("12hours") => 12 * 3600,
            None | Some("7days") => 7 * 86_400,
            Some("90days") => 90 * 86_400,
            _ => return Err(self.error(400, "validityPeriod is not one of the known ones")),
        };
        let renewed = call.request.parameter("renewToken");
        if !matches!(renewed.as_deref(), None | Some("true" | "false")) {
            return Err(self.error(400, "renewToken must be true or false"));
        }
        let (id, secret) = call.client_form(&[])?;
        let ends_ms = call.scene.now_ms + seconds * 1000;
        let minted = call.enter_until(&id, &secret, ends_ms)?;
        Ok(Answer::json(
            200,
            &json!({
                "access_token": minted.access,
                "expires_in": minted.expires_in(0),
                "client_id": id,
            }),
        ))
    }

    fn list(&self) -> List {
        List::get("/core/latest/api/devices", Pages::Number("pageIndex", 1), |page| {
            json!(page.items)
        })
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "code": status, "message": message }))
    }
}
