//! Telit deviceWISE: commands in a JSON body, the session beside them, and 200 whatever happens.

use serde_json::{Value, json};

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{Outcome, PERSON, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::{Answer, Request};
use crate::site::Refused;
use crate::tokens::{Dead, Habits};

pub(super) struct DeviceWise;

const PATH: &str = "/api";
const THING: &str = "gateway-7";
const APP: &str = "7f3b9a1c-app";
const APP_TOKEN: &str = "devicewise-app-token-4c3b";

impl Rules for DeviceWise {
    fn habits(&self) -> Habits {
        Habits { access: None, ..Habits::default() }
    }

    fn logins(&self) -> &'static [Login] {
        &[
            PERSON,
            ("application", &[("thing_key", THING), ("app_id", APP), ("app_token", APP_TOKEN)]),
        ]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(known::USERNAME, known::PASSWORD), (THING, APP_TOKEN)]
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        let is_login = !body(request)["auth"]["command"].is_null();
        (request.path == PATH && is_login).then_some("login")
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        call.media(&["application/json"])?;
        let body = body(call.request);
        let params = &body["auth"]["params"];
        let text = |name: &str| params[name].as_str().unwrap_or("").to_owned();
        let of_user = json!({ "username": text("username"), "password": text("password") });
        let of_app = json!({ "thingKey": THING, "appId": APP, "appToken": text("appToken") });
        let (principal, secret) = match params {
            params if *params == of_user => (text("username"), text("password")),
            params if *params == of_app => (THING.to_owned(), text("appToken")),
            _ => return Err(failed(-1, "the auth block is none")),
        };
        if body != json!({ "auth": { "command": "api.authenticate", "params": params } }) {
            return Err(failed(-1, "the auth block is none"));
        }
        let minted = call.enter(&principal, &secret, false)?;
        let told = json!({ "success": true, "params": { "sessionId": minted.access } });
        Ok(Answer::json(200, &json!({ "auth": told })))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Json("/auth/sessionId"), Opens::Token)]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        if call.request.path != PATH {
            // The common resources are no part of this cloud: they take the session in a header.
            return call.carried(&[(Carrier::Header("Authorization", "Bearer"), Opens::Token)]);
        }
        call.carried(self.carriers())
    }

    fn list(&self) -> List {
        List::post(
            PATH,
            |page| json!({ "1": { "success": true, "params": { "result": page.items } } }),
        )
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        match status {
            401 => failed(-90000, message),
            _ => errors::shaped(status, json!({ "success": false, "errorMessages": [message] })),
        }
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        let why =
            json!({ "success": false, "errorCodes": [-90001], "errorMessages": [refused.why()] });
        errors::shaped(200, json!({ "auth": why }))
    }

    fn dead_access(&self, _dead: Dead, token: &str) -> Answer {
        failed(-90000, &format!("Authentication session is invalid: {token}"))
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// The request as a whole has failed; what fails of its commands is told beside each.
fn failed(code: i32, why: &str) -> Answer {
    let body = json!({ "success": false, "errorCodes": [code], "errorMessages": [why] });
    errors::shaped(200, body)
}
