//! Options that a profile adds to the table, and defaults that it gives to built-in ones.
//!
//! ```text
//! "hub":     { "help": "The hub's name.", "identity": true }     added, to the group Identity
//! "region":  { "choices": ["eu", "us"], "default": "eu" }        added, to the group Where
//! "scope":   { "default": "api" }                                built in, with a default of its own
//! "ca_file": { "default": "/tmp/ca" }                            refused: whom TLS trusts is the user's
//! ```
//!
//! A profile may come from anywhere, so it must not reach what is the user's: which files are read,
//! whom TLS trusts, where tokens are kept, how long calls take. It adds what its cloud needs to be
//! told, and may say what a built-in option is when it is not set.

use super::profile::{Format, OwnOption, Profile};
use crate::model::option::{Group, Kind, Opt};
use crate::model::option_index::file_of;
use crate::model::option_table::{PROFILE, PROFILE_FILE, table};

/// Names that no option of a profile can have: templates mean something else by them, or the
/// profile itself is set by them.
const TAKEN: &[&str] = &["access_token", PROFILE.name, PROFILE_FILE.name];

impl Format {
    /// The table of options with this profile's own: those it changes, and those it adds, come
    /// last. Says what is wrong with one, by its place.
    pub fn option_table(&self) -> Result<Vec<Opt>, String> {
        let mut all = table();
        for (name, own) in self.options.iter() {
            let at = |what: String| format!("options.{name}: {what}");
            let option = match all.iter().position(|known| known.name == *name) {
                Some(index) => changed(&all[index], own).map_err(at).inspect(|_| {
                    all.remove(index);
                })?,
                None => added(name, own).map_err(at)?,
            };
            all.push(option);
        }
        for option in &all {
            if self.options.contains(&option.name) && file_of(&all, &option.name).is_some() {
                return Err(format!("options.{}: is the file of a secret option", option.name));
            }
        }
        Ok(all)
    }
}

impl Profile {
    /// The options that this profile adds or changes.
    pub fn own_options(&self) -> impl Iterator<Item = &Opt> {
        self.table.iter().filter(|option| self.options.contains(&option.name))
    }
}

/// A built-in option with this profile's default, choices or help text. Only one that says who or
/// where: whom the user trusts, which files are read and where tokens are kept is for the user to
/// say.
fn changed(known: &Opt, own: &OwnOption) -> Result<Opt, String> {
    let says_who_or_where = matches!(known.group, Group::Identity | Group::Where | Group::OAuth);
    if !says_who_or_where
        || matches!(known.kind, Kind::Path | Kind::Profile)
        || TAKEN.contains(&known.name.as_str())
    {
        return Err("is the user's to set, not a profile's".into());
    }
    let is_number = matches!(known.kind, Kind::Number { .. });
    let differs = own.secret && !known.secret
        || own.number && !is_number
        || own.lines && known.kind != Kind::Lines
        || own.identity && known.group != Group::Identity;
    // A profile may be older than an option of that name, and then says the same.
    if differs {
        return Err("is built in: a profile gives it a default, choices or a help text".into());
    }
    finished(known.clone(), own)
}

/// A new option: a text, several lines, or a whole number, of the group Identity or Where.
fn added(name: &str, own: &OwnOption) -> Result<Opt, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !(1..=40).contains(&name.len()) || !name.chars().all(is_plain) || TAKEN.contains(&name) {
        return Err("must be 1 to 40 of a-z, 0-9 and _, and not a name that is taken".into());
    }
    let option = Opt {
        name: name.into(),
        group: if own.identity { Group::Identity } else { Group::Where },
        kind: match (own.number, own.lines) {
            (true, _) => Kind::Number { from: 0, to: i64::MAX },
            (_, true) => Kind::Lines,
            _ => Kind::Text,
        },
        default: None,
        secret: own.secret,
        proof: None,
        fresh: false,
        help: String::new(),
    };
    finished(option, own)
}

/// Gives an option its choices, help and default, each held to what the option may be.
fn finished(mut option: Opt, own: &OwnOption) -> Result<Opt, String> {
    let wrong = |error: crate::error::Error| error.message().to_string();
    for choice in &own.choices {
        option.check(choice).map_err(|error| format!("choices: {}", wrong(error)))?;
    }
    if !own.choices.is_empty() {
        option.kind = Kind::Choice(own.choices.clone());
    }
    if !own.help.is_empty() {
        option.help = own.help.clone();
    }
    if let Some(default) = &own.default {
        option.check(default).map_err(|error| format!("default: {}", wrong(error)))?;
        option.default = Some(default.clone());
    }
    Ok(option)
}
