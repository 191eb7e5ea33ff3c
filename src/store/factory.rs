//! Which store the options ask for, and the records in it.

use super::Store;
use super::attempt_log::Opener;
use super::caller::{CallerRecord, CallerStore};
use super::codec::Check;
use super::document::Kept;
use super::file::RecordFile;
use super::medium::Medium;
use super::memory::Memory;
use super::record_store::RecordStore;
use super::siblings::Siblings;
use crate::error::{Error, Result, Status};
use crate::model::option_table::{STORE, STORE_KEY};
use crate::model::options::Options;
use crate::model::record::Record;
use crate::support::clock::Clock;
use crate::support::hex::to_hex;
use crate::support::secret::Secret;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

/// The store that the options name.
#[derive(Clone)]
pub(crate) struct StoreChoice {
    /// `None` for memory.
    media: Option<Media>,
    /// What the names of its records begin with.
    provider: String,
    /// The option `store_key`.
    key: Option<Secret>,
    clock: Clock,
}

/// What keeps the bytes of all records.
#[derive(Clone)]
enum Media {
    Files { directory: PathBuf },
    Caller(CallerStore),
}

impl Media {
    /// The place of the record of this name. What cannot be a store is refused.
    fn open(&self, name: &str) -> Result<Box<dyn Medium>> {
        Ok(match self {
            Media::Files { directory } => Box::new(RecordFile::open(directory, name)?),
            Media::Caller(caller) => Box::new(CallerRecord::new(caller.clone(), name)),
        })
    }

    /// The place of another record, in a store that was opened before.
    fn beside(&self, name: &str) -> Box<dyn Medium> {
        match self {
            Media::Files { directory } => Box::new(RecordFile::at(directory, name)),
            Media::Caller(caller) => Box::new(CallerRecord::new(caller.clone(), name)),
        }
    }
}

impl StoreChoice {
    /// The store that the options name; `caller` is the config's own.
    pub fn of(
        options: &Options,
        caller: Option<&CallerStore>,
        provider: &str,
        clock: &Clock,
    ) -> Result<StoreChoice> {
        let invalid = |what: &str| Error::new(Status::InvalidOption, format!("store: {what}"));
        let named = options.text(STORE).unwrap_or("memory");
        let directory = named.strip_prefix("file:").filter(|directory| !directory.is_empty());
        let media = match (caller, named, directory) {
            (Some(_), _, _) if options.is_set(STORE.name) => {
                return Err(invalid("is set, but the config has a store of the caller's own, too"));
            }
            (Some(caller), _, _) => Some(Media::Caller(caller.clone())),
            (None, "memory", _) => None,
            (None, _, Some(directory)) => {
                let refuse = |e| Error::new(Status::Store, format!("store {directory}: {e}"));
                let directory = std::path::absolute(directory).map_err(refuse)?;
                Some(Media::Files { directory })
            }
            (None, _, None) => return Err(invalid("must be memory or file:<directory>")),
        };
        let key = options.text(STORE_KEY).map(Secret::from);
        Ok(StoreChoice { media, provider: provider.into(), key, clock: clock.clone() })
    }

    /// The store without its records: memory.
    pub fn forgetful(&self) -> StoreChoice {
        StoreChoice { media: None, ..self.clone() }
    }

    /// The record of an identity. `shares_tokens`: in memory, its tokens are those of all its clients.
    pub fn record(
        &self,
        siblings: &Arc<Siblings>,
        shares_tokens: bool,
        is_credible: Check<Record>,
    ) -> Result<Box<dyn Store>> {
        let Some(media) = &self.media else {
            return Ok(Box::new(Memory { siblings: siblings.clone(), shares_tokens }));
        };
        let name = lasting(&siblings.name);
        let medium = media.open(&self.named(&name))?;
        Ok(Box::new(self.stored(medium, &name, is_credible)?))
    }

    /// What opens the record of the attempts with a secret of this name.
    pub fn attempts(&self, name: &str) -> Opener {
        let (choice, name) = (self.clone(), name.to_string());
        Box::new(move || {
            let Some(media) = &choice.media else { return Ok(None) };
            let name = lasting(&name);
            let medium = media.beside(&choice.named(&name));
            Ok(Some(Box::new(choice.stored(medium, &name, Arc::new(|_| true))?)))
        })
    }

    /// What a record is called in the store.
    fn named(&self, name: &str) -> String {
        format!("{}-{name}", self.provider)
    }

    fn stored<R: Kept>(
        &self,
        medium: Box<dyn Medium>,
        name: &str,
        is_credible: Check<R>,
    ) -> Result<RecordStore<R>> {
        let key = self.key.as_ref().map(Secret::expose);
        RecordStore::new(medium, name, key, &self.clock, is_credible)
    }
}

/// An identity or a secret as a store knows it. It is made from credentials, and a store may be stolen:
/// whoever guesses passwords by it pays for each guess (RFC 8018 5.2).
fn lasting(name: &str) -> String {
    use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
    const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("not 0");
    let mut lasting = [0; 16];
    derive(PBKDF2_HMAC_SHA256, ROUNDS, b"keyfob store", name.as_bytes(), &mut lasting);
    to_hex(&lasting)
}
