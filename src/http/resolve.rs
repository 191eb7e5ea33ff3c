//! Names to addresses, within the caller's deadline.

use super::broken::{Broken, Outcome};
use super::url::Origin;
use crate::support::call::Call;
use crate::support::os;
use crate::support::process::PerProcess;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The addresses of an origin's host, as the system's resolver gives them to every other program.
pub(super) fn addresses(origin: &Origin, call: &Call) -> Outcome<Vec<SocketAddr>> {
    let host = origin.bare_host();
    let mut found = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, 0)],
        // The resolver knows a zone's number, too.
        Err(_) => LookUp::of(&host)?.wait(call)?,
    };
    if found.is_empty() {
        return Err(Broken::NoAddress);
    }
    // Credentials go to these names in the clear, because they do not leave the machine.
    if origin.is_localhost() {
        found.retain(|address| address.ip().is_loopback());
        if found.is_empty() {
            return Err(Broken::NotHere);
        }
    }
    found.iter_mut().for_each(|address| address.set_port(origin.port()));
    Ok(found)
}

/// A question to the system's resolver. `getaddrinfo` cannot be interrupted, so it runs on a thread
/// that the caller need not wait for: the one thread the library makes unasked. It ends with the
/// look-up.
struct LookUp {
    host: String,
    begun: Instant,
    /// Empty where nothing was found.
    answer: Mutex<Option<Vec<SocketAddr>>>,
    done: Condvar,
}

/// How long callers join a look-up that is under way, instead of a thread for each of them while no
/// name server answers. After that the network may be another, which only a new one learns of.
const JOINED: Duration = Duration::from_secs(5);

static UNDER_WAY: PerProcess<Mutex<Vec<Arc<LookUp>>>> = PerProcess::new();

impl LookUp {
    fn of(host: &str) -> Outcome<Arc<LookUp>> {
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
        os::spawn("keyfob-resolve", move || asking.ask()).map_err(Broken::NoThread)?;
        under_way.push(asked.clone());
        Ok(asked)
    }

    fn ask(self: Arc<Self>) {
        let found = (self.host.as_str(), 0).to_socket_addrs();
        let found = found.map(|found| found.take(16).collect());
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

    fn wait(&self, call: &Call) -> Outcome<Vec<SocketAddr>> {
        let mut answer = self.answer();
        loop {
            if let Some(found) = &*answer {
                return Ok(found.clone());
            }
            let slice = call.slice().map_err(|_| Broken::Over)?;
            let waited = self.done.wait_timeout(answer, slice);
            answer = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn answer(&self) -> MutexGuard<'_, Option<Vec<SocketAddr>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::url::Url;
    use crate::support::call::Canceller;

    #[test]
    fn localhost_is_this_machine_and_nothing_else() {
        let call = Call::new(Duration::from_secs(20), &Arc::<Canceller>::default());
        let found = |url: &str| addresses(Url::parse(url).unwrap().origin(), &call);
        for address in found("http://localhost:81").unwrap() {
            assert!(address.ip().is_loopback() && address.port() == 81, "{address}");
        }
        assert_eq!(found("https://192.0.2.1").unwrap(), ["192.0.2.1:443".parse().unwrap()]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_ipv6_zone_reaches_the_socket() {
        let call = Call::new(Duration::from_secs(20), &Arc::<Canceller>::default());
        let found = addresses(Url::parse("http://[fe80::1%25lo]:82").unwrap().origin(), &call);
        assert!(matches!(found.unwrap()[0], SocketAddr::V6(address) if address.scope_id() > 0));
    }
}
