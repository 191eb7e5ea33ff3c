//! What a client is made from: a provider and its options.
//!
//! Options are text, whatever they mean: they come from command lines, files and the environment.
//! Each is checked when it is set, by the one table of options (`model/option_table.rs`) and the
//! profile's own; whether together they add up to a login is checked when a client is made.

use crate::account::account::{Account, is_to_come};
use crate::error::{Error, Result, Status};
use crate::model::option_table::{EXPIRES_AT_MS, PROFILE, PROFILE_FILE};
use crate::model::options::Options;
use crate::provider::profile::Profile;
use crate::provider::registry::named;
use crate::store::caller::CallerStore;
use crate::store::{LeasedStore, TokenStore};
use crate::support::clock::Clock;
use crate::support::file;
use crate::support::json::{self, Value};
use crate::support::log::{Level, Log, LogSink};
use crate::support::log_ring::LogRing;
use std::path::Path;
use std::sync::Arc;

/// What says which further options there are, and so is set before them, wherever it stands in a
/// file.
const OF_PROFILE: [&str; 2] = [PROFILE.name, PROFILE_FILE.name];

/// A provider and the options for it. One config may make any number of clients.
///
/// It may be sent to another thread, but not changed from two at once.
///
/// ```
/// let mut config = keyfob::Config::new("kontakt")?;
/// config.set("api_key", "my key")?;
/// let client = config.client()?;
/// assert_eq!(client.token()?.expose(), "my key");
/// # Ok::<(), keyfob::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The cloud. `custom` has an empty one until its profile is set.
    pub(super) profile: Arc<Profile>,
    /// What was set, each value checked by itself.
    options: Options,
    /// `None`: the system's.
    pub(super) clock: Option<Clock>,
    /// Where log lines go; nowhere unless asked for.
    pub(super) log: Log,
    /// Where its lines are kept, if they are.
    pub(super) log_ring: Option<Arc<LogRing>>,
    /// In place of the option `store`.
    caller_store: Option<CallerStore>,
    /// The variables that `load_env` looked at, and what it took each for: a misspelt one is named
    /// when an option is missing.
    variables: Vec<(String, String)>,
}

impl Config {
    /// A config for a built-in provider; `custom` takes its profile from the option `profile` or
    /// `profile_file`, which must then be set first.
    ///
    /// # Errors
    /// `UNKNOWN_PROVIDER`: the message lists the names there are.
    pub fn new(provider: &str) -> Result<Config> {
        let profile = named(provider)?;
        Ok(Config {
            options: Options::new(profile.table.clone()),
            profile,
            clock: None,
            log: Log::default(),
            log_ring: None,
            caller_store: None,
            variables: Vec::new(),
        })
    }

    /// Sets an option. All values are text; docs/OPTIONS.md lists names, ranges and defaults. Any
    /// secret option `x` may be given as `x_file`: a file that is read when a client is made, and
    /// again when a login is rejected.
    ///
    /// # Errors
    /// `UNKNOWN_OPTION`: the message has the nearest name. `INVALID_OPTION`: not of the option's
    /// type, or out of its range. `INVALID_PROFILE`: the message says where. The config is then as
    /// it was.
    pub fn set(&mut self, option: &str, value: &str) -> Result<()> {
        let profile = if option == PROFILE.name {
            Some(Profile::parse(value)?)
        } else if option == PROFILE_FILE.name {
            let parsed = Profile::parse(&read(option, value)?);
            Some(parsed.map_err(|error| error.about(&format!("{option}: {value}")))?)
        } else {
            None
        };
        if let (true, Ok(end)) = (option == EXPIRES_AT_MS.name, value.parse()) {
            is_to_come(end, &self.clock.clone().unwrap_or_else(Clock::system))?;
        }
        self.options.set(option, value)?;
        if let Some(profile) = profile {
            self.options.declare(profile.table.clone());
            self.profile = Arc::new(profile);
        }
        Ok(())
    }

    /// An option's value or default; `***` for a secret that is set, `None` for what has no value.
    ///
    /// # Errors
    /// `UNKNOWN_OPTION`.
    pub fn get(&self, option: &str) -> Result<Option<String>> {
        self.options.shown(option)
    }

    /// Sets every member of a JSON object; numbers and booleans are taken as their text.
    ///
    /// ```
    /// let mut config = keyfob::Config::new("simacan")?;
    /// config.load_json(r#"{"username": "gateway", "timeout_ms": 5000}"#)?;
    /// assert_eq!(config.get("timeout_ms")?.as_deref(), Some("5000"));
    /// # Ok::<(), keyfob::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Config::set), and `INVALID_ARGUMENT` where it is not such an object. All or
    /// nothing: after a failure the config is as it was.
    pub fn load_json(&mut self, json: &str) -> Result<()> {
        let invalid = |what: String| Error::new(Status::InvalidArgument, what);
        let document = json::parse(json.as_bytes())
            .map_err(|e| invalid(format!("the options are not JSON (line {})", e.line())))?;
        let Value::Object(members) = &document else {
            return Err(invalid("the options are not a JSON object".into()));
        };
        let mut pairs = Vec::new();
        for (name, value) in members {
            let text = match value {
                Value::Text(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_json(),
                Value::Object(_) if name == PROFILE.name => value.to_json(),
                _ => return Err(invalid(format!("{name}: must be a text, a number or a boolean"))),
            };
            pairs.push((name.clone(), text));
        }
        self.set_all(pairs)
    }

    /// As [`load_json`](Config::load_json), from a file.
    ///
    /// # Errors
    /// As [`load_json`](Config::load_json), and `INVALID_ARGUMENT` where it cannot be read.
    pub fn load_file(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let invalid = |what: String| Error::new(Status::InvalidArgument, what);
        let (name, path) = (path.as_ref().display().to_string(), path.as_ref());
        let text = file::read_text(path, file::VALUE).map_err(|why| invalid(why.to_string()))?;
        self.load_json(&text).map_err(|error| error.about(&name))
    }

    /// Sets each option whose name, in capitals and after the prefix and `_`, is an environment
    /// variable: with the prefix `KEYFOB`, `KEYFOB_USERNAME`. Variables that name no option, and
    /// empty ones, are passed over.
    ///
    /// # Errors
    /// As [`set`](Config::set), and `INVALID_ARGUMENT` for a prefix that no variable can have. All
    /// or nothing.
    pub fn load_env(&mut self, prefix: &str) -> Result<()> {
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Error::new(
                Status::InvalidArgument,
                "the prefix must be letters, digits and underscores",
            ));
        }
        let variable = |option: &str| {
            let name = format!("{prefix}_{}", option.to_ascii_uppercase());
            std::env::var(name).ok().filter(|value| !value.is_empty()).map(zeroize::Zeroizing::new)
        };
        // A profile brings options of its own, which are looked for after it.
        let mut next = self.clone();
        next.variables = variables(prefix);
        for option in OF_PROFILE {
            if let Some(value) = variable(option) {
                next.set(option, &value)?;
            }
        }
        let names: Vec<String> = next.options.settable_names().collect();
        for name in names {
            if let Some(value) = variable(&name) {
                next.set(&name, &value)?;
            }
        }
        *self = next;
        Ok(())
    }

    /// Sets options in the order in which they may depend on each other: all, or none.
    fn set_all(&mut self, pairs: Vec<(String, zeroize::Zeroizing<String>)>) -> Result<()> {
        let mut next = self.clone();
        let (first, then): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(n, _)| OF_PROFILE.contains(&n.as_str()));
        for (name, value) in first.into_iter().chain(then) {
            next.set(&name, &value)?;
        }
        *self = next;
        Ok(())
    }

    /// Sends log lines of the clients made from now on to `sink`, up to the level `most`. It is
    /// called on the thread that called keyfob, with no lock held, and never sees a secret.
    pub fn set_log(&mut self, sink: Arc<LogSink>, most: Level) {
        self.log = Log::to(sink, most);
        self.log_ring = None;
    }

    /// Keeps the last `lines` log lines up to the level `most`, for
    /// [`Client::next_log_line`](crate::Client::next_log_line): in place of a sink.
    pub fn keep_log(&mut self, most: Level, lines: usize) {
        let ring = Arc::new(LogRing::new(lines));
        self.log_ring = Some(ring.clone());
        self.log = Log::to(Arc::new(move |level, line| ring.push(level, line)), most);
    }

    /// Sends log lines nowhere.
    pub fn unset_log(&mut self) {
        self.log = Log::default();
        self.log_ring = None;
    }

    /// Keeps the tokens of the clients made from this config in a store of the caller's own. The
    /// option `store` must not be set then; `store_key` seals what is kept.
    pub fn set_store(&mut self, store: Arc<dyn TokenStore>) {
        self.caller_store = Some(CallerStore::new(store));
    }

    /// The same with a store whose lock is a lease, for machines that share it.
    pub fn set_leased_store(&mut self, store: Arc<dyn LeasedStore>) {
        self.caller_store = Some(CallerStore::leased(store));
    }

    /// Keeps tokens where the option `store` says, and no longer in a store of the caller's.
    pub fn unset_store(&mut self) {
        self.caller_store = None;
    }

    /// Runs the clients made from this config on another clock than the system's: for tests.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// What these options add up to. Where something is missing, the message names variables of the
    /// environment that no option is called by: they may be what was meant.
    pub(crate) fn account(&self, clock: &Clock) -> Result<Account> {
        let made = self.made(clock);
        made.map_err(|error| match self.strangers() {
            Some(strangers) if error.status() == Status::MissingOption => error.and(&strangers),
            _ => error,
        })
    }

    /// Whether a secret's file holds another value by now than an account of this config has.
    pub(super) fn files_differ_from(&self, known: &Options) -> Result<bool> {
        self.options.files_differ_from(known)
    }

    /// Says which variables of the environment were passed over, since no option is called so.
    fn strangers(&self) -> Option<String> {
        const MOST: usize = 5;
        let known: Vec<String> = self.options.settable_names().collect();
        let is_known = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        let strangers = self.variables.iter().filter(|(_, option)| !is_known(option));
        let names: Vec<&str> = strangers.map(|(name, _)| name.as_str()).take(MOST).collect();
        (!names.is_empty()).then(|| format!("no option is called as in {}", names.join(", ")))
    }

    /// The same, as the account itself tells it.
    fn made(&self, clock: &Clock) -> Result<Account> {
        let (options, profile) = (self.options.clone(), self.profile.clone());
        Account::new(options, profile, self.caller_store.as_ref(), clock)
    }
}

/// The variables of the environment with this prefix, sorted, and what stands after it. Their
/// values are not kept.
fn variables(prefix: &str) -> Vec<(String, String)> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let of_prefix = |name: String| {
        let option = name.strip_prefix(prefix)?.strip_prefix('_')?.to_string();
        Some((name, option))
    };
    let mut found: Vec<_> = names.filter_map(of_prefix).collect();
    found.sort_unstable();
    found
}

/// The text of a file that an option names, as that option's fault where it cannot be read.
fn read(option: &str, path: &str) -> Result<zeroize::Zeroizing<String>> {
    file::read_text(path, file::VALUE)
        .map_err(|why| Error::new(Status::InvalidOption, format!("{option}: {why}")))
}
