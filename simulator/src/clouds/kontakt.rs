//! Kontakt.io, Kio Cloud: two form calls, opaque encrypted tokens and no word about lifetimes.

use std::time::Duration;

use serde_json::json;

use super::call::{Call, FORM, JSON};
use super::carrier::{Carrier, Opens};
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, kontakt as known};
use crate::fields::FieldFault;
use crate::form::decode_canonical;
use crate::http::Answer;
use crate::site::Site;
use crate::tokens::{Form, Grant, Habits, Minted, Rotation};

pub(super) struct Kontakt;

/// The principal that the static key opens.
const KEY: &str = "key:account";

impl Rules for Kontakt {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Jwe,
            // By Kontakt.io's guide.
            access: Some(Duration::from_secs(2 * 3600)),
            // Documented nowhere. Long enough that it matters only where a test says so.
            refresh: Some(Duration::from_secs(14 * 86_400)),
            // Documented nowhere. The stricter of what a client can expect.
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }

    fn logins(&self) -> &'static [Login] {
        &[
            ("password", &[("username", known::USERNAME), ("password", known::PASSWORD)]),
            ("api-key", &[("api_key", known::API_KEY)]),
        ]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (known::USERNAME, known::PASSWORD),
            (known::SAMPLE_USERNAME, known::SAMPLE_PASSWORD),
            (KEY, known::API_KEY),
        ]
    }

    fn principals(&self) -> &'static [&'static str] {
        &[known::USERNAME]
    }

    fn furnish(&self, site: &mut Site, now_ms: i64) {
        let grant = Grant { principal: known::SAMPLE_USERNAME.to_owned(), scope: String::new() };
        site.vault.adopt_refresh(grant, known::SAMPLE_REFRESH_TOKEN, now_ms);
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("/v2/organization/account/authenticate", "login"),
            ("/v2/organization/account/refresh", "refresh"),
        ]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        acceptable(call)?;
        let minted = if call.name == "login" {
            let fields = call.form_by(decode_canonical, &["username", "password"])?;
            call.enter(fields.text("username"), fields.text("password"), true)?
        } else {
            let fields = call.form_by(decode_canonical, &["refreshToken"])?;
            call.renew(fields.text("refreshToken"))?
        };
        Ok(tokens(&minted))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[
            (Carrier::Header("Authorization", "Bearer"), Opens::Token),
            (Carrier::Header("Api-Key", ""), Opens::Secret(KEY)),
        ]
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        // Kontakt.io's guide asks for this type with every request of the API, with a body or without.
        call.media(&[JSON])?;
        acceptable(call)?;
        let [bearer, key] = [0, 1].map(|index| &self.carriers()[index..=index]);
        if call.request.header("api-key").is_some() {
            call.carried(key)?;
            if call.request.header("authorization").is_none() {
                return Ok(());
            }
        }
        call.carried(bearer)
    }

    fn list(&self) -> List {
        List {
            method: "GET",
            path: "/v3/device",
            pages: Pages::Linked("page", 0),
            body: |page| {
                json!({
                    "content": page.items,
                    "page": { "size": page.items.len(), "totalElements": page.total },
                })
            },
        }
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
fn acceptable(call: &Call<'_>) -> Result<(), Answer> {
    let Some(accept) = call.request.header("accept") else {
        return Ok(());
    };
    let mut ranges = accept.split(',').map(|range| range.split(';').next().unwrap_or("").trim());
    if ranges.any(|range| matches!(range, "application/json" | "application/*" | "*/*")) {
        Ok(())
    } else {
        Err(call.rules.error(406, "this cloud answers in application/json only"))
    }
}

/// Both tokens and no lifetime, as in the answer that Kontakt.io's guide shows.
fn tokens(minted: &Minted) -> Answer {
    Answer::json(200, &json!({ "accessToken": minted.access, "refreshToken": minted.refresh }))
}
