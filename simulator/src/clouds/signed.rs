//! Signatures as clouds check them: by doing the same again, from what arrived.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};

use crate::clock::iso_date;
use crate::form;
use crate::http::Request;

/// How far a time stamp may be from the cloud's own time, where a cloud says so.
pub(super) const SKEW_MS: i64 = 15 * 60 * 1000;

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub(super) fn hmac_sha256(key: &[u8], message: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
}

/// Percent-encodes all but letters, digits, `-._~` and what is to stay.
pub(super) fn encode(text: &str, keep: &str) -> String {
    let bytes = text.bytes().map(|byte| {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || "-._~".contains(letter) || keep.contains(letter) {
            letter.to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    bytes.collect()
}

/// The query's fields, sorted by name, each encoded in one way.
pub(super) fn sorted_query(request: &Request) -> String {
    let mut pairs = form::decode(request.query.as_bytes()).unwrap_or_default();
    pairs.sort();
    let pairs =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name, ""), encode(value, "")));
    pairs.collect::<Vec<_>>().join("&")
}

/// The query's fields, sorted by name, as they are meant: without their encoding.
pub(super) fn meant_query(request: &Request) -> String {
    let mut pairs = form::decode(request.query.as_bytes()).unwrap_or_default();
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

/// A time stamp in milliseconds that is near enough.
pub(super) fn is_now(stamp: Option<&str>, now_ms: i64) -> bool {
    let stamp = stamp.filter(|stamp| stamp.len() == 13).and_then(|stamp| stamp.parse::<i64>().ok());
    stamp.is_some_and(|stamp| (stamp - now_ms).abs() <= SKEW_MS)
}

/// What a Shared Access Signature of Azure's says.
pub(super) struct Sas {
    /// The resource, as it was encoded.
    resource: String,
    signature: String,
    expiry: String,
    pub(super) policy: Option<String>,
}

impl Sas {
    /// The fields may come in any order.
    pub(super) fn of(request: &Request) -> Option<Sas> {
        let text = request.credentials("authorization", "SharedAccessSignature")?;
        let mut sas = Sas {
            resource: String::new(),
            signature: String::new(),
            expiry: String::new(),
            policy: None,
        };
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=')?;
            match name {
                "sr" => sas.resource = value.to_owned(),
                "sig" => sas.signature = form::unescape(value.as_bytes()).ok()?,
                "se" => sas.expiry = value.to_owned(),
                "skn" => sas.policy = Some(value.to_owned()),
                _ => return None,
            }
        }
        Some(sas)
    }

    /// Whether it speaks of this resource.
    pub(super) fn is_for(&self, resource: &str) -> bool {
        form::unescape(self.resource.as_bytes()).is_ok_and(|said| said == resource)
    }

    /// Whether it is signed by the key, for this resource, and has not ended.
    pub(super) fn is_good(&self, resource: &str, key: &[u8], now_ms: i64) -> bool {
        let signed = hmac_sha256(key, &format!("{}\n{}", self.resource, self.expiry));
        let ends_ms = self.expiry.parse::<i64>().map_or(0, |seconds| seconds * 1000);
        self.is_for(resource) && STANDARD.encode(signed) == self.signature && ends_ms > now_ms
    }
}

/// What AWS Signature Version 4 says of a request.
pub(super) struct SigV4<'a> {
    request: &'a Request,
    pub(super) key_id: &'a str,
    scope: &'a str,
    headers: &'a str,
    signature: &'a str,
}

impl SigV4<'_> {
    pub(super) fn of(request: &Request) -> Option<SigV4<'_>> {
        let text = request.credentials("authorization", "AWS4-HMAC-SHA256")?;
        let mut parts = text.split(", ");
        let credential = parts.next()?.strip_prefix("Credential=")?;
        let headers = parts.next()?.strip_prefix("SignedHeaders=")?;
        let signature = parts.next()?.strip_prefix("Signature=")?;
        let (key_id, scope) = credential.split_once('/')?;
        Some(SigV4 { request, key_id, scope, headers, signature })
    }

    /// Whether the secret signed it, now, for the service, with all that has to be signed.
    pub(super) fn is_good(&self, secret: &str, region: &str, service: &str, now_ms: i64) -> bool {
        let Some(stamp) = self.request.header("x-amz-date") else {
            return false;
        };
        let near = [-SKEW_MS, 0, SKEW_MS].map(|by| amz_date(now_ms + by));
        let day = stamp.get(..8).unwrap_or("");
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let signed: Vec<&str> = self.headers.split(';').collect();
        let mut must = vec!["host", "x-amz-date"];
        must.extend(self.request.header("x-amz-security-token").map(|_| "x-amz-security-token"));
        let is_whole = must.iter().all(|name| signed.contains(name)) && signed.is_sorted();
        if !is_whole || self.scope != scope || stamp < &*near[0] || stamp > &*near[2] {
            return false;
        }
        let headers: String = signed
            .iter()
            .map(|name| format!("{name}:{}\n", self.request.header(name).unwrap_or("")))
            .collect();
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{}\n{}",
            self.request.method,
            encode(&self.request.path, "/"),
            sorted_query(self.request),
            self.headers,
            sha256(&self.request.body),
        );
        let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let mut key = format!("AWS4{secret}").into_bytes();
        for word in [day, region, service, "aws4_request", &text] {
            key = hmac_sha256(&key, word);
        }
        hex(&key) == self.signature
    }
}

/// `20150830T123600Z`.
fn amz_date(unix_ms: i64) -> String {
    let date = iso_date(unix_ms);
    let seconds = date.split('.').next().unwrap_or("");
    format!("{}Z", seconds.replace(['-', ':'], ""))
}

/// A JWT's header and claims, if the key signed it.
pub(super) fn jwt(
    token: &str,
    algorithm: &'static dyn ring::signature::VerificationAlgorithm,
    public_key: &[u8],
) -> Option<[serde_json::Value; 2]> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (signed, signature) = token.rsplit_once('.')?;
    let key = ring::signature::UnparsedPublicKey::new(algorithm, public_key);
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    unverified_jwt(token)
}

/// What a JWT's header and claims say, whoever signed it.
pub(super) fn unverified_jwt(token: &str) -> Option<[serde_json::Value; 2]> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (header, claims) = token.rsplit_once('.')?.0.split_once('.')?;
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some([read(header)?, read(claims)?])
}

/// MD5 (RFC 1321), which Aqara and Aliyun still want.
pub(super) fn md5(message: &[u8]) -> [u8; 16] {
    const TURNS: [[u32; 4]; 4] =
        [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let mut bytes = message.to_vec();
    bytes.push(0x80);
    while bytes.len() % 64 != 56 {
        bytes.push(0);
    }
    bytes.extend((message.len() as u64 * 8).to_le_bytes());
    for block in bytes.chunks_exact(64) {
        let word = |index: usize| {
            let four = &block[index * 4..index * 4 + 4];
            u32::from_le_bytes([four[0], four[1], four[2], four[3]])
        };
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..64_u32 {
            let (mixed, index) = match step / 16 {
                0 => ((b & c) | (!b & d), step),
                1 => ((d & b) | (!d & c), 5 * step + 1),
                2 => (b ^ c ^ d, 3 * step + 5),
                _ => (c ^ (b | !d), 7 * step),
            };
            // The whole part of 2^32 times the sine of the step's number.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let sine = (f64::from(step + 1).sin().abs() * 4_294_967_296.0) as u32;
            let sum =
                a.wrapping_add(mixed).wrapping_add(sine).wrapping_add(word((index % 16) as usize));
            let turned = sum.rotate_left(TURNS[(step / 16) as usize][(step % 4) as usize]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(turned));
        }
        for (whole, part) in state.iter_mut().zip([a, b, c, d]) {
            *whole = whole.wrapping_add(part);
        }
    }
    let mut digest = [0; 16];
    for (place, word) in digest.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_gives_the_digests_of_its_rfc() {
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex(&md5(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
        let long =
            b"12345678901234567890123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(hex(&md5(long)), "57edf4a22be3c955ac49da2e2107b67a");
    }

    fn request(path: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: headers.collect(),
            ..Request::default()
        }
    }

    #[test]
    fn the_vanilla_request_of_awss_own_tests_is_good() {
        let authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
            SignedHeaders=host;x-amz-date, \
            Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let request = request(
            "/",
            &[
                ("Host", "example.amazonaws.com"),
                ("X-Amz-Date", "20150830T123600Z"),
                ("Authorization", authorization),
            ],
        );
        let signed = SigV4::of(&request).unwrap();
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let now_ms = 1_440_938_160_000;
        assert!(signed.is_good(secret, "us-east-1", "service", now_ms));
        assert!(!signed.is_good(secret, "us-east-1", "service", now_ms + SKEW_MS + 1000));
        assert!(!signed.is_good("another", "us-east-1", "service", now_ms));
        assert!(!signed.is_good(secret, "us-east-2", "service", now_ms));
    }

    #[test]
    fn a_shared_access_signature_is_for_one_resource_until_its_end() {
        let text = "SharedAccessSignature sr=myhub.azure-devices.net%2Fdevices%2Fdev1&\
            sig=i%2BYmMcSSZc4KzBi6ejz3l0iL%2B2sN0CE3q6vSm837h2g%3D&se=1700000000";
        let request = request("/", &[("Authorization", text)]);
        let sas = Sas::of(&request).unwrap();
        let key: Vec<u8> = (0..32).collect();
        assert!(sas.is_good("myhub.azure-devices.net/devices/dev1", &key, 1_699_999_999_000));
        assert!(!sas.is_good("myhub.azure-devices.net/devices/dev1", &key, 1_700_000_000_000));
        assert!(!sas.is_good("myhub.azure-devices.net/devices/dev2", &key, 0));
    }
}
