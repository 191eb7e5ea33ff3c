//! The profile: a cloud as data. This file is the format; docs/PROFILES.md tells it to people.

use crate::error::{Error, Result, Status};
use crate::options::{Group, Kind, Opt};
use crate::template::{JsonTemplate, Template};
use crate::url::OriginRule;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A JSON object whose order counts: forms are sent as they are written.
#[derive(Clone, Debug)]
pub(crate) struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<T> Ordered<T> {
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Members<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut members: Vec<(String, T)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        let twice = format!("`{name}` stands twice");
                        return Err(serde::de::Error::custom(twice));
                    }
                    members.push((name, value));
                }
                Ok(Ordered(members))
            }
        }
        from.deserialize_map(Members(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Template::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for JsonTemplate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let document = serde_json::Value::deserialize(from)?;
        JsonTemplate::parse(&document).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for OriginRule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        OriginRule::parse(&text).map_err(|e| serde::de::Error::custom(e.message()))
    }
}

/// A JSON pointer (RFC 6901). One that ends in `?` may point at nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub path: String,
    pub optional: bool,
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Pointer::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Pointer {
    fn parse(text: &str) -> std::result::Result<Pointer, String> {
        let path = text.strip_suffix('?').unwrap_or(text);
        let tildes_are_escapes = path.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        if !(path.is_empty() || path.starts_with('/')) || !tildes_are_escapes {
            return Err(format!(
                "`{text}` is not a JSON pointer (RFC 6901): it begins with `/`, and `~` stands only in `~0` and `~1`"
            ));
        }
        Ok(Pointer { path: path.into(), optional: text.ends_with('?') })
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let mut document = serde_json::Value::deserialize(from)?;
        let items = match document.as_array_mut() {
            Some(items) => std::mem::take(items),
            None => vec![document],
        };
        let parsed: std::result::Result<Vec<T>, _> =
            items.into_iter().map(|item| T::deserialize(item)).collect();
        parsed.map(OneOrMany).map_err(serde::de::Error::custom)
    }
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        OneOrMany(Vec::new())
    }
}

/// A cloud, as its JSON says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The format's version: 1.
    pub keyfob_profile: u32,
    pub name: String,
    pub title: String,
    /// What a user of this cloud should know; where its documentation is silent.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Options of this cloud's own, and defaults for built-in ones.
    #[serde(default)]
    pub options: Ordered<OwnOption>,
    /// Words that stand for other words: `{host}` by `site`.
    #[serde(default)]
    pub maps: Ordered<WordMap>,
    /// Names for longer templates: the first of a list whose names all have values.
    #[serde(default)]
    pub values: Ordered<OneOrMany<Template>>,
    /// The option `base_url` when it is not set.
    #[serde(default)]
    pub base_url: Option<Template>,
    /// Origins besides those of the URLs below that may see the token.
    #[serde(default)]
    pub origins: Vec<OriginRule>,
    #[serde(default)]
    pub discovery: Option<Discovery>,
    pub logins: Ordered<Login>,
    #[serde(default)]
    pub refresh: Option<Refresh>,
    #[serde(default)]
    pub revoke: Vec<Step>,
    #[serde(default)]
    pub token: TokenFields,
    /// The headers that carry the token.
    #[serde(default)]
    pub present: Ordered<Template>,
    #[serde(default)]
    pub request: RequestRules,
    #[serde(default)]
    pub errors: ErrorFields,
}

/// An option that a profile adds to the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnOption {
    #[serde(default)]
    pub help: String,
    #[serde(default)]
    pub secret: bool,
    #[serde(default)]
    pub default: Option<String>,
    /// The only values it may have.
    #[serde(default)]
    pub choices: Vec<String>,
    #[serde(default)]
    pub number: bool,
    /// Whether it says who logs in, and not where or how.
    #[serde(default)]
    pub identity: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WordMap {
    pub of: String,
    #[serde(default)]
    pub default: Option<String>,
    pub to: BTreeMap<String, String>,
}

/// Calls that tell where the other calls go. Made once, before the first login.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Discovery {
    /// The option that asks for it.
    pub when: String,
    pub steps: Vec<Step>,
}

/// One way to get a token from credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    #[serde(default)]
    pub title: String,
    /// The options it cannot do without.
    pub needs: Vec<String>,
    /// The identity options it takes besides.
    #[serde(default)]
    pub uses: Vec<String>,
    /// Only when these options have these values.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// The token itself, where nothing is exchanged.
    #[serde(default)]
    pub token: Option<Template>,
    #[serde(default)]
    pub steps: Vec<Step>,
    /// In place of the profile's own.
    #[serde(default)]
    pub present: Option<Ordered<Template>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    #[serde(default)]
    pub needs: Vec<String>,
    pub steps: Vec<Step>,
}

/// One HTTP call of an exchange. Any 2xx is a success; the last step's answer holds the token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// What messages call it.
    pub call: String,
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    pub method: String,
    /// Tried in order while the answer is 404.
    pub url: OneOrMany<Template>,
    #[serde(default)]
    pub query: Ordered<Template>,
    #[serde(default)]
    pub headers: Ordered<Template>,
    /// `Authorization: Basic` of two values, each form-encoded first (RFC 6749 2.3.1).
    #[serde(default)]
    pub basic_auth: Option<(Template, Template)>,
    #[serde(default)]
    pub form: Option<Ordered<Template>>,
    #[serde(default)]
    pub json: Option<JsonTemplate>,
    /// Names for later steps, from where in the answer they stand.
    #[serde(default)]
    pub save: Ordered<Pointer>,
    /// What the answer must hold to be a success.
    #[serde(default)]
    pub expect: Ordered<JsonTemplate>,
    /// Answers that mean: these credentials, or this refresh token, are no good.
    #[serde(default)]
    pub rejected: Vec<Rule>,
    /// How often it is tried in place of 1 + `retries`, where failing is this cloud's habit.
    #[serde(default)]
    pub attempts: Option<u32>,
    /// What to check when it fails.
    #[serde(default)]
    pub hint: Option<String>,
}

/// Matches an answer by HTTP status, and by the cloud's own code where one is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub status: OneOrMany<u16>,
    #[serde(default)]
    pub code: OneOrMany<String>,
}

impl Rule {
    pub fn matches(&self, status: u16, code: Option<&str>) -> bool {
        self.status.0.contains(&status)
            && (self.code.0.is_empty() || code.is_some_and(|c| self.code.0.iter().any(|k| k == c)))
    }
}

/// Where a token answer holds what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenFields {
    /// Empty: the whole body is the token.
    #[serde(default)]
    pub access_token: Option<Pointer>,
    #[serde(default)]
    pub refresh_token: Option<Pointer>,
    /// Where the type stands; only `Bearer` is accepted, without regard to case.
    #[serde(default)]
    pub token_type: Option<Pointer>,
    /// Whom the token is for, shown in the status.
    #[serde(default)]
    pub principal: Option<Pointer>,
    #[serde(default)]
    pub lifetime: LifetimeRule,
}

/// How long a token lives: the first of these that says. None: until the cloud refuses it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LifetimeRule {
    #[serde(default)]
    pub expires_in: Option<Pointer>,
    /// The token is a JWT, and its `exp` counts.
    #[serde(default)]
    pub jwt: bool,
    #[serde(default)]
    pub seconds: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestRules {
    /// What a relative URL is relative to. Not given: `{base_url}`.
    #[serde(default)]
    pub base: Option<Template>,
    /// Headers of every request that does not set them itself.
    #[serde(default)]
    pub headers: Ordered<Template>,
    /// Answers that mean: this access token is no good. Not given: 401.
    #[serde(default)]
    pub refused: Option<Vec<Rule>>,
}

/// Where an error answer holds what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorFields {
    #[serde(default)]
    pub code: OneOrMany<Pointer>,
    /// A status in the body that is believed over HTTP 200 when it is 4xx or 5xx.
    #[serde(default)]
    pub body_status: Option<Pointer>,
}

const BUILT_IN: &[&str] = &[
    include_str!("builtin/kontakt.json"),
    include_str!("builtin/iotconnect.json"),
    include_str!("builtin/kii.json"),
    include_str!("builtin/simacan.json"),
    include_str!("builtin/kontakt-cloud.json"),
    include_str!("builtin/oauth2.json"),
];

/// The built-in profiles, in the order they are documented.
pub(crate) fn built_in() -> impl Iterator<Item = Result<Profile>> {
    BUILT_IN.iter().map(|text| Profile::parse(text))
}

/// The name that stands for no built-in profile: the user's own follows.
pub(crate) const CUSTOM: &str = "custom";

impl Profile {
    /// The built-in profile of this name.
    pub fn named(name: &str) -> Result<Profile> {
        let profiles: Vec<Profile> = built_in().collect::<Result<_>>()?;
        let names: Vec<String> = profiles.iter().map(|p| p.name.clone()).collect();
        profiles.into_iter().find(|p| p.name == name).ok_or_else(|| {
            let name: String = name.chars().take(60).collect();
            Error::new(
                Status::UnknownProvider,
                format!(
                    "no provider is called `{name}`; there are {} and `{CUSTOM}`, whose profile is given with the option profile or profile_file",
                    names.join(", ")
                ),
            )
        })
    }

    /// What `custom` is until its profile is given.
    pub fn none() -> Profile {
        let nothing = r#"{"keyfob_profile":1,"name":"custom","title":"","logins":{}}"#;
        serde_json::from_str(nothing).expect("a constant document of the format above")
    }

    /// Parses and checks a profile. The message of a refusal says where.
    pub fn parse(text: &str) -> Result<Profile> {
        let invalid = |what: String| Error::new(Status::InvalidProfile, format!("profile: {what}"));
        let profile: Profile = serde_json::from_str(text).map_err(|e| invalid(e.to_string()))?;
        profile.check().map_err(|what| invalid(format!("{}: {what}", profile.name)))?;
        Ok(profile)
    }

    /// The options this profile adds to the table, and the built-in ones it gives a default.
    pub fn own_options(&self) -> Vec<Opt> {
        let built_in = crate::options::table();
        self.options
            .iter()
            .map(|(name, own)| {
                let known = built_in.iter().find(|o| o.name == name).cloned();
                let mut option = known.unwrap_or_else(|| Opt {
                    name: name.into(),
                    group: if own.identity { Group::Identity } else { Group::Where },
                    kind: Kind::Text,
                    default: None,
                    secret: own.secret,
                    help: String::new(),
                });
                if own.number {
                    option.kind = Kind::Number { from: 0, to: i64::MAX };
                }
                if !own.choices.is_empty() {
                    option.kind = Kind::Choice(own.choices.clone());
                }
                if !own.help.is_empty() {
                    option.help = own.help.clone();
                }
                option.default = own.default.clone().or(option.default);
                option
            })
            .collect()
    }

    /// Every option that has a say in this profile: what `keyfob_providers_json` lists.
    pub fn option_names(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.options.iter().map(|(n, _)| n.into()).collect();
        for (_, login) in self.logins.iter() {
            names.extend(login.needs.iter().chain(&login.uses).chain(login.when.keys()).cloned());
        }
        names.extend(self.maps.iter().map(|(_, map)| map.of.clone()));
        names.extend(self.discovery.iter().map(|d| d.when.clone()));
        let built_in = crate::options::table();
        for (_, template, _) in self.templates() {
            let options = template.names().filter(|(n, _)| built_in.iter().any(|o| o.name == *n));
            names.extend(options.map(|(n, _)| n.to_string()));
        }
        names
    }

    /// All steps, each with where it stands.
    fn steps(&self) -> Vec<(String, &Step)> {
        let discovery = self.discovery.iter().map(|d| ("discovery".to_string(), &d.steps));
        let logins =
            self.logins.iter().map(|(name, login)| (format!("logins.{name}"), &login.steps));
        let refresh = self.refresh.iter().map(|r| ("refresh".to_string(), &r.steps));
        let revoke = std::iter::once(("revoke".to_string(), &self.revoke));
        let groups = discovery.chain(logins).chain(refresh).chain(revoke);
        let mut all = Vec::new();
        for (at, steps) in groups {
            let numbered = steps.iter().enumerate();
            all.extend(numbered.map(|(i, step)| (format!("{at}.steps[{i}]"), step)));
        }
        all
    }

    /// All templates, each with where it stands and whether it may name the tokens.
    fn templates(&self) -> Vec<(String, &Template, bool)> {
        let mut all: Vec<(String, &Template, bool)> = Vec::new();
        all.extend(self.base_url.iter().map(|t| ("base_url".into(), t, false)));
        for (name, alternatives) in self.values.iter() {
            all.extend(alternatives.0.iter().map(|t| (format!("values.{name}"), t, false)));
        }
        for (at, step) in self.steps() {
            let fields = step.url.0.iter().map(|t| ("url".to_string(), t));
            let named = |part: &'static str| move |(n, t)| (format!("{part}.{n}"), t);
            let fields = fields.chain(step.query.iter().map(named("query")));
            let fields = fields.chain(step.headers.iter().map(named("headers")));
            let fields = fields.chain(step.form.iter().flat_map(|f| f.iter()).map(named("form")));
            let basic = step.basic_auth.iter().flat_map(|(user, password)| [user, password]);
            let fields = fields.chain(basic.map(|t| ("basic_auth".to_string(), t)));
            let json = step.json.iter().flat_map(JsonTemplate::templates);
            let fields = fields.chain(json.map(|t| ("json".to_string(), t)));
            let expected = step.expect.iter().flat_map(|(_, t)| t.templates());
            let fields = fields.chain(expected.map(|t| ("expect".to_string(), t)));
            let tokens = at.starts_with("refresh") || at.starts_with("revoke");
            all.extend(fields.map(|(field, t)| (format!("{at}.{field}"), t, tokens)));
        }
        for (name, login) in self.logins.iter() {
            let at = format!("logins.{name}");
            all.extend(login.token.iter().map(|t| (format!("{at}.token"), t, false)));
            for (header, t) in login.present.iter().flat_map(|p| p.iter()) {
                all.push((format!("{at}.present.{header}"), t, true));
            }
        }
        all.extend(self.present.iter().map(|(n, t)| (format!("present.{n}"), t, true)));
        all.extend(self.request.base.iter().map(|t| ("request.base".into(), t, false)));
        let headers = self.request.headers.iter();
        all.extend(headers.map(|(n, t)| (format!("request.headers.{n}"), t, false)));
        all
    }

    fn check(&self) -> std::result::Result<(), String> {
        if self.keyfob_profile != 1 {
            return Err(format!("keyfob_profile is {}; this library reads 1", self.keyfob_profile));
        }
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=40).contains(&self.name.len()) || !self.name.chars().all(is_plain) {
            return Err("name: must be 1 to 40 of a-z, 0-9 and -; it names files, too".into());
        }
        if self.logins.0.is_empty() {
            return Err("logins: there is none".into());
        }
        let built_in = crate::options::table();
        let is_option =
            |n: &str| built_in.iter().any(|o| o.name == n) || self.options.get(n).is_some();
        let need_options = |at: &str, names: &mut dyn Iterator<Item = &String>| {
            for name in names {
                if !is_option(name) {
                    return Err(format!("{at}: no option is called `{name}`"));
                }
            }
            Ok(())
        };
        for (name, login) in self.logins.iter() {
            let mut names = login.needs.iter().chain(&login.uses).chain(login.when.keys());
            need_options(&format!("logins.{name}"), &mut names)?;
            if login.needs.is_empty() {
                return Err(format!("logins.{name}.needs: names no option"));
            }
            if login.token.is_some() != login.steps.is_empty() {
                return Err(format!("logins.{name}: needs either steps or a fixed token"));
            }
            if login.token.is_none() && self.token.access_token.is_none() {
                return Err(format!("token.access_token is missing, and logins.{name} needs it"));
            }
            if login.present.as_ref().unwrap_or(&self.present).0.is_empty() {
                return Err(format!(
                    "present is missing: how does a request carry the token of logins.{name}?"
                ));
            }
        }
        for (at, step) in self.steps() {
            need_options(&format!("{at}.when"), &mut step.when.keys())?;
            if step.form.is_some() && step.json.is_some() {
                return Err(format!("{at}: has both a form and a json body"));
            }
            if step.url.0.is_empty() {
                return Err(format!("{at}.url: there is none"));
            }
            if ureq::http::Method::from_bytes(step.method.as_bytes()).is_err() {
                return Err(format!("{at}.method: `{}` is not a method", step.method));
            }
            for (header, value) in step.headers.iter() {
                header_name(&format!("{at}.headers"), header)?;
                header_text(&format!("{at}.headers.{header}"), value)?;
            }
            for (path, _) in step.expect.iter() {
                Pointer::parse(path).map_err(|what| format!("{at}.expect: {what}"))?;
            }
            for status in step.rejected.iter().flat_map(|rule| &rule.status.0) {
                rejects(*status).map_err(|what| format!("{at}.rejected: {status} {what}"))?;
            }
        }
        for (name, map) in self.maps.iter() {
            need_options(&format!("maps.{name}.of"), &mut std::iter::once(&map.of))?;
            if map.default.as_ref().is_some_and(|d| !map.to.contains_key(d)) {
                return Err(format!("maps.{name}.default: is not one of its words"));
            }
        }
        if let Some(discovery) = &self.discovery {
            need_options("discovery.when", &mut std::iter::once(&discovery.when))?;
        }
        if let Some(refresh) = &self.refresh {
            need_options("refresh.needs", &mut refresh.needs.iter())?;
            if refresh.steps.is_empty() {
                return Err("refresh.steps: there is none; leave refresh out".into());
            }
        }
        if self.token.lifetime.seconds == Some(0) {
            return Err("token.lifetime.seconds: 0 would mean a login for every request".into());
        }
        for (name, login) in self.logins.iter() {
            for (header, value) in login.present.iter().flat_map(|p| p.iter()) {
                header_name(&format!("logins.{name}.present"), header)?;
                header_text(&format!("logins.{name}.present.{header}"), value)?;
            }
        }
        for (at, headers) in
            [("present", &self.present), ("request.headers", &self.request.headers)]
        {
            for (header, value) in headers.iter() {
                header_name(at, header)?;
                header_text(&format!("{at}.{header}"), value)?;
            }
        }
        self.check_names(&is_option)
    }

    /// A template may name options, maps, values and what steps save; tokens only where there are any.
    fn check_names(&self, is_option: &dyn Fn(&str) -> bool) -> std::result::Result<(), String> {
        let saved: BTreeSet<&str> = self
            .steps()
            .iter()
            .flat_map(|(_, s)| s.save.0.iter())
            .map(|(n, _)| n.as_str())
            .collect();
        for (at, template, tokens) in self.templates() {
            for (name, _) in template.names() {
                let known = is_option(name)
                    || self.maps.get(name).is_some()
                    || self.values.get(name).is_some()
                    || saved.contains(name)
                    || (tokens && matches!(name, "access_token" | "refresh_token"));
                if !known {
                    return Err(format!(
                        "{at}: `{{{name}}}` is neither an option nor a value of this profile"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn header_name(at: &str, name: &str) -> std::result::Result<(), String> {
    match ureq::http::HeaderName::from_bytes(name.as_bytes()) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{at}: `{name}` is not a header name")),
    }
}

/// Values are checked when they are filled in; the text around them is checked here.
fn header_text(at: &str, value: &Template) -> std::result::Result<(), String> {
    match value.source().bytes().all(|b| (0x20..0x7f).contains(&b)) {
        true => Ok(()),
        false => Err(format!("{at}: has a character that a header cannot carry")),
    }
}

/// A rejection leads to the password, or holds it back: neither may follow from a cloud that is
/// busy, failing or content.
fn rejects(status: u16) -> std::result::Result<(), &'static str> {
    match status {
        408 | 425 | 429 => Err("says that the cloud is busy, nothing about credentials"),
        400..=499 => Ok(()),
        _ => Err("is no rejection: only 4xx can be"),
    }
}
