//! What makes two clients the same: a digest of who they are and where they log in.

use crate::error::Result;
use crate::model::options::{Opt, Options};
use crate::model::record::Discovered;
use crate::provider::names::Names;
use crate::provider::profile::Profile;
use crate::support::hex::to_hex;

/// Where this profile's calls go with these options, as far as that is known without asking.
pub(super) fn places(profile: &Profile, options: &Options) -> Result<Vec<String>> {
    let names = Names::of(profile, options, &Discovered::default())?;
    let words = profile.maps.iter().map(|(name, _)| name);
    let longer = profile.values.iter().map(|(name, _)| name);
    let all = std::iter::once("base_url").chain(words).chain(longer);
    let value = |name| crate::provider::template::Values::value(&names, name).unwrap_or_default();
    Ok(all.map(|name| value(name).to_string()).collect())
}

/// A name for who logs in where: the first 128 bits of SHA-256 over what makes the difference.
pub(super) fn digest(named: &[&str], options: &Options, include: impl Fn(&Opt) -> bool) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut feed = |text: &str| {
        // Lengths first, so that no two lists of texts run together to the same bytes.
        context.update(&(text.len() as u64).to_le_bytes());
        context.update(text.as_bytes());
    };
    named.iter().for_each(|text| feed(text));
    let where_to = ["environment", "site", "issuer", "token_url", "scope", "audience"];
    for name in where_to {
        feed(options.get(name).unwrap_or_default());
    }
    for (option, value) in options.identity().filter(|(option, _)| include(option)) {
        feed(&option.name);
        feed(value.expose());
    }
    let bytes = context.finish();
    to_hex(&bytes.as_ref()[..16])
}

pub(super) fn jitter_of(identity: &str) -> f64 {
    let bits = u32::from_str_radix(&identity[..8], 16).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}
