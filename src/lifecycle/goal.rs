//! What a caller needs, and where a token stands in its life.

/// Where a token stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No token.
    None,
    Fresh,
    /// Good, and to be renewed.
    Due,
    Expired,
}

/// What a caller needs before it can go on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Any token that has not expired.
    Usable,
    /// A token issued after the one of this generation.
    NewerThan(u64),
    /// The same, because an API refused that one.
    Instead(u64),
    /// The same, unless there was trouble lately: that one is still good.
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
