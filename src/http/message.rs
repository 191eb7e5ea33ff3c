//! What goes through the transport: a request that is ready to go out, its answer, or its fault.
//!
//! The rooms above make requests and judge answers; nothing here is judged.

use super::payload::Payload;
use super::proxies::ProxyNames;
use super::tls::TlsFiles;
use crate::error::{Error, Status};
use crate::http::headers::is_token;
use crate::http::url::Url;
use crate::support::clock::Moment;
use crate::support::secret::Secret;
use std::borrow::Cow;
use std::time::Duration;

/// The longest header that is sent, in bytes: many times what servers take.
pub(crate) const MOST_HEADER: usize = 64 * 1024;

/// Options that a connection depends on. Clients whose settings are equal may share connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportSettings {
    /// Options `ca_file`, `ca_only`, `client_cert_file`, `client_key_file`.
    pub tls: TlsFiles,
    /// Option `proxy`, or what the environment says, with the passwords that may be in it.
    pub proxy: ProxyNames,
    /// Option `user_agent`.
    pub user_agent: String,
    /// Option `connect_timeout_ms`: to the connection, TLS not included.
    pub connect_timeout: Duration,
    /// Option `max_idle_connections`: of the whole process, when one of this transport's is put back.
    pub max_idle: usize,
}

/// What a request is for, which decides how careful the transport is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Its answer is a token, or leads to one: it must not be sent twice, and its answer must not
    /// be lost. Buffers are wiped.
    Token,
    /// Whatever the caller wants of the cloud. Sizes are large and speed counts.
    Request,
    /// A file, which may come in several ranges: its bytes are given as they are sent.
    File,
}

/// One request, ready to go out. Two that are equal ask the same.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub method: Method,
    pub url: Url,
    /// What messages call the URL, where its path may hold a token.
    pub shown: Option<String>,
    /// Names and values. Values are secret: most requests carry a token in one.
    pub headers: Vec<(String, Secret)>,
    pub body: Payload,
}

impl Outgoing {
    /// What stands for a request in messages where only a connection is tried.
    pub fn to_connect(url: Url) -> Outgoing {
        let method = Method("connecting to".into());
        Outgoing { method, url, shown: None, headers: Vec::new(), body: Payload::None }
    }

    /// What messages call the URL: without its query.
    pub fn shown(&self) -> String {
        self.shown.clone().unwrap_or_else(|| self.url.to_string())
    }
}

/// A method, in the letters it was given: `get` is another method than `GET` (RFC 9110 9.1).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Method(Cow<'static, str>);

impl Method {
    /// The method of this name, or why it is not sent. CONNECT would open a tunnel, and TRACE
    /// would echo the token.
    pub fn parse(name: &str) -> Result<Method, &'static str> {
        const LONGEST: usize = 64;
        match name {
            // CONNECT opens a tunnel, and TRACE echoes the token.
            "CONNECT" | "TRACE" => Err("CONNECT and TRACE are not sent with credentials"),
            // The usual ones are not allocated for each request.
            "GET" => Ok(Method("GET".into())),
            "POST" => Ok(Method("POST".into())),
            name if is_token(name) && name.len() <= LONGEST => Ok(Method(Cow::Owned(name.into()))),
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
    pub headers: Fields,
    /// Empty where the body is read as it comes.
    pub body: Vec<u8>,
    /// When it was asked for, if an earlier call asked. Lifetimes in the answer count from then.
    pub asked: Option<Moment>,
}

impl Answer {
    /// The first header of this name, in upper or lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.named(name).next()
    }
}

/// The headers of an answer, in their order; names are in small letters. One text for all: each request
/// gets some, and most are never looked at.
#[derive(Clone, Default)]
pub(crate) struct Fields {
    text: String,
    /// Where in the text each name ends, and its value.
    ends: Vec<(usize, usize)>,
}

impl Fields {
    /// Memory for this many is asked for at once.
    pub fn with_room(number: usize) -> Fields {
        /// In bytes, of a name and its value.
        const USUAL: usize = 48;
        Fields { text: String::with_capacity(number * USUAL), ends: Vec::with_capacity(number) }
    }

    pub fn add(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        let end_of_name = self.text.len();
        self.text.push_str(value);
        self.ends.push((end_of_name, self.text.len()));
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let mut begin = 0;
        self.ends.iter().map(move |&(name, value)| {
            let field = (&self.text[begin..name], &self.text[name..value]);
            begin = value;
            field
        })
    }

    /// The values of all headers of this name, in upper or lower case.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &str> {
        let mut begin = 0;
        self.ends.iter().filter_map(move |&(end, last)| {
            let at = std::mem::replace(&mut begin, last);
            // Most names differ in their length, and each answer is asked for some.
            let is_it = end - at == name.len() && self.text[at..end].eq_ignore_ascii_case(name);
            is_it.then(|| &self.text[end..last])
        })
    }

    /// The same without those of these names.
    pub fn without(&self, names: &[&str]) -> Fields {
        let mut rest = Fields::default();
        let others = self.iter().filter(|(name, _)| !names.contains(name));
        others.for_each(|(name, value)| rest.add(name, value));
        rest
    }
}

impl<'a, const N: usize> From<[(&'a str, &'a str); N]> for Fields {
    fn from(fields: [(&'a str, &'a str); N]) -> Fields {
        let mut all = Fields::default();
        fields.into_iter().for_each(|(name, value)| all.add(name, value));
        all
    }
}

/// Why a request got no whole answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub error: Error,
    /// Whether any of the request left this machine: if so, the cloud may have carried it out.
    pub sent: bool,
    /// Whether its answer can still be read, by whoever sends the same request next.
    pub awaited: bool,
}

impl Fault {
    /// The same fault, with how far the exchange had come, where it was broken off and that is known.
    pub fn at(self, how_far: Option<String>) -> Fault {
        let broken_off = matches!(
            self.error.status(),
            Status::Network | Status::Timeout | Status::MalformedAnswer
        );
        match how_far.filter(|how_far| broken_off && !how_far.is_empty()) {
            Some(how_far) => Fault { error: self.error.and(&how_far), ..self },
            None => self,
        }
    }
}
