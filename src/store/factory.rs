//! Which store the options ask for.

use super::Store;
use super::callback::{Own, OwnRecord};
use super::file::RecordFile;
use super::kept::Kept;
use super::memory::Memory;
use super::siblings::Siblings;
use crate::error::{Error, Result, Status};
use crate::model::options::Options;
use crate::support::clock::Clock;
use crate::support::hex::to_hex;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The store that the options name, for this identity.
pub(crate) fn store(
    options: &Options,
    own: Option<&Own>,
    provider: &str,
    siblings: &Arc<Siblings>,
    clock: &Clock,
) -> Result<Box<dyn Store>> {
    let invalid = |what: &str| Err(Error::new(Status::InvalidOption, format!("store: {what}")));
    let key = options.get("store_key");
    if let Some(own) = own {
        if options.is_set("store") {
            return invalid("is set, but the config has a store of the caller's own, too");
        }
        let identity = &lasting(&siblings.name);
        let record = OwnRecord::new(own.clone(), &format!("{provider}-{identity}"));
        return Ok(Box::new(Kept::new(record, identity, key, clock)?));
    }
    match options.get("store").unwrap_or("memory") {
        "memory" => Ok(Box::new(Memory(siblings.clone()))),
        other => match other.strip_prefix("file:").filter(|directory| !directory.is_empty()) {
            Some(directory) => {
                let identity = &lasting(&siblings.name);
                let file = RecordFile::open(directory, &format!("{provider}-{identity}"))?;
                Ok(Box::new(Kept::new(file, identity, key, clock)?))
            }
            None => invalid("must be memory or file:<directory>"),
        },
    }
}

/// An identity as a store knows it. It is made from the credentials, and a store may be stolen:
/// whoever guesses passwords by it pays for each guess (RFC 8018 5.2).
fn lasting(identity: &str) -> String {
    use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
    const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("not 0");
    let mut name = [0; 16];
    derive(PBKDF2_HMAC_SHA256, ROUNDS, b"keyfob store", identity.as_bytes(), &mut name);
    to_hex(&name)
}
