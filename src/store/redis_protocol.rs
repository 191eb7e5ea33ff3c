//! The protocol of Redis and Valkey (RESP version 2), as far as a store needs it.
//!
//! ```text
//! *2\r\n$3\r\nGET\r\n$1\r\nk\r\n     a command: an array of strings, each with its length
//! $5\r\nhello\r\n                  Bytes     a string; $-1 is none
//! +OK\r\n                          Bytes     a word
//! :7\r\n                           Number
//! *1\r\n:7\r\n                     Many
//! -READONLY it is a replica\r\n    Refused   the first word is the code
//! ```
//!
//! What comes is bounded in size and in depth, for a server may be anything that listens there.

use super::medium::MOST_BYTES;
use zeroize::Zeroizing;

/// What a server answers.
pub(super) enum Reply {
    /// Nothing there.
    Nil,
    /// A count, a version, or how long something lasts in milliseconds.
    Number(i64),
    /// A string. It may be a record.
    Bytes(Zeroizing<Vec<u8>>),
    /// Several answers in one: the fields of a record, or a piece of news.
    Many(Vec<Reply>),
    /// An error, in the server's words.
    Refused(String),
}

impl Reply {
    /// The number, which scripts give as one and fields of a record as text.
    pub fn number(&self) -> Option<i64> {
        match self {
            Reply::Number(number) => Some(*number),
            Reply::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The string, if it is text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Reply::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

/// What came is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Garbage {
    /// No server of this kind says that.
    Senseless,
    /// It may make sense, but is larger than any record.
    TooLarge,
}

/// The longest line, in bytes: a number, or an error's text.
const MOST_LINE: usize = 4096;
/// The most members of an array. Ours have three.
const MOST_MEMBERS: i64 = 64;
/// How deep arrays may stand in each other.
const MOST_DEPTH: u32 = 3;
/// The largest answer, in bytes: a record, and what is around it.
const MOST: usize = MOST_BYTES + 16 * 1024;

/// A command as it is sent. It may hold a record.
pub(super) fn encode(words: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let room: usize = words.iter().map(|word| word.len() + 32).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 32));
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The first answer in what came, and how many bytes it has; `None` until it is whole.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Garbage> {
    let mut rest = bytes;
    match value(&mut rest, MOST_DEPTH)? {
        Some(reply) => Ok(Some((reply, bytes.len() - rest.len()))),
        None if bytes.len() > MOST => Err(Garbage::TooLarge),
        None => Ok(None),
    }
}

/// One value at the beginning of `rest`, which is left behind it; `None` until it is whole, and then
/// `rest` says nothing. An array may have so many levels.
fn value(rest: &mut &[u8], depth: u32) -> Result<Option<Reply>, Garbage> {
    let Some(&kind) = rest.first() else { return Ok(None) };
    if !b"+-:$*".contains(&kind) || depth == 0 {
        return Err(Garbage::Senseless);
    }
    let Some(end) = rest.iter().take(MOST_LINE).position(|byte| *byte == b'\r') else {
        return if rest.len() < MOST_LINE { Ok(None) } else { Err(Garbage::Senseless) };
    };
    let line = std::str::from_utf8(&rest[1..end]).map_err(|_| Garbage::Senseless)?;
    match rest.get(end + 1) {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) => return Err(Garbage::Senseless),
    }
    let after = &rest[end + 2..];
    let number = || line.parse::<i64>().map_err(|_| Garbage::Senseless);
    match kind {
        b'+' => {
            *rest = after;
            Ok(Some(Reply::Bytes(Zeroizing::new(line.as_bytes().to_vec()))))
        }
        b'-' => {
            *rest = after;
            Ok(Some(Reply::Refused(line.into())))
        }
        b':' => {
            *rest = after;
            Ok(Some(Reply::Number(number()?)))
        }
        b'$' => match number()? {
            -1 => {
                *rest = after;
                Ok(Some(Reply::Nil))
            }
            length => {
                let length = usize::try_from(length).map_err(|_| Garbage::Senseless)?;
                if length > MOST_BYTES {
                    return Err(Garbage::TooLarge);
                }
                if after.len() < length + 2 {
                    return Ok(None);
                }
                if &after[length..length + 2] != b"\r\n" {
                    return Err(Garbage::Senseless);
                }
                let bytes = Zeroizing::new(after[..length].to_vec());
                *rest = &after[length + 2..];
                Ok(Some(Reply::Bytes(bytes)))
            }
        },
        _ => match number()? {
            -1 => {
                *rest = after;
                Ok(Some(Reply::Nil))
            }
            count if !(0..=MOST_MEMBERS).contains(&count) => Err(Garbage::Senseless),
            count => {
                let mut members = Vec::new();
                let mut left = after;
                for _ in 0..count {
                    match value(&mut left, depth - 1)? {
                        Some(member) => members.push(member),
                        None => return Ok(None),
                    }
                }
                *rest = left;
                Ok(Some(Reply::Many(members)))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_however_it_is_cut() {
        let whole = b"*3\r\n$3\r\nabc\r\n:7\r\n$-1\r\n+OK\r\n";
        for cut in 0..22 {
            assert!(parse(&whole[..cut]).unwrap().is_none(), "{cut}");
        }
        let (reply, used) = parse(whole).unwrap().unwrap();
        let Reply::Many(members) = reply else { panic!() };
        assert_eq!((members[0].text(), members[1].number(), used), (Some("abc"), Some(7), 22));
        assert!(matches!(members[2], Reply::Nil));
    }

    #[test]
    fn what_is_no_answer_is_refused_at_once() {
        let garbage: [&[u8]; 8] = [
            b"HTTP/1.1 400 Bad Request\r\n",
            b"$-7\r\n",
            b"*99999\r\n",
            b"*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
            b":seven\r\n",
            b"$3\r\nabcde\r\n",
            b"+\xff\r\n",
            b"+OK\r+",
        ];
        for bytes in garbage {
            assert_eq!(parse(bytes).err(), Some(Garbage::Senseless), "{bytes:?}");
        }
        assert_eq!(parse(b"$99999999\r\n").err(), Some(Garbage::TooLarge));
        assert_eq!(parse(&[b'+'; MOST_LINE]).err(), Some(Garbage::Senseless));
    }
}
