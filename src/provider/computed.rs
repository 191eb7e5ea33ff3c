//! Values that are computed: encodings, digests, signatures, the time, random numbers.
//!
//! An entry of `values` that is an object says how: `{ "sha256": "{body?}", "as": "hex" }`. One
//! member names the function, the others how it is applied.
//!
//! ```text
//! function                     applied with          gives
//! base64, base64url, hex       is                    a text, encoded
//! urlencode                    keep                  a text, percent-encoded
//! urldecode                                          a text of a query or a form, as it is meant
//! lower                                              a text in lower case
//! now                          plus                  1700000000, or 20231114T221320Z
//! random                       as                    so many random bytes
//! sha256, md5                  is, as                a digest
//! hmac_sha256, hmac_sha1       key, key_is, derive, as
//! sign                         key, as               a signature by a private key
//! jwt                          alg, key, header      a signed JWT
//! public_key                                         the public half of a key
//! json                         at                    a text out of a JSON text
//! ```
//!
//! The functions are those that clouds use to sign; `vectors.rs` holds each to what a cloud has
//! published. Nothing here reads a clock: the time comes in, so that all values of one request
//! share it.

use super::json_template::JsonTemplate;
use super::jwt::{JwtKey, jwt};
use super::template::{Number, Template, Values};
use crate::error::{Error, Result, Status};
use crate::http::url::{UNRESERVED, Url, percent_encode};
use crate::support::clock::UnixMillis;
use crate::support::crypto::{self, Digest, Hmac, JwtAlgorithm, PrivateKey};
use crate::support::date::Date;
use crate::support::hex::{from_hex, to_hex};
use crate::support::json::Value;
use crate::support::json::document::Document;
use crate::support::json::read::{At, Misread, Read, document};
use crate::support::percent::percent_decoded;
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

document! {
    /// How a value is computed, as a profile writes it.
    pub(super) struct Written {
        /// Standard base64, with padding, of a text.
        other base64: Option<Template>,
        /// base64 as URLs carry it, without padding.
        other base64url: Option<Template>,
        /// Lowercase hexadecimal digits.
        other hex: Option<Template>,
        /// Percent-encoding of whatever is not a letter, a digit or `-._~`.
        other urlencode: Option<Template>,
        /// The text without percent-encoding, a `+` as a blank.
        other urldecode: Option<Template>,
        /// The text in lower case.
        other lower: Option<Template>,
        /// The cloud's time: `s` or `ms` since 1970, or a pattern: `%Y%m%dT%H%M%SZ`.
        other now: Option<Time>,
        /// This many random bytes.
        other random: Option<u8>,
        /// A digest.
        other sha256: Option<Template>,
        /// A digest, where a cloud wants it.
        other md5: Option<Template>,
        /// A message authentication code, by `key`.
        other hmac_sha256: Option<Template>,
        /// The same, where a cloud wants it.
        other hmac_sha1: Option<Template>,
        /// A signature with a private key in PEM form, of its own kind.
        other sign: Option<Template>,
        /// The public key that belongs to a private one, in PEM form.
        other public_key: Option<Template>,
        /// The claims of a signed JWT (RFC 7519).
        other jwt: Option<JsonTemplate>,
        /// A JSON text, of which `at` names a place.
        other json: Option<Template>,
        /// What the text of a digest or an encoding is written in.
        other is: Option<Form>,
        /// How the bytes of the result are written: `hex`, `HEX`, `base64` or `base64url`.
        other written as "as": Option<Writing>,
        /// The key of a code or a signature.
        other key: Option<Template>,
        /// What the key is written in.
        other key_is: Option<Form>,
        /// Further messages: the code of each is the key of the next, the last one's is the key.
        other derive: Vec<Template>,
        /// Characters that `urlencode` leaves as they are. With `%` the text is encoded already.
        other keep: Option<String>,
        /// Seconds that are added to the time.
        other plus: Option<Number>,
        /// How a JWT is signed: `RS256`, `PS256`, `ES256`, `EdDSA` or `HS256`. Not given: as the
        /// private key is.
        other alg: Option<JwtAlgorithm>,
        /// Further members of a JWT's header.
        other header: Option<JsonTemplate>,
        /// A JSON pointer.
        other at: Option<String>,
        /// The URL of an issuer, whose metadata is at a URL of its own (RFC 8414 3.1).
        other well_known: Option<Template>,
        /// The last part of a well-known URL (RFC 8615).
        other name: Option<String>,
    }
}

/// A value that is computed.
#[derive(Clone, Debug)]
pub(crate) struct Computed {
    function: Function,
}

/// A function, and all that it needs: what a profile wrote, checked to be whole.
#[derive(Clone, Debug)]
enum Function {
    Encode {
        text: Template,
        is: Form,
        to: Writing,
    },
    UrlEncode {
        text: Template,
        keep: String,
    },
    /// Some clouds sign a query as it is meant, not as it is sent.
    UrlDecode(Template),
    /// By Unicode's rules: some clouds sign a text in lower case.
    Lower(Template),
    /// `plus` is in seconds.
    Now {
        time: Time,
        plus: Option<Template>,
    },
    /// `count` is in bytes, 4 to 64.
    Random {
        count: u8,
        to: Writing,
    },
    Digest {
        digest: Digest,
        text: Template,
        is: Form,
        to: Writing,
    },
    /// `derive` are messages whose codes become the next key, as AWS Signature Version 4 has it.
    Hmac {
        hmac: Hmac,
        text: Template,
        key: Key,
        derive: Vec<Template>,
        to: Writing,
    },
    /// By the kind of the key: RSA PKCS#1 v1.5 or ECDSA over SHA-256, or Ed25519.
    Sign {
        text: Template,
        key: Template,
        to: Writing,
    },
    /// Of a private key: what a cloud is given to register a device with.
    PublicKey(Template),
    Jwt {
        claims: JsonTemplate,
        header: Option<JsonTemplate>,
        alg: Option<JwtAlgorithm>,
        key: Key,
    },
    Json {
        text: Template,
        at: String,
    },
    /// Where an issuer's metadata is when its path comes last (RFC 8414 3.1).
    WellKnown {
        of: Template,
        name: String,
    },
}

/// The key of a message authentication code.
#[derive(Clone, Debug)]
struct Key {
    text: Template,
    is: Form,
}

/// What bytes are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// They are the text's own.
    #[default]
    Text,
    Base64,
    Hex,
    /// A certificate in PEM form (RFC 7468), whose bytes are its DER.
    Pem,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Writing {
    /// Two lowercase digits a byte.
    #[default]
    Hex,
    /// Two uppercase digits a byte: `HEX`.
    UpperHex,
    /// With padding (RFC 4648 4).
    Base64,
    /// As URLs carry it, without padding (RFC 4648 5).
    Base64Url,
}

/// How the time is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Time {
    /// Whole seconds since 1970.
    #[default]
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// `%Y`, `%m`, `%d`, `%H`, `%M` and `%S`, in UTC, and what stands between.
    Pattern(String),
}

/// One of these words, or the words there are.
fn word<T: Copy>(at: &At<'_>, words: &[(&str, T)]) -> std::result::Result<T, Misread> {
    let text = at.text()?;
    let known = words.iter().find(|(known, _)| *known == text);
    known.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        at.wrong(&format!("must be one of {}", words.join(", ")))
    })
}

impl Form {
    /// As profiles write them. A text that is plain has no name: it is what is meant without one.
    pub const NAMES: [(&str, Form); 3] =
        [("base64", Form::Base64), ("hex", Form::Hex), ("pem", Form::Pem)];
}

impl Writing {
    /// As profiles write them.
    pub const NAMES: [(&str, Writing); 4] = [
        ("hex", Writing::Hex),
        ("HEX", Writing::UpperHex),
        ("base64", Writing::Base64),
        ("base64url", Writing::Base64Url),
    ];
}

impl Read for Form {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        word(at, &Form::NAMES).map(|form| *self = form)
    }
}

impl Read for Writing {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        word(at, &Writing::NAMES).map(|writing| *self = writing)
    }
}

impl Read for JwtAlgorithm {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        word(at, &JwtAlgorithm::NAMES).map(|algorithm| *self = algorithm)
    }
}

/// `s`, `ms`, or a pattern; anything else is refused, since a misspelt pattern would be sent as it
/// is.
impl Read for Time {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        let pattern = at.text()?;
        let after = pattern.split('%').skip(1);
        *self = match pattern {
            "s" => Time::Seconds,
            "ms" => Time::Millis,
            _ if pattern.contains('%')
                && after
                    .into_iter()
                    .all(|rest| rest.starts_with(['Y', 'm', 'd', 'H', 'M', 'S'])) =>
            {
                Time::Pattern(pattern.into())
            }
            _ => return Err(at.wrong("must be s, ms, or a pattern of %Y %m %d %H %M %S")),
        };
        Ok(())
    }
}

impl Read for Computed {
    fn read(&mut self, at: &At<'_>) -> std::result::Result<(), Misread> {
        let mut written = Written::default();
        written.read(at)?;
        self.function = written.function().map_err(|what| at.wrong(&what))?;
        Ok(())
    }
}

/// Only until `read` has put a function in its place.
impl Default for Computed {
    fn default() -> Self {
        Computed { function: Function::Lower(Template::default()) }
    }
}

impl Written {
    /// The one function that is named; what it needs is taken, and nothing must be left.
    fn function(mut self) -> std::result::Result<Function, String> {
        let to = |written: &mut Written| written.written.take().unwrap_or_default();
        let is = |written: &mut Written| written.is.take().unwrap_or_default();
        let key =
            |written: &mut Written| written.key.take().ok_or_else(|| "key is missing".to_string());
        let mut found = Vec::new();
        let encodings = [
            (self.base64.take(), Writing::Base64),
            (self.base64url.take(), Writing::Base64Url),
            (self.hex.take(), Writing::Hex),
        ];
        for (text, to) in encodings {
            let Some(text) = text else { continue };
            found.push(Function::Encode { text, is: is(&mut self), to });
        }
        if let Some(text) = self.urlencode.take() {
            found.push(Function::UrlEncode { text, keep: self.keep.take().unwrap_or_default() });
        }
        found.extend(self.urldecode.take().map(Function::UrlDecode));
        found.extend(self.lower.take().map(Function::Lower));
        if let Some(time) = self.now.take() {
            let plus = self.plus.take().map(|Number(plus)| plus);
            found.push(Function::Now { time, plus });
        }
        if let Some(count) = self.random.take() {
            if !(4..=64).contains(&count) {
                return Err("random: must be a number from 4 to 64".into());
            }
            found.push(Function::Random { count, to: to(&mut self) });
        }
        for (text, digest) in [(self.sha256.take(), Digest::Sha256), (self.md5.take(), Digest::Md5)]
        {
            let Some(text) = text else { continue };
            let (is, to) = (is(&mut self), to(&mut self));
            found.push(Function::Digest { digest, text, is, to });
        }
        let codes = [(self.hmac_sha256.take(), Hmac::Sha256), (self.hmac_sha1.take(), Hmac::Sha1)];
        for (text, hmac) in codes {
            let Some(text) = text else { continue };
            let key = Key { text: key(&mut self)?, is: self.key_is.take().unwrap_or_default() };
            let derive = std::mem::take(&mut self.derive);
            found.push(Function::Hmac { hmac, text, key, derive, to: to(&mut self) });
        }
        if let Some(text) = self.sign.take() {
            found.push(Function::Sign { text, key: key(&mut self)?, to: to(&mut self) });
        }
        found.extend(self.public_key.take().map(Function::PublicKey));
        if let Some(claims) = self.jwt.take() {
            let (alg, header) = (self.alg.take(), self.header.take());
            let is = match alg {
                Some(JwtAlgorithm::Hs256) => self.key_is.take().unwrap_or_default(),
                _ => Form::Text,
            };
            let key = Key { text: key(&mut self)?, is };
            found.push(Function::Jwt { claims, header, alg, key });
        }
        if let Some(text) = self.json.take() {
            let at = self.at.take().ok_or("at is missing: a JSON pointer")?;
            found.push(Function::Json { text, at });
        }
        if let Some(of) = self.well_known.take() {
            let name = self.name.take().ok_or("name is missing: that of a well-known URL")?;
            found.push(Function::WellKnown { of, name });
        }
        let left = [
            ("is", self.is.is_some()),
            ("as", self.written.is_some()),
            ("key", self.key.is_some()),
            ("key_is", self.key_is.is_some()),
            ("derive", !self.derive.is_empty()),
            ("keep", self.keep.is_some()),
            ("plus", self.plus.is_some()),
            ("alg", self.alg.is_some()),
            ("header", self.header.is_some()),
            ("at", self.at.is_some()),
            ("name", self.name.is_some()),
        ];
        let left = left.iter().find(|(_, is_left)| *is_left);
        match (found.pop(), found.is_empty(), left) {
            (Some(function), true, None) => Ok(function),
            (Some(_), true, Some((name, _))) => Err(format!("{name} is not used")),
            _ => Err("must name one function, such as base64, now or hmac_sha256".into()),
        }
    }
}

/// A message that a function is applied to. A name with `?` that has no value is nothing in it.
struct Message(Zeroizing<Vec<u8>>);

impl Computed {
    /// All templates in it.
    pub fn templates(&self) -> Vec<&Template> {
        match &self.function {
            Function::Encode { text, .. }
            | Function::UrlEncode { text, .. }
            | Function::UrlDecode(text)
            | Function::Lower(text)
            | Function::Digest { text, .. }
            | Function::PublicKey(text)
            | Function::Json { text, .. } => vec![text],
            Function::WellKnown { of, .. } => vec![of],
            Function::Now { plus, .. } => plus.iter().collect(),
            Function::Random { .. } => Vec::new(),
            Function::Hmac { text, key, derive, .. } => {
                [text, &key.text].into_iter().chain(derive).collect()
            }
            Function::Sign { text, key, .. } => vec![text, key],
            Function::Jwt { claims, header, key, .. } => {
                let header = header.iter().flat_map(JsonTemplate::templates);
                claims.templates().into_iter().chain(header).chain([&key.text]).collect()
            }
        }
    }

    /// Whether it is another one each time, whatever else it is made of: the time, or random bytes.
    pub fn is_of_the_moment(&self) -> bool {
        matches!(self.function, Function::Now { .. } | Function::Random { .. })
    }

    /// Whether it is a number, in JSON too.
    pub fn is_number(&self) -> bool {
        let Function::Now { time, .. } = &self.function else { return false };
        matches!(time, Time::Seconds | Time::Millis)
    }

    /// Computes it, at this time of the cloud's. `None` where a name that it needs has no value.
    /// `INVALID_OPTION` where a key is none, by the option's name and never with its value.
    pub fn compute(&self, values: &dyn Values, now: UnixMillis) -> Result<Option<Secret>> {
        let of = |template: &Template| message(template, values);
        Ok(Some(match &self.function {
            Function::Encode { text, is, to } => {
                let Some(bytes) = of(text) else { return Ok(None) };
                to.write(&is.bytes(bytes, text)?)
            }
            Function::UrlEncode { text, keep } => {
                let Some(Message(bytes)) = of(text) else { return Ok(None) };
                let mut encoded = Zeroizing::new(String::new());
                // What is encoded already may have a blank as `+`; AWS signs it as `%20`.
                let is_encoded = keep.contains('%');
                for (n, part) in bytes.split(|byte| is_encoded && *byte == b'+').enumerate() {
                    encoded.push_str(if n > 0 { "%20" } else { "" });
                    percent_encode(part, &format!("{UNRESERVED}{keep}"), &mut encoded);
                }
                Secret::new(encoded.as_str())
            }
            Function::UrlDecode(text) => {
                let Some(Message(bytes)) = of(text) else { return Ok(None) };
                Secret::new(percent_decoded(&bytes, true).bytes.utf8()?)
            }
            Function::Lower(text) => {
                let Some(Message(bytes)) = of(text) else { return Ok(None) };
                Secret::new(bytes.utf8()?.to_lowercase())
            }
            Function::Now { time, plus } => {
                let seconds = match plus {
                    None => 0,
                    Some(plus) => {
                        let Some(Message(bytes)) = whole(plus, values) else { return Ok(None) };
                        let seconds = bytes.utf8()?.parse::<u32>();
                        seconds.map_err(|_| invalid(plus, "must be a number of seconds"))?
                    }
                };
                Secret::new(time.write(now.saturating_add(i64::from(seconds) * 1000)))
            }
            Function::Random { count, to } => to.write(&crypto::random(usize::from(*count))?),
            Function::Digest { digest, text, is, to } => {
                let Some(bytes) = of(text) else { return Ok(None) };
                to.write(&digest.of(&is.bytes(bytes, text)?))
            }
            Function::Hmac { hmac, text, key, derive, to } => {
                let (Some(Message(text)), Some(bytes)) = (of(text), whole(&key.text, values))
                else {
                    return Ok(None);
                };
                let mut secret = key.is.bytes(bytes, &key.text)?;
                for step in derive {
                    let Some(Message(step)) = of(step) else { return Ok(None) };
                    secret = hmac.of(&secret, &step);
                }
                to.write(&hmac.of(&secret, &text))
            }
            Function::Sign { text, key, to } => {
                let (Some(Message(text)), Some(pem)) = (of(text), whole(key, values)) else {
                    return Ok(None);
                };
                let key_of = private(&pem, key)?;
                // Without random numbers no signature is made, and the key is not to blame.
                crypto::random(1)?;
                to.write(&key_of.sign(&text).map_err(|why| invalid(key, why))?)
            }
            Function::PublicKey(key) => {
                let Some(pem) = whole(key, values) else { return Ok(None) };
                let public = private(&pem, key)?.public();
                let public = public.ok_or_else(|| invalid(key, "has no public key"))?;
                Secret::new(pem_of("PUBLIC KEY", &public))
            }
            Function::Jwt { claims, header, alg, key } => {
                let Some(bytes) = whole(&key.text, values) else { return Ok(None) };
                let header = header.as_ref().map(|header| header.fill(values)).transpose()?;
                let claims = claims.fill(values)?.unwrap_or(Value::Null);
                crypto::random(1)?;
                let made = match alg {
                    Some(JwtAlgorithm::Hs256) => {
                        let secret = key.is.bytes(bytes, &key.text)?;
                        let secret = JwtKey::Shared(&secret);
                        jwt(JwtAlgorithm::Hs256, header.flatten(), &claims, &secret)
                    }
                    alg => {
                        let private = private(&bytes, &key.text)?;
                        let alg = alg.unwrap_or_else(|| private.algorithm());
                        jwt(alg, header.flatten(), &claims, &JwtKey::Private(&private))
                    }
                };
                made.map_err(|why| invalid(&key.text, why))?
            }
            Function::WellKnown { of, name } => {
                let Some(Message(url)) = whole(of, values) else { return Ok(None) };
                let url = Url::parse(url.utf8()?)?;
                let path = url.path().trim_end_matches('/').to_string();
                let scheme = if url.origin().is_https() { "https" } else { "http" };
                let host = url.origin().authority();
                Secret::new(format!("{scheme}://{host}/.well-known/{name}{path}"))
            }
            Function::Json { text, at } => {
                let Some(Message(bytes)) = whole(text, values) else { return Ok(None) };
                let document = Document::of(&bytes).ok_or_else(|| invalid(text, "is not JSON"))?;
                match document.pointer(at) {
                    Some(Value::Text(found)) => Secret::from(found.as_str()),
                    _ => return Err(invalid(text, &format!("has no text at {at}"))),
                }
            }
        }))
    }
}

/// Bytes as text, where a function needs one. Only a body can be none.
trait Utf8 {
    fn utf8(&self) -> Result<&str>;
}

impl Utf8 for Zeroizing<Vec<u8>> {
    fn utf8(&self) -> Result<&str> {
        let not_text =
            |_| Error::new(Status::InvalidArgument, "the request's body or query is not UTF-8");
        std::str::from_utf8(self).map_err(not_text)
    }
}

/// What is wrong with the option that a template names, told without its value.
fn invalid(template: &Template, why: &str) -> Error {
    let name = template.only_name().map_or_else(|| template.shown(), str::to_string);
    Error::new(Status::InvalidOption, format!("{name}: {why}"))
}

/// What a function is applied to. A name with `?` that has no value is nothing in it.
fn message(template: &Template, values: &dyn Values) -> Option<Message> {
    template.bytes(values, true).map(Message)
}

/// The same where nothing may be left out: a key, a number. A key that is half there would sign,
/// and be wrong.
fn whole(template: &Template, values: &dyn Values) -> Option<Message> {
    template.bytes(values, false).map(Message)
}

/// The private key that a template names.
fn private(pem: &Message, key: &Template) -> Result<PrivateKey> {
    PrivateKey::from_pem(&pem.0).map_err(|why| invalid(key, why))
}

impl Form {
    /// The bytes that a text stands for. Blanks around it are not part of it: files end with a line
    /// break.
    fn bytes(self, Message(text): Message, template: &Template) -> Result<Zeroizing<Vec<u8>>> {
        let wrong = |what: &str| invalid(template, what);
        let trimmed = text.trim_ascii();
        Ok(Zeroizing::new(match self {
            Form::Text => return Ok(text),
            Form::Base64 => BASE64_STANDARD.decode(trimmed).map_err(|_| wrong("is not base64"))?,
            Form::Hex => std::str::from_utf8(trimmed)
                .ok()
                .and_then(from_hex)
                .ok_or_else(|| wrong("is not hexadecimal digits"))?,
            Form::Pem => crypto::certificate(trimmed)
                .ok_or_else(|| wrong("is not a certificate in PEM form"))?,
        }))
    }
}

impl Writing {
    /// Bytes as a text of this form.
    fn write(self, bytes: &[u8]) -> Secret {
        Secret::new(match self {
            Writing::Hex => to_hex(bytes),
            Writing::UpperHex => to_hex(bytes).to_ascii_uppercase(),
            Writing::Base64 => BASE64_STANDARD.encode(bytes),
            Writing::Base64Url => BASE64_URL_SAFE_NO_PAD.encode(bytes),
        })
    }
}

impl Time {
    /// The time as a text of this form, in UTC.
    fn write(&self, now: UnixMillis) -> String {
        let pattern = match self {
            Time::Seconds => return now.div_euclid(1000).to_string(),
            Time::Millis => return now.to_string(),
            Time::Pattern(pattern) => pattern,
        };
        let date = Date::of(now.div_euclid(1000));
        let mut pieces = pattern.split('%');
        let mut text = pieces.next().unwrap_or_default().to_string();
        for piece in pieces {
            let (letter, rest) = piece.split_at(1);
            text.push_str(&match letter {
                "Y" => format!("{:04}", date.year),
                "m" => format!("{:02}", date.month),
                "d" => format!("{:02}", date.day),
                "H" => format!("{:02}", date.hour),
                "M" => format!("{:02}", date.minute),
                _ => format!("{:02}", date.second),
            });
            text.push_str(rest);
        }
        text
    }
}

/// DER as PEM writes it (RFC 7468): lines of 64 characters.
fn pem_of(label: &str, der: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(der);
    let lines = encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
    let lines: String = lines.collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}
