//! What every room may use and none is about: clocks, one call's limits, processes and fork, the
//! log, secrets, JSON.
//!
//! This room is the lowest but for `error.rs`. It must not know what a profile, a token, a store
//! or an HTTP request is: who needs one of those here has code for a higher room.
//!
//! Three rules run through all of it:
//!
//! - A wait ends. `call` bounds it, in slices, so that a cancelled call is noticed.
//! - A forked child works. A lock that it may inherit locked stands behind `process`, or is no
//!   lock (`registry`, `striped`).
//! - A secret leaves nothing behind. Buffers are made large enough at once, and wiped when
//!   dropped.
//!
//! For instance, a wait for one's turn within a caller's limit:
//!
//! ```text
//! let call = Call::new(Duration::from_secs(30), &canceller);
//! let passage = gate.pass(&call)?;      // Timeout or Cancelled, never later than 30 s
//! ```

pub(crate) mod call;
pub(crate) mod clock;
pub(crate) mod command;
pub(crate) mod crypto;
pub(crate) mod date;
pub(crate) mod file;
pub(crate) mod gate;
pub(crate) mod hex;
pub(crate) mod json;
pub(crate) mod log;
pub(crate) mod log_ring;
mod md5;
pub(crate) mod nearest;
pub(crate) mod ordered;
pub(crate) mod os;
pub(crate) mod percent;
pub(crate) mod process;
pub(crate) mod redaction;
pub(crate) mod registry;
pub(crate) mod secret;
pub(crate) mod shelf;
pub(crate) mod slot;
pub(crate) mod striped;
pub(crate) mod sync;
pub(crate) mod wipe;
