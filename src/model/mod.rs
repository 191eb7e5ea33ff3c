//! What the rooms above speak of: options, tokens and their times, and the record of one identity.
//!
//! Plain data and the rules that need nothing else. Nothing here talks to a cloud, a store or a
//! clock.

pub(crate) mod attempts;
pub(crate) mod option;
pub(crate) mod option_table;
pub(crate) mod options;
pub(crate) mod record;
pub(crate) mod token;
