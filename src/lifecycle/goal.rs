//! What a caller needs, and where a token stands in its life.
//!
//! ```text
//!   issued ........................ renew_at ......... expires
//!          Fresh: served at once    Due: served, and    Expired: not served
//!                                   somebody renews
//! ```

/// Where a token stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// There is no token: none was obtained yet, or it was forgotten.
    None,
    /// Served without a thought.
    Fresh,
    /// Still good, and in its renewal window: served while one caller renews.
    Due,
    /// Its lifetime is over by our clock: never served, whatever fails.
    Expired,
}

/// What a caller needs before it can go on. A generation is the number of a record, which grows
/// with each token that is issued or forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Any token that has not expired: the ordinary call.
    Usable,
    /// A token issued after the one of this generation: `keyfob_client_renew`.
    NewerThan(u64),
    /// The same, because an API refused that one. The record notes it, so that an API which refuses
    /// whatever comes does not cost a renewal for each request.
    Instead(u64),
    /// The same, because that one is due. It is still good, so a pause is heeded even where only
    /// early renewals have to.
    Early(u64),
}

impl Goal {
    /// Whether a token that stands so, and is of this generation, is what is needed.
    pub fn is_met(self, stage: Stage, generation: u64) -> bool {
        let is_good = matches!(stage, Stage::Fresh | Stage::Due);
        is_good
            && match self {
                Goal::Usable => true,
                Goal::NewerThan(known) | Goal::Instead(known) | Goal::Early(known) => {
                    generation > known
                }
            }
    }
}
