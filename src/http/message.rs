//! What goes through the transport: a request that is ready to go out, its answer, or its fault.

use super::payload::Payload;
use super::tls::TlsFiles;
use crate::error::Error;
use crate::http::headers::is_token;
use crate::http::url::Url;
use crate::support::clock::Moment;
use crate::support::secret::Secret;
use std::time::Duration;

/// The longest header that is sent, in bytes: many times what servers take, and half of the buffer
/// that a request is written through.
pub(crate) const MOST_HEADER: usize = 64 * 1024;

/// What makes two clients' connections interchangeable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportSettings {
    pub tls: TlsFiles,
    pub proxy: Option<Secret>,
    pub user_agent: String,
    pub connect_timeout: Duration,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Its answer is a token, or leads to one.
    Token,
    /// Whatever the caller wants of the cloud.
    Request,
}

/// One request, ready to go out.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub method: Method,
    pub url: Url,
    /// What messages call the URL. The real path may hold a token.
    pub shown: String,
    pub headers: Vec<(String, Secret)>,
    pub body: Payload,
}

/// A method, in the capitals it was given: they count (RFC 9110 9.1).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Method(String);

impl Method {
    /// The method of this name, or why it is none that is sent.
    pub fn parse(name: &str) -> Result<Method, &'static str> {
        const LONGEST: usize = 64;
        match name {
            // They open a tunnel, or echo what they carry.
            "CONNECT" | "TRACE" => Err("CONNECT and TRACE are not sent with credentials"),
            name if is_token(name) && name.len() <= LONGEST => Ok(Method(name.into())),
            _ => Err("the method is not an HTTP method"),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One answer: its head, and its body as far as it was read.
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// When it was asked for, if that was by an earlier call.
    pub asked: Option<Moment>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }
}

/// A request that got no whole answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub error: Error,
    /// Whether any of the request left this machine: if so, the cloud may have carried it out.
    pub sent: bool,
    /// Whether its answer can still be read, by who sends the same again.
    pub awaited: bool,
}
