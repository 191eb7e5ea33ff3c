//! The clouds where a person lets a client in once, and the client lives on its refresh token.

use serde_json::{Value, json};

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::site::{Refused, Site};
use crate::tokens::{Dead, Grant, Habits, Minted, Rotation};

const LOGIN: Login = (
    "refresh_token",
    &[
        ("client_id", known::CLIENT_ID),
        ("client_secret", known::CLIENT_SECRET),
        ("refresh_token", known::REFRESH_TOKEN),
    ],
);

/// What is particular to one of them.
pub(super) struct RefreshOnly {
    habits: fn() -> Habits,
    call: &'static [(&'static str, &'static str)],
    /// Fields of the form besides `grant_type`, `refresh_token` and `client_id`, with their values
    /// where they have fixed ones.
    fields: &'static [(&'static str, &'static str)],
    /// The client's secret comes in `Authorization: Basic`, and not in the form.
    basic: bool,
    carriers: &'static [(Carrier, Opens)],
    list: List,
    tokens: fn(&Minted) -> Value,
    error: fn(u16, &str) -> Answer,
    wrong_client: fn(Refused) -> Answer,
    dead_refresh: fn(Dead) -> Answer,
    dead_access: fn(Dead) -> Answer,
}

const BEARER: [(Carrier, Opens); 1] = [(Carrier::Header("Authorization", "Bearer"), Opens::Token)];

/// The answer of RFC 6749 5.1.
fn standard(minted: &Minted) -> Value {
    let mut body = json!({
        "access_token": minted.access,
        "token_type": "bearer",
        "expires_in": minted.expires_in(0),
    });
    if let Some(refresh) = &minted.refresh {
        body["refresh_token"] = json!(refresh);
    }
    body
}

/// The refusal of a client by RFC 6749 5.2.
fn invalid_client(refused: Refused) -> Answer {
    errors::oauth(401, "invalid_client", refused.why())
}

/// Withings' word for whatever is wrong with a credential, under 200.
fn failed(why: &str) -> Answer {
    errors::shaped(200, json!({ "status": 401, "body": {}, "error": why }))
}

pub(super) static SMARTTHINGS: RefreshOnly = RefreshOnly {
    // The old access token dies with the refresh.
    habits: || Habits { refresh_ends_access: true, ..Habits::default().lasting(86_399) },
    call: &[("/oauth/token", "refresh")],
    fields: &[],
    basic: true,
    carriers: &BEARER,
    list: List::get(
        "/v1/devices",
        super::list::Pages::Whole,
        |page| json!({ "items": page.items }),
    ),
    tokens: |minted| {
        let mut body = standard(minted);
        body["scope"] = json!("r:devices:*");
        body["access_tier"] = json!(0);
        body["installed_app_id"] = json!("app-7f3b");
        body
    },
    error: |status, why| errors::oauth(status, "invalid_request", why),
    wrong_client: invalid_client,
    dead_refresh: |dead| errors::oauth(401, "invalid_grant", dead.why()),
    dead_access: |dead| errors::oauth(401, "invalid_token", dead.why()),
};

pub(super) static NETATMO: RefreshOnly = RefreshOnly {
    habits: || Habits { refresh_ends_access: true, ..Habits::default().lasting(10_800) },
    call: &[("/oauth2/token", "refresh")],
    fields: &[("client_secret", "")],
    basic: false,
    carriers: &BEARER,
    list: List::get(
        "/api/homesdata",
        super::list::Pages::Whole,
        |page| json!({ "body": { "homes": page.items }, "status": "ok" }),
    ),
    tokens: |minted| {
        json!({
            "access_token": minted.access,
            "refresh_token": minted.refresh,
            "expire_in": minted.expires_in(0),
            "scope": ["read_station"],
        })
    },
    error: |status, why| errors::shaped(status, json!({ "error": { "code": 1, "message": why } })),
    wrong_client: invalid_client,
    dead_refresh: |_| errors::error(400, "invalid_grant"),
    // A 403 is about the token by its code only: 26 is throttling.
    dead_access: |dead| {
        let (code, why) = match dead {
            Dead::Unknown => (2, "Invalid access token"),
            _ => (3, "Access token expired"),
        };
        errors::shaped(403, json!({ "error": { "code": code, "message": why } }))
    },
};

pub(super) static WITHINGS: RefreshOnly = RefreshOnly {
    habits: || Habits::default().lasting(10_800),
    call: &[("/v2/oauth2", "refresh")],
    fields: &[("action", "requesttoken"), ("client_secret", "")],
    basic: false,
    carriers: &BEARER,
    list: List::post(
        "/measure",
        |page| json!({ "status": 0, "body": { "measuregrps": page.items } }),
    ),
    tokens: |minted| {
        let mut body = standard(minted);
        body["userid"] = json!("7");
        json!({ "status": 0, "body": body })
    },
    error: |_, why| errors::shaped(200, json!({ "status": 503, "body": {}, "error": why })),
    wrong_client: |refused| failed(refused.why()),
    dead_refresh: |dead| failed(dead.why()),
    dead_access: |dead| failed(dead.why()),
};

pub(super) static ZOHO: RefreshOnly = RefreshOnly {
    // A refresh token does not end, and there is no other.
    habits: || Habits { rotation: Rotation::Keep, refresh: None, ..Habits::default() },
    call: &[("/oauth/v2/token", "refresh")],
    fields: &[("client_secret", "")],
    basic: false,
    carriers: &[(Carrier::Header("Authorization", "Zoho-oauthtoken"), Opens::Token)],
    list: List::get("/devices", super::list::Pages::Whole, |page| json!({ "data": page.items })),
    tokens: |minted| {
        json!({
            "access_token": minted.access,
            "expires_in": minted.expires_in(0),
            "api_domain": "https://www.zohoapis.com",
            "token_type": "Bearer",
        })
    },
    error: |status, why| {
        errors::shaped(status, json!({ "code": "INVALID_REQUEST", "message": why }))
    },
    // A dead refresh token is told under 200.
    wrong_client: invalid_client,
    dead_refresh: |_| errors::error(200, "invalid_code"),
    dead_access: |_| {
        errors::shaped(401, json!({ "code": "INVALID_TOKEN", "message": "invalid oauth token" }))
    },
};

impl Rules for RefreshOnly {
    fn habits(&self) -> Habits {
        (self.habits)()
    }

    fn logins(&self) -> &'static [Login] {
        &[LOGIN]
    }

    fn furnish(&self, site: &mut Site, _now_ms: i64) {
        let grant = Grant { principal: known::CLIENT_ID.to_owned(), scope: String::new() };
        site.vault.adopt_seeds(grant, known::REFRESH_TOKEN);
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        self.call
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let mut names = vec!["grant_type", "refresh_token", "client_id"];
        names.extend(self.fields.iter().map(|(name, _)| *name));
        let fields = call.form(&names)?;
        call.says(&fields, &[("grant_type", "refresh_token")])?;
        for (name, value) in self.fields.iter().filter(|(_, value)| !value.is_empty()) {
            call.says(&fields, &[(name, value)])?;
        }
        let (id, secret) = if self.basic {
            call.basic()?
        } else {
            (fields.text("client_id").to_owned(), fields.text("client_secret").to_owned())
        };
        if id != fields.text("client_id") {
            return Err(self.error(400, "two different client_ids came"));
        }
        call.site
            .login(&id, &secret, call.scene.now_ms)
            .map_err(|refused| self.wrong_login(refused))?;
        let minted = call.renew(fields.text("refresh_token"))?;
        Ok(Answer::json(200, &(self.tokens)(&minted)))
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        self.carriers
    }

    fn list(&self) -> List {
        self.list.clone()
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        (self.error)(status, message)
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        (self.wrong_client)(refused)
    }

    fn dead_refresh(&self, dead: Dead) -> Answer {
        (self.dead_refresh)(dead)
    }

    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        (self.dead_access)(dead)
    }
}
