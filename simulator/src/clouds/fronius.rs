//! Fronius Solar.web: an access key with every request, and for what is a user's own a JWT beside
//! it, which is renewed by a PATCH that has the refresh token in its path.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{KEY, Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::{Answer, Request};
use crate::tokens::{Form, Habits};

pub(super) struct Fronius;

const KEY_ID: &str = "FKIA7F3B9A1C";
const ID: (&str, &str) = ("access_key_id", KEY_ID);
const VALUE: (&str, &str) = ("access_key_value", known::API_KEY);
const TOKENS: &str = "/swqapi/iam/jwt";

impl Rules for Fronius {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("solarweb"))
    }

    fn logins(&self) -> &'static [Login] {
        &[
            ("access_key", &[ID, VALUE]),
            (
                "password",
                &[ID, VALUE, ("username", known::USERNAME), ("password", known::PASSWORD)],
            ),
        ]
    }

    fn base_path(&self) -> &'static str {
        "/swqapi"
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        match request.path.strip_prefix(TOKENS)? {
            "" => Some("login"),
            _ => Some("refresh"),
        }
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        key(call)?;
        let minted = if call.name == "login" {
            call.post()?;
            let fields = call.json(&["userId", "password"])?;
            call.enter(fields.text("userId"), fields.text("password"), true)?
        } else {
            call.only("PATCH")?;
            let token = &call.request.path[TOKENS.len() + 1..];
            call.renew(token)?
        };
        Ok(Answer::json(200, &json!({ "jwtToken": minted.access, "refreshToken": minted.refresh })))
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        key(call)?;
        match call.request.header("authorization") {
            Some(_) => call.carried(self.carriers()),
            None => Ok(()),
        }
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[
            (Carrier::Header("Authorization", "Bearer"), Opens::Token),
            (Carrier::Header("AccessKeyValue", ""), Opens::Secret(KEY)),
        ]
    }

    fn list(&self) -> List {
        List { body: |page| json!({ "pvSystems": page.items }), ..List::bare("/swqapi/pvsystems") }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "responseError": status, "responseMessage": message }))
    }
}

fn key(call: &Call<'_>) -> Result<(), Answer> {
    let value = call.request.header("AccessKeyValue");
    if call.request.header("AccessKeyId") == Some(KEY_ID) && value == call.site.secret(KEY) {
        return Ok(());
    }
    Err(call.rules.error(401, "the access key is not known"))
}
