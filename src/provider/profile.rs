//! The profile: a cloud as data. This file is the format; docs/PROFILES.md tells it to people, and
//! `check.rs` says what a profile must hold to besides.
//!
//! A struct in `document!` is an object of the JSON, member by member; its doc comments are also
//! the descriptions in docs/profile.schema.json, which editors show. A member that no struct has is
//! refused, with its place: a misspelt rule must not be passed over.

use super::computed::Computed;
use super::json_template::JsonTemplate;
use super::kinds::Kinds;
use super::paging::PageRule;
use super::pointer::Pointer;
use super::rule::Rule;
use super::template::{Number, Template};
use crate::error::{Error, Result, Status};
use crate::http::url::OriginRule;
use crate::model::option_index::OptionIndex;
use crate::support::json::read::{At, Misread, OneOrMany, Read, document, read};
use crate::support::json::{self, Value};
use crate::support::ordered::Ordered;
use std::sync::Arc;

/// A cloud, ready to be used: shared by all clients of it. Never changes.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// What its JSON says.
    format: Format,
    /// The built-in options and this profile's own.
    pub table: Arc<OptionIndex>,
    /// What the values are made of.
    pub kinds: Kinds,
    /// The names that the URLs and the headers of requests are made of.
    pub names_of_requests: Vec<String>,
}

impl std::ops::Deref for Profile {
    type Target = Format;

    fn deref(&self) -> &Format {
        &self.format
    }
}

impl Profile {
    /// Parses and checks a profile. `INVALID_PROFILE` where it is none: the message says where, by
    /// line for what is no JSON and by the path of the member for the rest.
    pub fn parse(text: &str) -> Result<Profile> {
        let invalid = |what: &str| Error::new(Status::InvalidProfile, format!("profile: {what}"));
        let document = json::parse(text.as_bytes()).map_err(|e| invalid(&e.to_string()))?;
        let format: Format = read(&document).map_err(|misread| invalid(&misread.0))?;
        let wrong = |what: String| invalid(&format!("{}: {what}", format.name));
        let table = format.option_table().map_err(wrong)?;
        let kinds = format.check(&table).map_err(wrong)?;
        let names_of_requests = format.names_of_requests();
        let table = Arc::new(OptionIndex::new(table));
        Ok(Profile { format, table, kinds, names_of_requests })
    }

    /// What `custom`, a user's own provider, is until its profile is given: built-in options alone.
    pub fn none(name: &str) -> Profile {
        let format = Format { name: name.into(), ..Format::default() };
        let table = Arc::new(OptionIndex::new(crate::model::option_table::table()));
        let (kinds, names_of_requests) = Default::default();
        Profile { format, table, kinds, names_of_requests }
    }

    /// Whether it is that: no profile has neither logins nor a refresh.
    pub fn is_none(&self) -> bool {
        self.logins.is_empty() && self.refresh.is_none()
    }
}

document! {
    /// A cloud, as its JSON says it.
    pub(crate) struct Format {
        /// The format's version: 2, or 1, which has fewer words.
        needed keyfob_profile: u32,
        /// What messages and the status call the cloud; it names files, too.
        needed name: String,
        /// What people call it.
        needed title: String,
        /// What a user of this cloud should know; where its documentation is silent.
        other notes: Vec<String>,
        /// Where its wire was read: pages, or files of public repositories.
        other sources: Vec<String>,
        /// Options of this cloud's own, and defaults for built-in ones.
        other options: Ordered<OwnOption>,
        /// Words that stand for other words: `{host}` by `site`.
        other maps: Ordered<WordMap>,
        /// Names for longer templates and for what is computed: of a list, the first whose names
        /// all have values.
        other values: Ordered<OneOrMany<Entry>>,
        /// The option `base_url` when it is not set.
        other base_url: Option<Template>,
        /// Origins besides those of the URLs below that may see the token.
        other origins: Vec<OriginRule>,
        /// Calls that find out where the others go.
        other discovery: Option<Discovery>,
        /// The ways to get a token from credentials.
        other logins: Ordered<Login>,
        /// The way to get a token from a refresh token, if there is one.
        other refresh: Option<Refresh>,
        /// Steps that tell the cloud that the tokens will not be used again.
        other revoke: Vec<Step>,
        /// Where an answer holds what.
        other token: TokenFields,
        /// How a request carries the token.
        other present: Present,
        /// What requests are told, and how a refused token is known.
        other request: RequestRules,
        /// What an MQTT client says of itself, where the cloud has a broker.
        other mqtt: Option<MqttRule>,
        /// Where an error answer holds what.
        other errors: ErrorFields,
    }
}

document! {
    /// An option that a profile adds to the table.
    pub(crate) struct OwnOption {
        /// What it is, for people.
        other help: String,
        /// Whether it is redacted, wiped, and may be given as a file (`<name>_file`).
        other secret: bool,
        /// Its value when it is not set.
        other default: Option<String>,
        /// The only values it may have.
        other choices: Vec<String>,
        /// Whether it is a whole number from 0 on.
        other number: bool,
        /// Whether it may have more than one line: a key in PEM form, a JSON document.
        other lines: bool,
        /// Whether it says who logs in, and not where or how.
        other identity: bool,
    }
}

document! {
    /// Words that stand for other words, such as a region for its host.
    pub(crate) struct WordMap {
        /// The option whose value is looked up.
        needed of: String,
        /// The word that is looked up when the option has no value.
        other default: Option<String>,
        /// What each word stands for.
        needed to: Ordered<String>,
    }
}

document! {
    /// Calls that tell where the other calls go. Made once, before the first login.
    pub(crate) struct Discovery {
        /// The option that asks for it.
        needed when: String,
        /// The calls. What they save are URLs, which templates and requests may name.
        needed steps: Vec<Step>,
    }
}

document! {
    /// One way to get a token from credentials.
    pub(crate) struct Login {
        /// What it takes, in words.
        other title: String,
        /// The options it cannot do without.
        needed needs: Vec<String>,
        /// The identity options it takes besides.
        other uses: Vec<String>,
        /// Only when these options have these values.
        other when: Ordered<String>,
        /// The token itself, where nothing is exchanged.
        other token: Option<Template>,
        /// How long such a token lives, where it is computed anew each time.
        other lifetime: Option<LifetimeRule>,
        /// The calls; the last one's answer holds the token.
        other steps: Vec<Step>,
        /// Where a person allows the login at another device (RFC 8628).
        other device: Option<PersonsCalls>,
        /// Where a person allows it in a browser of this machine (RFC 6749 4.1, RFC 7636).
        other browser: Option<PersonsCalls>,
        /// In place of the profile's own. An empty one: requests do not carry this login's token,
        /// which is for MQTT alone.
        other present: Option<Present>,
        /// In place of the profile's own.
        other mqtt: Option<MqttRule>,
    }
}

document! {
    /// The calls of a login that a person allows.
    pub(crate) struct PersonsCalls {
        /// At a device: the call that gives the codes. It saves `device_code`, `user_code` and
        /// `verification_uri`, and what there is of `verification_uri_complete`, `expires_in` and
        /// `interval`. In a browser: where it is sent, with `{redirect_uri}`, `{state}` and
        /// `{code_challenge}`; nothing is called.
        needed begin: Vec<Step>,
        /// The call that gives the token: for `{device_code}`, asked until the person has answered;
        /// or for `{code}`, with `{code_verifier}`.
        needed finish: Vec<Step>,
        /// Who must have given a browser's answer that names an issuer (RFC 9207).
        other issuer: Option<Template>,
        /// A name that has a value where every answer names its issuer: then one that names none is
        /// refused (RFC 9207 2.4).
        other issuer_is_named: Option<Template>,
    }
}

impl Login {
    /// Whether only a person can log in so.
    pub fn is_a_persons(&self) -> bool {
        self.device.is_some() || self.browser.is_some()
    }

    /// The steps that give a token once a person has allowed it.
    pub fn persons_steps(&self) -> impl Iterator<Item = &Step> {
        let ways = [&self.device, &self.browser].into_iter().flatten();
        ways.flat_map(|calls| &calls.finish)
    }
}

document! {
    /// The way to get a token from a refresh token.
    pub(crate) struct Refresh {
        /// The options it cannot do without, when a refresh token is all there is.
        other needs: Vec<String>,
        /// Whether nothing but what the steps call `rejected` leads to the login: for a cloud that
        /// takes a needless password for an attack.
        other rejected_only: bool,
        /// The calls; the last one's answer holds the token.
        needed steps: Vec<Step>,
    }
}

document! {
    /// One HTTP call of an exchange. Any 2xx is a success; the last step's answer holds the token.
    pub(crate) struct Step {
        /// What messages call it.
        needed call: String,
        /// Only when these options have these values.
        other when: Ordered<String>,
        /// The HTTP method.
        needed method: String,
        /// Tried in order while the answer is 404.
        needed url: OneOrMany<Template>,
        /// Fields of the query, in their order.
        other query: Ordered<Template>,
        /// Headers, by name.
        other headers: Ordered<Template>,
        /// `Authorization: Basic` of two values, each form-encoded first (RFC 6749 2.3.1).
        other basic_auth: Option<(Template, Template)>,
        /// Whether the client authenticates here, as the option `client_auth` says: in a header, or
        /// in the step's form.
        other client_auth: bool,
        /// Whether the options `resource`, `token_params` and `token_headers` go along.
        other extras: bool,
        /// A form, its fields in their order. A step has one body or none.
        other form: Option<Ordered<Template>>,
        /// A JSON document whose texts are templates.
        other json: Option<JsonTemplate>,
        /// Names for later steps, from where in the answer they stand.
        other save: Ordered<Pointer>,
        /// Names for lists of words that a discovery finds, such as what a server supports: the
        /// words, separated by blanks.
        other words: Ordered<Pointer>,
        /// What the answer must hold to be a success.
        other expect: Ordered<JsonTemplate>,
        /// Answers that mean: these credentials, or this refresh token, are no good.
        other rejected: Vec<Rule>,
        /// How often it is tried at most, in place of 1 + `retries`, where failing is this cloud's
        /// habit. What the cloud may have carried out is tried again only if it was a GET.
        other attempts: Option<u32>,
        /// What to check when it fails.
        other hint: Option<String>,
    }
}

document! {
    /// Where a token answer holds what.
    pub(crate) struct TokenFields {
        /// Empty: the whole body is the token.
        other access_token: Option<Pointer>,
        /// An answer without one keeps the old one.
        other refresh_token: Option<Pointer>,
        /// Where the type stands; only `Bearer` is accepted, without regard to case.
        other token_type: Option<Pointer>,
        /// Whom the token is for, shown in the status.
        other principal: Option<Pointer>,
        /// An ID token (OpenID Connect Core 2), which says whom the token is for, too.
        other id_token: Option<Pointer>,
        /// The scope that was granted, for the status.
        other scope: Option<Pointer>,
        /// Whether what else the answer holds is kept with the token, for `keyfob_client_answer_member`.
        other answer: bool,
        /// How long the token lives.
        other lifetime: LifetimeRule,
    }
}

document! {
    /// How long a token lives: the first of these that says. None: until the cloud refuses it.
    pub(crate) struct LifetimeRule {
        /// Where the number of seconds stands.
        other expires_in: Option<Pointer>,
        /// Where the moment stands at which it ends.
        other expires_at: Option<Pointer>,
        /// The token is a JWT, and its `exp` counts.
        other jwt: bool,
        /// What the cloud's documentation says, or what was asked for.
        other seconds: Option<Number>,
    }
}

document! {
    /// What requests to the cloud's API are told, and how their answers are read.
    pub(crate) struct RequestRules {
        /// What a relative URL is relative to. Not given: `{base_url}`. Of a list, the first whose
        /// names have values and whose origin may see the token.
        other base: OneOrMany<Template>,
        /// Headers of every request that does not set them itself.
        other headers: Ordered<Template>,
        /// Answers that mean: this access token is no good. Not given: 401.
        other refused: Option<Vec<Rule>>,
        /// Where the next page is, where no link says so.
        other next: OneOrMany<PageRule>,
    }
}

document! {
    /// What an MQTT client gives the broker: the members of its CONNECT packet (MQTT 3.1.1, 3.1.3).
    pub(crate) struct MqttRule {
        /// Where the broker is: `mqtts://host:8883`, or `wss://host/path` for MQTT over WebSocket.
        /// Not given: the user knows, and sets the option `mqtt_url`.
        other url: Option<Template>,
        /// The client identifier. Not given: any that no other client has.
        other client_id: Option<Template>,
        /// The user name.
        other username: Option<Template>,
        /// The password.
        other password: Option<Template>,
    }
}

document! {
    /// Where an error answer holds what.
    pub(crate) struct ErrorFields {
        /// The cloud's own code for it: a word or a number.
        other code: OneOrMany<Pointer>,
        /// The cloud's own sentence about it.
        other message: OneOrMany<Pointer>,
        /// A status in the body that is believed over HTTP 200 when it is 4xx or 5xx.
        other body_status: Option<Pointer>,
    }
}

/// A name's meaning: a text, or how it is computed.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// A longer template.
    Text(Template),
    /// A function and what it is applied to.
    Computed(Computed),
}

impl Entry {
    /// All templates that it is made of.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Entry::Text(template) => vec![template],
            Entry::Computed(computed) => computed.templates(),
        }
    }
}

impl Default for Entry {
    fn default() -> Self {
        Entry::Text(Template::default())
    }
}

impl Read for Entry {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        *self = match at.value {
            Value::Object(_) => {
                let mut computed = Computed::default();
                computed.read(at)?;
                Entry::Computed(computed)
            }
            _ => {
                let mut text = Template::default();
                text.read(at)?;
                Entry::Text(text)
            }
        };
        Ok(())
    }
}

/// How a request carries the token. Format 1 has headers alone, which then stand here themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Present(pub Carriers);

document! {
    /// The places of a request that carry the token.
    pub(crate) struct Carriers {
        /// Headers, by name.
        other headers: Ordered<Template>,
        /// Fields of the query.
        other query: Ordered<Template>,
        /// Members of the JSON object that a request's body is.
        other json: Option<JsonTemplate>,
    }
}

impl Read for Present {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        let is_text = |(_, value): &(String, Value)| value.as_str().is_some();
        match at.value {
            Value::Object(members) if members.iter().any(is_text) => self.0.headers.read(at),
            _ => self.0.read(at),
        }
    }
}

impl Present {
    /// Whether requests carry nothing: the login's token is for MQTT alone.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.query.is_empty() && self.json.is_none()
    }
}

impl std::ops::Deref for Present {
    type Target = Carriers;

    fn deref(&self) -> &Carriers {
        &self.0
    }
}

impl Read for OriginRule {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        *self = OriginRule::parse(at.text()?).map_err(|error| at.wrong(error.message()))?;
        Ok(())
    }
}
