//! What a TLS failure means, in words, and what a person can do about it.
//!
//! rustls and webpki name failures (`UnknownIssuer`). Whoever reads a log at night needs a
//! sentence, and the option to look at. The name is kept in brackets, to search for:
//!
//! ```text
//! the server's certificate is from an authority that is not known here (UnknownIssuer); if the
//! server has a private authority, name its PEM file with ca_file
//! ```

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error};
use std::time::{Duration, UNIX_EPOCH};

/// The failure in words, to be put behind "POST https://host/path: ".
pub(super) fn of(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(bad) => {
            format!("the server's certificate {}", of_certificate(bad))
        }
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::InvalidMessage(_) => format!("{error}; does this port speak TLS?"),
        Error::PeerIncompatible(why) => {
            format!("the server and this client have no TLS version or cipher in common ({why:?})")
        }
        other => other.to_string(),
    }
}

/// What to do where the server's authority is not a public one.
const PRIVATE: &str = "if the server has a private authority, name its PEM file with ca_file";

/// What is wrong with the server's certificate: the end of "the server's certificate ...". Dates
/// are shown beside this machine's, because a wrong clock here is as likely as an old certificate
/// there.
fn of_certificate(bad: &Bad) -> String {
    match bad {
        Bad::UnknownIssuer => {
            format!("is from an authority that is not known here (UnknownIssuer); {PRIVATE}")
        }
        // An unknown authority that bears a known one's name shows as a bad signature.
        Bad::BadSignature => format!(
            "has a signature that is no good: its authority only has the name of one that is known, or a key is too weak (RSA under 2048 bits); {PRIVATE}"
        ),
        Bad::ExpiredContext { time, not_after } => format!(
            "expired on {}, and this machine's clock says {}; is this machine's clock right?",
            date(*not_after),
            date(*time)
        ),
        Bad::Expired => "has expired; is this machine's clock right?".into(),
        Bad::NotValidYetContext { time, not_before } => format!(
            "begins on {}, and this machine's clock says {}; is this machine's clock right?",
            date(*not_before),
            date(*time)
        ),
        Bad::NotValidYet => "is not valid yet; is this machine's clock right?".into(),
        Bad::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().take(5).map(String::as_str).collect();
            let names = if names.is_empty() { "no name".into() } else { names.join(", ") };
            format!("is not valid for {}: it is for {names}", expected.to_str())
        }
        Bad::Revoked => "was revoked by its authority".into(),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "is not one for servers (extended key usage)".into()
        }
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed in a way that is no longer safe (SHA-1), or with a key of a kind that is not known".into()
        }
        Bad::UnhandledCriticalExtension => "has a critical extension that is not known".into(),
        Bad::BadEncoding => "cannot be read".into(),
        other => of_name(&other.to_string()),
    }
}

/// What webpki tells by a name alone, which rustls passes on as text.
fn of_name(name: &str) -> String {
    let known = [
        (
            "CaUsedAsEndEntity",
            "is an authority's own (a self-signed CA used as server); give the server one that this authority has signed",
        ),
        ("EndEntityUsedAsCa", "is signed by a certificate that is no authority's"),
        ("UnsupportedCertVersion", "is not of X.509 version 3"),
        ("NameConstraintViolation", "has a name that its authority may not sign for"),
        ("PathLenConstraintViolated", "has more authorities above it than one of them allows"),
        ("ExtensionValueInvalid", "has an extension that cannot be read"),
    ];
    let found = known.iter().find(|(webpki, _)| name.contains(webpki));
    found.map_or_else(
        || format!("is no good ({name})"),
        |(webpki, words)| format!("{words} ({webpki})"),
    )
}

/// What the server sent in place of an answer (RFC 8446 6.2). Alerts about a certificate are
/// about ours: the server checks no other.
fn of_alert(alert: Alert) -> String {
    const OURS: &str = "check client_cert_file and client_key_file";
    let words = match alert {
        Alert::CertificateRequired => {
            "the server asks for a client certificate: set client_cert_file and client_key_file"
        }
        Alert::UnknownCA => {
            "the server does not know the authority of our client certificate; check client_cert_file"
        }
        Alert::CertificateExpired => {
            "the server says that our client certificate has expired; renew client_cert_file, and check the clocks"
        }
        Alert::CertificateRevoked => "the server says that our client certificate was revoked",
        Alert::BadCertificate | Alert::CertificateUnknown | Alert::UnsupportedCertificate => {
            return format!(
                "the server does not accept our client certificate ({alert:?}); {OURS}"
            );
        }
        Alert::AccessDenied => {
            return format!(
                "the server does not let our client certificate in ({alert:?}); {OURS}"
            );
        }
        Alert::DecryptError => {
            "the server could not verify what our client key signed; check that client_key_file belongs to client_cert_file"
        }
        Alert::HandshakeFailure | Alert::InsufficientSecurity => {
            "the server has no TLS version or cipher in common with this client, or wants a client certificate"
        }
        Alert::ProtocolVersion => "the server speaks neither TLS 1.2 nor 1.3",
        Alert::UnrecognisedName => "the server knows no host of this name; check the URL",
        Alert::InternalError => "the server failed inside; try again later",
        _ => return format!("the server broke TLS off ({alert:?})"),
    };
    format!("{words} ({alert:?})")
}

/// A date as people write it: `1 Mar 2024, 12:00 UTC`.
fn date(time: UnixTime) -> String {
    let Some(time) = UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs())) else {
        return "a time beyond all measure".into();
    };
    // "Fri, 01 Mar 2024 12:00:00 GMT"
    let text = httpdate::fmt_http_date(time);
    match (text.get(5..16), text.get(17..22)) {
        (Some(day), Some(clock)) => format!("{}, {clock} UTC", day.trim_start_matches('0')),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_said_as_people_write_them() {
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let bad = Bad::ExpiredContext { time: time(1_767_225_600), not_after: time(1_709_294_400) };
        let words = of(&Error::InvalidCertificate(bad));
        assert!(words.contains("expired on 1 Mar 2024, 12:00 UTC"), "{words}");
        assert!(words.contains("clock says 1 Jan 2026, 00:00 UTC; is this machine's"), "{words}");
    }

    #[test]
    fn what_webpki_and_alerts_call_by_a_name_is_said_in_words() {
        assert!(of_name("Other(CaUsedAsEndEntity)").contains("self-signed CA used as server"));
        assert_eq!(of_name("Odd"), "is no good (Odd)");
        let words = of(&Error::AlertReceived(Alert::CertificateRequired));
        assert!(words.contains("client_cert_file") && words.contains("CertificateRequired"));
        assert!(
            of(&Error::AlertReceived(Alert::UnrecognisedName)).contains("no host of this name")
        );
    }
}
