//! Simacan: an Auth API with two form calls, and a target API on another host.

use std::time::Duration;

use serde_json::json;

use super::call::Call;
use super::cloud::Role;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, simacan as known};
use crate::http::{Answer, Request};
use crate::tokens::{Form, Habits, Rotation};

pub(super) struct Simacan;

impl Rules for Simacan {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Jwt("https://auth-service.services.simacan.com"),
            access: Some(Duration::from_secs(3600)),
            // A day: the `exp` of the refresh tokens in Simacan's samples.
            refresh: Some(Duration::from_secs(86_400)),
            // A client keeps the new one alone, by Simacan's guide; so the old one is refused.
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }

    fn logins(&self) -> &'static [Login] {
        &[("password", &[("username", known::USERNAME), ("password", known::PASSWORD)])]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(known::USERNAME, known::PASSWORD)]
    }

    fn principals(&self) -> &'static [&'static str] {
        &[known::USERNAME]
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Auth, Role::Api]
    }

    fn base_path(&self) -> &'static str {
        "/api/v1"
    }

    fn call(&self, role: Role, request: &Request) -> Option<&'static str> {
        match (role, request.path.as_str()) {
            (Role::Auth, "/api/v1/auth/password") => Some("login"),
            (Role::Auth, "/api/v1/auth/refresh") => Some("refresh"),
            _ => None,
        }
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        // Simacan's guide has one status, 401, for a dead refresh token and a wrong password.
        let minted = if call.name == "login" {
            let fields = call.form(&["username", "password"])?;
            call.enter(fields.text("username"), fields.text("password"), true)?
        } else {
            let fields = call.form(&["refresh_token"])?;
            call.renew(fields.text("refresh_token"))?
        };
        Ok(Answer::json(
            200,
            &json!({
                "access_token": minted.access,
                "refresh_token": minted.refresh,
                "token_type": "bearer",
                "expires_in": minted.expires_in(i64::from(i32::MAX)),
            }),
        ))
    }

    fn list(&self) -> List {
        List {
            method: "GET",
            path: "/api/v1/trips",
            pages: Pages::Number("page", 1),
            body: |page| {
                let mut links = json!({ "self": { "href": page.here } });
                if let Some(next) = &page.next_url {
                    links["next"] = json!({ "href": next });
                }
                json!({ "items": page.items, "total": page.total, "_links": links })
            },
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let error = crate::http::reason(status).to_ascii_lowercase().replace(' ', "_");
        Answer::json(status, &json!({ "error": error, "message": message }))
    }
}
