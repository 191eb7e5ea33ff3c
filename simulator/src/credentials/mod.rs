//! What each cloud's accounts are called and what opens them.

pub(crate) mod known;

pub use known::*;

use crate::clouds::Cloud;

/// The ways to log in at a cloud: a name for each, and the options it takes.
pub fn logins(cloud: Cloud) -> Vec<(&'static str, Options)> {
    let logins = cloud.rules().logins().iter();
    logins.map(|(name, options)| (*name, options.to_vec())).collect()
}
