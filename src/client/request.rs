//! Requests that carry the token.
//!
//! A request is checked as it is put together, so that a bad header fails where it is set and not
//! at three in the morning. What depends on the client is checked when it is sent: where the URL
//! leads, and which headers carry the token.

use crate::account::headers::Headers;
use crate::client::body::{FileBody, ReaderBody};
use crate::client::form::{Form, PartName};
use crate::error::{Error, Result, Status};
use crate::http::headers::{is_of_the_connection, is_token, is_value};
use crate::http::message::{MOST_HEADER, Method};
use crate::http::payload::Payload;
use crate::http::url::{Url, has_scheme, query_encode};
use crate::support::sync::AtomicU64;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A request to an API of the cloud, to be sent with [`Client::send`](crate::Client::send) as often
/// as wanted. Plain data: it may be sent from several threads at once while nobody changes it.
///
/// ```
/// let mut request = keyfob::Request::new("POST", "devices")?;
/// request.set_header("Content-Type", "application/json")?;
/// request.add_query("dry run", "yes"); // devices?dry%20run=yes
/// request.set_body(br#"{"id": 7}"#);
/// # Ok::<(), keyfob::Error>(())
/// ```
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    /// As the caller wrote it: absolute, relative, or at an endpoint in braces.
    pub(crate) url: String,
    /// The same, read, where it is absolute.
    pub(crate) absolute: Option<Url>,
    /// What was added to the query, encoded, without the question mark.
    pub(crate) query: String,
    /// The caller's own headers.
    pub(crate) headers: Headers,
    pub(crate) body: Payload,
    /// Whether sending it twice does no harm.
    pub(crate) idempotent: bool,
    /// In place of the client's `timeout_ms`.
    pub(crate) timeout: Option<Duration>,
    /// Who is told how far the body of the answer has come.
    pub(crate) progress: Option<Progress>,
    /// What the body is, where it is a form.
    form: Option<Arc<Form>>,
    /// How many bytes of the answer's body have come; and one more than there are in all, or 0.
    come: Arc<(AtomicU64, AtomicU64)>,
}

/// Is told how far a body has come, and of how many bytes where that is known; `false` ends the
/// call.
pub(crate) type Progress = Arc<dyn Fn(u64, Option<u64>) -> bool + Send + Sync>;

/// Who is told how far the body of an answer has come: the caller's function, and whoever looks.
#[derive(Default)]
pub(crate) struct Told {
    come: Arc<(AtomicU64, AtomicU64)>,
    progress: Option<Progress>,
}

impl Told {
    /// Whether the caller wants more.
    pub(super) fn tell(&self, done: u64, total: Option<u64>) -> bool {
        self.come.0.store(done, Ordering::Relaxed);
        self.come.1.store(total.map_or(0, |total| total.saturating_add(1)), Ordering::Relaxed);
        self.progress.as_ref().is_none_or(|tell| tell(done, total))
    }
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
        let absolute = has_scheme(url).then(|| Url::parse(url)).transpose()?;
        let idempotent = matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE");
        Ok(Request {
            method,
            url: url.into(),
            absolute,
            query: String::new(),
            headers: Headers::new(),
            body: Payload::None,
            idempotent,
            timeout: None,
            progress: None,
            form: None,
            come: Arc::default(),
        })
    }

    /// Sets a header, in place of one of the same name.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`: not a header name, a value that headers cannot carry, more than 64 KiB,
    /// or a header that is the connection's to set.
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

    /// Sets the body to a copy of these bytes, in place of any before. `Content-Type` is the
    /// caller's to set, where the provider has none of its own.
    pub fn set_body(&mut self, body: &[u8]) {
        self.body = Payload::bytes(body.to_vec());
    }

    /// Sends a file as the body. It is opened when the request is sent, and again for a replay, so
    /// it is never in memory as a whole.
    ///
    /// # Errors
    /// `FILE`: there is no such file, or it is not a regular one.
    pub fn set_body_file(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.body = Payload::Source(Arc::new(FileBody::new(path.as_ref())?));
        Ok(())
    }

    /// Sends what a reader gives, while it gives it. `length` is how many bytes that will be: fewer
    /// fail the call, and no more are read; `None` sends it in chunks (RFC 9112 7.1). It is read
    /// once. Where the request has to be sent again the call fails with `BODY_NOT_REPEATABLE`,
    /// unless nothing was read of it before.
    pub fn set_body_reader(&mut self, from: impl Read + Send + 'static, length: Option<u64>) {
        self.body = Payload::Source(Arc::new(ReaderBody::once(Box::new(from), length)));
    }

    /// The same for what can be read again: `rewind` gives a reader from the beginning, each time
    /// that the request is sent.
    pub fn set_body_rewinding(
        &mut self,
        rewind: impl Fn() -> std::io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
        length: Option<u64>,
    ) {
        self.body = Payload::Source(Arc::new(ReaderBody::rewinding(Box::new(rewind), length)));
    }

    /// Adds a part to the form (`multipart/form-data`, RFC 7578) that is the body, in place of any
    /// other body, and sets `Content-Type`. `file` is the name of the file that it is, if it is
    /// one; `kind` its content type.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`: the content type has a control character.
    pub fn add_part(
        &mut self,
        name: &str,
        file: Option<&str>,
        kind: Option<&str>,
        bytes: &[u8],
    ) -> Result<()> {
        let name = PartName { field: name, file, kind };
        self.change_form(|form| form.add_bytes(&name, bytes))
    }

    /// The same for a file, which is read while the request is sent, and again for a replay. It is
    /// called as on the disk, unless `file` says otherwise.
    ///
    /// # Errors
    /// `FILE`: there is no such file, or it is not a regular one. As
    /// [`add_part`](Request::add_part).
    pub fn add_file(
        &mut self,
        name: &str,
        path: impl AsRef<Path>,
        file: Option<&str>,
        kind: Option<&str>,
    ) -> Result<()> {
        let name = PartName { field: name, file, kind };
        self.change_form(|form| form.add_file(&name, path.as_ref()))
    }

    /// Changes a copy of the form that is the body, or begins one where the body is something else.
    /// The request is as it was where that fails.
    fn change_form(&mut self, change: impl FnOnce(&mut Form) -> Result<()>) -> Result<()> {
        let same = |form: &&Arc<Form>| match &self.body {
            Payload::Source(source) => Arc::as_ptr(source).cast::<()>() == Arc::as_ptr(form).cast(),
            _ => false,
        };
        let mut form = match self.form.as_ref().filter(same) {
            Some(form) => Form::clone(form),
            None => Form::new()?,
        };
        change(&mut form)?;
        self.set_header("Content-Type", &form.content_type())?;
        let form = Arc::new(form);
        self.form = Some(form.clone());
        self.body = Payload::Source(form);
        Ok(())
    }

    /// How far the body of the answer has come, in bytes, and of how many where that is known: for
    /// whoever looks from another thread.
    pub fn progress(&self) -> (u64, Option<u64>) {
        let (done, total) = (&self.come.0, &self.come.1);
        let total = total.load(Ordering::Relaxed);
        (done.load(Ordering::Relaxed), (total > 0).then(|| total - 1))
    }

    /// Forgets who wants to know: another request's progress is told in its place.
    pub(super) fn tell_nobody(&mut self) {
        (self.progress, self.come) = (None, Arc::default());
    }

    /// Who is told how far the body has come.
    pub(super) fn told(&self) -> Told {
        Told { come: self.come.clone(), progress: self.progress.clone() }
    }

    /// Tells how far the body of the answer has come: bytes so far, and of how many where that is
    /// known. Called on the thread that reads, at most ten times a second and once at the end. If
    /// it gives `false` the call ends with `CANCELLED`.
    pub fn set_progress(
        &mut self,
        progress: impl Fn(u64, Option<u64>) -> bool + Send + Sync + 'static,
    ) {
        self.progress = Some(Arc::new(progress));
    }

    /// The longest this request takes, its retries and a renewal included, in place of the client's
    /// `timeout_ms`.
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
