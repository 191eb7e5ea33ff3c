//! What an MQTT client says of itself when it connects, as the profile has it for this cloud and
//! login.
//!
//! keyfob speaks no MQTT. It fills in the four texts that any MQTT library asks for: where the
//! broker is, and client identifier, user name and password of the CONNECT packet (MQTT 3.1.1,
//! 3.1.3).

use super::account::Account;
use crate::error::{Error, Result, Status};
use crate::http::url::Url;
use crate::model::option_table::{ALLOW_HTTP, BASE_URL, MQTT_URL};
use crate::provider::names::Names;
use crate::provider::profile::MqttRule;
use crate::provider::scope::Scope;
use crate::provider::template::{Place, Template};
use crate::support::clock::Clock;
use crate::support::secret::Secret;

/// What to connect with, from [`Client::mqtt`](crate::Client::mqtt). Good as long as the token is:
/// a broker that looks at its end closes the connection then.
///
/// Any of the four may be absent: what is absent, the cloud does not want or the user chooses. The
/// texts are secrets, and wiped when they are dropped.
#[derive(Clone, Debug)]
pub struct Mqtt {
    /// A secret, as the rest: some clouds put a signature into its query.
    pub(crate) url: Option<Secret>,
    /// What the broker knows the session by.
    pub(crate) client_id: Option<Secret>,
    pub(crate) username: Option<Secret>,
    /// The token, or what is signed with it.
    pub(crate) password: Option<Secret>,
}

impl Mqtt {
    /// Where the broker is: `mqtts://host:8883`, or `wss://host/path` for MQTT over WebSocket.
    /// `None` where the cloud has no address of its own and the option `mqtt_url` is not set.
    pub fn url(&self) -> Option<&str> {
        self.url.as_ref().map(Secret::expose)
    }

    /// The client identifier; without one, any that no other client of the broker has.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_ref().map(Secret::expose)
    }

    /// The user name; `None`: none.
    pub fn username(&self) -> Option<&str> {
        self.username.as_ref().map(Secret::expose)
    }

    /// The password; `None`: none.
    pub fn password(&self) -> Option<&str> {
        self.password.as_ref().map(Secret::expose)
    }
}

impl Account {
    /// What the login says of MQTT, else the profile. `INVALID_ARGUMENT` where neither does.
    fn mqtt_rule(&self) -> Result<&MqttRule> {
        let own = self.login().and_then(|login| login.mqtt.as_ref());
        own.or(self.profile.mqtt.as_ref()).ok_or_else(|| {
            let (cloud, login) = (&self.profile.name, self.login_name());
            let what = format!(
                "{cloud}: nothing is known of MQTT with the login {login}; docs/CLOUDS.md lists the logins that have it"
            );
            Error::new(Status::InvalidArgument, what)
        })
    }

    /// Whether anything of it is made of a token, or of what came with one. Else nothing has to be
    /// asked of the cloud for it.
    pub fn mqtt_needs_token(&self) -> Result<bool> {
        let rule = self.mqtt_rule()?;
        let texts = [&rule.url, &rule.client_id, &rule.username, &rule.password];
        let mut kinds = texts.into_iter().flatten().map(|t| self.profile.kinds.of_template(t));
        Ok(kinds.any(|kind| kind.token || kind.learnt))
    }

    /// What to connect with. `names` are those of the token at hand. The broker is the option
    /// `mqtt_url`, else the profile's; not the profile's where `base_url` names a host of the
    /// user's own.
    pub fn mqtt(&self, names: &Names, clock: &Clock) -> Result<Mqtt> {
        let rule = self.mqtt_rule()?;
        // One scope: a time stamp is the same in all four.
        let mut scope = Scope::new(&self.profile, names, clock);
        let url = match self.options.text(MQTT_URL) {
            Some(url) => Some(Secret::from(url)),
            // A private host's broker is not the cloud's.
            None if self.options.is_set(BASE_URL.name) => None,
            None => filled(&rule.url, Place::Url, &mut scope)?,
        };
        if let Some(url) = &url {
            self.check_broker(url.expose())?;
        }
        Ok(Mqtt {
            url,
            client_id: filled(&rule.client_id, Place::Plain, &mut scope)?,
            username: filled(&rule.username, Place::Plain, &mut scope)?,
            password: filled(&rule.password, Place::Plain, &mut scope)?,
        })
    }

    /// Whether the password may be sent there: as requests, by TLS, or where it cannot leave the
    /// machine.
    fn check_broker(&self, broker: &str) -> Result<()> {
        let url = Url::of_broker(broker)?;
        let origin = url.origin();
        if origin.is_https() || origin.is_loopback() || self.options.flag(ALLOW_HTTP) {
            return Ok(());
        }
        let what = format!(
            "mqtt_url: plain MQTT to {} would show the password to the network; use mqtts, or set allow_http",
            origin.host()
        );
        Err(Error::new(Status::InsecureUrl, what))
    }
}

/// One of the four texts; `None` where the profile has no template for it.
fn filled(
    template: &Option<Template>,
    place: Place,
    scope: &mut Scope<'_>,
) -> Result<Option<Secret>> {
    template.as_ref().map_or(Ok(None), |template| scope.fill(template, place))
}
