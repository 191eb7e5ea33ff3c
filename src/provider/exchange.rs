//! Runs a profile's steps against the cloud and yields a token, or why there is none.

use super::profile::{Profile, Rule, Step};
use crate::call::Call;
use crate::clock::{Clock, CloudTime, Moment, UnixSeconds};
use crate::error::{Error, Result, Status};
use crate::http::{Answer, Asking, Late, MOST_HEADER, Outgoing, Transport};
use crate::json::{self, Value};
use crate::options::{Kind, Options};
use crate::ordered::Ordered;
use crate::retry::{self, Repeat, Retry};
use crate::secret::Secret;
use crate::template::{self, Place, Template, Values};
use crate::token::{self, Token};
use crate::url::Url;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::Method;
use zeroize::Zeroizing;

/// What names stand for while a profile's templates are filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    values: Ordered<Secret>,
    numbers: Vec<String>,
    secrets: Vec<String>,
}

impl Values for Names {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(Secret::expose)
    }

    fn is_number(&self, name: &str) -> bool {
        self.numbers.iter().any(|number| number == name)
    }
}

impl Names {
    /// Options, words, values and the base URL, with what discovery found.
    pub fn of(profile: &Profile, options: &Options, discovered: &Discovered) -> Result<Names> {
        let mut names = Names::default();
        for option in options.table() {
            if let Some(value) = options.get(&option.name) {
                names.set(&option.name, value);
            }
            if matches!(option.kind, Kind::Number { .. }) {
                names.numbers.push(option.name.clone());
            }
            if option.secret {
                names.secrets.push(option.name.clone());
            }
        }
        for (name, map) in profile.maps.iter() {
            let Some(word) = options.get(&map.of).or(map.default.as_deref()) else { continue };
            match map.to.get(word) {
                Some(meaning) => names.set(name, meaning),
                None => {
                    let words: Vec<&str> = map.to.iter().map(|(word, _)| word).collect();
                    return Err(Error::new(
                        Status::InvalidOption,
                        format!("{}: must be one of {}", map.of, words.join(", ")),
                    ));
                }
            }
        }
        discovered.0.iter().for_each(|(name, value)| names.set(name, value));
        // Values may name each other and the base URL, and it may name them: round by round.
        for _ in 0..=profile.values.0.len() {
            for (name, alternatives) in profile.values.iter() {
                names.set_first(name, &alternatives.0);
            }
            names.set_first("base_url", profile.base_url.as_slice());
        }
        Ok(names)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name, value.into());
    }

    fn set_first(&mut self, name: &str, alternatives: &[Template]) {
        if self.values.contains(name) {
            return;
        }
        let filled = alternatives.iter().find_map(|t| t.fill(Place::Url, self).ok().flatten());
        if let Some(value) = filled {
            self.values.insert(name, value);
        }
    }

    /// The same names and one more, which is secret: a token, or what a step has saved.
    pub fn with(&self, name: &str, value: &Secret) -> Names {
        let mut names = self.clone();
        names.values.insert(name, value.clone());
        names.secrets.push(name.into());
        names
    }

    /// Whether showing this text would show some of a secret.
    fn is_part_of_a_secret(&self, text: &str) -> bool {
        let mut secrets = self.secrets.iter().filter_map(|name| self.values.get(name));
        secrets.any(|s| s.expose().contains(text) || text.contains(s.expose()))
    }
}

/// What a discovery found: names of endpoints. Not secret; kept with the tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Discovered(pub Ordered<String>);

/// Why an exchange yielded no token.
#[derive(Debug)]
pub(crate) struct Failure {
    pub error: Error,
    /// The cloud refused the credentials or the refresh token by the profile's rule.
    pub rejected: bool,
    /// Whether the last call may have been carried out although no good answer came back.
    pub in_doubt: bool,
    /// A new refresh token that stood in an answer which was no good otherwise. The old one is
    /// spent by now, so this is the only one left.
    pub salvaged: Option<Secret>,
    /// The cloud's time, where it answered at all.
    pub time: Option<CloudTime>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, rejected: false, in_doubt: false, salvaged: None, time: None }
    }
}

/// How far an exchange has come.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    /// What it began with,
    began: Names,
    /// which step comes next,
    step: usize,
    /// and with what the steps before have saved.
    names: Names,
}

impl Trail {
    fn of(names: &Names) -> Trail {
        Trail { began: names.clone(), step: 0, names: names.clone() }
    }
}

/// Everything an exchange needs besides the steps.
pub(crate) struct Exchange<'a> {
    pub profile: &'a Profile,
    pub options: &'a Options,
    pub transport: &'a Transport,
    pub late: &'a Late<Trail>,
    pub clock: &'a Clock,
    pub call: &'a Call,
}

impl Exchange<'_> {
    /// Runs the discovery steps, where the options ask for it.
    pub fn discover(&self) -> std::result::Result<Discovered, Failure> {
        let mut discovered = Discovered::default();
        let Some(discovery) = &self.profile.discovery else { return Ok(discovered) };
        if !self.options.is_set(&discovery.when) {
            return Ok(discovered);
        }
        for step in self.of(&discovery.steps) {
            let names = Names::of(self.profile, self.options, &discovered)?;
            let reply = self.run(step, &Trail::of(&names), Repeat::Safe)?;
            for (name, value) in reply.saved(step)? {
                // The client will send credentials there: it must be as safe as any other URL.
                let shown = || format!("{}: {name}", step.call);
                safe(&Url::parse(value.expose())?, self.options, shown)?;
                discovered.0.insert(&name, value.expose().into());
            }
        }
        Ok(discovered)
    }

    /// Runs the steps of a login or a refresh; the last one's answer holds the token.
    pub fn obtain(
        &self,
        steps: &[Step],
        names: &Names,
        repeat: Repeat,
    ) -> std::result::Result<Token, Failure> {
        let steps: Vec<&Step> = self.of(steps).collect();
        let no_step = || Error::new(Status::InvalidProfile, "no step fits the options");
        let last = steps.len().checked_sub(1).ok_or_else(no_step)?;
        // An earlier call may have come as far as an answer that it could not wait for.
        let earlier = self.late.trail(self.clock.now(), repeat == Repeat::Refresh);
        let earlier = earlier.filter(|trail| trail.began == *names);
        let mut trail = earlier.unwrap_or_else(|| Trail::of(names));
        loop {
            let step = steps[trail.step.min(last)];
            let reply = self.run(step, &trail, repeat)?;
            if trail.step >= last {
                return reply.token(self.profile);
            }
            for (name, value) in reply.saved(step)? {
                trail.names = trail.names.with(&name, &value);
            }
            trail.step += 1;
        }
    }

    /// What this answer to the step comes to.
    #[cfg(feature = "fuzzing")]
    pub fn judge(
        &self,
        step: &Step,
        names: &Names,
        answer: Answer,
    ) -> std::result::Result<Token, Failure> {
        let outgoing = self.outgoing(step, &step.url.0[0], names)?;
        let reply = Reply::read(answer, self, step, &outgoing, names, self.clock.now());
        reply.check(step, names)?;
        reply.token(self.profile)
    }

    /// Runs steps for their effect alone.
    pub fn perform(&self, steps: &[Step], names: &Names) -> std::result::Result<(), Failure> {
        self.of(steps).try_for_each(|step| {
            let unknown_url =
                step.url.0.iter().all(|t| matches!(t.fill(Place::Url, names), Ok(None)));
            if unknown_url {
                return Ok(());
            }
            self.run(step, &Trail::of(names), Repeat::Safe).map(drop)
        })
    }

    fn of<'s>(&self, steps: &'s [Step]) -> impl Iterator<Item = &'s Step> {
        let options = self.options;
        steps.iter().filter(move |step| {
            step.when.iter().all(|(option, wanted)| options.get(option) == Some(wanted))
        })
    }

    fn run(
        &self,
        step: &Step,
        trail: &Trail,
        repeat: Repeat,
    ) -> std::result::Result<Reply, Failure> {
        let mut reply = None;
        for url in &step.url.0 {
            let outgoing = self.outgoing(step, url, &trail.names)?;
            let found = self.ask(step, &outgoing, trail, repeat)?;
            let missing = found.status == 404;
            reply = Some(found);
            if !missing {
                break;
            }
        }
        let no_url = || Error::new(Status::InvalidProfile, format!("{}: no URL", step.call));
        let reply = reply.ok_or_else(no_url)?;
        reply.check(step, &trail.names)?;
        Ok(reply)
    }

    fn ask(
        &self,
        step: &Step,
        outgoing: &Outgoing,
        trail: &Trail,
        repeat: Repeat,
    ) -> std::result::Result<Reply, Failure> {
        let idempotent = matches!(outgoing.method, Method::GET | Method::HEAD);
        let retry = Retry {
            call: self.call,
            clock: self.clock,
            attempts: step.attempts.unwrap_or(1 + self.options.number("retries") as u32),
            repeat: if idempotent { Repeat::Safe } else { repeat },
        };
        let asked = self.clock.now();
        let max = self.options.number("max_token_bytes");
        let send = || match retry.repeat {
            Repeat::Safe => self.transport.send(outgoing, max, self.call),
            Repeat::Unheard | Repeat::Refresh => {
                let once = retry.repeat == Repeat::Refresh;
                let asking = Asking { late: self.late, now: self.clock.now(), once, trail };
                self.transport.ask(outgoing, max, self.call, asking)
            }
        };
        let answer = retry.run(send).map_err(|fault| {
            let explained = self.advise(fault.error, step);
            Failure { in_doubt: fault.sent && !fault.awaited, ..Failure::from(explained) }
        })?;
        Ok(Reply::read(answer, self, step, outgoing, &trail.names, asked))
    }

    fn advise(&self, error: Error, step: &Step) -> Error {
        let message = format!("{} {}: {}", self.profile.name, step.call, error.message());
        Error::new(error.status(), message).with_retry_after(error.retry_after())
    }

    fn outgoing(&self, step: &Step, url: &Template, names: &Names) -> Result<Outgoing> {
        let wrong = |what: &str| {
            Error::new(
                Status::InvalidProfile,
                format!("{} {}: {what}", self.profile.name, step.call),
            )
        };
        let filled = url.fill(Place::Url, names)?.ok_or_else(|| wrong("the URL has no value"))?;
        let mut query = Zeroizing::new(String::new());
        for (name, value) in step.query.iter() {
            if let Some(value) = value.fill(Place::Query, names)? {
                pair(name, value.expose(), template::query_encode, &mut query);
            }
        }
        let url_filled = Url::parse(filled.expose())?.with_query(&query)?;
        let shown = shown(url, names);
        safe(&url_filled, self.options, || shown.clone())?;
        let mut headers = Vec::new();
        for (name, value) in step.headers.iter() {
            headers.extend(value.fill(Place::Header, names)?.map(|v| (name.to_string(), v)));
        }
        if let Some((user, password)) = &step.basic_auth {
            let filled = (user.fill(Place::Form, names)?, password.fill(Place::Form, names)?);
            if let (Some(user), Some(password)) = filled {
                let joined = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
                let value = Zeroizing::new(BASE64_STANDARD.encode(joined.as_bytes()));
                headers.push(("Authorization".into(), Secret::new(format!("Basic {}", *value))));
            }
        }
        let (body, kind) = body(step, names)?;
        let has = |wanted: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(wanted));
        if let Some(kind) = kind.filter(|_| !has("content-type")) {
            headers.push(("Content-Type".into(), kind.into()));
        }
        let method = Method::from_bytes(step.method.as_bytes()).map_err(|_| wrong("bad method"))?;
        Ok(Outgoing { method, url: url_filled, shown, headers, body })
    }
}

type Body = (Option<Zeroizing<Vec<u8>>>, Option<&'static str>);

fn body(step: &Step, names: &Names) -> Result<Body> {
    if let Some(form) = &step.form {
        let mut text = Zeroizing::new(String::new());
        for (name, value) in form.iter() {
            if let Some(value) = value.fill(Place::Form, names)? {
                pair(name, value.expose(), template::form_encode, &mut text);
            }
        }
        let bytes = Zeroizing::new(text.as_bytes().to_vec());
        return Ok((Some(bytes), Some("application/x-www-form-urlencoded")));
    }
    let Some(json) = &step.json else {
        // A POST without a body still says so: some servers answer 411 otherwise.
        let empty = (step.method == "POST").then(|| Zeroizing::new(Vec::new()));
        return Ok((empty, None));
    };
    let mut text = json.fill(names)?.unwrap_or(Value::Null).to_json();
    let bytes = Zeroizing::new(std::mem::take(&mut *text).into_bytes());
    Ok((Some(bytes), Some("application/json")))
}

/// A field; its value was escaped when its template was filled.
fn pair(name: &str, escaped: &str, encode: impl Fn(&str, &mut String), into: &mut String) {
    if !into.is_empty() {
        into.push('&');
    }
    encode(name, into);
    into.push('=');
    into.push_str(escaped);
}

/// A step's URL for messages: names that open it are filled, all others are left as they are.
fn shown(url: &Template, names: &Names) -> String {
    let source = url.source();
    match source.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((name, rest)) => {
            let base = names.value(name.trim_end_matches('?')).unwrap_or_default();
            format!("{}{rest}", base.trim_end_matches('/'))
        }
        None => source.to_string(),
    }
}

/// HTTPS, or plain HTTP where it cannot leave the machine or the user said so.
pub(crate) fn safe(url: &Url, options: &Options, shown: impl FnOnce() -> String) -> Result<()> {
    let origin = url.origin();
    if origin.is_https() || origin.is_loopback() || options.flag("allow_http") {
        return Ok(());
    }
    Err(Error::new(
        Status::InsecureUrl,
        format!(
            "{}: plain HTTP to {} would show the credentials to the network; use https, or set allow_http",
            shown(),
            origin.host()
        ),
    ))
}

/// An answer of a token call, parsed once.
struct Reply {
    status: u16,
    code: Option<String>,
    json: Option<Value>,
    raw: Zeroizing<Vec<u8>>,
    retry_after: Option<std::time::Duration>,
    date: Option<UnixSeconds>,
    asked: Moment,
    html: bool,
    /// "kontakt login: POST https://…", which every message begins with.
    at: String,
}

impl Reply {
    fn read(
        answer: Answer,
        exchange: &Exchange<'_>,
        step: &Step,
        outgoing: &Outgoing,
        names: &Names,
        asked: Moment,
    ) -> Reply {
        let profile = exchange.profile;
        let json = parse_json(&answer.body);
        let status = effective_status(profile, answer.status, json.as_ref());
        let kind = answer.header("content-type").unwrap_or_default();
        Reply {
            status,
            code: json
                .as_ref()
                .and_then(|json| code(profile, json))
                .filter(|code| !names.is_part_of_a_secret(code)),
            html: kind.contains("html") || answer.body.trim_ascii_start().starts_with(b"<"),
            retry_after: retry::retry_after(&answer, exchange.clock),
            date: retry::date(&answer),
            raw: Zeroizing::new(answer.body),
            json,
            asked: answer.asked.unwrap_or(asked),
            at: format!("{} {}: {} {}", profile.name, step.call, outgoing.method, outgoing.shown),
        }
    }

    fn failure(&self, status: Status, what: &str) -> Failure {
        let error = Error::new(status, format!("{} {what}", self.at))
            .with_http_status(self.status)
            .with_provider_code(self.code.clone())
            .with_retry_after(self.retry_after);
        let time = self.date.map(|date| CloudTime { date, seen: self.asked });
        Failure { time, ..Failure::from(error) }
    }

    /// Whether the answer is a success that the step can use.
    fn check(&self, step: &Step, names: &Names) -> std::result::Result<(), Failure> {
        let hint = step.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
        let code = self.code.as_ref().map_or(String::new(), |code| format!(" {code}"));
        let answered = format!("answered {}{code}", self.status);
        match self.status {
            200..=299 => {}
            status
                if step.rejected.iter().any(|r: &Rule| r.matches(status, self.code.as_deref())) =>
            {
                let what = format!("{answered}: rejected{hint}");
                let failure = self.failure(Status::CredentialsRejected, &what);
                return Err(Failure { rejected: true, ..failure });
            }
            429 => {
                return Err(
                    self.failure(Status::RateLimited, &format!("{answered}: too many calls"))
                );
            }
            500..=599 => return Err(self.failure(Status::ServerError, &answered)),
            300..=399 => {
                let what = format!(
                    "{answered}: a redirect, which token calls do not follow; check base_url"
                );
                return Err(self.failure(Status::UnexpectedAnswer, &what));
            }
            _ => return Err(self.failure(Status::UnexpectedAnswer, &format!("{answered}{hint}"))),
        }
        for (path, expected) in step.expect.iter() {
            let wanted = expected.fill(names)?;
            if self.json.as_ref().and_then(|json| json.pointer(path)) != wanted.as_ref() {
                let what = format!("answered 200, but {path} is not what it should be{hint}");
                return Err(self.failure(Status::UnexpectedAnswer, &what));
            }
        }
        // What was asked for and is not there: a refusal in the guise of a success.
        let absent = step.save.iter().find(|(_, p)| !p.optional && self.text(&p.path).is_none());
        if let Some((_, pointer)) = absent {
            return Err(match &self.json {
                Some(Value::Object(_)) => {
                    let what = format!("answered 200 without a text at {}{hint}", pointer.path);
                    self.failure(Status::UnexpectedAnswer, &what)
                }
                _ => self.malformed(&self.not_an_object()),
            });
        }
        // They go into the calls that follow, headers among them.
        let is_unfit = |text: &str| {
            text.len() > MOST_HEADER || !text.bytes().all(|b| (0x20..0x7f).contains(&b))
        };
        let unfit = step.save.iter().find(|(_, p)| self.text(&p.path).is_some_and(is_unfit));
        if let Some((_, pointer)) = unfit {
            let what = format!("no header can carry the text at {}", pointer.path);
            return Err(self.malformed(&what));
        }
        Ok(())
    }

    fn saved(&self, step: &Step) -> Result<Vec<(String, Secret)>> {
        let pick = |(name, pointer): (&str, &super::profile::Pointer)| {
            self.text(&pointer.path).map(|text| (name.to_string(), Secret::from(text)))
        };
        Ok(step.save.iter().filter_map(pick).collect())
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.json.as_ref()?.pointer(path)?.as_str().filter(|text| !text.is_empty())
    }

    fn malformed(&self, what: &str) -> Failure {
        self.failure(Status::MalformedAnswer, &format!("answered {}, but {what}", self.status))
    }

    fn not_an_object(&self) -> String {
        match &self.json {
            Some(_) => "the JSON is not an object".into(),
            None if self.raw.is_empty() => "the body is empty".into(),
            None if self.html => {
                "with HTML, not JSON: is a proxy or a captive portal in the way?".into()
            }
            None => "the body is not JSON".into(),
        }
    }

    fn token(&self, profile: &Profile) -> std::result::Result<Token, Failure> {
        let fields = &profile.token;
        let whole_body = fields.access_token.as_ref().is_some_and(|p| p.path.is_empty());
        if !whole_body && !matches!(self.json, Some(Value::Object(_))) {
            return Err(self.malformed(&self.not_an_object()));
        }
        // One that cannot be sent back is as good as none: the access token beside it may be good,
        // and some clouds write an empty one where they mean that there is none.
        let refresh = fields.refresh_token.as_ref().and_then(|pointer| {
            let found = self.text(&pointer.path).filter(|text| is_token(text));
            found.map(Secret::from)
        });
        self.checked_token(profile, whole_body, refresh.clone())
            .map_err(|failure| Failure { salvaged: refresh, ..failure })
    }

    fn checked_token(
        &self,
        profile: &Profile,
        whole_body: bool,
        refresh: Option<Secret>,
    ) -> std::result::Result<Token, Failure> {
        let fields = &profile.token;
        let at = |pointer: &Option<super::profile::Pointer>| {
            let path = &pointer.as_ref()?.path;
            self.json.as_ref()?.pointer(path).filter(|value| **value != Value::Null)
        };
        let access = if whole_body {
            std::str::from_utf8(&self.raw).ok().map(str::trim)
        } else {
            at(&fields.access_token).and_then(Value::as_str)
        };
        let access = access.ok_or_else(|| self.malformed("it holds no access token"))?;
        if access.is_empty() {
            return Err(self.malformed("the access token is empty"));
        }
        if access.len() > MOST_TOKEN {
            return Err(self.malformed("the access token is longer than a header can be"));
        }
        if !is_token(access) {
            return Err(self.malformed("the access token has characters that no header can carry"));
        }
        if let Some(pointer) = &fields.token_type {
            let bearer = match at(&fields.token_type) {
                Some(Value::Text(kind)) => kind.eq_ignore_ascii_case("bearer"),
                Some(_) => false,
                None => pointer.optional,
            };
            if !bearer {
                return Err(self.malformed("the token type is not Bearer"));
            }
        }
        let rule = &fields.lifetime;
        let stated = match at(&rule.expires_in) {
            None => None,
            Some(value) => Some(token::lifetime_of(value).ok_or_else(|| {
                self.malformed("the lifetime (expires_in) is not a sane number of seconds")
            })?),
        };
        let by_jwt = || rule.jwt.then(|| token::jwt_lifetime(access, self.date)).flatten();
        let fixed = || rule.seconds.map(std::time::Duration::from_secs);
        let principal =
            at(&fields.principal).and_then(Value::as_str).map(|p| p.chars().take(200).collect());
        Ok(Token {
            access: access.into(),
            refresh,
            principal,
            issued: self.asked,
            date: self.date,
            lifetime: stated.unwrap_or_else(|| by_jwt().or_else(fixed)),
        })
    }
}

/// The longest token, in bytes: leaves room in a header for what a profile puts beside it.
const MOST_TOKEN: usize = MOST_HEADER / 2;

/// Visible ASCII: what a header can carry and a cloud can have meant.
fn is_token(text: &str) -> bool {
    (1..=MOST_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// JSON, with the byte order mark that some servers put before it taken off (RFC 8259 8.1).
pub(crate) fn parse_json(body: &[u8]) -> Option<Value> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    json::parse(body).ok()
}

/// The HTTP status, or the body's own where the profile says that one may disagree.
pub(crate) fn effective_status(profile: &Profile, status: u16, json: Option<&Value>) -> u16 {
    let pointer = profile.errors.body_status.as_ref().filter(|_| (200..300).contains(&status));
    let stated = pointer.and_then(|p| json?.pointer(&p.path)?.as_integer());
    match stated {
        Some(stated @ 400..=599) => stated,
        _ => status,
    }
}

/// The cloud's own code for a fault: a word, never a sentence, so that nothing it echoes gets out.
pub(crate) fn code(profile: &Profile, json: &Value) -> Option<String> {
    let is_word = |text: &&str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
    };
    let found =
        profile.errors.code.0.iter().find_map(|p| json.pointer(&p.path)?.as_str().filter(is_word));
    found.map(str::to_string)
}
