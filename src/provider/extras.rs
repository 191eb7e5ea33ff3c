//! What a token call carries besides what its profile says, where the step lets it (`extras`): the
//! options `resource`, `token_params` and `token_headers`.
//!
//! ```text
//! resource=https://api.example.com          resource=https%3A%2F%2Fapi.example.com in the form (RFC 8707)
//! token_params=tenant=7&mode=a%20b          tenant=7&mode=a+b in the form
//! token_headers=X-Region: eu                a header of the call
//! ```
//!
//! They are for servers that want something of their own. What an option of its own sets, or keyfob
//! itself, cannot be set this way: two values for one parameter are an error at most servers, and a
//! second `client_id` would be another client.

use crate::error::{Error, Result, Status};
use crate::http::headers::{is_of_the_connection, is_token};
use crate::http::url::{Url, form_encode};
use crate::model::option_table::{RESOURCE, TOKEN_HEADERS, TOKEN_PARAMS};
use crate::model::options::Options;
use crate::support::percent::percent_decoded;
use crate::support::secret::Secret;

/// The options that it is made of.
pub(super) const OPTIONS: &[&str] = &[RESOURCE.name, TOKEN_PARAMS.name, TOKEN_HEADERS.name];

/// Parameters that an option of their own sets, or that keyfob does.
const TAKEN: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "username",
    "password",
    "refresh_token",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "scope",
    "audience",
    "resource",
    "response_type",
    "redirect_uri",
    "state",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "device_code",
    "dpop_jkt",
];

/// Headers that keyfob sets itself.
const OWN_HEADERS: &[&str] = &["authorization", "content-type", "accept", "dpop"];

/// Further fields of a form, in their order: name and value, not yet encoded.
pub(super) fn fields(options: &Options) -> Result<Vec<(String, Secret)>> {
    let resources = options.text(RESOURCE).unwrap_or_default().split_whitespace();
    let mut all: Vec<(String, Secret)> =
        resources.map(|url| (RESOURCE.name.to_string(), Secret::from(url))).collect();
    let pairs = options.text(TOKEN_PARAMS).unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let wrong = |why: &str| invalid(TOKEN_PARAMS.name, why);
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| wrong("must be name=value pairs with & between them"))?;
        let bad = || wrong("% stands before two hexadecimal digits");
        let [name, value] = [name, value].map(|text| percent_decoded(text.as_bytes(), true));
        let name = name.text().ok_or_else(bad)?;
        if name.is_empty() || name.contains(|c: char| c.is_control()) {
            return Err(wrong("a parameter has no name"));
        }
        if TAKEN.contains(&name) {
            return Err(wrong(&format!(
                "{name} is not set here: it has an option, or is keyfob's own"
            )));
        }
        all.push((name.to_string(), Secret::from(value.text().ok_or_else(bad)?)));
    }
    Ok(all)
}

/// Further headers.
pub(super) fn headers(options: &Options) -> Result<Vec<(String, Secret)>> {
    let lines = options.text(TOKEN_HEADERS).unwrap_or_default().lines().map(str::trim);
    let mut all = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let wrong = |why: &str| invalid(TOKEN_HEADERS.name, why);
        let (name, value) =
            line.split_once(':').ok_or_else(|| wrong("must be lines of `Name: value`"))?;
        let (name, value) = (name.trim(), value.trim());
        if !is_token(name) {
            return Err(wrong("has a name that no header can have"));
        }
        let own = OWN_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own));
        if own || is_of_the_connection(name) {
            return Err(wrong(&format!("{name} is set by keyfob itself")));
        }
        if !value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(wrong(&format!("{name} has a character that a header cannot carry")));
        }
        all.push((name.to_string(), Secret::from(value)));
    }
    Ok(all)
}

/// What no message may show of them.
pub(super) fn secrets(options: &Options) -> Vec<Secret> {
    let fields = fields(options).into_iter().flatten().filter(|(name, _)| name != RESOURCE.name);
    let all = fields.chain(headers(options).into_iter().flatten());
    // What is not much of a secret would hide words that people need.
    all.map(|(_, value)| value).filter(|value| value.expose().len() >= 8).collect()
}

/// Refuses what cannot be sent, when the client is made.
pub(crate) fn check(options: &Options) -> Result<()> {
    headers(options)?;
    for (name, value) in fields(options)? {
        let is_resource = name == RESOURCE.name;
        // RFC 8707 2.
        if is_resource && (Url::parse(value.expose()).is_err() && !is_uri(value.expose())) {
            let what = "must be absolute URIs with blanks between them (RFC 8707)";
            return Err(invalid(RESOURCE.name, what));
        }
    }
    Ok(())
}

/// An absolute URI without a fragment, such as `urn:example:api`.
fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    scheme.is_some_and(is_scheme) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

/// Writes fields behind those that are there.
pub(super) fn append<'f>(fields: impl Iterator<Item = (&'f str, &'f Secret)>, text: &mut String) {
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        form_encode(name, text);
        text.push('=');
        form_encode(value.expose(), text);
    }
}

/// What is wrong with one of the options, by its name and without its value.
fn invalid(option: &str, why: &str) -> Error {
    Error::new(Status::InvalidOption, format!("{option}: {why}"))
}
