//! Avnet IoTConnect: three steps to a token, three hosts, and a status said twice.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Outcome, Role, Scene, Wire, api, json_fields, only, only_post};
use crate::credentials::iotconnect as known;
use crate::fields::FieldFault;
use crate::form::unescape;
use crate::http::{Answer, Request};
use crate::site::Site;
use crate::tokens::{Form, Grant, Habits, Minted, Rotation, random};

pub(super) struct IotConnect;

/// Documented nowhere: a basic token is good for one login's time and some more.
const BASIC_TOKEN_MS: i64 = 3600 * 1000;

impl Wire for IotConnect {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Jwt("https://authpoc.iotconnect.io"),
            access: Some(Duration::from_secs(3600)),
            // Documented nowhere.
            refresh: Some(Duration::from_secs(86_400)),
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[(known::USERNAME, known::PASSWORD)]
    }

    fn principals(&self) -> &'static [&'static str] {
        &[known::USERNAME]
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

    fn exchange(
        &self,
        scene: &Scene<'_>,
        site: &mut Site,
        call: &str,
        request: &Request,
    ) -> Outcome {
        match call {
            "basic-token" => self.basic_token(scene, site, request),
            "login" => self.login(scene, site, request),
            "refresh" => self.refresh(scene, site, request),
            "discovery" => self.discovery(scene, request),
            _ => {
                only(self, "GET", request)?;
                self.admit(scene, site, request)?;
                Ok(Answer::json(200, &json!({ "status": 200, "message": "the token is valid" })))
            }
        }
    }

    fn admit(&self, scene: &Scene<'_>, site: &Site, request: &Request) -> Result<(), Answer> {
        let token = request
            .credentials("authorization", "Bearer")
            .ok_or_else(|| self.error(401, "Authorization: Bearer is missing"))?;
        match site.vault.access(token, scene.now_ms) {
            Ok(_) => Ok(()),
            Err(dead) => Err(self.error(401, &format!("the access token {}", dead.why()))),
        }
    }

    fn devices(&self, scene: &Scene<'_>, request: &Request) -> Option<Outcome> {
        let path = request.path.as_str();
        let listed = match scene.role {
            Role::Api => matches!(path, "/api/v2/Device" | "/api/v1.1/Device"),
            // The guide's own example asks the host of the token calls.
            _ => path == "/api/v1.1/Device",
        };
        listed.then(|| {
            only(self, "GET", request)?;
            let number = request.parameter("pageNumber");
            let page = api::page(self, number.as_deref(), 1)?;
            let here = format!("{}{path}", scene.here());
            let mut links = vec![json!({ "href": here, "rel": "first", "method": "GET" })];
            if let Some(next) = page.next {
                let href = format!("{here}?pageNumber={next}");
                links.push(json!({ "href": href, "rel": "next", "method": "GET" }));
            }
            Ok(Answer::json(
                200,
                &json!({ "data": page.items, "status": 200, "count": api::TOTAL, "links": links }),
            ))
        })
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
    fn basic_token(&self, scene: &Scene<'_>, site: &mut Site, request: &Request) -> Outcome {
        only(self, "GET", request)?;
        let token = STANDARD.encode([b"basic:".as_slice(), &random(24)].concat());
        site.basic_tokens.retain(|_, ends_ms| *ends_ms > scene.now_ms);
        site.basic_tokens.insert(token.clone(), scene.now_ms.saturating_add(BASIC_TOKEN_MS));
        Ok(Answer::json(
            200,
            &json!({
                "data": token,
                "status": 200,
                "message": "Basic token has been generated successfully",
            }),
        ))
    }

    fn login(&self, scene: &Scene<'_>, site: &mut Site, request: &Request) -> Outcome {
        only_post(self, request)?;
        self.basic(scene, site, request)?;
        match request.header("solution-key") {
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
        let fields = json_fields(self, &["username", "password"], request)?;
        let (name, password) = (fields.text("username"), fields.text("password"));
        site.login(name, password, scene.now_ms)
            .map_err(|refused| self.error(401, refused.why()))?;
        let grant = Grant { principal: name.to_owned(), scope: String::new() };
        Ok(tokens(&site.vault.start(grant, true, None, scene.now_ms)))
    }

    /// The basic token must come back as it was given: it is base64 already.
    fn basic(&self, scene: &Scene<'_>, site: &Site, request: &Request) -> Result<(), Answer> {
        let token = request.credentials("authorization", "Basic").ok_or_else(|| {
            self.error(401, "Authorization: Basic with the basic token is missing")
        })?;
        let good = |token: &str| {
            let ends_ms = site.basic_tokens.get(token);
            ends_ms.is_some_and(|ends_ms| *ends_ms > scene.now_ms)
        };
        if good(token) {
            return Ok(());
        }
        let inner = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if inner.is_some_and(|inner| good(inner.trim_end_matches(':'))) {
            return Err(
                self.error(401, "the basic token was encoded again; send it as it was given")
            );
        }
        Err(self.error(401, "the basic token is not one that was given, or has expired"))
    }

    /// Neither Authorization nor solution-key is needed here.
    fn refresh(&self, scene: &Scene<'_>, site: &mut Site, request: &Request) -> Outcome {
        only_post(self, request)?;
        let fields = json_fields(self, &["refreshtoken"], request)?;
        let token = fields.text("refreshtoken");
        let mut minted = site
            .vault
            .renew(token, None, scene.now_ms)
            .map_err(|dead| self.error(409, &format!("the refresh token {}", dead.why())))?;
        minted.refresh.get_or_insert_with(|| token.to_owned());
        Ok(tokens(&minted))
    }

    /// An unknown solution or environment is told under 200, with `data: null`.
    fn discovery(&self, scene: &Scene<'_>, request: &Request) -> Outcome {
        only(self, "GET", request)?;
        let decoded: Vec<String> = request
            .path
            .split('/')
            .map(|segment| unescape(segment.replace('+', "%2B").as_bytes()).unwrap_or_default())
            .collect();
        let words: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let ["", "api", "uisdk", "solutionkey", solution, "env", environment] = words[..] else {
            return Err(self.error(404, "the path is not solutionkey/{key}/env/{environment}"));
        };
        let nothing = |why: &str| {
            Ok(Answer::json(200, &json!({ "data": null, "status": 200, "message": why })))
        };
        let platform = request.parameter("pf").unwrap_or_default();
        let version = request.parameter("version").unwrap_or_default();
        match (platform.as_str(), version.as_str()) {
            ("aws", "2.1") | ("az", "2") => {}
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
            [Role::Auth, Role::Api].map(|role| format!("{}/api/v2", scene.url(role)));
        let data = json!({
            "authBaseUrl": auth,
            "deviceBaseUrl": device,
            "userBaseUrl": device,
            "firmwareBaseUrl": device,
            "eventBaseUrl": device,
            "telemetryBaseUrl": device,
            "fileBaseUrl": device,
            "masterBaseUrl": device,
        });
        Ok(Answer::json(200, &json!({ "data": data, "status": 200, "message": "" })))
    }
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
