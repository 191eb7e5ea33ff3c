//! Downloads that survive the field: to `PATH.part`, resumed over broken connections, renewed
//! tokens, killed processes and power cuts, checked, and then put in the place of PATH at once.
//!
//! ```text
//! first call   GET                                 200, 40 MiB of 100 come, the network goes
//! next try     Range: bytes=41943040-, If-Range    206, the rest comes
//! another file there by now                        200, begun anew
//! the end      length and digest are right         PATH.part becomes PATH
//! ```
//!
//! A part is resumed only where the server says that it is still the same file (`If-Range`, RFC
//! 9110 13.1.5), and after a power cut only as far as it is known to be on the disk.

use crate::client::client::Client;
use crate::client::part::{Part, Validator};
use crate::client::request::Request;
use crate::client::response::{Meter, Response};
use crate::client::send::{self, Body};
use crate::error::{Error, Result, Status};
use crate::http::headers::retry_after;
use crate::http::retry::{Growth, backoff};
use crate::http::url::Url;
use crate::model::option_table::DOWNLOAD_RETRY_S;
use crate::support::call::Call;
use crate::support::log::log;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a download is checked by, besides its length.
///
/// ```
/// let mut download = keyfob::Download::new();
/// download.set_sha256("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")?;
/// # Ok::<(), keyfob::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Download {
    /// What the caller knows of the file, from elsewhere than its server.
    sha256: Option<[u8; 32]>,
}

impl Download {
    /// A download that is checked by its length, and by the digest that the server names, if it
    /// does.
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
    /// The part is of no use: the server, at this URL, has another file now, or knows no such range.
    Again(Url),
}

/// The first wait after a broken try, and the longest. It grows only while nothing comes.
const BETWEEN_TRIES: Growth =
    Growth { first: Duration::from_millis(500), most: Duration::from_secs(30) };

impl Client {
    /// Downloads what the request asks for to a file. While it is under way it is in `PATH.part`;
    /// PATH itself is replaced at once when all is there, durably. What came before a fault is
    /// kept, and a later call of the same request goes on from there, in this process or another.
    ///
    /// Faults of the network are tried again until nothing has come for `download_retry_s`. The
    /// response has the status and headers of the last answer, and no body. Where that is not a
    /// success (404, 403, ...) nothing is written; look at its status.
    ///
    /// # Errors
    /// `FILE`: the target is a directory or a symbolic link, or cannot be written; the disk is
    /// full; another download to it is under way. `DIGEST_MISMATCH`: what came is not what it
    /// should be, and was thrown away. `INVALID_ARGUMENT`: the request asks for a range of its own.
    /// Those of [`open`](Client::open).
    pub fn download(
        &self,
        request: &Request,
        path: impl AsRef<Path>,
        download: &Download,
    ) -> Result<Response> {
        if request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("range")) {
            let what =
                "the header Range is not the caller's to set: a download asks for ranges itself";
            return Err(Error::new(Status::InvalidArgument, what));
        }
        let boot = self.lifecycle().clock.boot_id();
        let mut part = Part::open(path.as_ref(), &request_name(request), boot)?;
        let mut progress = Progress::new(self.retry_limit());
        // One call from beginning to end: a cancellation between two tries must not be lost.
        let call = self.call(request.timeout);
        let mut unasked = 0;
        loop {
            let from = part.length();
            let tried = self.try_download(request, &mut part, download, &call.anew());
            progress.reached(part.length());
            match tried {
                Ok(Tried::Done(response) | Tried::Other(response)) => return Ok(response),
                Ok(Tried::Again(url)) => {
                    unasked += u32::from(from == 0);
                    if unasked > MOST_UNASKED {
                        return Err(no_range_was_asked_for(&url));
                    }
                    part.begin_anew()?;
                }
                Err(error) if !may_pass(&error) => return Err(error),
                Err(error) => {
                    let Some(wait) = progress.wait(error.retry_after()) else {
                        let next = match part.validator() {
                            _ if part.length() == 0 => return Err(error),
                            Some(_) => "kept, and the next download goes on from there",
                            None => "there, and the next download begins anew",
                        };
                        return Err(error.and(&format!("{} bytes are {next}", part.length())));
                    };
                    let lifecycle = self.lifecycle();
                    log!(
                        lifecycle.log,
                        Info,
                        "download broken off, going on in {} ms: {error}",
                        wait.as_millis()
                    );
                    lifecycle.clock.sleep(wait, &call.again(wait + Duration::from_secs(1)))?;
                }
            }
        }
    }

    /// When to stop trying: nothing has come for so long (`download_retry_s`).
    fn retry_limit(&self) -> Duration {
        self.lifecycle().state().account.options.duration(DOWNLOAD_RETRY_S)
    }

    /// One request, and its answer as far as it comes. The request asks for what follows the part,
    /// on condition that the file is still the same. An error may pass, or not; `may_pass` says
    /// which.
    fn try_download(
        &self,
        request: &Request,
        part: &mut Part,
        download: &Download,
        call: &Call,
    ) -> Result<Tried> {
        let mut asked = request.clone();
        asked.tell_nobody();
        let from = part.length();
        let validator = part.validator().filter(|_| from > 0);
        let is_rest = validator.is_some();
        if let Some(validator) = validator {
            asked.set_header("Range", &format!("bytes={from}-"))?;
            asked.set_header("If-Range", validator)?;
        }
        let mut response = send::send(self.lifecycle(), &asked, call, Body::ForAFile)?;
        match response.status() {
            200 => part.take(Validator::of(&response), response.length())?,
            206 if is_rest && Validator::of(&response).allows(part.validator()) => {
                match total_of_rest(&response, from, part.total()) {
                    Some(total) => part.learn_total(total),
                    None => return Ok(Tried::Again(response.url)),
                }
            }
            416 if is_all_of_it(&response, from, part.total()) => {}
            206 => return Ok(Tried::Again(response.url)),
            416 if is_rest => return Ok(Tried::Again(response.url)),
            http @ (429 | 500 | 502..=504) => {
                let what = format!("{} {} answered {http}", request.method, response.url);
                let status = match http {
                    429 => Status::RateLimited,
                    _ => Status::ServerError,
                };
                let wait = retry_after(&response.answer, &self.lifecycle().clock);
                let error = Error::new(status, what).with_http_status(http);
                return Err(error.with_retry_after(wait));
            }
            _ => return Ok(Tried::Other(response)),
        }
        if download.sha256.is_some() || stated_digest(&response).is_some() {
            part.keep_digest()?;
        }
        if response.status() == 416 {
            // To the caller it is no failure: the last range came with an earlier call.
            response.answer.status = 206;
        } else {
            self.fill(&mut response, part, request)?;
        }
        let finished = part.finish(download.sha256, stated_digest(&response));
        finished.map_err(|error| error.about(&format!("{} {}", request.method, response.url)))?;
        Ok(Tried::Done(response.without_body()))
    }

    /// Writes the body behind what is there, and tells the caller's progress function.
    fn fill(&self, response: &mut Response, part: &mut Part, request: &Request) -> Result<()> {
        let mut meter = Meter::beginning_at(request.told(), part.length(), part.total());
        let mut buffer = vec![0; 65_536];
        loop {
            let amount = response.read(&mut buffer)?;
            part.append(&buffer[..amount])?;
            if !meter.goes_on(amount) {
                return Err(Error::new(Status::Cancelled, "the progress function ended the call"));
            }
            if amount == 0 {
                return Ok(());
            }
        }
    }
}

/// How long nothing has come, and how often in a row it was tried. By real time, not the client's
/// clock: it bounds real waiting.
struct Progress {
    /// When something last came.
    last: Instant,
    /// How long the part was then.
    furthest: u64,
    /// Tries since then.
    tries: u32,
    /// How long nothing may come.
    limit: Duration,
}

impl Progress {
    fn new(limit: Duration) -> Progress {
        Progress { last: Instant::now(), furthest: 0, tries: 0, limit }
    }

    /// So much of the file is there. If that is more than ever, the limit and the growth begin anew: a
    /// server whose file changes each time that it is asked gets no further, and is given up.
    fn reached(&mut self, length: u64) {
        if length > self.furthest {
            (self.last, self.tries, self.furthest) = (Instant::now(), 0, length);
        }
    }

    /// How long to wait before the next try: what the server asked for, else a growing time with
    /// chance in it. `None` where the wait would end after the limit.
    fn wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.tries += 1;
        let wait = asked.unwrap_or_else(|| backoff(self.tries, BETWEEN_TRIES));
        (self.last.elapsed() + wait < self.limit).then_some(wait)
    }
}

/// How often a server may answer with a range that was not asked for.
const MOST_UNASKED: u32 = 2;

fn no_range_was_asked_for(url: &Url) -> Error {
    let what = format!("{url} answered with a range of the file that was not asked for");
    Error::new(Status::UnexpectedAnswer, what)
}

/// Whether the same request may come further later. A full disk, a wrong digest or a refused login
/// will not.
fn may_pass(error: &Error) -> bool {
    matches!(
        error.status(),
        Status::Network | Status::Timeout | Status::RateLimited | Status::ServerError
    )
}

/// What a part belongs to: method, URL and query. Another request's part is not gone on with.
fn request_name(request: &Request) -> String {
    format!("{} {}?{}", request.method, request.url, request.query)
}

/// FROM and TOTAL of `Content-Range: bytes FROM-TO/TOTAL` (RFC 9110 14.4); a server may write `*`
/// for either.
fn content_range(response: &Response) -> Option<(Option<u64>, Option<u64>)> {
    let range = response.header("content-range")?.trim().strip_prefix("bytes ")?;
    let (range, total) = range.split_once('/')?;
    let from = range.split_once('-').and_then(|(from, _)| from.trim().parse().ok());
    Some((from, total.trim().parse().ok()))
}

/// How many bytes the whole file has, where a 206 gives what follows the part, of a file of the same
/// length. A server may answer with another range than was asked for, and with less of it; so where
/// nobody says how long the file is, nobody knows when it is whole.
fn total_of_rest(response: &Response, at: u64, total: Option<u64>) -> Option<u64> {
    let (from, of) = content_range(response)?;
    let is_same = total.is_none() || of.is_none() || of == total;
    of.or(total).filter(|_| is_same && from == Some(at))
}

/// Whether a 416 (no such range) says that the part is the whole: the process ended between the
/// last byte and the renaming. A file that was longer is another one now.
fn is_all_of_it(response: &Response, at: u64, total: Option<u64>) -> bool {
    let is_end = content_range(response).is_some_and(|(_, total)| total == Some(at));
    at > 0 && is_end && total.is_none_or(|total| total == at)
}

/// The SHA-256 that the server names: `Repr-Digest` (RFC 9530), or the older `Digest` (RFC 3230).
/// Both are of the whole file, also where a range of it is sent.
fn stated_digest(response: &Response) -> Option<[u8; 32]> {
    use base64::Engine;
    let named = |header: &str, name: &str| {
        let mut items = response.header(header)?.split(',');
        let value = items.find_map(|item| {
            let (algorithm, value) = item.trim().split_once('=')?;
            // A member of a dictionary may have parameters (RFC 8941 3.2).
            let value = value.split(';').next()?.trim_end().trim_matches(':');
            algorithm.eq_ignore_ascii_case(name).then(|| value.to_string())
        })?;
        base64::prelude::BASE64_STANDARD.decode(value).ok()?.try_into().ok()
    };
    named("repr-digest", "sha-256").or_else(|| named("digest", "sha-256"))
}
