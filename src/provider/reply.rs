//! An answer of a token call: what it says, and whether that is a token, a refusal or a fault.

use super::names::Names;
use super::pointer::{Part, Pointed, Pointer};
use super::profile::{Profile, Step};
use super::scope::Scope;
use super::verdict::Verdict;
use crate::error::{Error, Result, Status};
use crate::http::headers;
use crate::http::message::{Answer, MOST_HEADER, Outgoing};
use crate::http::url::{Url, has_scheme};
use crate::model::token::{self, Claims, Token};
use crate::support::clock::{Clock, CloudTime, Moment, UnixSeconds};
use crate::support::json::Value;
use crate::support::json::document::Document;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::time::Duration;
use zeroize::Zeroizing;

/// Why an exchange yielded no token.
#[derive(Debug)]
pub(crate) struct Failure {
    pub error: Error,
    /// What it says of the credentials.
    pub verdict: Verdict,
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
        let verdict = Verdict::Silent;
        Failure { error, verdict, in_doubt: false, salvaged: None, time: None }
    }
}

/// An answer of a token call, parsed once.
pub(super) struct Reply {
    pub status: u16,
    code: Option<String>,
    headers: Vec<(String, String)>,
    raw: Zeroizing<Vec<u8>>,
    retry_after: Option<std::time::Duration>,
    date: Option<UnixSeconds>,
    /// The cloud's time, as well as it is known.
    now: UnixSeconds,
    asked: Moment,
    html: bool,
    /// "kontakt login: POST https://…", which every message begins with.
    at: String,
}

impl Reply {
    pub fn read(
        answer: Answer,
        profile: &Profile,
        clock: &Clock,
        step: &Step,
        outgoing: &Outgoing,
        names: &Names,
        asked: Moment,
    ) -> Reply {
        let json = Document::of(&answer.body);
        let status = effective_status(profile, answer.status, json);
        let kind = answer.header("content-type").unwrap_or_default();
        let pointed = Pointed { headers: &answer.headers, json };
        Reply {
            status,
            code: code(profile, &pointed).filter(|code| !names.is_part_of_a_secret(code)),
            html: kind.contains("html") || answer.body.trim_ascii_start().starts_with(b"<"),
            retry_after: headers::retry_after(&answer, clock),
            date: headers::date(&answer),
            now: headers::date(&answer).unwrap_or_else(|| clock.cloud_millis() / 1000),
            raw: Zeroizing::new(answer.body),
            headers: answer.headers,
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
        Failure { time, verdict: Verdict::by_status(self.status), ..Failure::from(error) }
    }

    /// What kind of refusal this is beyond doubt, if it is one: a code says more than a rule, and
    /// counts in any 4xx.
    fn refusal(&self, step: &Step) -> Option<Verdict> {
        let code = self.code.as_deref();
        let by_code = code.and_then(Verdict::by_code);
        let by_rule = step.rejected.iter().any(|rule| rule.matches(self.status, code, self.json()));
        match self.status {
            _ if by_rule => by_code.or(Some(Verdict::Refused)),
            400..=499 => by_code,
            _ => None,
        }
    }

    /// Whether the answer is a success that the step can use.
    pub fn check(&self, step: &Step, scope: &mut Scope<'_>) -> std::result::Result<(), Failure> {
        let hint = step.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
        let code = self.code.as_ref().map_or(String::new(), |code| format!(" {code}"));
        let answered = format!("answered {}{code}", self.status);
        if let Some(verdict) = self.refusal(step) {
            let what = format!("{answered}: rejected{hint}");
            let failure = self.failure(Status::CredentialsRejected, &what);
            return Err(Failure { verdict, ..failure });
        }
        match self.status {
            200..=299 => {}
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
            let wanted = scope.fill_json(expected)?;
            let found = self.json().and_then(|json| json.pointer(path));
            if !is_as_expected(found.as_ref(), wanted.as_ref()) {
                let what = mismatch(path, found.as_ref(), wanted.as_ref());
                return Err(self.failure(Status::UnexpectedAnswer, &format!("{what}{hint}")));
            }
        }
        // What was asked for and is not there: a refusal in the guise of a success.
        let absent = step.save.iter().find(|(_, p)| !p.optional && self.word(p).is_none());
        if let Some((_, pointer)) = absent {
            if !self.is_object() {
                return Err(self.malformed(&self.not_an_object()));
            }
            let what = format!("answered 200 without a text at {}{hint}", pointer.path);
            return Err(self.failure(Status::UnexpectedAnswer, &what));
        }
        // They go into the calls that follow, headers among them.
        let is_unfit = |text: Secret| {
            let text = text.expose();
            text.len() > MOST_HEADER || !text.bytes().all(|b| (0x20..0x7f).contains(&b))
        };
        let unfit = step.save.iter().find(|(_, p)| self.word(p).is_some_and(is_unfit));
        if let Some((_, pointer)) = unfit {
            let what = format!("no header can carry the text at {}", pointer.path);
            return Err(self.malformed(&what));
        }
        Ok(())
    }

    pub fn saved(&self, step: &Step) -> Result<Vec<(String, Secret)>> {
        let pick = |(name, pointer): (&str, &Pointer)| {
            self.word(pointer).map(|word| (name.to_string(), word))
        };
        Ok(step.save.iter().filter_map(pick).collect())
    }

    fn json(&self) -> Option<Document<'_>> {
        Document::of(&self.raw)
    }

    fn is_object(&self) -> bool {
        self.json().is_some_and(|json| json.is_object())
    }

    fn pointed(&self) -> Pointed<'_> {
        Pointed { headers: &self.headers, json: self.json() }
    }

    /// A text with something in it.
    fn text(&self, pointer: &Pointer) -> Option<Secret> {
        self.pointed().text(pointer)?.as_str().map(Secret::from)
    }

    /// The same, or a number.
    fn word(&self, pointer: &Pointer) -> Option<Secret> {
        self.pointed().word(pointer)?.as_str().map(Secret::from)
    }

    fn malformed(&self, what: &str) -> Failure {
        self.failure(Status::MalformedAnswer, &format!("answered {}, but {what}", self.status))
    }

    fn not_an_object(&self) -> String {
        match self.json() {
            Some(_) => "the JSON is not an object".into(),
            None if self.raw.is_empty() => "the body is empty".into(),
            None if self.html => {
                "with HTML, not JSON: is a proxy or a captive portal in the way?".into()
            }
            None => "the body is not JSON".into(),
        }
    }

    /// The token that the answer holds. `fixed` is how long it lives where the answer does not say.
    pub fn token(
        &self,
        profile: &Profile,
        fixed: Option<Duration>,
    ) -> std::result::Result<Token, Failure> {
        let fields = &profile.token;
        let whole_body = fields.access_token.as_ref().is_some_and(Pointer::is_whole_body);
        let in_body = fields.access_token.as_ref().is_some_and(|p| p.part == Part::Body);
        if in_body && !whole_body && !self.is_object() {
            return Err(self.malformed(&self.not_an_object()));
        }
        // One that cannot be sent back is as good as none: the access token beside it may be good,
        // and some clouds write an empty one where they mean that there is none.
        let refresh = fields
            .refresh_token
            .as_ref()
            .and_then(|pointer| self.text(pointer).filter(|text| is_token(text.expose())));
        self.checked_token(profile, fixed, whole_body, refresh.clone()).map_err(|failure| {
            // A cloud that issues a refresh token has refused nothing.
            let verdict = refresh.as_ref().map_or(failure.verdict, |_| Verdict::Silent);
            Failure { salvaged: refresh, verdict, ..failure }
        })
    }

    fn checked_token(
        &self,
        profile: &Profile,
        fixed: Option<Duration>,
        whole_body: bool,
        refresh: Option<Secret>,
    ) -> std::result::Result<Token, Failure> {
        let fields = &profile.token;
        let at = |pointer: &Option<Pointer>| self.pointed().value(pointer.as_ref()?);
        let stated = at(&fields.access_token).filter(|_| !whole_body);
        let access = if whole_body {
            std::str::from_utf8(&self.raw).ok().map(str::trim)
        } else {
            stated.as_ref().and_then(|stated| stated.as_str())
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
            Some(value) => Some(token::lifetime_of(&value).ok_or_else(|| {
                self.malformed("the lifetime (expires_in) is not a sane number of seconds")
            })?),
        };
        let ends = match at(&rule.expires_at).filter(|_| stated.is_none()) {
            None => None,
            Some(value) => Some(
                token::lifetime_until(&value, self.now)
                    .ok_or_else(|| self.malformed("its end (expires_at) is not a time to come"))?,
            ),
        };
        let claims = Claims::of(access);
        let by_jwt = || claims.as_ref().filter(|_| rule.jwt)?.lifetime(self.date);
        let stated_principal = at(&fields.principal);
        let principal = stated_principal.as_ref().and_then(|principal| principal.as_str());
        let principal = principal.map(str::to_string).or_else(|| claims.as_ref()?.subject());
        Ok(Token {
            access: access.into(),
            refresh,
            // Whose token it is, is the account's to say.
            login: String::new(),
            saved: Ordered::default(),
            principal: principal.map(|p| p.chars().take(200).collect()),
            issued: self.asked,
            date: self.date,
            lifetime: stated.or(ends).unwrap_or_else(|| by_jwt().or(fixed)),
        })
    }
}

/// Equal; URLs also where only one ends in a slash: issuers are written both ways, in configurations
/// and by the servers themselves (RFC 8414 3.3 asks for the very same text).
fn is_as_expected(found: Option<&Value>, wanted: Option<&Value>) -> bool {
    let url = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).filter(|text| has_scheme(text))?;
        Some(text.strip_suffix('/').unwrap_or(text).to_string())
    };
    found == wanted || url(found).is_some_and(|found| Some(found) == url(wanted))
}

/// Shows two URLs that differ; of anything else only where it stands.
fn mismatch(path: &str, found: Option<&Value>, wanted: Option<&Value>) -> String {
    let url = |value: Option<&Value>| Some(Url::parse(value?.as_str()?).ok()?.to_string());
    match (url(found), url(wanted)) {
        (Some(found), Some(wanted)) => {
            format!("answered 200, but {path} is {found} and not {wanted}")
        }
        _ => format!("answered 200, but {path} is not what it should be"),
    }
}

/// The longest token, in bytes: leaves room in a header for what a profile puts beside it.
const MOST_TOKEN: usize = MOST_HEADER / 2;

/// Visible ASCII: what a header can carry and a cloud can have meant.
fn is_token(text: &str) -> bool {
    (1..=MOST_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The HTTP status, or the body's own where the profile says that one may disagree.
pub(crate) fn effective_status(profile: &Profile, status: u16, json: Option<Document<'_>>) -> u16 {
    let pointer = profile.errors.body_status.as_ref().filter(|_| (200..300).contains(&status));
    let stated = pointer.and_then(|p| json?.pointer(&p.path)?.as_integer());
    match stated {
        Some(stated @ 400..=599) => stated,
        _ => status,
    }
}

/// The cloud's own code for a fault: a word, never a sentence, so that nothing it echoes gets out.
pub(crate) fn code(profile: &Profile, answer: &Pointed<'_>) -> Option<String> {
    let is_word = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
    };
    profile.errors.code.0.iter().find_map(|pointer| {
        let found = answer.word(pointer)?;
        found.as_str().filter(|text| is_word(text)).map(str::to_string)
    })
}
