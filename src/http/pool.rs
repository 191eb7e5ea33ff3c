//! Connections that are idle, kept for the next request to the same place: those of all
//! transports of a process together, since descriptors and memory are the process's.
//!
//! - In goes only a connection on which nothing is unread or unwritten.
//! - Out comes only one on which nothing has come meanwhile, and that is not too old for the
//!   request.
//! - Where one does not answer in time, the others to the same place are closed: the network may
//!   have changed.
//! - Each is closed after half a minute: by the thread of `background_renewal`, else when the next is
//!   taken or put back.
//! - Where the process runs out of descriptors, all are closed.
//! - A forked child begins with an empty pool; its parent's connections are not touched.

use super::connection::Connection;
use super::url::Origin;
use crate::support::clock::{Moment, boot_time};
use crate::support::process::PerProcess;
use crate::support::striped::number_of_this_thread;
use crate::support::sync::locked;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A connection that waits for the next request.
struct Idle {
    /// When it became idle, by boot time: time asleep counts, since the other side does not
    /// sleep.
    since: Moment,
    /// The thread that put it back.
    thread: usize,
    connection: Box<Connection>,
}

impl Idle {
    /// Whether it leads there, and belongs to this transport.
    fn is_of(&self, transport: u64, origin: &Origin) -> bool {
        let place = self.connection.place.as_ref();
        place.is_some_and(|place| place.transport == transport && place.origin == *origin)
    }
}

/// The longest that a connection stays idle. Routers on the way forget connections without
/// telling; most remember them for longer than this.
const LONGEST: Duration = Duration::from_secs(30);
/// How long a thread gets its own connection back, where others have put back theirs since: what it
/// needs of it is at hand where the thread runs, in the kernel above all.
const LATELY: Duration = Duration::from_secs(1);
/// In the order in which they became idle.
type Pool = Mutex<Vec<Idle>>;

static POOL: PerProcess<Pool> = PerProcess::new();

fn pool() -> Arc<Pool> {
    POOL.get(Mutex::default)
}

/// Takes the idle connections for which `gone` holds out of the pool. They close when the caller
/// drops them.
fn remove(pool: &mut Vec<Idle>, gone: impl Fn(&Idle) -> bool) -> Vec<Idle> {
    let (removed, kept) = std::mem::take(pool).into_iter().partition(gone);
    *pool = kept;
    removed
}

/// Takes those out of the pool that have been idle for too long: they stand first.
fn over(pool: &mut Vec<Idle>, now: Moment) -> Vec<Idle> {
    let old = pool.partition_point(|idle| now.since(idle.since) > LONGEST);
    pool.drain(..old).collect()
}

/// Closes those that have been idle for too long. Says how long it is until the next has; `None`
/// where none is idle.
pub(super) fn close_old() -> Option<Duration> {
    // Who has none makes no pool.
    let pool = POOL.known()?;
    let now = boot_time();
    let mut pool = locked(&pool);
    let over = over(&mut pool, now);
    let next = pool.first().map(|idle| idle.since.after(LONGEST).since(now));
    drop(pool);
    drop(over);
    // At the end of the time it is not past it.
    next.map(|next| next + Duration::from_millis(1))
}

/// A connection to this place that has not been idle for longer than `most`: the one that this thread
/// has just used, else the one that was used last. One that was closed meanwhile, or on which
/// something came, is closed.
pub(super) fn take(transport: u64, origin: &Origin, most: Duration) -> Option<Box<Connection>> {
    take_at(boot_time(), transport, origin, most)
}

/// The same at this moment, for tests.
fn take_at(
    now: Moment,
    transport: u64,
    origin: &Origin,
    most: Duration,
) -> Option<Box<Connection>> {
    let (pool, thread) = (pool(), number_of_this_thread());
    loop {
        let (old, idle) = {
            let mut pool = locked(&pool);
            let old = over(&mut pool, now);
            let fits =
                |idle: &Idle, most| now.since(idle.since) <= most && idle.is_of(transport, origin);
            let own = |idle: &Idle| idle.thread == thread && fits(idle, most.min(LATELY));
            let own = pool.iter().rposition(own);
            let last = own.or_else(|| pool.iter().rposition(|idle| fits(idle, most)));
            (old, last.map(|last| pool.remove(last)))
        };
        // What is closed is closed without the lock.
        drop(old);
        let idle = idle?;
        if idle.connection.is_fit() {
            return Some(idle.connection);
        }
    }
}

/// Keeps a connection for the next request, if so many may be idle in the process. The one that was
/// used least recently goes first.
pub(super) fn put(connection: Box<Connection>, most: usize) {
    let pool = pool();
    let since = boot_time();
    let mut pool = locked(&pool);
    let mut over = over(&mut pool, since);
    pool.push(Idle { since, thread: number_of_this_thread(), connection });
    let surplus = pool.len().saturating_sub(most);
    over.extend(pool.drain(..surplus));
    drop(pool);
    drop(over);
}

/// Closes those that lead to this place: one of them did not answer, and the others are older.
pub(super) fn leave(transport: u64, origin: &Origin) {
    drop(remove(&mut locked(&pool()), |idle| idle.is_of(transport, origin)));
}

/// Closes those of a transport that is gone.
pub(super) fn leave_all_of(transport: u64) {
    let is_its =
        |idle: &Idle| idle.connection.place.as_ref().is_some_and(|p| p.transport == transport);
    drop(remove(&mut locked(&pool()), is_its));
}

/// Closes all, because the process has no descriptor left. Says whether there were any.
pub(super) fn close_all() -> bool {
    let idle = std::mem::take(&mut *locked(&pool()));
    !idle.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::connection::Place;
    use crate::http::socket::Socket;
    use crate::http::url::Url;
    use crate::support::call::{Call, Canceller};
    use std::net::{TcpListener, TcpStream};

    /// A server, and the number of the transport that connects to it.
    struct Far {
        listener: TcpListener,
        origin: Origin,
        transport: u64,
    }

    impl Far {
        fn new(transport: u64) -> Far {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let origin = Url::parse(&url).unwrap().origin().clone();
            Far { listener, origin, transport }
        }

        /// A connection, and its other end.
        fn connect(&self) -> (Box<Connection>, TcpStream) {
            let call = Call::new(Duration::from_secs(20), &Arc::<Canceller>::default());
            let addresses = [self.listener.local_addr().unwrap()];
            let socket = Socket::connect(&addresses, Duration::from_secs(20), &call).unwrap();
            let mut connection = Connection::over(socket);
            let place = Place { transport: self.transport, origin: self.origin.clone() };
            connection.place = Some(place);
            (Box::new(connection), self.listener.accept().unwrap().0)
        }

        fn take_at(&self, now: Moment, most: Duration) -> Option<Box<Connection>> {
            take_at(now, self.transport, &self.origin, most)
        }
    }

    #[test]
    fn a_token_call_takes_no_connection_that_was_idle_for_long() {
        let far = Far::new(u64::MAX);
        let (kept, _far_end) = far.connect();
        put(kept, 8);
        let later = |seconds| boot_time().after(Duration::from_secs(seconds));
        let second = Duration::from_secs(1);
        // Nothing shows that it died meanwhile; a token call must not find out.
        assert!(far.take_at(later(2), second).is_none());
        assert!(far.take_at(later(2), Duration::MAX).is_some(), "a request may try it");
        let (kept, _far_end) = far.connect();
        put(kept, 8);
        assert!(far.take_at(later(31), Duration::MAX).is_none(), "routers forget it");
        let (closed, far_end) = far.connect();
        put(closed, 8);
        drop(far_end);
        assert!(far.take_at(later(0), Duration::MAX).is_none());
    }

    #[test]
    fn a_thread_gets_its_own_connection_back() {
        let far = Far::new(u64::MAX - 1);
        let ((mine, _mine), (theirs, _theirs)) = (far.connect(), far.connect());
        let (my, their) = (&raw const *mine, &raw const *theirs);
        put(mine, 8);
        std::thread::scope(|scope| scope.spawn(|| put(theirs, 8)).join().unwrap());
        let now = boot_time();
        let first = far.take_at(now, Duration::MAX).unwrap();
        assert_eq!(&raw const *first, my, "though another was put back later");
        put(first, 8);
        let later = now.after(Duration::from_secs(5));
        let last = far.take_at(later, Duration::MAX);
        assert_eq!(last.map(|last| &raw const *last), Some(my));
        let last = far.take_at(later, Duration::MAX);
        assert_eq!(last.map(|last| &raw const *last), Some(their));
    }
}
