//! What a connection's bytes go over: a socket, or a connection to a proxy that hides what is sent
//! through it (`https://` proxies). TLS over TLS is nothing but a line over a line.
//!
//! ```text
//! Connection (TLS with the host)  →  Socket
//! Connection (TLS with the host)  →  Connection (TLS with the proxy)  →  Socket
//! ```

use super::broken::Outcome;
use super::socket::For;
use crate::support::call::Call;

/// Bytes in and bytes out. Nothing waits but `wait`, and `read` where it is handed a call.
pub(super) trait Line: Send + Sync {
    /// Reads what is there: `None` where nothing is, `Some(0)` at the end. With a call it waits for
    /// something, at most a slice of the call; fails where that is over.
    fn read(&mut self, into: &mut [u8], wait: Option<&Call>) -> Outcome<Option<usize>>;

    /// Takes over what there is room for: 0 where there is none.
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize>;

    /// Sends what was taken over and is not sent yet; says whether that is all of it now.
    fn flush(&mut self) -> Outcome<bool>;

    /// Waits until the line may be ready, or a slice of the call is over.
    fn wait(&self, what: For, call: &Call) -> Outcome<()>;

    /// Whether nothing is unread or unwritten, here or below, and nothing has come on it, not even
    /// its end.
    fn is_quiet(&self) -> bool;

    /// Whether what was sent has been repeated again and again, and nobody has acknowledged it.
    fn is_unheard(&self) -> bool;

    /// Gives back the memory that an idle line does not need.
    fn release(&mut self);
}
