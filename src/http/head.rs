//! The head of an answer as it comes, before ureq reads it.
//!
//! ureq makes a map of all headers, which costs a small request more than all else that it does for
//! it. But it acts only upon those that say where the body ends and whether the connection stays. So
//! the others are taken out of the head, in place, and ureq gets what is left:
//!
//! ```text
//! HTTP/1.1 200 OK                      HTTP/1.1 200 OK
//! Server: nginx                 →      Content-Length: 300
//! Content-Length: 300
//!
//! ```
//!
//! What ureq acts upon is only ever read by ureq, and stays byte for byte. Where anything in a head is
//! not as it should be, all of it is left to ureq, which tells.

use super::headers::is_value;
use super::message::Fields;
use ureq::http::HeaderName;

/// Takes the headers out of a head, if that is there to its end and of a final answer. Gives all of
/// them, and how many bytes are of no use any more: what ureq is to read begins behind these.
pub(crate) fn take_fields(bytes: &mut [u8]) -> Option<(Fields, usize)> {
    /// In bytes. Few heads are larger, and ureq has its own limits for those.
    const LARGEST: usize = 4096;
    /// ureq takes no more headers, and looks at a head each time that some of it has come. What becomes of an
    /// answer must not depend on how it was cut on its way.
    const MOST: usize = 128;
    const USUAL: usize = 12;
    let head = &bytes[..bytes.len().min(LARGEST)];
    let head = match std::str::from_utf8(head) {
        Ok(head) => head,
        Err(fault) => std::str::from_utf8(&head[..fault.valid_up_to()]).ok()?,
    };
    let is_final = matches!(head.as_bytes(), [_, _, _, _, _, _, _, _, b' ', b'2'..=b'5', ..]);
    if !is_final || !head.starts_with("HTTP/1.") {
        return None;
    }
    let find = |text: &str, wanted: u8| text.bytes().position(|byte| byte == wanted);
    let mut fields = Fields::with_room(USUAL);
    let mut left = Vec::with_capacity(256);
    let mut rest = head;
    loop {
        let end = find(rest, b'\n')?;
        let (line, after) = rest.split_at(end + 1);
        rest = after;
        let text = &line[..end - usize::from(line.ends_with("\r\n"))];
        let mut stays = left.is_empty() || text.is_empty();
        if !stays {
            let (name, value) = text.split_at(find(text, b':')?);
            let (name, value) = (HeaderName::from_bytes(name.as_bytes()).ok()?, &value[1..]);
            if !is_value(value) || fields.iter().len() == MOST {
                return None;
            }
            // No other blanks are left in it.
            fields.add(name.as_str(), value.trim_ascii());
            let framing = ["content-length", "transfer-encoding", "connection"];
            stays = framing.contains(&name.as_str());
        }
        if stays {
            left.extend_from_slice(line.as_bytes());
        }
        if text.is_empty() {
            break;
        }
    }
    let end = head.len() - rest.len();
    let begin = end - left.len();
    bytes[begin..end].copy_from_slice(&left);
    Some((fields, begin))
}

/// Joins the lines of a head that older servers fold (RFC 9112 5.2), in place: ureq takes a
/// folded line for a fault. Says whether the head is there to its end.
pub(super) fn unfold(bytes: &mut [u8]) -> bool {
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        at += found + 1;
        match bytes.get(at) {
            Some(b' ' | b'\t') => {
                bytes[at - 1] = b' ';
                if at >= 2 && bytes[at - 2] == b'\r' {
                    bytes[at - 2] = b' ';
                }
            }
            Some(b'\n') => return true,
            Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(head: &str) -> Option<(Vec<(String, String)>, String)> {
        let mut bytes = head.as_bytes().to_vec();
        let taken = take_fields(&mut bytes);
        if taken.is_none() {
            assert_eq!(bytes, head.as_bytes());
        }
        let (fields, begin) = taken?;
        let fields = fields.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Some((fields, String::from_utf8(bytes.split_off(begin)).unwrap()))
    }

    #[test]
    fn ureq_gets_what_it_acts_upon_as_it_came() {
        let head = "HTTP/1.1 200 OK\r\nA: b\r\ncontent-LENGTH:  3 \r\nX-Y:\t\r\nConnection: close\r\n\
                    Transfer-Encoding: chunked\nContent-Length: 4\r\nA: c: d\r\n\r\nabc\r\n\r\n";
        let (fields, left) = taken(head).unwrap();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let all = [
            ("a", "b"),
            ("content-length", "3"),
            ("x-y", ""),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("content-length", "4"),
            ("a", "c: d"),
        ];
        assert_eq!(fields, all);
        let left_of_it = "HTTP/1.1 200 OK\r\ncontent-LENGTH:  3 \r\nConnection: close\r\n\
                          Transfer-Encoding: chunked\nContent-Length: 4\r\n\r\nabc\r\n\r\n";
        assert_eq!(left, left_of_it);
    }

    #[test]
    fn a_head_that_is_odd_is_left_to_ureq_as_it_is() {
        let odd = [
            "HTTP/1.1 200 OK\r\nA: b\r\n",
            "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n",
            "HTTP/2 200\r\nA: b\r\n\r\n",
            "\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\rContent-Length: 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n",
        ];
        for head in odd {
            assert_eq!(taken(head), None, "{head:?}");
        }
        let with = |number| format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(number));
        assert_eq!(taken(&with(128)).map(|(fields, _)| fields.len()), Some(128));
        assert_eq!(taken(&with(129)), None);
        let large = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(4096));
        assert_eq!(taken(&large), None);
    }

    #[test]
    fn folded_lines_of_a_head_are_joined_in_place() {
        let unfolded = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            let whole = unfold(&mut bytes);
            (String::from_utf8(bytes).unwrap(), whole)
        };
        assert_eq!(unfolded("A: b\r\n c\r\n\r\n d"), ("A: b   c\r\n\r\n d".into(), true));
        assert_eq!(unfolded("A: b\n\tc\n\n\r\n x"), ("A: b \tc\n\n\r\n x".into(), true));
        assert_eq!(unfolded("A: b\r\n"), ("A: b\r\n".into(), false));
    }
}
