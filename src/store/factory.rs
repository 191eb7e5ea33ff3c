//! Which store the options ask for, and the records in it.
//!
//! Here `file:/var/lib/gateway` becomes a store, and names become names of files. The files of
//! one directory:
//!
//! ```text
//! kii-<digest of the identity>.json     the record of an identity
//! kii-<digest of a secret>.json         what became of the logins with it
//! store.key                             the key, where the system keeps it for the user
//! ```

use super::Store;
use super::attempt_log::Opener;
use super::caller::{CallerRecord, CallerStore};
use super::codec::Check;
use super::document::Kept;
use super::file::RecordFile;
use super::medium::Medium;
use super::memory::Memory;
use super::record_store::RecordStore;
#[cfg(feature = "redis")]
use super::redis::RedisRecord;
#[cfg(feature = "redis")]
use super::redis_server::Server;
use super::seal::Key;
use super::siblings::Siblings;
use super::user_key::user_key;
use crate::error::{Error, Result, Status};
use crate::model::option_table::{STORE, STORE_KEY};
use crate::model::options::Options;
use crate::model::record::Record;
use crate::support::clock::Clock;
use crate::support::hex::to_hex;
use crate::support::os::USER_SEAL;
use crate::support::secret::Secret;
use crate::support::slot::Slot;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

/// The store that the options name, before anything in it is opened. Cheap to copy.
#[derive(Clone)]
pub(crate) struct StoreChoice {
    /// Where the bytes are; `None` is memory.
    media: Option<Media>,
    /// The provider's name, which the names of its records begin with.
    provider: String,
    /// The option `store_key`, not looked at yet.
    key: Option<Secret>,
    clock: Clock,
}

/// What keeps the bytes of all records of a store.
#[derive(Clone)]
enum Media {
    /// An absolute path.
    Files { directory: PathBuf },
    /// What `Config::set_store` was given.
    Caller(CallerStore),
    #[cfg(feature = "redis")]
    Redis(Arc<Server>),
}

impl Media {
    /// The place of the record of this name. What cannot be a store is refused: here at the door,
    /// when the client is made.
    fn open(&self, name: &str) -> Result<Box<dyn Medium>> {
        Ok(match self {
            Media::Files { directory } => Box::new(RecordFile::open(directory, name)?),
            Media::Caller(caller) => Box::new(CallerRecord::new(caller.clone(), name)),
            #[cfg(feature = "redis")]
            Media::Redis(server) => Box::new(RedisRecord::new(server.clone(), name)),
        })
    }

    /// The place of another record in a store that was opened before, so nothing is checked.
    fn beside(&self, name: &str) -> Box<dyn Medium> {
        match self {
            Media::Files { directory } => Box::new(RecordFile::at(directory, name)),
            Media::Caller(caller) => Box::new(CallerRecord::new(caller.clone(), name)),
            #[cfg(feature = "redis")]
            Media::Redis(server) => Box::new(RedisRecord::new(server.clone(), name)),
        }
    }
}

fn is_of_redis(url: &str) -> bool {
    ["redis:", "rediss:", "redis+", "rediss+", "valkey:", "valkeys:", "valkey+", "valkeys+"]
        .iter()
        .any(|kind| url.starts_with(kind))
}

#[cfg(feature = "redis")]
fn redis(url: &str, options: &Options) -> Result<Media> {
    use crate::http::tls::{SYSTEM, TlsFiles};
    use crate::model::option_table::{CA, CA_FILE, CA_ONLY};
    let ca_file = options.text(CA_FILE).map(str::to_string);
    let replace_roots = options.flag(CA_ONLY);
    let system = options.text(CA) == Some(SYSTEM);
    let tls = TlsFiles { ca_file, system, replace_roots, ..TlsFiles::default() };
    Server::of(url, tls).map(Media::Redis)
}

#[cfg(not(feature = "redis"))]
fn redis(_: &str, _: &Options) -> Result<Media> {
    Err(Error::new(
        Status::InvalidOption,
        "store: this build of keyfob has no Redis in it; build it with the feature `redis`, or use file:<directory>",
    ))
}

impl StoreChoice {
    /// The store that the options name, or `caller`, the config's own. Fails where both are
    /// given, or the option names neither.
    ///
    /// The directory is made absolute now: a daemon that changes to another directory later must
    /// not change its store.
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
            (None, url, None) if is_of_redis(url) => Some(redis(url, options)?),
            (None, _, None) => {
                return Err(invalid("must be memory, file:<directory> or redis://host:port/db"));
            }
        };
        let key = options.text(STORE_KEY).map(Secret::from);
        Ok(StoreChoice { media, provider: provider.into(), key, clock: clock.clone() })
    }

    /// The same choice with memory in place of what would outlive the process.
    pub fn forgetful(&self) -> StoreChoice {
        StoreChoice { media: None, ..self.clone() }
    }

    /// The record of an identity. `shares_tokens` is about memory alone: whether all clients of
    /// the identity in this process live by one record. `is_credible` says whether what was read
    /// may be believed.
    pub fn record(
        &self,
        siblings: &Arc<Siblings>,
        shares_tokens: bool,
        is_credible: Check<Record>,
    ) -> Result<Box<dyn Store>> {
        let Some(media) = &self.media else {
            return Ok(Box::new(Memory { siblings: siblings.clone(), shares_tokens }));
        };
        let name = siblings.lasting(lasting);
        let medium = media.open(&self.named(&name))?;
        Ok(Box::new(self.stored(medium, &name, is_credible)?))
    }

    /// What opens the record of the attempts with the secret of this name; `None` where memory is
    /// all there is. Not opened yet: most clients never need it.
    pub fn attempts(&self, name: &Arc<str>) -> Option<Opener> {
        self.media.as_ref()?;
        let (choice, name) = (self.clone(), name.clone());
        Some(Box::new(move || {
            let Some(media) = &choice.media else { return Ok(None) };
            let name = lasting(&name);
            let medium = media.beside(&choice.named(&name));
            Ok(Some(Box::new(choice.stored(medium, &name, Arc::new(|_| true))?)))
        }))
    }

    /// What a record is called in the store: `<provider>-<digest>`.
    fn named(&self, name: &str) -> String {
        format!("{}-{name}", self.provider)
    }

    /// A store on this medium. Fails where `store_key` is no key.
    fn stored<R: Kept>(
        &self,
        medium: Box<dyn Medium>,
        name: &str,
        is_credible: Check<R>,
    ) -> Result<RecordStore<R>> {
        Ok(RecordStore::new(medium, name, self.key()?, &self.clock, is_credible))
    }

    /// What `store_key` says: a key, or that the system keeps one for the user.
    fn key(&self) -> Result<Option<Key>> {
        let Some(said) = self.key.as_ref().map(Secret::expose) else { return Ok(None) };
        match (&USER_SEAL, &self.media) {
            (Some(seal), Some(Media::Files { directory })) if said.trim() == seal.name => {
                user_key(directory, seal).map(Some)
            }
            (Some(seal), _) if said.trim() == seal.name => Err(Error::new(
                Status::InvalidOption,
                format!(
                    "store_key: {} keeps its key in the directory of a store file:<directory>; give \
                     other stores the key itself",
                    seal.name
                ),
            )),
            _ => Key::parse(said).map(Some),
        }
    }
}

/// What an identity or a secret is called in a store.
///
/// The name is made from credentials, and a store may be stolen: whoever tries passwords against
/// a name pays 10,000 hashes for each (PBKDF2, RFC 8018 5.2). Within a process the quicker digest
/// serves, and the hashes of a name are paid once: the last names stay known.
fn lasting(name: &Arc<str>) -> Arc<str> {
    const KNOWN: usize = 64;
    static LAST: Slot<Vec<(Arc<str>, Arc<str>)>> = Slot::empty();
    let find = |known: &Vec<(Arc<str>, Arc<str>)>| {
        known.iter().find(|(of, _)| of == name).map(|(_, lasting)| lasting.clone())
    };
    if let Some(lasting) = LAST.get().as_deref().and_then(find) {
        return lasting;
    }
    let lasting: Arc<str> = stretched(name).into();
    LAST.change(|known| {
        let mut next = vec![(name.clone(), lasting.clone())];
        next.extend(known.into_iter().flatten().take(KNOWN - 1).cloned());
        next
    });
    lasting
}

/// The same, worked out.
fn stretched(name: &str) -> String {
    use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
    const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("not 0");
    let mut lasting = [0; 16];
    derive(PBKDF2_HMAC_SHA256, ROUNDS, b"keyfob store", name.as_bytes(), &mut lasting);
    to_hex(&lasting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_worked_out_once_and_stays_what_it_was() {
        let name: Arc<str> = "d855e1a4f5e1bf62bdd58eaa9c5da942".into();
        let first = lasting(&name);
        assert_eq!(&*first, "83c6ee0f770eb3bf550108790d0b3558");
        assert!(Arc::ptr_eq(&first, &lasting(&name)), "known");
        // Of another allocation, as another client has it.
        assert!(Arc::ptr_eq(&first, &lasting(&Arc::from(&*name))));
    }
}
