//! A document that others wrote, looked into where it stands: what is asked for is read, and the
//! rest is passed over, whatever it holds.
//!
//! An answer of a cloud is worth more than its oddest member. A lone surrogate in a display name,
//! a number that no type holds, or a body nested two hundred deep must not cost a token that
//! stands beside it. No tree is built either, so the memory that an answer takes is its own
//! length.
//!
//! ```text
//! {"name": "Jo \ud83d", "n": 1e999999, "access_token": "t"}     serde_json: error
//!                                               /access_token   Document: "t"
//! ```
//!
//! Each look-up reads the text again from its beginning. Answers are short and asked a dozen
//! times.

use super::{Value, parse};
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

/// The longest text that is read, in bytes: no token, code or URL has a megabyte. A longer one is
/// null.
const LONGEST_TEXT: usize = 1 << 20;
/// The largest object or array that is read as a whole, in bytes of its text. A tree may take a
/// hundred times the memory of its text, and a server chooses that. A larger one can still be
/// looked into by pointers.
const LARGEST_TREE: usize = 16 * 1024;

/// The text of a JSON value that is whole: its strings and brackets are closed.
///
/// Where [`parse()`] reads a text, this finds the same in it. It also takes what no writer should
/// write: bytes that are not UTF-8 and lone surrogates (each becomes U+FFFD), control characters
/// in strings, numbers of any size, words such as `NaN` (they are `null`), surplus commas, any
/// depth, a byte order mark, and anything after the end.
///
/// It borrows the text and is cheap to copy. The caller wipes the text if it holds a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document<'a>(&'a [u8]);

impl<'a> Document<'a> {
    /// The value that the text begins with. `None` where it is not closed, and where a value that
    /// is neither object nor array is followed by more: `404 not found` is no number.
    pub fn of(text: &'a [u8]) -> Option<Document<'a>> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let value = Scan { rest: text }.value()?;
        let is_container = matches!(value.first(), Some(b'{' | b'['));
        let is_scalar = || serde_json::from_slice::<IgnoredAny>(text).is_ok();
        (is_container || is_scalar()).then_some(Document(value))
    }

    /// The same for an object that may be cut: members that stand before the cut are found.
    pub fn beginning_of(text: &'a [u8]) -> Option<Document<'a>> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
        text.starts_with(b"{").then_some(Document(text))
    }

    /// A member of an object, by its name; `None` for other values. Of two with one name the last
    /// counts.
    pub fn member(&self, name: &str) -> Option<Document<'a>> {
        let members = self.is_object().then(|| self.members()).into_iter().flatten();
        members.filter(|(found, _)| is_named(found, name)).last().map(|member| member.1)
    }

    /// The items of an array; none for other values.
    pub fn entries(&self) -> impl Iterator<Item = Document<'a>> {
        let is_array = self.0.first() == Some(&b'[');
        is_array.then(|| self.items()).into_iter().flatten()
    }

    /// The text, if it is one. A copy that is not wiped: not for tokens.
    pub fn as_text(&self) -> Option<String> {
        match self.0 {
            [b'"', inner @ .., b'"'] => Some(text(inner)?.to_string()),
            _ => None,
        }
    }

    pub fn is_object(&self) -> bool {
        self.0.first() == Some(&b'{')
    }

    /// What a JSON pointer (RFC 6901) points at: `/data/0/token`. `None` where it points nowhere.
    pub fn pointer(&self, path: &str) -> Option<Value> {
        self.at(path).map(|found| found.value())
    }

    /// How many items the array has that a JSON pointer points at; `None` where that is no array.
    pub fn count(&self, path: &str) -> Option<usize> {
        let found = self.at(path).filter(|found| found.0.first() == Some(&b'['))?;
        Some(found.items().count())
    }

    /// Follows a pointer. `~1` stands for `/` in a name, and `~0` for `~` (RFC 6901 3).
    fn at(&self, path: &str) -> Option<Document<'a>> {
        if path.is_empty() {
            return Some(*self);
        }
        let steps = path.strip_prefix('/')?.split('/');
        steps.map(|step| step.replace("~1", "/").replace("~0", "~")).try_fold(*self, |at, step| {
            match at.0.first()? {
                b'{' => at.members().filter(|(name, _)| is_named(name, &step)).last().map(|m| m.1),
                b'[' => at.items().nth(index(&step)?),
                _ => None,
            }
        })
    }

    /// Names as they are written, and values, up to the first that is malformed. Only for an
    /// object.
    fn members(&self) -> impl Iterator<Item = (&'a [u8], Document<'a>)> {
        let mut scan = Scan { rest: &self.0[1..] };
        std::iter::from_fn(move || {
            scan.separators();
            let name = scan.string()?;
            scan.blanks();
            scan.rest = scan.rest.strip_prefix(b":")?;
            // A name without a value (`"a":}`) counts as null.
            Some((name, Document(scan.value().unwrap_or(b"null"))))
        })
    }

    /// The items up to the first that is malformed. Only for an array.
    fn items(&self) -> impl Iterator<Item = Document<'a>> {
        let mut scan = Scan { rest: &self.0[1..] };
        std::iter::from_fn(move || {
            scan.separators();
            scan.value().map(Document)
        })
    }

    /// What stands here, as a tree. What cannot be read is null, or an empty array where it is an
    /// object or array: a rule that asks whether something is there gets the right answer.
    fn value(&self) -> Value {
        match self.0 {
            b"true" => Value::Bool(true),
            b"false" => Value::Bool(false),
            [b'"', inner @ .., b'"'] => text(inner).map_or(Value::Null, Value::Text),
            // It shows that something is there, but not what: that is too large, or malformed.
            [b'{' | b'[', ..] if self.0.len() > LARGEST_TREE => Value::Array(Vec::new()),
            [b'{' | b'[', ..] => parse(self.0).unwrap_or(Value::Array(Vec::new())),
            word if word.len() > LONGEST_TEXT => Value::Null,
            word => match std::str::from_utf8(word).ok().filter(|word| is_number(word)) {
                Some(digits) => Value::Number(digits.into()),
                None => Value::Null,
            },
        }
    }
}

/// Goes through a text, a token at a time. Recursion is not used, so depth costs nothing.
struct Scan<'a> {
    /// What was not gone through yet.
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    fn skip(&mut self, these: &[u8]) {
        let end = self.rest.iter().position(|byte| !these.contains(byte));
        self.rest = &self.rest[end.unwrap_or(self.rest.len())..];
    }

    fn blanks(&mut self) {
        self.skip(b" \t\r\n");
    }

    /// Passes over blanks and any number of commas: one too many, or one at the end, says
    /// nothing.
    fn separators(&mut self) {
        self.skip(b" \t\r\n,");
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// What stands between two quotes, escapes not undone. `None` where no quote closes it.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.rest = self.rest.strip_prefix(b"\"")?;
        let mut at = 0;
        loop {
            at += self.rest.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            if self.rest[at] == b'"' {
                let inner = self.take(at);
                self.take(1);
                return Some(inner);
            }
            at += 2;
        }
    }

    /// The next value, as it is written; `None` where there is none, or no end to it.
    fn value(&mut self) -> Option<&'a [u8]> {
        self.blanks();
        let start = self.rest;
        match start.first()? {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.container()?,
            _ => {
                let ends =
                    |byte: &u8| matches!(byte, b',' | b']' | b'}' | b'"' | b'{' | b'[' | b':');
                let ends = |byte: &u8| ends(byte) || byte.is_ascii_whitespace();
                let length = start.iter().position(ends).unwrap_or(start.len());
                self.take(length);
            }
        }
        let value = &start[..start.len() - self.rest.len()];
        (!value.is_empty()).then_some(value)
    }

    /// Goes to the bracket that closes the one here. Brackets are counted, not nested, and not
    /// told apart: `[}` is closed. Nothing in the text can use up the stack.
    fn container(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.rest.first()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.take(1);
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// RFC 8259 6, for numbers of any size.
fn is_number(word: &str) -> bool {
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
        }
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    [whole, fraction, exponent].into_iter().all(digits) && (whole == "0" || !whole.starts_with('0'))
}

/// An index into an array: digits without a leading zero (RFC 6901 4).
fn index(step: &str) -> Option<usize> {
    let plain = step == "0" || !step.starts_with(['0', '+']);
    plain.then(|| step.parse().ok()).flatten()
}

/// Whether a member's name is this one. Escapes are undone only where there are any.
fn is_named(name: &[u8], wanted: &str) -> bool {
    if name.contains(&b'\\') {
        text(name).is_some_and(|name| *name == wanted)
    } else {
        name == wanted.as_bytes()
    }
}

/// Stands for what is no character.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// A string's text, escapes undone. `None` where it is too long, or there is no memory for it:
/// the size is the server's choice, so a failed allocation must not end the process.
fn text(inner: &[u8]) -> Option<Zeroizing<String>> {
    if inner.len() > LONGEST_TEXT {
        return None;
    }
    let broken = inner.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    // Large enough from the beginning: growing would leave copies of a secret behind.
    let mut text = Zeroizing::new(String::new());
    text.try_reserve_exact(inner.len() + 2 * broken).ok()?;
    for chunk in inner.utf8_chunks() {
        unescape(chunk.valid(), &mut text);
        text.extend((!chunk.invalid().is_empty()).then_some(REPLACEMENT));
    }
    Some(text)
}

/// Undoes RFC 8259 7. Forgiving: of an unknown escape the character itself is taken.
fn unescape(mut rest: &str, into: &mut String) {
    while let Some((plain, escape)) = rest.split_once('\\') {
        into.push_str(plain);
        let mut after = escape.chars();
        let meant = match after.next() {
            None => return,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (meant, after) = unicode(after.as_str());
                into.push(meant);
                rest = after;
                continue;
            }
            Some(itself) => itself,
        };
        into.push(meant);
        rest = after.as_str();
    }
    into.push_str(rest);
}

/// The character that follows `\u`, and the rest: four digits, or a pair of surrogates. U+FFFD
/// for anything else.
fn unicode(digits: &str) -> (char, &str) {
    let Some((unit, rest)) = hex(digits) else { return (REPLACEMENT, digits) };
    match (unit, rest.strip_prefix("\\u").and_then(hex)) {
        (0xd800..=0xdbff, Some((low @ 0xdc00..=0xdfff, rest))) => {
            let both = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(both).unwrap_or(REPLACEMENT), rest)
        }
        _ => (char::from_u32(unit).unwrap_or(REPLACEMENT), rest),
    }
}

/// Four hexadecimal digits and the rest.
fn hex(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((u32::from_str_radix(digits, 16).ok().filter(|_| are_digits)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &[u8], path: &str) -> Option<Value> {
        Document::of(text)?.pointer(path)
    }

    #[test]
    fn an_unrelated_member_spoils_nothing() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for odd in [
            r#""Jo \ud83d""#,
            r#""\udc00\ud800""#,
            r#""\u12""#,
            r#""\x41""#,
            "\"a\nb\tc\0\"",
            "1e999999999",
            "-1E+999999999999999999999",
            &"9".repeat(1000),
            "NaN",
            "-Infinity",
            "undefined",
            "0x1f",
            "'single'",
            "",
            "[1,,2,]",
            r#"{"a":1,}"#,
            &deep,
        ] {
            let text = format!(r#"{{"odd": {odd}, "token": "t", "n": 3600}}"#);
            assert_eq!(at(text.as_bytes(), "/token"), Some("t".into()), "{odd:.40}");
            assert_eq!(at(text.as_bytes(), "/n"), Some(3600_u64.into()), "{odd:.40}");
        }
    }

    #[test]
    fn what_surrounds_a_document_is_passed_over() {
        for text in [
            &b"\xEF\xBB\xBF{\"a\":1}\0"[..],
            b" \r\n{\"a\":1}\r\n",
            b"{\"a\":1}\0\0\0",
            b"{\"a\":1}<!-- 3 ms -->",
            b"{,\"a\":1,}",
        ] {
            assert_eq!(at(text, "/a"), Some(1_u64.into()), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_whole_is_no_document() {
        for text in [
            "",
            " ",
            "{",
            r#"{"a":1"#,
            r#"{"a":"1}"#,
            r#"{"a":"1\"}"#,
            r#"{"a":[1}"#,
            "<html>",
            "404 x",
        ] {
            assert!(Document::of(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_become_replacements() {
        let text = b"{\"error\":\"invalid_grant\",\"why\":\"ung\xfcltig\"}";
        assert_eq!(at(text, "/error"), Some("invalid_grant".into()));
        assert_eq!(at(text, "/why"), Some("ung\u{fffd}ltig".into()));
    }

    #[test]
    fn texts_mean_what_rfc_8259_says() {
        let text =
            br#"{"a":"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00\u00e9","\u0062":2,"a~b":3,"c/d":4}"#;
        assert_eq!(at(text, "/a"), Some("\"\\/\u{8}\u{c}\n\r\tA\u{1f600}é".into()));
        assert_eq!(at(text, "/b"), Some(2_u64.into()));
        assert_eq!(at(text, "/a~0b"), Some(3_u64.into()));
        assert_eq!(at(text, "/c~1d"), Some(4_u64.into()));
    }

    #[test]
    fn of_members_with_one_name_the_last_counts() {
        assert_eq!(at(br#"{"a":1,"b":{},"a":2}"#, "/a"), Some(2_u64.into()));
    }

    #[test]
    fn pointers_lead_into_arrays_and_objects() {
        let text = br#"{"a":[10,{"b":[true,null,"x"]},[]],"e":{}}"#;
        for (path, value) in [
            ("/a/0", Some(10_u64.into())),
            ("/a/1/b/0", Some(true.into())),
            ("/a/1/b/1", Some(Value::Null)),
            ("/a/1/b/2", Some("x".into())),
            ("/a/1/b/3", None),
            ("/a/00", None),
            ("/a/2", Some(Value::Array(Vec::new()))),
            ("/e", Some(Value::Object(Vec::new()))),
            ("/e/f", None),
            ("a", None),
        ] {
            assert_eq!(at(text, path), value, "{path}");
        }
    }

    #[test]
    fn a_pointer_finds_what_rfc_6901_says() {
        let text = br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        for (path, found) in [
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ] {
            assert_eq!(at(text, path), parse(found.as_bytes()).ok(), "{path}");
        }
        assert_eq!(at(text, ""), parse(text).ok());
        for nowhere in
            ["/foo/2", "/foo/00", "/foo/+1", "/foo/-", "/foo/bar", "foo", "/x", "/foo/0/0"]
        {
            assert_eq!(at(text, nowhere), None, "{nowhere}");
        }
    }
}
