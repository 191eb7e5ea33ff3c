//! Insights Hub (MindSphere): Basic credentials in a header of its own, beside a body that says
//! which application asks for which tenant.

use serde_json::json;

use super::call::Call;
use super::carrier;
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::tokens::{Form, Habits};

pub(super) struct InsightsHub;

const TENANT: &str = "gateways";
const APP: [&str; 2] = ["gatewayapp", "v1.0.0"];

impl Rules for InsightsHub {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("https://gateways.piam.eu1.mindsphere.io")).lasting(1800)
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "client_credentials",
            &[
                ("client_id", known::CLIENT_ID),
                ("client_secret", known::CLIENT_SECRET),
                ("tenant", TENANT),
                ("app_name", APP[0]),
                ("app_version", APP[1]),
            ],
        )]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api/technicaltokenmanager/v3/oauth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let (id, secret) = carrier::basic(call.request, "X-SPACE-AUTH-KEY")
            .ok_or_else(|| self.error(401, "X-SPACE-AUTH-KEY: Basic is missing"))?;
        let fields = call.json(&["appName", "appVersion", "hostTenant", "userTenant"])?;
        call.says(
            &fields,
            &[
                ("appName", APP[0]),
                ("appVersion", APP[1]),
                ("hostTenant", TENANT),
                ("userTenant", TENANT),
            ],
        )?;
        let minted = call.enter(&id, &secret, false)?;
        Ok(Answer::json(
            200,
            &json!({
                "access_token": minted.access,
                "token_type": "bearer",
                "expires_in": minted.expires_in(0),
                "scope": "mdsp:core:assetmanagement.user",
                "jti": "7f3b",
            }),
        ))
    }

    fn list(&self) -> List {
        List {
            body: |page| json!({ "_embedded": { "assets": page.items } }),
            ..List::bare("/api/assetmanagement/v3/assets")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let error = json!({ "code": "mdsp.core.generic", "message": message, "logref": "7f3b" });
        errors::shaped(status, json!({ "errors": [error] }))
    }
}
