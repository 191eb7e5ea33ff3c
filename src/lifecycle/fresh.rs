//! What the hot path needs of a state: the token, and until when it is fresh.
//!
//! A state is large, and reading it through its `Arc` costs more than copying a token. This is a
//! copy of the token by itself, laid out so that `memcpy` is at its quickest.

use crate::lifecycle::state::State;
use crate::support::clock::Moment;
use crate::support::sync::AtomicI64;
use std::sync::atomic::Ordering;
use zeroize::Zeroizing;

/// In bytes: what libc copies at once. A token that begins anywhere else takes a tenth longer.
const CACHE_LINE: usize = 64;

/// A token at the beginning of a cache line; wiped when dropped.
pub(crate) struct Fresh {
    /// Until when it is good. `Moment::START` for a token that may not be given away without a look
    /// at anything else: there is none, or each request is signed by itself.
    end: Moment,
    /// Until when nobody need look whether there is a newer one; at most `end`.
    until: AtomicI64,
    /// The token, behind as many bytes as bring it to the beginning of a cache line.
    room: Zeroizing<Vec<u8>>,
    /// Where in `room` the token begins.
    begin: usize,
}

impl Fresh {
    /// Copies the token of a state, which need not be looked after until `look_at`. The vector is
    /// made at its full size and never grows: growing would move the token off its cache line, and
    /// leave a copy behind that nobody wipes.
    pub fn of(state: &State, look_at: Moment) -> Fresh {
        let token = state.access_token().as_bytes();
        let mut room = Zeroizing::new(vec![0; CACHE_LINE + token.len()]);
        let begin = room.as_ptr().align_offset(CACHE_LINE).min(CACHE_LINE);
        room.truncate(begin + token.len());
        room[begin..].copy_from_slice(token);
        let end = state.at_hand_until();
        Fresh { end, until: AtomicI64::new(end.min(look_at).0), room, begin }
    }

    /// Until when it may be given away.
    #[inline]
    pub fn until(&self) -> Moment {
        Moment(self.until.load(Ordering::Relaxed))
    }

    /// Somebody has looked, or does, and nobody need do it again until then.
    pub fn look_again_at(&self, look_at: Moment) {
        let until = self.end.min(look_at).0;
        // If each request wrote here, it would be on its way between processors all the time.
        if self.until.load(Ordering::Relaxed) != until {
            self.until.store(until, Ordering::Relaxed);
        }
    }

    /// The token as bytes; empty where the state has none.
    #[inline]
    pub fn token(&self) -> &[u8] {
        &self.room[self.begin..]
    }
}
