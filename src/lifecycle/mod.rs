//! The state machine that every cloud shares: serve, renew, fall back, hold off. One renewal at a
//! time.
//!
//! ```text
//! fresh     served: no lock that a renewal holds, no system call          lifecycle.rs, fresh.rs
//! due       one caller renews, all others get the token that is good      serving.rs
//! expired   one caller goes to the cloud, the rest wait and share         flight.rs
//! renewal   refresh, or login; kept durably, then seen by callers         renewal.rs
//! rejected  the secret is held back, ever longer                          holds.rs
//! failed    the cloud is spared for a while, everything is kept           pauses.rs
//! no way    nothing is left to renew with: who has to do what             dead_end.rs
//! ```
//!
//! A caller asks for a token that meets its goal (`goal.rs`) and gets a state that holds one, or an
//! error within its own deadline. Only the cloud's word about a credential leads from a refresh to
//! a login; a fault, a timeout or an odd answer never does. `renewal.rs` is the one place that
//! decides it.
//!
//! This room knows neither how a cloud is asked (`account/`, `provider/`) nor how a record is kept
//! (`store/`).

pub(crate) mod background;
pub(crate) mod browser;
pub(crate) mod change;
pub(crate) mod counters;
mod dead_end;
pub(crate) mod device;
pub(crate) mod flight;
mod fresh;
pub(crate) mod goal;
mod holds;
#[allow(clippy::module_inception)] // the file is named after what it holds
pub(crate) mod lifecycle;
mod lookout;
pub(crate) mod news;
pub(crate) mod pauses;
mod person;
mod renewal;
mod renewer;
pub(crate) mod serving;
pub(crate) mod state;
pub(crate) mod watch;
