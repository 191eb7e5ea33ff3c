//! Names to addresses, within the caller's deadline.

use super::tcp::slice;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Puts the look-up off: ureq asks for addresses before each request, also where a connection is
/// there already. The socket's connector asks when it needs them.
#[derive(Debug)]
pub(super) struct Later;

impl Resolver for Later {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut any = self.empty();
        any.push(SocketAddr::from(([0, 0, 0, 0], 0)));
        Ok(any)
    }
}

/// The addresses of a URL's host, as the system's resolver gives them to every other program.
pub(super) fn addresses(uri: &Uri) -> Result<Vec<SocketAddr>, ureq::Error> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let found = match host.parse() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => look_up(host.to_string(), port)?,
    };
    if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
}

/// `getaddrinfo` cannot be interrupted, so it runs on a thread that the caller need not wait for.
/// This is the one thread the library makes unasked; it ends with the look-up.
fn look_up(host: String, port: u16) -> Result<Vec<SocketAddr>, ureq::Error> {
    let asked = Arc::new(LookUp::default());
    let answering = asked.clone();
    let ask = move || {
        let found = (host.as_str(), port).to_socket_addrs().map(|a| a.take(16).collect());
        *answering.answer() = Some(found.unwrap_or_default());
        answering.done.notify_one();
    };
    std::thread::Builder::new().name("keyfob-resolve".into()).spawn(ask)?;
    let mut answer = asked.answer();
    loop {
        if let Some(found) = answer.take() {
            return Ok(found);
        }
        let waited = asked.done.wait_timeout(answer, slice()?);
        answer = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

#[derive(Default)]
struct LookUp {
    /// Empty where nothing was found.
    answer: Mutex<Option<Vec<SocketAddr>>>,
    done: Condvar,
}

impl LookUp {
    fn answer(&self) -> MutexGuard<'_, Option<Vec<SocketAddr>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
