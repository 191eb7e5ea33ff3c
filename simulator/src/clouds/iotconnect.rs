//! Avnet IoTConnect: three steps to a token, three hosts, and a status said twice.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::Call;
use super::cloud::Role;
use super::list::{List, Pages};
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, iotconnect as known};
use crate::fields::FieldFault;
use crate::form::unescape;
use crate::http::{Answer, Request};
use crate::tokens::{Dead, Form, Habits, Minted, Rotation, random};

pub(super) struct IotConnect;

/// How long a basic token is good. Told nowhere; long enough for the login that follows it.
const BASIC_TOKEN_MS: i64 = 3600 * 1000;

impl Rules for IotConnect {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::JwtOf("https://authpoc.iotconnect.io", claims),
            access: Some(Duration::from_secs(3600)),
            // Documented nowhere.
            refresh: Some(Duration::from_secs(86_400)),
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[
                ("username", known::USERNAME),
                ("password", known::PASSWORD),
                ("solution_key", known::SOLUTION_KEY),
            ],
        )]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(known::USERNAME, known::PASSWORD)]
    }

    fn principals(&self) -> &'static [&'static str] {
        &[known::USERNAME]
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Auth, Role::Api, Role::Discovery]
    }

    fn call(&self, role: Role, request: &Request) -> Option<&'static str> {
        match (role, request.path.as_str()) {
            (Role::Auth, "/api/v2/Auth/basic-token") => Some("basic-token"),
            (Role::Auth, "/api/v2/Auth/login") => Some("login"),
            (Role::Auth, "/api/v2/Auth/refresh-token") => Some("refresh"),
            (Role::Auth, "/api/v2/Auth/verify-token") => Some("verify"),
            (Role::Discovery, path) if path.starts_with("/api/uisdk/solutionkey/") => {
                Some("discovery")
            }
            _ => None,
        }
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        match call.name {
            "basic-token" => basic_token(call),
            "login" => self.login(call),
            "refresh" => {
                // Neither Authorization nor solution-key is needed here.
                call.post()?;
                let fields = call.json(&["refreshtoken"])?;
                Ok(tokens(&call.renew(fields.text("refreshtoken"))?))
            }
            "discovery" => discovery(call),
            _ => {
                call.only("GET")?;
                self.admit(call)?;
                Ok(Answer::json(200, &json!({ "status": 200, "message": "the token is valid" })))
            }
        }
    }

    fn list(&self) -> List {
        List {
            method: "GET",
            path: "/api/v2/Device",
            pages: Pages::Number("pageNumber", 1),
            body: |page| {
                let mut links = vec![json!({ "href": page.here, "rel": "first", "method": "GET" })];
                if let Some(href) = &page.next_url {
                    links.push(json!({ "href": href, "rel": "next", "method": "GET" }));
                }
                json!({ "data": page.items, "status": 200, "count": page.total, "links": links })
            },
        }
    }

    /// IoTConnect's guide asks the host of the token calls for the list; the API's own host has it, too.
    fn is_list(&self, role: Role, path: &str) -> bool {
        path == "/api/v1.1/Device" || (role == Role::Api && path == "/api/v2/Device")
    }

    fn dead_refresh(&self, dead: Dead) -> Answer {
        self.error(409, &format!("the refresh token {}", dead.why()))
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        refusal(status, message, &Value::Null)
    }

    fn bad_fields(&self, faults: &[FieldFault]) -> Answer {
        let faults = faults.iter();
        let faults: Vec<_> =
            faults.map(|fault| json!({ "param": fault.field, "message": fault.error })).collect();
        refusal(400, "the body is not what this call takes", &Value::Array(faults))
    }
}

impl IotConnect {
    fn login(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        basic(call)?;
        match call.request.header("solution-key") {
            None => {
                return Err(
                    self.bad_fields(&[FieldFault::new("solution-key", "this header is missing")])
                );
            }
            Some(key) if key != known::SOLUTION_KEY => {
                return Err(self.error(401, "the solution-key is not known"));
            }
            Some(_) => {}
        }
        // A client of the vendor's sends the solution key here too: what is not known is ignored.
        let names = ["username", "password"];
        let fields = call
            .json_members()?
            .only(&names)
            .exactly(&names, &[])
            .map_err(|faults| self.bad_fields(&faults))?;
        let minted = call.enter(fields.text("username"), fields.text("password"), true)?;
        Ok(tokens(&minted))
    }
}

fn basic_token(call: &mut Call<'_>) -> Outcome {
    call.only("GET")?;
    let token = STANDARD.encode([b"basic:".as_slice(), &random(24)].concat());
    let now_ms = call.scene.now_ms;
    call.site.basic_tokens.retain(|_, ends_ms| *ends_ms > now_ms);
    call.site.basic_tokens.insert(token.clone(), now_ms.saturating_add(BASIC_TOKEN_MS));
    Ok(Answer::json(
        200,
        &json!({
            "data": token,
            "status": 200,
            "message": "Basic token has been generated successfully",
        }),
    ))
}

/// The basic token must come back as it was given: it is base64 already.
fn basic(call: &Call<'_>) -> Result<(), Answer> {
    let refused = |why| call.rules.error(401, why);
    let token = call
        .request
        .credentials("authorization", "Basic")
        .ok_or_else(|| refused("Authorization: Basic with the basic token is missing"))?;
    let good = |token: &str| {
        let ends_ms = call.site.basic_tokens.get(token);
        ends_ms.is_some_and(|ends_ms| *ends_ms > call.scene.now_ms)
    };
    if good(token) {
        return Ok(());
    }
    let inner = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if inner.is_some_and(|inner| good(inner.trim_end_matches(':'))) {
        return Err(refused("the basic token was encoded again; send it as it was given"));
    }
    Err(refused("the basic token is not one that was given, or has expired"))
}

/// An unknown solution or environment is told under 200, with `data: null`. A client of the
/// vendor's asks without `version`.
fn discovery(call: &mut Call<'_>) -> Outcome {
    call.only("GET")?;
    let request = call.request;
    let decoded: Vec<String> = request
        .path
        .split('/')
        .map(|segment| unescape(segment.replace('+', "%2B").as_bytes()).unwrap_or_default())
        .collect();
    let words: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let ["", "api", "uisdk", "solutionkey", solution, "env", environment] = words[..] else {
        return Err(call.rules.error(404, "the path is not solutionkey/{key}/env/{environment}"));
    };
    let nothing =
        |why: &str| Ok(Answer::json(200, &json!({ "data": null, "status": 200, "message": why })));
    let platform = request.parameter("pf").unwrap_or_default();
    let version = request.parameter("version");
    match (platform.as_str(), version.as_deref()) {
        ("aws", None | Some("2.1")) | ("az", None | Some("2")) => {}
        ("aws" | "az", _) => return nothing("version must be 2.1 for aws and 2 for az"),
        _ => return nothing("pf must be aws or az"),
    }
    if solution != known::SOLUTION_KEY {
        return nothing("the solution key is not known");
    }
    if ![known::ENVIRONMENT, known::OTHER_ENVIRONMENT].contains(&environment) {
        return nothing("the environment is not known");
    }
    let [auth, device] =
        [Role::Auth, Role::Api].map(|role| format!("{}/api/v2", call.scene.url(role)));
    let data = json!({
        "authBaseUrl": auth,
        "deviceBaseUrl": device,
        "userBaseUrl": device,
        "entityBaseUrl": device,
        "firmwareBaseUrl": device,
        "eventBaseUrl": device,
        "telemetryBaseUrl": device,
        "fileBaseUrl": device,
        "masterBaseUrl": device,
    });
    Ok(Answer::json(200, &json!({ "data": data, "status": 200, "message": "" })))
}

/// What the vendor's own decoder reads in a token besides its end.
fn claims(principal: &str) -> Value {
    json!({
        "aud": [],
        "user": { "id": principal, "companyId": "company-7", "cpId": "cp-7" },
    })
}

fn tokens(minted: &Minted) -> Answer {
    Answer::json(
        200,
        &json!({
            "token_type": "bearer",
            "access_token": minted.access,
            "expires_in": minted.expires_in(i64::from(i32::MAX)),
            "refresh_token": minted.refresh,
            "status": 200,
        }),
    )
}

fn refusal(status: u16, message: &str, error: &Value) -> Answer {
    Answer::json(
        status,
        &json!({ "status": status, "message": message, "error": error, "data": null }),
    )
}
