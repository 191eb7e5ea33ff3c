//! TLS by rustls: Mozilla's roots, the user's own, and a client certificate where one is asked
//! for.
//!
//! Everything that can be wrong with the user's files is found here, when the client is made:
//! each error names the option, the file and what to do. Versions 1.2 and 1.3 are spoken, with
//! rustls' own choice of ciphers.

use crate::error::{Error, Result, Status};
use crate::support::clock::RELEASE;
use crate::support::crypto::PartsDigest;
use crate::support::file;
use crate::support::os::{self, Authorities};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, InconsistentKeys, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The value of the option `ca` that asks for the system's authorities.
pub(crate) const SYSTEM: &str = "system";

/// Which certificates to trust and to show. Paths of PEM files, read when a client is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// Option `ca_file`: authorities to trust besides Mozilla's.
    pub ca_file: Option<String>,
    /// Option `ca`: trust the system's authorities, too.
    pub system: bool,
    /// Option `ca_only`: trust none of Mozilla's.
    pub replace_roots: bool,
    /// Option `client_cert_file`: our certificate, then those of its authorities.
    pub client_cert_file: Option<String>,
    /// Option `client_key_file`. Set together with the certificate, or not at all.
    pub client_key_file: Option<String>,
}

impl TlsFiles {
    /// What tells these from others goes into a digest.
    pub fn feed(&self, digest: &mut PartsDigest) {
        // By name, so that what is added is not forgotten here.
        let TlsFiles { ca_file, system, replace_roots, client_cert_file, client_key_file } = self;
        for path in [ca_file, client_cert_file, client_key_file] {
            digest.feed_maybe(path.as_deref().map(str::as_bytes));
        }
        digest.feed(&[u8::from(*replace_roots), u8::from(*system)]);
    }
}

/// What the files say; `None` for those that are not named.
pub(super) struct PemFiles {
    authorities: Option<Zeroizing<Vec<u8>>>,
    chain: Option<Zeroizing<Vec<u8>>>,
    key: Option<Zeroizing<Vec<u8>>>,
    /// The system's authorities, and where they were found.
    system: Option<(String, Zeroizing<Vec<u8>>)>,
}

impl PemFiles {
    /// Each by itself.
    pub fn each(&self) -> [Option<&[u8]>; 4] {
        let system = self.system.as_ref().map(|(_, pem)| pem);
        [self.authorities.as_ref(), self.chain.as_ref(), self.key.as_ref(), system]
            .map(|file| file.map(|pem| &pem[..]))
    }
}

impl TlsFiles {
    /// Reads the files. Fails with the option that is wrong: `MissingOption` where another one must
    /// be set with it, `InvalidOption` where a file cannot be read.
    pub(super) fn read(&self) -> Result<PemFiles> {
        let missing = |what: &str| Err(Error::new(Status::MissingOption, what));
        if self.replace_roots && self.ca_file.is_none() && !self.system {
            let what = "ca_only without ca_file would trust nobody: set ca_file or ca=system too";
            return missing(what);
        }
        if self.client_cert_file.is_some() != self.client_key_file.is_some() {
            let what = "client_cert_file and client_key_file go together: set both or neither";
            return missing(what);
        }
        let read = |option: &str, path: &Option<String>, most| {
            path.as_ref().map(|path| read(option, path, most)).transpose()
        };
        Ok(PemFiles {
            authorities: read("ca_file", &self.ca_file, file::BUNDLE)?,
            key: read("client_key_file", &self.client_key_file, file::VALUE)?,
            chain: read("client_cert_file", &self.client_cert_file, file::BUNDLE)?,
            system: self.system.then(read_system).transpose()?,
        })
    }
}

/// Builds what all connections of a transport share of what the files say. `InvalidOption` where one
/// cannot be used.
///
/// It keeps no sessions to resume: those are added by [`with_own_sessions`], in each process.
pub(super) fn configure(files: &TlsFiles, read: &PemFiles) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    if !files.replace_roots {
        roots.extend(super::roots::mozilla());
    }
    if let (Some(path), Some(pem)) = (&files.ca_file, &read.authorities) {
        let bundle = certificates("ca_file", path, pem)?;
        let all = bundle.len();
        for (index, certificate) in bundle.into_iter().enumerate() {
            roots.add(certificate).map_err(|e| {
                let which = format!("certificate {} of {all}", index + 1);
                unusable("ca_file", path, &format!("{which} is not a usable certificate: {e}"))
            })?;
        }
    }
    if let Some((path, pem)) = &read.system {
        // A bundle that grew over the years holds some that no TLS of today takes.
        let all = certificates("ca=system", path, pem)?;
        if roots.add_parsable_certificates(all).0 == 0 {
            return Err(unusable("ca=system", path, "holds no usable certificate"));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_details(provider.clone(), Arc::new(SaneTime))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(Status::Tls, format!("TLS cannot be set up: {e}")))?
        .with_root_certificates(roots);
    let mut config = match (&read.chain, &read.key) {
        (Some(chain), Some(key)) => {
            let certified = certified_key(&provider, files, chain, key)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
        }
        _ => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The same, with sessions to resume: 32 servers' tickets.
///
/// Each process keeps its own. In a forked child a lock on the parent's may be held for ever, and
/// a ticket that both use tells onlookers that they belong together (RFC 8446 C.4).
pub(super) fn with_own_sessions(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.resumption = Resumption::in_memory_sessions(32);
    config
}

/// The same for TLS with a proxy, which is shown no certificate of ours: that one is for the cloud.
pub(super) fn to_a_proxy(config: &ClientConfig) -> ClientConfig {
    let mut config = with_own_sessions(config);
    config.client_auth_cert_resolver = Arc::new(NoCertificate);
    config
}

/// Shows no certificate to who asks for one.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// The client's certificate and its key, which must belong together.
///
/// rustls would check that by reading the certificate, and knows X.509 version 3 alone. Whether a
/// server takes version 1 is the server's to say, so for one that rustls cannot read, the key's
/// public half is looked for in its bytes.
fn certified_key(
    provider: &CryptoProvider,
    files: &TlsFiles,
    chain: &[u8],
    pem: &[u8],
) -> Result<CertifiedKey> {
    let path = |path: &Option<String>| path.clone().unwrap_or_default();
    let unusable_key = |why: &str| unusable("client_key_file", &path(&files.client_key_file), why);
    let chain_file = path(&files.client_cert_file);
    let private = PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        match pem.windows(9).any(|word| word == b"ENCRYPTED") {
            true => unusable_key(
                "the key is encrypted; write it as it is, for its owner alone: openssl pkey -in FILE -out FILE2",
            ),
            false => unusable_key(&error.to_string()),
        }
    })?;
    let private = provider.key_provider.load_private_key(private);
    let private = private.map_err(|error| unusable_key(&error.to_string()))?;
    let certified =
        CertifiedKey::new(certificates("client_cert_file", &chain_file, chain)?, private);
    let mismatch = match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => false,
        Err(rustls::Error::InconsistentKeys(_)) => true,
        // rustls could not read the certificate. Its public key stands in it byte for byte.
        Err(_) => certified.key.public_key().is_some_and(|public| {
            let certificate = certified.cert.first().map_or(&[][..], |der| der.as_ref());
            !certificate.windows(public.len()).any(|part| part == public.as_ref())
        }),
    };
    match mismatch {
        true => {
            Err(unusable("client_cert_file", &chain_file, "does not belong to client_key_file"))
        }
        false => Ok(certified),
    }
}

/// All certificates of a PEM file; none is an error.
fn certificates(option: &str, path: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_slice_iter(pem).enumerate().map(|(index, certificate)| {
        certificate.map_err(|error| {
            let why = format!("certificate {} is not PEM as it should be: {error}", index + 1);
            unusable(option, path, &why)
        })
    });
    match read.collect::<Result<Vec<_>>>()? {
        found if found.is_empty() => Err(unusable(option, path, "holds no PEM certificate")),
        found => Ok(found),
    }
}

/// The system's authorities, and where they are. The environment is read for who asked for them alone.
fn read_system() -> Result<(String, Zeroizing<Vec<u8>>)> {
    const OPTION: &str = "ca=system";
    let refused = |why: &str| Error::new(Status::InvalidOption, format!("{OPTION}: {why}"));
    let named = std::env::var("SSL_CERT_FILE").ok().filter(|path| !path.is_empty());
    let path = match named {
        Some(path) => path,
        None => match os::authorities().map_err(|error| refused(&file::in_words(&error)))? {
            Some(Authorities::File(path)) => path.to_string(),
            Some(Authorities::Pem(pem)) => {
                return Ok(("this system's store".into(), Zeroizing::new(pem.into_bytes())));
            }
            None => {
                return Err(refused(
                    "this system keeps no file of authorities where one is known; name one with SSL_CERT_FILE or ca_file",
                ));
            }
        },
    };
    let pem = read(OPTION, &path, file::BUNDLE)?;
    Ok((path, pem))
}

/// The file's bytes, or an error that begins with the option.
fn read(option: &str, path: &str, most: u64) -> Result<Zeroizing<Vec<u8>>> {
    file::read(path, most)
        .map_err(|why| Error::new(Status::InvalidOption, format!("{option}: {why}")))
}

/// An error about what is in a file.
fn unusable(option: &str, path: &str, why: &str) -> Error {
    Error::new(Status::InvalidOption, format!("{option}: {path}: {why}"))
}

/// The wall clock, but never before this library was made. A gateway that boots in 1970 could
/// otherwise verify no certificate, and so never ask a server for the time. Certificates that
/// ended before the release are refused even so.
#[derive(Debug)]
struct SaneTime;

impl TimeProvider for SaneTime {
    fn current_time(&self) -> Option<UnixTime> {
        let release = UnixTime::since_unix_epoch(Duration::from_secs(RELEASE as u64));
        Some(UnixTime::now().max(release))
    }
}
