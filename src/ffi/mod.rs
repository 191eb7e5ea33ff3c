//! The C ABI: converts, calls the crate once, converts back. Nearly all `unsafe` code there is.
//!
//! One file a handle, and a group of the header. Every function that can fail runs inside
//! `guard::guard`, which turns a panic into `KEYFOB_PANIC`; every pointer is checked in `convert`
//! before it is used. This room decides nothing: no retry, no expiry, no policy.
//!
//! `make headers` writes include/keyfob.h from these files, doc comments included: a file's `//!`
//! heads its group there, and a C programmer is its first reader. What is for us alone is a `//`
//! comment.
//!
//! ```text
//! pub unsafe extern "C" fn keyfob_client_renew(client, err) -> Status {
//!     guard(err, || handle(client, "client")?.0.renew())
//! }
//! ```
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
// What a caller must keep to is said once, at the head of the header.
#![allow(clippy::missing_safety_doc)]

mod convert;
mod guard;
mod panics;

// In the order of the header's groups, and apart, so that rustfmt leaves them in it.
mod library;

mod status;

mod error;

mod config;

mod client;

mod news;

mod request;

mod body;

mod response;

mod login;

mod mqtt;

mod store;

pub use body::*;
pub use client::*;
pub use config::*;
pub use error::*;
pub use library::*;
pub use login::*;
pub use mqtt::*;
pub use news::*;
pub use request::*;
pub use response::*;
pub use status::*;
pub use store::*;
