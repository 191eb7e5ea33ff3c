//! A door for `tools/fleet`: the library's own functions for the moments at which a gateway goes to its
//! cloud, with chance handed in. Not part of the library: only with the feature `fuzzing`.

use crate::http::retry::{INSIDE_A_CALL, doubled};
use crate::lifecycle::pauses;
use crate::model::token::RenewalWindow;
use std::time::Duration;

/// How long after its issue a token is renewed, where `renew_before_s` is not set. The places are the
/// gateway's own, from 0 to 1: in the window, and of the first renewal. `out_of_turn` says that the token
/// came at a login or after an outage.
pub fn renewal_after(lifetime: Duration, places: [f64; 2], out_of_turn: bool) -> Duration {
    let [place, first_place] = places;
    let before = Duration::from_secs(300);
    let window = RenewalWindow { before, place, first_place, spreads: true };
    window.renewal_after(lifetime, out_of_turn)
}

/// How far chance may put the next try, from how far it could before and what is left of the token.
pub fn bound(before: Duration, left: Duration) -> Duration {
    pauses::bound(before, left)
}

/// How long the pause after a failure is. `asked` is the cloud's `Retry-After`.
pub fn pause(asked: Option<Duration>, bound: Duration, left: Duration, chance: f64) -> Duration {
    pauses::wait(asked, bound, left, chance)
}

/// How long a refresh that fails for the first time waits, inside its call, before this try of it.
pub fn inside_a_call(attempt: u32, chance: f64) -> Duration {
    doubled(INSIDE_A_CALL, attempt).mul_f64(chance)
}
