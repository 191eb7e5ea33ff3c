//! The verdict: what an answer without a token says of the credentials that asked for one. What the
//! lifecycle drops, holds back or keeps follows from this and from nothing else.
//!
//! When in doubt it is the weaker one. A refresh token that is dropped wrongly is gone; one that is
//! kept wrongly costs another try.

/// What an answer without a token says of the credentials that asked for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They are no good: the profile has a rule for it, or the cloud's code leaves no doubt. After
    /// a refresh it is the refresh token that is dropped.
    Refused,
    /// The client software was not admitted (`invalid_client`, `unauthorized_client`). Neither the
    /// user nor the refresh token was looked at.
    ClientRefused,
    /// Perhaps they are no good: a 4xx that no rule knows, or a success that holds no token.
    MaybeRefused,
    /// The cloud did not look at them: it asks for fewer calls, or for another try.
    Busy,
    /// Nothing: the cloud failed, or its answer did not arrive.
    Silent,
}

impl Verdict {
    /// What a cloud's code says whatever the status of the answer and the profile's rules: RFC 6749
    /// 5.2 names codes that leave no doubt. `of_refresh`: the answer is to a refresh token.
    pub fn by_code(code: &str, of_refresh: bool) -> Option<Verdict> {
        match code.to_ascii_lowercase().as_str() {
            "invalid_client" | "unauthorized_client" => Some(Verdict::ClientRefused),
            "invalid_grant" => Some(Verdict::Refused),
            // Of RFC 6750 3.1 and of servers with words of their own: the token that was sent.
            "invalid_token"
            | "expired_token"
            | "token_expired"
            | "invalid_refresh_token"
            | "bad_refresh_token"
            | "expired_refresh_token"
            | "refresh_token_expired"
                if of_refresh =>
            {
                Some(Verdict::Refused)
            }
            _ => None,
        }
    }

    /// What an HTTP status says where neither a rule nor a code says more.
    pub fn by_status(status: u16) -> Verdict {
        match status {
            408 | 425 | 429 => Verdict::Busy,
            200..=299 | 400..=499 => Verdict::MaybeRefused,
            _ => Verdict::Silent,
        }
    }
}
