//! Kii Cloud: one call for every principal, an app named in every request, and 403 for a bad token.

use serde_json::{Value, json};

use super::call::{Call, JSON};
use super::cloud::Role;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, kii as known};
use crate::fields::{self, FieldFault, Fields};
use crate::http::{Answer, Request};
use crate::site::Refused;
use crate::tokens::{Dead, Form, Grant, Habits, Minted, Rotation};

pub(super) struct Kii;

const TOKEN_PATH: &str = "/api/oauth2/token";
const TOKEN_TYPE: &str = "application/vnd.kii.oauthtokenrequest+json";
const THING_PREFIX: &str = "VENDOR_THING_ID:";

/// Principals other than the user and the thing; their IDs appear nowhere.
const ADMIN: &str = "client:kii-admin";
const ANONYMOUS: &str = "client:anonymous";

impl Rules for Kii {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Opaque,
            // Without `expiresAt` a token never expires.
            access: None,
            refresh: None,
            rotation: Rotation::SingleUse,
            refresh_ends_access: true,
        }
    }

    fn logins(&self) -> &'static [Login] {
        const APP: [(&str, &str); 2] = [("app_id", known::APP_ID), ("app_key", known::APP_KEY)];
        &[
            (
                "user",
                &[APP[0], APP[1], ("username", known::USERNAME), ("password", known::PASSWORD)],
            ),
            (
                "thing",
                &[
                    APP[0],
                    APP[1],
                    ("vendor_thing_id", known::VENDOR_THING_ID),
                    ("password", known::THING_PASSWORD),
                ],
            ),
            (
                "admin",
                &[
                    APP[0],
                    APP[1],
                    ("client_id", known::CLIENT_ID),
                    ("client_secret", known::CLIENT_SECRET),
                ],
            ),
            ("anonymous", &APP),
        ]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (known::USER_ID, known::PASSWORD),
            (known::THING_ID, known::THING_PASSWORD),
            (ADMIN, known::CLIENT_SECRET),
            (ANONYMOUS, known::APP_KEY),
        ]
    }

    fn principals(&self) -> &'static [&'static str] {
        &[known::USER_ID, known::THING_ID]
    }

    fn clients(&self) -> &'static [&'static str] {
        &[ADMIN]
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        let of_app = app_path(&request.path).is_some_and(|(_, rest)| rest == "/oauth2/token");
        (of_app || request.path == TOKEN_PATH).then(|| {
            let body = fields::from_json(&request.body).unwrap_or_default();
            if body.has("refresh_token") || body.text("grant_type") == "refresh_token" {
                "refresh"
            } else {
                "login"
            }
        })
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        // The vendor's own SDK adds `disable_cache` to every URL.
        call.post()?;
        let of_app = app_path(&call.request.path).is_some();
        self.app(call.request)?;
        call.media(&[TOKEN_TYPE, JSON])?;
        let mut body =
            fields::from_json(&call.request.body).map_err(|fault| self.bad_fields(&[fault]))?;
        let repeated = body.repeated();
        if !repeated.is_empty() {
            return Err(self.bad_fields(&repeated));
        }
        let ends_ms = self.expires_at(body.take("expiresAt"), call.scene.now_ms)?;
        let wanted = wanted_grant(&body);
        let is_refresh = call.name == "refresh";
        match body.take("grant_type").as_ref().map(|grant| grant.as_str().unwrap_or("")) {
            None if of_app => {
                return Err(grant_refused(
                    "unsupported_grant_type",
                    "grant_type is required at this path",
                ));
            }
            None if is_refresh => {
                return Err(grant_refused(
                    "unsupported_grant_type",
                    "grant_type must be refresh_token",
                ));
            }
            None => {}
            Some("refresh_token") if is_refresh => {}
            Some(grant) if of_app && grant == wanted => {}
            Some(_) => {
                return Err(grant_refused(
                    "unsupported_grant_type",
                    "grant_type is not one that this path takes for such a body",
                ));
            }
        }
        if is_refresh {
            return refresh(call, body, ends_ms, of_app);
        }
        login(call, body, ends_ms)
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        self.app(call.request)?;
        call.carried(self.carriers())
    }

    fn list(&self) -> List {
        List {
            method: "GET",
            path: known::DEVICES_PATH,
            pages: Pages::Cursor("paginationKey"),
            body: |page| {
                let mut body = json!({ "results": page.items, "queryDescription": "all things" });
                if let (Some(next), Some(href)) = (&page.next, &page.next_url) {
                    body["nextPaginationKey"] = json!(next);
                    body["links"] = json!([{ "href": href, "rel": "next", "method": "GET" }]);
                }
                body
            },
        }
    }

    fn wrong_login(&self, refused: Refused) -> Answer {
        grant_refused("invalid_grant", refused.why())
    }

    /// The cloud's own error repeats the token: clients must be ready for it.
    fn dead_access(&self, dead: Dead, token: &str) -> Answer {
        Answer::json(
            403,
            &json!({
                "errorCode": "WRONG_TOKEN",
                "message": format!("the access token {}", dead.why()),
                "appID": known::APP_ID,
                "accessToken": token,
            }),
        )
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let code = match status {
            400 => "INVALID_INPUT_DATA",
            401 => "UNAUTHORIZED",
            403 => "OPERATION_NOT_SUPPORTED",
            404 => "RESOURCE_NOT_FOUND",
            405 => "METHOD_NOT_ALLOWED",
            415 => "UNSUPPORTED_MEDIA_TYPE",
            _ => "INTERNAL_ERROR",
        };
        coded(status, code, message)
    }
}

impl Kii {
    /// Every call names the app, and so may the path.
    fn app(&self, request: &Request) -> Result<(), Answer> {
        match request.header("x-kii-appid") {
            None => return Err(self.error(401, "X-Kii-AppID is missing")),
            Some(id) if id != known::APP_ID => return Err(no_such_app()),
            Some(_) => {}
        }
        match request.header("x-kii-appkey") {
            None => return Err(self.error(401, "X-Kii-AppKey is missing")),
            Some(key) if key != known::APP_KEY => {
                return Err(self.error(401, "X-Kii-AppKey is not the app's"));
            }
            Some(_) => {}
        }
        match app_path(&request.path) {
            Some((app, _)) if app != known::APP_ID => Err(no_such_app()),
            _ => Ok(()),
        }
    }

    /// `expiresAt` is a number of milliseconds in the future, never a string.
    fn expires_at(&self, value: Option<Value>, now_ms: i64) -> Result<Option<i64>, Answer> {
        let Some(value) = value else {
            return Ok(None);
        };
        match value.as_i64() {
            Some(ends_ms) if ends_ms > now_ms => Ok(Some(ends_ms)),
            Some(_) => Err(self.bad_fields(&[FieldFault::new("expiresAt", "is in the past")])),
            None => Err(self.bad_fields(&[FieldFault::new(
                "expiresAt",
                "must be a whole number of milliseconds since 1970",
            )])),
        }
    }
}

/// App ID and the rest of a path under `/api/apps/{appID}`.
fn app_path(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/api/apps/")?;
    let slash = rest.find('/')?;
    Some(rest.split_at(slash))
}

/// The `grant_type` that belongs to a body at the app's own path.
fn wanted_grant(body: &Fields) -> &'static str {
    if body.has("client_id") { "client_credentials" } else { "password" }
}

fn login(call: &mut Call<'_>, body: Fields, ends_ms: Option<i64>) -> Outcome {
    let by_client = body.has("client_id") || body.has("client_secret");
    let names = if by_client { ["client_id", "client_secret"] } else { ["username", "password"] };
    let body = body.exactly(&names, &[]).map_err(|faults| call.rules.bad_fields(&faults))?;
    let principal = principal_of(body.text(names[0]), by_client);
    let now_ms = call.scene.now_ms;
    call.site
        .login(&principal, body.text(names[1]), now_ms)
        .map_err(|refused| call.rules.wrong_login(refused))?;
    let grant = Grant { principal: principal.clone(), scope: String::new() };
    let minted = call.site.vault.start(grant, !by_client, ends_ms, now_ms);
    Ok(tokens(&principal, &minted))
}

/// Every name by which a principal may be called, reduced to its ID. An unknown name stays itself,
/// marked so that no one can log in by an ID.
fn principal_of(name: &str, by_client: bool) -> String {
    if by_client {
        return match name {
            known::CLIENT_ID => ADMIN.to_owned(),
            known::APP_ID => ANONYMOUS.to_owned(),
            _ => format!("nobody:{name}"),
        };
    }
    if let Some(thing) = name.strip_prefix(THING_PREFIX) {
        return if thing == known::VENDOR_THING_ID {
            known::THING_ID.to_owned()
        } else {
            format!("nobody:{name}")
        };
    }
    let bare = name.strip_prefix("EMAIL:").unwrap_or(name);
    let user = bare == known::USERNAME
        || [known::LOGIN_NAME, known::PHONE, known::LOCAL_PHONE].contains(&name);
    if user { known::USER_ID.to_owned() } else { format!("nobody:{name}") }
}

fn refresh(call: &mut Call<'_>, body: Fields, ends_ms: Option<i64>, of_app: bool) -> Outcome {
    let body =
        body.exactly(&["refresh_token"], &[]).map_err(|faults| call.rules.bad_fields(&faults))?;
    let token = body.text("refresh_token");
    let now_ms = call.scene.now_ms;
    let vault = &mut call.site.vault;
    let principal = vault.refresh_grant(token, now_ms).map(|grant| grant.principal.clone());
    let mut minted =
        vault.renew(token, ends_ms, now_ms).map_err(|dead| dead_refresh(dead, of_app))?;
    minted.refresh.get_or_insert_with(|| token.to_owned());
    Ok(tokens(&principal.unwrap_or_default(), &minted))
}

/// The path that Kii's guide names answers as the guide has it, in the manner of RFC 6749 5.2. The app's own path
/// answers as the cloud has been seen to.
fn dead_refresh(dead: Dead, of_app: bool) -> Answer {
    let why = format!("the refresh token {}", dead.why());
    if of_app {
        coded(403, "WRONG_REFRESH_TOKEN", &why)
    } else {
        grant_refused("invalid_grant", &why)
    }
}

/// Lifetimes without an end have been seen as three numbers, each a trap for some integer type.
fn tokens(principal: &str, minted: &Minted) -> Answer {
    let never = match principal {
        known::USER_ID => 2_147_483_647,
        known::THING_ID => 9_223_372_036_854_775,
        _ => 148_478_248_144_076_800,
    };
    let mut body = json!({
        "access_token": minted.access,
        "expires_in": minted.expires_in(never),
        "token_type": "Bearer",
    });
    if let Some(refresh) = &minted.refresh {
        body["id"] = json!(principal);
        body["refresh_token"] = json!(refresh);
    }
    Answer::json(200, &body)
}

fn grant_refused(code: &str, why: &str) -> Answer {
    Answer::json(400, &json!({ "errorCode": code, "error_description": why, "error": code }))
}

fn no_such_app() -> Answer {
    coded(404, "APP_NOT_FOUND", "there is no such app")
}

fn coded(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "errorCode": code, "message": message }))
}
