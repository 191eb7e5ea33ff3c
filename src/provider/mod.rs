//! Clouds as data: the profile format, the built-in profiles, and the one engine that runs them.
//!
//! ```text
//! profile.rs ─ the format ─ check.rs, uses.rs: what a profile must hold to
//! selection.rs ─ which of its logins the options fit
//! exchange.rs ─ runs a login's steps
//!     fill.rs ─ template.rs, scope.rs, computed.rs: a step becomes a request
//!     reply.rs ─ rule.rs, reason.rs, verdict.rs: an answer becomes a verdict
//!     issued.rs ─ or a token
//! paging.rs ─ where the next page is
//! ```
//!
//! A worked case: `"url": "{base_url}/login"` is a template. `base_url` is an option, so it needs
//! no computing; it opens a URL, so it stands as it is. The answer is 400 with `BAD_CREDENTIALS`,
//! for which the step has a rule: the verdict is `Refused`.
//!
//! This room knows no cloud by name: what only one of them does is a word of the format, for all.
//! It knows no token that is at hand and no moment to renew one; what a verdict leads to is the
//! lifecycle's. docs/PROFILES.md tells the format to people.

mod check;
mod client_assertion;
pub(crate) mod client_auth;
mod computed;
pub(crate) mod consent;
pub(crate) mod dpop;
pub(crate) mod endpoints;
pub(crate) mod exchange;
pub(crate) mod extras;
pub(crate) mod failure;
pub(crate) mod fill;
pub(crate) mod issued;
pub(crate) mod json_template;
mod jwt;
#[cfg(test)]
mod key_vectors;
pub(crate) mod kinds;
pub(crate) mod names;
mod own_options;
pub(crate) mod paging;
pub(crate) mod places;
pub(crate) mod pointer;
pub(crate) mod profile;
pub(crate) mod reason;
pub(crate) mod redirect;
pub(crate) mod registry;
pub(crate) mod reply;
pub(crate) mod rule;
#[cfg(test)]
mod schema;
pub(crate) mod scope;
pub(crate) mod selection;
pub(crate) mod template;
pub(crate) mod trail;
mod uses;
#[cfg(test)]
mod vectors;
pub(crate) mod verdict;

use crate::error::Result;
use crate::model::option::{Kind, Opt};
use crate::model::option_table::table;
use crate::support::json::{Value, object};
use profile::{Login, Profile};
use registry::built_in;

/// The built-in providers and their options, as `keyfob_providers_json` gives them. Members may be
/// added, and keep their names: bindings and docs/CLOUDS.md are made from it.
pub(crate) fn providers_json() -> Result<String> {
    let providers: Value = built_in().map(|p| p.map(|p| provider(&p))).collect::<Result<_>>()?;
    let options: Value = table().iter().map(option).collect();
    let all = object([("providers", providers), ("options", options)]);
    Ok(all.to_json().to_string())
}

/// One provider: its logins, and the options that have a say in it.
fn provider(profile: &Profile) -> Value {
    let login = |(name, login): (&str, &Login)| {
        object([
            ("name", name.into()),
            ("title", (&login.title).into()),
            ("needs", login.needs.iter().collect()),
            ("uses", login.uses_of(&profile.table).iter().collect()),
            ("mqtt", (login.mqtt.is_some() || profile.mqtt.is_some()).into()),
        ])
    };
    let refresh = profile.refresh.as_ref();
    object([
        ("name", (&profile.name).into()),
        ("title", (&profile.title).into()),
        ("notes", profile.notes.iter().collect()),
        ("sources", profile.sources.iter().collect()),
        ("logins", profile.logins.iter().map(login).collect()),
        ("refreshes", refresh.is_some().into()),
        ("refresh_needs", refresh.map(|r| r.needs.iter().collect::<Value>()).into()),
        ("options", profile.option_names().iter().collect()),
        ("own_options", profile.own_options().map(option).collect()),
    ])
}

/// One option: its kind as other languages have it, its range, its default.
fn option(option: &Opt) -> Value {
    let (kind, range) = match &option.kind {
        Kind::Text | Kind::Lines | Kind::Profile | Kind::Proxy => ("text", Value::Null),
        Kind::Url | Kind::BaseUrl | Kind::Broker => ("url", Value::Null),
        Kind::Path => ("path", Value::Null),
        Kind::Bool => ("boolean", Value::Null),
        Kind::Number { from, to } => ("number", Value::from_iter([*from, *to])),
        Kind::Choice(words) => ("choice", words.iter().collect()),
        Kind::Origins => ("origins", Value::Null),
    };
    object([
        ("name", (&option.name).into()),
        ("group", option.group.name().into()),
        ("type", kind.into()),
        ("range", range),
        ("default", option.default.as_ref().into()),
        ("secret", option.secret.into()),
        ("help", (&option.help).into()),
    ])
}
