//! An answer of a token call: what it says, and whether that is a success, a refusal or a fault.
//!
//! ```text
//! 400 {"error": "invalid_grant"}                 Refused          without a rule, unless rejected_only
//! 401, and the step has a rule for it            Refused
//! 400 that nobody has a rule for                 MaybeRefused
//! 429, 408, 425                                  Busy             whatever stands in the body
//! 503, or 302, or nothing                        Silent
//! 200 without what was asked for                 MaybeRefused     a refusal in disguise, perhaps
//! ```
//!
//! Servers say in errors what they should not: an echo of a password, a token, bytes that break a
//! log. What a message quotes of an answer has gone through `Redaction`, is one line, and not long.

use super::client_auth;
use super::dpop;
use super::endpoints::are_words;
use super::failure::Failure;
use super::names::Names;
use super::places::place;
use super::pointer::{Pointed, Pointer};
use super::profile::{Profile, Step};
use super::reason::Reason;
use super::scope::Scope;
use super::template::Template;
use super::verdict::Verdict;
use crate::error::{Error, Result, Status, misleads};
use crate::http::headers;
use crate::http::message::{Answer, Fields, MOST_HEADER, Outgoing};
use crate::http::url::{Url, has_scheme};
use crate::model::option::Group;
use crate::support::clock::{Clock, CloudTime, Moment, UnixSeconds};
use crate::support::json::Value;
use crate::support::json::document::Document;
use crate::support::redaction::Redaction;
use crate::support::secret::Secret;
use std::cell::OnceCell;
use zeroize::Zeroizing;

/// An answer of a token call, parsed once.
pub(super) struct Reply<'a> {
    pub(super) profile: &'a Profile,
    /// The HTTP status, or the one in the body where the profile believes that.
    pub status: u16,
    /// Looked for when it is asked for: a good answer has none.
    reason: OnceCell<Reason>,
    /// What no message may repeat of the reason.
    pub(super) hidden: Redaction,
    /// The options that are set of those by which the client authenticates.
    proved: Vec<&'static str>,
    /// Whether the call sent a refresh token.
    of_refresh: bool,
    /// Whether the profile's rule is the only one: a refresh of a profile that says
    /// `rejected_only`.
    strict: bool,
    /// As they came, for pointers into them.
    headers: Fields,
    /// The body. It may hold a token, so it is wiped.
    pub(super) raw: Zeroizing<Vec<u8>>,
    /// How long the cloud wants not to be asked.
    retry_after: Option<std::time::Duration>,
    /// The answer's `Date`.
    pub(super) date: Option<UnixSeconds>,
    /// The cloud's time, as well as it is known: the answer's, else as it was told before.
    pub(super) now: UnixSeconds,
    /// When the call was made that this answers: a lifetime runs from there, so a token is taken
    /// for older than it is and never for younger.
    pub(super) asked: Moment,
    /// Whether what it answers was sent by this call, and was secret.
    pub sent_secret: bool,
    /// Whether a proof went with it, so that the token may be bound to its key.
    pub may_be_bound: bool,
    /// Whether a person was meant to read it: a proxy's or a captive portal's page.
    html: bool,
    /// "kontakt login: POST https://…", which every message begins with.
    at: String,
}

impl<'a> Reply<'a> {
    /// Takes an answer apart as far as every step needs it. `names` are what the request was made
    /// of: what no message may show of the answer is theirs.
    pub fn read(
        answer: Answer,
        profile: &'a Profile,
        clock: &Clock,
        step: &Step,
        outgoing: &Outgoing,
        names: &Names,
        asked: Moment,
    ) -> Reply<'a> {
        let json = Document::of(&answer.body);
        let status = effective_status(profile, answer.status, json);
        let kind = answer.header("content-type").unwrap_or_default();
        let mut named = step.templates().into_iter().flat_map(|(_, template)| template.names());
        let of_refresh = named.any(|(name, _)| name == "refresh_token");
        let is_strict = profile.refresh.as_ref().is_some_and(|refresh| refresh.rejected_only);
        Reply {
            profile,
            status,
            reason: OnceCell::new(),
            hidden: names.redaction(),
            proved: client_auth::OPTIONS.iter().copied().filter(|name| names.has(name)).collect(),
            of_refresh,
            strict: of_refresh && is_strict,
            html: kind.contains("html") || answer.body.trim_ascii_start().starts_with(b"<"),
            retry_after: headers::retry_after(&answer, clock),
            date: headers::date(&answer),
            now: headers::date(&answer).unwrap_or_else(|| clock.cloud_millis() / 1000),
            raw: Zeroizing::new(answer.body),
            headers: answer.headers,
            asked: answer.asked.unwrap_or(asked),
            sent_secret: false,
            may_be_bound: false,
            at: format!("{} {}: {} {}", profile.name, step.call, outgoing.method, outgoing.shown()),
        }
    }

    /// A failure with all that the answer says; its verdict is what the status alone says.
    fn failure(&self, status: Status, what: &str) -> Failure {
        let error = Error::new(status, format!("{} {what}", self.at))
            .with_http_status(self.status)
            .with_provider_code(self.code().map(str::to_string))
            .with_provider_message(self.sentence())
            .with_retry_after(self.retry_after);
        let time = self.date.map(|date| CloudTime { date, seen: self.asked });
        let verdict = match Verdict::by_status(self.status) {
            Verdict::MaybeRefused if self.strict => Verdict::Silent,
            _ if self.is_about_proof() => Verdict::Silent,
            verdict => verdict,
        };
        Failure { time, verdict, sent_secret: self.sent_secret, ..Failure::from(error) }
    }

    /// What the cloud says of the fault, looked for once.
    fn reason(&self) -> &Reason {
        self.reason
            .get_or_init(|| Reason::of(self.profile, self.status, &self.pointed(), &self.raw))
    }

    /// The cloud's code, if it may be shown: a server may echo a password as its code. Rules look
    /// at the code as it came.
    fn code(&self) -> Option<&str> {
        self.reason().shown_code().filter(|code| !self.hidden.is_shown_by(code))
    }

    /// Whether it is the DPoP proof that was refused, and nothing else was looked at.
    fn is_about_proof(&self) -> bool {
        self.reason().shown_code().is_some_and(dpop::is_about_proof)
    }

    /// The cloud's sentence as it may be shown: on one line, without secrets, not long.
    fn sentence(&self) -> Option<String> {
        const LONGEST: usize = 200;
        let text = self.reason().sentence.as_ref()?.replace(misleads, " ");
        let words: Vec<&str> = text.split_whitespace().collect();
        let clean = self.hidden.clean(&words.join(" "));
        (!clean.is_empty()).then(|| clean.chars().take(LONGEST).collect())
    }

    /// "answered 400 invalid_grant, "Session not active"".
    fn answered(&self) -> String {
        let mut text = format!("answered {}", self.status);
        text.extend(self.code().map(|code| format!(" {code}")));
        text.extend(self.sentence().map(|sentence| format!(", \"{sentence}\"")));
        text
    }

    /// What kind of refusal this is beyond doubt, if it is one: a code says more than a rule, and
    /// counts in any 4xx, and in a 2xx that holds nothing that was asked for.
    fn refusal(&self, step: &Step) -> Option<Verdict> {
        if self.is_about_proof() {
            return None;
        }
        let is_success = (200..=299).contains(&self.status);
        let is_ruled = step.rejected.iter().any(|rule| rule.reads(self.status));
        if is_success && !is_ruled && self.holds_something(step) {
            return None;
        }
        let code = self.reason().code.as_deref();
        let by_rule = step.rejected.iter().any(|rule| rule.matches(self.status, code, self.json()));
        let by_code = self.reason().words().find_map(|w| Verdict::by_code(w, self.of_refresh));
        match self.status {
            _ if by_rule => by_code.or(Some(Verdict::Refused)),
            408 | 425 | 429 => None,
            _ if is_success && self.holds_something(step) => None,
            // Nor does a refused client speak of the token.
            200..=299 | 400..=499 if self.strict => {
                by_code.filter(|verdict| *verdict == Verdict::ClientRefused)
            }
            200..=299 | 400..=499 => by_code,
            _ => None,
        }
    }

    /// "; check username and password": the step's own, or the options that it sends.
    fn hint(&self, step: &Step) -> String {
        if let Some(hint) = &step.hint {
            return format!("; {hint}");
        }
        let sent: Vec<String> = step.templates().into_iter().flat_map(|(_, t)| named(t)).collect();
        let options = self.profile.table.iter().filter(|o| o.group == Group::Identity);
        let is_sent = |name: &&str| {
            step.client_auth && self.proved.contains(name) || sent.iter().any(|sent| sent == name)
        };
        let names = options.map(|o| o.name.as_str()).filter(is_sent);
        let names: Vec<&str> = names.collect();
        if names.is_empty() { String::new() } else { format!("; check {}", names.join(", ")) }
    }

    /// Whether something that was asked for is there. A whole body is no sign: any error document
    /// would be one.
    fn holds_something(&self, step: &Step) -> bool {
        let token = &self.profile.token;
        let tokens = [&token.access_token, &token.refresh_token].into_iter().flatten();
        let places = tokens.chain(step.save.iter().map(|(_, place)| place));
        let mut places = places.filter(|place| !place.is_whole_body());
        places.any(|place| self.word(place).is_some())
    }

    /// Whether the answer is a success that the step can use: its status, what the profile expects,
    /// and everything that the next steps name. The error says what to look at: the options that
    /// were sent, or the one that decides where the call went.
    pub fn check(
        &self,
        step: &Step,
        url: &Template,
        scope: &mut Scope<'_>,
    ) -> std::result::Result<(), Failure> {
        let hint = self.hint(step);
        if let Some(verdict) = self.refusal(step) {
            let what = format!("{}: rejected{hint}", self.answered());
            let failure = self.failure(Status::CredentialsRejected, &what);
            return Err(Failure { verdict, ..failure });
        }
        let fault = match self.status {
            200..=299 => None,
            400..=499 if self.is_about_proof() => {
                let what = ": the DPoP proof was not taken, and nothing else looked at; check dpop";
                Some((Status::UnexpectedAnswer, what.to_string()))
            }
            429 => Some((Status::RateLimited, ": too many calls".to_string())),
            500..=599 => Some((Status::ServerError, String::new())),
            300..=399 => {
                let place = place(self.profile, url, scope.names(), scope);
                let what = format!(": a redirect, which token calls do not follow; check {place}");
                Some((Status::UnexpectedAnswer, what))
            }
            // Nobody there looked at credentials.
            404 | 405 | 415 => {
                let place = place(self.profile, url, scope.names(), scope);
                Some((Status::UnexpectedAnswer, format!("; check {place}")))
            }
            _ => Some((Status::UnexpectedAnswer, hint.clone())),
        };
        if let Some((status, what)) = fault {
            return Err(self.failure(status, &format!("{}{what}", self.answered())));
        }
        for (path, expected) in step.expect.iter() {
            let wanted = scope.fill_json(expected)?;
            let found = self.json().and_then(|json| json.pointer(path));
            if !is_as_expected(found.as_ref(), wanted.as_ref()) {
                let what = self.hidden.clean(&mismatch(path, found.as_ref(), wanted.as_ref()));
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
        let mut needed = step.save.iter().filter(|(_, p)| !p.optional);
        let unfit = needed.find(|(_, p)| self.word(p).is_some_and(|text| !is_fit(&text)));
        if let Some((_, pointer)) = unfit {
            let what = format!("no header can carry the text at {}", pointer.path);
            return Err(self.malformed(&what));
        }
        Ok(())
    }

    /// What the step saves, by name. Texts and numbers; what is absent and may be is left out.
    pub fn saved(&self, step: &Step) -> Result<Vec<(String, Secret)>> {
        let pick = |(name, pointer): (&str, &Pointer)| {
            // What may be absent and cannot be carried is as good as absent.
            let word = self.word(pointer).filter(is_fit);
            word.map(|word| (name.to_string(), word))
        };
        Ok(step.save.iter().filter_map(pick).collect())
    }

    /// Whether nothing is at this URL, so that the next one is asked. A server may answer what it does not
    /// know with a page of its own, or with another 4xx: where a document is looked for (`is_search`),
    /// that counts, too.
    pub fn is_missing(&self, is_search: bool) -> bool {
        match self.status {
            404 => true,
            408 | 425 | 429 => false,
            400..=499 => is_search,
            200..=299 => is_search && !self.is_object(),
            _ => false,
        }
    }

    /// The lists of words that the step asks for, as far as they are there. What is no word, or too
    /// much, is passed over.
    pub fn words(&self, step: &Step) -> Vec<(String, String)> {
        let list = |pointer: &Pointer| {
            let items = match self.pointed().value(pointer)? {
                Value::Array(items) => items,
                Value::Bool(true) => return Some("true".into()),
                _ => return None,
            };
            let is_word =
                |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic());
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).filter(is_word).collect();
            Some(words.join(" ")).filter(|words| !words.is_empty() && are_words(words))
        };
        let found = step.words.iter().filter_map(|(name, place)| Some((name.into(), list(place)?)));
        found.collect()
    }

    /// The body as JSON, if it is.
    fn json(&self) -> Option<Document<'_>> {
        Document::of(&self.raw)
    }

    /// Whether the body is a JSON object.
    pub(super) fn is_object(&self) -> bool {
        self.json().is_some_and(|json| json.is_object())
    }

    /// The answer, for pointers into it.
    pub(super) fn pointed(&self) -> Pointed<'_> {
        Pointed { headers: &self.headers, json: self.json() }
    }

    /// A text with something in it, at this place of the answer.
    pub(super) fn text(&self, pointer: &Pointer) -> Option<Secret> {
        self.pointed().text(pointer)?.as_str().map(Secret::from)
    }

    /// The same, or a number.
    fn word(&self, pointer: &Pointer) -> Option<Secret> {
        self.pointed().word(pointer)?.as_str().map(Secret::from)
    }

    /// A success that is none: what should be there is not.
    pub(super) fn malformed(&self, what: &str) -> Failure {
        self.failure(Status::MalformedAnswer, &format!("{}, but {what}", self.answered()))
    }

    /// What the body is in place of a JSON object, for whoever asks who answered there.
    pub(super) fn not_an_object(&self) -> String {
        match self.json() {
            Some(_) => "the JSON is not an object".into(),
            None if self.raw.is_empty() => "the body is empty".into(),
            None if self.html => {
                "with HTML, not JSON: is a proxy or a captive portal in the way?".into()
            }
            None => "the body is not JSON".into(),
        }
    }
}

/// Whether a header can carry what a step saves.
fn is_fit(text: &Secret) -> bool {
    let text = text.expose();
    text.len() <= MOST_HEADER && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}

/// The names that a template uses.
fn named(template: &Template) -> Vec<String> {
    template.names().map(|(name, _)| name.to_string()).collect()
}

/// Equal; URLs also where only one ends in a slash: issuers are written both ways, in
/// configurations and by the servers themselves (RFC 8414 3.3 asks for the very same text).
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

/// The HTTP status, or the body's own where the profile says that one may disagree.
pub(crate) fn effective_status(profile: &Profile, status: u16, json: Option<Document<'_>>) -> u16 {
    let pointer = profile.errors.body_status.as_ref().filter(|_| (200..300).contains(&status));
    let stated = pointer.and_then(|p| json?.pointer(&p.path)?.as_integer());
    match stated {
        Some(stated @ 400..=599) => stated,
        _ => status,
    }
}
