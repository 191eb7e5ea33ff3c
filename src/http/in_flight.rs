//! The call that the transport works for. ureq cannot hand per-request data to a transport, so the
//! current call lives in a thread-local, and the conversation goes to ureq and comes back through it.

use super::conversation::Conversation;
use crate::support::call::Call;
use std::cell::RefCell;

pub(super) struct InFlight {
    pub call: Call,
    /// Before: on what the request is to go. After: what ureq has left of it.
    pub conversation: Option<Conversation>,
    /// Whether the answer came before all of the request was sent: the rest of its body is not read.
    pub answered_early: bool,
    /// How much room the request takes, at the most: for its head, and for a piece of its body.
    pub room: usize,
}

impl InFlight {
    pub fn of(call: &Call, conversation: Option<Conversation>) -> InFlight {
        InFlight { call: call.clone(), conversation, answered_early: false, room: 0 }
    }
}

thread_local! {
    static IN_FLIGHT: RefCell<Option<InFlight>> = const { RefCell::new(None) };
}

/// Runs `work` as the given call; gives the conversation that it has left, if it has.
pub(super) fn in_flight<T>(
    in_flight: InFlight,
    work: impl FnOnce() -> T,
) -> (T, Option<Conversation>) {
    struct Restore(Option<InFlight>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let used = IN_FLIGHT.replace(self.0.take());
            // Its sockets close outside of the borrow.
            drop(used);
        }
    }
    let _restore = Restore(IN_FLIGHT.replace(Some(in_flight)));
    let result = work();
    let left = with_in_flight(|flight| flight.conversation.take()).flatten();
    (result, left)
}

/// Gives the call in flight; `None` outside of one.
pub(super) fn with_in_flight<T>(look: impl FnOnce(&mut InFlight) -> T) -> Option<T> {
    IN_FLIGHT.with_borrow_mut(|flight| flight.as_mut().map(look))
}

/// The call in flight, for waits that must not hold the thread-local.
pub(super) fn call() -> Option<Call> {
    with_in_flight(|flight| flight.call.clone())
}
