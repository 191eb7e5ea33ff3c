//! What callers hold: a config, the client made from it, requests and their responses.
//!
//! ```text
//! Config ── client() ──► Client ── token() ───────────────► Secret
//!                               ── send(&Request) ────────► Response, whole
//!                               ── open(&Request) ────────► Response, read piece by piece
//!                               ── download(&Request, ..) ► a file
//! ```
//!
//! This room turns a caller's wish into one call of the lifecycle: it sets the call's limits, takes
//! the token that comes back, and sends. It decides nothing about tokens and knows no cloud; what
//! an answer means for a token is `provider/`'s to say. Its public types are the crate's API, which
//! `ffi/` converts for all other languages.

mod body;
#[allow(clippy::module_inception)] // the file is named after what it holds
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod download;
mod form;
pub(crate) mod links;
pub(crate) mod login;
mod part;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod send;
