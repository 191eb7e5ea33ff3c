//! What the rooms above speak of: options, tokens and their times, and the record of one
//! identity.
//!
//! This room holds values and the rules that follow from a value alone: when a token is due,
//! which of two records is newer, what a text must be to be an option's value. It makes no call,
//! opens no store, and does not know which cloud it is about. Its only file access is reading a
//! secret that an option names.
//!
//! The two that everything turns around:
//!
//! ```text
//! Record    what is known of one identity: its token, its refresh token, what the cloud asked for
//! Attempts  what became of logins with one secret, whichever identity sent it
//! ```

pub(crate) mod attempts;
pub(crate) mod option;
pub(crate) mod option_index;
pub(crate) mod option_table;
pub(crate) mod options;
pub(crate) mod proof_key;
pub(crate) mod record;
pub(crate) mod token;
