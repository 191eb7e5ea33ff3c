//! Which proxy a connection goes through, if any: the option's, or with `proxy=env` the one that the
//! environment names, as curl and most tools read it.
//!
//! | variable | for |
//! |---|---|
//! | `HTTPS_PROXY`, else `ALL_PROXY` | https |
//! | `http_proxy`, else `ALL_PROXY` | plain HTTP. In small letters alone: a CGI program's `HTTP_PROXY` is a header that a stranger sent (httpoxy) |
//! | `NO_PROXY` | hosts that no proxy leads to |

use super::proxy::Proxy;
use super::url::Origin;
use crate::error::{Error, Result, Status};
use crate::support::secret::Secret;
use std::net::IpAddr;

/// The value of the option `proxy` that asks for the environment's.
pub(crate) const ENVIRONMENT: &str = "env";

/// What the option or the environment says, as text. Clients that agree in it may share
/// connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyNames {
    /// The proxy for https; it may hold a password.
    https: Option<Secret>,
    /// The proxy for plain HTTP.
    http: Option<Secret>,
    /// `NO_PROXY`; `None` where the option names the proxy. Where the environment does, loopback
    /// needs none either.
    except: Option<String>,
}

impl ProxyNames {
    /// Reads the option's value: one proxy for everything, or `env`. Only then is the environment
    /// read, once.
    pub fn of_option(value: &str) -> ProxyNames {
        if value != ENVIRONMENT {
            let all = Some(Secret::from(value));
            return ProxyNames { https: all.clone(), http: all, except: None };
        }
        let all = || variable(&["ALL_PROXY", "all_proxy"]);
        ProxyNames {
            https: variable(&["HTTPS_PROXY", "https_proxy"]).or_else(all),
            http: variable(&["http_proxy"]).or_else(all),
            except: Some(
                variable(&["NO_PROXY", "no_proxy"]).map_or("".into(), |v| v.expose().into()),
            ),
        }
    }

    /// Its parts, for what tells one from another.
    pub(super) fn each(&self) -> [Option<&str>; 3] {
        let [https, http] = [&self.https, &self.http].map(|name| name.as_ref().map(Secret::expose));
        [https, http, self.except.as_deref()]
    }
}

/// The first of these variables that is set and not empty.
fn variable(names: &[&str]) -> Option<Secret> {
    let set = names.iter().filter_map(|name| std::env::var(name).ok());
    set.filter(|value| !value.trim().is_empty()).map(|value| Secret::from(value.trim())).next()
}

/// The same, read: where connections to an origin go.
pub(super) struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    except: Option<Exceptions>,
}

impl Proxies {
    /// Reads the names. Fails where one is no proxy; the error names the option or the variable,
    /// and never its value.
    pub fn of(names: &ProxyNames) -> Result<Proxies> {
        let from_environment = names.except.is_some();
        let read = |name: &Option<Secret>, variable: &str| {
            let Some(text) = name else { return Ok(None) };
            if !from_environment {
                return Proxy::parse(text.expose()).map(Some);
            }
            let unusable = || {
                let what = format!(
                    "proxy=env: {variable} is not of the form http://[user:password@]host:port, https://… or socks5://…"
                );
                Error::new(Status::InvalidOption, what)
            };
            Proxy::of_variable(text.expose()).ok_or_else(unusable).map(Some)
        };
        Ok(Proxies {
            https: read(&names.https, "HTTPS_PROXY or ALL_PROXY")?,
            http: read(&names.http, "http_proxy or ALL_PROXY")?,
            except: names.except.as_deref().map(Exceptions::parse),
        })
    }

    /// The proxy that leads to this origin; `None` where it is reached directly.
    pub fn to(&self, origin: &Origin) -> Option<&Proxy> {
        let proxy = if origin.is_https() { &self.https } else { &self.http };
        let direct = self.except.as_ref().is_some_and(|except| except.holds(origin));
        proxy.as_ref().filter(|_| !direct)
    }
}

/// `NO_PROXY`: hosts, domains, addresses and networks, separated by commas or blanks; `*` is all.
///
/// ```text
/// NO_PROXY=example.com,10.0.0.0/8,.intra:8443
/// example.com, a.example.com     directly; notexample.com by the proxy
/// 10.1.2.3                       directly; a name that has this address by the proxy
/// x.intra:8443                   directly; x.intra:443 by the proxy
/// ```
///
/// Names are not looked up for it: that may be what only the proxy can do.
struct Exceptions(Vec<Exception>);

/// One word of `NO_PROXY`.
enum Exception {
    /// Every host: no proxy is used.
    All,
    /// A host, and all below it: `example.com` and `.example.com` mean the same. Of one port alone,
    /// where it is said.
    Host(String, Option<u16>),
    /// An address, or all whose first bits are the same: `10.0.0.0/8`. A single address has all
    /// its bits.
    Network(IpAddr, u32),
}

impl Exceptions {
    fn parse(list: &str) -> Exceptions {
        let words = list.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        Exceptions(words.map(Exception::parse).collect())
    }

    /// Loopback never needs a proxy here, as programs expect.
    fn holds(&self, origin: &Origin) -> bool {
        origin.is_loopback() || self.0.iter().any(|exception| exception.holds(origin))
    }
}

impl Exception {
    /// A word that is no address and no network is a host's name. Forgiving, since the variable
    /// is not ours.
    fn parse(word: &str) -> Exception {
        if word == "*" {
            return Exception::All;
        }
        let (address, bits) = match word.split_once('/') {
            Some((address, bits)) => (address, bits.parse().ok()),
            None => (word, Some(u32::MAX)),
        };
        let address: Option<IpAddr> = address.trim_matches(['[', ']']).parse().ok();
        if let (Some(address), Some(bits)) = (address, bits) {
            return Exception::Network(address, bits);
        }
        let (host, port) = match word.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
            _ => (word, None),
        };
        let host = host.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
        Exception::Host(host.to_ascii_lowercase(), port)
    }

    fn holds(&self, origin: &Origin) -> bool {
        let host = origin.host_without_zone();
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        match self {
            Exception::All => true,
            Exception::Network(network, bits) => {
                host.parse().is_ok_and(|address| is_within(address, *network, *bits))
            }
            Exception::Host(name, port) => {
                let below = host.strip_suffix(name.as_str());
                let is_it = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                !name.is_empty() && is_it && port.is_none_or(|port| port == origin.port())
            }
        }
    }
}

/// Whether the first `bits` bits of both are the same.
fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    let rest = width - bits.min(width);
    address.checked_shr(rest).unwrap_or(0) == network.checked_shr(rest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::url::Url;

    fn except(list: &str, url: &str) -> bool {
        Exceptions::parse(list).holds(Url::parse(url).unwrap().origin())
    }

    #[test]
    fn no_proxy_is_read_as_curl_and_go_read_it() {
        for (list, url) in [
            ("*", "https://a.example.com"),
            ("example.com", "https://example.com"),
            ("other.org, example.com", "https://api.example.com"),
            (".example.com", "https://api.example.com"),
            ("*.example.com", "https://api.EXAMPLE.com."),
            ("example.com:8443", "https://example.com:8443"),
            ("10.0.0.0/8", "https://10.200.3.4"),
            ("10.1.2.3", "https://10.1.2.3:8443"),
            ("fd00::/8", "https://[fd12::1]"),
            ("[fd12::1]", "https://[fd12::1]"),
            ("0.0.0.0/0", "https://10.1.2.3"),
            ("", "https://127.0.0.1"),
            ("", "https://[::1]:8443"),
        ] {
            assert!(except(list, url), "{list} {url}");
        }
        for (list, url) in [
            ("", "https://example.com"),
            ("example.com", "https://notexample.com"),
            ("example.com:8443", "https://example.com"),
            ("10.0.0.0/8", "https://11.0.0.1"),
            ("10.0.0.0/8", "https://10.example.com"),
            ("10.1.2.3", "https://10.1.2.33"),
            ("fd00::/8", "https://10.0.0.1"),
            (".", "https://example.com"),
        ] {
            assert!(!except(list, url), "{list} {url}");
        }
    }
}
