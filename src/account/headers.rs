//! The headers that carry a token, as values and as lines.
//!
//! ```text
//! [("Authorization", "Bearer eyJ..."), ("X-Site", "7")]    Headers
//! Authorization: Bearer eyJ...\nX-Site: 7                  header_lines
//! ```
//!
//! They are secrets: `Secret` wipes them, and no message shows one.

use crate::provider::dpop::HEADER;
use crate::support::secret::Secret;

/// The headers that carry a token: names as the profile writes them, and values. In their order.
pub(crate) type Headers = Vec<(String, Secret)>;

/// As text, one `Name: value` a line, without a line end after the last: what
/// `keyfob_client_headers` gives, and what `curl -H @file` reads. Each copy on the way is wiped.
pub(crate) fn header_lines(headers: &Headers) -> Secret {
    let lines: Vec<zeroize::Zeroizing<String>> = headers
        .iter()
        .map(|(name, value)| zeroize::Zeroizing::new(format!("{name}: {}", value.expose())))
        .collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
    Secret::new(lines.join("\n"))
}

/// A token that is bound to a key has a scheme of its own, which wants a proof beside it
/// (RFC 9449 7.1).
pub(crate) fn bind(headers: &mut Headers) {
    for (_, value) in headers.iter_mut() {
        if let Some(token) = value.expose().strip_prefix("Bearer ") {
            *value = Secret::new(format!("{HEADER} {token}"));
        }
    }
}
