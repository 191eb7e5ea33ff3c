//! Text that must not be seen: wiped when dropped, redacted in Debug, never displayed.
//!
//! A type of its own makes the careful way the short one: a secret that is formatted by mistake
//! shows `***`, and a search for `expose` lists every place that reads one.

use std::fmt;
use zeroize::Zeroizing;

/// A password, a key or a token.
///
/// The memory is zeroed when the value is dropped. There is no `Display`, and `Debug` prints
/// `***`; [`Secret::expose`] is the only way to the text. A clone is a second copy, wiped by
/// itself. The value may be sent to other threads and read from several at once.
///
/// ```
/// let secret = keyfob::Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "***");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over the text. A `String` is moved and wiped later; of a `&str` a copy is made, and
    /// the original stays the caller's to wipe.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that has to send or store it. A copy made of it is not
    /// wiped.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret::new(text)
    }
}
