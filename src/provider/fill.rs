//! A profile's step filled in: the HTTP request that it is.

use super::names::Names;
use super::profile::{Profile, Step};
use super::template::{Place, Template, Values};
use crate::error::{Error, Result, Status};
use crate::http::message::{Method, Outgoing};
use crate::http::url::{Url, form_encode, query_encode};
use crate::model::options::Options;
use crate::support::json::Value;
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// The request that a step is, with one of its URLs.
pub(super) fn request(
    profile: &Profile,
    options: &Options,
    step: &Step,
    url: &Template,
    names: &Names,
) -> Result<Outgoing> {
    let wrong = |what: &str| {
        Error::new(Status::InvalidProfile, format!("{} {}: {what}", profile.name, step.call))
    };
    let filled = url.fill(Place::Url, names)?.ok_or_else(|| wrong("the URL has no value"))?;
    let mut query = Zeroizing::new(String::new());
    for (name, value) in step.query.iter() {
        if let Some(value) = value.fill(Place::Query, names)? {
            pair(name, value.expose(), query_encode, &mut query);
        }
    }
    let url_filled = Url::parse(filled.expose())?.with_query(&query)?;
    let shown = shown(url, names);
    safe(&url_filled, options, || shown.clone())?;
    let mut headers = Vec::new();
    for (name, value) in step.headers.iter() {
        headers.extend(value.fill(Place::Header, names)?.map(|v| (name.to_string(), v)));
    }
    if let Some((user, password)) = &step.basic_auth {
        let filled = (user.fill(Place::Form, names)?, password.fill(Place::Form, names)?);
        if let (Some(user), Some(password)) = filled {
            let joined = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
            let value = Zeroizing::new(BASE64_STANDARD.encode(joined.as_bytes()));
            headers.push(("Authorization".into(), Secret::new(format!("Basic {}", *value))));
        }
    }
    let (body, kind) = body(step, names)?;
    let has = |wanted: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(wanted));
    if let Some(kind) = kind.filter(|_| !has("content-type")) {
        headers.push(("Content-Type".into(), kind.into()));
    }
    let method = Method::parse(&step.method).map_err(wrong)?;
    Ok(Outgoing { method, url: url_filled, shown, headers, body })
}

type Body = (Option<Zeroizing<Vec<u8>>>, Option<&'static str>);

fn body(step: &Step, names: &Names) -> Result<Body> {
    if let Some(form) = &step.form {
        let mut text = Zeroizing::new(String::new());
        for (name, value) in form.iter() {
            if let Some(value) = value.fill(Place::Form, names)? {
                pair(name, value.expose(), form_encode, &mut text);
            }
        }
        let bytes = Zeroizing::new(text.as_bytes().to_vec());
        return Ok((Some(bytes), Some("application/x-www-form-urlencoded")));
    }
    let Some(json) = &step.json else {
        // A POST without a body still says so: some servers answer 411 otherwise.
        let empty = (step.method == "POST").then(|| Zeroizing::new(Vec::new()));
        return Ok((empty, None));
    };
    let mut text = json.fill(names)?.unwrap_or(Value::Null).to_json();
    let bytes = Zeroizing::new(std::mem::take(&mut *text).into_bytes());
    Ok((Some(bytes), Some("application/json")))
}

/// A field; its value was escaped when its template was filled.
fn pair(name: &str, escaped: &str, encode: impl Fn(&str, &mut String), into: &mut String) {
    if !into.is_empty() {
        into.push('&');
    }
    encode(name, into);
    into.push('=');
    into.push_str(escaped);
}

/// A step's URL for messages: names that open it are filled, all others are left as they are.
fn shown(url: &Template, names: &Names) -> String {
    let source = url.source();
    match source.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((name, rest)) => {
            let base = names.value(name.trim_end_matches('?')).unwrap_or_default();
            let base = if rest.starts_with('/') { base.trim_end_matches('/') } else { base };
            format!("{base}{rest}")
        }
        None => source.to_string(),
    }
}

/// HTTPS, or plain HTTP where it cannot leave the machine or the user said so.
pub(crate) fn safe(url: &Url, options: &Options, shown: impl FnOnce() -> String) -> Result<()> {
    let origin = url.origin();
    if origin.is_https() || origin.is_loopback() || options.flag("allow_http") {
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
