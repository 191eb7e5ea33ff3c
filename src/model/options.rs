//! The table of options: one place that names, parses, checks, redacts and documents them.

use crate::error::{Error, Result, Status};
use crate::support::file;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

/// What an option's value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A text of more than one line: a key in PEM form, a JSON document.
    Lines,
    /// An absolute http or https URL.
    Url,
    /// One that paths are put behind: it has no query of its own.
    BaseUrl,
    /// A file that is read when the client is made.
    Path,
    /// `true` or `false`.
    Bool,
    /// A whole number in this range.
    Number {
        from: i64,
        to: i64,
    },
    /// One of these words.
    Choice(Vec<String>),
    /// Origins, separated by blanks or commas.
    Origins,
    /// A provider profile's JSON.
    Profile,
}

/// What an option proves. Who proves it need not be said again: another value is the same account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// That the user is who the other options say: a password.
    User,
    /// That the client software is: a client secret.
    Client,
}

/// What part of a client an option speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Identity,
    Where,
    OAuth,
    Transport,
    Lifecycle,
    Store,
}

impl Group {
    pub fn name(self) -> &'static str {
        match self {
            Identity => "identity",
            Where => "where",
            OAuth => "oauth",
            Transport => "transport",
            Lifecycle => "lifecycle",
            Store => "store",
        }
    }
}

/// One option. Built-in ones stand in [`table`]; a profile may declare more for itself.
#[derive(Clone, Debug)]
pub(crate) struct Opt {
    pub name: String,
    pub group: Group,
    pub kind: Kind,
    pub default: Option<String>,
    pub secret: bool,
    /// `None`: it says who, where or how, and another value is another account.
    pub proof: Option<Proof>,
    pub help: String,
}

/// Options that the rules of secrets speak of.
pub(crate) const CLIENT_ID: &str = "client_id";
pub(crate) const CLIENT_AUTH: &str = "client_auth";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";

use Group::{Identity, Lifecycle, OAuth, Store, Transport, Where};

/// The built-in options, in the order they are documented.
#[rustfmt::skip] // a table: one option a line
pub(crate) fn table() -> Vec<Opt> {
    vec![
        option(Identity, Kind::Text, "username", "The account's login name."),
        option(Identity, Kind::Text, "password", "The account's or thing's password.").proves(Proof::User),
        option(Identity, Kind::Text, "api_key", "A static key that is presented as it is; nothing is exchanged.").secret(),
        option(Identity, Kind::Text, CLIENT_ID, "OAuth 2.0 client identifier (RFC 6749 2.2)."),
        option(Identity, Kind::Text, "client_secret", "OAuth 2.0 client secret (RFC 6749 2.3.1).").proves(Proof::Client),
        option(Identity, Kind::Text, REFRESH_TOKEN, "A refresh token from elsewhere, used before any login. With no other credentials, the only way in.").secret(),
        option(Identity, Kind::Text, "solution_key", "IoTConnect: the solution's key.").secret(),
        option(Identity, Kind::Text, "app_id", "Kii: the application's identifier."),
        option(Identity, Kind::Text, "app_key", "Kii: the application's key.").proves(Proof::Client),
        option(Identity, Kind::Text, "vendor_thing_id", "Kii: the thing's vendor ID, without the prefix."),
        option(Identity, Kind::Number { from: 0, to: i64::MAX }, "expires_at_ms", "Kii: when tokens of a login end, in milliseconds since 1970."),
        option(Where, Kind::BaseUrl, "base_url", "Where the cloud is, instead of the provider's own address: a private host, a test system."),
        option(Where, Kind::Text, "environment", "Simacan: `production` (default) or `staging`. IoTConnect: the environment to discover endpoints for; unset, none are discovered."),
        option(Where, Kind::Text, "platform", "IoTConnect discovery: `aws` (default) or `az`."),
        option(Where, Kind::Text, "site", "Kii: `us` (default), `jp`, `sg`, `eu` or `cn3`."),
        option(Where, Kind::Url, "token_url", "OAuth 2.0 token endpoint, where no issuer is given."),
        option(Where, Kind::Url, "revocation_url", "OAuth 2.0 revocation endpoint (RFC 7009), where no issuer names it."),
        option(Where, Kind::BaseUrl, "issuer", "OAuth 2.0 issuer, whose metadata names the endpoints (RFC 8414, OpenID Connect Discovery)."),
        option(Where, Kind::Profile, "profile", "A provider profile as JSON text, in place of a built-in one."),
        option(Where, Kind::Path, "profile_file", "A file with a provider profile."),
        option(OAuth, Kind::Text, "grant", "Which grant to use where more than one fits: `client_credentials` or `password`."),
        option(OAuth, Kind::Text, "scope", "Scopes to ask for, separated by blanks (RFC 6749 3.3)."),
        option(OAuth, Kind::Text, "audience", "The API the token is for."),
        option(OAuth, Kind::Choice(vec!["client_secret_basic".into(), "client_secret_basic_raw".into(), "client_secret_post".into()]), CLIENT_AUTH, "How the client authenticates at the token endpoint (RFC 6749 2.3.1). `client_secret_basic_raw` is for servers that do not undo the form encoding of name and secret.").default("client_secret_basic"),
        option(Transport, Kind::Number { from: 1, to: 3_600_000 }, "connect_timeout_ms", "Longest wait for a connection, TLS handshake excluded.").default("10000"),
        option(Transport, Kind::Number { from: 1, to: 3_600_000 }, "timeout_ms", "Longest any call waits, all its tries included.").default("30000"),
        option(Transport, Kind::Number { from: 1, to: 86_400_000 }, "idle_timeout_ms", "Longest silence in a body that is read as it comes.").default("30000"),
        option(Transport, Kind::Number { from: 0, to: 604_800_000 }, "transfer_timeout_ms", "Longest that a body which is read as it comes takes from beginning to end; 0 is no limit.").default("0"),
        option(Transport, Kind::Number { from: 0, to: 604_800 }, "download_retry_s", "How long a download is tried again while nothing comes.").default("300"),
        option(Transport, Kind::Text, "proxy", "An HTTP CONNECT proxy: `http://[user:password@]host:port`. Environment variables are not read.").secret(),
        option(Transport, Kind::Path, "ca_file", "PEM file with certificate authorities to trust besides Mozilla's."),
        option(Transport, Kind::Bool, "ca_only", "Trust ca_file alone, not Mozilla's authorities.").default("false"),
        option(Transport, Kind::Path, "client_cert_file", "PEM file with the client certificate chain, for mutual TLS."),
        option(Transport, Kind::Path, "client_key_file", "PEM file with the private key of client_cert_file."),
        option(Transport, Kind::Bool, "allow_http", "Allow plain HTTP to other machines. Without it, only loopback.").default("false"),
        option(Transport, Kind::Origins, "allowed_origins", "Further origins that may see the token, such as `https://api.example.com https://*.example.org`."),
        option(Transport, Kind::Number { from: 256, to: 67_108_864 }, "max_token_bytes", "Largest answer of a token call.").default("1048576"),
        option(Transport, Kind::Number { from: 1024, to: 4_294_967_296 }, "max_body_bytes", "Largest answer of a request.").default("67108864"),
        option(Transport, Kind::Text, "user_agent", "The User-Agent header.").default(concat!("keyfob/", env!("CARGO_PKG_VERSION"))),
        option(Transport, Kind::Number { from: 0, to: 10 }, "retries", "How often a call that is safe to repeat is tried again after a network fault, 429 or 5xx.").default("2"),
        option(Lifecycle, Kind::Number { from: 0, to: 86_400 }, "renew_before_s", "How long before its end a token is renewed; never more than a tenth of its lifetime.").default("300"),
        option(Lifecycle, Kind::Bool, "background_renewal", "Renew on a thread of the library's own, so that no caller waits.").default("false"),
        option(Lifecycle, Kind::Number { from: 1, to: 3_600 }, "login_hold_s", "How long a rejected login is not repeated; doubles with each rejection, up to an hour.").default("60"),
        option(Lifecycle, Kind::Number { from: 0, to: 86_400 }, "start_spread_s", "Within what time after the machine's start the first login is sent, each gateway at a moment of its own: for fleets that boot together. 0: at once.").default("0"),
        option(Store, Kind::Text, "store", "`memory`, or `file:<directory>`: tokens survive restarts, and all processes with this directory are one client.").default("memory"),
        option(Store, Kind::Text, "store_key", "Seals the stored tokens: 32 bytes as 64 hexadecimal digits or base64.").secret(),
    ]
}

fn option(group: Group, kind: Kind, name: &str, help: &str) -> Opt {
    let (name, help) = (name.into(), help.into());
    Opt { name, group, kind, default: None, secret: false, proof: None, help }
}

/// How a secret option is named when its value stands in a file.
const FILE_SUFFIX: &str = "_file";

impl Opt {
    fn secret(mut self) -> Opt {
        self.secret = true;
        self
    }

    fn proves(mut self, proof: Proof) -> Opt {
        self.proof = Some(proof);
        self.secret()
    }

    /// Whether it names or proves the client software.
    pub fn is_of_client(&self) -> bool {
        self.name == CLIENT_ID || self.proof == Some(Proof::Client)
    }

    /// Whether its value is a secret that only one user, or one account, can have.
    pub fn is_somebodys(&self) -> bool {
        self.secret && self.proof != Some(Proof::Client)
    }

    fn default(mut self, value: &str) -> Opt {
        self.default = Some(value.into());
        self
    }

    /// Refuses a value that is not of this option's kind. Never repeats a secret one.
    pub fn check(&self, value: &str) -> Result<()> {
        let refuse =
            |why: String| Err(Error::new(Status::InvalidOption, format!("{}: {why}", self.name)));
        let got = |value: &str| {
            if self.secret { String::new() } else { format!(", not `{}`", clipped(value)) }
        };
        let has_lines = matches!(self.kind, Kind::Profile | Kind::Lines);
        let allowed = |c: char| has_lines && c.is_whitespace();
        if value.contains(|c: char| c.is_control() && !allowed(c)) {
            return refuse("the value has a control character".into());
        }
        match &self.kind {
            Kind::Text | Kind::Lines | Kind::Path | Kind::Profile if value.is_empty() => {
                refuse("the value is empty".into())
            }
            Kind::Text | Kind::Lines | Kind::Path | Kind::Profile => Ok(()),
            Kind::Url | Kind::BaseUrl if value.contains('#') => {
                refuse("a fragment (#) is never sent; leave it out".into())
            }
            Kind::BaseUrl if value.contains('?') => {
                refuse("paths are put behind it, so it cannot have a query".into())
            }
            Kind::Url | Kind::BaseUrl => match crate::http::url::Url::parse(value) {
                Ok(_) => Ok(()),
                Err(error) => refuse(error.message().into()),
            },
            Kind::Bool if matches!(value, "true" | "false") => Ok(()),
            Kind::Bool => refuse(format!("must be true or false{}", got(value))),
            Kind::Number { from, to } => match value.parse::<i64>() {
                Ok(number) if (*from..=*to).contains(&number) => Ok(()),
                _ => refuse(format!("must be a whole number from {from} to {to}{}", got(value))),
            },
            Kind::Choice(words) if words.iter().any(|w| w == value) => Ok(()),
            Kind::Choice(words) => {
                refuse(format!("must be one of {}{}", words.join(", "), got(value)))
            }
            Kind::Origins => match origins(value).try_for_each(|o| o.map(drop)) {
                Ok(()) => Ok(()),
                Err(error) => refuse(error.message().into()),
            },
        }
    }
}

fn clipped(value: &str) -> String {
    value.chars().take(60).collect()
}

fn origins(list: &str) -> impl Iterator<Item = Result<crate::http::url::OriginRule>> {
    list.split([' ', ',']).filter(|o| !o.is_empty()).map(crate::http::url::OriginRule::parse)
}

/// A set of options with the values they were given.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    table: Arc<Vec<Opt>>,
    values: Ordered<Secret>,
}

impl Options {
    /// The options of this table, none of them set.
    pub fn new(table: Arc<Vec<Opt>>) -> Options {
        Options { table, values: Ordered::default() }
    }

    /// Puts another profile's options and defaults in the place of the earlier one's.
    pub fn declare(&mut self, table: Arc<Vec<Opt>>) {
        self.table = table;
        let table = &self.table;
        self.values.retain(|name| find(table, name).is_some());
    }

    /// Every name that can be set, `_file` variants included.
    pub fn settable_names(&self) -> impl Iterator<Item = String> {
        self.table.iter().flat_map(|o| {
            let file = o.secret.then(|| format!("{}{FILE_SUFFIX}", o.name));
            std::iter::once(o.name.clone()).chain(file)
        })
    }

    /// All options that can be set, in the order they are documented.
    pub fn table(&self) -> &[Opt] {
        &self.table
    }

    /// Sets one option. On failure the set is as it was.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let Some(found) = find(&self.table, name) else {
            return Err(Error::new(Status::UnknownOption, unknown(&self.table, name)));
        };
        match found {
            Found::Itself(option) => option.check(value)?,
            Found::FileOf(_) if value.is_empty() => {
                return Err(Error::new(
                    Status::InvalidOption,
                    format!("{name}: the path is empty"),
                ));
            }
            Found::FileOf(_) => {}
        }
        self.values.insert(name, value.into());
        Ok(())
    }

    /// Reads the `_file` variants of secret options into the options they stand for.
    pub fn read_files(&mut self) -> Result<()> {
        let named: Vec<(String, String)> = self
            .values
            .iter()
            .filter_map(|(name, path)| match find(&self.table, name)? {
                Found::FileOf(option) => Some((option.name.clone(), path.expose().to_string())),
                Found::Itself(_) => None,
            })
            .collect();
        for (name, path) in named {
            let file_option = format!("{name}{FILE_SUFFIX}");
            if self.values.contains(&name) {
                return Err(Error::new(
                    Status::InvalidOption,
                    format!("{name} and {file_option} are both set; set one"),
                ));
            }
            let text = file::read_text(&path, file::VALUE).map_err(|why| {
                Error::new(Status::InvalidOption, format!("{file_option}: {why}"))
            })?;
            let value = text.strip_suffix('\n').unwrap_or(&text);
            self.set(&name, value.strip_suffix('\r').unwrap_or(value))
                .map_err(|error| error.about(&format!("{file_option}: {path}")))?;
            self.values.remove(&file_option);
        }
        Ok(())
    }

    /// The value that was set, or the default. A `_file` variant that was not read has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(value) => Some(value.expose()),
            None => match find(&self.table, name)? {
                Found::Itself(option) => option.default.as_deref(),
                Found::FileOf(_) => None,
            },
        }
    }

    /// The value as it may be shown: secrets are `***`.
    pub fn shown(&self, name: &str) -> Result<Option<String>> {
        match find(&self.table, name) {
            None => Err(Error::new(Status::UnknownOption, unknown(&self.table, name))),
            Some(Found::Itself(option)) if option.secret => {
                Ok(self.values.get(name).map(|_| "***".into()))
            }
            Some(_) => Ok(self.get(name).map(str::to_string)),
        }
    }

    /// The option of this name.
    pub fn option(&self, name: &str) -> Option<&Opt> {
        self.table.iter().find(|option| option.name == name)
    }

    /// Whether the caller set it: defaults do not count.
    pub fn is_set(&self, name: &str) -> bool {
        self.values.contains(name)
    }

    /// The identity options that are set, with their values.
    pub fn identity(&self) -> impl Iterator<Item = (&Opt, &Secret)> {
        let of_identity = |o: &&Opt| o.group == Group::Identity;
        self.table.iter().filter(of_identity).filter_map(|o| Some((o, self.values.get(&o.name)?)))
    }

    /// A numeric option's value. Each has a default, or is asked about with `is_set` first.
    pub fn number(&self, name: &str) -> u64 {
        self.get(name).and_then(|v| v.parse().ok()).unwrap_or_default()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    pub fn millis(&self, name: &str) -> Duration {
        Duration::from_millis(self.number(name))
    }

    pub fn seconds(&self, name: &str) -> Duration {
        Duration::from_secs(self.number(name))
    }

    pub fn allowed_origins(&self) -> Vec<crate::http::url::OriginRule> {
        origins(self.get("allowed_origins").unwrap_or_default()).flatten().collect()
    }
}

enum Found<'a> {
    Itself(&'a Opt),
    FileOf(&'a Opt),
}

fn find<'a>(table: &'a [Opt], name: &str) -> Option<Found<'a>> {
    if let Some(option) = table.iter().find(|o| o.name == name) {
        return Some(Found::Itself(option));
    }
    file_of(table, name).map(Found::FileOf)
}

/// The secret option whose value would stand in the file that an option of this name names.
pub(crate) fn file_of<'a>(table: &'a [Opt], name: &str) -> Option<&'a Opt> {
    let stem = name.strip_suffix(FILE_SUFFIX)?;
    table.iter().find(|o| o.name == stem && o.secret)
}

fn unknown(table: &[Opt], name: &str) -> String {
    let name = clipped(name);
    let near = table.iter().min_by_key(|o| distance(&o.name, &name));
    match near.filter(|o| distance(&o.name, &name) <= 2 + name.len() / 5) {
        Some(near) => format!("no option is called `{name}`; did you mean `{}`?", near.name),
        None => format!("no option is called `{name}`; see docs/OPTIONS.md"),
    }
}

/// Levenshtein distance, for the hint in the message above.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
