//! Simacan: an Auth API with two form calls, and a target API on another host.

use std::time::Duration;

use serde_json::json;

use super::{Outcome, Role, Scene, Wire, api, form_fields, only, only_post};
use crate::credentials::simacan as known;
use crate::form::decode;
use crate::http::{Answer, Request};
use crate::site::Site;
use crate::tokens::{Form, Grant, Habits, Rotation};

pub(super) struct Simacan;

impl Wire for Simacan {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Jwt("https://auth-service.services.simacan.com"),
            access: Some(Duration::from_secs(3600)),
            // The exp of the cloud's sample refresh tokens.
            refresh: Some(Duration::from_secs(86_400)),
            // "You should discard the old one" (guide).
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(known::USERNAME, known::PASSWORD)]
    }

    fn principals(&self) -> &'static [&'static str] {
        &[known::USERNAME]
    }

    fn call(&self, role: Role, request: &Request) -> Option<&'static str> {
        match (role, request.path.as_str()) {
            (Role::Auth, "/api/v1/auth/password") => Some("login"),
            (Role::Auth, "/api/v1/auth/refresh") => Some("refresh"),
            _ => None,
        }
    }

    fn exchange(
        &self,
        scene: &Scene<'_>,
        site: &mut Site,
        call: &str,
        request: &Request,
    ) -> Outcome {
        only_post(self, request)?;
        let minted = if call == "login" {
            let fields = form_fields(self, &["username", "password"], request, decode)?;
            let (name, password) = (fields.text("username"), fields.text("password"));
            site.login(name, password, scene.now_ms)
                .map_err(|refused| self.error(401, refused.why()))?;
            let grant = Grant { principal: name.to_owned(), scope: String::new() };
            site.vault.start(grant, true, None, scene.now_ms)
        } else {
            let fields = form_fields(self, &["refresh_token"], request, decode)?;
            let token = fields.text("refresh_token");
            // A dead refresh token is recognised by a 401 (guide).
            let mut minted = site
                .vault
                .renew(token, None, scene.now_ms)
                .map_err(|dead| self.error(401, &format!("the refresh token {}", dead.why())))?;
            minted.refresh.get_or_insert_with(|| token.to_owned());
            minted
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

    fn admit(&self, scene: &Scene<'_>, site: &Site, request: &Request) -> Result<(), Answer> {
        let token = request
            .credentials("authorization", "Bearer")
            .ok_or_else(|| self.error(401, "Authorization: Bearer is missing"))?;
        match site.vault.access(token, scene.now_ms) {
            Ok(_) => Ok(()),
            Err(dead) => Err(self.error(401, &format!("the access token {}", dead.why()))),
        }
    }

    fn devices(&self, scene: &Scene<'_>, request: &Request) -> Option<Outcome> {
        (request.path == "/api/v1/trips").then(|| {
            only(self, "GET", request)?;
            let number = request.parameter("page");
            let page = api::page(self, number.as_deref(), 1)?;
            let here = format!("{}/api/v1/trips", scene.here());
            let mut links = json!({ "self": { "href": here } });
            if let Some(next) = page.next {
                links["next"] = json!({ "href": format!("{here}?page={next}") });
            }
            Ok(Answer::json(
                200,
                &json!({ "items": page.items, "total": api::TOTAL, "_links": links }),
            ))
        })
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let error = crate::http::reason(status).to_ascii_lowercase().replace(' ', "_");
        Answer::json(status, &json!({ "error": error, "message": message }))
    }
}
