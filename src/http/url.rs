//! Absolute HTTP URLs and their origins (RFC 6454), parsed as the HTTP client itself parses them,
//! so that what is checked is what is sent.

use crate::error::{Error, Result, Status};
use std::fmt;
use ureq::http::Uri;

/// An absolute `http` or `https` URL without user info.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    uri: Uri,
    origin: Origin,
}

/// Scheme, host and port: what credentials are bound to.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    https: bool,
    host: String,
    port: u16,
}

/// The longest URL that is sent: no server takes one near it.
const MOST_URL: usize = 65_534;

impl Url {
    pub fn parse(text: &str) -> Result<Url> {
        let refuse =
            |why: &str| Error::new(Status::InvalidArgument, format!("{}: {why}", shown(text)));
        // Browsers and some servers take it for a slash, others do not: it hides where a path ends.
        if text.contains('\\') {
            return Err(refuse("a backslash in a URL; a path has slashes, or %5C"));
        }
        if text.len() > MOST_URL {
            return Err(refuse("the URL and its query are longer than 65534 bytes"));
        }
        let uri: Uri = text.parse().map_err(|_| refuse("not a URL"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse("not an absolute http or https URL")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("user info in a URL is not allowed; set the options instead"));
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(refuse("no host"));
        }
        let default = if https { 443 } else { 80 };
        let port = match authority.as_str().rsplit_once(':') {
            // A colon inside the brackets of an IPv6 address is not a port's.
            Some((_, port)) if !port.contains(']') => {
                port.parse().map_err(|_| refuse("the port is not a number from 0 to 65535"))?
            }
            _ => default,
        };
        let origin = Origin { https, host: authority.host().to_ascii_lowercase(), port };
        Ok(Url { uri, origin })
    }

    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Adds `name=value` pairs that are already percent-encoded.
    pub fn with_query(&self, query: &str) -> Result<Url> {
        if query.is_empty() {
            return Ok(self.clone());
        }
        let text = self.uri.to_string();
        let joint = if self.uri.query().is_some() { '&' } else { '?' };
        Url::parse(&format!("{text}{joint}{query}"))
    }

    /// Resolves a reference against this URL (RFC 3986, section 5.2).
    pub fn join(&self, reference: &str) -> Result<Url> {
        let reference = reference.split('#').next().unwrap_or_default();
        if has_scheme(reference) {
            return Url::parse(reference);
        }
        let scheme = self.uri.scheme_str().unwrap_or("https");
        if let Some(rest) = reference.strip_prefix("//") {
            return Url::parse(&format!("{scheme}://{rest}"));
        }
        let authority = self.uri.authority().map_or("", |a| a.as_str());
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference, None),
        };
        let (path, query) = if path.is_empty() {
            (self.uri.path().to_string(), query.or(self.uri.query()))
        } else if path.starts_with('/') {
            (without_dots(path), query)
        } else {
            let folder = self.uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            (without_dots(&format!("{folder}/{path}")), query)
        };
        let query = query.map_or(String::new(), |q| format!("?{q}"));
        Url::parse(&format!("{scheme}://{authority}{path}{query}"))
    }
}

/// Origin and path: what a message may show. The query may hold anything.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.uri.path())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Origin {
    pub fn is_https(&self) -> bool {
        self.https
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the host can only be this machine.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost"
            || bare.ends_with(".localhost")
            || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.https { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != default { write!(f, ":{}", self.port) } else { Ok(()) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which origins may see a provider's credentials: exact ones, or `https://*.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OriginRule {
    Exact(Origin),
    /// Any host below this domain, over HTTPS on its default port.
    Below(String),
}

/// Allows nothing.
impl Default for OriginRule {
    fn default() -> Self {
        OriginRule::Exact(Origin::default())
    }
}

impl OriginRule {
    /// Reads a rule. What could be taken for more or for less than the rule is gets refused: a path,
    /// a dot at the end of the host, a port beside `*`.
    pub fn parse(text: &str) -> Result<OriginRule> {
        let refuse =
            |why: &str| Error::new(Status::InvalidArgument, format!("{}: {why}", shown(text)));
        let origin = |text: &str| {
            let url = Url::parse(text)?;
            if url.uri.path().len() > 1 || text.contains(['?', '#']) {
                return Err(refuse("an origin has no path: scheme, host and port are all of it"));
            }
            if url.origin.host.ends_with('.') {
                return Err(refuse("leave out the dot at the end of the host"));
            }
            Ok(url.origin)
        };
        match text.strip_prefix("https://*.") {
            Some(domain) if domain.contains('.') => {
                if domain.contains(':') {
                    return Err(refuse("hosts below a domain are allowed on port 443 alone"));
                }
                let Origin { host, .. } = origin(&format!("https://{domain}"))?;
                Ok(OriginRule::Below(format!(".{host}")))
            }
            _ if text.contains('*') => Err(refuse("a * stands only as in https://*.example.com")),
            _ => origin(text).map(OriginRule::Exact),
        }
    }

    /// The origin of this URL, and no other.
    pub fn of(url: Url) -> OriginRule {
        OriginRule::Exact(url.origin)
    }

    pub fn allows(&self, origin: &Origin) -> bool {
        match self {
            OriginRule::Exact(exact) => exact == origin,
            OriginRule::Below(domain) => {
                origin.https && origin.port == 443 && origin.host.ends_with(domain.as_str())
            }
        }
    }
}

/// A URL as a message may show it when it did not parse: no query, no user info, not endless.
fn shown(text: &str) -> String {
    let plain = text.split(['?', '#']).next().unwrap_or_default();
    let plain = match (plain.split_once("://"), plain.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => plain.to_string(),
    };
    plain.chars().take(120).collect()
}

pub(crate) fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Percent-encodes a name or a value of a query, or a piece of a path: whatever is not unreserved
/// (RFC 3986 2.3).
pub(crate) fn query_encode(value: &str, into: &mut String) {
    percent_encode(value, "-._~", into);
}

/// Encodes a name or a value of a form (`application/x-www-form-urlencoded`): a blank is `+`; `*`,
/// `-`, `.` and `_` stay.
pub(crate) fn form_encode(value: &str, into: &mut String) {
    for (index, word) in value.split(' ').enumerate() {
        if index > 0 {
            into.push('+');
        }
        percent_encode(word, "*-._", into);
    }
}

fn percent_encode(value: &str, kept: &str, into: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            into.push(byte as char);
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            into.push('%');
            into.push(HEX[usize::from(byte >> 4)] as char);
            into.push(HEX[usize::from(byte & 15)] as char);
        }
    }
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let last = index + 1 == segments.len();
        match *segment {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_as_rfc_3986_says() {
        let base = Url::parse("https://h:8443/b/c/d?q").unwrap();
        for (reference, expected) in [
            ("g", "https://h:8443/b/c/g"),
            ("./g/", "https://h:8443/b/c/g/"),
            ("/g?y", "https://h:8443/g?y"),
            ("?y", "https://h:8443/b/c/d?y"),
            ("", "https://h:8443/b/c/d?q"),
            ("//g/x", "https://g/x"),
            ("../../../g", "https://h:8443/g"),
            ("..", "https://h:8443/b/"),
            ("http://o/p#f", "http://o/p"),
        ] {
            assert_eq!(base.join(reference).unwrap().uri.to_string(), expected, "{reference}");
        }
    }

    #[test]
    fn an_origin_is_the_same_however_it_is_written() {
        let origin = |text| Url::parse(text).unwrap().origin;
        assert_eq!(origin("https://API.kii.com/x"), origin("https://api.kii.com:443/y"));
        assert_ne!(origin("https://api.kii.com"), origin("http://api.kii.com"));
        assert_ne!(origin("https://api.kii.com"), origin("https://api.kii.com:8443"));
        assert!(origin("http://[::1]:80").is_loopback());
        assert!(!origin("http://127.0.0.1.example.com").is_loopback());
    }

    #[test]
    fn a_url_that_hides_its_host_is_refused() {
        for bad in
            ["https://api.kii.com@evil.example/", "ftp://h/", "https://", "/x", "https://h:x/"]
        {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
        assert!(!Url::parse("https://user:hunter2@h/").unwrap_err().message().contains("hunter2"));
    }

    #[test]
    fn an_origin_rule_covers_hosts_below_a_domain_only() {
        assert!(OriginRule::parse("https://api.simacan.com:8443/").is_ok());
        let rule = OriginRule::parse("https://*.simacan.com").unwrap();
        let origin = |text| Url::parse(text).unwrap().origin;
        assert!(rule.allows(&origin("https://api.simacan.com")));
        assert!(!rule.allows(&origin("https://evilsimacan.com")));
        assert!(!rule.allows(&origin("http://api.simacan.com")));
        assert!(!rule.allows(&origin("https://api.simacan.com:8443")));
        for bad in [
            "https://*",
            "https://*.com",
            "https://api.*.com",
            "http://*.simacan.com",
            "https://*.simacan.com:8443",
            "https://*.simacan.com:443",
            "https://*.simacan.com/v1",
            "https://*.simacan.com.",
            "https://api.simacan.com.",
            "https://api.simacan.com/v1",
            "https://api.simacan.com?x",
            "https://api.simacan.com\\.evil.example",
        ] {
            assert!(OriginRule::parse(bad).is_err(), "{bad}");
        }
    }
}
