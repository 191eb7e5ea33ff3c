//! Percent-encoding undone (RFC 3986 2.1). What encodes stands in `http/url.rs`.
//!
//! ```text
//! a%40b%zz     a@b%zz, and not whole: a % that begins no escape stands for itself
//! a+b          a+b; in a form (URL Standard 5) a blank stands between the two
//! ```

use zeroize::Zeroizing;

/// The bytes that a text stands for. They may be a secret.
pub(crate) struct Decoded {
    pub bytes: Zeroizing<Vec<u8>>,
    /// Whether each `%` began an escape.
    pub is_whole: bool,
}

/// Undoes percent-encoding. `in_form`: a `+` is a blank.
pub(crate) fn percent_decoded(text: &[u8], in_form: bool) -> Decoded {
    let mut decoded = Decoded { bytes: Vec::with_capacity(text.len()).into(), is_whole: true };
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        decoded.bytes.push(match (first, digit(0).zip(digit(1))) {
            (b'%', Some((high, low))) => {
                rest = &after[2..];
                (high << 4 | low) as u8
            }
            (b'+', _) if in_form => b' ',
            (other, _) => {
                decoded.is_whole &= *other != b'%';
                *other
            }
        });
    }
    decoded
}

impl Decoded {
    /// The text, where all of it was encoded well and is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|_| self.is_whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        for (text, in_form, bytes, is_whole) in [
            ("a%40b+c%2f", false, "a@b+c/", true),
            ("a%40b+c%2F", true, "a@b c/", true),
            ("%zz%+f%4", false, "%zz%+f%4", false),
            ("%", true, "%", false),
            ("", true, "", true),
        ] {
            let decoded = percent_decoded(text.as_bytes(), in_form);
            assert_eq!((&decoded.bytes[..], decoded.is_whole), (bytes.as_bytes(), is_whole));
            assert_eq!(decoded.text(), is_whole.then_some(bytes), "{text}");
        }
        assert_eq!(percent_decoded(b"%ff", false).text(), None);
    }
}
