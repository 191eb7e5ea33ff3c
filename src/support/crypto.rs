//! Digests, message authentication codes and signatures, as clouds ask for them in credentials
//! that are computed. `provider/computed.rs` says which a profile may name.
//!
//! ring computes them, and rustls reads the keys, as it does for client certificates: both are in
//! the library for TLS already. What is wrong with a key is told as the end of a sentence
//! ("client_key: is not a private key ..."), and never quotes the key.

use super::md5::md5;
use crate::error::{Error, Status};
use ring::{digest, hmac};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How a message is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    /// For clouds that ask for it; no protection. See [`md5`](super::md5).
    Md5,
    /// For the thumbprint `x5t`, which is no protection either.
    Sha1,
    Sha256,
}

impl Digest {
    /// The digest: 16 bytes of MD5, 20 of SHA-1, 32 of SHA-256.
    pub fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Digest::Md5 => md5(message).to_vec(),
            Digest::Sha1 => {
                digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, message).as_ref().to_vec()
            }
            Digest::Sha256 => digest::digest(&digest::SHA256, message).as_ref().to_vec(),
        }
    }
}

/// How a message is authenticated by a key that both sides have (RFC 2104).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hmac {
    /// For clouds that ask for it. HMAC does not depend on what is broken in SHA-1.
    Sha1,
    Sha256,
}

impl Hmac {
    /// The code of a message: 20 bytes of SHA-1, 32 of SHA-256. Wiped when dropped, because a
    /// code may be the key of the next one (AWS Signature Version 4).
    pub fn of(self, key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
        let algorithm = match self {
            Hmac::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hmac::Sha256 => hmac::HMAC_SHA256,
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), message);
        Zeroizing::new(tag.as_ref().to_vec())
    }
}

/// How a JWT is signed (RFC 7518 3.1, RFC 8037 3.1). `none` is not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum JwtAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what most clouds ask for.
    #[default]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// By a key that both sides have.
    Hs256,
}

impl JwtAlgorithm {
    /// The names as a JWT's header has them (`alg`).
    pub const NAMES: [(&str, JwtAlgorithm); 5] = [
        ("RS256", JwtAlgorithm::Rs256),
        ("PS256", JwtAlgorithm::Ps256),
        ("ES256", JwtAlgorithm::Es256),
        ("EdDSA", JwtAlgorithm::EdDsa),
        ("HS256", JwtAlgorithm::Hs256),
    ];

    /// The name for a JWT's header.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, algorithm)| *algorithm == self).map_or("", |(name, _)| name)
    }

    /// What rustls calls it; `None` where no private key signs.
    fn scheme(self) -> Option<SignatureScheme> {
        match self {
            JwtAlgorithm::Rs256 => Some(SignatureScheme::RSA_PKCS1_SHA256),
            JwtAlgorithm::Ps256 => Some(SignatureScheme::RSA_PSS_SHA256),
            JwtAlgorithm::Es256 => Some(SignatureScheme::ECDSA_NISTP256_SHA256),
            JwtAlgorithm::EdDsa => Some(SignatureScheme::ED25519),
            JwtAlgorithm::Hs256 => None,
        }
    }
}

/// A private key: RSA from 2048 bits up, ECDSA on P-256, or Ed25519.
pub(crate) struct PrivateKey(Arc<dyn SigningKey>);

impl PrivateKey {
    /// Reads a key from PEM: PKCS#8, PKCS#1 or SEC1, not encrypted. Fails with what is wrong with
    /// it, as the end of a sentence.
    pub fn from_pem(pem: &[u8]) -> Result<PrivateKey, &'static str> {
        let has = |word: &[u8]| pem.windows(word.len()).any(|bytes| bytes == word);
        if has(b"ENCRYPTED") {
            return Err(
                "is an encrypted key; write it without its password, for its owner alone: openssl pkey -in FILE -out FILE2",
            );
        }
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| match () {
            () if has(b"BEGIN OPENSSH PRIVATE KEY") => {
                "is a key in the form of OpenSSH; write it as PKCS#8: ssh-keygen -p -m PKCS8 -f FILE"
            }
            () if has(b"BEGIN PUBLIC KEY") || has(b"BEGIN RSA PUBLIC KEY") => {
                "is the public key; give the private one (-----BEGIN PRIVATE KEY-----)"
            }
            () if has(b"BEGIN CERTIFICATE") => {
                "is a certificate; give its private key (-----BEGIN PRIVATE KEY-----)"
            }
            () => "is not a private key in PEM form (-----BEGIN PRIVATE KEY-----)",
        })?;
        let usable = any_supported_type(&key);
        usable.map(PrivateKey).map_err(|_| {
            "is not an RSA (2048 to 8192 bits), P-256 or Ed25519 key; make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out FILE"
        })
    }

    /// Reads a key from PKCS#8 in its binary form.
    pub fn from_pkcs8(der: &[u8]) -> Option<PrivateKey> {
        any_supported_type(&PrivateKeyDer::Pkcs8(der.into())).ok().map(PrivateKey)
    }

    /// How JWTs are signed with it, unless something else is asked for.
    pub fn algorithm(&self) -> JwtAlgorithm {
        match self.0.algorithm() {
            SignatureAlgorithm::ECDSA => JwtAlgorithm::Es256,
            SignatureAlgorithm::ED25519 => JwtAlgorithm::EdDsa,
            _ => JwtAlgorithm::Rs256,
        }
    }

    /// Whether JWTs can be signed so with it.
    pub fn can(&self, algorithm: JwtAlgorithm) -> bool {
        algorithm.scheme().is_some_and(|scheme| self.0.choose_scheme(&[scheme]).is_some())
    }

    /// A signature in the form that is usual for the kind of key. RSA: PKCS#1 v1.5 over SHA-256.
    /// ECDSA: ASN.1 over SHA-256. Ed25519: over the message itself.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, &'static str> {
        use SignatureScheme as S;
        self.signed(&[S::RSA_PKCS1_SHA256, S::ECDSA_NISTP256_SHA256, S::ED25519], message)
    }

    /// A signature as JWTs carry it. That of ECDSA is two numbers of 32 bytes side by side (RFC
    /// 7518 3.4), where TLS and X.509 have ASN.1.
    pub fn sign_jwt(
        &self,
        algorithm: JwtAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, &'static str> {
        let schemes: Vec<SignatureScheme> = algorithm.scheme().into_iter().collect();
        let signature = self.signed(&schemes, message)?;
        match algorithm {
            JwtAlgorithm::Es256 => fixed(&signature).ok_or("made no signature"),
            _ => Ok(signature),
        }
    }

    /// Signs by the first of these schemes that the key can do. Fails where the key is of another
    /// kind.
    fn signed(&self, schemes: &[SignatureScheme], message: &[u8]) -> Result<Vec<u8>, &'static str> {
        let signer =
            self.0.choose_scheme(schemes).ok_or("is a key of another kind than is signed with")?;
        signer.sign(message).map_err(|_| "made no signature")
    }

    /// The public key that belongs to it, as DER (SubjectPublicKeyInfo, RFC 5280 4.1).
    pub fn public(&self) -> Option<Vec<u8>> {
        self.0.public_key().map(|key| key.as_ref().to_vec())
    }
}

/// SHA-256 over a list of parts.
#[derive(Clone)]
pub(crate) struct PartsDigest(digest::Context);

impl PartsDigest {
    /// Of no parts yet.
    pub fn new() -> PartsDigest {
        PartsDigest(digest::Context::new(&digest::SHA256))
    }

    /// One more. Lengths first, so that no two lists of parts run together to the same bytes.
    pub fn feed(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// One that may not be there, which is not the same as an empty one.
    pub fn feed_maybe(&mut self, part: Option<&[u8]>) {
        self.feed(&[u8::from(part.is_some())]);
        self.feed(part.unwrap_or_default());
    }

    /// Of all of them.
    pub fn finish(self) -> [u8; 32] {
        self.0.finish().as_ref().try_into().unwrap_or_default()
    }
}

/// A new key on P-256, as PKCS#8.
///
/// # Errors
/// [`NO_RANDOMNESS`].
pub(crate) fn new_p256() -> Result<Zeroizing<Vec<u8>>, Error> {
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let random = ring::rand::SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
    let made = made.map_err(|_| Error::new(Status::NoRandomness, NO_RANDOMNESS))?;
    Ok(Zeroizing::new(made.as_ref().to_vec()))
}

/// The first certificate of a PEM text, as DER: its digest is what a JWT's header names it by
/// (`x5t`, RFC 7515 4.1.7).
pub(crate) fn certificate(pem: &[u8]) -> Option<Vec<u8>> {
    CertificateDer::from_pem_slice(pem).ok().map(|der| der.as_ref().to_vec())
}

/// Turns an ECDSA signature from ASN.1 (a SEQUENCE of two INTEGERs) into two numbers of 32 bytes.
///
/// DER drops leading zeros and puts one before a number whose first bit is set; both are undone.
fn fixed(signature: &[u8]) -> Option<Vec<u8>> {
    let mut rest = signature.strip_prefix(&[0x30])?.get(1..)?;
    let mut out = Vec::with_capacity(64);
    for _ in 0..2 {
        let [2, length, after @ ..] = rest else { return None };
        let (number, next) = after.split_at_checked(usize::from(*length))?;
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        out.resize(out.len() + 32usize.checked_sub(number.len())?, 0);
        out.extend_from_slice(number);
        rest = next;
    }
    Some(out)
}

/// Why there are no random bytes, where there are none.
pub(crate) const NO_RANDOMNESS: &str = "this system gives no random numbers (neither getrandom nor /dev/urandom): does a seccomp filter or a bare chroot forbid it?";

/// Random bytes from the system.
///
/// # Errors
/// [`NO_RANDOMNESS`].
pub(crate) fn random(count: usize) -> Result<Vec<u8>, Error> {
    use ring::rand::SecureRandom;
    let mut bytes = vec![0; count];
    match ring::rand::SystemRandom::new().fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(Error::new(Status::NoRandomness, NO_RANDOMNESS)),
    }
}
