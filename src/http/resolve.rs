//! Names to addresses, within the caller's deadline.

use super::tcp::slice;
use crate::support::process::PerProcess;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
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
        Ok(address) => vec![address],
        Err(_) => LookUp::of(host)?.wait()?,
    };
    let found: Vec<_> = found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
    if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
}

/// A question to the system's resolver. `getaddrinfo` cannot be interrupted, so it runs on a thread
/// that the caller need not wait for: the one thread the library makes unasked. It ends with the
/// look-up.
struct LookUp {
    host: String,
    begun: Instant,
    /// Empty where nothing was found.
    answer: Mutex<Option<Vec<IpAddr>>>,
    done: Condvar,
}

/// How long callers join a look-up that is under way, instead of a thread for each of them while no
/// name server answers. After that the network may be another, which only a new one learns of.
const JOINED: Duration = Duration::from_secs(5);

static UNDER_WAY: PerProcess<Mutex<Vec<Arc<LookUp>>>> = PerProcess::new();

impl LookUp {
    fn of(host: &str) -> std::io::Result<Arc<LookUp>> {
        let under_way = UNDER_WAY.get(Mutex::default);
        let mut under_way = under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let joined = |known: &&Arc<LookUp>| known.host == host && known.begun.elapsed() < JOINED;
        if let Some(same) = under_way.iter().find(joined) {
            return Ok(same.clone());
        }
        let asked = Arc::new(LookUp {
            host: host.into(),
            begun: Instant::now(),
            answer: Mutex::default(),
            done: Condvar::new(),
        });
        let asking = asked.clone();
        std::thread::Builder::new().name("keyfob-resolve".into()).spawn(move || asking.ask())?;
        under_way.push(asked.clone());
        Ok(asked)
    }

    fn ask(self: Arc<Self>) {
        let found = (self.host.as_str(), 0).to_socket_addrs();
        let found = found.map(|found| found.take(16).map(|address| address.ip()).collect());
        self.end();
        *self.answer() = Some(found.unwrap_or_default());
        self.done.notify_all();
    }

    /// Nobody joins it any more. Nothing is left where none is under way.
    fn end(self: &Arc<Self>) {
        let under_way = UNDER_WAY.get(Mutex::default);
        let mut under_way = under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|known| !Arc::ptr_eq(known, self));
        under_way.shrink_to_fit();
    }

    fn wait(&self) -> Result<Vec<IpAddr>, ureq::Error> {
        let mut answer = self.answer();
        loop {
            if let Some(found) = &*answer {
                return Ok(found.clone());
            }
            let waited = self.done.wait_timeout(answer, slice()?);
            answer = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn answer(&self) -> MutexGuard<'_, Option<Vec<IpAddr>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
