//! A key for `store_key` that nobody has to carry: made once, sealed by the system for this user
//! (`dpapi` on Windows), and kept beside the records.
//!
//! The file `store.key` has three words: `keyfob-key-1`, what sealed it, and what that made of the
//! key's 32 bytes, in base64. It is written whole before it has its name, and the first to name it
//! wins. It is never replaced: what was sealed with its key would be lost.

use super::file::distrust;
use super::medium::{MOST_BYTES, Unreadable};
use super::seal::Key;
use crate::error::{Error, Result, Status};
use crate::support::crypto;
use crate::support::hex::to_hex;
use crate::support::os::{self, Directory, Found, UserSeal};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fmt::Display;
use std::io::{Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

const NAME: &str = "store.key";
const FORM: &str = "keyfob-key-1";

/// The key of this directory, which is there already. It is made where there is none.
pub(super) fn user_key(directory: &Path, seal: &UserSeal) -> Result<Key> {
    let file = KeyFile { path: directory, seal };
    let open = Directory::open(directory).map_err(|e| file.fault("cannot be opened", e))?;
    if let Some(key) = file.read(&open)? {
        return Ok(key);
    }
    file.make(&open)?;
    // Read even where it was made here: what cannot be opened again must seal nothing.
    file.read(&open)?.ok_or_else(|| file.fault("is gone", "it was there a moment ago"))
}

struct KeyFile<'a> {
    path: &'a Path,
    seal: &'a UserSeal,
}

impl KeyFile<'_> {
    /// `None` where there is none. One that cannot be opened fails and stays as it is: whoever has
    /// a copy, or the right user, can mend it.
    fn read(&self, directory: &Directory) -> Result<Option<Key>> {
        let file = match directory.find(NAME) {
            Ok(Found::File(file)) => file,
            Ok(Found::Nothing) => return Ok(None),
            Ok(Found::Link) => return Err(self.fault("is a link", "put the file itself there")),
            Err(error) => return Err(self.fault("cannot be opened", error)),
        };
        let facts = os::facts(&file).map_err(|e| self.fault("cannot be examined", e))?;
        if let Some(Unreadable::Worthless(why)) = distrust(&facts) {
            return Err(self.fault(why, WAY_OUT));
        }
        let mut text = String::new();
        // What is no text is no key either.
        file.take(MOST_BYTES as u64).read_to_string(&mut text).ok();
        let damaged = || self.fault("is no key, or was changed", WAY_OUT);
        let words: Vec<&str> = text.split_whitespace().collect();
        let [FORM, by, sealed] = words[..] else { return Err(damaged()) };
        if by != self.seal.name {
            return Err(damaged());
        }
        let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| damaged())?;
        let key = (self.seal.open)(&sealed).map_err(|error| {
            let what = format!(
                "was changed, or sealed for another user or machine: {} says: {error}",
                self.seal.name
            );
            self.fault(&what, WAY_OUT)
        })?;
        Key::of(&key).map(Some).ok_or_else(damaged)
    }

    /// Makes a key and its file, unless somebody else has made one meanwhile.
    fn make(&self, directory: &Directory) -> Result<()> {
        let failed = |what| move |e| self.fault(what, e);
        let random = |count| {
            let made = crypto::random(count);
            made.map_err(|_| self.fault("cannot be made", "there is no randomness"))
        };
        let key = Zeroizing::new(random(32)?);
        let sealed = (self.seal.seal)(&key).map_err(|error| {
            self.fault("cannot be made", format_args!("{} says: {error}", self.seal.name))
        })?;
        // Of its own name: others may be making theirs.
        let temporary = format!("{NAME}.{}.new", to_hex(&random(8)?));
        let mut file = directory.open_or_make(&temporary).map_err(failed("cannot be made"))?;
        let written =
            writeln!(file, "{FORM} {} {}", self.seal.name, BASE64_STANDARD.encode(sealed))
                .and_then(|()| file.sync_all());
        drop(file);
        if let Err(error) = written {
            directory.remove(&temporary).ok();
            return Err(self.fault("cannot be written", error));
        }
        directory.rename_unless_there(&temporary, NAME).map_err(failed("cannot be made"))?;
        directory.make_durable().map_err(failed("cannot be made durable"))
    }

    fn fault(&self, what: &str, why: impl Display) -> Error {
        let file = self.path.join(NAME);
        Error::new(Status::Store, format!("store_key: {} {what}: {why}", file.display()))
    }
}

/// The end of an error message.
const WAY_OUT: &str =
    "put back a copy of it, or delete it and the records beside it, and log in anew";

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::PathBuf;
    use std::thread;

    /// Seals as the system would: what was changed does not open.
    const SEAL: UserSeal = UserSeal { name: "test", seal, open };

    fn seal(plain: &[u8]) -> io::Result<Vec<u8>> {
        let sum = plain.iter().fold(7, |sum: u8, byte| sum.wrapping_mul(31) ^ byte);
        Ok(plain.iter().map(|byte| byte ^ 0x5A).chain([sum]).collect())
    }

    fn open(sealed: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        let plain: Vec<u8> = sealed.split_last().map(|(_, rest)| rest).unwrap_or_default().to_vec();
        let plain: Vec<u8> = plain.iter().map(|byte| byte ^ 0x5A).collect();
        if seal(&plain)? == sealed {
            Ok(plain.into())
        } else {
            Err(io::ErrorKind::InvalidData.into())
        }
    }

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let name = format!("keyfob-user-key-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::remove_dir_all(&path).ok();
            Directory::make(&path).unwrap();
            Place(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }

        /// What tells the key from others.
        fn id(&self) -> String {
            let key = user_key(&self.0, &SEAL).unwrap();
            key.seal(b"", "x").unwrap().get("key").unwrap().as_str().unwrap().to_string()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    #[test]
    fn all_who_ask_at_once_have_the_key_of_the_first() {
        for _ in 0..20 {
            let place = Place::new("race");
            let ids: Vec<String> = thread::scope(|scope| {
                let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| place.id())).collect();
                asked.into_iter().map(|each| each.join().unwrap()).collect()
            });
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            assert_eq!(place.names(), [NAME]);
        }
    }

    #[test]
    fn a_changed_key_is_told_and_stays_as_it_is() {
        let place = Place::new("changed");
        let (id, file) = (place.id(), place.0.join(NAME));
        let good = std::fs::read_to_string(&file).unwrap();
        let sealed = good.split(' ').nth(2).unwrap();
        let flipped = if sealed.starts_with('A') { "B" } else { "A" };
        let cases = [
            ("", "is no key"),
            ("\u{0}\u{0}", "is no key"),
            ("keyfob-key-2 test AAAA", "is no key"),
            ("keyfob-key-1 other AAAA", "is no key"),
            ("keyfob-key-1 test ?", "is no key"),
            (
                &format!("{FORM} test {flipped}{}", &sealed[1..]),
                "was changed, or sealed for another",
            ),
            (
                &format!("{FORM} test {}", BASE64_STANDARD.encode(seal(b"short").unwrap())),
                "is no key",
            ),
        ];
        for (bad, told) in cases {
            std::fs::write(&file, bad).unwrap();
            let error = user_key(&place.0, &SEAL).err().expect(bad);
            assert_eq!(error.status(), Status::Store, "{bad}");
            assert!(error.message().contains(told), "{bad}: {error}");
            assert!(error.message().contains("store.key"), "{error}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), bad, "left as it is");
        }
        std::fs::write(&file, &good).unwrap();
        assert_eq!(place.id(), id, "put back");
    }
}
