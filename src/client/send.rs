//! Sending a request with the token: retries, redirects on its own origin, and one replay after a
//! refusal.
//!
//! ```text
//! admitted         may the token go there? then a good token
//! outgoing         headers, query and body, all that is the same each time
//!   retry          what may be repeated (RFC 9110 9.2.2), within the call's time
//!     sign         what is made anew for each try
//!     transport    one request, one answer
//!   redirect       on the same origin, and only where it means the same request
//! is_refusal       the answer refuses the token: renew, and once more from `outgoing`
//! ```
//!
//! A caller gets the last answer, whatever its status. Only the absence of an answer is an error.

use crate::account::account::Account;
use crate::account::headers::Headers;
use crate::client::request::Request;
use crate::client::response::Response;
use crate::error::{Error, Result, Status};
use crate::http::incoming::BodyLimits;
use crate::http::message::{Answer, Fault, Fields, Outgoing, Purpose};
use crate::http::payload::Payload;
use crate::http::retry::{Repeat, Retry};
use crate::http::url::Url;
use crate::lifecycle::counters::count;
use crate::lifecycle::lifecycle::Lifecycle;
use crate::lifecycle::state::State;
use crate::model::option_table::{FOLLOW_SIGNED_URLS, IDLE_TIMEOUT_MS, TRANSFER_TIMEOUT_MS};
use crate::provider::dpop::challenges;
use crate::provider::pointer::Pointed;
use crate::provider::{dpop, reason, reply};
use crate::support::call::Call;
use crate::support::json::document::Document;
use crate::support::log::log;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

/// How the body of the answer is wanted.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// In memory, within the call's own time and `max_body_bytes`.
    Whole,
    /// Piece by piece, as it comes: the call's time is for the head, and the body has limits of its
    /// own.
    AsItComes,
    /// The same, as it was sent: for a file that comes in ranges, which are of what is sent.
    ForAFile,
}

/// Sends a request with the token; renews and replays once if the API refuses it.
///
/// Never more than one replay: an API that refuses a token which was just issued refuses the
/// account, or is wrong, and another token would fare no better. Where each request is signed and
/// nothing can be renewed, the replay is for a clock that the refusal itself has set right.
pub(crate) fn send(
    lifecycle: &Lifecycle,
    request: &Request,
    call: &Call,
    body: Body,
) -> Result<Response> {
    let (state, url) = admitted(lifecycle, request, call)?;
    count(&lifecycle.counters.requests);
    let send_with = |state: &Arc<State>, url: &Url| {
        let mut outgoing = outgoing(lifecycle, request, url, state)?;
        if state.account.limits().compress {
            ask_to_compress(&mut outgoing, body);
        }
        let mut response = exchange_once(lifecycle, request, outgoing, state, call, body)?;
        if !response.is_of_elsewhere {
            look_into_error(&state.account, &mut response)?;
        }
        Ok(response)
    };
    let times = || (lifecycle.clock.cloud_millis(), lifecycle.clock.now());
    let signed_at = state.account.signs.then(times);
    let response = send_with(&state, &url)?;
    let answer = &response.answer;
    if response.is_of_elsewhere
        || !is_refusal(&state.account, answer.status, &answer.headers, &answer.body)
    {
        return Ok(response);
    }
    // Nobody looked at the token.
    let is_proof =
        state.is_bound() && dpop::challenges_proof(answer.status, &mut challenges(answer));
    if !state.is_renewable() || is_proof {
        // It may have been the time alone that was wrong.
        let is_set_right = |(time, moment)| lifecycle.clock.is_set_right_since(time, moment);
        if !signed_at.is_some_and(is_set_right) {
            return Ok(response);
        }
        log!(lifecycle.log, Info, "{}: signed by a wrong clock, signing again", response.url);
        count(&lifecycle.counters.replays);
        return send_with(&state, &url);
    }
    if !request.body.is_repeatable() {
        let (url, status) = (response.url.to_string(), response.answer.status);
        return Err(not_repeatable(&url, status, "the token is refused"));
    }
    let newer = lifecycle.replace(state.access_token(), call)?;
    if newer.access_token() == state.access_token() {
        // It was refused right after its issue: another would fare no better.
        return Ok(response);
    }
    log!(lifecycle.log, Info, "{}: access token refused, sent again with a newer", response.url);
    count(&lifecycle.counters.replays);
    // Where options were set meanwhile, the URL may be another, or not to see the token.
    let same_api = Arc::ptr_eq(&newer.api, &state.api);
    let url = if same_api { url } else { target(&newer, request)? };
    send_with(&newer, &url)
}

/// The URL of a request, if the token may go there.
fn target<'r>(state: &State, request: &'r Request) -> Result<Cow<'r, Url>> {
    let url = match &request.absolute {
        Some(url) => Cow::Borrowed(url),
        None => Cow::Owned(state.api.absolute(&request.url)?),
    };
    state.api.target(&state.account, url, &request.query)
}

/// A token to send the request with, and the URL to send it to. Fails before a login is made for a
/// URL that must not see the token, where that can be told without one.
fn admitted<'r>(
    lifecycle: &Lifecycle,
    request: &'r Request,
    call: &Call,
) -> Result<(Arc<State>, Cow<'r, Url>)> {
    // Refused at the door, before a token is asked for: the URL may need no discovery to be judged.
    let early = lifecycle.state();
    early.account.must_carry()?;
    let must_discover = early.account.must_discover(&early.record);
    let known = (!must_discover).then(|| target(&early, request)).transpose()?;
    let state = lifecycle.serve(call)?;
    let url = match known.filter(|_| Arc::ptr_eq(&early, &state)) {
        Some(url) => url,
        None => target(&state, request)?,
    };
    Ok((state, url))
}

/// The request with all that is the same each time it is sent. A header of the caller's stands in
/// the place of the provider's; one that carries the token is not the caller's to set.
fn outgoing(
    lifecycle: &Lifecycle,
    request: &Request,
    url: &Url,
    state: &State,
) -> Result<Outgoing> {
    let mut headers = request.headers.clone();
    let has =
        |headers: &Headers, name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    if let Some(name) = state.account.carriers().find(|name| has(&headers, name)) {
        let what =
            format!("{url}: the header {name} carries the token and is not the caller's to set");
        return Err(Error::new(Status::InvalidArgument, what));
    }
    headers.extend(state.headers.iter().cloned());
    for (name, value) in &state.api.headers {
        if !has(&headers, name) {
            headers.push((name.clone(), value.clone()));
        }
    }
    let needs_length = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    let mut outgoing = Outgoing {
        method: request.method.clone(),
        url: url.clone(),
        shown: None,
        headers,
        body: match &request.body {
            Payload::None if needs_length => Payload::bytes(Vec::new()),
            body => body.clone(),
        },
    };
    if let Some(names) = &state.names {
        state.account.put_into(&mut outgoing, names, &lifecycle.clock)?;
    }
    Ok(outgoing)
}

/// Asks for a body that is packed on its way, unless the caller has said which codings it takes, or
/// asks for a range: that would be one of the packed bytes.
fn ask_to_compress(outgoing: &mut Outgoing, body: Body) {
    const OWN_WORD: [&str; 2] = ["accept-encoding", "range"];
    let says = |(name, _): &(String, _)| OWN_WORD.iter().any(|own| name.eq_ignore_ascii_case(own));
    if !matches!(body, Body::ForAFile) && !outgoing.headers.iter().any(says) {
        outgoing.headers.push(("Accept-Encoding".into(), "gzip".into()));
    }
}

/// Adds what is made anew each time a request is sent: signatures, time stamps, numbers used once.
/// A cloud that signs refuses what it has seen before.
fn sign(lifecycle: &Lifecycle, state: &State, outgoing: &mut Outgoing) -> Result<()> {
    if let Some(names) = &state.names {
        let signed = state.account.sign(outgoing, names, &lifecycle.clock)?;
        outgoing.headers.extend(signed);
    }
    let proof = state.account.proof(&state.record, outgoing, &lifecycle.clock)?;
    outgoing.headers.extend(proof.map(|proof| (dpop::HEADER.to_string(), proof)));
    Ok(())
}

/// Sends with one token: retries, redirects, and one answer at the end. What is made anew is cut
/// off again before each try.
fn exchange_once(
    lifecycle: &Lifecycle,
    request: &Request,
    mut outgoing: Outgoing,
    state: &Arc<State>,
    call: &Call,
    body: Body,
) -> Result<Response> {
    let options = &state.account.options;
    let retry = Retry {
        call,
        clock: &lifecycle.clock,
        attempts: state.account.limits().attempts,
        repeat: if request.idempotent { Repeat::Safe } else { Repeat::Unheard },
        repeatable: &|| request.body.is_repeatable(),
    };
    let max = state.account.limits().max_body;
    // The time of all tries counts.
    let limits = (!matches!(body, Body::Whole)).then(|| {
        let transfer = options.duration(TRANSFER_TIMEOUT_MS);
        let end = (!transfer.is_zero()).then(|| (Instant::now() + transfer, transfer));
        BodyLimits { idle: options.duration(IDLE_TIMEOUT_MS), end }
    });
    /// How often a request is sent for redirects. Whoever is led on again then may well be led in a
    /// circle: the last answer is the caller's.
    const MOST_TRIES: usize = 5;
    let (mut tries, mut elsewhere, mut is_proven_again) = (0, false, false);
    loop {
        tries += 1;
        let seen = state.is_bound().then(|| state.account.nonces_seen());
        let unsigned = outgoing.headers.len();
        let transport = &state.account.transport;
        let mut rest = None;
        let send = || {
            outgoing.headers.truncate(unsigned);
            let signed = match elsewhere {
                false => sign(lifecycle, state, &mut outgoing),
                true => Ok(()),
            };
            signed.map_err(|error| Fault { error, sent: false, awaited: false })?;
            match limits {
                None => transport.send(&outgoing, Purpose::Request, max, call),
                Some(limits) => {
                    let purpose = match body {
                        Body::ForAFile => Purpose::File,
                        _ => Purpose::Request,
                    };
                    let opened = transport.open(&outgoing, purpose, call, limits);
                    opened.map(|(answer, body)| {
                        rest = Some(body);
                        answer
                    })
                }
            }
        };
        let answer = retry.run(send).map_err(|Fault { error, .. }| error)?;
        outgoing.headers.truncate(unsigned);
        log!(
            lifecycle.log,
            Debug,
            "{} {} answered {}",
            outgoing.method,
            outgoing.url,
            answer.status
        );
        let may_leave = |_: &Url| options.flag(FOLLOW_SIGNED_URLS);
        let signed_url = || signed_url(&outgoing, &answer).filter(may_leave);
        if let Some(seen) = seen.filter(|_| !elsewhere) {
            state.account.note_nonce(&outgoing.url, answer.header("dpop-nonce"));
            let wants = state.account.wants_proof(answer.status, &mut challenges(&answer), &seen);
            if wants && !std::mem::replace(&mut is_proven_again, true) {
                if !request.body.is_repeatable() {
                    let what = "the API wants a nonce in the DPoP proof";
                    return Err(not_repeatable(&outgoing.url.to_string(), answer.status, what));
                }
                rest.into_iter().for_each(|rest| rest.settle());
                count(&lifecycle.counters.replays);
                tries -= 1;
                continue;
            }
        }
        let led = redirect(&outgoing, &answer).map(|next| (next, false));
        let led = led.or_else(|| signed_url().map(|next| (next, true)));
        match led.filter(|_| tries < MOST_TRIES) {
            Some((next, leaves)) => {
                if !request.body.is_repeatable() {
                    let at = outgoing.url.to_string();
                    return Err(not_repeatable(&at, answer.status, "it leads elsewhere"));
                }
                if leaves {
                    elsewhere = true;
                    outgoing.headers.retain(|(name, _)| is_fit_for_elsewhere(name));
                }
                rest.into_iter().for_each(|rest| rest.settle());
                outgoing.url = next;
            }
            None => {
                let url = state.account.without_token(outgoing.url);
                let mut response = Response::new(answer, rest, url, request.told());
                response.is_of_elsewhere = elsewhere;
                return Ok(response.of(&state.account.profile));
            }
        }
    }
}

/// Reads what may be an error document, so that it can be judged; it is given to the caller before
/// the rest. At most 16 KiB and only of an answer that may refuse the token, so that a large body
/// is never read here.
fn look_into_error(account: &Account, response: &mut Response) -> Result<()> {
    let Some(rest) = &mut response.rest else { return Ok(()) };
    let answer = &mut response.answer;
    let large = rest.announced.is_some_and(|length| length > LARGEST_ERROR as u64);
    if large || !may_be_refusal(account, answer.status) {
        return Ok(());
    }
    let mut document = vec![0; LARGEST_ERROR + 1];
    let mut length = 0;
    while length < document.len() {
        match rest.read(&mut document[length..], true)? {
            0 => break,
            amount => length += amount,
        }
    }
    document.truncate(length);
    answer.body = document;
    Ok(())
}

/// The request must be sent once more, and the body that went with it cannot be.
fn not_repeatable(url: &str, status: u16, why: &str) -> Error {
    let what = format!(
        "{url} answered {status}: {why}, and the request's body cannot be sent again; give it a rewind function, a file, or bytes"
    );
    Error::new(Status::BodyNotRepeatable, what).with_http_status(status)
}

/// Where to go on: on the same origin, and only if that means repeating the same request (RFC 9110
/// 15.4). Any other redirect is the caller's to see: another origin must not see the token, and a
/// POST must not become a GET behind the caller's back.
fn redirect(outgoing: &Outgoing, answer: &Answer) -> Option<Url> {
    let same_request = match answer.status {
        301..=303 => matches!(outgoing.method.as_str(), "GET" | "HEAD"),
        307 | 308 => true,
        _ => false,
    };
    let location = same_request.then(|| answer.header("location")).flatten();
    let next = outgoing.url.join(location?).ok()?;
    (next.origin() == outgoing.url.origin()).then_some(next)
}

/// Where a file lies that the API does not serve itself: on another origin, behind a URL that is signed.
/// Over TLS alone, unless the API itself is not.
fn signed_url(outgoing: &Outgoing, answer: &Answer) -> Option<Url> {
    let is_read = matches!(outgoing.method.as_str(), "GET" | "HEAD");
    let leads = matches!(answer.status, 301..=303 | 307 | 308);
    let location = (is_read && leads).then(|| answer.header("location")).flatten();
    let next = outgoing.url.join(location?).ok()?;
    (next.origin().is_https() || !outgoing.url.origin().is_https()).then_some(next)
}

/// Whether another origin may see this header of a request: what says which part of a file is wanted,
/// and in which form. Not the token, and nothing that the caller has set for the API.
fn is_fit_for_elsewhere(name: &str) -> bool {
    ["accept", "accept-encoding", "range", "if-range"]
        .iter()
        .any(|fit| name.eq_ignore_ascii_case(fit))
}

/// In bytes: an error document has no more than this, and what is longer is data.
const LARGEST_ERROR: usize = 16_384;

/// Whether the body of an answer with this status has a say in whether it refuses the token.
fn may_be_refusal(account: &Account, status: u16) -> bool {
    let profile = &account.profile;
    let rules = profile.request.refused.as_deref();
    let is_ruled = rules.is_some_and(|rules| rules.iter().any(|rule| rule.reads(status)));
    status >= 400 || is_ruled || profile.errors.body_status.is_some()
}

/// Whether an answer says that the access token is no good: by the profile's `request.refused`,
/// else by 401. Clouds that answer 200 to everything are read by what stands in the body.
pub(crate) fn is_refusal(account: &Account, status: u16, headers: &Fields, body: &[u8]) -> bool {
    let profile = &account.profile;
    let rules = profile.request.refused.as_deref();
    // An error document is small; what is large is data, and is not parsed for this.
    let candidate = may_be_refusal(account, status) && body.len() <= LARGEST_ERROR;
    let json = candidate.then(|| Document::of(body)).flatten();
    let status = reply::effective_status(profile, status, json);
    let code = reason::code(profile, &Pointed { headers, json });
    match rules {
        Some(rules) => rules.iter().any(|rule| rule.matches(status, code.as_deref(), json)),
        None => status == 401,
    }
}

/// What `send` would add to this request, for those who send requests themselves.
/// `INVALID_ARGUMENT` where the token goes into the query or the body.
pub(crate) fn headers_for(
    lifecycle: &Lifecycle,
    request: &Request,
    call: &Call,
) -> Result<Headers> {
    let (state, url) = admitted(lifecycle, request, call)?;
    state.account.fits_in_headers()?;
    let mut outgoing = outgoing(lifecycle, request, &url, &state)?;
    sign(lifecycle, &state, &mut outgoing)?;
    Ok(outgoing.headers)
}

/// The headers that carry the token, for a state whose requests are signed: those that need no
/// request, with the time of now. `INVALID_ARGUMENT` where they do.
pub(crate) fn fresh_headers(lifecycle: &Lifecycle, state: &State) -> Result<Headers> {
    if state.is_bound() {
        let what = format!(
            "{}: the token is bound to a key (dpop), so the headers are made of the request; ask for those of a request (method, URL)",
            state.account.profile.name
        );
        return Err(Error::new(Status::InvalidArgument, what));
    }
    let names = state.names.as_ref().expect("what is signed has names");
    state.account.headers_without_request(names, &lifecycle.clock)
}
