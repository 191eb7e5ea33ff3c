//! Cumulocity: a password grant in capital letters, for a tenant that the query names.

use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::tokens::{Form, Habits};

pub(super) struct Cumulocity;

const TENANT: &str = "t70707070";

impl Rules for Cumulocity {
    fn habits(&self) -> Habits {
        // A setting of the tenant.
        Habits::default().of(Form::Jwt("gateways.cumulocity.com")).lasting(14 * 86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[("tenant", TENANT), ("username", known::USERNAME), ("password", known::PASSWORD)],
        )]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/tenant/oauth/token", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        if call.request.parameter("tenant_id").as_deref() != Some(TENANT) {
            return Err(self.error(401, "there is no such tenant"));
        }
        let fields = call.form(&["grant_type", "username", "password"])?;
        call.says(&fields, &[("grant_type", "PASSWORD")])?;
        let minted = call.enter(fields.text("username"), fields.text("password"), false)?;
        Ok(Answer::json(200, &json!({ "access_token": minted.access })))
    }

    fn list(&self) -> List {
        List::get("/inventory/managedObjects", Pages::Number("currentPage", 1), |page| {
            let mut statistics = json!({ "currentPage": 1, "pageSize": page.items.len() });
            if page.query.contains("withTotalPages=true") {
                statistics["totalPages"] = page.pages.into();
            }
            json!({ "managedObjects": page.items, "statistics": statistics })
        })
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let error = if status == 401 { "security/Unauthorized" } else { "general/badRequest" };
        errors::shaped(status, json!({ "error": error, "message": message }))
    }
}
