//! The calls of a login that a person allows, at another device or in a browser.
//!
//! Where each is made, and with which names, says the profile's `device` and `browser`; when, and
//! how often, says the lifecycle. Nothing here waits for a person.

use super::account::Account;
use crate::error::{Error, Result, Status};
use crate::http::retry::Repeat;
use crate::http::transport::Late;
use crate::http::url::Url;
use crate::model::proof_key::ProofKey;
use crate::model::record::Discovered;
use crate::model::token::Token;
use crate::provider::failure::Failure;
use crate::provider::names::Names;
use crate::provider::profile::{Login, PersonsCalls};
use crate::provider::scope::Scope;
use crate::provider::selection::Selection;
use crate::provider::template::{Place, Template};
use crate::provider::trail::Trail;
use crate::support::call::Call;
use crate::support::clock::Clock;
use crate::support::ordered::Ordered;
use crate::support::process::PerProcess;
use crate::support::secret::Secret;

/// Where a person allows a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// At another device, by a code (RFC 8628).
    Device,
    /// In a browser of this machine (RFC 8252).
    Browser,
}

/// The token call of one such login, if it was not answered in time. Not shared with other logins
/// of the identity: its code is this login's alone.
pub(crate) struct Unanswered(PerProcess<Late<Trail>>);

impl Unanswered {
    /// Nothing was asked yet.
    pub fn new() -> Unanswered {
        Unanswered(PerProcess::new())
    }
}

impl Account {
    /// The login that a person can allow with these options. A refresh token that was set came of
    /// one, too, and may be replaced by another.
    pub fn persons_login(&self) -> Option<(&str, &Login)> {
        let has = |name: &String| self.options.get(name).is_some();
        let mut fitting = self.profile.logins.iter().filter(|(_, login)| login.is_a_persons());
        match &self.selection {
            Selection::Login(name) => fitting.find(|(known, _)| known == name),
            Selection::RefreshOnly { .. } => fitting.find(|(_, login)| login.needs.iter().all(has)),
        }
    }

    /// What this way of logging in takes, or why there is none: `INVALID_OPTION`.
    pub fn calls_of(&self, way: Way) -> Result<&PersonsCalls> {
        let name = &self.profile.name;
        let none = |what: String| Error::new(Status::InvalidOption, format!("{name}: {what}"));
        let Some((_, login)) = self.persons_login() else {
            let login = self.login_name();
            return Err(none(format!(
                "the options are those of the login {login}, which needs no person; for a person's login set client_id alone, or grant=interactive"
            )));
        };
        let (calls, other) = match way {
            Way::Device => (&login.device, "log in with a browser (--browser)"),
            Way::Browser => (&login.browser, "log in with a code at another device"),
        };
        calls.as_ref().ok_or_else(|| none(format!("the provider has no such login; {other}")))
    }

    /// Whether it is known where such a login begins.
    pub fn knows_where(&self, way: Way, found: &Discovered, clock: &Clock) -> Result<bool> {
        let (calls, names) = (self.calls_of(way)?, self.names(found)?);
        let mut scope = Scope::new(&self.profile, &names, clock);
        let steps = calls.begin.iter().filter(|step| step.applies(&self.options));
        for url in steps.flat_map(|step| &step.url.0) {
            if scope.fill(url, Place::Url)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks for the codes of a login at another device (RFC 8628 3.1). Twice does no harm: codes
    /// that nobody types run out.
    pub fn device_codes(
        &self,
        found: &Discovered,
        clock: &Clock,
        call: &Call,
    ) -> std::result::Result<Ordered<Secret>, Failure> {
        let steps = &self.calls_of(Way::Device)?.begin;
        self.exchange(clock, call).learn(steps, &self.names(found)?)
    }

    /// Where a browser is sent. `own` are the names that only this login has.
    pub fn browser_url(
        &self,
        found: &Discovered,
        own: &Ordered<Secret>,
        key: Option<&ProofKey>,
        (clock, call): (&Clock, &Call),
    ) -> Result<Url> {
        let steps = &self.calls_of(Way::Browser)?.begin;
        let names = self.names_of_person(found, own)?;
        let lacks = || Error::new(Status::InvalidProfile, "the browser's URL has no value");
        let url = self.exchange(clock, call).url(steps, &names)?.ok_or_else(lacks)?;
        // So a code that is stolen on its way is of no use to others (RFC 9449 10).
        let bound = key.map(|key| format!("dpop_jkt={}", key.thumbprint()));
        url.with_query(&bound.unwrap_or_default())
    }

    /// Who must have given a browser's answer that names an issuer, and whether each must name one.
    pub fn issuer(&self, found: &Discovered, clock: &Clock) -> Result<Option<(String, bool)>> {
        let calls = self.calls_of(Way::Browser)?;
        let names = self.names(found)?;
        let mut scope = Scope::new(&self.profile, &names, clock);
        let mut filled = |template: &Option<Template>| match template {
            Some(template) => scope.fill(template, Place::Plain),
            None => Ok(None),
        };
        let (issuer, named) = (filled(&calls.issuer)?, filled(&calls.issuer_is_named)?);
        Ok(issuer.map(|issuer| (issuer.expose().to_string(), named.is_some())))
    }

    /// Asks for the token once. It is not asked again here, whatever comes of it, but an answer
    /// that does not come in time is waited for by the next who asks.
    pub fn persons_token(
        &self,
        way: Way,
        found: &Discovered,
        (own, key): (&Ordered<Secret>, Option<&ProofKey>),
        unanswered: &Unanswered,
        (clock, call): (&Clock, &Call),
    ) -> std::result::Result<Token, Failure> {
        let steps = &self.calls_of(way)?.finish;
        let mut exchange = self.proving(key, clock, call);
        exchange.late = unanswered.0.get(Late::new);
        let token = exchange.obtain(steps, &self.names_of_person(found, own)?, Repeat::ByCaller)?;
        let login = self.persons_login().map_or("", |(name, _)| name).to_string();
        Ok(Token { login, ..token })
    }

    /// What the calls of a person's login may name: all that others may, and what is this login's
    /// own.
    fn names_of_person(&self, found: &Discovered, own: &Ordered<Secret>) -> Result<Names> {
        let names = self.names(found)?;
        // Where the browser comes back to is no secret, and begins as most URLs do.
        let is_known = |name: &str| name == "redirect_uri";
        Ok(own.iter().fold(names, |names, (name, value)| match is_known(name) {
            true => names.and_shown(name, value),
            false => names.and(name, value),
        }))
    }
}
