//! What the names in a profile's templates stand for: options, words, values, what was discovered.

use super::profile::Profile;
use super::template::{Place, Template, Values};
use crate::error::{Error, Result, Status};
use crate::model::options::{Kind, Options};
use crate::model::record::Discovered;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;

/// What names stand for while a profile's templates are filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    values: Ordered<Secret>,
    numbers: Vec<String>,
    secrets: Vec<String>,
}

impl Values for Names {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(Secret::expose)
    }

    fn is_number(&self, name: &str) -> bool {
        self.numbers.iter().any(|number| number == name)
    }
}

impl Names {
    /// Options, words, values and the base URL, with what discovery found.
    pub fn of(profile: &Profile, options: &Options, discovered: &Discovered) -> Result<Names> {
        let mut names = Names::default();
        for option in options.table() {
            if let Some(value) = options.get(&option.name) {
                names.set(&option.name, value);
            }
            if matches!(option.kind, Kind::Number { .. }) {
                names.numbers.push(option.name.clone());
            }
            if option.secret {
                names.secrets.push(option.name.clone());
            }
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
        discovered.0.iter().for_each(|(name, value)| names.set(name, value));
        // Values may name each other and the base URL, and it may name them: round by round.
        for _ in 0..=profile.values.0.len() {
            for (name, alternatives) in profile.values.iter() {
                names.set_first(name, &alternatives.0);
            }
            names.set_first("base_url", profile.base_url.as_slice());
        }
        Ok(names)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name, value.into());
    }

    fn set_first(&mut self, name: &str, alternatives: &[Template]) {
        if self.values.contains(name) {
            return;
        }
        let filled = alternatives.iter().find_map(|t| t.fill(Place::Url, self).ok().flatten());
        if let Some(value) = filled {
            self.values.insert(name, value);
        }
    }

    /// The same names and one more, which is secret: a token, or what a step has saved.
    pub fn with(&self, name: &str, value: &Secret) -> Names {
        let mut names = self.clone();
        names.values.insert(name, value.clone());
        names.secrets.push(name.into());
        names
    }

    /// Whether showing this text would show some of a secret.
    pub fn is_part_of_a_secret(&self, text: &str) -> bool {
        let mut secrets = self.secrets.iter().filter_map(|name| self.values.get(name));
        secrets.any(|s| s.expose().contains(text) || text.contains(s.expose()))
    }
}
