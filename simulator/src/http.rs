//! HTTP/1.1 by hand (RFC 9112): requests in, answers out, every byte within a fault's reach.

use std::io::{self, Read, Write};

use serde_json::Value;

/// No request of these clouds comes near this.
const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 16 * 1024 * 1024;

/// One request as it arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path as sent, escapes and all.
    pub(crate) path: String,
    /// What followed `?`, without it.
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The client closes the connection after the answer, or speaks HTTP/1.0.
    pub(crate) last: bool,
}

impl Request {
    /// The first header of that name, whatever its capitals.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    /// How many headers of that name came.
    pub(crate) fn header_count(&self, name: &str) -> usize {
        let named = self.headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.count()
    }

    /// The media type, in small letters and without parameters.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or("");
        let essence = value.split(';').next().unwrap_or("");
        essence.trim().to_ascii_lowercase()
    }

    /// The credentials after a scheme's name, which may be written in any capitals (RFC 9110 11.1).
    pub(crate) fn credentials(&self, header: &str, scheme: &str) -> Option<&str> {
        let (name, rest) = self.header(header)?.split_once(' ')?;
        name.eq_ignore_ascii_case(scheme).then_some(rest)
    }

    /// Whether the query has a parameter of that name, whatever else is in it.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.query.split('&').any(|pair| pair.split('=').next() == Some(name))
    }

    /// A query parameter, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = crate::form::decode(self.query.as_bytes()).ok()?;
        pairs.into_iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }
}

/// One answer before it is put on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Answer {
        Answer::of(status, "application/json", body.to_string().into_bytes())
    }

    pub(crate) fn of(status: u16, media_type: &str, body: Vec<u8>) -> Answer {
        Answer { status, headers: vec![("Content-Type".to_owned(), media_type.to_owned())], body }
    }

    pub(crate) fn empty(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.set(name, value);
        self
    }

    /// Replaces every header of that name.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(field, _)| !field.eq_ignore_ascii_case(name));
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(field, _)| field.eq_ignore_ascii_case(name))
    }

    /// Status line and headers, blank line included. `length` is the value of `Content-Length`;
    /// `None` leaves the header out (chunked answers, and statuses that have no body).
    pub(crate) fn head(&self, length: Option<u64>, close: bool) -> Vec<u8> {
        let mut head = Vec::with_capacity(256);
        let _ = write!(head, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if let Some(length) = length {
            if !self.has("content-length") {
                let _ = write!(head, "Content-Length: {length}\r\n");
            }
        }
        if close {
            head.extend_from_slice(b"Connection: close\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// `Content-Length` of this answer: none where RFC 9110 8.6 forbids it.
    pub(crate) fn length(&self) -> Option<u64> {
        let bodiless = self.status < 200 || self.status == 204;
        (!bodiless).then_some(self.body.len() as u64)
    }
}

/// The reason phrase of a status; any word will do, since clients must not read it.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

/// Why no request could be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The client closed the connection, or it broke.
    Gone,
    /// What came is not HTTP; this is the answer, and the connection ends with it.
    Malformed(Answer),
}

impl From<io::Error> for Unread {
    fn from(_: io::Error) -> Unread {
        Unread::Gone
    }
}

fn malformed(status: u16, why: &str) -> Unread {
    Unread::Malformed(Answer::of(status, "text/plain", why.as_bytes().to_vec()))
}

/// Bytes that were read from a connection and not yet understood.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    used: usize,
}

impl Inbox {
    /// Nothing has arrived of a next request.
    pub(crate) fn is_empty(&self) -> bool {
        self.used == self.bytes.len()
    }

    /// Waits for bytes and appends them.
    pub(crate) fn fill(&mut self, from: &mut impl Read) -> Result<(), Unread> {
        if self.is_empty() {
            self.bytes.clear();
            self.used = 0;
        }
        let length = self.bytes.len();
        self.bytes.resize(length + 8192, 0);
        let got = loop {
            match from.read(&mut self.bytes[length..]) {
                Err(wrong) if wrong.kind() == io::ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        self.bytes.truncate(length + *got.as_ref().unwrap_or(&0));
        if got? == 0 { Err(Unread::Gone) } else { Ok(()) }
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    fn line(&mut self, from: &mut impl Read) -> Result<String, Unread> {
        let mut seen = 0;
        loop {
            if let Some(at) = self.rest()[seen..].iter().position(|byte| *byte == b'\n') {
                let line = &self.rest()[..seen + at];
                let line = line
                    .strip_suffix(b"\r")
                    .ok_or_else(|| malformed(400, "a line ends without CR"))?;
                let line = String::from_utf8(line.to_vec())
                    .map_err(|_| malformed(400, "a header is not UTF-8"))?;
                self.used += seen + at + 1;
                return Ok(line);
            }
            seen = self.rest().len();
            if seen > MAX_HEAD {
                return Err(malformed(431, "the header is too long"));
            }
            self.fill(from)?;
        }
    }

    fn exactly(&mut self, count: usize, from: &mut impl Read) -> Result<Vec<u8>, Unread> {
        while self.rest().len() < count {
            self.fill(from)?;
        }
        let bytes = self.rest()[..count].to_vec();
        self.used += count;
        Ok(bytes)
    }

    /// Reads one request whole.
    pub(crate) fn request<S: Read + Write>(&mut self, wire: &mut S) -> Result<Request, Unread> {
        let start = self.line(wire)?;
        let mut words = start.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed(400, "the request line does not have three words"));
        };
        if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
            return Err(malformed(400, "the request is not HTTP/1.1"));
        }
        let (path, query) = split_target(target)?;
        let mut request = Request { method: method.to_owned(), path, query, ..Request::default() };
        request.headers = self.headers(wire)?;
        if version == "HTTP/1.1" && request.header_count("host") != 1 {
            return Err(malformed(400, "there must be one Host header"));
        }
        request.last =
            version == "HTTP/1.0" || request.header("connection").is_some_and(says_close);
        request.body = self.body(&request, wire)?;
        Ok(request)
    }

    fn headers(&mut self, wire: &mut impl Read) -> Result<Vec<(String, String)>, Unread> {
        let mut headers = Vec::new();
        let mut size = 0;
        loop {
            let line = self.line(wire)?;
            if line.is_empty() {
                return Ok(headers);
            }
            size += line.len();
            if size > MAX_HEAD {
                return Err(malformed(431, "the header is too long"));
            }
            let (name, value) = line
                .split_once(':')
                .filter(|(name, _)| !name.is_empty() && !name.contains([' ', '\t']))
                .ok_or_else(|| malformed(400, "a header line has no name"))?;
            let value = value.trim_matches([' ', '\t']);
            if value.contains(|letter: char| letter.is_ascii_control() && letter != '\t') {
                return Err(malformed(400, "a header has a control character in it"));
            }
            headers.push((name.to_owned(), value.to_owned()));
        }
    }

    fn body<S: Read + Write>(
        &mut self,
        request: &Request,
        wire: &mut S,
    ) -> Result<Vec<u8>, Unread> {
        let length = request.header("content-length");
        let coding = request.header("transfer-encoding");
        if request.header_count("content-length") > 1 || (length.is_some() && coding.is_some()) {
            return Err(malformed(400, "the length of the body is said twice"));
        }
        if length.is_none() && coding.is_none() {
            return Ok(Vec::new());
        }
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            wire.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            wire.flush()?;
        }
        if let Some(length) = length {
            let length: usize =
                length.parse().map_err(|_| malformed(400, "Content-Length is not a number"))?;
            if length > MAX_BODY {
                return Err(malformed(413, "the body is too large"));
            }
            return self.exactly(length, wire);
        }
        if !coding.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Err(malformed(400, "Transfer-Encoding is not chunked"));
        }
        self.chunks(wire)
    }

    fn chunks(&mut self, wire: &mut impl Read) -> Result<Vec<u8>, Unread> {
        let mut body = Vec::new();
        loop {
            let line = self.line(wire)?;
            let size = line.split(';').next().unwrap_or("").trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| malformed(400, "a chunk's size is not hex"))?;
            if size > MAX_BODY || body.len() + size > MAX_BODY {
                return Err(malformed(413, "the body is too large"));
            }
            if size == 0 {
                self.headers(wire)?;
                return Ok(body);
            }
            body.extend(self.exactly(size, wire)?);
            if !self.line(wire)?.is_empty() {
                return Err(malformed(400, "a chunk is longer than it said"));
            }
        }
    }
}

/// Path and query of a target in origin form, or in absolute form as a proxy would be asked.
fn split_target(target: &str) -> Result<(String, String), Unread> {
    let local = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    if !local.starts_with('/') {
        return Err(malformed(400, "the target is not a path"));
    }
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    Ok((path.to_owned(), query.to_owned()))
}

fn says_close(connection: &str) -> bool {
    connection.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Request, Unread> {
        let mut wire = io::Cursor::new(bytes.to_vec());
        Inbox::default().request(&mut wire)
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let request = read(
            b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        )
        .unwrap();
        assert_eq!(request.body, b"abcde");
        assert_eq!((request.path.as_str(), request.query.as_str()), ("/a", "b=c"));
    }

    #[test]
    fn two_requests_in_one_packet_are_two() {
        let mut wire = io::Cursor::new(
            b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        );
        let mut inbox = Inbox::default();
        assert_eq!(inbox.request(&mut wire).unwrap().path, "/1");
        assert!(!inbox.is_empty());
        assert_eq!(inbox.request(&mut wire).unwrap().path, "/2");
        assert!(inbox.is_empty());
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for bytes in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/2\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\nHost: x\n\n",
            "GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\u{1}\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        ] {
            assert!(matches!(read(bytes.as_bytes()), Err(Unread::Malformed(_))), "{bytes:?}");
        }
    }
}
