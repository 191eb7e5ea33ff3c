//! What others wrote, without what it repeats of our secrets.
//!
//! A server's words go into errors and logs, because they tell what to do. But a cloud may echo
//! what it was sent: whole, in another case, cut short, percent-encoded, in base64 or
//! hexadecimal, or in one of these within another. Eight bytes of a secret in a row are taken for
//! it.
//!
//! ```text
//! secret:  Correct horse battery
//! said:    "user:Q29ycmVjdCBob3JzZSBiYXR0ZXJ5 is unknown"
//! shown:   "*** is unknown"
//! ```

use super::percent::percent_decoded;
use super::secret::Secret;
use std::ops::Range;
use zeroize::Zeroizing;

/// The least of a secret that counts as some of it, in bytes. Fewer are found in ordinary words
/// by chance.
const PIECE: usize = 8;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// The secrets that no message may show, in a form that is quick to search for. Wiped when
/// dropped.
#[derive(Clone, Default)]
pub(crate) struct Redaction {
    /// Every run of eight bytes of every secret, in lower case, as a number; sorted, for a binary
    /// search.
    pieces: Zeroizing<Vec<u64>>,
    /// Secrets that are shorter than a piece. They are looked for as a whole.
    short: Vec<Secret>,
}

impl Redaction {
    /// Takes in these secrets. Empty ones are left out: they would be found everywhere.
    pub fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Redaction {
        let (long, short): (Vec<&str>, Vec<&str>) = secrets.partition(|text| text.len() >= PIECE);
        // Large enough from the beginning: growing would leave copies behind.
        let mut pieces =
            Zeroizing::new(Vec::with_capacity(long.iter().map(|text| text.len()).sum()));
        pieces.extend(long.iter().flat_map(|text| text.as_bytes().windows(PIECE)).map(piece));
        pieces.sort_unstable();
        let short = short.into_iter().filter(|text| !text.is_empty()).map(Secret::from).collect();
        Redaction { pieces, short }
    }

    /// Whether the text shows some of a secret, plain or in any encoding, up to three encodings
    /// deep.
    pub fn is_shown_by(&self, text: &str) -> bool {
        // Enough for a secret in base64, in a query, in base64.
        const DEEPEST: usize = 3;
        self.shown(text.as_bytes(), DEEPEST)
    }

    /// `deep`: how many encodings may still be undone. Bounded, because a server chooses the
    /// text.
    fn shown(&self, text: &[u8], deep: usize) -> bool {
        self.plain(text).is_some()
            || deep > 0 && decoded(text).iter().any(|form| self.shown(form, deep - 1))
    }

    /// The text with `***` for every word that shows some of a secret, or `***` alone where the
    /// words together still show one.
    pub fn clean(&self, text: &str) -> String {
        let mut rest = text;
        let mut without = String::new();
        while let Some(found) = self.plain(rest.as_bytes()) {
            let start = (0..=found.start).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(0);
            let end = (found.end..rest.len()).find(|at| rest.is_char_boundary(*at));
            without.push_str(&rest[..start]);
            without.push_str(HIDDEN);
            rest = &rest[end.unwrap_or(rest.len())..];
        }
        without.push_str(rest);
        let is_end = |c: char| c.is_whitespace() || "\"'`()<>[]{},;".contains(c);
        let words = without.split_inclusive(is_end).map(|word| {
            let ending = word.chars().next_back().filter(|c| is_end(*c)).map_or(0, char::len_utf8);
            let (inner, ending) = word.split_at(word.len() - ending);
            if self.is_shown_by(inner) { format!("{HIDDEN}{ending}") } else { word.to_string() }
        });
        let clean: String = words.collect();
        if self.is_shown_by(&clean) { HIDDEN.into() } else { clean }
    }

    /// Where some of a secret stands without an encoding, in upper or lower case. Neighbouring
    /// pieces are one range.
    fn plain(&self, text: &[u8]) -> Option<Range<usize>> {
        let is_piece = |window: &[u8]| self.pieces.binary_search(&piece(window)).is_ok();
        let mut windows = text.windows(PIECE);
        if let Some(start) = windows.position(is_piece) {
            let more = windows.take_while(|window| is_piece(window)).count();
            return Some(start..start + PIECE + more);
        }
        self.short.iter().find_map(|secret| word(text, secret.expose().as_bytes()))
    }
}

/// Where a secret of fewer than eight bytes stands. One of three bytes or less must stand alone:
/// as a part of other words it gives nothing away.
fn word(text: &[u8], secret: &[u8]) -> Option<Range<usize>> {
    const LEAST: usize = 4;
    let mut windows = text.windows(secret.len()).enumerate();
    let alone = |at: Option<usize>| {
        at.and_then(|at| text.get(at)).is_none_or(|b| !b.is_ascii_alphanumeric())
    };
    windows.find_map(|(start, window)| {
        let end = start + secret.len();
        let counts = secret.len() >= LEAST || alone(start.checked_sub(1)) && alone(Some(end));
        (window.eq_ignore_ascii_case(secret) && counts).then_some(start..end)
    })
}

/// Eight bytes as one number, without regard to case.
fn piece(window: &[u8]) -> u64 {
    window.iter().fold(0, |number, byte| number << 8 | u64::from(byte.to_ascii_lowercase()))
}

/// Every text that this one may stand for, if it or a run in it is an encoding. A run that was
/// cut may begin at any digit, so each is decoded from every offset.
fn decoded(text: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms = Vec::new();
    if text.contains(&b'%') {
        forms.push(percent_decoded(text, true).bytes);
    }
    let is_sextet = |byte: &u8| sextet(*byte).is_some();
    for run in text.split(|byte| !is_sextet(byte)).filter(|run| run.len() > PIECE) {
        // It may have been cut at any place.
        forms.extend((0..4).map(|offset| packed(&run[offset..], 6, sextet)));
    }
    for run in text.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() >= 2 * PIECE) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        forms.extend((0..2).map(|offset| packed(&run[offset..], 4, digit)));
    }
    forms
}

/// The value of a digit of base64, of either alphabet (RFC 4648 4 and 5).
fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// The bytes that digits of so many bits each make up. Other bytes are passed over; bits left
/// over are dropped.
fn packed(digits: &[u8], bits: u32, digit: impl Fn(u8) -> Option<u32>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len()));
    let (mut buffer, mut held) = (0, 0);
    for value in digits.iter().filter_map(|byte| digit(*byte)) {
        buffer = (buffer << bits | value) & 0xffff;
        held += bits;
        if held >= 8 {
            held -= 8;
            bytes.push((buffer >> held) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    const SECRET: &str = "Correct horse+battery/stäple";

    fn redaction() -> Redaction {
        Redaction::of([SECRET, "s3cr", "abc"].into_iter())
    }

    fn percent(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02x}")).collect()
    }

    #[test]
    fn a_secret_is_known_in_every_form() {
        let basic = BASE64_STANDARD.encode(format!("user:{SECRET}"));
        let url = BASE64_URL_SAFE_NO_PAD.encode(format!("??{SECRET}"));
        let encoded = "Correct+horse%2Bbattery%2Fst%C3%A4ple";
        for form in [
            SECRET.to_string(),
            SECRET.to_uppercase(),
            "correct horse".into(),
            "t horse+".into(),
            basic.clone(),
            basic[3..20].into(),
            basic[5..].into(),
            url.clone(),
            encoded.into(),
            encoded[3..16].into(),
            percent(SECRET),
            percent(&percent(SECRET)),
            percent(&basic),
            BASE64_STANDARD.encode(encoded),
            BASE64_STANDARD.encode(&basic),
            crate::support::hex::to_hex(SECRET.as_bytes()),
            crate::support::hex::to_hex(SECRET.as_bytes())[7..40].to_uppercase(),
        ] {
            assert!(redaction().is_shown_by(&form), "{form}");
            let text = format!("The token \"{form}\" is not valid, see https://example.com/help");
            let clean = redaction().clean(&text);
            assert!(clean.contains(HIDDEN) && !redaction().is_shown_by(&clean), "{clean}");
            assert!(clean.starts_with("The token \"***"), "{clean}");
            assert!(clean.ends_with("is not valid, see https://example.com/help"), "{clean}");
        }
    }

    #[test]
    fn what_is_no_secret_is_left_as_it_is() {
        for text in [
            "",
            "invalid_grant",
            "Mend your password and try again: horses and batteries",
            "abcd is no abcessible thing",
            "00000000-0000-0000-0000-000000000000",
            "100% sure + %zz",
        ] {
            assert_eq!(redaction().clean(text), text);
        }
    }

    #[test]
    fn a_short_secret_is_hidden_whole() {
        assert_eq!(redaction().clean("the key S3CR3T"), "the key ***3T");
        assert_eq!(redaction().clean("abc, or abcd"), "***, or abcd");
        assert!(Redaction::of(["grant"].into_iter()).is_shown_by("invalid_grant"));
        assert!(!Redaction::of(["a", ""].into_iter()).is_shown_by("invalid_grant"));
    }
}
