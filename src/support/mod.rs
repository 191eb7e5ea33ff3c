//! What every room may use and none is about: clocks, one call's limits, processes and fork, the log,
//! secrets, JSON.

pub(crate) mod call;
pub(crate) mod clock;
pub(crate) mod crypto;
pub(crate) mod date;
pub(crate) mod file;
pub(crate) mod gate;
pub(crate) mod hex;
pub(crate) mod json;
pub(crate) mod log;
mod md5;
pub(crate) mod nearest;
pub(crate) mod ordered;
pub(crate) mod os;
pub(crate) mod process;
pub(crate) mod redaction;
pub(crate) mod registry;
pub(crate) mod secret;
pub(crate) mod striped;
pub(crate) mod sync;
pub(crate) mod wipe;
