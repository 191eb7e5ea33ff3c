//! Tokens of our own making, for which no cloud is asked: an API key, or one that is computed, such as
//! a signature.

use super::account::Account;
use crate::error::{Error, Result, Status};
use crate::model::record::Discovered;
use crate::model::token::{Claims, Token};
use crate::provider::exchange::lifetime;
use crate::provider::profile::Login;
use crate::provider::scope::{self as computed, Scope};
use crate::provider::template::Place;
use crate::support::clock::{Clock, Moment, UnixSeconds};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::time::Duration;

impl Account {
    /// The token of a login that exchanges nothing and lives for ever, such as an API key. `None`
    /// for all other logins.
    pub fn fixed_token(&self) -> Result<Option<Token>> {
        let has_one = self.login().is_some_and(|login| login.token.is_some());
        if self.computes() || !has_one {
            return Ok(None);
        }
        let names = self.names(&Discovered::default())?;
        // There is no time in it: it would need a lifetime.
        let mut scope = Scope::of(&self.profile, &names, computed::Moment::at(0));
        let token = self.token_of_options(&mut scope)?;
        Ok(token.map(|access| self.own_token(access, Moment(0), None, None)))
    }

    /// Whether the login computes its tokens here, and they end.
    pub(super) fn computes(&self) -> bool {
        self.login().is_some_and(|login| login.lifetime.is_some())
    }

    /// The login's own token, filled in: an API key, a signature. `None` where a login asks the
    /// cloud.
    pub(super) fn token_of_options(&self, scope: &mut Scope<'_>) -> Result<Option<Secret>> {
        let template = self.login().and_then(|login| login.token.as_ref());
        template.map_or(Ok(None), |template| scope.fill(template, Place::Header))
    }

    /// A token of our own making: no cloud said when it was issued but for `date`, or whose it is.
    fn own_token(
        &self,
        access: Secret,
        issued: Moment,
        date: Option<UnixSeconds>,
        lifetime: Option<Duration>,
    ) -> Token {
        Token {
            access,
            refresh: None,
            login: self.login_name().into(),
            saved: Ordered::default(),
            principal: None,
            bound: false,
            scope: None,
            answer: None,
            issued,
            date,
            lifetime,
            // It costs the cloud nothing.
            out_of_turn: false,
        }
    }

    /// A token that is computed here, such as a SAS signature: by the cloud's clock as it was last
    /// told, since the cloud judges it by that.
    pub(super) fn computed_token(&self, login: &Login, clock: &Clock) -> Result<Token> {
        let names = self.names(&Discovered::default())?;
        let mut scope = Scope::new(&self.profile, &names, clock);
        let lacks = || Error::new(Status::InvalidProfile, "the token has no value");
        let access = self.token_of_options(&mut scope)?.ok_or_else(lacks)?;
        let rule = login.lifetime.as_ref();
        let stated = rule.map_or(Ok(None), |rule| lifetime(&rule.seconds, &mut scope))?;
        let now = clock.cloud_millis() / 1000;
        let by_jwt = || Claims::of(access.expose())?.lifetime(Some(now));
        let lifetime = rule.filter(|rule| rule.jwt).and_then(|_| by_jwt()).or(stated);
        Ok(self.own_token(access, clock.now(), clock.told(), lifetime))
    }
}
