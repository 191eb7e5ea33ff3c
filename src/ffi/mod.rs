//! The C ABI: converts, calls the crate once, converts back. The only `unsafe` code there is.
//!
//! One file a handle. Every function that can fail runs inside [`guard::guard`], which turns a
//! panic into `KEYFOB_PANIC`; every pointer is checked in [`convert`] before it is used. The C
//! header is generated from these files, doc comments included: they are what a C programmer reads.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
// What a caller must keep to is said once, at the head of the header.
#![allow(clippy::missing_safety_doc)]

mod body;
mod client;
mod config;
mod convert;
mod error;
mod guard;
mod library;
mod request;
mod response;
mod store;

pub use body::*;
pub use client::*;
pub use config::*;
pub use error::*;
pub use library::*;
pub use request::*;
pub use response::*;
pub use store::*;
