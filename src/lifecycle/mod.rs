//! The state machine that every cloud shares: serve, renew, fall back, hold off. One renewal at a time.
//!
//! `serving.rs` has the moves of the threads, `renewal.rs` one renewal, `holds.rs` and `pauses.rs` say
//! when nothing may be sent. This room does not know how a cloud is asked, nor how a record is kept.

pub(crate) mod background;
pub(crate) mod change;
pub(crate) mod counters;
pub(crate) mod flight;
mod fresh;
pub(crate) mod goal;
mod holds;
#[allow(clippy::module_inception)] // the file is named after what it holds
pub(crate) mod lifecycle;
mod pauses;
mod renewal;
pub(crate) mod serving;
pub(crate) mod state;
