//! Who and where: what a set of options adds up to at a cloud, and the calls it can make there.
//!
//! This room knows options, profiles and stores. It does not know when to renew or when to hold off:
//! that is the lifecycle's.

#[allow(clippy::module_inception)] // the file is named after what it holds
pub(crate) mod account;
pub(crate) mod api;
mod carry;
pub(crate) mod headers;
pub(crate) mod identity;
pub(crate) mod mqtt;
pub(crate) mod secrets;
