//! The profile: a cloud as data. This file is the format; docs/PROFILES.md tells it to people, and
//! `check.rs` says what a profile must hold to besides.

use super::pointer::Pointer;
use super::rule::Rule;
use crate::error::{Error, Result, Status};
use crate::http::url::OriginRule;
use crate::model::options::{Group, Kind, Opt};
use crate::provider::template::{JsonTemplate, Template};
use crate::support::json;
use crate::support::json::read::{At, Misread, OneOrMany, Read, needed, other, read};
use crate::support::ordered::Ordered;

type Reading = std::result::Result<(), Misread>;

impl Read for Template {
    fn read(&mut self, at: &At<'_>) -> Reading {
        *self = Template::parse(at.text()?).map_err(|what| at.wrong(&what))?;
        Ok(())
    }
}

impl Read for JsonTemplate {
    fn read(&mut self, at: &At<'_>) -> Reading {
        *self = JsonTemplate::parse(at.value).map_err(|what| at.wrong(&what))?;
        Ok(())
    }
}

impl Read for OriginRule {
    fn read(&mut self, at: &At<'_>) -> Reading {
        *self = OriginRule::parse(at.text()?).map_err(|error| at.wrong(error.message()))?;
        Ok(())
    }
}

/// A cloud, as its JSON says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    /// The format's version: 2, or 1, which has fewer words.
    pub keyfob_profile: u32,
    pub name: String,
    pub title: String,
    /// What a user of this cloud should know; where its documentation is silent.
    pub notes: Vec<String>,
    /// Options of this cloud's own, and defaults for built-in ones.
    pub options: Ordered<OwnOption>,
    /// Words that stand for other words: `{host}` by `site`.
    pub maps: Ordered<WordMap>,
    /// Names for longer templates: the first of a list whose names all have values.
    pub values: Ordered<OneOrMany<Template>>,
    /// The option `base_url` when it is not set.
    pub base_url: Option<Template>,
    /// Origins besides those of the URLs below that may see the token.
    pub origins: Vec<OriginRule>,
    pub discovery: Option<Discovery>,
    pub logins: Ordered<Login>,
    pub refresh: Option<Refresh>,
    pub revoke: Vec<Step>,
    pub token: TokenFields,
    /// The headers that carry the token.
    pub present: Ordered<Template>,
    pub request: RequestRules,
    pub errors: ErrorFields,
}

impl Read for Profile {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            needed("keyfob_profile", &mut self.keyfob_profile),
            needed("name", &mut self.name),
            needed("title", &mut self.title),
            other("notes", &mut self.notes),
            other("options", &mut self.options),
            other("maps", &mut self.maps),
            other("values", &mut self.values),
            other("base_url", &mut self.base_url),
            other("origins", &mut self.origins),
            other("discovery", &mut self.discovery),
            other("logins", &mut self.logins),
            other("refresh", &mut self.refresh),
            other("revoke", &mut self.revoke),
            other("token", &mut self.token),
            other("present", &mut self.present),
            other("request", &mut self.request),
            other("errors", &mut self.errors),
        ])
    }
}

/// An option that a profile adds to the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnOption {
    pub help: String,
    pub secret: bool,
    pub default: Option<String>,
    /// The only values it may have.
    pub choices: Vec<String>,
    pub number: bool,
    /// Whether it says who logs in, and not where or how.
    pub identity: bool,
}

impl Read for OwnOption {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            other("help", &mut self.help),
            other("secret", &mut self.secret),
            other("default", &mut self.default),
            other("choices", &mut self.choices),
            other("number", &mut self.number),
            other("identity", &mut self.identity),
        ])
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct WordMap {
    pub of: String,
    pub default: Option<String>,
    pub to: Ordered<String>,
}

impl Read for WordMap {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            needed("of", &mut self.of),
            other("default", &mut self.default),
            needed("to", &mut self.to),
        ])
    }
}

/// Calls that tell where the other calls go. Made once, before the first login.
#[derive(Clone, Debug, Default)]
pub(crate) struct Discovery {
    /// The option that asks for it.
    pub when: String,
    pub steps: Vec<Step>,
}

impl Read for Discovery {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [needed("when", &mut self.when), needed("steps", &mut self.steps)])
    }
}

/// One way to get a token from credentials.
#[derive(Clone, Debug, Default)]
pub(crate) struct Login {
    pub title: String,
    /// The options it cannot do without.
    pub needs: Vec<String>,
    /// The identity options it takes besides.
    pub uses: Vec<String>,
    /// Only when these options have these values.
    pub when: Ordered<String>,
    /// The token itself, where nothing is exchanged.
    pub token: Option<Template>,
    pub steps: Vec<Step>,
    /// In place of the profile's own.
    pub present: Option<Ordered<Template>>,
}

impl Read for Login {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            other("title", &mut self.title),
            needed("needs", &mut self.needs),
            other("uses", &mut self.uses),
            other("when", &mut self.when),
            other("token", &mut self.token),
            other("steps", &mut self.steps),
            other("present", &mut self.present),
        ])
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Refresh {
    pub needs: Vec<String>,
    pub steps: Vec<Step>,
}

impl Read for Refresh {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [other("needs", &mut self.needs), needed("steps", &mut self.steps)])
    }
}

/// One HTTP call of an exchange. Any 2xx is a success; the last step's answer holds the token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    /// What messages call it.
    pub call: String,
    pub when: Ordered<String>,
    pub method: String,
    /// Tried in order while the answer is 404.
    pub url: OneOrMany<Template>,
    pub query: Ordered<Template>,
    pub headers: Ordered<Template>,
    /// `Authorization: Basic` of two values, each form-encoded first (RFC 6749 2.3.1).
    pub basic_auth: Option<(Template, Template)>,
    pub form: Option<Ordered<Template>>,
    pub json: Option<JsonTemplate>,
    /// Names for later steps, from where in the answer they stand.
    pub save: Ordered<Pointer>,
    /// What the answer must hold to be a success.
    pub expect: Ordered<JsonTemplate>,
    /// Answers that mean: these credentials, or this refresh token, are no good.
    pub rejected: Vec<Rule>,
    /// How often it is tried at most, in place of 1 + `retries`, where failing is this cloud's habit.
    /// What the cloud may have carried out is tried again only if it was a GET.
    pub attempts: Option<u32>,
    /// What to check when it fails.
    pub hint: Option<String>,
}

impl Read for Step {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            needed("call", &mut self.call),
            other("when", &mut self.when),
            needed("method", &mut self.method),
            needed("url", &mut self.url),
            other("query", &mut self.query),
            other("headers", &mut self.headers),
            other("basic_auth", &mut self.basic_auth),
            other("form", &mut self.form),
            other("json", &mut self.json),
            other("save", &mut self.save),
            other("expect", &mut self.expect),
            other("rejected", &mut self.rejected),
            other("attempts", &mut self.attempts),
            other("hint", &mut self.hint),
        ])
    }
}

/// Where a token answer holds what.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenFields {
    /// Empty: the whole body is the token.
    pub access_token: Option<Pointer>,
    pub refresh_token: Option<Pointer>,
    /// Where the type stands; only `Bearer` is accepted, without regard to case.
    pub token_type: Option<Pointer>,
    /// Whom the token is for, shown in the status.
    pub principal: Option<Pointer>,
    pub lifetime: LifetimeRule,
}

impl Read for TokenFields {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            other("access_token", &mut self.access_token),
            other("refresh_token", &mut self.refresh_token),
            other("token_type", &mut self.token_type),
            other("principal", &mut self.principal),
            other("lifetime", &mut self.lifetime),
        ])
    }
}

/// How long a token lives: the first of these that says. None: until the cloud refuses it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LifetimeRule {
    pub expires_in: Option<Pointer>,
    /// The token is a JWT, and its `exp` counts.
    pub jwt: bool,
    pub seconds: Option<u64>,
}

impl Read for LifetimeRule {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            other("expires_in", &mut self.expires_in),
            other("jwt", &mut self.jwt),
            other("seconds", &mut self.seconds),
        ])
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct RequestRules {
    /// What a relative URL is relative to. Not given: `{base_url}`.
    pub base: Option<Template>,
    /// Headers of every request that does not set them itself.
    pub headers: Ordered<Template>,
    /// Answers that mean: this access token is no good. Not given: 401.
    pub refused: Option<Vec<Rule>>,
}

impl Read for RequestRules {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            other("base", &mut self.base),
            other("headers", &mut self.headers),
            other("refused", &mut self.refused),
        ])
    }
}

/// Where an error answer holds what.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorFields {
    pub code: OneOrMany<Pointer>,
    /// The cloud's own sentence about it.
    pub message: OneOrMany<Pointer>,
    /// A status in the body that is believed over HTTP 200 when it is 4xx or 5xx.
    pub body_status: Option<Pointer>,
}

impl Read for ErrorFields {
    fn read(&mut self, at: &At<'_>) -> Reading {
        at.members(&mut [
            other("code", &mut self.code),
            other("message", &mut self.message),
            other("body_status", &mut self.body_status),
        ])
    }
}

const BUILT_IN: &[&str] = &[
    include_str!("catalogue/kontakt.json"),
    include_str!("catalogue/iotconnect.json"),
    include_str!("catalogue/kii.json"),
    include_str!("catalogue/simacan.json"),
    include_str!("catalogue/kontakt-cloud.json"),
    include_str!("catalogue/oauth2.json"),
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
        Profile { keyfob_profile: 1, name: CUSTOM.into(), ..Profile::default() }
    }

    /// Whether it is that: no profile has neither logins nor a refresh.
    pub fn is_none(&self) -> bool {
        self.logins.is_empty() && self.refresh.is_none()
    }

    /// Parses and checks a profile. The message of a refusal says where.
    pub fn parse(text: &str) -> Result<Profile> {
        let invalid = |what: &str| Error::new(Status::InvalidProfile, format!("profile: {what}"));
        let document = json::parse(text.as_bytes()).map_err(|e| invalid(&e.to_string()))?;
        let profile: Profile = read(&document).map_err(|misread| invalid(&misread.0))?;
        profile.check().map_err(|what| invalid(&format!("{}: {what}", profile.name)))?;
        Ok(profile)
    }

    /// The options this profile adds to the table, and the built-in ones it gives a default.
    pub fn own_options(&self) -> Vec<Opt> {
        let built_in = crate::model::options::table();
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
}
