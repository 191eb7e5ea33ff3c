//! Requests that carry the token, and their answers.

use crate::account::headers::Headers;
use crate::client::links::{link_header, link_in_body};
use crate::error::{Error, Result, Status};
use crate::http::headers::{is_of_the_connection, is_token, is_value};
use crate::http::message::{Answer, MOST_HEADER, Method};
use crate::http::url::{Url, has_scheme, query_encode};
use crate::support::json;
use std::time::Duration;
use zeroize::Zeroizing;

/// A request to an API of the cloud, to be sent with [`Client::send`](crate::Client::send) as often
/// as wanted. Plain data: it may be sent from several threads at once while nobody changes it.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) query: String,
    pub(crate) headers: Headers,
    pub(crate) body: Option<Zeroizing<Vec<u8>>>,
    pub(crate) idempotent: bool,
    pub(crate) timeout: Option<Duration>,
}

impl Request {
    /// A request without headers and body.
    ///
    /// The URL is absolute, or relative to the provider's base URL (`devices?page=2`; a leading
    /// slash begins at the host), or begins with the name of a discovered endpoint:
    /// `{deviceBaseUrl}/Device`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`: the method is not one, or the URL is empty or cannot be a URL.
    pub fn new(method: &str, url: &str) -> Result<Request> {
        let refuse = |what: &str| Error::new(Status::InvalidArgument, what);
        let method = Method::parse(method).map_err(refuse)?;
        if url.is_empty() || url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(refuse("the URL is empty, or has a blank or a control character"));
        }
        if has_scheme(url) {
            Url::parse(url)?;
        }
        let idempotent = matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE");
        Ok(Request {
            method,
            url: url.into(),
            query: String::new(),
            headers: Headers::new(),
            body: None,
            idempotent,
            timeout: None,
        })
    }

    /// Sets a header, in place of one of the same name.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`: not a header name, a value that headers cannot carry, more than 64 KiB, or
    /// a header that is the connection's to set.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<()> {
        let invalid = |what: String| Err(Error::new(Status::InvalidArgument, what));
        if !is_token(name) {
            return invalid("the header's name is not one".into());
        }
        if name.len() + value.len() > MOST_HEADER {
            return invalid(format!("a header may have {MOST_HEADER} bytes"));
        }
        if is_of_the_connection(name) {
            return invalid(format!("the header {name} is set by the connection"));
        }
        if !is_value(value) {
            return invalid(format!(
                "the value of {name} has a character that headers cannot carry"
            ));
        }
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        Ok(())
    }

    /// Adds `name=value` to the query, percent-encoded.
    pub fn add_query(&mut self, name: &str, value: &str) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        query_encode(name, &mut self.query);
        self.query.push('=');
        query_encode(value, &mut self.query);
    }

    /// Sets the body, in place of any before. `Content-Type` is the caller's to set, where the
    /// provider has none of its own.
    pub fn set_body(&mut self, body: &[u8]) {
        self.body = Some(Zeroizing::new(body.to_vec()));
    }

    /// The longest this request takes, its retries included, in place of the client's `timeout_ms`.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    /// Says that sending the request twice does no harm, so that it may be repeated after a fault
    /// that leaves open whether it was carried out. GET, HEAD, OPTIONS, PUT and DELETE are so by
    /// definition (RFC 9110 9.2.2).
    pub fn set_idempotent(&mut self, idempotent: bool) {
        self.idempotent = idempotent;
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.url.split('?').next().unwrap_or_default();
        write!(f, "Request({} {path})", self.method)
    }
}

/// An answer, whatever its status: 404 and 500 are answers too.
pub struct Response {
    pub(crate) answer: Answer,
    pub(crate) url: Url,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({} from {})", self.answer.status, self.url)
    }
}

impl Response {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// The first header of this name, without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.header(name)
    }

    /// All headers, as they came; names are lower case.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body, as it came.
    pub fn body(&self) -> &[u8] {
        &self.answer.body
    }

    /// The absolute URL of the link with this relation, if there is one: from a `Link` header
    /// (RFC 8288), a HATEOAS `links` array, a `links` object or a HAL `_links` object.
    ///
    /// # Errors
    /// `MALFORMED_ANSWER`: there is such a link, but it is not a URL.
    pub fn link(&self, rel: &str) -> Result<Option<String>> {
        let headers = self.answer.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("link"));
        let in_header = headers.flat_map(|(_, value)| link_header(value, rel)).next();
        let in_body = || link_in_body(&json::parse(self.body()).ok()?, rel);
        let Some(reference) = in_header.or_else(in_body) else {
            return Ok(None);
        };
        match self.url.join(&reference) {
            Ok(url) => Ok(Some(url.as_str().into())),
            Err(_) => Err(Error::new(
                Status::MalformedAnswer,
                format!("{}: the link `{rel}` is not a URL", self.url),
            )),
        }
    }
}
