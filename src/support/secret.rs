//! Text that must not be seen: wiped when dropped, redacted in Debug, never displayed.

use std::fmt;
use zeroize::Zeroizing;

/// A password, a key or a token.
///
/// The memory is zeroed when the value is dropped. There is no `Display`, and `Debug` prints `***`;
/// the only way to the text is [`Secret::expose`], which is easy to search for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over the text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that has to send or store it.
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
