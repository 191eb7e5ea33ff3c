//! A set of options with the values they were given.
//!
//! A profile's options are as good as the built-in ones: which names there are is a table that a
//! set is made with. A secret can be set by the name of a file, too (`password_file` for
//! `password`), which keeps it out of command lines and environments.
//!
//! ```text
//! options.set("username", "gateway")?;
//! options.set("pasword", "s3cret")      // UNKNOWN_OPTION: did you mean `password`?
//! options.text(CLIENT_ID)               // None: not set, and it has no default
//! ```

use super::option::{Group, Key, Opt, clipped, origins};
use super::option_index::{FILE_SUFFIX, OptionIndex, Settable};
use super::option_table::{ALLOWED_ORIGINS, STORE};
use crate::error::{Error, Result, Status};
use crate::http::url::OriginRule;
use crate::support::file;
use crate::support::nearest::nearest;
use crate::support::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

/// A set of options with the values they were given. Values are kept as secrets, all of them: it
/// is simpler than to ask which are.
///
/// A clone shares the values until one of the two is changed: a process may have a hundred thousand
/// clients, each with its own set, and a config that it was made from.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Shared by all sets of one profile.
    table: Arc<OptionIndex>,
    /// In the order of the table, each option at most once by itself and once by its file.
    values: Arc<Vec<Value>>,
}

/// What was set.
#[derive(Clone, Debug)]
struct Value {
    of: Settable,
    value: Secret,
}

impl Options {
    /// The options of this table, none of them set.
    pub fn new(table: Arc<OptionIndex>) -> Options {
        Options { table, values: Arc::default() }
    }

    /// Puts another profile's table in the place of the earlier one. Values whose options are not
    /// in it are dropped.
    pub fn declare(&mut self, table: Arc<OptionIndex>) {
        let before = std::mem::replace(self, Options::new(table));
        for Value { of, value } in before.values.iter() {
            if let Some(of) = self.table.find(&before.table.name(*of)) {
                self.put(of, value.clone());
            }
        }
    }

    /// Every name that `set` takes, `_file` variants included.
    pub fn settable_names(&self) -> impl Iterator<Item = String> {
        self.table.settable_names()
    }

    /// All options, in the order they are documented.
    pub fn table(&self) -> &Arc<OptionIndex> {
        &self.table
    }

    /// Sets one option. On failure (`UNKNOWN_OPTION`, `INVALID_OPTION`) the set is as it was.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let Some(found) = self.table.find(name) else {
            return Err(Error::new(Status::UnknownOption, unknown(&self.table, name)));
        };
        match found {
            Settable::Itself(index) => self.table[index].check(value)?,
            Settable::FileOf(_) if value.is_empty() => {
                return Err(Error::new(
                    Status::InvalidOption,
                    format!("{name}: the path is empty"),
                ));
            }
            Settable::FileOf(_) => {}
        }
        self.put(found, value.into());
        Ok(())
    }

    /// Puts a value in its place.
    fn put(&mut self, of: Settable, value: Secret) {
        let values = Arc::make_mut(&mut self.values);
        match values.binary_search_by_key(&of, |known| known.of) {
            Ok(at) => values[at].value = value,
            Err(at) => values.insert(at, Value { of, value }),
        }
    }

    /// The value that was set, if one was.
    fn value(&self, of: Settable) -> Option<&str> {
        let at = self.values.binary_search_by_key(&of, |known| known.of).ok()?;
        Some(self.values[at].value.expose())
    }

    /// What was set, each option with its value, in the order of the table. Without those that only
    /// a file is named for.
    pub fn values(&self) -> impl Iterator<Item = (&Opt, &str)> {
        self.values.iter().filter_map(|value| match value.of {
            Settable::Itself(index) => Some((&self.table[index], value.value.expose())),
            Settable::FileOf(_) => None,
        })
    }

    /// The options that only a file is named for, with its path.
    fn files(&self) -> impl Iterator<Item = (&Opt, &str)> {
        self.values.iter().filter_map(|value| match value.of {
            Settable::FileOf(index) => Some((&self.table[index], value.value.expose())),
            Settable::Itself(_) => None,
        })
    }

    /// Reads the files that `_file` variants name into the options they stand for. When a client
    /// is made, not before: a file may be replaced until then. One line end at its end is no part
    /// of a value.
    ///
    /// A `fresh` option's file is left for each login to read.
    pub fn read_files(&mut self) -> Result<()> {
        let named: Vec<(String, String)> =
            self.files().map(|(option, path)| (option.name.clone(), path.to_string())).collect();
        for (name, path) in named {
            let file_option = format!("{name}{FILE_SUFFIX}");
            if self.values().any(|(option, _)| option.name == name) {
                return Err(Error::new(
                    Status::InvalidOption,
                    format!("{name} and {file_option} are both set; set one"),
                ));
            }
            if self.option(&name).is_some_and(|option| option.fresh) {
                continue;
            }
            let text = file::read_text(&path, file::VALUE).map_err(|why| {
                Error::new(Status::InvalidOption, format!("{file_option}: {why}"))
            })?;
            let value = text.strip_suffix('\n').unwrap_or(&text);
            self.set(&name, value.strip_suffix('\r').unwrap_or(value))
                .map_err(|error| error.about(&format!("{file_option}: {path}")))?;
            let is_file = |value: &Value| self.table.name(value.of) == file_option;
            Arc::make_mut(&mut self.values).retain(|value| !is_file(value));
        }
        Ok(())
    }

    /// Whether a file that an option names holds another value by now. `known` is this set as it
    /// was when its files were read.
    pub fn files_differ_from(&self, known: &Options) -> Result<bool> {
        let mut now = self.clone();
        now.read_files()?;
        let of_file = |(option, _): (&Opt, _)| now.get(&option.name) != known.get(&option.name);
        Ok(self.files().any(of_file))
    }

    /// The value that was set, or the default. Not what stands in the file of a `_file` variant,
    /// unless `read_files` has read it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.table.find(name)?;
        let default = || match found {
            Settable::Itself(index) => self.table[index].default.as_deref(),
            Settable::FileOf(_) => None,
        };
        self.value(found).or_else(default)
    }

    /// The value as it may be shown: secrets are `***`.
    pub fn shown(&self, name: &str) -> Result<Option<String>> {
        match self.table.find(name) {
            None => Err(Error::new(Status::UnknownOption, unknown(&self.table, name))),
            Some(Settable::Itself(index)) if self.table[index].secret => {
                Ok(self.value(Settable::Itself(index)).map(|_| "***".into()))
            }
            Some(_) if name == STORE.name => Ok(self.get(name).map(without_password)),
            Some(_) => Ok(self.get(name).map(str::to_string)),
        }
    }

    /// The option of this name. A `_file` variant is no option of its own.
    pub fn option(&self, name: &str) -> Option<&Opt> {
        self.table.option(name)
    }

    /// Whether a value was set, or a file that is read for each login; defaults do not count.
    pub fn is_set(&self, name: &str) -> bool {
        match self.table.find(name) {
            None => false,
            Some(Settable::Itself(index)) if self.table[index].fresh => self
                .value(Settable::Itself(index))
                .or(self.value(Settable::FileOf(index)))
                .is_some(),
            Some(found) => self.value(found).is_some(),
        }
    }

    /// The files that are read for each login, in place of the value of an option.
    pub fn fresh_files(&self) -> impl Iterator<Item = (&Opt, &str)> {
        self.files().filter(|(option, _)| option.fresh)
    }

    /// What tells one account from another, of what was set: the value, or the path where only a
    /// file is known. A default that is spelt out is no difference.
    pub fn said(&self) -> impl Iterator<Item = (&Opt, &str)> {
        let differs = |(option, value): &(&Opt, &str)| option.default.as_deref() != Some(*value);
        let is_alone = |(option, _): &(&Opt, &str)| self.get(&option.name).is_none();
        self.values().filter(differs).chain(self.fresh_files().filter(is_alone))
    }

    /// The identity options that are set.
    pub fn identity(&self) -> impl Iterator<Item = &Opt> {
        let set = self.values().chain(self.fresh_files()).map(|(option, _)| option);
        set.filter(|option| option.group == Group::Identity)
    }

    pub fn text(&self, key: Key<str>) -> Option<&str> {
        self.get(key.name)
    }

    /// The number, or 0 where there is none: each such option has a default, or is asked about
    /// with `is_set` first.
    pub fn number(&self, key: Key<u64>) -> u64 {
        self.get(key.name).and_then(|v| v.parse().ok()).unwrap_or_default()
    }

    pub fn flag(&self, key: Key<bool>) -> bool {
        self.get(key.name) == Some("true")
    }

    /// The time, whose unit is the last part of the name: `_ms` or `_s`.
    pub fn duration(&self, key: Key<Duration>) -> Duration {
        let count = self.number(Key::of(key.name));
        if key.name.ends_with("_ms") {
            Duration::from_millis(count)
        } else {
            Duration::from_secs(count)
        }
    }

    /// The option `allowed_origins`, taken apart.
    pub fn allowed_origins(&self) -> Vec<OriginRule> {
        origins(self.text(ALLOWED_ORIGINS).unwrap_or_default()).flatten().collect()
    }
}

/// A URL without who logs in there, and without its query, where a socket's password stands.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let rest = rest.split_once('?').map_or(rest, |(place, _)| place);
    match rest.rsplit_once('@') {
        Some((_, place)) => format!("{scheme}://***@{place}"),
        None => format!("{scheme}://{rest}"),
    }
}

/// The message for a name that no option has, with the name that was probably meant.
fn unknown(table: &[Opt], name: &str) -> String {
    let name = clipped(name);
    match nearest(table.iter().map(|option| option.name.as_str()), &name) {
        Some(near) => format!("no option is called `{name}`; did you mean `{near}`?"),
        None => format!("no option is called `{name}`; see docs/OPTIONS.md"),
    }
}
