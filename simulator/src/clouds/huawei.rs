//! Huawei Cloud: a login of Keystone's kind, whose token comes in a header, for APIs of other hosts.

use serde_json::{Value, json};

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::clock::iso_date;
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::Habits;

pub(super) struct HuaweiIotda;

const DOMAIN: &str = "gateways";
const REGION: &str = "cn-north-4";

impl Rules for HuaweiIotda {
    fn habits(&self) -> Habits {
        Habits::default().lasting(86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[
                ("domain_name", DOMAIN),
                ("username", known::USERNAME),
                ("password", known::PASSWORD),
                ("region", REGION),
            ],
        )]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/v3/auth/tokens", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        call.media(&["application/json"])?;
        let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
        let user = &body["auth"]["identity"]["password"]["user"];
        let text = |name: &str| user[name].as_str().unwrap_or("").to_owned();
        let wanted = json!({
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {
                            "domain": { "name": DOMAIN },
                            "name": text("name"),
                            "password": text("password"),
                        },
                    },
                },
                "scope": { "project": { "name": REGION } },
            },
        });
        if body != wanted {
            return Err(self.error(400, "the body is not what this call takes"));
        }
        let minted = call.enter(&text("name"), &text("password"), false)?;
        let ends_ms = call.scene.now_ms + minted.lifetime_ms.unwrap_or(0);
        let body = json!({ "token": { "methods": ["password"], "expires_at": iso_date(ends_ms) } });
        Ok(Answer::json(201, &body).with("X-Subject-Token", minted.access))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("X-Auth-Token", ""), Opens::Token)]
    }

    fn list(&self) -> List {
        List {
            body: |page| json!({ "devices": page.items }),
            ..List::bare("/v5/iot/7f3b9a1c/devices")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "error_code": "APIGW.0301", "error_msg": message }))
    }

    fn wrong_login(&self, _refused: Refused) -> Answer {
        let why = "The username or password is wrong.";
        errors::shaped(
            401,
            json!({ "error": { "code": 401, "message": why, "title": "Unauthorized" } }),
        )
    }
}
