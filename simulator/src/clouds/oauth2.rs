//! A plain OAuth 2.0 authorization server (RFC 6749), with revocation (RFC 7009), metadata
//! (RFC 8414 and OpenID Connect Discovery) and one resource (RFC 6750). People are asked in person.rs,
//! and keys in dpop.rs.

use std::time::Duration;

use serde_json::json;

use super::call::{Call, FORM, Scene};
use super::cloud::Role;
use super::dpop;
use super::list::{List, Pages};
use super::oauth2_client::authenticate;
use super::oauth2_grants::{JWT_BEARER, TOKEN_EXCHANGE, by_assertion, by_exchange};
use super::person;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, oauth2 as known};
use crate::fields::{self, FieldFault, Fields};
use crate::form::decode;
use crate::http::{Answer, Request};
use crate::tokens::{Dead, Form, Grant, Habits, Minted, Rotation};

pub(super) struct OAuth2;

const CLIENT: &str = "client:gateway-7";
const LIMITED_CLIENT: &str = "client:reporter";
/// Whom a person may let in.
pub(super) const CLIENTS: [&str; 3] =
    [known::PUBLIC_CLIENT_ID, known::CLIENT_ID, known::PROVING_CLIENT_ID];
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The scopes of OpenID Connect (Core 5.4) that every client may ask for.
const OPENID: &str = "openid profile email";

impl Rules for OAuth2 {
    fn habits(&self) -> Habits {
        Habits {
            form: Form::Opaque,
            access: Some(Duration::from_secs(3600)),
            refresh: Some(Duration::from_secs(30 * 86_400)),
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }

    fn logins(&self) -> &'static [Login] {
        const ID: (&str, &str) = ("client_id", known::CLIENT_ID);
        const SECRET: (&str, &str) = ("client_secret", known::CLIENT_SECRET);
        &[
            ("client-credentials", &[("grant", "client_credentials"), ID, SECRET]),
            (
                "password",
                &[
                    ("grant", "password"),
                    ID,
                    SECRET,
                    ("username", known::USERNAME),
                    ("password", known::PASSWORD),
                ],
            ),
        ]
    }

    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (known::USERNAME, known::PASSWORD),
            (CLIENT, known::CLIENT_SECRET),
            (LIMITED_CLIENT, known::LIMITED_CLIENT_SECRET),
        ]
    }

    fn principals(&self) -> &'static [&'static str] {
        &[known::USERNAME]
    }

    fn clients(&self) -> &'static [&'static str] {
        &[CLIENT]
    }

    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        match request.path.as_str() {
            path if is_token_path(path) => {
                let body = Fields::from(decode(&request.body).unwrap_or_default());
                Some(match body.text("grant_type") {
                    "refresh_token" => "refresh",
                    DEVICE_GRANT => "poll",
                    _ => "login",
                })
            }
            person::DEVICE_PATH => Some("device"),
            person::PAGE | person::AUTHORIZE_PATH => Some("page"),
            known::REVOCATION_PATH => Some("revoke"),
            path if issuer_path(path).is_some() => Some("metadata"),
            _ => None,
        }
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        if call.name == "metadata" {
            call.only("GET")?;
            return Ok(metadata(call.scene, &call.request.path));
        }
        if call.name == "page" {
            return match call.request.path.as_str() {
                person::PAGE => person::page(call),
                _ => person::authorize(call),
            };
        }
        // POST is the only method of the token endpoint (3.2).
        call.only("POST")?;
        let fields = parameters(call)?;
        let client = authenticate(call, &fields)?;
        if call.name == "revoke" {
            return revoke(call, &fields);
        }
        if call.name == "device" {
            may_use_more(&client.id)?;
            let answer = person::device(call, &client.id, &fields)?;
            return Ok(answer.with("Cache-Control", "no-store"));
        }
        let thumbprint = dpop::at_token_endpoint(call, &client)?;
        let answer = match fields.text("grant_type") {
            DEVICE_GRANT => {
                let (minted, scope) = person::by_device(call, &client.id, &fields)?;
                tokens(&minted, &scope)
            }
            "authorization_code" => {
                let (minted, scope) =
                    person::by_code(call, &client.id, &fields, thumbprint.as_deref())?;
                tokens(&minted, &scope)
            }
            "client_credentials" if !client.proven => {
                // Only for clients that keep a secret (4.4).
                return Err(refusal(
                    "unauthorized_client",
                    "a public client cannot log in as itself",
                ));
            }
            "client_credentials" => by_client(call, &client.id, &fields)?,
            "password" => by_password(call, &client.id, &fields)?,
            "refresh_token" => by_refresh(call, &client.id, &fields, thumbprint.as_deref())?,
            JWT_BEARER => by_assertion(call, &client, &fields)?,
            TOKEN_EXCHANGE => by_exchange(call, &client, &fields)?,
            "" => return Err(refusal("invalid_request", "grant_type is missing")),
            _ => {
                let why = "the metadata lists the grant types of this server";
                return Err(refusal("unsupported_grant_type", why));
            }
        };
        let answer = match &thumbprint {
            Some(thumbprint) => dpop::bind(call, &client, thumbprint, answer),
            None => answer,
        };
        // 5.1 asks for both.
        Ok(answer.with("Cache-Control", "no-store").with("Pragma", "no-cache"))
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        if let Some(token) = call.request.credentials("authorization", "DPoP") {
            return dpop::admit(call, token);
        }
        let bearer = call.request.credentials("authorization", "Bearer");
        if let Some(token) = bearer.filter(|token| call.site.vault.binding(token).is_some()) {
            // 7.2 of RFC 9449: it would be good without its key.
            return Err(self.dead_access(Dead::Unknown, token));
        }
        let challenge = "Bearer realm=\"devices\"";
        call.carried(self.carriers()).map_err(|refusal| {
            if refusal.has("www-authenticate") {
                refusal
            } else {
                refusal.with("WWW-Authenticate", challenge)
            }
        })
    }

    fn list(&self) -> List {
        List {
            method: "GET",
            path: "/devices",
            pages: Pages::Linked("page", 1),
            body: |page| json!({ "devices": page.items, "total": page.total }),
        }
    }

    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        let why = format!("the access token {}", dead.why());
        let challenge = format!(
            "Bearer realm=\"devices\", error=\"invalid_token\", error_description=\"{why}\""
        );
        let body = json!({ "error": "invalid_token", "error_description": why });
        Answer::json(401, &body).with("WWW-Authenticate", challenge)
    }

    fn dead_refresh(&self, dead: Dead) -> Answer {
        refusal("invalid_grant", &format!("the refresh token {}", dead.why()))
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        let error = match status {
            401 => "invalid_token",
            _ => "invalid_request",
        };
        Answer::json(status, &json!({ "error": error, "error_description": message }))
    }
}

/// An error of 5.2: always 400, but for `invalid_client`.
pub(super) fn refusal(error: &str, why: &str) -> Answer {
    let body = json!({
        "error": error,
        "error_description": why,
        "error_uri": "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
    });
    Answer::json(400, &body).with("Cache-Control", "no-store").with("Pragma", "no-cache")
}

/// 401 in place of 400, and the challenge of the scheme that was used (5.2).
pub(super) fn client_refused(by_header: bool, why: &str) -> Answer {
    let mut answer = refusal("invalid_client", why);
    answer.status = 401;
    if by_header {
        answer.set("WWW-Authenticate", "Basic realm=\"token endpoint\"");
    }
    answer
}

/// A parameter without a value counts as left out, an unknown one is ignored, and none may come
/// twice (3.2).
fn parameters(call: &Call<'_>) -> Result<Fields, Answer> {
    const SECRET: [&str; 5] = ["client_secret", "client_id", "password", "refresh_token", "token"];
    if SECRET.iter().any(|name| call.request.names(name)) {
        // 2.3.1 forbids them in the URI.
        return Err(refusal("invalid_request", "credentials must not be in the query"));
    }
    call.media(&[FORM])?;
    let mut pairs =
        decode(&call.request.body).map_err(|fault| refusal("invalid_request", fault))?;
    pairs.retain(|(_, value)| !value.is_empty());
    let fields = Fields::from(pairs);
    // Of these there may be several (RFC 8707 2, RFC 8693 2.1).
    let several = |fault: &FieldFault| ["resource", "audience"].contains(&fault.field.as_str());
    let mut repeated = fields.repeated();
    repeated.retain(|fault| !several(fault));
    if repeated.is_empty() {
        Ok(fields)
    } else {
        Err(refusal("invalid_request", &fields::sentence(&repeated)))
    }
}

fn by_client(call: &mut Call<'_>, client: &str, fields: &Fields) -> Outcome {
    let scope = granted_scope(call, fields)?;
    let grant = Grant { principal: format!("{client}/"), scope: scope.clone() };
    // Without a refresh token (4.4.3).
    let minted = call.site.vault.start(grant, false, None, call.scene.now_ms);
    Ok(tokens(&minted, &scope))
}

fn by_password(call: &mut Call<'_>, client: &str, fields: &Fields) -> Outcome {
    may_use_more(client)?;
    for name in ["username", "password"] {
        if !fields.has(name) {
            return Err(refusal("invalid_request", &format!("{name} is missing")));
        }
    }
    let scope = granted_scope(call, fields)?;
    let name = fields.text("username");
    // Clients live under names of their own; nobody is let in as a person by one of them.
    if name.starts_with("client:") {
        return Err(refusal("invalid_grant", "the name or the password is wrong"));
    }
    call.site
        .login(name, fields.text("password"), call.scene.now_ms)
        .map_err(|refused| refusal("invalid_grant", refused.why()))?;
    let grant = Grant { principal: format!("{client}/{name}"), scope: scope.clone() };
    let minted = call.site.vault.start(grant, true, None, call.scene.now_ms);
    Ok(tokens(&minted, &scope))
}

fn by_refresh(
    call: &mut Call<'_>,
    client: &str,
    fields: &Fields,
    thumbprint: Option<&str>,
) -> Outcome {
    may_use_more(client)?;
    if !fields.has("refresh_token") {
        return Err(refusal("invalid_request", "refresh_token is missing"));
    }
    let token = fields.text("refresh_token");
    let bound = call.site.vault.binding(token);
    if bound.is_some() && bound != thumbprint {
        return Err(refusal("invalid_grant", "the refresh token is bound to another key"));
    }
    let mut scope = String::new();
    if let Ok(grant) = call.site.vault.refresh_grant(token, call.scene.now_ms) {
        if !grant.principal.starts_with(&format!("{client}/")) {
            return Err(refusal("invalid_grant", "the refresh token was issued to another client"));
        }
        // No scope that was not granted at first (6).
        scope = scope_of(fields, &grant.scope, "")?;
    }
    let minted = call
        .site
        .vault
        .renew(token, None, call.scene.now_ms)
        .map_err(|dead| call.rules.dead_refresh(dead))?;
    Ok(tokens(&minted, &scope))
}

fn may_use_more(client: &str) -> Result<(), Answer> {
    if client == known::LIMITED_CLIENT_ID {
        return Err(refusal("unauthorized_client", "this client may use client_credentials only"));
    }
    Ok(())
}

fn is_token_path(path: &str) -> bool {
    [known::TOKEN_PATH, known::MTLS_TOKEN_PATH].contains(&path) || path == realm_path()
}

/// The token endpoint as a Keycloak realm has it.
fn realm_path() -> String {
    format!("/realms/{}/protocol/openid-connect/token", known::REALM)
}

/// The scope that a person is asked about.
pub(super) fn scope_of_text(scope: &str) -> Result<String, Answer> {
    let fields = Fields::from(vec![("scope".to_owned(), scope.to_owned())]);
    scope_of(&fields, known::SCOPE, &format!("{OPENID} offline_access"))
}

/// What was asked for, or else `usual`; it may be any of that and of `more`.
fn scope_of(fields: &Fields, usual: &str, more: &str) -> Result<String, Answer> {
    if fields.text("scope").is_empty() {
        return Ok(usual.to_owned());
    }
    let wanted = fields.text("scope");
    let mut allowed = usual.split(' ').chain(more.split(' '));
    let mut wanted: Vec<&str> = wanted.split(' ').collect();
    // It may be asked for and is not granted, which is told by `scope` (3.3).
    wanted.retain(|scope| *scope != known::UNGRANTED_SCOPE);
    if wanted.iter().all(|scope| allowed.clone().any(|known| known == *scope)) {
        Ok(wanted.join(" "))
    } else {
        Err(refusal(
            "invalid_scope",
            &format!("the scope may be any of: {}", allowed.by_ref().collect::<Vec<_>>().join(" ")),
        ))
    }
}

/// `audience`, and `resource` of RFC 8707 with its error; of each there may be several.
fn audience_of(call: &Call<'_>) -> Result<(), Answer> {
    let known = [known::AUDIENCE, known::OTHER_AUDIENCE];
    for (name, value) in decode(&call.request.body).unwrap_or_default() {
        let is_one = ["audience", "resource"].contains(&name.as_str());
        if is_one && !value.is_empty() && !known.contains(&value.as_str()) {
            return Err(refusal(
                "invalid_target",
                &format!("{name} must be {}", known.join(" or ")),
            ));
        }
    }
    Ok(())
}

/// What is granted of what a call asks for.
pub(super) fn granted_scope(call: &Call<'_>, fields: &Fields) -> Result<String, Answer> {
    audience_of(call)?;
    scope_of(fields, known::SCOPE, OPENID)
}

pub(super) fn tokens(minted: &Minted, scope: &str) -> Answer {
    let mut body = json!({
        "access_token": minted.access,
        "token_type": "Bearer",
        "scope": scope,
    });
    if let Some(lifetime_ms) = minted.lifetime_ms {
        body["expires_in"] = json!(lifetime_ms / 1000);
    }
    if let Some(refresh) = &minted.refresh {
        body["refresh_token"] = json!(refresh);
    }
    Answer::json(200, &body)
}

/// 200 whether the token was known or not (RFC 7009 2.2).
fn revoke(call: &mut Call<'_>, fields: &Fields) -> Outcome {
    if !fields.has("token") {
        return Err(refusal("invalid_request", "token is missing"));
    }
    call.site.vault.revoke(fields.text("token"));
    Ok(Answer::empty(200))
}

/// The path of the issuer whose metadata is at this one. Those of tenants are where RFC 8414 3.1 puts
/// them, with the issuer's path at the end.
fn issuer_path(path: &str) -> Option<&str> {
    const SERVER: &str = "/.well-known/oauth-authorization-server";
    const OPENID: &str = "/.well-known/openid-configuration";
    match path {
        SERVER | OPENID => Some(""),
        _ if path.strip_prefix(SERVER) == Some(known::TENANT_PATH) => Some(known::TENANT_PATH),
        _ if path.strip_prefix(OPENID) == Some(known::OPENID_TENANT_PATH) => {
            Some(known::OPENID_TENANT_PATH)
        }
        _ => None,
    }
}

fn metadata(scene: &Scene<'_>, path: &str) -> Answer {
    let origin = scene.here();
    let mut metadata = document(scene, &origin);
    let issuer = format!("{origin}{}", issuer_path(path).unwrap_or_default());
    metadata["issuer"] = json!(issuer);
    metadata["userinfo_endpoint"] = json!(format!("{origin}{}", known::USERINFO_PATH));
    Answer::json(200, &metadata)
}

fn document(scene: &Scene<'_>, issuer: &str) -> serde_json::Value {
    let mut metadata = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}{}", known::TOKEN_PATH),
        "revocation_endpoint": format!("{issuer}{}", known::REVOCATION_PATH),
        "device_authorization_endpoint": format!("{issuer}{}", person::DEVICE_PATH),
        "authorization_endpoint": format!("{issuer}{}", person::AUTHORIZE_PATH),
        "authorization_response_iss_parameter_supported": true,
        "code_challenge_methods_supported": ["S256"],
        "response_types_supported": ["code"],
        "grant_types_supported": [
            "client_credentials",
            "password",
            "refresh_token",
            "authorization_code",
            DEVICE_GRANT,
            JWT_BEARER,
            TOKEN_EXCHANGE,
        ],
        "token_endpoint_auth_methods_supported": [
            "none",
            "client_secret_basic",
            "client_secret_post",
            "client_secret_jwt",
            "private_key_jwt",
            "tls_client_auth",
        ],
        "token_endpoint_auth_signing_alg_values_supported":
            ["RS256", "PS256", "ES256", "EdDSA", "HS256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "scopes_supported": known::SCOPE.split(' ').collect::<Vec<_>>(),
    });
    if scene.client_cert.is_some() {
        // Where this port asks for certificates.
        let token_endpoint = format!("{issuer}{}", known::MTLS_TOKEN_PATH);
        metadata["mtls_endpoint_aliases"] = json!({ "token_endpoint": token_endpoint });
    }
    metadata
}
