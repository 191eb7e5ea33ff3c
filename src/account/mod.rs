//! Who and where: what a set of options adds up to at a cloud, and the calls it can make there.
//!
//! ```text
//! let account = Account::new(options, profile, None, &clock)?;   checks all that needs no network
//! account.identity     what makes two clients the same
//! account.store        where its record is kept
//! account.secrets      what became of each of its secrets, for whoever counts
//! account.log_in(..)   a token, or why there is none and what that says of the credentials
//! ```
//!
//! This room knows options, profiles and stores. It does not know when to renew or when to hold
//! off: that is the lifecycle's. Nothing in it waits but in a call that goes to the cloud.

#[allow(clippy::module_inception)] // the file is named after what it holds
pub(crate) mod account;
pub(crate) mod api;
mod carry;
pub(crate) mod headers;
pub(crate) mod identity;
pub(crate) mod limits;
pub(crate) mod mqtt;
mod own_token;
pub(crate) mod person;
mod possession;
mod proofs;
pub(crate) mod secrets;
