//! Names to addresses, within the caller's deadline.
//!
//! The system's resolver answers, as it does for every other program: /etc/hosts, search domains
//! and local names count. Its function (`getaddrinfo`) cannot be interrupted and knows no
//! deadline, so it runs on a thread of its own, and the caller waits for that thread no longer
//! than for anything else. A thread that is left behind ends when the resolver gives up.

use super::broken::{Broken, Outcome};
use super::url::Origin;
use crate::support::call::Call;
use crate::support::os;
use crate::support::process::PerProcess;
use crate::support::sync::locked;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The addresses of an origin's host, with its port. Fails where there are none, or the call ends
/// first.
///
/// A name for this machine (`localhost`) must lead to this machine: credentials go there in the
/// clear.
pub(super) fn addresses(origin: &Origin, call: &Call) -> Outcome<Vec<SocketAddr>> {
    let host = origin.bare_host();
    let mut found = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, 0)],
        // An address with a zone (`fe80::1%eth0`) goes there, too: the resolver knows the
        // interface's number.
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

/// A question to the system's resolver, on a thread that its callers need not wait for. This is
/// the one thread that the library makes unasked; it ends with the look-up.
struct LookUp {
    host: String,
    /// When the thread was made.
    begun: Instant,
    /// `None` until there is an answer. Empty where nothing was found.
    answer: Mutex<Option<Vec<SocketAddr>>>,
    /// Signalled once there is an answer, for all that wait.
    done: Condvar,
}

/// How long callers join a look-up that is under way, instead of each making a thread while no
/// name server answers. After that the network may be another one, which only a new look-up
/// learns of.
const JOINED: Duration = Duration::from_secs(5);

/// Each process has its own: a child of `fork` has none of its parent's threads.
static UNDER_WAY: PerProcess<Mutex<Vec<Arc<LookUp>>>> = PerProcess::new();

impl LookUp {
    /// Joins the look-up of this name that is under way, or begins one.
    fn of(host: &str) -> Outcome<Arc<LookUp>> {
        let under_way = UNDER_WAY.get(Mutex::default);
        let mut under_way = locked(&under_way);
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

    /// Runs on the thread. Sixteen addresses are enough to race.
    fn ask(self: Arc<Self>) {
        let found = (self.host.as_str(), 0).to_socket_addrs();
        let found = found.map(|found| found.take(16).collect());
        self.end();
        *self.answer() = Some(found.unwrap_or_default());
        self.done.notify_all();
    }

    /// Takes it out of those under way, before the answer is there, so that nobody joins one that
    /// is over.
    fn end(self: &Arc<Self>) {
        let under_way = UNDER_WAY.get(Mutex::default);
        let mut under_way = locked(&under_way);
        under_way.retain(|known| !Arc::ptr_eq(known, self));
        under_way.shrink_to_fit();
    }

    /// Waits for the answer, within the call.
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
        locked(&self.answer)
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
