//! Says what went wrong below, and what a person can do about it.

use super::message::Outgoing;
use super::payload::SourceFailed;
use super::{in_flight, tcp};
use crate::error::{Error, Status};
use crate::support::call::Call;
use std::time::Duration;

/// Our status and words for what went wrong below.
pub(super) fn explain(
    error: ureq::Error,
    outgoing: &Outgoing,
    call: &Call,
    connect_timeout: Duration,
) -> Error {
    let at = format!("{} {}", outgoing.method, outgoing.shown);
    let network = |what: String| Error::new(Status::Network, format!("{at}: {what}"));
    let error = match error {
        ureq::Error::Io(error) => error,
        ureq::Error::HostNotFound => {
            let host = outgoing.url.origin().host();
            return network(format!("no address found for {host}: check the name and DNS"));
        }
        ureq::Error::ConnectProxyFailed(_) => {
            return network("the proxy refused the connection; check the option proxy".into());
        }
        ureq::Error::Tls(what) => return Error::new(Status::Tls, format!("{at}: {what}")),
        ureq::Error::Timeout(_) => return call.timeout(),
        other => {
            let what = format!("{at}: not a valid HTTP answer ({other})");
            return Error::new(Status::MalformedAnswer, what);
        }
    };
    if error.get_ref().is_some_and(|inner| inner.is::<SourceFailed>()) {
        let inner = error.into_inner().and_then(|inner| inner.downcast::<SourceFailed>().ok());
        return inner.map_or_else(|| call.timeout(), |failed| failed.0);
    }
    match tcp::gave_up(&error) {
        Some(tcp::GaveUp::Cancelled | tcp::GaveUp::Deadline) => {
            return call.remaining().err().unwrap_or_else(|| call.timeout());
        }
        Some(tcp::GaveUp::ConnectDeadline) => {
            let ms = connect_timeout.as_millis();
            return Error::new(
                Status::Timeout,
                format!("{at}: no connection within {ms} ms (connect_timeout_ms)"),
            );
        }
        None => {}
    }
    let tls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    if let Some(error) = tls {
        if refuses_certificate(error) {
            in_flight::with_in_flight(|flight| flight.sent = false);
        }
        return Error::new(Status::Tls, format!("{at}: {error}{}", advice(error)));
    }
    network(error.to_string())
}

/// Whether the server did not like our certificate, or the lack of one. Under TLS 1.3 it says so
/// when we have begun to send, but it does not look at a request before that.
fn refuses_certificate(error: &rustls::Error) -> bool {
    use rustls::AlertDescription as Alert;
    let rustls::Error::AlertReceived(alert) = error else { return false };
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
    )
}

/// What a person can do about a TLS failure.
fn advice(error: &rustls::Error) -> &'static str {
    use rustls::AlertDescription as Alert;
    use rustls::CertificateError as Bad;
    match error {
        // A bad signature is what an unknown authority under a known one's name comes to.
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            "; if the server has a private authority, name its PEM file with ca_file"
        }
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            "; check this machine's clock"
        }
        rustls::Error::AlertReceived(Alert::CertificateRequired) => {
            "; the server asks for a client certificate: set client_cert_file and client_key_file"
        }
        rustls::Error::InvalidMessage(_) => "; does this port speak TLS?",
        _ => "",
    }
}
