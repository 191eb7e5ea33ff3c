//! The call that the transport works for. ureq cannot hand per-request data to a transport, and
//! pooled connections outlive calls, so the current call lives in a thread-local.

use super::late::Pending;
use crate::support::call::Call;
use std::cell::RefCell;
use std::time::Duration;

/// What the transport has to know of the call it works for.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub call: Call,
    pub connect_timeout: Duration,
    /// Whether a byte of the request itself may have left: from then on it may have been executed.
    pub sent: bool,
    /// Whether an answer that does not come in time is to be kept,
    pub keep: bool,
    /// and where it will come.
    pub pending: Option<Pending>,
}

thread_local! {
    static IN_FLIGHT: RefCell<Option<InFlight>> = const { RefCell::new(None) };
}

/// Runs `work` as the given call; gives what the transport has learnt meanwhile.
pub(crate) fn in_flight<T>(in_flight: InFlight, work: impl FnOnce() -> T) -> (T, InFlight) {
    struct Restore(Option<InFlight>);
    impl Drop for Restore {
        fn drop(&mut self) {
            IN_FLIGHT.set(self.0.take());
        }
    }
    let _restore = Restore(IN_FLIGHT.replace(Some(in_flight)));
    let result = work();
    (result, IN_FLIGHT.take().expect("put there above"))
}

/// Gives the transport the call it works for; `None` outside of one.
pub(crate) fn with_in_flight<T>(look: impl FnOnce(&mut InFlight) -> T) -> Option<T> {
    IN_FLIGHT.with_borrow_mut(|f| f.as_mut().map(look))
}
