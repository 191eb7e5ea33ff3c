//! The C ABI: converts, calls the crate once, converts back. Nearly all `unsafe` code there is.
//!
//! One file a handle. Every function that can fail runs inside [`guard::guard`], which turns a
//! panic into `KEYFOB_PANIC`; every pointer is checked in [`convert`] before it is used. The C
//! header is generated from these files, doc comments included: they are what a C programmer reads.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
// What a caller must keep to is said once, at the head of the header.
#![allow(clippy::missing_safety_doc)]

mod convert;
mod guard;
mod panics;

// In the order in which the header is to be read, and apart, so that they stay in it.
mod library;

mod error;

mod config;

mod client;

mod request;

mod body;

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
