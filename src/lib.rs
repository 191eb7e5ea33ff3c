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
//! What it promises, in this order: it never loses a good credential, never locks an account and
//! never leaks a secret; it never blocks longer than asked and never brings down the process it
//! lives in, whatever a cloud answers; it is fast and small. docs/FAILURES.md is the first of these
//! as a table.
//!
//! C, C++, Python and Node use the same library through the C ABI in [`ffi`].
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod account;
mod client;
mod error;
pub mod ffi;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fleet;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod lifecycle;
mod model;
mod provider;
mod store;
mod support;

pub use account::mqtt::Mqtt;
pub use client::client::Client;
pub use client::config::Config;
pub use client::download::Download;
pub use client::login::Login;
pub use client::request::Request;
pub use client::response::Response;
pub use error::{Error, Result, Status};
pub use store::{LeasedStore, TokenStore};
pub use support::clock::Clock;
pub use support::log::{Level, LogSink};
pub use support::secret::Secret;

/// The built-in providers, their logins and all options, as JSON: for programs that offer a
/// choice. The program `keyfob` and docs/CLOUDS.md are made with it.
///
/// ```
/// let catalogue = keyfob::providers_json()?;
/// assert!(catalogue.contains("\"kontakt\""));
/// # Ok::<(), keyfob::Error>(())
/// ```
///
/// # Errors
/// None in a released library: its own profiles are checked by its tests.
pub fn providers_json() -> Result<String> {
    provider::providers_json()
}
