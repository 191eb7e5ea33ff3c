//! What the names in a profile's templates stand for as far as nothing is computed: options, words,
//! what was discovered, tokens and what steps have saved. `scope.rs` computes the rest from these.
//!
//! Equal names mean the same exchange: an answer that came too late for one caller is read by the
//! next whose exchange began with the same names (`trail.rs`).

use super::profile::Profile;
use super::template::Values;
use crate::error::{Error, Result, Status};
use crate::model::option::Kind;
use crate::model::option_index::OptionIndex;
use crate::model::option_table::CLIENT_CERT_FILE;
use crate::model::options::Options;
use crate::model::record::Discovered;
use crate::support::ordered::Ordered;
use crate::support::redaction::Redaction;
use crate::support::secret::Secret;
use std::sync::Arc;

/// What names stand for while a profile's templates are filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// All options: what they are when they are not set, which are numbers, and which no message may
    /// show.
    options: Arc<OptionIndex>,
    /// Each name's value, where it is not an option's default. All are treated as secrets; most are
    /// none.
    values: Ordered<Secret>,
    /// The names besides the options' whose values no message may show.
    secrets: Vec<String>,
    /// What no template may name here, and no message may show.
    hidden: Vec<Secret>,
}

impl Values for Names {
    fn value(&self, name: &str) -> Option<&str> {
        let default = || self.options.option(name)?.default.as_deref();
        self.values.get(name).map(Secret::expose).or_else(default)
    }

    fn is_number(&self, name: &str) -> bool {
        self.options.option(name).is_some_and(|o| matches!(o.kind, Kind::Number { .. }))
    }
}

/// Whether what was discovered under this name is of use. `mtls_…` is for clients that show a
/// certificate, and for them alone (RFC 8705 5).
fn is_of_use(options: &Options, name: &str) -> bool {
    !name.starts_with("mtls_") || options.is_set(CLIENT_CERT_FILE.name)
}

impl Names {
    /// Options and words, with what discovery found. `INVALID_OPTION` where a map has no meaning
    /// for an option's value.
    pub fn of(profile: &Profile, options: &Options, discovered: &Discovered) -> Result<Names> {
        let mut names = Names { options: options.table().clone(), ..Names::default() };
        // Exact, since a client may keep its names.
        names.values.0.reserve_exact(options.values().count());
        for (option, value) in options.values() {
            names.values.0.push((option.name.clone(), value.into()));
        }
        for (name, map) in profile.maps.iter() {
            let Some(word) = options.get(&map.of).or(map.default.as_deref()) else { continue };
            match map.to.get(word) {
                Some(meaning) => names.set(name, meaning),
                None => {
                    let words: Vec<&str> = map.to.iter().map(|(word, _)| word).collect();
                    return Err(Error::new(
                        Status::InvalidOption,
                        format!("{}: must be one of {}", map.of, words.join(", ")),
                    ));
                }
            }
        }
        let found = discovered.0.iter().filter(|(name, _)| is_of_use(options, name));
        found.for_each(|(name, value)| names.set(name, value));
        Ok(names)
    }

    /// Gives a name a value, in place of any before: what comes later means it.
    fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name, value.into());
    }

    /// The same names and one more, which is secret: a token, or what a step has saved.
    pub fn with(&self, name: &str, value: &Secret) -> Names {
        self.clone().and(name, value)
    }

    /// The same, by whoever owns the names.
    pub fn and(mut self, name: &str, value: &Secret) -> Names {
        self.values.insert(name, value.clone());
        if !self.is_secret(name) {
            self.secrets.push(name.into());
        }
        self
    }

    /// The same names and one more, which anybody may see.
    pub fn and_shown(mut self, name: &str, value: &Secret) -> Names {
        self.set(name, value.expose());
        self
    }

    /// The same names. This secret is not among them, and is not to be shown either.
    pub fn hiding(mut self, value: &Secret) -> Names {
        self.hidden.push(value.clone());
        self
    }

    /// Whether the name stands for something.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Whether the name stands for what no message may show.
    pub fn is_secret(&self, name: &str) -> bool {
        self.options.option(name).is_some_and(|option| option.secret)
            || self.secrets.iter().any(|secret| secret == name)
    }

    /// All that no message may show, in any encoding that a cloud may echo it in.
    pub fn redaction(&self) -> Redaction {
        let secret = self.options.iter().filter(|option| option.secret);
        let options = secret.filter_map(|option| {
            let value = self.value(&option.name)?;
            Some(if option.kind == Kind::Proxy { user_of(value) } else { value })
        });
        let named = options.chain(self.secrets.iter().filter_map(|name| self.value(name)));
        Redaction::of(named.chain(self.hidden.iter().map(Secret::expose)))
    }
}

/// What is secret of a proxy's URL: who uses it. The rest stands in other URLs, too.
fn user_of(proxy: &str) -> &str {
    let place = proxy.split_once("://").map_or("", |(_, place)| place);
    place.rsplit_once('@').map_or("", |(user, _)| user)
}
