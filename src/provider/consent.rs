//! What a server says of a person who was asked (RFC 8628 3.5), and in the words of those who have
//! others for it.

/// How a person's answer stands, when a device asks for its token before or after it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// There is none yet.
    Pending,
    /// There is none yet, and the server was asked too often.
    SlowDown,
    /// The person said no. Asking again needs a new code.
    Denied,
    /// The code is no longer good: nobody answered in its time, or it was used.
    Expired,
}

impl Consent {
    /// By the server's code, whatever the HTTP status: 400 by the book, 200, 403 and 428 as well.
    pub fn by_code(code: &str) -> Option<Consent> {
        match code.to_ascii_lowercase().as_str() {
            "authorization_pending" => Some(Consent::Pending),
            "slow_down" => Some(Consent::SlowDown),
            // Of Microsoft's endpoint, the second.
            "access_denied" | "authorization_declined" => Some(Consent::Denied),
            // Of a code that was used, or never given, some say `invalid_grant`.
            "expired_token" | "code_expired" | "invalid_grant" | "bad_verification_code" => {
                Some(Consent::Expired)
            }
            _ => None,
        }
    }
}
