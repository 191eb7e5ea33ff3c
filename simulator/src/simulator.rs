//! [`Simulator`]: every cloud switched on, and the knobs to turn them by.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clouds::{Cloud, Consent, ORIGINS, Role};
use crate::http::Request;
use crate::injection::Injection;
use crate::journal::Entry;
use crate::lock::lock;
use crate::tokens::Rotation;
use crate::world::World;

/// Every cloud, listening on loopback until it is dropped.
///
/// All methods may be called from any thread at any time, while requests are under way too.
#[derive(Debug)]
pub struct Simulator {
    world: Arc<World>,
    /// What ends with this handle: the one that was started stops everything, the control port's
    /// own stops nothing.
    _power: Option<Box<dyn Any + Send + Sync>>,
}

impl Simulator {
    /// A handle on a world, and what goes with the handle.
    pub(crate) fn of(world: Arc<World>, power: Option<Box<dyn Any + Send + Sync>>) -> Simulator {
        Simulator { world, _power: power }
    }

    /// Where a cloud's token calls are: `https://localhost:PORT`, with the prefix that belongs to
    /// its documented base, and no slash at the end. Its ports open when its URL is first asked for.
    ///
    /// # Panics
    /// When no port can be had on loopback; all that lead to a URL do then.
    pub fn base_url(&self, cloud: Cloud) -> String {
        self.base(cloud, true)
    }

    /// [`Simulator::base_url`] over plain HTTP: same cloud, same tokens, another port.
    pub fn http_base_url(&self, cloud: Cloud) -> String {
        self.base(cloud, false)
    }

    fn base(&self, cloud: Cloud, tls: bool) -> String {
        format!("{}{}", self.world.ports.url(cloud, Role::Auth, tls), cloud.rules().base_path())
    }

    /// The origin of a cloud's protected resources: that of the token calls, or for some, as
    /// IoTConnect and Simacan, a host of its own.
    pub fn api_url(&self, cloud: Cloud) -> String {
        self.world.ports.url(cloud, cloud.api_role(), true)
    }

    /// [`Simulator::api_url`] over plain HTTP.
    pub fn http_api_url(&self, cloud: Cloud) -> String {
        self.world.ports.url(cloud, cloud.api_role(), false)
    }

    /// The origin of IoTConnect's discovery.
    pub fn discovery_url(&self) -> String {
        self.world.ports.url(Cloud::IotConnect, Role::Discovery, true)
    }

    /// [`Simulator::discovery_url`] over plain HTTP.
    pub fn http_discovery_url(&self) -> String {
        self.world.ports.url(Cloud::IotConnect, Role::Discovery, false)
    }

    /// The control port, `http://127.0.0.1:PORT`: most of these methods for other languages.
    pub fn control_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.world.ports.control)
    }

    /// The certificate authority that signed every origin's certificate, in PEM. The file goes
    /// when the simulator is dropped.
    pub fn ca_file(&self) -> &Path {
        &self.world.paths.ca
    }

    /// A client certificate signed by the same authority, in PEM.
    pub fn client_cert_file(&self) -> &Path {
        &self.world.paths.client_cert
    }

    /// The key of [`Simulator::client_cert_file`], in PEM.
    pub fn client_key_file(&self) -> &Path {
        &self.world.paths.client_key
    }

    /// New connections speak TLS 1.2 at the most.
    pub fn only_tls12(&self, only: bool) {
        self.world.only_tls12.store(only, Ordering::SeqCst);
    }

    /// Connections must, or need not, present a certificate of the authority's. Those that are
    /// idle are closed, so that it holds from the next call on.
    pub fn require_client_cert(&self, required: bool) {
        self.world.require_client_cert.store(required, Ordering::SeqCst);
        self.world.close_idle(None);
    }

    /// Turns the clouds' clock forward: tokens expire, locks open, `Date` follows.
    pub fn wind(&self, by: Duration) {
        self.world.clock.wind(by);
    }

    /// Sets the clouds' clock to seconds since 1970; it runs on from there.
    pub fn set_now(&self, unix_seconds: i64) {
        self.world.clock.set(unix_seconds);
    }

    /// What the clouds' clock says, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.world.clock.now_ms().div_euclid(1000)
    }

    /// Lifetimes of the tokens a cloud issues from now on; `None` leaves one as it is.
    pub fn set_lifetime(&self, cloud: Cloud, access: Option<Duration>, refresh: Option<Duration>) {
        let habits = &mut self.world.site(cloud).vault.habits;
        habits.access = access.or(habits.access);
        habits.refresh = refresh.or(habits.refresh);
    }

    /// Access tokens die early: APIs refuse those issued so far, and refresh tokens stay good.
    pub fn revoke_access_tokens(&self, cloud: Cloud) {
        self.world.site(cloud).vault.revoke_access();
    }

    /// Refresh tokens issued so far die, and access tokens stay good.
    pub fn revoke_refresh_tokens(&self, cloud: Cloud) {
        self.world.site(cloud).vault.revoke_refresh();
    }

    /// What a refresh does to the refresh token it was given.
    pub fn set_rotation(&self, cloud: Cloud, rotation: Rotation) {
        self.world.site(cloud).vault.habits.rotation = rotation;
    }

    /// A call is carried out at once and answered only after this time.
    pub fn set_delay(&self, cloud: Cloud, call: &str, delay: Duration) {
        self.world.set_delay(cloud, call, delay);
    }

    /// Adds a rule. Rules are tried in order: the first that matches and has times left applies.
    pub fn inject(&self, rule: Injection) {
        self.world.inject(rule);
    }

    /// Drops all rules. Delays stay: they are set, not injected.
    pub fn clear_injections(&self) {
        self.world.injections.clear();
    }

    /// Connections to a cloud's origins are refused, or let in again. Idle ones are closed.
    pub fn refuse(&self, cloud: Cloud, refused: bool) {
        // A door that opens later would stand open.
        cloud
            .rules()
            .roles()
            .iter()
            .for_each(|role| drop(self.world.ports.url(cloud, *role, true)));
        for (origin, door) in lock(&self.world.doors).iter() {
            let (of, role) = ORIGINS[*origin];
            if of == cloud && role != Role::Elsewhere {
                door.set_shut(refused);
            }
        }
        if refused {
            self.world.close_idle(Some(cloud));
        }
    }

    /// Closes a cloud's idle connections, as servers do that have waited long enough.
    pub fn close_idle_connections(&self, cloud: Cloud) {
        self.world.close_idle(Some(cloud));
    }

    /// Cuts a cloud's connections in the middle of whatever they are at, as a router does that was
    /// switched off.
    pub fn cut_connections(&self, cloud: Cloud) {
        self.world.cut(cloud);
    }

    /// Whether the cloud is carrying out a request, or answering one.
    pub fn is_at_work(&self, cloud: Cloud) -> bool {
        self.world.is_at_work(cloud)
    }

    /// Every request since the start, oldest first; at most the last 20,000. Counts go on beyond that.
    pub fn journal(&self) -> Vec<Entry> {
        self.world.journal.entries()
    }

    /// Forgets every request, and the counts with them.
    pub fn clear_journal(&self) {
        self.world.journal.clear();
    }

    /// How many calls of that name the journal has for a cloud.
    pub fn count(&self, cloud: Cloud, call: &str) -> usize {
        self.world.journal.count(cloud, call)
    }

    /// Every call's name and count for a cloud, as a JSON object.
    pub fn call_counts(&self, cloud: Cloud) -> serde_json::Value {
        self.world.journal.counts(cloud)
    }

    /// How often a spent refresh token was presented.
    pub fn reuse_count(&self, cloud: Cloud) -> usize {
        self.world.site(cloud).vault.reuse_count
    }

    /// How many families ended because of that.
    pub fn families_lost(&self, cloud: Cloud) -> usize {
        self.world.site(cloud).vault.families_lost
    }

    /// TCP connections accepted at the origin of a cloud's token calls, plain ones too.
    pub fn connections(&self, cloud: Cloud) -> usize {
        let origin = ORIGINS.iter().position(|origin| *origin == (cloud, Role::Auth));
        origin.map_or(0, |origin| self.world.accepted(origin))
    }

    /// The account's password changes; tokens stay good.
    pub fn set_password(&self, cloud: Cloud, password: &str) {
        let mut site = self.world.site(cloud);
        for principal in cloud.rules().principals() {
            site.set_secret(principal, password);
        }
    }

    /// The secret of a cloud's confidential client changes: OAuth2's client, Kii's administrator.
    pub fn set_client_secret(&self, cloud: Cloud, secret: &str) {
        let mut site = self.world.site(cloud);
        for client in cloud.rules().clients() {
            site.set_secret(client, secret);
        }
    }

    /// A person answers a client that asked by a code of this text, or all that ask: OAuth2. `false`
    /// where nobody asks.
    pub fn consent(&self, cloud: Cloud, user_code: Option<&str>, consent: Consent) -> bool {
        self.world.site(cloud).people.answer(user_code, consent)
    }

    /// What a person's browser does at the URL of an authorization endpoint: OAuth2's. Gives where it
    /// is sent at the end, or else what the page says.
    ///
    /// # Errors
    /// The page's text, where the browser is not sent on.
    pub fn visit(&self, cloud: Cloud, url: &str, consent: Consent) -> Result<String, String> {
        let (_, query) = url.split_once('?').ok_or("the URL has no query")?;
        let (_, path) =
            url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).ok_or("no path")?;
        let path = format!("/{}", path.split('?').next().unwrap_or_default());
        let get = Request { method: "GET".into(), path, query: query.into(), ..Request::default() };
        let page = self.world.ask(cloud, url.starts_with("https"), &get);
        let page = match consent {
            _ if page.status != 200 => page,
            Consent::Expire => return Err("nobody answered".to_owned()),
            consent => {
                let answer = if consent == Consent::Approve { "approve" } else { "deny" };
                let known = crate::credentials::known::oauth2::USERNAME.replace('@', "%40");
                let password = crate::credentials::known::oauth2::PASSWORD.replace(' ', "+");
                let body = format!("{query}&username={known}&password={password}&answer={answer}");
                let post = Request {
                    method: "POST".into(),
                    query: String::new(),
                    body: body.into(),
                    ..get
                };
                self.world.ask(cloud, url.starts_with("https"), &post)
            }
        };
        let location = page.headers.iter().find(|(name, _)| name == "Location");
        match location {
            Some((_, url)) => Ok(url.clone()),
            None => Err(format!("{}: {}", page.status, String::from_utf8_lossy(&page.body))),
        }
    }

    /// How often a client asked sooner than it had been told whether a person has answered.
    pub fn hasty(&self, cloud: Cloud) -> usize {
        self.world.site(cloud).people.hasty
    }

    /// Logins refused so far, for whatever was wrong with the credentials.
    pub fn logins_failed(&self, cloud: Cloud) -> usize {
        self.world.site(cloud).logins_failed
    }

    /// An account is locked: five wrong passwords in a row do that, for half an hour.
    pub fn locked(&self, cloud: Cloud) -> bool {
        self.world.site(cloud).locked(self.world.clock.now_ms())
    }

    /// Everything as after the start, but for ports, certificates and open connections.
    pub fn reset(&self) {
        for (_, door) in lock(&self.world.doors).iter() {
            door.set_shut(false);
        }
        self.world.reset();
    }
}
