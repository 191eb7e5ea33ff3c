//! The call that the transport works for.
//!
//! ureq cannot hand per-request data to a transport, so the current call lives in a thread-local.
//! The conversation goes to ureq through it, and comes back through it when ureq drops its
//! transport:
//!
//! ```text
//! in_flight(conversation)   puts it there and runs ureq
//!   Wires::connect          takes it out, into a wire
//!   waits of the wire       ask whose deadline counts
//!   Wire::drop              puts it back
//! in_flight                 gives it to the caller, with the result
//! ```

use super::conversation::Conversation;
use super::message::Fields;
use crate::support::call::Call;
use std::cell::RefCell;
use std::rc::Rc;

/// What the call in flight has to do with the transport.
pub(super) struct InFlight {
    /// Whose deadline and cancellation every wait obeys.
    /// Counted without atomics: the call itself shares its canceller with the calls of other threads.
    pub call: Rc<Call>,
    /// Before ureq runs: the conversation that the request is to go on. After: what ureq has left
    /// of it.
    pub conversation: Option<Conversation>,
    /// Whether the answer came before all of the request was sent: the rest of its body is not read.
    pub answered_early: bool,
    /// How many bytes ureq's output buffer needs at most: for a head, or a piece of a body.
    pub room: usize,
    /// Whether its reads wait for something to come. Those that do not fail with `Over`.
    pub waits: bool,
    /// How many bytes ureq has taken since it last gave some of a body: what is around it.
    pub around: usize,
    /// The headers of the answer, where they were taken out of its head.
    pub fields: Option<Fields>,
}

impl InFlight {
    /// For a call that may not send: `room` is 0 until it is set.
    pub fn of(call: &Call, conversation: Option<Conversation>) -> InFlight {
        let call = Rc::new(call.clone());
        InFlight {
            call,
            conversation,
            answered_early: false,
            room: 0,
            waits: true,
            around: 0,
            fields: None,
        }
    }
}

thread_local! {
    /// Borrowed for an instant only: nothing that waits, and none of the caller's code, runs
    /// within a borrow.
    static IN_FLIGHT: RefCell<Option<Box<InFlight>>> = const { RefCell::new(None) };
}

/// Runs `work` as the given call. Gives the conversation that `work` has left, if any. May be
/// nested, as when the caller's body reader uses another client: the outer call is back
/// afterwards, even after a panic.
pub(super) fn in_flight<T>(
    in_flight: InFlight,
    work: impl FnOnce() -> T,
) -> (T, Option<Conversation>) {
    let _restore = begin(in_flight);
    let result = work();
    let left = with_in_flight(|flight| flight.conversation.take()).flatten();
    (result, left)
}

/// Puts back the outer call, whichever way the inner one ends.
struct Restore(Option<Box<InFlight>>);

impl Drop for Restore {
    fn drop(&mut self) {
        let used = IN_FLIGHT.replace(self.0.take());
        // Its sockets close outside of the borrow.
        drop(used);
    }
}

fn begin(in_flight: InFlight) -> Restore {
    Restore(IN_FLIGHT.replace(Some(Box::new(in_flight))))
}

/// Gives `look` the call in flight; `None` outside of one. `look` must not wait or run the
/// caller's code.
pub(super) fn with_in_flight<T>(look: impl FnOnce(&mut InFlight) -> T) -> Option<T> {
    IN_FLIGHT.with_borrow_mut(|flight| flight.as_deref_mut().map(look))
}

/// Whether reads wait, for the call in flight.
pub(super) fn waits() -> bool {
    with_in_flight(|flight| flight.waits).unwrap_or(true)
}

/// The call in flight: for waits, which must not hold the thread-local.
pub(super) fn call() -> Option<Rc<Call>> {
    with_in_flight(|flight| flight.call.clone())
}
