//! The IoT clouds that keyfob knows, simulated strictly over real TLS, with faults to inject and a
//! clock to wind.
//!
//! ```
//! use keyfob_simulator::{Cloud, Simulator};
//! use std::time::Duration;
//!
//! let sim = Simulator::start();
//! assert!(sim.base_url(Cloud::Kii).starts_with("https://localhost:"));
//! sim.wind(Duration::from_secs(3600)); // every one-hour token has now expired
//! assert_eq!(sim.count(Cloud::Kii, "login"), 0);
//! ```
//!
//! Everything is written from what each cloud's guide and public clients say, and shares no code
//! with the library it is there to test.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod clock;
mod clouds;
mod control;
pub mod credentials;
mod fault;
mod fault_text;
mod fields;
mod form;
mod guide;
mod gzip;
mod http;
mod info;
mod injection;
mod journal;
mod listen;
mod lock;
mod mutate;
mod ports;
mod serve;
mod simulator;
mod site;
mod start;
mod tls;
mod tokens;
mod wire;
mod world;

pub use clock::http_date;
pub use clouds::files::bytes as file_of_size;
pub use clouds::{Cloud, Consent};
pub use fault::{Fault, RedirectTo, Stage, TlsFault, WireFault};
pub use gzip::pack as gzip;
pub use injection::Injection;
pub use journal::Entry;
pub use simulator::Simulator;
pub use tokens::Rotation;
