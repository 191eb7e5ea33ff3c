//! What came back: the head of an answer, and its body whole or piece by piece.
//!
//! A body that is cut is an error and never a short body: `read` gives 0 only where the answer's
//! own sign of its end has come (length, last chunk, or TLS's close; RFC 9112 8).

use crate::client::links::{link_header, link_in_body};
use crate::client::request::Told;
use crate::error::{Error, Result, Status};
use crate::http::incoming::Incoming;
use crate::http::message::Answer;
use crate::http::url::Url;
use crate::provider::paging::next_page;
use crate::provider::profile::Profile;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An answer, whatever its status: 404 and 500 are answers too.
///
/// From [`Client::send`](crate::Client::send) it is whole. From
/// [`Client::open`](crate::Client::open) its body is still to be read, piece by piece.
pub struct Response {
    /// The head, and what is in memory of the body.
    pub(crate) answer: Answer,
    /// What is still to be read of the body, where it was not asked for as a whole.
    pub(crate) rest: Option<Box<Incoming>>,
    /// Where it came from, after redirects, without a token in its query: links are relative to it.
    pub(crate) url: Url,
    /// Whether it came from where a redirect led, on another origin: then it says nothing of the token.
    pub(crate) is_of_elsewhere: bool,
    /// Whose answer it is: says where the next page is, where no link does.
    profile: Option<Arc<Profile>>,
    /// How much of `answer.body` was given to who reads piece by piece.
    given: usize,
    /// Tells the caller how far the body has come, where it asked for that.
    progress: Meter,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({} from {})", self.answer.status, self.url)
    }
}

impl Response {
    /// A response to what was asked; `rest` is what is still to come of its body.
    pub(crate) fn new(
        answer: Answer,
        rest: Option<Box<Incoming>>,
        url: Url,
        told: Told,
    ) -> Response {
        let total = rest.as_ref().and_then(|rest| rest.announced);
        let progress = Meter::beginning_at(told, 0, total);
        Response { answer, rest, url, is_of_elsewhere: false, profile: None, given: 0, progress }
    }

    /// The same, as this provider's: its profile may say where the next page is.
    pub(super) fn of(mut self, profile: &Arc<Profile>) -> Response {
        self.profile = Some(profile.clone());
        self
    }

    /// Reads the next piece of the body; 0 at its end. For a response of
    /// [`Client::open`](crate::Client::open); what `send` gave is read from memory.
    ///
    /// # Errors
    /// `NETWORK`: the body was cut, so what came before is not the whole of it. `TIMEOUT`: nothing
    /// came for `idle_timeout_ms`, or all of it took longer than `transfer_timeout_ms`.
    /// `CANCELLED`: the call that opened it, or its progress function, ended it.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.read_piece(buffer, true)
    }

    /// The same without waiting: what has come. Never waits for the network, so an event loop may call
    /// it; what is to be waited for is [`read`](Response::read) on another thread.
    ///
    /// # Errors
    /// `WOULD_BLOCK`: nothing has come since; or the body is unpacked on its way, which is not done so.
    /// All others are those of `read`, but for `idle_timeout_ms`, which is for those who wait.
    pub fn read_now(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.read_piece(buffer, false)
    }

    fn read_piece(&mut self, buffer: &mut [u8], waits: bool) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let amount = self.next_piece(buffer, waits)?;
        match self.progress.goes_on(amount) {
            true => Ok(amount),
            false => Err(Error::new(Status::Cancelled, "the progress function ended the call")),
        }
    }

    /// From what is in memory first, such as a document that was looked into, then from the
    /// connection.
    fn next_piece(&mut self, buffer: &mut [u8], waits: bool) -> Result<usize> {
        let kept = &self.answer.body[self.given..];
        if !kept.is_empty() {
            let amount = kept.len().min(buffer.len());
            buffer[..amount].copy_from_slice(&kept[..amount]);
            self.given += amount;
            return Ok(amount);
        }
        match &mut self.rest {
            Some(rest) => rest.read(buffer, waits),
            None => Ok(0),
        }
    }

    /// The head alone: a download's body is in its file.
    pub(super) fn without_body(mut self) -> Response {
        (self.rest, self.answer.body) = (None, Vec::new());
        self
    }

    /// How many bytes the body has in all, where the answer's head says so and it is not packed.
    pub fn length(&self) -> Option<u64> {
        match &self.rest {
            Some(rest) => rest.announced,
            None => Some(self.answer.body.len() as u64),
        }
    }

    /// The HTTP status (RFC 9110 15).
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// The first header of this name, without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.header(name)
    }

    /// All headers, as they came; names are lower case. Where the body was unpacked, those that speak of
    /// the packed one are gone: `Content-Encoding` and `Content-Length`.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.answer.headers.iter()
    }

    /// The body, unpacked where it was packed on request, of a response that is whole. That of
    /// [`Client::open`](crate::Client::open) is to be [`read`](Response::read).
    pub fn body(&self) -> &[u8] {
        &self.answer.body
    }

    /// The absolute URL of the link with this relation, if there is one: from a `Link` header (RFC
    /// 8288), a HATEOAS `links` array, a `links` object or a HAL `_links` object; for `next` also
    /// where the provider says that its next page is. A page whose next one is itself is the last:
    /// who reads them all comes to an end.
    ///
    /// # Errors
    /// `MALFORMED_ANSWER`: there is such a link, but it is not a URL.
    pub fn link(&self, rel: &str) -> Result<Option<String>> {
        let headers = self.answer.headers.named("link");
        let in_header = headers.flat_map(|value| link_header(value, rel)).next();
        let is_next = rel.eq_ignore_ascii_case("next");
        let found = match in_header.or_else(|| link_in_body(self.body(), rel)) {
            Some(reference) => Some(self.url.join(&reference).map_err(|_| {
                let what = format!("{}: the link `{rel}` is not a URL", self.url);
                Error::new(Status::MalformedAnswer, what)
            })?),
            None => self.profile.as_ref().filter(|_| is_next).and_then(|profile| {
                let rules = &profile.request.next;
                next_page(rules, &self.url, &self.answer.headers, self.body())
            }),
        };
        let leads_on = found.filter(|url| !is_next || *url != self.url);
        Ok(leads_on.map(|url| url.as_str().into()))
    }
}

/// Tells how far a body has come, ten times a second at most: a function of another language may
/// cost more than the bytes.
pub(super) struct Meter {
    told: Told,
    /// In bytes, where the answer says so.
    total: Option<u64>,
    /// Bytes so far.
    came: u64,
    /// When it was last told.
    last: Option<Instant>,
}

impl Meter {
    /// For a body whose beginning is there already.
    pub(super) fn beginning_at(told: Told, came: u64, total: Option<u64>) -> Meter {
        Meter { told, total, came, last: None }
    }

    /// Whether the caller wants more, after these bytes; 0 is the end, which is always told.
    pub(super) fn goes_on(&mut self, amount: usize) -> bool {
        const PAUSE: Duration = Duration::from_millis(100);
        self.came += amount as u64;
        let now = Instant::now();
        if amount > 0 && self.last.is_some_and(|last| now.duration_since(last) < PAUSE) {
            return true;
        }
        self.last = Some(now);
        self.told.tell(self.came, self.total)
    }
}
