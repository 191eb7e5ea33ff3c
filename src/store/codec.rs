//! A record as bytes and back: plain JSON, or sealed where there is a key. What cannot be trusted
//! never becomes a record.
//!
//! ```text
//! {"keyfob_store":1,"record":{"identity":"…","generation":3,"token":{…},…}}
//! {"keyfob_store":1,"sealed":{"cipher":"chacha20-poly1305","key":"…","nonce":"…","data":"…"}}
//! ```
//!
//! The codec knows no medium. It says by [`Unreadable`] why bytes are no record, since that
//! decides whether they may be overwritten.

use super::clocks::Clocks;
use super::document::{Body, Kept};
use super::medium::Unreadable;
use super::seal::{Key, Sealed};
use crate::error::Error;
use crate::support::clock::Clock;
use crate::support::json::read::{At, Misread, Read, needed, other, read};
use crate::support::json::{self, object};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Says whether a record may be believed, as far as this room cannot know: an endpoint must be
/// one that the profile discovers, for instance.
pub(crate) type Check<R> = Arc<dyn Fn(&R) -> bool + Send + Sync>;

/// Turns records of one identity into bytes and back.
pub(super) struct Codec<R> {
    /// The digest that a record must have been written for.
    identity: String,
    /// What records are sealed with; `None` is in the clear.
    key: Option<Key>,
    clocks: Clocks,
    is_credible: Check<R>,
}

/// The version of the format. A record of another one is not understood, and set aside.
const VERSION: u64 = 1;

/// The outermost object. Exactly one of `record` and `sealed` is there.
#[derive(Default)]
struct Document {
    keyfob_store: u64,
    record: Option<Body>,
    sealed: Option<Sealed>,
}

impl Read for Document {
    fn read(&mut self, at: &At<'_>) -> Result<(), Misread> {
        at.some_members(&mut [needed("keyfob_store", &mut self.keyfob_store)])?;
        match self.keyfob_store {
            VERSION => at.some_members(&mut [
                other("record", &mut self.record),
                other("sealed", &mut self.sealed),
            ]),
            _ => Ok(()),
        }
    }
}

impl<R: Kept> Codec<R> {
    pub fn new(identity: &str, key: Option<Key>, clock: &Clock, is_credible: Check<R>) -> Self {
        Codec { identity: identity.into(), key, clocks: Clocks::new(clock), is_credible }
    }

    /// The record in one line of JSON, sealed if there is a key. The memory is wiped when
    /// dropped.
    pub fn encode(&self, record: &R) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut body = record.body();
        body.identity = self.identity.clone();
        self.clocks.sign(&mut body);
        let body = body.to_value();
        let content = match &self.key {
            None => ("record", body),
            Some(key) => ("sealed", key.seal(body.to_json().as_bytes(), &self.identity)?),
        };
        let document = object([("keyfob_store", VERSION.into()), content]).to_json();
        let mut bytes = Zeroizing::new(Vec::with_capacity(document.len() + 1));
        bytes.extend_from_slice(document.as_bytes());
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The record that the bytes hold, its moments moved to this clock.
    ///
    /// A record in the clear is refused where there is a key: whoever can write the file, but
    /// does not have the key, must not be believed. So is one of another identity, which a file
    /// has that was moved or restored to the wrong name.
    pub fn decode(&self, bytes: &[u8]) -> Result<R, Unreadable> {
        let document: Document = parsed(bytes)?;
        if document.keyfob_store != VERSION {
            return Err(Unreadable::Worthless("was written by another version"));
        }
        let body = match (document.record, document.sealed, &self.key) {
            (Some(body), None, None) => body,
            (None, Some(sealed), Some(key)) => parsed(&key.open(&sealed, &self.identity)?)?,
            (None, Some(_), None) => return Err(Unreadable::Locked("is sealed; set store_key")),
            (Some(_), None, Some(_)) => {
                // Whoever can write the file but does not have the key must not be believed.
                return Err(Unreadable::Distrusted("is not sealed, but store_key is set"));
            }
            _ => return Err(Unreadable::Worthless("holds no record, or two")),
        };
        if body.identity != self.identity {
            return Err(Unreadable::Worthless("belongs to another identity"));
        }
        let shift = self.clocks.shift(&body);
        let record = R::of(body, &shift).filter(|record| (self.is_credible)(record));
        record.ok_or(Unreadable::Worthless("says what no client of this account has written"))
    }
}

/// JSON of this type. What is wrong with it is not told: nobody writes these by hand.
fn parsed<T: Read + Default>(bytes: &[u8]) -> Result<T, Unreadable> {
    let document = json::parse(bytes).ok();
    let made = document.and_then(|document| read(&document).ok());
    made.ok_or(Unreadable::Worthless("is damaged or not a keyfob record"))
}
