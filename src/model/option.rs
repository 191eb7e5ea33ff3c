//! One option: what it is about, what its value must be, and whether that may be shown.
//!
//! Every value is text, whatever language it is set from. It is checked when it is set, so that a
//! mistake is told where it is made and not when a cloud refuses it.

use super::option_table::CLIENT_ID;
use crate::error::{Error, Result, Status};
use crate::http::proxies::ENVIRONMENT;
use crate::http::proxy::Proxy;
use crate::http::url::{OriginRule, Url};
use std::marker::PhantomData;

/// What an option's value must be. A control character is refused in all but those that have
/// lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text on one line.
    Text,
    /// A text of more than one line: a key in PEM form, a JSON document.
    Lines,
    /// An absolute http or https URL.
    Url,
    /// A URL that paths are put behind: it has no query of its own.
    BaseUrl,
    /// An HTTP proxy: `http://[user:password@]host:port`.
    Proxy,
    /// Where an MQTT broker is: `mqtts://`, `mqtt://`, `wss://` or `ws://`.
    Broker,
    /// The path of a file that is read when the client is made.
    Path,
    /// `true` or `false`.
    Bool,
    /// A whole number from `from` to `to`.
    Number { from: i64, to: i64 },
    /// One of these words.
    Choice(Vec<String>),
    /// Origins, separated by blanks or commas: `https://api.example.com https://*.example.org`.
    Origins,
    /// A provider profile's JSON.
    Profile,
}

/// What an option proves. A client that is given another proof is still the same principal, and
/// keeps the token at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// That the user is who the other options say. A password.
    User,
    /// That the client software is what it says. A client secret.
    Client,
}

/// What part of a client an option speaks to. Options of the first three groups make up the
/// identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Who logs in, and with what.
    Identity,
    /// Which cloud, which part of it, and by which profile.
    Where,
    /// What is asked for by OAuth 2.0.
    OAuth,
    /// Time limits, sizes, TLS and proxy.
    Transport,
    /// When to renew, and how long to hold off.
    Lifecycle,
    /// Where tokens are kept.
    Store,
}

impl Group {
    /// As documents and `providers_json` have it.
    pub fn name(self) -> &'static str {
        match self {
            Group::Identity => "identity",
            Group::Where => "where",
            Group::OAuth => "oauth",
            Group::Transport => "transport",
            Group::Lifecycle => "lifecycle",
            Group::Store => "store",
        }
    }
}

/// One option. Built-in ones stand in `option_table.rs`; a profile may declare more for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opt {
    pub name: String,
    pub group: Group,
    pub kind: Kind,
    /// The value where none is set; `None` is no value.
    pub default: Option<String>,
    /// Whether the value must never be shown. A secret option has a `_file` variant, too.
    pub secret: bool,
    /// What it proves, if anything. `None`: it says who, where or how, and another value is
    /// another account.
    pub proof: Option<Proof>,
    /// Whether its `_file` variant is read for each login, because another program replaces the
    /// file while the client lives.
    pub fresh: bool,
    /// One or two sentences for docs/OPTIONS.md.
    pub help: String,
}

/// The name of an option that the library itself reads, and the type that its value is read as. A
/// key that is misspelt, or read as another type, does not compile. Profiles name options by
/// text.
pub(crate) struct Key<T: ?Sized> {
    pub name: &'static str,
    value: PhantomData<T>,
}

impl<T: ?Sized> Key<T> {
    /// For `option_table.rs`: elsewhere a key is used by its constant.
    pub const fn of(name: &'static str) -> Key<T> {
        Key { name, value: PhantomData }
    }

    /// Whether this is that option.
    pub fn is(&self, option: &Opt) -> bool {
        self.name == option.name
    }
}

impl Opt {
    /// An option without a default, whose value may be shown.
    pub fn of(group: Group, kind: Kind, name: &str, help: &str) -> Opt {
        let (name, help) = (name.into(), help.into());
        Opt { name, group, kind, default: None, secret: false, proof: None, fresh: false, help }
    }

    /// A secret whose file is read for each login.
    pub fn fresh(mut self) -> Opt {
        self.fresh = true;
        self.secret()
    }

    /// The same, with a value that must not be shown.
    pub fn secret(mut self) -> Opt {
        self.secret = true;
        self
    }

    /// The same as a proof, which is secret as well.
    pub fn proves(mut self, proof: Proof) -> Opt {
        self.proof = Some(proof);
        self.secret()
    }

    /// Something of how the client software proves itself that may be shown.
    pub fn of_client(mut self) -> Opt {
        self.proof = Some(Proof::Client);
        self
    }

    /// Whether it names or proves the client software, as opposed to a user.
    pub fn is_of_client(&self) -> bool {
        CLIENT_ID.is(self) || self.proof == Some(Proof::Client)
    }

    /// Whether its value is a secret that only one user or account can have: not that of a
    /// client, which every installation may share.
    pub fn is_somebodys(&self) -> bool {
        self.secret && self.proof != Some(Proof::Client)
    }

    /// The same with a default, which must be a value that `check` takes.
    pub fn default(mut self, value: &str) -> Opt {
        self.default = Some(value.into());
        self
    }

    /// Refuses a value that is not of this option's kind, with `INVALID_OPTION`. The error names
    /// the option and what its value must be; it repeats the value unless that is secret.
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
            Kind::Broker => match Url::of_broker(value) {
                Ok(_) => Ok(()),
                Err(error) => refuse(error.message().into()),
            },
            Kind::Url | Kind::BaseUrl if value.contains('#') => {
                refuse("a fragment (#) is never sent; leave it out".into())
            }
            Kind::BaseUrl if value.contains('?') => {
                refuse("paths are put behind it, so it cannot have a query".into())
            }
            Kind::Url | Kind::BaseUrl => match Url::parse(value) {
                Ok(_) => Ok(()),
                Err(error) => refuse(error.message().into()),
            },
            Kind::Proxy if value == ENVIRONMENT => Ok(()),
            // Its error names the option already.
            Kind::Proxy => Proxy::parse(value).map(drop),
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

/// What an error repeats of a value: its first 60 characters.
pub(super) fn clipped(value: &str) -> String {
    value.chars().take(60).collect()
}

/// Each origin of a list, or what is wrong with it.
pub(super) fn origins(list: &str) -> impl Iterator<Item = Result<OriginRule>> {
    list.split([' ', ',']).filter(|o| !o.is_empty()).map(OriginRule::parse)
}
