//! Sealing at rest: ChaCha20-Poly1305 (RFC 8439) with a fresh nonce for each write, bound to the
//! identity it was written for.
//!
//! It guards a disk that is stolen or copied while the key is elsewhere. Whoever can write to the
//! disk can still put back an older record: nothing on the disk could tell.
//!
//! A nonce is 96 random bits. With one key, two equal ones are not to be expected in billions of
//! writes.

use super::medium::Unreadable;
use crate::error::{Error, Result, Status};
use crate::support::hex::to_hex;
use crate::support::json::read::{At, Misread, Read, needed};
use crate::support::json::{Value, object};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// The key of a store, from the option `store_key`.
pub(super) struct Key {
    /// ring's name for a key whose nonces are chosen by its user.
    key: LessSafeKey,
    /// Tells keys apart without revealing them: the first 8 bytes of a hash. So a wrong key is
    /// told from a damaged file.
    id: String,
}

/// What a sealed file holds in the place of a record.
#[derive(Default)]
pub(super) struct Sealed {
    /// [`CIPHER`]; another one is of a newer release.
    cipher: String,
    /// The `id` of the key.
    key: String,
    /// 12 bytes, in base64.
    nonce: String,
    /// The record and its tag, in base64.
    data: String,
}

impl Read for Sealed {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        at.members(&mut [
            needed("cipher", &mut self.cipher),
            needed("key", &mut self.key),
            needed("nonce", &mut self.nonce),
            needed("data", &mut self.data),
        ])
    }
}

/// Named in the file, so that another can be added.
const CIPHER: &str = "chacha20-poly1305";

impl Key {
    /// Reads a key: 32 bytes as 64 hexadecimal digits, or as base64. 64 hexadecimal digits are
    /// never taken for base64.
    pub fn parse(text: &str) -> Result<Key> {
        hex(text)
            .or_else(|| BASE64_STANDARD.decode(text.trim()).ok().map(Zeroizing::new))
            .and_then(|bytes| Key::of(&bytes))
            .ok_or_else(|| {
                Error::new(
                    Status::InvalidOption,
                    "store_key: must be 32 bytes as hexadecimal digits or base64, or on Windows dpapi",
                )
            })
    }

    /// The key of these bytes; `None` unless there are 32.
    pub fn of(bytes: &[u8]) -> Option<Key> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?;
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        hash.update(b"keyfob store key id");
        hash.update(bytes);
        let id = to_hex(&hash.finish().as_ref()[..8]);
        Some(Key { key: LessSafeKey::new(key), id })
    }

    /// Seals a record for this identity. Gives the object that [`Sealed`] is read from.
    pub fn seal(&self, plain: &[u8], identity: &str) -> Result<Value> {
        let failed = |_| Error::new(Status::Store, "the store cannot be sealed: no randomness");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(failed)?;
        // Grown before it is filled: encryption in place must not leave a plain copy behind.
        let mut data =
            Zeroizing::new(Vec::with_capacity(plain.len() + CHACHA20_POLY1305.tag_len()));
        data.extend_from_slice(plain);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(unique, Aad::from(bound(identity)), &mut *data)
            .map_err(failed)?;
        Ok(object([
            ("cipher", CIPHER.into()),
            ("key", (&self.id).into()),
            ("nonce", (&BASE64_STANDARD.encode(nonce)).into()),
            ("data", (&BASE64_STANDARD.encode(&*data)).into()),
        ]))
    }

    /// Opens what was sealed with this key for this identity.
    ///
    /// Fails with `Locked` where another key or cipher sealed it: it may be good. With
    /// `Worthless` where the seal is broken: the bytes were changed, or belong to another
    /// identity.
    pub fn open(
        &self,
        sealed: &Sealed,
        identity: &str,
    ) -> std::result::Result<Zeroizing<Vec<u8>>, Unreadable> {
        if sealed.cipher != CIPHER {
            return Err(Unreadable::Locked("is sealed with a cipher this version does not know"));
        }
        if sealed.key != self.id {
            return Err(Unreadable::Locked("is sealed with another store_key"));
        }
        let damaged = Unreadable::Worthless("is damaged: its seal is broken");
        let parts = (BASE64_STANDARD.decode(&sealed.nonce), BASE64_STANDARD.decode(&sealed.data));
        let (Ok(nonce), Ok(data)) = parts else { return Err(damaged) };
        let Ok(nonce) = Nonce::try_assume_unique_for_key(&nonce) else { return Err(damaged) };
        let mut data = Zeroizing::new(data);
        match self.key.open_in_place(nonce, Aad::from(bound(identity)), &mut data) {
            Ok(plain) => Ok(Zeroizing::new(plain.to_vec())),
            Err(_) => Err(damaged),
        }
    }
}

/// What the seal is bound to besides the bytes (associated data, RFC 8439 2.8). A file that is
/// moved to another identity's name does not open.
fn bound(identity: &str) -> String {
    format!("keyfob store 1: {identity}")
}

/// A key in hexadecimal; wiped when dropped.
fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    (0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}
