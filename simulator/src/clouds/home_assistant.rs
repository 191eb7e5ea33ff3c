//! Home Assistant: a login in three steps that ends in OAuth 2.0, whose refresh tokens stay, and
//! long-lived tokens that are a token at once.

use serde_json::{Value, json};

use super::call::{Call, JSON};
use super::carrier::Carrier;
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{BY_KEY, Outcome, PERSON, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::{Answer, Request};
use crate::site::{Refused, Site};
use crate::tokens::{Dead, Form, Grant, Habits, Rotation};

pub(super) struct HomeAssistant;

/// A client is a web page.
const CLIENT: &str = "https://gateway.example.com/";
const FLOWS: &str = "/auth/login_flow/";

impl Rules for HomeAssistant {
    fn habits(&self) -> Habits {
        let habits = Habits::default().of(Form::Jwt("home-assistant")).lasting(1800);
        Habits { rotation: Rotation::Keep, refresh: None, ..habits }
    }

    fn logins(&self) -> &'static [Login] {
        &[
            PERSON,
            BY_KEY,
            ("refresh_token", &[("client_id", CLIENT), ("refresh_token", known::REFRESH_TOKEN)]),
        ]
    }

    fn furnish(&self, site: &mut Site, _now_ms: i64) {
        let grant = Grant { principal: CLIENT.to_owned(), scope: String::new() };
        site.vault.adopt_seeds(grant, known::REFRESH_TOKEN);
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        match request.path.as_str() {
            "/auth/token" => {
                let body = String::from_utf8_lossy(&request.body);
                let is_code = body.contains("grant_type=authorization_code");
                Some(if is_code { "code" } else { "refresh" })
            }
            "/auth/login_flow" => Some("flow"),
            path => path.starts_with(FLOWS).then_some("login"),
        }
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        match call.name {
            "flow" => flow(call),
            "login" => login(call),
            "code" => {
                let fields = call.form(&["grant_type", "code", "client_id"])?;
                let client = call.site.one_time.remove(fields.text("code"));
                let client = client.ok_or_else(|| errors::error(400, "invalid_request"))?;
                if client != fields.text("client_id") {
                    return Err(errors::error(400, "invalid_request"));
                }
                let grant = Grant { principal: client, scope: String::new() };
                let minted = call.site.vault.start(grant, true, None, call.scene.now_ms);
                Ok(tokens(&minted.access, minted.expires_in(0), minted.refresh.as_deref()))
            }
            _ => {
                let fields = call.form(&["grant_type", "refresh_token", "client_id"])?;
                call.says(&fields, &[("grant_type", "refresh_token")])?;
                let token = fields.text("refresh_token");
                let grant = call.site.vault.refresh_grant(token, call.scene.now_ms);
                if grant.is_ok_and(|grant| grant.principal != fields.text("client_id")) {
                    return Err(errors::error(400, "invalid_request"));
                }
                let minted = call.renew(token)?;
                Ok(tokens(&minted.access, minted.expires_in(0), None))
            }
        }
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        call.token_or_key(Carrier::Header("Authorization", "Bearer"))
    }

    fn list(&self) -> List {
        List::bare("/api/states")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        match status {
            401 => Answer::of(401, "text/plain", b"401: Unauthorized".to_vec()),
            _ => errors::message(status, message),
        }
    }

    /// The form comes again.
    fn wrong_login(&self, _refused: Refused) -> Answer {
        errors::shaped(
            200,
            json!({ "type": "form", "step_id": "init", "errors": { "base": "invalid_auth" } }),
        )
    }

    fn dead_refresh(&self, _dead: Dead) -> Answer {
        errors::error(400, "invalid_grant")
    }
}

/// The first step names the client, and where it would be led back to: the same site.
fn flow(call: &mut Call<'_>) -> Outcome {
    call.media(&[JSON])?;
    let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
    let client = body["client_id"].as_str().unwrap_or("");
    let is_page = client.starts_with("http") && client.ends_with('/');
    let leads_back = body["redirect_uri"].as_str().is_some_and(|uri| uri.starts_with(client));
    if !is_page || !leads_back || body["handler"] != json!(["homeassistant", null]) {
        return Err(errors::message(400, "invalid client_id, redirect_uri or handler"));
    }
    let id = call.one_time(client);
    Ok(Answer::json(
        200,
        &json!({ "type": "form", "step_id": "init", "flow_id": id, "errors": {} }),
    ))
}

/// The second step takes name and password, and gives a code for the third.
fn login(call: &mut Call<'_>) -> Outcome {
    let fields = call.json(&["client_id", "username", "password"])?;
    let id = call.request.path.trim_start_matches(FLOWS);
    if call.site.one_time.get(id).is_none_or(|client| client != fields.text("client_id")) {
        return Err(errors::message(404, "Invalid flow specified"));
    }
    let now_ms = call.scene.now_ms;
    call.site
        .login(fields.text("username"), fields.text("password"), now_ms)
        .map_err(|refused| call.rules.wrong_login(refused))?;
    call.site.one_time.remove(id);
    let code = call.one_time(fields.text("client_id"));
    Ok(Answer::json(200, &json!({ "type": "create_entry", "result": code })))
}

fn tokens(access: &str, expires_in: i64, refresh: Option<&str>) -> Answer {
    let mut body =
        json!({ "access_token": access, "token_type": "Bearer", "expires_in": expires_in });
    if let Some(refresh) = refresh {
        body["refresh_token"] = json!(refresh);
    }
    Answer::json(200, &body)
}
