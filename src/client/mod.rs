//! What callers hold: a config, the client made from it, requests and their responses.
//!
//! This room turns a caller's wish into one call of the lifecycle. It decides nothing about tokens,
//! and knows no cloud.

mod body;
#[allow(clippy::module_inception)] // the file is named after what it holds
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod download;
pub(crate) mod links;
pub(crate) mod login;
mod part;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod send;
