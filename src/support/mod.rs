//! What every room may use and none is about: clocks, one call's limits, processes and fork, the log,
//! secrets, JSON.

pub(crate) mod call;
pub(crate) mod clock;
pub(crate) mod hex;
pub(crate) mod json;
pub(crate) mod log;
pub(crate) mod ordered;
pub(crate) mod process;
pub(crate) mod secret;
pub(crate) mod sync;
