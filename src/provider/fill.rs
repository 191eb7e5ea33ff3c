//! A profile's step filled in: the HTTP request that it is.
//!
//! ```text
//! "url": "{token_endpoint}", "client_auth": true, "form": {"grant_type": "password", "username": "{username}"}
//!
//! POST https://login.example.com/token
//! Authorization: Basic Z2F0ZXdheTpzZWNyZXQ=
//! Content-Type: application/x-www-form-urlencoded
//!
//! grant_type=password&username=me%40example.com
//! ```
//!
//! In this order, since later parts may be made of earlier ones: URL and query, what authenticates
//! the client, the body, headers, and at last those headers that sign the rest.

use super::client_auth::{self, Credentials};
use super::extras;
use super::places::shown;
use super::profile::{Profile, Step};
use super::scope::Scope;
use super::template::{Place, Template};
use crate::error::{Error, Result, Status};
use crate::http::message::{Method, Outgoing};
use crate::http::payload::Payload;
use crate::http::url::{Url, form_encode, query_encode};
use crate::model::option_table::ALLOW_HTTP;
use crate::model::options::Options;
use crate::support::json::Value;
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The request that a step is, with one of its URLs. `INSECURE_URL` where credentials would cross
/// the network in the clear; `MISSING_OPTION` or `INVALID_OPTION` where a value is not there or
/// does not fit.
pub(super) fn request(
    profile: &Profile,
    options: &Options,
    step: &Step,
    url: &Template,
    scope: &mut Scope<'_>,
) -> Result<Outgoing> {
    let wrong = |what: &str| {
        Error::new(Status::InvalidProfile, format!("{} {}: {what}", profile.name, step.call))
    };
    let filled = scope.fill(url, Place::Url)?.ok_or_else(|| wrong("the URL has no value"))?;
    let mut query = fields(step.query.iter(), Place::Query, scope)?;
    if step.extras && step.form.is_none() {
        // Where a browser is sent: `resource` belongs there, too (RFC 8707 2.1).
        let more = extras::fields(options)?;
        extras::append(more.iter().map(|(name, value)| (name.as_str(), value)), &mut query);
    }
    let url_filled = Url::parse(filled.expose())?.with_query(&query)?;
    let shown = shown(url, scope.names(), scope);
    safe(&url_filled, options, || shown.clone())?;
    let client = match step.client_auth {
        true => client_auth::credentials(options, scope, url_filled.as_str())?,
        false => Credentials::default(),
    };
    let (body, kind) = body(step, &client, options, scope)?;
    let body = body.map_or(Payload::None, |body| Payload::Bytes(Arc::new(body)));
    let method = Method::parse(&step.method).map_err(wrong)?;
    let mut outgoing =
        Outgoing { method, url: url_filled, shown: Some(shown), headers: Vec::new(), body };
    let of_request = |template: &Template| profile.kinds.of_template(template).request;
    let (late, early): (Vec<_>, Vec<_>) = step.headers.iter().partition(|(_, t)| of_request(t));
    for (name, value) in early {
        let value = scope.fill(value, Place::Header)?;
        outgoing.headers.extend(value.map(|value| (name.to_string(), value)));
    }
    if let Some((user, password)) = &step.basic_auth {
        let filled = (scope.fill(user, Place::Form)?, scope.fill(password, Place::Form)?);
        if let (Some(user), Some(password)) = filled {
            let joined = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
            let value = Zeroizing::new(BASE64_STANDARD.encode(joined.as_bytes()));
            let value = Secret::new(format!("Basic {}", *value));
            outgoing.headers.push(("Authorization".into(), value));
        }
    }
    if step.extras {
        outgoing.headers.extend(extras::headers(options)?);
    }
    let authorization = client.authorization;
    outgoing.headers.extend(authorization.map(|value| ("Authorization".into(), value)));
    let has = |wanted: &str| outgoing.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(wanted));
    if let Some(kind) = kind.filter(|_| !has("content-type")) {
        outgoing.headers.push(("Content-Type".into(), kind.into()));
    }
    let signed = signed_headers(late.iter().copied(), scope, &outgoing)?;
    for (header, template) in late {
        let made = signed.iter().find(|(name, _)| name == header);
        if let Some((_, value)) = made.filter(|_| profile.kinds.of_template(template).secret) {
            scope.hide(header, value);
        }
    }
    outgoing.headers.extend(signed);
    Ok(outgoing)
}

/// The headers that are made of the request itself: signatures over its method, path, query and
/// body. A header does not sign the others of this kind.
pub(crate) fn signed_headers<'t>(
    headers: impl Iterator<Item = (&'t str, &'t Template)>,
    scope: &mut Scope<'_>,
    request: &Outgoing,
) -> Result<Vec<(String, Secret)>> {
    let headers: Vec<_> = headers.collect();
    // What all of them have in common, such as the time, is computed once and kept.
    headers.iter().try_for_each(|(_, value)| scope.prepare(value, Place::Header))?;
    let mut scope = scope.within(request);
    let mut filled = Vec::new();
    for (name, value) in headers {
        filled.extend(scope.fill(value, Place::Header)?.map(|value| (name.to_string(), value)));
    }
    Ok(filled)
}

/// Fields of a query or a form: `name=value`, joined by `&`. Those without a value are left out.
pub(crate) fn fields<'t>(
    fields: impl Iterator<Item = (&'t str, &'t Template)>,
    place: Place,
    scope: &mut Scope<'_>,
) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    for (name, value) in fields {
        // A value was escaped when its template was filled.
        let Some(value) = scope.fill(value, place)? else { continue };
        if !text.is_empty() {
            text.push('&');
        }
        match place {
            Place::Form => form_encode(name, &mut text),
            _ => query_encode(name, &mut text),
        }
        text.push('=');
        text.push_str(value.expose());
    }
    Ok(text)
}

/// A body, and its `Content-Type` where it has one of its own.
type Body = (Option<Zeroizing<Vec<u8>>>, Option<&'static str>);

/// A step's body: its form with what authenticates the client, its JSON document, or none.
fn body(
    step: &Step,
    client: &Credentials,
    options: &Options,
    scope: &mut Scope<'_>,
) -> Result<Body> {
    if let Some(form) = &step.form {
        let mut text = fields(form.iter(), Place::Form, scope)?;
        if step.extras {
            let more = extras::fields(options)?;
            extras::append(more.iter().map(|(name, value)| (name.as_str(), value)), &mut text);
        }
        // Some servers want the client's name beside a header that proves it: a profile may say it.
        let others = client.fields.iter().filter(|(name, _)| !form.contains(name));
        extras::append(others.map(|(name, value)| (*name, value)), &mut text);
        let bytes = Zeroizing::new(text.as_bytes().to_vec());
        return Ok((Some(bytes), Some("application/x-www-form-urlencoded")));
    }
    let Some(json) = &step.json else {
        // A POST without a body still says so: some servers answer 411 otherwise.
        let empty = (step.method == "POST").then(|| Zeroizing::new(Vec::new()));
        return Ok((empty, None));
    };
    let mut text = scope.fill_json(json)?.unwrap_or(Value::Null).to_json();
    let bytes = Zeroizing::new(std::mem::take(&mut *text).into_bytes());
    Ok((Some(bytes), Some("application/json")))
}

/// HTTPS, or plain HTTP where it cannot leave the machine (a loopback address, RFC 8252 7.3) or the
/// user said so (`allow_http`). `INSECURE_URL` for anything else. `shown` is the URL as messages
/// may have it.
pub(crate) fn safe(url: &Url, options: &Options, shown: impl FnOnce() -> String) -> Result<()> {
    let origin = url.origin();
    if origin.is_https() || origin.is_loopback() || options.flag(ALLOW_HTTP) {
        return Ok(());
    }
    Err(Error::new(
        Status::InsecureUrl,
        format!(
            "{}: plain HTTP to {} would show the credentials to the network; use https, or set allow_http",
            shown(),
            origin.host()
        ),
    ))
}
