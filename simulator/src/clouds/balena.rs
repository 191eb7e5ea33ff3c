//! balena: the answer to a login is the token and nothing else, and a refusal is nothing at all.

use serde_json::json;

use super::call::Call;
use super::carrier::Carrier;
use super::errors;
use super::list::List;
use super::rules::{BY_KEY, Outcome, PERSON, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::tokens::{Form, Habits};

pub(super) struct Balena;

impl Rules for Balena {
    fn habits(&self) -> Habits {
        // A setting of the server.
        Habits::default().of(Form::Jwt("balena")).lasting(7 * 86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[PERSON, BY_KEY]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/login_", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let fields = call.json(&["username", "password"])?;
        let minted = call.enter(fields.text("username"), fields.text("password"), false)?;
        Ok(Answer::of(200, "text/plain", minted.access.into_bytes()))
    }

    /// A key comes as a token does, and is one that never ends.
    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        call.token_or_key(Carrier::Header("Authorization", "Bearer"))
    }

    fn list(&self) -> List {
        List { body: |page| json!({ "d": page.items }), ..List::bare("/v7/device") }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::bare(status, message)
    }
}
