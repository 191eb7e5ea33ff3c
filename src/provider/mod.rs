//! Clouds as data: the profile format, the built-in profiles, and the one engine that runs them.

pub(crate) mod exchange;
pub(crate) mod profile;
pub(crate) mod selection;

use crate::error::Result;
use crate::options::{Kind, Opt, table};
use profile::{Profile, built_in};
use serde_json::{Value, json};

/// The built-in providers and their options, as `keyfob_providers_json` gives them.
pub(crate) fn providers_json() -> Result<String> {
    let providers: Vec<Value> =
        built_in().map(|p| p.map(|p| provider(&p))).collect::<Result<_>>()?;
    let options: Vec<Value> = table().iter().map(option).collect();
    Ok(json!({ "providers": providers, "options": options }).to_string())
}

fn provider(profile: &Profile) -> Value {
    let logins: Vec<Value> = profile
        .logins
        .iter()
        .map(|(name, login)| {
            json!({ "name": name, "title": login.title, "needs": login.needs, "uses": login.uses })
        })
        .collect();
    json!({
        "name": profile.name,
        "title": profile.title,
        "notes": profile.notes,
        "logins": logins,
        "refreshes": profile.refresh.is_some(),
        "refresh_needs": profile.refresh.as_ref().map(|refresh| &refresh.needs),
        "options": profile.option_names(),
        "own_options": profile.own_options().iter().map(option).collect::<Vec<_>>(),
    })
}

fn option(option: &Opt) -> Value {
    let (kind, range) = match &option.kind {
        Kind::Text => ("text", Value::Null),
        Kind::Url | Kind::BaseUrl => ("url", Value::Null),
        Kind::Path => ("path", Value::Null),
        Kind::Bool => ("boolean", Value::Null),
        Kind::Number { from, to } => ("number", json!([from, to])),
        Kind::Choice(words) => ("choice", json!(words)),
        Kind::Origins => ("origins", Value::Null),
    };
    json!({
        "name": option.name,
        "group": format!("{:?}", option.group).to_lowercase(),
        "type": kind,
        "range": range,
        "default": option.default,
        "secret": option.secret,
        "help": option.help,
    })
}
