//! Waiting for news of a token. Whoever waits renews what is due, where no thread of the library's
//! own does: it has the time.
//!
//! A program with an MQTT session needs no other call: it waits, takes the new token when there is
//! one, and connects anew.

use super::background::next_renewal;
use super::lifecycle::Lifecycle;
use super::news::Seen;
use super::serving::Serving;
use crate::error::{Result, Status};
use crate::model::option_table::TIMEOUT_MS;
use crate::support::call::Call;
use crate::support::clock::Moment;
use std::io;
use std::time::Duration;

/// The longest a wait goes without looking whether it was cancelled, or a hold is over.
const LOOK: Duration = Duration::from_millis(100);

/// Every so many looks also into the store: another process may have renewed.
const LOOKS_INTO_STORE: u32 = 10;

/// How long a descriptor that says that a token is due says nothing after it was heard.
const REST: Duration = Duration::from_millis(200);

/// A wait that is shorter renews nothing: it would be over before the cloud has answered.
const SHORTEST_RENEWAL: Duration = Duration::from_secs(1);

impl Lifecycle {
    /// Waits until there is other news than that of the number `known`, and gives its number;
    /// `known` where there is none within the call's time. `handle` is whose bell stops ringing
    /// then.
    pub fn wait_for_news(&self, known: u64, handle: u64, call: &Call) -> Result<u64> {
        let (mut looks, mut failures) = (0, 0);
        loop {
            if looks % LOOKS_INTO_STORE == 0 {
                self.caught_up(Serving::state(self), call);
            }
            let mut number = self.tell_news();
            if number == known && self.renew_while_waiting(&mut failures, call) {
                number = self.tell_news();
            }
            let left = call.remaining();
            let over = matches!(&left, Err(error) if error.status() == Status::Timeout);
            if number != known || over {
                self.news.heard(handle, number, self.next_look());
                return Ok(number);
            }
            self.news.wait(known, left?.min(LOOK));
            looks += 1;
        }
    }

    /// Renews if that is due, nobody else does it, and there is time. What comes of it is in the
    /// status and the log.
    fn renew_while_waiting(&self, failures: &mut u32, call: &Call) -> bool {
        let has_time = call.remaining().is_ok_and(|left| left >= SHORTEST_RENEWAL);
        if !has_time || self.renews_in_background() {
            return false;
        }
        // In this order: what is due is due now, and the clock goes on.
        let due = next_renewal(self, *failures);
        if self.clock.now() < due {
            return false;
        }
        let limit = self.state().account.options.duration(TIMEOUT_MS);
        let renewed = self.renew_in_background(&call.within(limit));
        *failures = if renewed.is_ok() { 0 } else { *failures + 1 };
        true
    }

    /// Looks whether there is news, and tells whoever waits. Gives the number of the last.
    pub fn tell_news(&self) -> u64 {
        let (state, now) = (self.state(), self.clock.now());
        let seen = Seen {
            tokens: self.news.tokens(),
            held: state.account.secrets.held_until(now),
            paused: state.record.paused(now).map(|(pause, _)| pause.until),
        };
        self.news.tell(seen, self.next_look())
    }

    /// The same, if anybody has ever asked for news.
    pub fn tell_listeners(&self) {
        if self.news.is_wanted() {
            self.tell_news();
        }
    }

    /// A descriptor that is readable while there is news which the handle has not heard, and when
    /// the token is due and no thread renews it.
    pub fn bell_of(&self, handle: u64) -> io::Result<i32> {
        self.tell_news();
        let fd = self.news.bell_of(handle)?;
        self.tell_news();
        Ok(fd)
    }

    /// How long until something happens by itself: a hold or a pause ends, a token is due.
    fn next_look(&self) -> Option<Duration> {
        let (state, now) = (self.state(), self.clock.now());
        let due = match self.renews_in_background() {
            true => Moment::NEVER,
            // Whoever is told that it is due, and does nothing, must not be told without a rest.
            false => next_renewal(self, 0).max(now.after(REST)),
        };
        let held = state.account.secrets.held_until(now);
        let paused = state.record.paused(now).map(|(pause, _)| pause.until);
        let first = held.into_iter().chain(paused).fold(due, Moment::min);
        (first != Moment::NEVER).then(|| first.since(now))
    }
}
