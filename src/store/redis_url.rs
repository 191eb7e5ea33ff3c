//! Where a server of Redis is: what the option `store` says after `redis:` and its like.
//!
//! ```text
//! redis://[user:password@]host[:port][/db]                      in the clear
//! rediss://…                                                    over TLS
//! redis+unix:///path                                            a socket of this machine
//! redis+sentinel://[user:password@]host[:port][,…]/service[/db] whichever the sentinels name
//! ```
//!
//! Settings follow a `?`: `prefix` begins the names of keys; `ca_file` is the authority of a private
//! server, `client_cert_file` and `client_key_file` are what we show it; `db`, `user` and `pass` are
//! for a socket, `sentinel_user` and `sentinel_pass` for the sentinels.

use crate::error::{Error, Result, Status};
use crate::http::stream::{Certificates, Place, origin};
use crate::http::tls::TlsFiles;
use crate::support::os;
use crate::support::percent::percent_decoded;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Where a server is, and how to get in.
pub(super) struct Address {
    pub kind: Kind,
    /// Who we are at the server.
    pub login: Login,
    /// Who we are at the sentinels.
    pub sentinel_login: Login,
    pub database: u32,
    /// What the names of keys begin with.
    pub prefix: String,
    /// The address without what is secret in it.
    pub shown: String,
    /// `None` in the clear.
    certificates: Option<Certificates>,
}

/// What AUTH is sent; nothing where there is no password.
pub(super) struct Login {
    /// Where the URL says it.
    pub named: &'static str,
    pub user: Option<String>,
    pub password: Option<Zeroizing<String>>,
}

pub(super) enum Kind {
    Server(Place),
    Sentinels { sentinels: Vec<Place>, service: String },
}

/// The ports, where none is said.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

fn refuse(why: &str) -> Error {
    let form = "redis://[user:password@]host[:port][/db][?prefix=…], rediss:// for TLS, redis+unix:///path, or redis+sentinel://host,host/service";
    Error::new(Status::InvalidOption, format!("store: {why}; it is {form}"))
}

impl Address {
    /// `tls` is what the options say of certificates.
    pub fn parse(url: &str, tls: TlsFiles) -> Result<Address> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refuse("no URL"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut settings = Settings::parse(query)?;
        let is_secure = scheme.starts_with("rediss") || scheme.starts_with("valkeys");
        let tls = match settings.ca_file.take() {
            Some(path) => {
                TlsFiles { ca_file: Some(path), replace_roots: true, ..TlsFiles::default() }
            }
            None => tls,
        };
        let (client_cert_file, client_key_file) =
            (settings.client_cert_file, settings.client_key_file);
        let tls = TlsFiles { client_cert_file, client_key_file, ..tls };
        let certificates = is_secure.then(|| Certificates::of(&tls)).transpose();
        let certificates = certificates.map_err(|error| error.about("store"))?;
        let mut address = Address {
            kind: Kind::Sentinels { sentinels: Vec::new(), service: String::new() },
            login: settings.login,
            sentinel_login: settings.sentinel_login,
            database: settings.database,
            prefix: settings.prefix,
            shown: String::new(),
            certificates,
        };
        if scheme.ends_with("+unix") {
            if rest.is_empty() {
                return Err(refuse("no path of a socket"));
            }
            if !os::HAS_LOCAL_SOCKETS {
                return Err(refuse(
                    "a socket with a path, which this system has not; name the host",
                ));
            }
            address.shown = format!("{scheme}://{rest}?db={}", address.database);
            address.kind = Kind::Server(Place::Local(PathBuf::from(rest)));
            return Ok(address);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        if let Some(login) = login {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            let user = Some(decoded(user)?).filter(|user| !user.is_empty());
            let password = Zeroizing::new(decoded(password)?);
            let password = Some(password).filter(|word| !word.is_empty());
            address.login = Login { user, password, ..address.login };
        }
        let is_half = |login: &Login| login.user.is_some() && login.password.is_none();
        if is_half(&address.login) || is_half(&address.sentinel_login) {
            return Err(refuse("a user without a password"));
        }
        let is_sentinel = scheme.ends_with("+sentinel");
        let (service, database) = match is_sentinel {
            true => path.split_once('/').unwrap_or((path, "")),
            false => ("", path),
        };
        if !database.is_empty() {
            address.database = number(database)?;
        }
        let default = if is_sentinel { SENTINEL_PORT } else { PORT };
        let mut places = Vec::new();
        for host in hosts.split(',') {
            let (host, port) = host_and_port(host, default)?;
            places.push(address.place(host, port).ok_or_else(|| refuse("no host"))?);
        }
        address.shown = format!("{scheme}://{hosts}/{path}");
        address.kind = match places.pop() {
            Some(place) if !is_sentinel && places.is_empty() => Kind::Server(place),
            Some(place) if is_sentinel && !service.is_empty() => {
                places.push(place);
                Kind::Sentinels { sentinels: places, service: service.into() }
            }
            _ if is_sentinel => return Err(refuse("no service for the sentinels")),
            _ => return Err(refuse("more than one host, and no sentinels")),
        };
        Ok(address)
    }

    /// A place with the same security. `None` where the host is none.
    pub fn place(&self, host: &str, port: u16) -> Option<Place> {
        let bare = host.contains(':') && !host.starts_with('[');
        let host = if bare { format!("[{host}]") } else { host.into() };
        let origin = origin(&host, port)?;
        Some(match &self.certificates {
            Some(certificates) => Place::Secure(origin, certificates.clone()),
            None => Place::Plain(origin),
        })
    }
}

/// What follows the `?`.
struct Settings {
    prefix: String,
    ca_file: Option<String>,
    client_cert_file: Option<String>,
    client_key_file: Option<String>,
    login: Login,
    sentinel_login: Login,
    database: u32,
}

impl Settings {
    fn parse(query: &str) -> Result<Settings> {
        let login = |named| Login { named, user: None, password: None };
        let mut settings = Settings {
            prefix: "keyfob:".into(),
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            login: login("the user and the password"),
            sentinel_login: login("sentinel_user and sentinel_pass"),
            database: 0,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value)?;
            match name {
                "prefix" => settings.prefix = value,
                "ca_file" => settings.ca_file = Some(value),
                "client_cert_file" => settings.client_cert_file = Some(value),
                "client_key_file" => settings.client_key_file = Some(value),
                "user" => settings.login.user = Some(value),
                "pass" => settings.login.password = Some(Zeroizing::new(value)),
                "sentinel_user" => settings.sentinel_login.user = Some(value),
                "sentinel_pass" => settings.sentinel_login.password = Some(Zeroizing::new(value)),
                "db" => settings.database = number(&value)?,
                // Not by its name: a password that is not encoded may have put it there.
                _ => {
                    return Err(refuse(
                        "after the ? stand prefix, ca_file, client_cert_file, client_key_file, db, user, pass, sentinel_user and sentinel_pass alone",
                    ));
                }
            }
        }
        Ok(settings)
    }
}

fn number(text: &str) -> Result<u32> {
    text.parse().map_err(|_| refuse("the database is no number"))
}

/// `host`, `host:port` or `[address]:port`.
fn host_and_port(text: &str, default: u16) -> Result<(&str, u16)> {
    let port_at = text.rfind(':').filter(|at| !text[*at..].contains(']'));
    let (host, port) = match port_at {
        Some(at) => {
            let port = text[at + 1..].parse().map_err(|_| refuse("the port is no number"))?;
            (&text[..at], port)
        }
        None => (text, default),
    };
    if host.is_empty() { Err(refuse("no host")) } else { Ok((host, port)) }
}

/// Without percent-encoding.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = percent_decoded(text.as_bytes(), false).bytes;
    String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| refuse("not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<Address> {
        Address::parse(url, TlsFiles::default())
    }

    #[test]
    fn what_is_shown_of_a_server_has_no_secret_in_it() {
        let address = parsed("redis://me:s3%40cret@host:6380/2?prefix=fleet:").unwrap();
        assert_eq!(address.shown, "redis://host:6380/2");
        assert_eq!(address.prefix, "fleet:");
        assert_eq!((address.database, address.login.user.as_deref()), (2, Some("me")));
        assert_eq!(address.login.password.as_deref().map(String::as_str), Some("s3@cret"));
        let address = parsed("redis+unix:///run/redis.sock?pass=s3cret&db=1").unwrap();
        assert_eq!(address.shown, "redis+unix:///run/redis.sock?db=1");
        for url in [
            "redis://me:s3cret@host:port/x",
            "redis://me:s3cret@host/x",
            "redis://:s3cret?a=b@host",
            "redis://me:s3cret@",
            "redis://s3cret@host",
            "rediss://:s3cret@host?ca_file=/nowhere",
            "redis+sentinel://:s3cret@a,b",
            "redis://:s3cret@a,b/0",
            "redis+sentinel://a/fleet?sentinel_pass=s3cret&sentinel_password=s3cret",
            "rediss://a?pass=s3cret&client_cert_file=/nowhere",
        ] {
            let refused = parsed(url).err().unwrap_or_else(|| panic!("{url}"));
            assert!(!refused.message().contains("s3cret"), "{refused}");
            assert!(refused.message().starts_with("store"), "{refused}");
        }
    }

    #[test]
    fn sentinels_are_named_with_their_service() {
        let address = parsed("redis+sentinel://:pw@a,b:7000,[::1]:7001/fleet/3").unwrap();
        let Kind::Sentinels { sentinels, service } = &address.kind else { panic!() };
        assert_eq!((sentinels.len(), service.as_str(), address.database), (3, "fleet", 3));
        assert_eq!(address.shown, "redis+sentinel://a,b:7000,[::1]:7001/fleet/3");
    }
}
