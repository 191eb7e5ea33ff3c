//! A text to a value, as strictly as RFC 8259 has it.

use super::Value;
use std::fmt;
use zeroize::Zeroizing;

/// Where a text stops being JSON, and what should have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub line: usize,
    column: usize,
    wanted: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Malformed { line, column, wanted } = self;
        write!(f, "line {line} column {column}: not JSON: {wanted}")
    }
}

/// Deeper than any answer, shallower than any stack.
const DEEPEST: u32 = 128;

/// Parses a document that is one JSON value.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Malformed> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let parsed = match std::str::from_utf8(text) {
        Ok(_) => parser.document(),
        Err(bad) => {
            parser.at = bad.valid_up_to();
            Err("this is not UTF-8")
        }
    };
    parsed.map_err(|wanted| parser.malformed(wanted))
}

/// Whether a text is a JSON number and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    let mut parser = Parser { text: text.as_bytes(), at: 0, depth: 0 };
    parser.number().is_ok() && parser.at == text.len()
}

struct Parser<'a> {
    /// UTF-8.
    text: &'a [u8],
    at: usize,
    depth: u32,
}

type Parsed<T> = Result<T, &'static str>;

impl<'a> Parser<'a> {
    fn malformed(&self, wanted: &'static str) -> Malformed {
        let before = &self.text[..self.at];
        let lines = before.split(|byte| *byte == b'\n');
        let column = 1 + lines.clone().next_back().map_or(0, <[u8]>::len);
        Malformed { line: lines.count(), column, wanted }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    /// The next byte that is no blank.
    fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    fn document(&mut self) -> Parsed<Value> {
        let value = self.value()?;
        match self.next() {
            None => Ok(value),
            Some(_) => Err("nothing may follow the value"),
        }
    }

    fn value(&mut self) -> Parsed<Value> {
        match self.next() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Parsed<Value> {
        for (word, value) in
            [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))]
        {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err("a value must stand here")
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Parsed<Value>) -> Parsed<Value> {
        if self.depth == DEEPEST {
            return Err("this is nested too deeply");
        }
        self.depth += 1;
        self.at += 1;
        let value = inner(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Parsed<Value> {
        let mut members = Vec::new();
        if self.next() != Some(b'}') {
            loop {
                if self.next() != Some(b'"') {
                    return Err("a member's name must stand here, in quotes");
                }
                let name = self.string()?.to_string();
                if self.next() != Some(b':') {
                    return Err("`:` must follow the name");
                }
                self.at += 1;
                members.push((name, self.value()?));
                if !self.another(b'}')? {
                    break;
                }
            }
        }
        self.at += 1;
        Ok(Value::Object(members))
    }

    fn array(&mut self) -> Parsed<Value> {
        let mut items = Vec::new();
        if self.next() != Some(b']') {
            loop {
                items.push(self.value()?);
                if !self.another(b']')? {
                    break;
                }
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    /// Whether another follows, or the end.
    fn another(&mut self, end: u8) -> Parsed<bool> {
        match self.next() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == end => Ok(false),
            _ => Err("`,` or the closing bracket must stand here"),
        }
    }

    fn number(&mut self) -> Parsed<String> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(self.text[start..self.at].iter().map(|digit| char::from(*digit)).collect())
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err("a digit must stand here") }
    }

    fn string(&mut self) -> Parsed<Zeroizing<String>> {
        self.at += 1;
        // As long as it is written, since escaping only adds: a buffer that grows leaves copies.
        let rest = &self.text[self.at..];
        let mut escaped = false;
        let end = rest.iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        });
        let end = self.at + end.unwrap_or(rest.len());
        let mut bytes = Zeroizing::new(Vec::with_capacity(end - self.at));
        while self.at < end {
            let byte = self.text[self.at];
            match byte {
                0..0x20 => return Err("a control character must be escaped"),
                b'\\' => {
                    self.at += 1;
                    let mut utf8 = [0; 4];
                    bytes.extend_from_slice(self.escape()?.encode_utf8(&mut utf8).as_bytes());
                }
                _ => {
                    self.at += 1;
                    bytes.push(byte);
                }
            }
        }
        if !self.take(b'"') {
            return Err("the text has no end");
        }
        String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|_| "not UTF-8")
    }

    fn escape(&mut self) -> Parsed<char> {
        let kind = self.peek().unwrap_or_default();
        self.at += 1;
        Ok(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.utf16(),
            _ => {
                self.at -= 1;
                return Err("there is no such escape");
            }
        })
    }

    /// RFC 8259 7: what does not fit into four digits stands as a pair of surrogates.
    fn utf16(&mut self) -> Parsed<char> {
        let high = self.four_digits()?;
        let mut units = [high, 0];
        if (0xd800..0xdc00).contains(&high) && self.take(b'\\') && self.take(b'u') {
            units[1] = self.four_digits()?;
        }
        let pair = if units[1] == 0 { &units[..1] } else { &units[..] };
        let mut decoded = char::decode_utf16(pair.iter().copied());
        match (decoded.next(), decoded.next()) {
            (Some(Ok(character)), None) => Ok(character),
            _ => Err("half a surrogate pair"),
        }
    }

    fn four_digits(&mut self) -> Parsed<u16> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        let mut number = 0;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or("four hexadecimal digits")?;
            number = number * 16 + value as u16;
        }
        self.at += digits.len();
        if digits.len() == 4 { Ok(number) } else { Err("four hexadecimal digits") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What serde_json makes of the same bytes; `None` where it refuses a number for its size.
    fn judge(text: &[u8]) -> Option<Result<serde_json::Value, ()>> {
        match serde_json::from_slice(text) {
            Err(error) if error.to_string().contains("out of range") => None,
            judged => Some(judged.map_err(drop)),
        }
    }

    fn agree(text: &[u8]) {
        let Some(judged) = judge(text) else { return };
        let ours = parse(text).map_err(drop);
        let read_back = ours.map(|value| serde_json::from_str(&value.to_json()).unwrap());
        assert_eq!(read_back, judged, "{}", String::from_utf8_lossy(text));
    }

    const DOCUMENTS: [&str; 4] = [
        include_str!("../provider/builtin/oauth2.json"),
        r#"{"a":[1,-0,0.5,1e3,-2E-7,10.25e+2],"b":{"":null,"\u00e9":true},"c":[[],{},false]}"#,
        r#"["\"\\\/\b\f\n\r\t","\u0000\u001f\u007f","\ud83d\ude00 é 😀","\uD800"]"#,
        " [ \"a\" , { \"b\" : \"c\" , \"b\" : 2 } ]\r\n\t",
    ];

    #[test]
    fn a_second_parser_agrees_about_documents_and_their_damage() {
        for document in DOCUMENTS {
            agree(document.as_bytes());
            let bytes = document.as_bytes();
            for at in 0..bytes.len().min(60) {
                agree(&bytes[..at]);
                for put in *b"\"\\{}[],:0-+.eEu nt\n\x00\x80\xff" {
                    let mut damaged = bytes.to_vec();
                    damaged[at] = put;
                    agree(&damaged);
                    damaged.remove(at);
                    agree(&damaged);
                }
            }
        }
    }

    #[test]
    fn a_second_parser_agrees_about_what_is_no_json() {
        for text in [
            "",
            " ",
            "01",
            "-",
            "-01",
            "+1",
            "1.",
            ".5",
            "1e",
            "1e+",
            "0x1",
            "NaN",
            "Infinity",
            "nul",
            "nulll",
            "True",
            "'a'",
            "\"",
            "\"\\",
            "\"\\u12",
            "\"\\u12g4\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\ud800\\u0000\"",
            "\"\t\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{\"a\" 1}",
            "{} {}",
            "1 2",
            "/**/1",
            "\u{feff}1",
        ] {
            agree(text.as_bytes());
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_before_it_fills_the_stack() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(127).as_bytes()).is_ok());
        assert!(parse(nested(129).as_bytes()).is_err());
        assert!(parse("[{\"a\":".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn a_refusal_says_where_and_why() {
        for (text, place) in [
            ("", "line 1 column 1: not JSON: a value must stand here"),
            ("{\n \"a\" 1}", "line 2 column 6: not JSON: `:` must follow the name"),
            (
                "[1\n\n, 01]",
                "line 3 column 4: not JSON: `,` or the closing bracket must stand here",
            ),
            ("\"a\nb\"", "line 1 column 3: not JSON: a control character must be escaped"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), place);
        }
    }
}
