//! Losant: JSON logins of devices and users, and tokens that may have no end.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::{List, Pages};
use super::rules::{Outcome, PERSON, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::tokens::{Form, Habits};

pub(super) struct Losant;

const DEVICE_ID: &str = "59f1c4a1b2c3d4e5f6a7b8c9";
const KEY: &str = "3f6a7b8c-access-key";
const SECRET: &str = "losant-access-secret-4c3b2a";

impl Rules for Losant {
    fn habits(&self) -> Habits {
        // Without a TTL asked for, a device's token has no end.
        Habits { access: None, ..Habits::default().of(Form::Jwt("api.losant.com")) }
    }

    fn logins(&self) -> &'static [Login] {
        &[
            ("device", &[("device_id", DEVICE_ID), ("access_key", KEY), ("access_secret", SECRET)]),
            PERSON,
        ]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(known::USERNAME, known::PASSWORD), (KEY, SECRET)]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/auth/device", "login"), ("/auth/user", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        if call.request.path == "/auth/user" {
            let fields = call.json(&["email", "password"])?;
            let minted = call.enter(fields.text("email"), fields.text("password"), false)?;
            return Ok(Answer::json(200, &json!({ "token": minted.access, "userId": "user-7" })));
        }
        let fields = call.json(&["deviceId", "key", "secret"])?;
        if fields.text("deviceId") != DEVICE_ID {
            return Err(self.error(401, "there is no such device"));
        }
        let minted = call.enter(fields.text("key"), fields.text("secret"), false)?;
        Ok(Answer::json(
            200,
            &json!({
                "token": minted.access,
                "applicationId": "app-7",
                "deviceId": DEVICE_ID,
                "deviceClass": "gateway",
            }),
        ))
    }

    fn list(&self) -> List {
        List::get(
            "/applications/app-7/devices",
            Pages::Number("page", 0),
            |page| json!({ "items": page.items, "count": page.items.len(), "totalCount": page.total }),
        )
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let kind = if status == 401 { "Unauthorized" } else { "Validation" };
        errors::shaped(status, json!({ "type": kind, "message": message }))
    }
}
