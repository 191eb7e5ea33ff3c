//! The transport: HTTP requests whose every wait ends at the caller's deadline.
//!
//! ureq speaks HTTP; sockets, TLS and the pool below it are ours, so that every wait can be ended,
//! nothing unread is ever taken for the next answer, and an answer can outlive its caller. This room
//! knows sockets, TLS, URLs and HTTP. It knows nothing of tokens, profiles or clouds: what it sends
//! was filled in above, and what an answer means is judged above.

mod broken;
mod buffers;
mod connection;
mod conversation;
mod explain;
pub(crate) mod headers;
mod in_flight;
mod inbox;
pub(crate) mod incoming;
pub(crate) mod late;
pub(crate) mod message;
mod outflow;
pub(crate) mod payload;
mod pool;
mod proxy;
mod resolve;
pub(crate) mod retry;
mod session;
mod socket;
pub(crate) mod tls;
mod tls_words;
pub(crate) mod transport;
pub(crate) mod url;
mod wire;
