//! The built-in profiles: every file of `catalogue/`, put here by build.rs, each parsed when it is
//! first asked for and then shared.
//!
//! A process uses one or two of many, so none is parsed before. To add one is to add its file.

use super::profile::Profile;
use crate::error::{Error, Result, Status};
use crate::support::nearest::nearest;
use once_cell::race::OnceBox;
use std::sync::Arc;

// `CATALOGUE`: the name of each file, and what stands in it.
include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// The name that stands for no built-in profile: the user's own follows.
pub(crate) const CUSTOM: &str = "custom";

/// The built-in profiles, by name.
pub(crate) fn built_in() -> impl Iterator<Item = Result<Arc<Profile>>> {
    (0..CATALOGUE.len()).map(parsed)
}

/// The built-in profile of this name, or what `custom` is until its profile is given.
/// `UNKNOWN_PROVIDER` where there is none.
pub(crate) fn named(name: &str) -> Result<Arc<Profile>> {
    if name == CUSTOM {
        return Ok(Arc::new(Profile::none(CUSTOM)));
    }
    match CATALOGUE.iter().position(|(known, _)| *known == name) {
        Some(index) => parsed(index),
        None => Err(unknown(name)),
    }
}

/// Without a lock, which a process that forks could leave behind locked: of two threads that parse
/// the same profile at once, one throws its work away.
fn parsed(index: usize) -> Result<Arc<Profile>> {
    // One cell a profile, so that parsing one does not wait for another.
    static PARSED: [OnceBox<Arc<Profile>>; CATALOGUE.len()] =
        [const { OnceBox::new() }; CATALOGUE.len()];
    let parse = || Profile::parse(CATALOGUE[index].1).map(|profile| Box::new(Arc::new(profile)));
    PARSED[index].get_or_try_init(parse).cloned()
}

/// No profile has this name: the nearest one that there is, else all of them.
fn unknown(name: &str) -> Error {
    let name: String = name.chars().take(60).collect();
    let known = || CATALOGUE.iter().map(|(known, _)| *known);
    let hint = match nearest(known(), &name) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "there are {} and `{CUSTOM}`, whose profile is given with the option profile or profile_file",
            known().collect::<Vec<_>>().join(", ")
        ),
    };
    Error::new(Status::UnknownProvider, format!("no provider is called `{name}`; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_catalogue_is_a_profile_of_its_name() {
        for (index, (name, _)) in CATALOGUE.iter().enumerate() {
            let profile = parsed(index).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(profile.name, *name);
            assert!(Arc::ptr_eq(&profile, &named(name).unwrap()), "parsed once");
        }
    }
}
