//! Doors for the fuzzers (`fuzz/`): each takes bytes as they come, and panics where what must
//! hold of them does not.
//!
//! Not part of the library: only with the feature `fuzzing`. Each function is one fuzzer and one
//! part of the corpus test. None needs a network or a file, so that a run is quick and can be
//! repeated; what a fuzzer found stands in `fuzz/corpus/`.
//!
//! What the input of each looks like stands at its function. What must hold of it is in the
//! assertions: no input panics, no error is unfit for a log, and no value leaves the place it was
//! put into.

use crate::account::account::Account;
use crate::client::config::Config;
use crate::client::response::Response;
use crate::error::{Error, Status};
use crate::http::gzip::unpacked;
use crate::http::head::take_fields;
use crate::http::headers::retry_after;
use crate::http::message::{Answer, Fields, MOST_HEADER};
use crate::http::url::Url;
use crate::model::option::Kind;
use crate::model::options::Options;
use crate::model::record::Discovered;
use crate::model::record::Record;
use crate::provider::json_template::JsonTemplate;
use crate::provider::names::Names;
use crate::provider::profile::Profile;
use crate::provider::registry::built_in;
use crate::provider::scope::{Moment, Scope};
use crate::provider::selection::select;
use crate::provider::template::{Place, Template, Values};
use crate::provider::verdict::Verdict;
use crate::support::call::{Call, Canceller};
use crate::support::clock::Clock;
use crate::support::json;
use crate::support::json::document::Document;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The first line, and the rest.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// What holds of every message: one line, not endless.
fn fit_for_a_log(error: &Error) {
    let message = error.message();
    assert!(!message.is_empty() && message.len() < 4096, "{} bytes", message.len());
    assert!(!message.contains(char::is_control), "{message:?}");
}

/// A client's account at each built-in cloud.
fn accounts() -> &'static [Account] {
    static ACCOUNTS: OnceLock<Vec<Account>> = OnceLock::new();
    ACCOUNTS.get_or_init(|| {
        let make = |profile: Arc<Profile>| {
            let mut options = Options::new(profile.table.clone());
            let (_, login) = profile.logins.iter().find(|(_, l)| !l.steps.is_empty())?;
            for option in &login.needs {
                options.set(option, "a-value").unwrap();
            }
            for (option, wanted) in login.when.iter() {
                options.set(option, wanted).unwrap();
            }
            // Some platforms, which people run themselves, have no address of their own.
            let is_oauth2 = profile.name == "oauth2";
            if is_oauth2 {
                options.set("client_secret", "a-value").unwrap();
            }
            let address = if is_oauth2 { "token_url" } else { "base_url" };
            options.set(address, "https://cloud.example.com/x").unwrap();
            Some(Account::new(options, profile, None, &Clock::manual()).unwrap())
        };
        built_in().filter_map(|profile| make(profile.unwrap())).collect()
    })
}

/// An answer to the last call of a login. The first line is the number of a cloud, a status and a
/// `Content-Type`; the rest is the body.
///
/// A token that is taken must be one that a header can carry, with a lifetime that makes sense. A
/// refusal must have the status of one.
pub fn token_answer(data: &[u8]) {
    let (head, body) = split(data);
    let Some(head) = text(head) else { return };
    let mut words = head.splitn(3, ' ');
    let mut number = || words.next().and_then(|word| word.parse::<usize>().ok());
    let account = &accounts()[number().unwrap_or(0) % accounts().len()];
    let status = number().unwrap_or(200).clamp(200, 599) as u16;
    let kind = words.next().unwrap_or("application/json");
    let headers = Fields::from([("content-type", kind)]);
    let clock = Clock::manual();
    let call = Call::new(Duration::from_secs(60), &Arc::<Canceller>::default());
    let answer = Answer { status, headers, body: body.to_vec(), asked: None };
    match account.judge(answer, &clock, &call) {
        Ok(token) => {
            let sendable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
            let access = token.access.expose();
            assert!(!access.is_empty() && access.len() <= MOST_HEADER && sendable(access));
            assert!(token.refresh.as_ref().is_none_or(|refresh| sendable(refresh.expose())));
            let lifetime = token.lifetime.unwrap_or(Duration::from_secs(1));
            assert!((1..5_000_000_000).contains(&lifetime.as_secs()), "{lifetime:?}");
            let record = Record { token: Some(token), ..Record::default() };
            let token = record.token.as_ref().unwrap();
            let names = account.names_of_requests(token, &record.discovered).unwrap();
            account.present(&names).unwrap();
        }
        Err(failure) => {
            fit_for_a_log(&failure.error);
            let is_code =
                |code: &str| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_graphic());
            assert!(failure.error.provider_code().is_none_or(is_code));
            let refused = matches!(failure.verdict, Verdict::Refused | Verdict::ClientRefused);
            assert!(!refused || failure.error.status() == Status::CredentialsRejected);
        }
    }
}

/// A profile. One that is read must not panic when its logins are chosen and its values computed.
pub fn profile(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let profile = match Profile::parse(text) {
        Ok(profile) => profile,
        Err(error) => return fit_for_a_log(&error),
    };
    let mut options = Options::new(profile.table.clone());
    for (_, login) in profile.logins.iter() {
        for name in &login.needs {
            let kind = options.table().iter().find(|o| o.name == *name).map(|o| o.kind.clone());
            let value = match kind.expect("every option that is needed exists") {
                Kind::Number { .. } => "7".to_string(),
                Kind::Choice(words) => words.first().cloned().unwrap_or_default(),
                Kind::Bool => "true".to_string(),
                _ => "https://api.example.com/x".to_string(),
            };
            options.set(name, &value).ok();
        }
    }
    let chosen = select(&profile, &options).map(drop);
    chosen.unwrap_or_else(|error| fit_for_a_log(&error));
    match Names::of(&profile, &options, &Discovered::default()) {
        Ok(names) => {
            let mut scope = Scope::of(&profile, &names, Moment::at(1_700_000_000_000));
            for name in profile.values.names() {
                scope.find(name).map(drop).unwrap_or_else(|error| fit_for_a_log(&error));
            }
        }
        Err(error) => fit_for_a_log(&error),
    }
    assert!(profile.option_names().iter().all(|name| !name.is_empty()));
}

/// Options: the first line is a provider, then one `name=value` a line, or one JSON object. No
/// error repeats a secret, and a secret that was set is shown as `***`.
pub fn options(data: &[u8]) {
    let (provider, rest) = split(data);
    let (Some(provider), Some(rest)) = (text(provider), text(rest)) else { return };
    let mut config = match Config::new(provider) {
        Ok(config) => config,
        Err(error) => return fit_for_a_log(&error),
    };
    let quiet = |error: &Error, value: &str| {
        fit_for_a_log(error);
        assert!(value.len() < 8 || !error.message().contains(value), "a secret is repeated");
    };
    if rest.trim_start().starts_with('{') {
        config.load_json(rest).unwrap_or_else(|error| fit_for_a_log(&error));
    } else {
        for (name, value) in rest.lines().filter_map(|line| line.split_once('=')) {
            let secret = matches!(name, "password" | "api_key" | "client_secret" | "store_key");
            // No file is read and no directory made on the fuzzer's word.
            if name.ends_with("_file") || name == "store" {
                continue;
            }
            if let Err(error) = config.set(name, value) {
                quiet(&error, if secret { value } else { "" });
            } else if secret {
                assert_eq!(config.get(name).unwrap().as_deref(), Some("***"));
            }
        }
    }
    let files = ["ca_file", "client_cert_file", "client_key_file", "profile_file", "store"];
    let reads_none = |name: &&str| matches!(config.get(name), Ok(None)) || *name == "store";
    // A client reads a hundred certificates: seldom enough to leave time for the rest.
    let seldom = data.len() % 32 == 0;
    if seldom && files.iter().all(reads_none) && config.get("store") == Ok(Some("memory".into())) {
        if let Err(error) = config.client() {
            fit_for_a_log(&error);
        }
    }
}

/// Links: the first line is a `Link` header (RFC 8288), the rest a body. What is found is an
/// absolute URL.
pub fn links(data: &[u8]) {
    let (header, body) = split(data);
    let Some(header) = text(header) else { return };
    let headers = Fields::from([("link", header)]);
    let answer = Answer { status: 200, headers, body: body.to_vec(), asked: None };
    let url = Url::parse("https://api.example.com:8443/v1/devices?page=1").unwrap();
    let response = Response::new(answer, None, url, Default::default());
    for rel in ["next", "last", ""] {
        match response.link(rel) {
            Ok(Some(url)) => {
                let again = Url::parse(&url).expect("an absolute URL");
                assert!(again.as_str().starts_with("http"));
            }
            Ok(None) => {}
            Err(error) => fit_for_a_log(&error),
        }
    }
}

/// `Retry-After`, and in the second line `Date`. A wait is between a second and a day.
pub fn wait(data: &[u8]) {
    let (retry, date) = split(data);
    let (Some(retry), Some(date)) = (text(retry), text(date)) else { return };
    let headers = Fields::from([("retry-after", retry), ("date", date)]);
    let answer = Answer { status: 429, headers, body: Vec::new(), asked: None };
    if let Some(wait) = retry_after(&answer, &Clock::manual()) {
        assert!((1..=86_400).contains(&wait.as_secs()), "{wait:?}");
    }
}

/// Values for a template in which every name has this one.
struct Every<'a>(&'a str);

impl Values for Every<'_> {
    fn value(&self, _: &str) -> Option<&str> {
        Some(self.0)
    }

    fn is_number(&self, name: &str) -> bool {
        name.starts_with('n')
    }
}

/// A template in the first line, and in the rest the value of all its names. Whatever the value
/// is, it stays in its header, its field, its path or its JSON text: that is what keeps an option
/// from adding a header or changing the host.
pub fn template(data: &[u8]) {
    let (source, value) = split(data);
    let (Some(source), Some(value)) = (text(source), text(value)) else { return };
    let Ok(template) = Template::parse(source) else { return };
    let values = Every(value);
    let fill = |place| template.fill(place, &values).ok().flatten();
    if let Some(header) = fill(Place::Header) {
        let printable = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        assert!(printable(header.expose()) || !printable(source), "out of its header");
    }
    for (place, more) in [(Place::Query, "-._~%"), (Place::Form, "*-._%+")] {
        let filled = fill(place).expect("every name has a value");
        let kept = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        assert!(filled.expose().chars().all(kept), "out of its field");
    }
    let behind = Template::parse(&format!("https://auth.example.com/{source}")).unwrap();
    if let Ok(Some(url)) = behind.fill(Place::Url, &values) {
        if let Ok(url) = Url::parse(url.expose()) {
            assert_eq!(url.origin().to_string(), "https://auth.example.com", "off to another host");
        }
    }
    let document = json::Value::from(source);
    let filled = JsonTemplate::parse(&document).unwrap().fill(&values).unwrap().unwrap();
    assert_eq!(json::parse(filled.to_json().as_bytes()).ok(), Some(filled), "out of its string");
}

/// Whether two values are the same, but for the last digit of a fraction, which serde_json does
/// not promise.
fn same(one: &json::Value, other: &json::Value) -> bool {
    use json::Value::{Array, Number, Object};
    match (one, other) {
        (Number(one), Number(other)) if is_fraction(one) || is_fraction(other) => {
            let (one, other): (f64, f64) = (one.parse().unwrap(), other.parse().unwrap());
            (one - other).abs() <= one.abs() * 4.0 * f64::EPSILON
        }
        (Array(one), Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Object(one), Object(other)) => {
            let pairs = one.iter().zip(other);
            one.len() == other.len()
                && pairs.into_iter().all(|(a, b)| a.0 == b.0 && same(&a.1, &b.1))
        }
        _ => one == other,
    }
}

/// Whether a number was written with a fraction or an exponent.
fn is_fraction(number: &str) -> bool {
    number.contains(['.', 'e', 'E'])
}

/// JSON, read and written again; `None` where it is none.
///
/// What was written reads back the same. And where the strict reader finds a member, [`Document`]
/// finds the same one, while it takes any bytes at all.
pub fn json(data: &[u8]) -> Option<String> {
    let document = Document::of(data);
    if let Some(document) = document {
        for path in ["", "/", "/a", "/0", "/a/0/b", "/error/code"] {
            document.pointer(path);
        }
    }
    let value = json::parse(data).ok()?;
    let document = document.expect("what is JSON is a document");
    if let json::Value::Object(members) = &value {
        for (name, _) in members {
            let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            let found = document.pointer(&path).expect("every member is found");
            assert!(same(&found, value.get(name).unwrap()), "{path}");
        }
    }
    let written = value.to_json().to_string();
    let again = json::parse(written.as_bytes()).expect("what was written is JSON");
    assert!(same(&again, &value), "what was written reads back");
    Some(written)
}

/// A packed body. It unpacks to the same whatever the pieces that it comes and is read in, or never
/// does.
pub fn gzip(data: &[u8]) {
    let whole = unpacked(data, data.len().max(1), 65_536);
    for (piece, room) in [(1, 1), (1, 65_536), (13, 7)] {
        assert_eq!(unpacked(data, piece, room), whole, "pieces of {piece} into {room}");
    }
}

/// The head of an answer and what comes behind it: the headers that are taken out, and what is left for
/// ureq; `None` where all of it is left.
pub fn head(data: &[u8]) -> Option<(Vec<(String, String)>, Vec<u8>)> {
    let mut bytes = data.to_vec();
    let taken = take_fields(&mut bytes);
    assert!(taken.is_some() || bytes == data, "half of a head is taken out");
    let (fields, begin) = taken?;
    let fields = fields.iter().map(|(name, value)| (name.into(), value.into()));
    Some((fields.collect(), bytes.split_off(begin)))
}

/// A URL in the first line, and in the second a reference that is resolved against it. What was
/// parsed parses again, and a relative reference never leads to another host.
pub fn url(data: &[u8]) {
    let (url, reference) = split(data);
    let (Some(url), Some(reference)) = (text(url), text(reference)) else { return };
    let base = match Url::parse(url) {
        Ok(base) => base,
        Err(error) => return fit_for_a_log(&error),
    };
    let again = Url::parse(base.as_str()).expect("what was parsed parses");
    assert_eq!(again.origin(), base.origin());
    match base.join(reference) {
        Ok(joined) => {
            let is_relative =
                !reference.starts_with("//") && !crate::http::url::has_scheme(reference);
            assert!(!is_relative || joined.origin() == base.origin(), "off to another host");
        }
        Err(error) => fit_for_a_log(&error),
    }
}
