//! The headers that carry a token, as values and as lines.

use crate::support::secret::Secret;

/// The headers that carry a token.
pub(crate) type Headers = Vec<(String, Secret)>;

/// As text, one `Name: value` a line.
pub(crate) fn header_lines(headers: &Headers) -> Secret {
    let lines: Vec<zeroize::Zeroizing<String>> = headers
        .iter()
        .map(|(name, value)| zeroize::Zeroizing::new(format!("{name}: {}", value.expose())))
        .collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
    Secret::new(lines.join("\n"))
}
