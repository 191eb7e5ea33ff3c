//! keyfob obtains an access token from an IoT cloud, keeps it, renews it before it runs out, stores
//! it so that it survives a power cut, and sends requests that carry it.
//!
//! Every cloud has its own token dance; here a cloud is a JSON profile and the dance is written
//! once. The library is blocking, makes no threads unless asked to (but for name look-ups, which
//! the system cannot interrupt), and every wait in it ends.
//!
//! ```no_run
//! let mut config = keyfob::Config::new("simacan")?;
//! config.set("username", "gateway")?;
//! config.set("password_file", "/etc/gateway/password")?;
//! let client = config.client()?;
//! let trips = client.send(&keyfob::Request::new("GET", "https://api.simacan.com/v1/trips")?)?;
//! println!("{}", trips.status());
//! # Ok::<(), keyfob::Error>(())
//! ```
//!
//! C, C++, Python and Node use the same library through the C ABI in [`ffi`].
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod account;
mod api;
mod background;
mod call;
mod client;
mod clock;
mod config;
mod error;
pub mod ffi;
mod flight;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod holdoff;
mod hot;
mod http;
mod identity;
mod json;
mod lifecycle;
mod links;
mod log;
mod options;
mod ordered;
mod process;
mod provider;
mod request;
mod retry;
mod secret;
mod send;
mod state;
mod status;
mod store;
mod sync;
mod template;
mod token;
mod url;

pub use client::Client;
pub use clock::Clock;
pub use config::Config;
pub use error::{Error, Result, Status};
pub use log::{Level, LogSink};
pub use request::{Request, Response};
pub use secret::Secret;
pub use store::TokenStore;

/// The built-in providers, their logins and all options, as JSON.
///
/// # Errors
/// None in a released library: its own profiles are checked by its tests.
pub fn providers_json() -> Result<String> {
    provider::providers_json()
}
