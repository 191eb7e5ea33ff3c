//! How an API request carries its credentials.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use serde_json::Value;

use crate::http::Request;

/// Where in a request the credentials are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Carrier {
    /// After a scheme's name in a header; the whole header where the scheme is empty.
    Header(&'static str, &'static str),
    /// In `Authorization: Basic`, after this name and a colon.
    Basic(&'static str),
    /// In a parameter of the query.
    Query(&'static str),
    /// At a place in the JSON body.
    Json(&'static str),
}

/// What the credentials are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Opens {
    /// An access token that was issued here.
    Token,
    /// The secret of this principal, as it is.
    Secret(&'static str),
}

impl Carrier {
    /// What the request carries here.
    pub(crate) fn find(self, request: &Request) -> Option<String> {
        match self {
            Carrier::Header(name, "") => request.header(name).map(str::to_owned),
            Carrier::Header(name, scheme) => request.credentials(name, scheme).map(str::to_owned),
            Carrier::Basic(user) => {
                let (name, password) = basic(request, "authorization")?;
                (name == user).then_some(password)
            }
            Carrier::Query(name) => request.parameter(name),
            Carrier::Json(pointer) => {
                let body: Value = serde_json::from_slice(&request.body).ok()?;
                Some(body.pointer(pointer)?.as_str()?.to_owned())
            }
        }
    }

    /// The header it is in.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Carrier::Header(name, _) => name,
            Carrier::Basic(_) => "Authorization",
            Carrier::Query(_) | Carrier::Json(_) => "",
        }
    }
}

/// Name and password of `Basic` in a header, as they are.
pub(crate) fn basic(request: &Request, header: &str) -> Option<(String, String)> {
    let given = STANDARD.decode(request.credentials(header, "Basic")?).ok()?;
    let given = String::from_utf8(given).ok()?;
    let (name, password) = given.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

impl fmt::Display for Carrier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Carrier::Header(name, "") => write!(out, "the header {name}"),
            Carrier::Header(name, scheme) => write!(out, "{name}: {scheme}"),
            Carrier::Basic(_) => write!(out, "Authorization: Basic"),
            Carrier::Query(name) => write!(out, "{name} in the query"),
            Carrier::Json(pointer) => write!(out, "{pointer} in the body"),
        }
    }
}
