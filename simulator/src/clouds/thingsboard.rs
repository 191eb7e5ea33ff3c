//! ThingsBoard: JSON calls, a header name of its own, and lifetimes that only the tokens tell.

use std::time::Duration;

use serde_json::json;

use super::{Outcome, Role, Scene, Wire, api, json_fields, only, only_post};
use crate::credentials::thingsboard as known;
use crate::http::{Answer, Request};
use crate::site::Site;
use crate::tokens::{Dead, Form, Grant, Habits, Rotation};

pub(super) struct ThingsBoard;

/// The cloud's own numbers for what is wrong with a request.
const AUTHENTICATION: u16 = 10;
const TOKEN_EXPIRED: u16 = 11;

impl Wire for ThingsBoard {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Jwt("thingsboard.io"),
            access: Some(Duration::from_secs(9000)),
            refresh: Some(Duration::from_secs(7 * 86_400)),
            // Documented nowhere: the stricter reading.
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

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        match request.path.as_str() {
            "/api/auth/login" => Some("login"),
            "/api/auth/token" => Some("refresh"),
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
            let fields = json_fields(self, &["username", "password"], request)?;
            let (name, password) = (fields.text("username"), fields.text("password"));
            site.login(name, password, scene.now_ms)
                .map_err(|refused| numbered(401, AUTHENTICATION, refused.why()))?;
            let grant = Grant { principal: name.to_owned(), scope: "TENANT_ADMIN".to_owned() };
            site.vault.start(grant, true, None, scene.now_ms)
        } else {
            let fields = json_fields(self, &["refreshToken"], request)?;
            let token = fields.text("refreshToken");
            let mut minted = site
                .vault
                .renew(token, None, scene.now_ms)
                .map_err(|dead| refusal("refresh token", dead))?;
            minted.refresh.get_or_insert_with(|| token.to_owned());
            minted
        };
        Ok(Answer::json(200, &json!({ "token": minted.access, "refreshToken": minted.refresh })))
    }

    fn admit(&self, scene: &Scene<'_>, site: &Site, request: &Request) -> Result<(), Answer> {
        let token = request
            .credentials("x-authorization", "Bearer")
            .ok_or_else(|| numbered(401, AUTHENTICATION, "X-Authorization: Bearer is missing"))?;
        match site.vault.access(token, scene.now_ms) {
            Ok(_) => Ok(()),
            Err(dead) => Err(refusal("access token", dead)),
        }
    }

    fn devices(&self, scene: &Scene<'_>, request: &Request) -> Option<Outcome> {
        (request.path == "/api/tenant/devices").then(|| {
            only(self, "GET", request)?;
            let number = request.parameter("page");
            let page = api::page(self, number.as_deref(), 0)?;
            let mut body = json!({
                "data": page.items,
                "totalElements": api::TOTAL,
                "hasNext": page.next.is_some(),
            });
            if let Some(next) = page.next {
                let href = format!("{}/api/tenant/devices?pageSize=3&page={next}", scene.here());
                body["links"] = json!([{ "href": href, "rel": "next", "method": "GET" }]);
            }
            Ok(Answer::json(200, &body))
        })
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        numbered(status, if status == 401 { AUTHENTICATION } else { 2 }, message)
    }
}

fn refusal(what: &str, dead: Dead) -> Answer {
    let code = if dead == Dead::Expired { TOKEN_EXPIRED } else { AUTHENTICATION };
    numbered(401, code, &format!("the {what} {}", dead.why()))
}

fn numbered(status: u16, code: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "status": status, "message": message, "errorCode": code }))
}
