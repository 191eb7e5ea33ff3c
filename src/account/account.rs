//! An account at a cloud: what a set of options adds up to, and the calls it can make.
//!
//! Everything that can be refused without the network is refused when an account is made: a login
//! that the options do not fit, a file that cannot be read, a value that no header can carry. After
//! that an account never changes, and any thread may use it; other options make another account.
//!
//! The calls that go to the cloud (`discover`, `log_in`, `refresh`, `revoke`) give a `Failure` with
//! a verdict on the credentials. They decide nothing by it, and write nothing down: both is the
//! lifecycle's.

use crate::account::identity::{Identity, Places, places_of};
use crate::account::limits::Limits;
use crate::account::secrets::Secrets;
use crate::error::{Error, Result, Status};
use crate::http::message::TransportSettings;
use crate::http::proxies::ProxyNames;
use crate::http::retry::Repeat;
use crate::http::tls::{SYSTEM, TlsFiles};
use crate::http::transport::Transport;
use crate::http::url::{OriginRule, Url};
use crate::model::option::Key;
use crate::model::option_table::{
    BASE_URL, CA, CA_FILE, CA_ONLY, CLIENT_CERT_FILE, CLIENT_KEY_FILE, CONNECT_TIMEOUT_MS, DPOP,
    EXPIRES_AT_MS, MAX_IDLE_CONNECTIONS, PROXY, REFRESH_TOKEN, RENEW_BEFORE_S, START_SPREAD_S,
    USER_AGENT,
};
use crate::model::options::Options;
use crate::model::proof_key::ProofKey;
use crate::model::record::Discovered;
use crate::model::record::Record;
use crate::model::token::{RenewalWindow, Token};
use crate::provider::client_auth;
use crate::provider::endpoints::are_possible;
use crate::provider::exchange::Exchange;
use crate::provider::extras;
use crate::provider::failure::Failure;
use crate::provider::fill::safe;
use crate::provider::issued::with_earlier;
use crate::provider::names::Names;
use crate::provider::places;
use crate::provider::profile::{Login, Present, Profile};
use crate::provider::scope::Scope;
use crate::provider::selection::{Selection, select};
use crate::provider::template::Template;
use crate::store::caller::CallerStore;
use crate::store::factory::StoreChoice;
use crate::store::siblings::Siblings;
use crate::store::{Store, Unusable};
use crate::support::call::Call;
use crate::support::clock::{Clock, Moment};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use once_cell::race::OnceBox;
use std::sync::Arc;

/// Who the client is, where the cloud is, and how to reach it. Never changes: new credentials make
/// a new account.
pub(crate) struct Account {
    /// What the user set, the files of secret options read.
    pub options: Options,
    /// The cloud.
    pub profile: Arc<Profile>,
    /// Connections and TLS sessions, shared by all accounts of the process with the same settings,
    /// files that say the same included.
    pub transport: Arc<Transport>,
    /// Where the record is kept.
    pub store: Box<dyn Store>,
    /// When a token is due before its end, for this identity on this machine.
    pub window: RenewalWindow,
    /// The login that the options fit.
    pub(super) selection: Selection,
    /// What is shared with the other clients of this identity in the process.
    pub(super) siblings: Arc<Siblings>,
    /// What became of the attempts with each of its secrets.
    pub secrets: Secrets,
    /// What makes two clients the same.
    pub identity: Identity,
    /// Origins that may see the token besides those of its own URLs.
    pub origins: Vec<OriginRule>,
    /// Whether each request is made anew: it is signed, the token goes into its query or body, or a
    /// proof goes with it.
    pub signs: bool,
    /// See [`limits`](Account::limits).
    pub(super) limits: OnceBox<Limits>,
}

impl Account {
    /// Checks everything that can be checked without the network, and opens the store.
    ///
    /// `MISSING_OPTION` and `INVALID_OPTION` where the options do not add up; `STORE` where the
    /// store cannot be used.
    pub fn new(
        mut options: Options,
        profile: Arc<Profile>,
        caller_store: Option<&CallerStore>,
        clock: &Clock,
    ) -> Result<Account> {
        options.read_files()?;
        client_auth::check_choice(&options)?;
        let selection = select(&profile, &options)?;
        let refreshes = profile.refresh.iter().flat_map(|refresh| &refresh.steps);
        let logs_in = selection.login(&profile).into_iter().flat_map(|login| &login.steps);
        if refreshes.chain(logs_in).any(|step| step.client_auth) {
            client_auth::check_proof(&options)?;
        }
        let transport = Transport::shared(transport_settings(&options))?;
        let names = Names::of(&profile, &options, &Discovered::default())?;
        let places = Places::of(&profile, &names, selection.login(&profile));
        let identity = Identity::of(&profile, &options, &selection, &places);
        let siblings = Arc::new(Siblings::new(&identity.name, clock));
        let mut choice = StoreChoice::of(&options, caller_store, &profile.name, clock)?;
        if selection.login(&profile).is_some_and(|login| login.token.is_some()) {
            // A key from the options is exchanged for nothing, and is not to be copied.
            choice = choice.forgetful();
        }
        let is_credible = {
            let (profile, options) = (profile.clone(), options.clone());
            move |record: &Record| are_possible(&profile, &options, &record.discovered)
        };
        let is_a_persons = selection.login(&profile).is_some_and(Login::is_a_persons);
        // What cannot be had again without a person is every client's of this identity.
        let shares_tokens = options.is_set(REFRESH_TOKEN.name) || is_a_persons;
        let store = choice.record(&siblings, shares_tokens, Arc::new(is_credible))?;
        let secrets = Secrets::of(&profile, &options, &selection, &choice, clock, &places);
        let [place, first_place] = places_of(&identity.name, clock.machine_id().as_deref());
        let window = RenewalWindow {
            before: options.duration(RENEW_BEFORE_S),
            place,
            first_place,
            spreads: !options.is_set(RENEW_BEFORE_S.name),
        };
        let mut origins = options.allowed_origins();
        // A cloud's own origins go with its own address: a private host's token stays there.
        if !options.is_set(BASE_URL.name) {
            origins.extend(profile.origins.iter().cloned());
        }
        let signs = options.flag(DPOP) || signs(&profile, selection.login(&profile));
        let account = Account {
            signs,
            options,
            profile,
            transport,
            store,
            window,
            selection,
            siblings,
            secrets,
            identity,
            origins,
            limits: OnceBox::new(),
        };
        account.check(&names, clock)?;
        Ok(account)
    }

    /// Fills what can be filled already, so that a bad value is refused now and not at the first
    /// login, which may be days away.
    fn check(&self, names: &Names, clock: &Clock) -> Result<()> {
        self.check_proofs()?;
        self.check_proof_key()?;
        extras::check(&self.options)?;
        let mut scope = Scope::new(&self.profile, names, clock);
        if let Some(base) = scope.find("base_url")? {
            let base_url = Url::parse(base).map_err(|e| {
                Error::new(Status::InvalidOption, format!("base_url: {}", e.message()))
            })?;
            safe(&base_url, &self.options, || "base_url".into())?;
        }
        let refreshes = self.options.is_set(REFRESH_TOKEN.name);
        let refresh = self.profile.refresh.iter().filter(|_| refreshes).map(|r| &r.steps[..]);
        let login = self.login().map(|login| &login.steps[..]);
        let persons = self.login().into_iter().flat_map(|login| [&login.device, &login.browser]);
        let persons = persons.flatten().map(|calls| &calls.finish[..]);
        for steps in login.into_iter().chain(persons).chain(refresh) {
            places::check(&self.profile, &self.options, steps, &mut scope)?;
        }
        if self.options.is_set(EXPIRES_AT_MS.name) {
            is_to_come(self.options.number(EXPIRES_AT_MS), clock)?;
        }
        self.token_of_options(&mut scope).map(drop)
    }

    /// The login that the options fit; `None` where a refresh token is all there is.
    pub(super) fn login(&self) -> Option<&Login> {
        self.selection.login(&self.profile)
    }

    /// The login's name, for the status.
    pub fn login_name(&self) -> &str {
        self.selection.name()
    }

    /// The login of the client software's own that the options fit but do not ask for.
    pub fn withheld_login(&self) -> Option<&str> {
        match &self.selection {
            Selection::RefreshOnly { withheld } => withheld.as_deref(),
            Selection::Login(_) => None,
        }
    }

    /// What a client of this account begins with when nothing is stored: the refresh token that was
    /// set (the seed), or a token that needs no exchange.
    pub fn first_record(&self) -> Result<Record> {
        let refresh = self.options.text(REFRESH_TOKEN).map(Secret::from);
        Ok(Record { token: self.fixed_token()?, refresh, ..Record::default() })
    }

    /// What is kept of the identity, by its store and by its clients in this process. `Unusable`
    /// where the store has something that cannot be read.
    pub fn load(&self) -> std::result::Result<Record, Unusable> {
        let mut record = self.store.load()?;
        self.siblings.tell(&mut record);
        Ok(record)
    }

    /// Keeps it, for its clients in this process and in its store. Only under the store's lock.
    pub fn save(&self, record: &mut Record) -> Result<()> {
        self.siblings.note(record);
        self.store.save(record)
    }

    /// What templates may name: options, words, and what was discovered.
    pub fn names(&self, discovered: &Discovered) -> Result<Names> {
        Names::of(&self.profile, &self.options, discovered)
    }

    /// Whether this cloud has a way to get a token from a refresh token.
    pub fn can_refresh(&self) -> bool {
        self.profile.refresh.is_some()
    }

    /// Whether there are credentials to get a token with, by asking the cloud or by computing one.
    /// False for an API key, which nothing renews.
    pub fn can_log_in(&self) -> bool {
        self.computes() || self.login().is_some_and(|login| !login.steps.is_empty())
    }

    /// Whether endpoints must be discovered before anything else: the options ask for it, and
    /// nothing was found yet.
    pub fn must_discover(&self, record: &Record) -> bool {
        record.discovered == Discovered::default() && self.discovers()
    }

    /// Whether the options ask for endpoints to be discovered.
    pub fn discovers(&self) -> bool {
        self.profile.discovery.as_ref().is_some_and(|d| self.options.is_set(&d.when))
    }

    /// What a call to the cloud needs besides its steps.
    pub(super) fn exchange<'a>(&'a self, clock: &'a Clock, call: &'a Call) -> Exchange<'a> {
        Exchange {
            repeats: true,
            resent: Default::default(),
            profile: &self.profile,
            options: &self.options,
            transport: &self.transport,
            late: self.siblings.late(),
            prover: None,
            clock,
            call,
        }
    }

    /// The same with what proves whose the tokens are, where they are bound to a key.
    pub(super) fn proving<'a>(
        &'a self,
        key: Option<&ProofKey>,
        clock: &'a Clock,
        call: &'a Call,
    ) -> Exchange<'a> {
        Exchange { prover: self.prover(key), ..self.exchange(clock, call) }
    }

    /// Asks the cloud for its endpoints. They are not secret; they are kept with the tokens.
    pub fn discover(
        &self,
        record: &Record,
        clock: &Clock,
        call: &Call,
    ) -> std::result::Result<Discovered, Failure> {
        self.exchange(clock, call).sparing(record).discover()
    }

    /// A token for the credentials: computed here, or issued by the cloud. The call sends a
    /// password, so it is repeated only where the cloud cannot have looked at it. Only under the
    /// lead.
    pub fn log_in(
        &self,
        record: &Record,
        clock: &Clock,
        call: &Call,
    ) -> std::result::Result<Token, Failure> {
        if let Some(login) = self.login().filter(|login| login.lifetime.is_some()) {
            return Ok(self.computed_token(login, clock)?);
        }
        let steps = self.login().map_or(&[][..], |login| &login.steps);
        let names = self.names_of_login(record)?;
        let exchange = self.proving(record.proof_key.as_ref(), clock, call).sparing(record);
        let issued = exchange.log_in(steps, &names, &|names| self.with_proofs(names, call));
        issued.map(|token| Token { login: self.login_name().into(), ..token })
    }

    /// What a login signs has no token in it; what the cloud echoes of one must not be shown.
    fn names_of_login(&self, record: &Record) -> Result<Names> {
        let secrets = record.token.iter().map(|token| &token.access).chain(&record.refresh);
        // What was asked for with another key is another's answer.
        let secrets = secrets.chain(record.proof_key.iter().map(ProofKey::text));
        Ok(secrets.fold(self.names(&record.discovered)?, Names::hiding))
    }

    /// A token for the record's refresh token. A lost answer is asked for once more
    /// (`Repeat::Refresh`): the old token is the only one there is. Only under the lead and the
    /// store's lock.
    pub fn refresh(
        &self,
        record: &Record,
        clock: &Clock,
        call: &Call,
    ) -> std::result::Result<Token, Failure> {
        let steps = self.profile.refresh.as_ref().map_or(&[][..], |refresh| &refresh.steps);
        let names = self.names_with(record)?;
        let exchange = self.proving(record.proof_key.as_ref(), clock, call).sparing(record);
        let issued = exchange.obtain(steps, &names, Repeat::Refresh);
        issued.map(|token| {
            // Without a token before it, it goes back to the refresh token that was set.
            let before = record.token.as_ref();
            let login = before.map_or("refresh_token", |token| &token.login).to_string();
            let mut saved = before.map_or(Ordered::default(), |token| token.saved.clone());
            token.saved.iter().for_each(|(name, value)| saved.insert(name, value.clone()));
            // What an answer does not say anew is as it was (RFC 6749 5.1, OpenID Connect Core 12.2).
            let scope = token.scope.or_else(|| before?.scope.clone());
            let answer = with_earlier(token.answer, before.and_then(|token| token.answer.as_ref()));
            Token { login, saved, scope, answer, ..token }
        })
    }

    /// What an answer to the last call of a login comes to, without a cloud that gives it.
    #[cfg(feature = "fuzzing")]
    pub fn judge(
        &self,
        answer: crate::http::message::Answer,
        clock: &Clock,
        call: &Call,
    ) -> std::result::Result<Token, Failure> {
        let last = self.login().and_then(|login| login.steps.last());
        let step = last.expect("a login that asks for a token");
        let mut names = self.names(&Discovered::default())?;
        if step.call == "login" {
            names = names.with("basic_token", &Secret::from("a-basic-token"));
        }
        self.exchange(clock, call).judge(step, &names, answer)
    }

    /// All names, the tokens among them: what a cloud echoes of them must not be shown.
    fn names_with(&self, record: &Record) -> Result<Names> {
        let mut names = self.names(&record.discovered)?;
        if let Some(token) = &record.token {
            names = self.and_token(names, token);
        }
        if let Some(refresh) = &record.refresh {
            names = names.and("refresh_token", refresh);
        }
        Ok(record.proof_key.iter().map(ProofKey::text).fold(names, Names::hiding))
    }

    /// A token, and what came with it. Only names that the profile's own steps save: a store must
    /// not give others a meaning.
    pub(super) fn and_token(&self, names: Names, token: &Token) -> Names {
        let saved = token.saved.iter().filter(|(name, _)| self.profile.kinds.saves(name));
        let names = saved.fold(names, |names, (name, value)| names.and(name, value));
        names.and("access_token", &token.access)
    }

    /// Before which moment of this boot the first login is not sent: a fleet that boots together is
    /// spread over `start_spread_s` seconds, each machine at its own place.
    pub fn first_login_at(&self) -> Moment {
        let spread = self.options.duration(START_SPREAD_S);
        Moment(0).after(spread.mul_f64(self.window.place))
    }

    /// Whether this is the refresh token that was set.
    pub fn is_seed(&self, refresh: Option<&Secret>) -> bool {
        refresh.is_some() && refresh.map(Secret::expose) == self.options.text(REFRESH_TOKEN)
    }

    /// Whether answers that may refuse a refresh token lead to the login in the end. Not where the
    /// profile says `rejected_only`: there a needless password is taken for an attack.
    pub fn may_guess_refusals(&self) -> bool {
        self.profile.refresh.as_ref().is_some_and(|refresh| !refresh.rejected_only)
    }

    /// Whether a login was sent whose answer may still come: the next call reads it, and sends
    /// none.
    pub fn awaits_login(&self, record: &Record, now: Moment) -> bool {
        let Ok(names) = self.names_of_login(record) else { return false };
        self.siblings.late().trail(now, |trail| trail.began == names).is_some()
    }

    /// Gives up the answers that did not come in time: the next call sends its own login, with a key
    /// of its own where tokens are bound to one.
    pub fn expect_nothing(&self) {
        self.siblings.late().clear();
        self.siblings.forget_proof_key();
    }

    /// Tells the cloud that the tokens will not be used again (RFC 7009), where its profile has
    /// `revoke` steps and there is a token to revoke.
    pub fn revoke(
        &self,
        record: &Record,
        clock: &Clock,
        call: &Call,
    ) -> std::result::Result<bool, Failure> {
        // A refresh token that was set and never used is its owner's to revoke.
        let refresh = record.refresh.as_ref().filter(|token| !self.is_seed(Some(token)));
        if record.token.is_none() && refresh.is_none() || self.profile.revoke.is_empty() {
            return Ok(false);
        }
        let names = self.names_with(record)?;
        let exchange = self.proving(record.proof_key.as_ref(), clock, call);
        exchange.perform(&self.profile.revoke, &names).map(|()| true)
    }

    /// How requests carry the token: the login's own way, else the profile's.
    pub(super) fn presented(&self) -> &Present {
        presented(&self.profile, self.login())
    }
}

/// The same before there is an account.
fn presented<'a>(profile: &'a Profile, login: Option<&'a Login>) -> &'a Present {
    login.and_then(|login| login.present.as_ref()).unwrap_or(&profile.present)
}

/// Whether each request is made anew: a header of it has the time or the request in it, or the
/// token goes into the query or the body. Then no headers can be kept beside a token.
fn signs(profile: &Profile, login: Option<&Login>) -> bool {
    let present = presented(profile, login);
    let mut headers = present.headers.iter().chain(profile.request.headers.iter());
    let is_new = |(_, t): (&str, &Template)| profile.kinds.of_template(t).is_new_each_time();
    headers.any(is_new) || !present.query.is_empty() || present.json.is_some()
}

/// Refuses an end of all tokens (`expires_at_ms`) that is past: no login would give one.
pub(crate) fn is_to_come(end: u64, clock: &Clock) -> Result<()> {
    match i64::try_from(end).is_ok_and(|end| end <= clock.cloud_millis()) {
        true => Err(Error::new(
            Status::InvalidOption,
            "expires_at_ms: lies in the past, so that no login would give a token; token_lifetime_s is counted from each login",
        )),
        false => Ok(()),
    }
}

/// What tells one transport from another. Accounts with equal settings share connections.
fn transport_settings(options: &Options) -> TransportSettings {
    let text = |key: Key<str>| options.text(key).map(str::to_string);
    TransportSettings {
        tls: TlsFiles {
            ca_file: text(CA_FILE),
            system: options.text(CA) == Some(SYSTEM),
            replace_roots: options.flag(CA_ONLY),
            client_cert_file: text(CLIENT_CERT_FILE),
            client_key_file: text(CLIENT_KEY_FILE),
        },
        proxy: options.text(PROXY).map(ProxyNames::of_option).unwrap_or_default(),
        user_agent: text(USER_AGENT).unwrap_or_default(),
        connect_timeout: options.duration(CONNECT_TIMEOUT_MS),
        max_idle: options.number(MAX_IDLE_CONNECTIONS) as usize,
    }
}
