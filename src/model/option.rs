//! One option: what it speaks to, what its value must be, and whether that may be shown.

use super::option_table::CLIENT_ID;
use crate::error::{Error, Result, Status};
use crate::http::url::{OriginRule, Url};
use std::marker::PhantomData;

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

/// The name of an option that the library reads, and the type that its value is read as: one that is
/// misspelt, or read as something else, does not compile. Profiles name options by text.
pub(crate) struct Key<T: ?Sized> {
    pub name: &'static str,
    value: PhantomData<T>,
}

impl<T: ?Sized> Key<T> {
    pub const fn of(name: &'static str) -> Key<T> {
        Key { name, value: PhantomData }
    }

    pub fn is(&self, option: &Opt) -> bool {
        self.name == option.name
    }
}

impl Opt {
    /// An option without a default, whose value may be shown.
    pub fn of(group: Group, kind: Kind, name: &str, help: &str) -> Opt {
        let (name, help) = (name.into(), help.into());
        Opt { name, group, kind, default: None, secret: false, proof: None, help }
    }

    pub fn secret(mut self) -> Opt {
        self.secret = true;
        self
    }

    pub fn proves(mut self, proof: Proof) -> Opt {
        self.proof = Some(proof);
        self.secret()
    }

    /// Whether it names or proves the client software.
    pub fn is_of_client(&self) -> bool {
        CLIENT_ID.is(self) || self.proof == Some(Proof::Client)
    }

    /// Whether its value is a secret that only one user, or one account, can have.
    pub fn is_somebodys(&self) -> bool {
        self.secret && self.proof != Some(Proof::Client)
    }

    pub fn default(mut self, value: &str) -> Opt {
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
            Kind::Url | Kind::BaseUrl => match Url::parse(value) {
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

pub(super) fn clipped(value: &str) -> String {
    value.chars().take(60).collect()
}

pub(super) fn origins(list: &str) -> impl Iterator<Item = Result<OriginRule>> {
    list.split([' ', ',']).filter(|o| !o.is_empty()).map(OriginRule::parse)
}
