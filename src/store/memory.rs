//! The store that keeps nothing beyond the client that got it.
//!
//! One thing is different where a refresh token was set: it is spent by the first exchange. So
//! all clients of the identity in this process live by what came of it, and the process keeps it,
//! in [`Siblings`].

use super::siblings::Siblings;
use super::{Lock, Store, Unusable};
use crate::error::Result;
use crate::model::record::Record;
use crate::support::call::Call;
use crate::support::gate::Passage;
use std::sync::Arc;

/// One client's view of it.
pub(super) struct Memory {
    pub siblings: Arc<Siblings>,
    /// Whether the identity is that of a refresh token: then all clients of it share one record.
    pub shares_tokens: bool,
}

/// The gate, where a record is shared; otherwise nothing, since nobody can be in the way.
struct MemoryLock(#[allow(dead_code)] Option<Passage>);

impl Lock for MemoryLock {}

impl Store for Memory {
    fn lock(&self, call: &Call) -> Result<Box<dyn Lock>> {
        let passage = self.shares_tokens.then(|| self.siblings.gate().pass(call));
        Ok(Box::new(MemoryLock(passage.transpose()?)))
    }

    fn try_lock(&self, _: &Call) -> Result<Option<Box<dyn Lock>>> {
        if !self.shares_tokens {
            return Ok(Some(Box::new(MemoryLock(None))));
        }
        let passage = self.siblings.gate().try_pass();
        Ok(passage.map(|passage| Box::new(MemoryLock(Some(passage))) as Box<dyn Lock>))
    }

    fn load(&self) -> std::result::Result<Record, Unusable> {
        Ok(match self.shares_tokens {
            true => Record::clone(&self.siblings.record()),
            false => Record::default(),
        })
    }

    fn has_news(&self, record: &Record) -> bool {
        self.shares_tokens && self.siblings.record().version != record.version
    }

    fn tells(&self) -> bool {
        self.shares_tokens
    }

    fn check_writable(&self, _: &Record, _: &Call) -> Result<bool> {
        Ok(true)
    }

    fn save(&self, record: &mut Record) -> Result<()> {
        if self.shares_tokens {
            record.version = self.siblings.keep(record);
        }
        Ok(())
    }

    fn describe(&self) -> String {
        "memory".into()
    }

    fn nests(&self) -> bool {
        true
    }
}
