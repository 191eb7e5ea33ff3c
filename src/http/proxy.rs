//! A proxy, and the tunnel through it: CONNECT of HTTP (RFC 9110 9.3.6), or SOCKS 5.
//!
//! TLS goes through the tunnel, so the proxy sees of it only the host's name and port. Whoever is on
//! the way to the proxy sees them too, and the proxy's password, unless there is TLS with the proxy
//! itself (`https://`). ureq's own proxy support is not used, since the connections are ours.
//!
//! ```text
//! CONNECT api.example.com:443 HTTP/1.1      →
//!                                           ←   HTTP/1.1 200 Connection established
//! TLS with api.example.com                 ↔
//! ```

use super::broken::{Broken, Outcome};
use super::connection::Connection;
use super::conversation::WITHOUT_END;
use super::socks;
use super::url::{Origin, Url};
use crate::error::{Error, Result, Status};
use crate::support::call::Call;
use crate::support::percent::percent_decoded;
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// Where the proxy is, what it speaks, and who uses it.
pub(crate) struct Proxy {
    /// Of `https` where there is TLS with the proxy itself, under its own name.
    pub origin: Origin,
    speaks: Speaks,
}

/// What the proxy speaks, and how its user proves who he is.
enum Speaks {
    /// CONNECT, with the value of `Proxy-Authorization` (Basic, RFC 7617).
    Http(Option<Secret>),
    /// SOCKS 5, with name and password where the option has them.
    Socks(Option<socks::Login>),
}

impl Proxy {
    /// Reads the option `proxy`: `http://[user:password@]host:port`, or the same with `https` or
    /// `socks5`. The port must be there, since no port is usual for proxies. An error never quotes the
    /// text, which may hold a password.
    pub fn parse(text: &str) -> Result<Proxy> {
        Proxy::read(text, false).ok_or_else(|| {
            let what = "proxy: not of the form http://[user:password@]host:port (HTTP CONNECT; https:// with TLS) or socks5://[user:password@]host:port; or env, for what the environment says";
            Error::new(Status::InvalidOption, what)
        })
    }

    /// Reads an environment variable, in which people leave out the scheme (`http`) or the port
    /// (80; of https, 443; of SOCKS, 1080).
    pub fn of_variable(text: &str) -> Option<Proxy> {
        let has_scheme = text.contains("://");
        Proxy::read(&if has_scheme { text.to_string() } else { format!("http://{text}") }, true)
    }

    /// Reads a proxy. `may_lack_port`: the scheme's usual port stands in for one that is missing.
    fn read(text: &str, may_lack_port: bool) -> Option<Proxy> {
        let (scheme, rest) = text.split_once("://")?;
        let (is_socks, reached_by, usual) = match scheme {
            "http" => (false, "http", ":80"),
            "https" => (false, "https", ":443"),
            "socks5" | "socks5h" => (true, "http", ":1080"),
            _ => return None,
        };
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let port = if may_lack_port && !has_port { usual } else { "" };
        let url = Url::parse(&format!("{reached_by}://{place}{port}")).ok()?;
        let is_more = place.contains('#') || url.target() != "/";
        if !(has_port || may_lack_port) || url.origin().port() == 0 || is_more {
            return None;
        }
        // A name or a password may hold what a URL cannot.
        let plain = user.map(|user| percent_decoded(user.as_bytes(), false).bytes);
        let speaks = match (is_socks, plain) {
            (true, None) => Speaks::Socks(None),
            (true, Some(plain)) => Speaks::Socks(Some(login(&plain)?)),
            (false, plain) => Speaks::Http(plain.map(|plain| {
                let value = Zeroizing::new(BASE64_STANDARD.encode(&*plain));
                Secret::new(format!("Basic {}", *value))
            })),
        };
        Some(Proxy { origin: url.origin().clone(), speaks })
    }

    /// What messages call it: host and port.
    pub fn shown(&self) -> String {
        format!("{}:{}", self.origin.host(), self.origin.port())
    }

    /// Asks the proxy at the other end of this connection to lead it on to `to`.
    ///
    /// Afterwards the connection is one to `to`. The other side speaks second in TLS and in HTTP,
    /// so anything that has come already is the proxy's, and the connection is refused.
    pub(super) fn tunnel(
        &self,
        connection: &mut Connection,
        to: &Origin,
        user_agent: &str,
        call: &Call,
    ) -> Outcome<()> {
        let credentials = match &self.speaks {
            Speaks::Http(credentials) => credentials,
            Speaks::Socks(login) => return socks::tunnel(login.as_ref(), connection, to, call),
        };
        let target = format!("{}:{}", to.host_without_zone(), to.port());
        let mut lines = vec!["CONNECT ", &target, " HTTP/1.1\r\nHost: ", &target];
        if !user_agent.is_empty() {
            lines.extend(["\r\nUser-Agent: ", user_agent]);
        }
        if let Some(credentials) = credentials {
            lines.extend(["\r\nProxy-Authorization: ", credentials.expose()]);
        }
        lines.push("\r\n\r\n");
        let length = lines.iter().map(|line| line.len()).sum();
        let mut request = Zeroizing::new(Vec::with_capacity(length));
        lines.iter().for_each(|line| request.extend_from_slice(line.as_bytes()));
        connection.put_all(&request, call)?;
        let (mut seen, mut interim) = (0, 0);
        loop {
            let unread = connection.unread();
            if let Some(end) = end_of_head(unread, seen) {
                let line = unread[..end].split(|byte| matches!(byte, b'\r' | b'\n')).next();
                let status = status_of(line.unwrap_or_default())?;
                connection.take(end);
                seen = 0;
                match status {
                    100..=199 if interim > MOST_HEAD => return Err(WITHOUT_END),
                    100..=199 => interim += end,
                    // The other side speaks second: what came already is the proxy's.
                    200..=299 if connection.is_settled() => return Ok(()),
                    200..=299 => return Err(Broken::Malformed("more came than its answer")),
                    status => return Err(Broken::ProxyRefused(status)),
                }
                continue;
            }
            seen = unread.len();
            if seen > MOST_HEAD {
                return Err(Broken::Malformed("its head is longer than 64 KiB"));
            }
            if !connection.fill(call, true)? {
                return Err(Broken::Ended);
            }
        }
    }
}

/// A name and a password for SOCKS, if they fit its form.
fn login(plain: &[u8]) -> Option<socks::Login> {
    let (name, password) = std::str::from_utf8(plain).ok()?.split_once(':')?;
    let fits = |text: &str| (1..=255).contains(&text.len());
    let is_fit = fits(name) && fits(password);
    is_fit.then(|| socks::Login { name: name.into(), password: password.into() })
}

/// The longest head of a proxy's answer that is read, in bytes.
const MOST_HEAD: usize = 64 * 1024;

/// Where the head of an answer ends, if it does; the first `seen` bytes were looked at before.
fn end_of_head(bytes: &[u8], seen: usize) -> Option<usize> {
    let mut from = seen.saturating_sub(3);
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'\n') {
        from += at + 1;
        match &bytes[from..] {
            [b'\r', b'\n', ..] => return Some(from + 2),
            [b'\n', ..] => return Some(from + 1),
            _ => {}
        }
    }
    None
}

/// The status in the first line of an answer (RFC 9112 4), which must be HTTP/1.0 or 1.1.
fn status_of(line: &[u8]) -> Outcome<u16> {
    let no_http = Broken::Malformed("it does not begin as one");
    let Some(rest) = line.strip_prefix(b"HTTP/1.") else { return Err(no_http) };
    let [b'0' | b'1', b' ', a, b, c, rest @ ..] = rest else { return Err(no_http) };
    let digits = [a, b, c].map(|digit| u16::from(digit.wrapping_sub(b'0')));
    let in_range = (1..=9).contains(&digits[0]) && digits.iter().all(|digit| *digit <= 9);
    if !in_range || !(rest.is_empty() || rest[0] == b' ') {
        return Err(no_http);
    }
    Ok(digits[0] * 100 + digits[1] * 10 + digits[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_as_its_form_says() {
        let proxy = Proxy::parse("http://me:a%40b%zz@proxy.example.com:3128/").unwrap();
        assert_eq!(proxy.shown(), "proxy.example.com:3128");
        // me:a@b%zz
        let Speaks::Http(Some(credentials)) = proxy.speaks else { panic!("no credentials") };
        assert_eq!(credentials.expose(), "Basic bWU6YUBiJXp6");
        let Speaks::Socks(Some(login)) = Proxy::parse("socks5://me:a%40b@h:1080").unwrap().speaks
        else {
            panic!("no login")
        };
        assert_eq!((login.name.expose(), login.password.expose()), ("me", "a@b"));
        assert_eq!(
            Proxy::of_variable("proxy.example.com").unwrap().shown(),
            "proxy.example.com:80"
        );
        assert_eq!(Proxy::of_variable("socks5h://h").unwrap().shown(), "h:1080");
        assert_eq!(Proxy::of_variable("https://me:a@h").unwrap().shown(), "h:443");
        assert!(Proxy::parse("https://h:8443").unwrap().origin.is_https());
        assert_eq!(Proxy::parse("http://[::1]:3128").unwrap().shown(), "[::1]:3128");
        for bad in [
            "localhost:3128",
            "proxy.example.com",
            "http://proxy.example.com",
            "http://[::1]",
            "http://proxy.example.com:3128/path",
            "http://proxy.example.com:3128?x",
            "http://u:hunter2@",
            "https://proxy.example.com",
            "socks4://127.0.0.1:1",
            "socks5://127.0.0.1",
            "socks5://hunter2@127.0.0.1:1080",
            "socks5://:hunter2@127.0.0.1:1080",
            "127.0.0.1:1:2",
            "",
        ] {
            let error = Proxy::parse(bad).err().unwrap();
            assert!(!error.message().contains("hunter2"), "{bad}");
        }
    }
}
