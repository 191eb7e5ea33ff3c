//! Certificates for servers that the tests write themselves.

use super::directory::Directory;
use super::openssl::openssl;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use std::sync::Arc;

/// A certificate for 127.0.0.1, which is its own authority, and its key.
pub fn of_this_machine(directory: &Directory) -> (String, String) {
    of(directory, "IP:127.0.0.1")
}

/// The same for another name, as openssl writes it.
pub fn of(directory: &Directory, name: &str) -> (String, String) {
    let key = openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout"], directory, "");
    let file = directory.0.join("server.key");
    std::fs::write(&file, &key).unwrap();
    let name = format!("subjectAltName={name}");
    let made = ["req", "-x509", "-new", "-key", file.to_str().unwrap(), "-days", "9"];
    let about =
        ["-subj", "/CN=x", "-addext", "basicConstraints=critical,CA:FALSE", "-addext", &name];
    (openssl(&[&made[..], &about].concat(), directory, ""), key)
}

/// A server's TLS with this certificate and key, which asks whoever comes for a certificate.
pub fn asking(certificate: &str, key: &str, who: AnyCertificate) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(who))
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

type Verified = rustls::client::danger::HandshakeSignatureValid;

/// Asks for a certificate and takes any, as servers do that know their clients' by heart: they need
/// not read it.
#[derive(Debug)]
pub struct AnyCertificate {
    /// Whether it has to be shown one.
    pub mandatory: bool,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<Verified, rustls::Error> {
        Ok(Verified::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<Verified, rustls::Error> {
        Ok(Verified::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256]
    }
}
