//! ThingsBoard: JSON calls, a header name of its own, and lifetimes that only the tokens tell.

use std::time::Duration;

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::list::{List, Pages};
use super::rules::{BY_KEY, KEY, Outcome, PERSON, Rules};
use crate::credentials::known::Login;
use crate::http::Answer;
use crate::site::Refused;
use crate::tokens::{Dead, Form, Habits, Rotation};

pub(super) struct ThingsBoard;

/// The cloud's own numbers for what is wrong with a request.
const AUTHENTICATION: u16 = 10;
const TOKEN_EXPIRED: u16 = 11;

impl Rules for ThingsBoard {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Jwt("thingsboard.io"),
            access: Some(Duration::from_secs(9000)),
            refresh: Some(Duration::from_secs(7 * 86_400)),
            // Documented nowhere. The stricter of what a client can expect.
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }

    fn logins(&self) -> &'static [Login] {
        &[PERSON, BY_KEY]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api/auth/login", "login"), ("/api/auth/token", "refresh")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let minted = if call.name == "login" {
            let fields = call.json(&["username", "password"])?;
            call.enter(fields.text("username"), fields.text("password"), true)?
        } else {
            let fields = call.json(&["refreshToken"])?;
            call.renew(fields.text("refreshToken"))?
        };
        Ok(Answer::json(200, &json!({ "token": minted.access, "refreshToken": minted.refresh })))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[
            (Carrier::Header("X-Authorization", "Bearer"), Opens::Token),
            (Carrier::Header("X-Authorization", "ApiKey"), Opens::Secret(KEY)),
        ]
    }

    fn list(&self) -> List {
        List {
            method: "GET",
            path: "/api/tenant/devices",
            pages: Pages::Number("page", 0),
            body: |page| {
                json!({
                    "data": page.items,
                    "totalPages": page.pages,
                    "totalElements": page.total,
                    "hasNext": page.next.is_some(),
                })
            },
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        numbered(status, if status == 401 { AUTHENTICATION } else { 2 }, message)
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        numbered(401, AUTHENTICATION, refused.why())
    }

    fn dead_refresh(&self, dead: Dead) -> Answer {
        refusal("refresh token", dead)
    }

    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        refusal("access token", dead)
    }
}

fn refusal(what: &str, dead: Dead) -> Answer {
    let code = if dead == Dead::Expired { TOKEN_EXPIRED } else { AUTHENTICATION };
    numbered(401, code, &format!("the {what} {}", dead.why()))
}

fn numbered(status: u16, code: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "status": status, "message": message, "errorCode": code }))
}
