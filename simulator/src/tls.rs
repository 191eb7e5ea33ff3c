//! Certificates and TLS: one authority of the simulator's own, and every way to get TLS wrong.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::fault::TlsFault;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// One configuration for each face an origin can show.
#[derive(Debug)]
pub(crate) struct Faces {
    plain: Arc<ServerConfig>,
    /// As `plain`, and TLS 1.2 at the most.
    older: Arc<ServerConfig>,
    client_cert: Arc<ServerConfig>,
    unknown_ca: Arc<ServerConfig>,
    wrong_host: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    /// The authority's certificate, in PEM.
    pub(crate) ca_pem: String,
    /// A certificate for clients, signed by the authority, in PEM.
    pub(crate) client_cert_pem: String,
    /// Its key, in PEM.
    pub(crate) client_key_pem: String,
}

impl Faces {
    pub(crate) fn new() -> Faces {
        let authority = authority("keyfob simulator CA");
        let stranger = authority_unknown();
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("the authority's certificate is one");
        let (client_cert_pem, client_key_pem) = client(&authority);
        let good = leaf(&HERE, 2100);
        let asking = server(&authority, &good, Some(roots));
        Faces {
            plain: server(&authority, &good, None),
            older: only_tls12(&authority, &good),
            client_cert: asking,
            unknown_ca: server(&stranger, &good, None),
            wrong_host: server(&authority, &leaf(&["elsewhere.example"], 2100), None),
            expired: server(&authority, &leaf(&HERE, 2002), None),
            ca_pem: authority.pem(),
            client_cert_pem,
            client_key_pem,
        }
    }

    /// The configuration for a connection, whatever is wrong with it.
    pub(crate) fn face(
        &self,
        fault: Option<TlsFault>,
        require_client_cert: bool,
        older: bool,
    ) -> Arc<ServerConfig> {
        let face = match fault {
            Some(TlsFault::UnknownCa) => &self.unknown_ca,
            Some(TlsFault::WrongHost) => &self.wrong_host,
            Some(TlsFault::Expired) => &self.expired,
            Some(TlsFault::HandshakeStall | TlsFault::NotTls) | None => {
                if require_client_cert {
                    &self.client_cert
                } else if older {
                    &self.older
                } else {
                    &self.plain
                }
            }
        };
        face.clone()
    }
}

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    CertifiedIssuer::self_signed(params, key()).expect("the authority's certificate can be signed")
}

/// An authority with the name of the real one: only its signature gives it away.
fn authority_unknown() -> Authority {
    authority("keyfob simulator CA")
}

/// A server's certificate that ends with the beginning of a year. Python's strict verification
/// wants the authority's key identifier in it.
fn leaf(names: &[&str], ends: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, names[0]);
    let names = names.iter().map(|name| match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName((*name).try_into().expect("a host name is ASCII")),
    });
    params.subject_alt_names = names.collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(ends, 1, 1);
    params
}

fn client(authority: &Authority) -> (String, String) {
    let key = key();
    let mut params = leaf(&["gateway.example.com"], 2100);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let cert = params.signed_by(&key, authority).expect("a certificate can be signed");
    (cert.pem(), key.serialize_pem())
}

fn server(
    authority: &Authority,
    params: &CertificateParams,
    client_roots: Option<RootCertStore>,
) -> Arc<ServerConfig> {
    speaking(rustls::ALL_VERSIONS, authority, params, client_roots)
}

fn only_tls12(authority: &Authority, params: &CertificateParams) -> Arc<ServerConfig> {
    speaking(&[&rustls::version::TLS12], authority, params, None)
}

fn speaking(
    versions: &[&'static SupportedProtocolVersion],
    authority: &Authority,
    params: &CertificateParams,
    client_roots: Option<RootCertStore>,
) -> Arc<ServerConfig> {
    let key = key();
    let cert = params.signed_by(&key, authority).expect("a certificate can be signed");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .expect("ring knows the protocol versions");
    let builder = match client_roots {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("there is a root"))
        }
    };
    let mut config = builder
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("key and certificate belong together");
    config.session_storage = ServerSessionMemoryCache::new(4096);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
