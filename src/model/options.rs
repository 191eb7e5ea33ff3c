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
use super::option_table::{ALLOWED_ORIGINS, STORE};
use crate::error::{Error, Result, Status};
use crate::http::url::OriginRule;
use crate::support::file;
use crate::support::nearest::nearest;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

/// What is put behind a secret option's name to set it by the name of a file.
const FILE_SUFFIX: &str = "_file";

/// A set of options with the values they were given. Values are kept as secrets, all of them: it
/// is simpler than to ask which are.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Shared by all sets of one profile.
    table: Arc<Vec<Opt>>,
    /// By the name that was set, `_file` names included, in the order they were first set.
    values: Ordered<Secret>,
}

impl Options {
    /// The options of this table, none of them set.
    pub fn new(table: Arc<Vec<Opt>>) -> Options {
        Options { table, values: Ordered::default() }
    }

    /// Puts another profile's table in the place of the earlier one. Values whose options are not
    /// in it are dropped.
    pub fn declare(&mut self, table: Arc<Vec<Opt>>) {
        self.table = table;
        let table = &self.table;
        self.values.retain(|name| find(table, name).is_some());
    }

    /// Every name that `set` takes, `_file` variants included.
    pub fn settable_names(&self) -> impl Iterator<Item = String> {
        self.table.iter().flat_map(|o| {
            let file = o.secret.then(|| format!("{}{FILE_SUFFIX}", o.name));
            std::iter::once(o.name.clone()).chain(file)
        })
    }

    /// All options, in the order they are documented.
    pub fn table(&self) -> &[Opt] {
        &self.table
    }

    /// Sets one option. On failure (`UNKNOWN_OPTION`, `INVALID_OPTION`) the set is as it was.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let Some(found) = find(&self.table, name) else {
            return Err(Error::new(Status::UnknownOption, unknown(&self.table, name)));
        };
        match found {
            Settable::Itself(option) => option.check(value)?,
            Settable::FileOf(_) if value.is_empty() => {
                return Err(Error::new(
                    Status::InvalidOption,
                    format!("{name}: the path is empty"),
                ));
            }
            Settable::FileOf(_) => {}
        }
        self.values.insert(name, value.into());
        Ok(())
    }

    /// Reads the files that `_file` variants name into the options they stand for. When a client
    /// is made, not before: a file may be replaced until then. One line end at its end is no part
    /// of a value.
    ///
    /// A `fresh` option's file is left for each login to read.
    pub fn read_files(&mut self) -> Result<()> {
        let named: Vec<(String, String)> = self
            .values
            .iter()
            .filter_map(|(name, path)| match find(&self.table, name)? {
                Settable::FileOf(option) => Some((option.name.clone(), path.expose().to_string())),
                Settable::Itself(_) => None,
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
            if self.option(&name).is_some_and(|option| option.fresh) {
                continue;
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

    /// Whether a file that an option names holds another value by now. `known` is this set as it
    /// was when its files were read.
    pub fn files_differ_from(&self, known: &Options) -> Result<bool> {
        let mut now = self.clone();
        now.read_files()?;
        let of_file = |(name, _): (&str, _)| match find(&self.table, name) {
            Some(Settable::FileOf(option)) => now.get(&option.name) != known.get(&option.name),
            _ => false,
        };
        Ok(self.values.iter().any(of_file))
    }

    /// The value that was set, or the default. Not what stands in the file of a `_file` variant,
    /// unless `read_files` has read it.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(value) => Some(value.expose()),
            None => match find(&self.table, name)? {
                Settable::Itself(option) => option.default.as_deref(),
                Settable::FileOf(_) => None,
            },
        }
    }

    /// The value as it may be shown: secrets are `***`.
    pub fn shown(&self, name: &str) -> Result<Option<String>> {
        match find(&self.table, name) {
            None => Err(Error::new(Status::UnknownOption, unknown(&self.table, name))),
            Some(Settable::Itself(option)) if option.secret => {
                Ok(self.values.get(name).map(|_| "***".into()))
            }
            Some(_) if name == STORE.name => Ok(self.get(name).map(without_password)),
            Some(_) => Ok(self.get(name).map(str::to_string)),
        }
    }

    /// The option of this name. A `_file` variant is no option of its own.
    pub fn option(&self, name: &str) -> Option<&Opt> {
        self.table.iter().find(|option| option.name == name)
    }

    /// Whether a value was set, or a file that is read for each login; defaults do not count.
    pub fn is_set(&self, name: &str) -> bool {
        self.values.contains(name) || self.option(name).and_then(|o| self.file(o)).is_some()
    }

    /// The file that is read for each login in place of this option's value; only of a `fresh`
    /// option.
    pub fn file(&self, option: &Opt) -> Option<&str> {
        let path = self.values.get(&format!("{}{FILE_SUFFIX}", option.name));
        path.filter(|_| option.fresh).map(Secret::expose)
    }

    /// What tells one account from another: the value or default, or the path where only a file
    /// is known.
    pub fn said(&self, option: &Opt) -> Option<&str> {
        self.get(&option.name).or_else(|| self.file(option))
    }

    /// The identity options that are set.
    pub fn identity(&self) -> impl Iterator<Item = &Opt> {
        let of_identity = |o: &&Opt| o.group == Group::Identity;
        self.table.iter().filter(of_identity).filter(|option| self.is_set(&option.name))
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

/// What a name that can be set stands for.
enum Settable<'a> {
    /// The option's own value.
    Itself(&'a Opt),
    /// A file with the option's value.
    FileOf(&'a Opt),
}

/// The option that a name sets. An option called `ca_file` comes before the file of an option
/// called `ca`.
fn find<'a>(table: &'a [Opt], name: &str) -> Option<Settable<'a>> {
    if let Some(option) = table.iter().find(|o| o.name == name) {
        return Some(Settable::Itself(option));
    }
    file_of(table, name).map(Settable::FileOf)
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

/// The secret option whose value would stand in the file that an option of this name names.
pub(crate) fn file_of<'a>(table: &'a [Opt], name: &str) -> Option<&'a Opt> {
    let stem = name.strip_suffix(FILE_SUFFIX)?;
    table.iter().find(|o| o.name == stem && o.secret)
}

/// The message for a name that no option has, with the name that was probably meant.
fn unknown(table: &[Opt], name: &str) -> String {
    let name = clipped(name);
    match nearest(table.iter().map(|option| option.name.as_str()), &name) {
        Some(near) => format!("no option is called `{name}`; did you mean `{near}`?"),
        None => format!("no option is called `{name}`; see docs/OPTIONS.md"),
    }
}
