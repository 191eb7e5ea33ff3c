//! Sending a request with the token: retries, redirects on its own origin, and one replay after a
//! refusal.

use crate::account::account::Account;
use crate::account::headers::Headers;
use crate::client::request::{Request, Response};
use crate::error::{Error, Result, Status};
use crate::http::message::{Answer, Fault, Outgoing};
use crate::http::retry::{Repeat, Retry};
use crate::http::url::Url;
use crate::lifecycle::state::State;
use crate::lifecycle::{Lifecycle, count};
use crate::provider::pointer::Pointed;
use crate::provider::reply;
use crate::support::call::Call;
use crate::support::json::document::Document;
use crate::support::log::log;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Sends a request with the token, renews and replays once if the API refuses it.
pub(crate) fn send(lifecycle: &Lifecycle, request: &Request, call: &Call) -> Result<Response> {
    let (mut state, url) = admitted(lifecycle, request, call)?;
    count(&lifecycle.counters.requests);
    for replayed in [false, true] {
        let outgoing = outgoing(lifecycle, request, &url, &state)?;
        let (time, moment) = (lifecycle.clock.cloud_millis(), lifecycle.clock.now());
        let response = exchange_once(lifecycle, request, outgoing, &state, call)?;
        let answer = &response.answer;
        let refused = is_refusal(&state.account, answer.status, &answer.headers, &answer.body);
        if replayed || !refused {
            return Ok(response);
        }
        if !state.is_renewable() {
            // It may have been the time alone that was wrong.
            if !state.account.signs || !lifecycle.clock.is_set_right_since(time, moment) {
                return Ok(response);
            }
            log!(lifecycle.log, Info, "{}: signed by a wrong clock, signing again", response.url);
            count(&lifecycle.counters.replays);
            continue;
        }
        log!(lifecycle.log, Info, "{}: access token refused, renewing", response.url);
        count(&lifecycle.counters.replays);
        state = lifecycle.replace(state.access_token(), call)?;
    }
    unreachable!("the second round returns")
}

/// A token to send the request with, and the URL to send it to.
fn admitted(lifecycle: &Lifecycle, request: &Request, call: &Call) -> Result<(Arc<State>, Url)> {
    // Refused at the door, before a token is asked for: the URL may need no discovery to be judged.
    let early = lifecycle.state();
    let target = |state: &State| state.api.target(&state.account, &request.url, &request.query);
    let must_discover = early.account.must_discover(&early.record);
    let known = (!must_discover).then(|| target(&early)).transpose()?;
    let state = lifecycle.serve(call)?;
    let url = match known.filter(|_| Arc::ptr_eq(&early, &state)) {
        Some(url) => url,
        None => target(&state)?,
    };
    Ok((state, url))
}

/// The request with all that is the same each time it is sent.
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
    let empty = || needs_length.then(|| Zeroizing::new(Vec::new()));
    let mut outgoing = Outgoing {
        method: request.method.clone(),
        url: url.clone(),
        shown: url.to_string(),
        headers,
        body: request.body.clone().or_else(empty),
    };
    if let Some(names) = &state.names {
        state.account.put_into(&mut outgoing, names, &lifecycle.clock)?;
    }
    Ok(outgoing)
}

/// Adds what is made anew each time a request is sent: signatures, time stamps, numbers used once.
fn sign(lifecycle: &Lifecycle, state: &State, outgoing: &mut Outgoing) -> Result<()> {
    if let Some(names) = &state.names {
        let signed = state.account.sign(outgoing, names, &lifecycle.clock)?;
        outgoing.headers.extend(signed);
    }
    Ok(())
}

fn exchange_once(
    lifecycle: &Lifecycle,
    request: &Request,
    mut outgoing: Outgoing,
    state: &Arc<State>,
    call: &Call,
) -> Result<Response> {
    let options = &state.account.options;
    let retry = Retry {
        call,
        clock: &lifecycle.clock,
        attempts: 1 + options.number("retries") as u32,
        repeat: if request.idempotent { Repeat::Safe } else { Repeat::Unheard },
    };
    let max = options.number("max_body_bytes");
    const MOST_REDIRECTS: usize = 5;
    for _ in 0..MOST_REDIRECTS {
        let unsigned = outgoing.headers.len();
        let send = || {
            outgoing.headers.truncate(unsigned);
            let signed = sign(lifecycle, state, &mut outgoing);
            signed.map_err(|error| Fault { error, sent: false, awaited: false })?;
            state.account.transport.send(&outgoing, max, call)
        };
        let answer = retry.run(send).map_err(|Fault { error, .. }| error)?;
        outgoing.headers.truncate(unsigned);
        log!(
            lifecycle.log,
            Debug,
            "{} {} answered {}",
            outgoing.method,
            outgoing.shown,
            answer.status
        );
        match redirect(&outgoing, &answer) {
            Some(next) => {
                outgoing.shown = next.to_string();
                outgoing.url = next;
            }
            None => return Ok(Response { answer, url: outgoing.url }),
        }
    }
    Err(Error::new(Status::UnexpectedAnswer, format!("{}: too many redirects", outgoing.shown)))
}

/// Where to go on: on the same origin, and only if that means repeating the same request. Any other
/// redirect is the caller's to see.
fn redirect(outgoing: &Outgoing, answer: &Answer) -> Option<Url> {
    let same_request = match answer.status {
        301..=303 => matches!(outgoing.method.as_str(), "GET" | "HEAD"),
        307 | 308 => true,
        _ => false,
    };
    let next = outgoing.url.join(answer.header("location").filter(|_| same_request)?).ok()?;
    (next.origin() == outgoing.url.origin()).then_some(next)
}

/// Whether an answer says that the access token is no good.
pub(crate) fn is_refusal(
    account: &Account,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> bool {
    let profile = &account.profile;
    let rules = profile.request.refused.as_deref();
    let is_ruled = rules.is_some_and(|rules| rules.iter().any(|rule| rule.reads(status)));
    let candidate = status >= 400 || is_ruled || profile.errors.body_status.is_some();
    // An error document is small; what is large is data, and is not parsed for this.
    let json = (candidate && body.len() <= 16_384).then(|| Document::of(body)).flatten();
    let status = reply::effective_status(profile, status, json);
    let code = reply::code(profile, &Pointed { headers, json });
    match rules {
        Some(rules) => rules.iter().any(|rule| rule.matches(status, code.as_deref(), json)),
        None => status == 401,
    }
}

/// What `send` would add to this request, for those who send requests themselves.
pub(crate) fn headers_for(
    lifecycle: &Lifecycle,
    request: &Request,
    call: &Call,
) -> Result<Headers> {
    let (state, url) = admitted(lifecycle, request, call)?;
    if state.account.goes_beyond_headers() {
        let name = &state.account.profile.name;
        let what =
            format!("{name}: the token goes into the query or the body; use keyfob's requests");
        return Err(Error::new(Status::InvalidArgument, what));
    }
    let mut outgoing = outgoing(lifecycle, request, &url, &state)?;
    sign(lifecycle, &state, &mut outgoing)?;
    Ok(outgoing.headers)
}

/// The headers that carry the token, where each request has its own: those that are made without one.
pub(crate) fn fresh_headers(lifecycle: &Lifecycle, state: &State) -> Result<Headers> {
    let names = state.names.as_ref().expect("what is signed has names");
    state.account.headers_without_request(names, &lifecycle.clock)
}
