//! Geotab: JSON-RPC at one path, credentials in the body of every call, and 200 whatever happens.

use serde_json::{Value, json};

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::{Answer, Request};
use crate::site::Refused;
use crate::tokens::{Dead, Habits};

pub(super) struct Geotab;

const PATH: &str = "/apiv1";
const DATABASE: &str = "gateways";

impl Rules for Geotab {
    fn habits(&self) -> Habits {
        Habits::default().lasting(14 * 86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[("database", DATABASE), ("username", known::USERNAME), ("password", known::PASSWORD)],
        )]
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        let is_login = body(request)["method"] == "Authenticate";
        (request.path == PATH && is_login).then_some("login")
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        call.media(&["application/json"])?;
        let body = body(call.request);
        let known = ["id", "jsonrpc", "method", "params"];
        let mut members = body.as_object().into_iter().flat_map(|body| body.keys());
        if members.any(|name| !known.contains(&name.as_str())) {
            return Err(named("JsonSerializerException", "a member is none of a call"));
        }
        let params = &body["params"];
        let text = |name: &str| params[name].as_str().unwrap_or("").to_owned();
        if params.as_object().is_none_or(|params| params.len() != 3) || text("database") != DATABASE
        {
            return Err(named("InvalidUserException", "database, userName and password"));
        }
        let minted = call.enter(&text("userName"), &text("password"), false)?;
        let credentials = json!({
            "database": DATABASE,
            "userName": text("userName"),
            "sessionId": minted.access,
        });
        let result = json!({ "credentials": credentials, "path": "ThisServer" });
        Ok(Answer::json(200, &json!({ "result": result, "jsonrpc": "2.0" })))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Json("/params/credentials/sessionId"), Opens::Token)]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        if call.request.path != PATH {
            // The common resources are no part of this cloud: they take the session in a header.
            return call.carried(&[(Carrier::Header("Authorization", "Bearer"), Opens::Token)]);
        }
        let given = &body(call.request)["params"]["credentials"];
        if given["database"] != DATABASE || given["userName"] != known::USERNAME {
            return Err(named(
                "InvalidUserException",
                "the credentials are not those of the session",
            ));
        }
        call.carried(self.carriers())
    }

    fn list(&self) -> List {
        List::post(PATH, |page| json!({ "result": page.items, "jsonrpc": "2.0" }))
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        match status {
            401 => named("InvalidUserException", message),
            _ => errors::shaped(status, json!({ "error": { "message": message } })),
        }
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        named("InvalidUserException", refused.why())
    }

    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        named("InvalidUserException", &format!("the session {}", dead.why()))
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

fn named(name: &str, message: &str) -> Answer {
    let error = json!({ "name": name, "message": message });
    errors::shaped(200, json!({ "error": { "errors": [error], "message": message } }))
}
