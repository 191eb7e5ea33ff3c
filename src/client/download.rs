//! Downloads that survive the field: to `PATH.part`, resumed over broken connections, renewed tokens,
//! killed processes and power cuts, checked, and then put in the place of PATH at once.
//!
//! A part is resumed only where the server says that it is still the same file (RFC 9110 13.1.5), and
//! after a power cut only as far as it is known to be on the disk.

use crate::client::client::Client;
use crate::client::part::{Part, Validator};
use crate::client::request::Request;
use crate::client::response::{Meter, Response};
use crate::client::send::{self, Body};
use crate::error::{Error, Result, Status};
use crate::http::retry::{Growth, backoff};
use crate::model::option_table::DOWNLOAD_RETRY_S;
use crate::support::log::log;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a download is checked by, besides its length.
#[derive(Clone, Debug, Default)]
pub struct Download {
    sha256: Option<[u8; 32]>,
}

impl Download {
    /// A download that is checked by its length, and by the digest that the server names, if it does.
    pub fn new() -> Download {
        Download::default()
    }

    /// The SHA-256 that the file must have, as 64 hexadecimal digits.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`: it is not that.
    pub fn set_sha256(&mut self, hex: &str) -> Result<()> {
        let digits = hex.as_bytes().chunks(2).map(|pair| {
            let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
            u8::from_str_radix(text, 16).ok().filter(|_| !text.starts_with('+'))
        });
        let bytes: Option<Vec<u8>> = digits.collect();
        let digest = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let invalid =
            || Error::new(Status::InvalidArgument, "sha256: must be 64 hexadecimal digits");
        self.sha256 = Some(digest.ok_or_else(invalid)?);
        Ok(())
    }
}

/// How a try ended that did not fail.
enum Tried {
    /// The file is whole, and in its place.
    Done(Response),
    /// The server answered something else: the caller's to see. Nothing was written.
    Other(Response),
    /// What was there is of no use; begin anew.
    Again,
}

/// The first wait after a broken try, and the longest.
const BETWEEN_TRIES: Growth =
    Growth { first: Duration::from_millis(500), most: Duration::from_secs(30) };

impl Client {
    /// Downloads what the request asks for to a file. While it is under way it is in `PATH.part`;
    /// PATH itself is replaced at once when all is there, durably. What came before a fault is kept,
    /// and a later call of the same request goes on from there, in this process or another.
    ///
    /// Faults of the network are tried again until nothing has come for `download_retry_s`. The
    /// response has the status and headers of the last answer, and no body. Where that is not a
    /// success (404, 403, ...) nothing is written; look at its status.
    ///
    /// # Errors
    /// `FILE`: the target is a directory or a symbolic link, or cannot be written; the disk is full;
    /// another download to it is under way. `DIGEST_MISMATCH`: what came is not what it should be, and
    /// was thrown away. Those of [`open`](Client::open).
    pub fn download(
        &self,
        request: &Request,
        path: impl AsRef<Path>,
        download: &Download,
    ) -> Result<Response> {
        let boot = self.lifecycle().clock.boot_id();
        let mut part = Part::open(path.as_ref(), &request_name(request), boot)?;
        let mut progress = Progress::new(self.retry_limit());
        loop {
            let came_before = part.length();
            let tried = self.try_download(request, &mut part, download);
            if part.length() > came_before {
                progress.made();
            }
            match tried {
                Ok(Tried::Done(response) | Tried::Other(response)) => return Ok(response),
                Ok(Tried::Again) => part.begin_anew()?,
                Err(error) if !may_pass(&error) => return Err(error),
                Err(error) => {
                    let wait = progress.wait(error.retry_after()).ok_or_else(|| {
                        let kept = part.length();
                        let what = format!(
                            "{}; {kept} bytes are kept, and the next download goes on from there",
                            error.message()
                        );
                        Error::new(error.status(), what)
                    })?;
                    let lifecycle = self.lifecycle();
                    log!(
                        lifecycle.log,
                        Info,
                        "download broken off, going on in {} ms: {error}",
                        wait.as_millis()
                    );
                    lifecycle.clock.sleep(wait, &self.call_of(wait + Duration::from_secs(1)))?;
                }
            }
        }
    }

    /// Where to stop trying: nothing has come for so long.
    fn retry_limit(&self) -> Duration {
        self.lifecycle().state().account.options.duration(DOWNLOAD_RETRY_S)
    }

    /// One request, and its answer as far as it comes.
    fn try_download(
        &self,
        request: &Request,
        part: &mut Part,
        download: &Download,
    ) -> Result<Tried> {
        let mut asked = request.clone();
        asked.progress = None;
        let from = part.length();
        if let Some(validator) = part.validator().filter(|_| from > 0) {
            asked.set_header("Range", &format!("bytes={from}-"))?;
            asked.set_header("If-Range", validator)?;
        }
        let call = self.call_of_request(request);
        let mut response = send::send(self.lifecycle(), &asked, &call, Body::AsItComes)?;
        match response.status() {
            200 => part.take(Validator::of(&response), response.length())?,
            206 if goes_on_at(&response, from, part.total()) => {}
            416 if is_all_of_it(&response, from) => {}
            206 | 416 => return Ok(Tried::Again),
            429 | 500 | 502..=504 => {
                let what = format!("{} answered {}", response.url, response.status());
                let status = match response.status() {
                    429 => Status::RateLimited,
                    _ => Status::ServerError,
                };
                return Err(Error::new(status, what).with_http_status(response.status()));
            }
            _ => return Ok(Tried::Other(response)),
        }
        if response.status() != 416 {
            self.fill(&mut response, part, request)?;
        }
        part.finish(download.sha256, stated_digest(&response))?;
        Ok(Tried::Done(response.without_body()))
    }

    /// Writes the body behind what is there.
    fn fill(&self, response: &mut Response, part: &mut Part, request: &Request) -> Result<()> {
        let mut meter = request
            .progress
            .clone()
            .map(|tell| Meter::beginning_at(tell, part.length(), part.total()));
        let mut buffer = vec![0; 65_536];
        loop {
            let amount = response.read(&mut buffer)?;
            part.append(&buffer[..amount])?;
            if !meter.as_mut().is_none_or(|meter| meter.goes_on(amount)) {
                return Err(Error::new(Status::Cancelled, "the progress function ended the call"));
            }
            if amount == 0 {
                return Ok(());
            }
        }
    }
}

/// How long nothing has come, and how often in a row it was tried.
struct Progress {
    last: Instant,
    tries: u32,
    limit: Duration,
}

impl Progress {
    fn new(limit: Duration) -> Progress {
        Progress { last: Instant::now(), tries: 0, limit }
    }

    fn made(&mut self) {
        (self.last, self.tries) = (Instant::now(), 0);
    }

    /// How long to wait before the next try; `None` where there is to be none.
    fn wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.tries += 1;
        let wait = asked.unwrap_or_else(|| backoff(self.tries, BETWEEN_TRIES));
        (self.last.elapsed() + wait < self.limit).then_some(wait)
    }
}

/// Whether the same request may come further later.
fn may_pass(error: &Error) -> bool {
    matches!(
        error.status(),
        Status::Network | Status::Timeout | Status::RateLimited | Status::ServerError
    )
}

/// What a part belongs to: another request's part is not gone on with.
fn request_name(request: &Request) -> String {
    format!("{} {}?{}", request.method, request.url, request.query)
}

/// `Content-Range: bytes FROM-TO/TOTAL` (RFC 9110 14.4), as far as it is known.
fn content_range(response: &Response) -> Option<(Option<u64>, Option<u64>)> {
    let range = response.header("content-range")?.trim().strip_prefix("bytes ")?;
    let (range, total) = range.split_once('/')?;
    let from = range.split_once('-').and_then(|(from, _)| from.trim().parse().ok());
    Some((from, total.trim().parse().ok()))
}

/// Whether a 206 gives what follows the part, of the same file.
fn goes_on_at(response: &Response, at: u64, total: Option<u64>) -> bool {
    let Some((from, of)) = content_range(response) else { return false };
    from == Some(at) && (total.is_none() || of.is_none() || of == total)
}

/// Whether a 416 says that the part is the whole.
fn is_all_of_it(response: &Response, at: u64) -> bool {
    at > 0 && content_range(response).is_some_and(|(_, total)| total == Some(at))
}

/// The SHA-256 that the server names: `Repr-Digest` (RFC 9530), or the older `Digest` (RFC 3230).
fn stated_digest(response: &Response) -> Option<[u8; 32]> {
    use base64::Engine;
    let named = |header: &str, name: &str| {
        let mut items = response.header(header)?.split(',');
        let value = items.find_map(|item| {
            let (algorithm, value) = item.trim().split_once('=')?;
            algorithm.eq_ignore_ascii_case(name).then(|| value.trim_matches(':').to_string())
        })?;
        base64::prelude::BASE64_STANDARD.decode(value).ok()?.try_into().ok()
    };
    named("repr-digest", "sha-256").or_else(|| named("digest", "sha-256"))
}
