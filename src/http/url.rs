//! Absolute HTTP URLs and their origins (RFC 3986, RFC 6454). What is checked here is what is
//! sent: the transport takes the host, the port and the path from here and parses nothing again.
//!
//! Credentials are bound to origins, so a URL that two parsers read differently would carry a
//! token to the wrong host. Such URLs are refused, not repaired: with user info, a backslash, an
//! odd host. What is not odd is sent as it was written.
//!
//! ```text
//! https://API.example.com/a/../b?q=é
//! origin   https://api.example.com        compared, whatever the case and whether 443 is said
//! target   /a/../b?q=%C3%A9               sent: dots stay, what is not ASCII is encoded
//! shown    https://api.example.com/a/../b in messages: no query
//! ```

use crate::error::{Error, Result, Status};
use std::fmt::{self, Write};

/// An absolute `http` or `https` URL without user info and fragment. Debug and Display leave out
/// the query, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    /// The URL as it is sent.
    text: String,
    /// Where in the text the path begins. There always is one: an empty path is `/`.
    path: usize,
    origin: Origin,
}

/// Scheme, host and port (RFC 6454 4): what credentials are bound to.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// Whether the scheme is `https`; otherwise it is `http`.
    https: bool,
    /// In small letters; an IPv6 address in its brackets.
    host: String,
    /// The scheme's own where none is written.
    port: u16,
    /// Whether plain HTTP to the host stays on this machine. Each request asks.
    stays_here: bool,
}

/// The longest URL that is sent, in bytes: ureq's `http` crate takes none longer, and hardly a
/// server one near it.
const MOST_URL: usize = 65_534;

impl Url {
    /// The address of an MQTT broker as the URL with the same host, port and security: `mqtts`
    /// and `wss` as https, `mqtt` and `ws` as http. So the origin rules hold for brokers, too. A
    /// port that is not said is HTTP's, not MQTT's.
    pub fn of_broker(text: &str) -> Result<Url> {
        let rest = |scheme: &str| text.strip_prefix(scheme);
        let secure = rest("mqtts://").or_else(|| rest("wss://"));
        let plain = rest("mqtt://").or_else(|| rest("ws://"));
        let url = secure.map(|rest| format!("https://{rest}"));
        match url.or_else(|| plain.map(|rest| format!("http://{rest}"))) {
            Some(url) => Url::parse(&url),
            None => Err(Error::new(
                Status::InvalidArgument,
                format!("{}: not a URL with mqtts, mqtt, wss or ws", shown(text)),
            )),
        }
    }

    /// Reads a URL. A fragment is dropped, since it is never sent. What is not ASCII in a path or
    /// a query is percent-encoded (RFC 3987 3.1).
    ///
    /// Refuses with `InvalidArgument` what parsers read differently, or what cannot be sent:
    /// another scheme, user info, a backslash, a host with odd characters, blanks and quotes, a
    /// port beyond 65535. Errors show neither query nor user info.
    pub fn parse(text: &str) -> Result<Url> {
        let refuse =
            |why: &str| Error::new(Status::InvalidArgument, format!("{}: {why}", shown(text)));
        // Some parsers take a backslash for a slash, so two of them would see two hosts in
        // `https://a\@b/`.
        if text.contains('\\') {
            return Err(refuse("a backslash in a URL; a path has slashes, or %5C"));
        }
        if text.len() > MOST_URL {
            return Err(refuse("the URL and its query are longer than 65534 bytes"));
        }
        let bare = text.split('#').next().unwrap_or_default();
        let (scheme, rest) = bare.split_once("://").unwrap_or((bare, ""));
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(refuse("not an absolute http or https URL")),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(refuse("user info in a URL is not allowed; set the options instead"));
        }
        let (host, port) = split_port(authority);
        if !is_host(host) {
            return Err(refuse(if host.is_empty() { "no host" } else { "the host is not one" }));
        }
        let port = match port {
            None => default_port(https),
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| refuse("the port is not a number from 0 to 65535"))?
            }
            Some(_) => return Err(refuse("the port is not a number from 0 to 65535")),
        };
        if target.bytes().any(|b| b <= b' ' || matches!(b, b'<' | b'>' | b'"' | b'`' | 0x7f)) {
            return Err(refuse("a URL has no blank, no quote and no control character"));
        }
        // Schemes have no case (RFC 3986 3.1), and not everyone who is shown a URL knows that.
        let mut url = format!("{}://{authority}", if https { "https" } else { "http" });
        let path = url.len();
        if !target.starts_with('/') {
            url.push('/');
        }
        encode_foreign(target, &mut url);
        let host = host.to_ascii_lowercase();
        let stays_here = !https && is_loopback(&host);
        Ok(Url { text: url, path, origin: Origin { https, host, port, stays_here } })
    }

    /// The whole of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Path and query: what a request line names.
    pub fn target(&self) -> &str {
        &self.text[self.path..]
    }

    /// Without the query. Begins with `/`.
    pub fn path(&self) -> &str {
        let target = self.target();
        target.split('?').next().unwrap_or(target)
    }

    /// Behind the `?`; `None` where there is no `?`.
    pub fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The whole of it with its authority as a `Host` header has it: what ureq is given.
    pub fn to_send(&self) -> String {
        /// `https://`, and a port.
        const MORE: usize = 16;
        let mut whole = String::with_capacity(self.text.len() + MORE);
        whole.push_str(if self.origin.https { "https://" } else { "http://" });
        self.origin.write_authority(&mut whole);
        whole.push_str(self.target());
        whole
    }

    /// Scheme and authority, as they were written.
    fn base(&self) -> &str {
        &self.text[..self.path]
    }

    /// With further `name=value` pairs, which must be percent-encoded already.
    pub fn with_query(self, query: &str) -> Result<Url> {
        if query.is_empty() {
            return Ok(self);
        }
        let joint = if self.query().is_some() { '&' } else { '?' };
        Url::parse(&format!("{}{joint}{query}", self.text))
    }

    /// The value of the first field of this name in the query, still percent-encoded.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut encoded = String::new();
        query_encode(name, &mut encoded);
        let mut pairs = self.query()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == encoded || *n == name).map(|(_, value)| value.to_string())
    }

    /// Without all fields of this name in the query.
    pub fn without_field(&self, name: &str) -> Result<Url> {
        let Some(query) = self.query() else { return Ok(self.clone()) };
        let mut encoded = String::new();
        query_encode(name, &mut encoded);
        let is_other = |pair: &&str| {
            let named = pair.split('=').next().unwrap_or_default();
            named != encoded && named != name
        };
        let kept: Vec<&str> = query.split('&').filter(is_other).collect();
        let bare = format!("{}{}", self.base(), self.path());
        Url::parse(&bare)?.with_query(&kept.join("&"))
    }

    /// Resolves a reference against this URL (RFC 3986 5.2).
    ///
    /// ```text
    /// https://h:8443/b/c/d?q  +  g        https://h:8443/b/c/g
    ///                         +  ?y       https://h:8443/b/c/d?y
    ///                         +  ../../g  https://h:8443/g
    ///                         +  //o/x    https://o/x
    /// ```
    ///
    /// The result may be of another origin: whoever sends credentials there must ask its
    /// [`OriginRule`] first.
    pub fn join(&self, reference: &str) -> Result<Url> {
        let reference = reference.split('#').next().unwrap_or_default();
        if has_scheme(reference) {
            return Url::parse(reference);
        }
        if let Some(rest) = reference.strip_prefix("//") {
            let scheme = if self.origin.https { "https" } else { "http" };
            return Url::parse(&format!("{scheme}://{rest}"));
        }
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference, None),
        };
        let (path, query) = if path.is_empty() {
            (self.path().to_string(), query.or(self.query()))
        } else if path.starts_with('/') {
            (without_dots(path), query)
        } else {
            let folder = self.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            (without_dots(&format!("{folder}/{path}")), query)
        };
        let query = query.map_or(String::new(), |q| format!("?{q}"));
        Url::parse(&format!("{}{path}{query}", self.base()))
    }
}

/// Origin and path: what a message may show. The query may hold anything.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path())
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

    /// In small letters; an IPv6 address in its brackets, with its zone.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host as sockets take it: an IPv6 address without its brackets, its zone behind `%`
    /// (RFC 6874 2).
    pub fn bare_host(&self) -> String {
        unbracketed(&self.host).replacen("%25", "%", 1)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host as others may see it: an IPv6 zone names a network interface of this machine.
    pub fn host_without_zone(&self) -> String {
        let mut host = String::new();
        self.write_host(&mut host);
        host
    }

    fn write_host(&self, into: &mut String) {
        match self.host.split_once("%25") {
            Some((address, _)) => {
                into.push_str(address);
                into.push(']');
            }
            None => into.push_str(&self.host),
        }
    }

    /// Host and port as a `Host` header has them (RFC 9110 7.2): the port only where it is not
    /// the scheme's own.
    pub fn authority(&self) -> String {
        let mut authority = String::new();
        self.write_authority(&mut authority);
        authority
    }

    fn write_authority(&self, into: &mut String) {
        self.write_host(into);
        if self.port != default_port(self.https) {
            // A text can be written to.
            write!(into, ":{}", self.port).ok();
        }
    }

    /// Whether the host is a name for this machine (RFC 6761 6.3). `resolve` accepts no other
    /// machine's address for it.
    pub fn is_localhost(&self) -> bool {
        is_localhost(&self.host)
    }

    /// Whether the host can only be this machine: such a name, or a loopback address. Plain HTTP
    /// is allowed there.
    pub fn is_loopback(&self) -> bool {
        self.stays_here || (self.https && is_loopback(&self.host))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default_port(self.https) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// RFC 9110 4.2.
fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

/// The host without the brackets of an IPv6 address.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// Such a name, or an address of this machine alone.
fn is_loopback(host: &str) -> bool {
    let bare = unbracketed(host);
    is_localhost(bare) || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `localhost` and all names below it (RFC 6761 6.3).
fn is_localhost(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

/// Host and port of an authority. The colons inside the brackets of an IPv6 address are not a
/// port's.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after..].find(':') {
        Some(at) => (&authority[..after + at], Some(&authority[after + at + 1..])),
        None => (authority, None),
    }
}

/// Whether this is a name, an IPv4 address, or an IPv6 address in brackets, perhaps with a zone
/// (RFC 6874). A name must be ASCII: whoever means another one writes it in its encoded form
/// (`xn--`).
fn is_host(host: &str) -> bool {
    let named = |text: &str, more: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.as_bytes().contains(&b))
    };
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => {
            let (address, zone) = match inner.split_once("%25") {
                Some((address, zone)) => (address, Some(zone)),
                None => (inner, None),
            };
            address.parse::<std::net::Ipv6Addr>().is_ok()
                && zone.is_none_or(|zone| named(zone, "-._~"))
        }
        None => named(host, "-._~") && !host.starts_with('.') && !host.contains(".."),
    }
}

/// Percent-encodes what is not ASCII.
fn encode_foreign(text: &str, into: &mut String) {
    if text.is_ascii() {
        return into.push_str(text);
    }
    let mut buffer = [0; 4];
    for c in text.chars() {
        match c.is_ascii() {
            true => into.push(c),
            false => percent_encode(c.encode_utf8(&mut buffer).as_bytes(), "", into),
        }
    }
}

/// Which origins may see a provider's credentials: one, or all below a domain.
///
/// ```text
/// https://api.example.com          that host on port 443
/// https://api.example.com:8443     that host on that port
/// https://*.example.com            https://a.example.com and https://a.b.example.com,
///                                  not https://example.com
/// https://*.com                    refused: a domain has a dot
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OriginRule {
    /// This origin alone.
    Exact(Origin),
    /// Any host below this domain, over HTTPS on port 443. The text begins with the dot, so that
    /// `evilexample.com` is not below `example.com`.
    Below(String),
}

/// Allows nothing: no URL has an empty host.
impl Default for OriginRule {
    fn default() -> Self {
        OriginRule::Exact(Origin::default())
    }
}

impl OriginRule {
    /// Reads a rule. Refuses what could be taken for more or for less than the rule is: a path, a
    /// dot at the end of the host, a port beside `*`.
    pub fn parse(text: &str) -> Result<OriginRule> {
        let refuse =
            |why: &str| Error::new(Status::InvalidArgument, format!("{}: {why}", shown(text)));
        let origin = |text: &str| {
            let url = Url::parse(text)?;
            if url.path().len() > 1 || text.contains(['?', '#']) {
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

    /// Whether this origin may see the credentials.
    pub fn allows(&self, origin: &Origin) -> bool {
        match self {
            OriginRule::Exact(exact) => exact == origin,
            OriginRule::Below(domain) => {
                origin.https && origin.port == 443 && origin.host.ends_with(domain.as_str())
            }
        }
    }
}

/// What a message shows of a URL that did not parse: no query, no user info, 120 characters at
/// most.
fn shown(text: &str) -> String {
    let plain = text.split(['?', '#']).next().unwrap_or_default();
    let plain = match (plain.split_once("://"), plain.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => plain.to_string(),
    };
    plain.chars().take(120).collect()
}

/// Whether a reference is an absolute URL: it begins with a scheme (RFC 3986 3.1).
pub(crate) fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Percent-encodes a name or a value of a query, or a piece of a path: all but the unreserved
/// characters (RFC 3986 2.3).
pub(crate) fn query_encode(value: &str, into: &mut String) {
    percent_encode(value.as_bytes(), UNRESERVED, into);
}

/// The characters besides letters and digits that need no encoding anywhere (RFC 3986 2.3).
pub(crate) const UNRESERVED: &str = "-._~";

/// Encodes a name or a value of a form (`application/x-www-form-urlencoded`, URL Standard 5): a
/// blank is `+`; `*`, `-`, `.` and `_` stay.
pub(crate) fn form_encode(value: &str, into: &mut String) {
    for (index, word) in value.split(' ').enumerate() {
        if index > 0 {
            into.push('+');
        }
        percent_encode(word.as_bytes(), "*-._", into);
    }
}

/// Percent-encodes all bytes but letters, digits and those of `kept`. In capitals, as RFC 3986
/// 2.1 prefers.
pub(crate) fn percent_encode(value: &[u8], kept: &str, into: &mut String) {
    for &byte in value {
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

/// Removes the segments `.` and `..` of a path (RFC 3986 5.2.4).
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
            assert_eq!(base.join(reference).unwrap().as_str(), expected, "{reference}");
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
    fn an_ipv6_address_may_have_a_zone_that_is_not_sent() {
        let url = Url::parse("http://[fe80::1%25eth0]:8080/x").unwrap();
        assert_eq!(url.origin.bare_host(), "fe80::1%eth0");
        assert_eq!(url.origin.authority(), "[fe80::1]:8080");
        assert_eq!(url.as_str(), "http://[fe80::1%25eth0]:8080/x");
        assert_ne!(url.origin, Url::parse("http://[fe80::1%25eth1]:8080/x").unwrap().origin);
        assert_eq!(
            Url::parse("https://[2001:DB8::1]/").unwrap().origin.authority(),
            "[2001:db8::1]"
        );
    }

    #[test]
    fn what_is_sent_is_what_stands_there() {
        for (given, target, whole) in [
            ("https://h", "/", "https://h/"),
            ("https://h?a=b", "/?a=b", "https://h/?a=b"),
            ("HTTPS://H:443/Ä?ö=%20#f", "/%C3%84?%C3%B6=%20", "https://H:443/%C3%84?%C3%B6=%20"),
            ("https://h//a/../b|c", "//a/../b|c", "https://h//a/../b|c"),
        ] {
            let url = Url::parse(given).unwrap();
            assert_eq!((url.target(), url.as_str()), (target, whole), "{given}");
        }
    }

    #[test]
    fn a_url_that_hides_its_host_is_refused() {
        for bad in [
            "https://api.kii.com@evil.example/",
            "ftp://h/",
            "https://",
            "/x",
            "https://h:x/",
            "https://h:/",
            "https://h:+1/",
            "https://h:65536/",
            "https://h:1:2/",
            "https:///x",
            "https:/h",
            "https://h\\@g/",
            "https://[::1/",
            "https://[::1]x/",
            "https://::1/",
            "https://h%2e/",
            "https://h..g/",
            "https://é.example/",
            "https://h/a b",
            "https://h/\u{7f}",
        ] {
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
