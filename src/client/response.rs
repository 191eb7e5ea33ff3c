//! What came back: the head of an answer, and its body whole or piece by piece.

use crate::client::links::{link_header, link_in_body};
use crate::client::request::Progress;
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
/// From [`Client::send`](crate::Client::send) it is whole. From [`Client::open`](crate::Client::open)
/// its body is still to be read, piece by piece.
pub struct Response {
    pub(crate) answer: Answer,
    /// What is still to be read of the body, where it was not asked for as a whole.
    pub(crate) rest: Option<Incoming>,
    pub(crate) url: Url,
    /// Whose answer it is: says where the next page is, where no link does.
    profile: Option<Arc<Profile>>,
    /// How much of `answer.body` was given to who reads piece by piece.
    given: usize,
    progress: Option<Meter>,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({} from {})", self.answer.status, self.url)
    }
}

impl Response {
    pub(crate) fn new(
        answer: Answer,
        rest: Option<Incoming>,
        url: Url,
        progress: Option<Progress>,
    ) -> Response {
        let total = rest.as_ref().and_then(|rest| rest.announced);
        let progress = progress.map(|tell| Meter::new(tell, total));
        Response { answer, rest, url, profile: None, given: 0, progress }
    }

    /// The same, as this provider's.
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
        if buffer.is_empty() {
            return Ok(0);
        }
        let amount = self.next_piece(buffer)?;
        match self.progress.as_mut().is_none_or(|meter| meter.goes_on(amount)) {
            true => Ok(amount),
            false => Err(Error::new(Status::Cancelled, "the progress function ended the call")),
        }
    }

    fn next_piece(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let kept = &self.answer.body[self.given..];
        if !kept.is_empty() {
            let amount = kept.len().min(buffer.len());
            buffer[..amount].copy_from_slice(&kept[..amount]);
            self.given += amount;
            return Ok(amount);
        }
        match &mut self.rest {
            Some(rest) => rest.read(buffer),
            None => Ok(0),
        }
    }

    /// The head alone.
    pub(super) fn without_body(mut self) -> Response {
        (self.rest, self.answer.body) = (None, Vec::new());
        self
    }

    /// How many bytes the body has in all, where the answer's head says so.
    pub fn length(&self) -> Option<u64> {
        match &self.rest {
            Some(rest) => rest.announced,
            None => Some(self.answer.body.len() as u64),
        }
    }

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
    /// (RFC 8288), a HATEOAS `links` array, a `links` object or a HAL `_links` object; for `next` also
    /// where the provider says that its next page is.
    ///
    /// # Errors
    /// `MALFORMED_ANSWER`: there is such a link, but it is not a URL.
    pub fn link(&self, rel: &str) -> Result<Option<String>> {
        let headers = self.answer.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("link"));
        let in_header = headers.flat_map(|(_, value)| link_header(value, rel)).next();
        let Some(reference) = in_header.or_else(|| link_in_body(self.body(), rel)) else {
            let profile = self.profile.as_ref().filter(|_| rel.eq_ignore_ascii_case("next"));
            let next = profile.and_then(|profile| {
                let rules = &profile.request.next;
                next_page(rules, &self.url, &self.answer.headers, self.body())
            });
            return Ok(next.map(|url| url.as_str().into()));
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

/// Tells how far a body has come, ten times a second at most.
pub(super) struct Meter {
    tell: Progress,
    total: Option<u64>,
    came: u64,
    told: Option<Instant>,
}

impl Meter {
    fn new(tell: Progress, total: Option<u64>) -> Meter {
        Meter::beginning_at(tell, 0, total)
    }

    /// For a body whose beginning is there already.
    pub(super) fn beginning_at(tell: Progress, came: u64, total: Option<u64>) -> Meter {
        Meter { tell, total, came, told: None }
    }

    /// Whether the caller wants more, after these bytes; 0 is the end, which is always told.
    pub(super) fn goes_on(&mut self, amount: usize) -> bool {
        const PAUSE: Duration = Duration::from_millis(100);
        self.came += amount as u64;
        let now = Instant::now();
        if amount > 0 && self.told.is_some_and(|told| now.duration_since(told) < PAUSE) {
            return true;
        }
        self.told = Some(now);
        (self.tell)(self.came, self.total)
    }
}
