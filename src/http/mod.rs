//! The transport: HTTP requests whose every wait ends at the caller's deadline.
//!
//! This room knows sockets, TLS, URLs and HTTP. It knows nothing of tokens, profiles or clouds: what
//! it sends was filled in above, and what an answer means is judged above.

mod buffers;
mod explain;
pub(crate) mod headers;
pub(crate) mod in_flight;
pub(crate) mod incoming;
pub(crate) mod late;
pub(crate) mod message;
mod outflow;
pub(crate) mod payload;
mod resolve;
pub(crate) mod retry;
mod sent;
mod tcp;
pub(crate) mod tls;
pub(crate) mod transport;
pub(crate) mod url;
