//! PocketBase: users live in a collection, and the token stands in `Authorization` by itself.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::{List, Pages};
use super::rules::{Outcome, PERSON, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::{Form, Habits};

pub(super) struct PocketBase;

impl Rules for PocketBase {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("pocketbase")).lasting(7 * 86_400)
    }

    fn logins(&self) -> &'static [Login] {
        &[PERSON]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api/collections/users/auth-with-password", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let fields = call.json(&["identity", "password"])?;
        let minted = call.enter(fields.text("identity"), fields.text("password"), false)?;
        let record = json!({ "id": "user7", "collectionName": "users", "email": known::USERNAME });
        Ok(Answer::json(200, &json!({ "token": minted.access, "record": record })))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("Authorization", ""), Opens::Token)]
    }

    /// A list that wants somebody: one that does not is answered empty to a token that has ended.
    fn list(&self) -> List {
        List {
            pages: Pages::Number("page", 1),
            body: |page| json!({ "items": page.items, "totalPages": page.pages, "totalItems": page.total }),
            ..List::bare("/api/collections/gateways/records")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "status": status, "message": message, "data": {} }))
    }

    fn wrong_login(&self, _refused: Refused) -> Answer {
        self.error(400, "Failed to authenticate.")
    }
}
