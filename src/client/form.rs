//! A form with files (`multipart/form-data`, RFC 7578), as the body of a request. Its files are
//! read while it is sent, so it is never in memory as a whole, and it can be sent again.
//!
//! ```text
//! --1f0c...                                                          the boundary, drawn by lot
//! Content-Disposition: form-data; name="log"; filename="gateway.log"
//! Content-Type: text/plain
//!
//! ...the file's bytes...
//! --1f0c...--
//! ```

use crate::client::body::FileBody;
use crate::error::{Error, Result, Status};
use crate::http::payload::BodySource;
use crate::support::crypto;
use crate::support::hex::to_hex;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The parts of a form, in their order.
#[derive(Clone)]
pub(crate) struct Form {
    /// Stands between the parts, and in none: it is drawn by lot.
    boundary: String,
    parts: Vec<Part>,
}

/// One field of the form.
#[derive(Clone)]
struct Part {
    /// The boundary before it and its own headers, as they are sent.
    head: String,
    content: Content,
}

/// What stands in a field. Shared, so that a copy of a request costs nothing.
#[derive(Clone)]
enum Content {
    /// Wiped when the last copy goes: a field may be a secret.
    Bytes(Arc<Zeroizing<Vec<u8>>>),
    /// Opened each time that the form is sent.
    File(Arc<FileBody>),
}

/// What a part is called: its field, and what the server is told of its file, if it is one.
pub(crate) struct PartName<'a> {
    pub field: &'a str,
    /// What the server is told of the file's name.
    pub file: Option<&'a str>,
    /// `Content-Type`; a file that has none is `application/octet-stream`.
    pub kind: Option<&'a str>,
}

impl Form {
    /// A form without parts. `NO_RANDOMNESS` where the system gives no random bytes for its
    /// boundary.
    pub fn new() -> Result<Form> {
        Ok(Form { boundary: to_hex(&crypto::random(16)?), parts: Vec::new() })
    }

    /// The `Content-Type` of the request.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Adds a field of these bytes. `INVALID_ARGUMENT` for a content type with a control character.
    pub fn add_bytes(&mut self, name: &PartName<'_>, bytes: &[u8]) -> Result<()> {
        self.add(name, Content::Bytes(Arc::new(Zeroizing::new(bytes.to_vec()))))
    }

    /// Adds a file under its own name, unless `name` has another. `FILE` where it is no regular
    /// file.
    pub fn add_file(&mut self, name: &PartName<'_>, path: &Path) -> Result<()> {
        let file = Arc::new(FileBody::new(path)?);
        let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let file_name = name.file.map(str::to_string).or(own);
        self.add(&PartName { file: file_name.as_deref(), ..*name }, Content::File(file))
    }

    /// Writes a part's head, and keeps it with its content.
    fn add(&mut self, name: &PartName<'_>, content: Content) -> Result<()> {
        let mut head = format!("--{}\r\n", self.boundary);
        head += &format!("Content-Disposition: form-data; name=\"{}\"", quoted(name.field));
        if let Some(file) = name.file {
            head += &format!("; filename=\"{}\"", quoted(file));
        }
        let kind = name.kind.or(name.file.map(|_| "application/octet-stream"));
        if let Some(kind) = kind {
            if kind.chars().any(char::is_control) {
                let what = "the content type has a control character";
                return Err(Error::new(Status::InvalidArgument, what));
            }
            head += &format!("\r\nContent-Type: {kind}");
        }
        head += "\r\n\r\n";
        self.parts.push(Part { head, content });
        Ok(())
    }

    /// The boundary that ends the form (RFC 2046 5.1.1).
    fn end(&self) -> String {
        format!("--{}--\r\n", self.boundary)
    }
}

impl BodySource for Form {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let mut whole: Box<dyn Read + Send> = Box::new(std::io::empty());
        for part in &self.parts {
            let content: Box<dyn Read + Send> = match &part.content {
                Content::Bytes(bytes) => Box::new(Cursor::new(Shared(bytes.clone()))),
                // As many as it had when the length was told: it may grow meanwhile.
                Content::File(file) => {
                    Box::new(file.open()?.take(file.length()?.unwrap_or_default()))
                }
            };
            let head = Cursor::new(part.head.clone().into_bytes());
            whole = Box::new(whole.chain(head).chain(content).chain(&b"\r\n"[..]));
        }
        Ok(Box::new(whole.chain(Cursor::new(self.end().into_bytes()))))
    }

    fn length(&self) -> Result<Option<u64>> {
        let mut length = self.end().len() as u64;
        for part in &self.parts {
            let content = match &part.content {
                Content::Bytes(bytes) => bytes.len() as u64,
                Content::File(file) => file.length()?.unwrap_or_default(),
            };
            length += (part.head.len() + "\r\n".len()) as u64 + content;
        }
        Ok(Some(length))
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

/// Bytes of a form that is sent.
struct Shared(Arc<Zeroizing<Vec<u8>>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A name as browsers write it (WHATWG HTML 4.10.21.8): UTF-8, and three characters escaped.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
