//! AWS Cognito: every call at one path, told apart by a header, and 400 for whatever is wrong.

use serde_json::{Value, json};

use super::call::Call;
use super::cloud::Role;
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::fields::{FieldFault, sentence};
use crate::http::{Answer, Request};
use crate::site::Refused;
use crate::tokens::{Dead, Form, Habits, Rotation};

pub(super) struct Cognito;

const MEDIA: &str = "application/x-amz-json-1.1";

impl Rules for Cognito {
    fn habits(&self) -> Habits {
        // A refresh gives no other refresh token unless rotation is switched on.
        Habits { rotation: Rotation::Keep, ..Habits::default().of(Form::Jwt("cognito-idp")) }
    }

    fn logins(&self) -> &'static [Login] {
        &[(
            "password",
            &[
                ("client_id", known::CLIENT_ID),
                ("username", known::USERNAME),
                ("password", known::PASSWORD),
            ],
        )]
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        let refresh = String::from_utf8_lossy(&request.body).contains("REFRESH_TOKEN_AUTH");
        (request.path == "/").then_some(if refresh { "refresh" } else { "login" })
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        call.header("X-Amz-Target", "AWSCognitoIdentityProviderService.InitiateAuth")?;
        call.media(&[MEDIA])?;
        let body: Value = serde_json::from_slice(&call.request.body)
            .map_err(|_| named("SerializationException", "the body is not JSON"))?;
        let wanted = if call.name == "login" {
            json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": known::CLIENT_ID,
                "AuthParameters": { "USERNAME": null, "PASSWORD": null } })
        } else {
            json!({ "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": known::CLIENT_ID,
                "AuthParameters": { "REFRESH_TOKEN": null } })
        };
        if !is_like(&body, &wanted) {
            return Err(named("InvalidParameterException", "the body is not of this flow"));
        }
        let text = |name: &str| body["AuthParameters"][name].as_str().unwrap_or("");
        let mut result = json!({ "TokenType": "Bearer" });
        let minted = if call.name == "login" {
            let minted = call.enter(text("USERNAME"), text("PASSWORD"), true)?;
            result["RefreshToken"] = json!(minted.refresh);
            minted
        } else {
            call.renew(text("REFRESH_TOKEN"))?
        };
        result["AccessToken"] = json!(minted.access);
        result["ExpiresIn"] = json!(minted.expires_in(0));
        let body = json!({ "AuthenticationResult": result, "ChallengeParameters": {} });
        Ok(Answer::of(200, MEDIA, body.to_string().into_bytes()))
    }

    fn list(&self) -> List {
        List::bare("/devices")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        match status {
            401 => errors::message(401, message),
            _ => named("InvalidParameterException", message),
        }
    }

    fn bad_fields(&self, faults: &[FieldFault]) -> Answer {
        named("InvalidParameterException", &sentence(faults))
    }

    fn wrong_login(&self, _refused: Refused) -> Answer {
        named("NotAuthorizedException", "Incorrect username or password.")
    }

    fn dead_refresh(&self, dead: Dead) -> Answer {
        named("NotAuthorizedException", &format!("the refresh token {}", dead.why()))
    }
}

/// Whether a body has exactly these members, each with the value where one stands.
fn is_like(body: &Value, wanted: &Value) -> bool {
    match (body, wanted) {
        (Value::Object(body), Value::Object(wanted)) => {
            body.len() == wanted.len()
                && wanted
                    .iter()
                    .all(|(name, value)| body.get(name).is_some_and(|given| is_like(given, value)))
        }
        (body, Value::Null) => body.as_str().is_some_and(|text| !text.is_empty()),
        (body, wanted) => body == wanted,
    }
}

fn named(kind: &str, message: &str) -> Answer {
    let body = json!({ "__type": kind, "message": message });
    Answer::of(400, MEDIA, body.to_string().into_bytes())
}
