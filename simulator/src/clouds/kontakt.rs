//! Kontakt.io, Kio Cloud: two form calls, opaque encrypted tokens and no word about lifetimes.

use std::time::Duration;

use serde_json::json;

use super::{
    FORM, JSON, Outcome, Role, Scene, Wire, api, form_fields, only, only_media, only_post,
};
use crate::credentials::kontakt as known;
use crate::fields::FieldFault;
use crate::form::decode_canonical;
use crate::http::{Answer, Request};
use crate::site::Site;
use crate::tokens::{Form, Grant, Habits, Minted, Rotation};

pub(super) struct Kontakt;

impl Wire for Kontakt {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Jwe,
            // "An access token is valid for two hours" (guide).
            access: Some(Duration::from_secs(2 * 3600)),
            // Documented nowhere: long enough to matter only when a test says so.
            refresh: Some(Duration::from_secs(14 * 86_400)),
            // Documented nowhere: the stricter reading.
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(known::USERNAME, known::PASSWORD), (known::SAMPLE_USERNAME, known::SAMPLE_PASSWORD)]
    }

    fn principals(&self) -> &'static [&'static str] {
        &[known::USERNAME]
    }

    fn furnish(&self, site: &mut Site, now_ms: i64) {
        let grant = Grant { principal: known::SAMPLE_USERNAME.to_owned(), scope: String::new() };
        site.vault.adopt_refresh(grant, known::SAMPLE_REFRESH_TOKEN, now_ms);
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        match request.path.as_str() {
            "/v2/organization/account/authenticate" => Some("login"),
            "/v2/organization/account/refresh" => Some("refresh"),
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
        acceptable(self, request)?;
        let minted = if call == "login" {
            let fields = form_fields(self, &["username", "password"], request, decode_canonical)?;
            let (name, password) = (fields.text("username"), fields.text("password"));
            site.login(name, password, scene.now_ms)
                .map_err(|refused| self.error(401, refused.why()))?;
            let grant = Grant { principal: name.to_owned(), scope: String::new() };
            site.vault.start(grant, true, None, scene.now_ms)
        } else {
            let fields = form_fields(self, &["refreshToken"], request, decode_canonical)?;
            let token = fields.text("refreshToken");
            let mut minted = site
                .vault
                .renew(token, None, scene.now_ms)
                .map_err(|dead| self.error(401, &format!("the refresh token {}", dead.why())))?;
            minted.refresh.get_or_insert_with(|| token.to_owned());
            minted
        };
        Ok(tokens(&minted))
    }

    fn admit(&self, scene: &Scene<'_>, site: &Site, request: &Request) -> Result<(), Answer> {
        // "All API queries must specify application/json in the Content-Type header" (guide).
        only_media(self, &[JSON], request)?;
        acceptable(self, request)?;
        let key = request.header("api-key");
        if key.is_some_and(|key| key != known::API_KEY) {
            return Err(self.error(401, "the API key is not known"));
        }
        match request.credentials("authorization", "Bearer") {
            Some(token) => match site.vault.access(token, scene.now_ms) {
                Ok(_) => Ok(()),
                Err(dead) => Err(self.error(401, &format!("the access token {}", dead.why()))),
            },
            None if request.header("authorization").is_some() => {
                Err(self.error(401, "Authorization must be of the Bearer type"))
            }
            None if key.is_some() => Ok(()),
            None => Err(self.error(401, "neither Api-Key nor Authorization came")),
        }
    }

    fn devices(&self, scene: &Scene<'_>, request: &Request) -> Option<Outcome> {
        (request.path == "/v3/device").then(|| {
            only(self, "GET", request)?;
            let number = request.parameter("page");
            let page = api::page(self, number.as_deref(), 0)?;
            let body = json!({
                "content": page.items,
                "page": { "size": page.items.len(), "totalElements": api::TOTAL },
            });
            let answer = Answer::json(200, &body);
            Ok(match page.next {
                Some(next) => answer.with(
                    "Link",
                    format!("<{}/v3/device?page={next}>; rel=\"next\"", scene.here()),
                ),
                None => answer,
            })
        })
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        Answer::json(status, &json!({ "status": status, "cause": message }))
    }

    fn bad_fields(&self, faults: &[FieldFault]) -> Answer {
        let errors = faults.iter();
        let errors: Vec<_> =
            errors.map(|fault| json!({ "field": fault.field, "error": fault.error })).collect();
        let message = format!("the body is not what this call takes as {FORM}");
        Answer::json(400, &json!({ "message": message, "errors": errors }))
    }
}

/// An `Accept` that rules JSON out cannot be served: nothing else is made here.
fn acceptable(wire: &dyn Wire, request: &Request) -> Result<(), Answer> {
    let Some(accept) = request.header("accept") else {
        return Ok(());
    };
    let mut ranges = accept.split(',').map(|range| range.split(';').next().unwrap_or("").trim());
    if ranges.any(|range| matches!(range, "application/json" | "application/*" | "*/*")) {
        Ok(())
    } else {
        Err(wire.error(406, "this cloud answers in application/json only"))
    }
}

/// Two fields and nothing else, as in the guide's sample answer.
fn tokens(minted: &Minted) -> Answer {
    Answer::json(200, &json!({ "accessToken": minted.access, "refreshToken": minted.refresh }))
}
