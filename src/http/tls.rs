//! TLS by rustls: Mozilla's roots, the user's own, and a client certificate where one is asked for.

use crate::error::{Error, Result, Status};
use crate::support::clock::RELEASE;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};
use zeroize::Zeroize;

/// Which certificates to trust and to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub ca_file: Option<String>,
    pub replace_roots: bool,
    pub client_cert_file: Option<String>,
    pub client_key_file: Option<String>,
}

/// Reads the files and builds what every connection of a client shares.
pub(super) fn configure(files: &TlsFiles) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    if files.replace_roots && files.ca_file.is_none() {
        let nobody = "ca_only without ca_file would trust nobody: set ca_file too";
        return Err(Error::new(Status::MissingOption, nobody));
    }
    if !files.replace_roots {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = &files.ca_file {
        for certificate in certificates("ca_file", path)? {
            roots.add(certificate).map_err(|e| {
                unusable("ca_file", path, &format!("not a usable certificate: {e}"))
            })?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_details(provider, Arc::new(SaneTime))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(Status::Tls, format!("TLS cannot be set up: {e}")))?
        .with_root_certificates(roots);
    let mut config = match (&files.client_cert_file, &files.client_key_file) {
        (Some(chain), Some(key)) => {
            let private = PrivateKeyDer::from_pem_file(Path::new(key))
                .map_err(|e| unusable("client_key_file", key, &e.to_string()))?;
            builder
                .with_client_auth_cert(certificates("client_cert_file", chain)?, private)
                .map_err(|e| unusable("client_cert_file", chain, &e.to_string()))?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => {
            return Err(Error::new(
                Status::MissingOption,
                "client_cert_file and client_key_file go together: set both or neither",
            ));
        }
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The same, with sessions to resume. Each process keeps its own: in a forked child a lock on the
/// parent's may be held for ever, and a ticket that both use tells onlookers that they belong
/// together (RFC 8446 C.4).
pub(super) fn with_own_sessions(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.resumption = Resumption::in_memory_sessions(32);
    Arc::new(config)
}

fn certificates(option: &str, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(Path::new(path)).and_then(Iterator::collect);
    match read {
        Ok(found) if found.is_empty() => Err(unusable(option, path, "holds no PEM certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(option, path, &error.to_string())),
    }
}

fn unusable(option: &str, path: &str, why: &str) -> Error {
    Error::new(Status::InvalidOption, format!("{option}: {path}: {why}"))
}

/// The wall clock, but never before this library was made: a gateway that boots in 1970 could
/// verify no certificate, and so never learn the time.
#[derive(Debug)]
struct SaneTime;

impl TimeProvider for SaneTime {
    fn current_time(&self) -> Option<UnixTime> {
        let release = UnixTime::since_unix_epoch(Duration::from_secs(RELEASE as u64));
        Some(UnixTime::now().max(release))
    }
}

pub(super) struct TlsConnector(pub Arc<ClientConfig>);

impl std::fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, Tls>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> std::result::Result<Option<Self::Out>, ureq::Error> {
        let Some(below) = chained else { return Ok(None) };
        if !details.needs_tls() || below.is_tls() {
            return Ok(Some(Either::A(below)));
        }
        let host = details.uri.host().unwrap_or_default();
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_string())
            .map_err(|_| ureq::Error::Tls("the host name cannot be in a certificate"))?;
        let connection = ClientConnection::new(self.0.clone(), name).map_err(broken)?;
        let below: Box<dyn Transport> = Box::new(below);
        let socket = TransportAdapter::new(below, details.current_time.clone());
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let buffers = LazyBuffers::new(
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        Ok(Some(Either::B(Tls { stream, buffers })))
    }
}

fn broken(error: rustls::Error) -> ureq::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, error).into()
}

pub(super) struct Tls {
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    buffers: LazyBuffers,
}

impl Transport for Tls {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(
        &mut self,
        amount: usize,
        _: NextTimeout,
    ) -> std::result::Result<(), ureq::Error> {
        let written = self.stream.write_all(&self.buffers.output()[..amount]);
        match written.and_then(|()| self.stream.flush()) {
            Ok(()) => Ok(()),
            Err(error) if is_gone(&error) => Err(self.last_word().unwrap_or(error).into()),
            Err(error) => Err(error.into()),
        }
    }

    fn await_input(&mut self, _: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        wipe_freed(amount);
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        super::buffers::wipe(&mut self.buffers);
        // rustls decrypts in the buffer it received in, and frees it as it is. Given more to
        // receive, it puts that over what is there.
        self.stream.conn.read_tls(&mut io::repeat(0)).ok();
    }
}

/// What rustls hands over it has decrypted into a block of that size, which it has freed as it is.
/// Asked at once for one of the same size, allocators give out the same again: to be wiped this time.
fn wipe_freed(size: usize) {
    Vec::<u8>::with_capacity(size).zeroize();
}

/// The other side is no longer there to be written to.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

impl Tls {
    /// The alert that a server sent before it hung up: under TLS 1.3 it judges our certificate, or
    /// the lack of one, after the handshake is over for us.
    fn last_word(&mut self) -> Option<io::Error> {
        let StreamOwned { conn, sock } = &mut self.stream;
        conn.read_tls(sock).ok()?;
        let said = conn.process_new_packets().err()?;
        Some(io::Error::new(ErrorKind::InvalidData, said))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}
