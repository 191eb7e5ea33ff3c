//! What was discovered: which names there may be, and which URLs or words may stand for them. What
//! a store gives back is held to the same as what a cloud answered, since credentials are sent
//! there.

use super::fill::safe;
use super::profile::Profile;
use crate::error::Result;
use crate::http::url::Url;
use crate::model::options::Options;
use crate::model::record::Discovered;

/// How the names of values end that requests may begin with in braces.
pub(crate) const ENDPOINT: &str = "_endpoint";

/// Refuses what must not stand for an endpoint. `shown` is what messages call it.
pub(super) fn check(options: &Options, url: &str, shown: impl FnOnce() -> String) -> Result<()> {
    safe(&Url::parse(url)?, options, shown)
}

/// Whether this profile's discovery could have found these. What a store holds may be of an older
/// profile, or somebody else's work; if not, it is dropped and discovered anew.
pub(crate) fn are_possible(profile: &Profile, options: &Options, found: &Discovered) -> bool {
    let steps = || profile.discovery.iter().flat_map(|discovery| &discovery.steps);
    found.0.iter().all(|(name, value)| match is_endpoint(profile, name) {
        true => check(options, value, || name.to_string()).is_ok(),
        false => steps().any(|step| step.words.contains(name)) && are_words(value),
    })
}

/// Whether a discovery finds a URL of this name.
pub(crate) fn is_endpoint(profile: &Profile, name: &str) -> bool {
    let mut steps = profile.discovery.iter().flat_map(|discovery| &discovery.steps);
    steps.any(|step| step.save.contains(name))
}

/// Whether these may be words that a discovery has found.
pub(super) fn are_words(text: &str) -> bool {
    // In bytes: a store must not grow by what a server lists.
    const MOST: usize = 4096;
    text.len() <= MOST && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}
