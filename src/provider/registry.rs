//! The built-in profiles: every file of `catalogue/`, packed by build.rs, each unpacked and parsed
//! when it is first asked for and then shared.
//!
//! A process uses one or two of many, so none is parsed before. To add one is to add its file.

use super::profile::Profile;
use crate::error::{Error, Result, Status};
use crate::support::nearest::nearest;
use miniz_oxide::inflate::decompress_slice_iter_to_slice as unpack;
use once_cell::race::OnceBox;
use std::iter::once;
use std::sync::Arc;

// `NAMES`: a line each. `PACKED`: so many of the profiles `TOGETHER`, a line each; how many bytes
// they are, and what DEFLATE makes of them. `HOW_MANY` there are.
include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// The name that stands for no built-in profile: the user's own follows.
pub(crate) const CUSTOM: &str = "custom";

/// The built-in profiles, by name.
pub(crate) fn built_in() -> impl Iterator<Item = Result<Arc<Profile>>> {
    (0..HOW_MANY).map(parsed)
}

/// The built-in profile of this name, or what `custom` is until its profile is given.
/// `UNKNOWN_PROVIDER` where there is none.
pub(crate) fn named(name: &str) -> Result<Arc<Profile>> {
    if name == CUSTOM {
        return Ok(Arc::new(Profile::none(CUSTOM)));
    }
    // Whoever makes many clients asks for the same few.
    if let Some(known) = PARSED.iter().filter_map(OnceBox::get).find(|known| known.name == name) {
        return Ok(known.clone());
    }
    match NAMES.lines().position(|known| known == name) {
        Some(index) => parsed(index),
        None => Err(unknown(name)),
    }
}

/// One cell a profile, so that parsing one does not wait for another.
static PARSED: [OnceBox<Arc<Profile>>; HOW_MANY] = [const { OnceBox::new() }; HOW_MANY];

/// Without a lock, which a process that forks could leave behind locked: of two threads that parse
/// the same profile at once, one throws its work away.
fn parsed(index: usize) -> Result<Arc<Profile>> {
    let parse = || Profile::parse(&text(index)?).map(|profile| Box::new(Arc::new(profile)));
    PARSED[index].get_or_try_init(parse).cloned()
}

/// The profile as it was before build.rs packed it.
fn text(index: usize) -> Result<String> {
    let (length, packed) = PACKED[index / TOGETHER];
    let mut unpacked = vec![0; length];
    let profiles = match unpack(&mut unpacked, once(packed), false, true) {
        Ok(_) => std::str::from_utf8(&unpacked).ok(),
        Err(_) => None,
    };
    let profile = profiles.and_then(|profiles| profiles.lines().nth(index % TOGETHER));
    let damaged = || Error::new(Status::InvalidProfile, "the built-in profiles are damaged");
    profile.map(String::from).ok_or_else(damaged)
}

/// No profile has this name: the nearest one that there is, else all of them.
fn unknown(name: &str) -> Error {
    let name: String = name.chars().take(60).collect();
    let known = || NAMES.lines();
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
        for (index, name) in NAMES.lines().enumerate() {
            let profile = parsed(index).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(profile.name, name);
            assert!(Arc::ptr_eq(&profile, &named(name).unwrap()), "parsed once");
        }
    }
}
