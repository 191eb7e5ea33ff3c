//! Sealing at rest: ChaCha20-Poly1305 (RFC 8439) with a fresh nonce for each write, bound to the
//! identity it was written for.

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
    key: LessSafeKey,
    /// Tells keys apart without telling them: a part of a hash.
    id: String,
}

/// What a sealed file holds in the place of a record.
#[derive(Default)]
pub(super) struct Sealed {
    cipher: String,
    key: String,
    nonce: String,
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

const CIPHER: &str = "chacha20-poly1305";

impl Key {
    /// 32 bytes as 64 hexadecimal digits, or as base64.
    pub fn parse(text: &str) -> Result<Key> {
        let unusable = || {
            Error::new(
                Status::InvalidOption,
                "store_key: must be 32 bytes, written as 64 hexadecimal digits or as base64",
            )
        };
        let bytes =
            hex(text).or_else(|| BASE64_STANDARD.decode(text.trim()).ok().map(Zeroizing::new));
        let bytes = bytes.filter(|bytes| bytes.len() == 32).ok_or_else(unusable)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| unusable())?;
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        hash.update(b"keyfob store key id");
        hash.update(&bytes);
        let id = to_hex(&hash.finish().as_ref()[..8]);
        Ok(Key { key: LessSafeKey::new(key), id })
    }

    /// What [`Sealed`] is read from.
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

/// A file that is moved to another identity's name is not that identity's.
fn bound(identity: &str) -> String {
    format!("keyfob store 1: {identity}")
}

fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    (0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}
