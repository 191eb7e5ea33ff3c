//! The transport: HTTP requests whose every wait ends at the caller's deadline.
//!
//! ureq speaks HTTP; sockets, TLS and the pool below it are ours, so that every wait can be
//! ended, nothing unread is ever taken for the next answer, and an answer can outlive its caller.
//! This room knows sockets, TLS, URLs and HTTP. It knows nothing of tokens, profiles or clouds:
//! what it sends was filled in above, and what an answer means is judged above.
//!
//! The way of a request, from top to bottom:
//!
//! ```text
//! retry         sends again what may be sent again
//! transport     one request, one answer; a connection from `pool`, or a new one
//! late          token calls alone: an answer that came too late for its caller goes to the next
//! wire          what ureq reads from and writes to; `in_flight` tells it whose call this is
//! conversation  how far one request and its answer have come
//! connection    `session` (TLS) over a `line`, and what came and was not taken (`inbox`)
//! line          a `socket`, or a connection to a proxy
//! ```
//!
//! What breaks on the way is a `Broken`; `explain` puts it into words for a person, once, at the
//! top.
//!
//! ```text
//! let transport = Transport::shared(settings)?;
//! let answer = transport.send(&outgoing, Purpose::Request, max_body, &call)?;   // or a Fault
//! ```

mod broken;
mod buffers;
mod coding;
mod connection;
mod conversation;
mod explain;
pub(crate) mod gzip;
pub(crate) mod head;
pub(crate) mod headers;
mod in_flight;
mod inbox;
pub(crate) mod incoming;
pub(crate) mod late;
mod line;
pub(crate) mod message;
mod outflow;
pub(crate) mod payload;
mod pool;
pub(crate) mod proxies;
pub(crate) mod proxy;
mod resolve;
pub(crate) mod retry;
mod roots;
mod session;
mod socket;
mod socks;
#[cfg(feature = "redis")]
pub(crate) mod stream;
pub(crate) mod tls;
mod tls_words;
pub(crate) mod transport;
pub(crate) mod url;
mod wire;
