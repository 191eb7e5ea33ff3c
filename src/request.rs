//! Requests that carry the token, and their answers.

use crate::account::{Account, Headers};
use crate::call::Call;
use crate::error::{Error, Result, Status};
use crate::http::{Answer, Fault, Outgoing};
use crate::lifecycle::{Lifecycle, State, count};
use crate::log::log;
use crate::provider::exchange::{self, Discovered, parse_json, safe};
use crate::provider::profile::Rule;
use crate::retry::{Repeat, Retry};
use crate::secret::Secret;
use crate::template::{self, Place, Template, Values};
use crate::url::{Url, has_scheme};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Method;
use zeroize::Zeroizing;

/// A request to an API of the cloud, to be sent with [`Client::send`](crate::Client::send) as often
/// as wanted. Plain data: it may be sent from several threads at once while nobody changes it.
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: String,
    query: String,
    headers: Headers,
    body: Option<Zeroizing<Vec<u8>>>,
    idempotent: bool,
    pub(crate) timeout: Option<Duration>,
}

/// Headers that the connection itself decides about.
const NOT_THE_CALLERS: &[&str] =
    &["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"];

/// In bytes, name and value together: many times what servers take, and half of the buffer that a
/// request is written through.
const LONGEST_HEADER: usize = 65_536;

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
        let invalid = |what: &str| Err(Error::new(Status::InvalidArgument, what));
        const LONGEST_METHOD: usize = 64;
        let short = method.len() <= LONGEST_METHOD;
        let Some(method) = Method::from_bytes(method.as_bytes()).ok().filter(|_| short) else {
            return invalid("the method is not an HTTP method");
        };
        if method == Method::CONNECT || method == Method::TRACE {
            return invalid("CONNECT and TRACE are not sent with credentials");
        }
        if url.is_empty() || url.chars().any(|c| c.is_control() || c == ' ') {
            return invalid("the URL is empty, or has a blank or a control character");
        }
        if has_scheme(url) {
            Url::parse(url)?;
        }
        let idempotent = matches!(
            method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
        );
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
        if ureq::http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            return invalid("the header's name is not one".into());
        }
        if name.len() + value.len() > LONGEST_HEADER {
            return invalid(format!("a header may have {LONGEST_HEADER} bytes"));
        }
        if NOT_THE_CALLERS.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return invalid(format!("the header {name} is set by the connection"));
        }
        if ureq::http::HeaderValue::from_str(value).is_err() {
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
        template::query_encode(name, &mut self.query);
        self.query.push('=');
        template::query_encode(value, &mut self.query);
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
    answer: Answer,
    url: Url,
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
        let Some(reference) = in_header.or_else(|| link_in_body(&parse_json(self.body())?, rel))
        else {
            return Ok(None);
        };
        match self.url.join(&reference) {
            Ok(url) => Ok(Some(url.uri().to_string())),
            Err(_) => Err(Error::new(
                Status::MalformedAnswer,
                format!("{}: the link `{rel}` is not a URL", self.url),
            )),
        }
    }
}

/// The targets of a `Link` header's links with this relation type.
fn link_header(header: &str, rel: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = header;
    while let Some(open) = rest.find('<') {
        let Some((target, after)) = rest[open + 1..].split_once('>') else { break };
        let (parameters, next) = until_comma(after);
        let has_rel = parameters.split(';').any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else { return false };
            let mut types = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel") && types.any(|t| t.eq_ignore_ascii_case(rel))
        });
        if has_rel {
            found.push(target.trim().to_string());
        }
        rest = next;
    }
    found
}

/// Splits at the first comma outside of quotes.
fn until_comma(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

fn link_in_body(body: &Value, rel: &str) -> Option<String> {
    let href = |link: &Value| match link {
        Value::String(href) => Some(href.clone()),
        Value::Object(_) => Some(link.get("href")?.as_str()?.to_string()),
        Value::Array(links) => Some(links.first()?.get("href")?.as_str()?.to_string()),
        _ => None,
    };
    let of_array = |links: &Vec<Value>| {
        let is_rel = |l: &&Value| {
            l.get("rel").and_then(Value::as_str).is_some_and(|r| r.eq_ignore_ascii_case(rel))
        };
        links.iter().find(is_rel).and_then(href)
    };
    ["links", "_links"].iter().find_map(|field| match body.get(field)? {
        Value::Array(links) => of_array(links),
        Value::Object(links) => links.get(rel).and_then(href),
        _ => None,
    })
}

/// Sends a request with the token, renews and replays once if the API refuses it.
pub(crate) fn send(lifecycle: &Lifecycle, request: &Request, call: &Call) -> Result<Response> {
    let (mut state, url) = admitted(lifecycle, request, call)?;
    count(&lifecycle.counters.requests);
    for replayed in [false, true] {
        let outgoing = outgoing(request, &url, &state)?;
        let response = exchange_once(lifecycle, request, outgoing, &state, call)?;
        let answer = &response.answer;
        let refused = is_refusal(&state.account, answer.status, &answer.body);
        if replayed || !refused || !is_renewable(&state) {
            return Ok(response);
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
    let early = lifecycle.state().clone();
    if !early.account.must_discover(&early.record) {
        target(&early.account, request, &early.record.discovered)?;
    }
    let state = lifecycle.serve(call)?;
    let url = target(&state.account, request, &state.record.discovered)?;
    Ok((state, url))
}

fn is_renewable(state: &State) -> bool {
    state.account.can_log_in() || state.record.refresh.is_some()
}

/// The absolute URL, if the provider's credentials may go there.
fn target(account: &Account, request: &Request, found: &Discovered) -> Result<Url> {
    let url = absolute(account, &request.url, found)?.with_query(&request.query)?;
    let shown = url.to_string();
    safe(&url, &account.options, &shown)?;
    if account.trusts(&url, found) {
        return Ok(url);
    }
    Err(Error::new(
        Status::ForeignOrigin,
        format!(
            "{shown}: not an origin of {}, so it must not see the token; add {} to allowed_origins if it may",
            account.profile.name,
            url.origin()
        ),
    ))
}

fn absolute(account: &Account, url: &str, found: &Discovered) -> Result<Url> {
    if has_scheme(url) {
        return Url::parse(url);
    }
    if !url.starts_with('{') {
        // The base is a folder, whether or not it ends with a slash.
        let base = account.base(found)?;
        let folder = format!("{}/", base.uri().to_string().trim_end_matches('/'));
        return Url::parse(&folder)?.join(url);
    }
    let invalid = |what: String| Error::new(Status::InvalidArgument, what);
    let template = Template::parse(url).map_err(invalid)?;
    for (name, _) in template.names() {
        if name != "base_url" && !found.0.contains_key(name) {
            let known: Vec<&str> = found.0.keys().map(String::as_str).collect();
            return Err(invalid(format!(
                "{{{name}}} is not an endpoint of {}; known: base_url {}",
                account.profile.name,
                known.join(" ")
            )));
        }
    }
    let filled = template.fill(Place::Url, &account.names(found)? as &dyn Values)?;
    Url::parse(filled.as_ref().map_or("", Secret::expose))
}

fn outgoing(request: &Request, url: &Url, state: &State) -> Result<Outgoing> {
    let mut headers = request.headers.clone();
    let has =
        |headers: &Headers, name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    for (name, value) in &state.headers {
        if has(&headers, name) {
            let what = format!(
                "{url}: the header {name} carries the token and is not the caller's to set"
            );
            return Err(Error::new(Status::InvalidArgument, what));
        }
        headers.push((name.clone(), value.clone()));
    }
    for (name, value) in state.account.default_headers(&state.record.discovered)? {
        if !has(&headers, &name) {
            headers.push((name, value));
        }
    }
    let needs_length = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
    let empty = || needs_length.then(|| Zeroizing::new(Vec::new()));
    Ok(Outgoing {
        method: request.method.clone(),
        url: url.clone(),
        shown: url.to_string(),
        headers,
        body: request.body.clone().or_else(empty),
    })
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
        let send = || state.account.transport.send(&outgoing, max, call);
        let answer = retry.run(send).map_err(|Fault { error, .. }| error)?;
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
        301..=303 => matches!(outgoing.method, Method::GET | Method::HEAD),
        307 | 308 => true,
        _ => false,
    };
    let next = outgoing.url.join(answer.header("location").filter(|_| same_request)?).ok()?;
    (next.origin() == outgoing.url.origin()).then_some(next)
}

/// Whether an answer says that the access token is no good.
pub(crate) fn is_refusal(account: &Account, status: u16, body: &[u8]) -> bool {
    let profile = &account.profile;
    let candidate = status >= 400 || profile.errors.body_status.is_some();
    // An error document is small; what is large is data, and is not parsed for this.
    let json = (candidate && body.len() <= 16_384).then(|| parse_json(body)).flatten();
    let status = exchange::effective_status(profile, status, json.as_ref());
    let code = json.as_ref().and_then(|json| exchange::code(profile, json));
    match &profile.request.refused {
        Some(rules) => rules.iter().any(|rule: &Rule| rule.matches(status, code.as_deref())),
        None => status == 401,
    }
}

/// What `send` would add to a request for this URL, for those who send requests themselves.
pub(crate) fn headers_for(lifecycle: &Lifecycle, url: &str, call: &Call) -> Result<Headers> {
    let request = Request::new("GET", url)?;
    let (state, url) = admitted(lifecycle, &request, call)?;
    Ok(outgoing(&request, &url, &state)?.headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_headers_as_rfc_8288_writes_them() {
        let header = r#"</a>; rel="prev", <b?x=1,2>; title="a, b"; rel="next last", <c>; REL=up"#;
        assert_eq!(link_header(header, "next"), ["b?x=1,2"]);
        assert_eq!(link_header(header, "LAST"), ["b?x=1,2"]);
        assert_eq!(link_header(header, "up"), ["c"]);
        assert!(link_header(header, "first").is_empty());
        assert!(link_header("<unclosed; rel=next", "next").is_empty());
    }

    #[test]
    fn links_are_found_in_bodies_of_each_form() {
        use serde_json::json;
        for body in [
            json!({"links": [{"rel": "self", "href": "/s"}, {"rel": "next", "href": "/n"}]}),
            json!({"links": {"next": "/n"}}),
            json!({"_links": {"next": {"href": "/n"}}}),
            json!({"_links": {"next": [{"href": "/n"}]}}),
        ] {
            assert_eq!(link_in_body(&body, "next").as_deref(), Some("/n"), "{body}");
            assert_eq!(link_in_body(&body, "last"), None);
        }
    }
}
