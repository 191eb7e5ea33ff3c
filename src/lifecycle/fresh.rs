//! What the hot path needs of a state: the token, and until when it is fresh.

use crate::lifecycle::state::State;
use crate::support::clock::Moment;
use zeroize::Zeroizing;

/// What libc copies at once. A token that begins anywhere else takes a tenth longer.
const CACHE_LINE: usize = 64;

/// A token at the beginning of a cache line; wiped when dropped.
pub(crate) struct Fresh {
    /// How long it may be given away without a look at anything else.
    pub until: Moment,
    room: Zeroizing<Vec<u8>>,
    begin: usize,
}

impl Fresh {
    pub fn of(state: &State) -> Fresh {
        let token = state.access_token().as_bytes();
        let mut room = Zeroizing::new(vec![0; CACHE_LINE + token.len()]);
        let begin = room.as_ptr().align_offset(CACHE_LINE).min(CACHE_LINE);
        room.truncate(begin + token.len());
        room[begin..].copy_from_slice(token);
        Fresh { until: state.at_hand_until(), room, begin }
    }

    #[inline]
    pub fn token(&self) -> &[u8] {
        &self.room[self.begin..]
    }
}
