//! Records in Redis or Valkey: one identity on many machines.
//!
//! A lock is a key that ends by itself, its lease: a machine that dies holds nobody up for longer. What
//! holds it in place is checked by the server: a script writes only for whoever has the lock still, so
//! that a process that was stopped past its lease changes nothing. Each wait is bounded, and a server
//! that cannot be reached is not asked again for a while, for callers must not wait for it each time.

use super::Lock;
use super::medium::{Contents, MOST_BYTES, Medium, TOO_LARGE};
use super::name_locks::{NameLock, NameLocks};
use crate::error::{Error, Result, Status};
use crate::model::record::Version;
use crate::support::hex::to_hex;
use crate::support::process::PerProcess;
use redis::{
    Client, Connection, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a lock lasts without its holder's word: longer than nearly any token call, and a call that
/// is made under it ends before it does.
const LEASE: Duration = Duration::from_secs(15);

/// What a call under a lease leaves of it: for the save, and for clocks that differ a little.
const MARGIN: Duration = Duration::from_secs(1);

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a server that failed is left alone: at first, and at most.
const LEFT_ALONE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// Takes the lock, if it is free or this holder's already. Gives how long it lasts otherwise.
const TAKE: &str = "local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return redis.call('PTTL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return -9";

/// Whether a record could be written now, by whoever has the lock; and prolongs it.
const PROVE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'room', ARGV[3])
redis.call('HDEL', KEYS[2], 'room')
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

/// Writes the record, for whoever has the lock still, or lost it while nobody wrote. Gives its version.
const WRITE: &str = "local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] and (holder or (redis.call('HGET', KEYS[2], 'mark') or '') ~= ARGV[4]) then
  return 0
end
redis.call('HSET', KEYS[2], 'record', ARGV[2], 'mark', ARGV[3])
return redis.call('HINCRBY', KEYS[2], 'version', 1)";

const GIVE_BACK: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";

/// A server, as all records in it share it.
pub(super) struct Server {
    client: Client,
    /// Its address without what is secret in it.
    shown: String,
    prefix: String,
    link: PerProcess<Mutex<Link>>,
    threads: PerProcess<NameLocks>,
}

/// The connection, and what is wrong with it.
#[derive(Default)]
struct Link {
    connection: Option<Connection>,
    /// Not to be asked before then, because of this.
    down: Option<(Instant, String)>,
    failures: u32,
}

impl Server {
    /// The server of a URL: `redis://[user:password@]host[:port][/db]`, `rediss://` for TLS,
    /// `redis+unix:///path[?db=0]`; `?prefix=` begins the names of its keys, `keyfob:` unless set. All
    /// clients of a process share one connection to it.
    pub fn of(url: &str) -> Result<Arc<Server>> {
        static KNOWN: PerProcess<Mutex<HashMap<String, Weak<Server>>>> = PerProcess::new();
        let known = KNOWN.get(Mutex::default);
        // Not by the URL itself: there is a password in it.
        let name = to_hex(ring::digest::digest(&ring::digest::SHA256, url.as_bytes()).as_ref());
        if let Some(server) = locked(&known).get(&name).and_then(Weak::upgrade) {
            return Ok(server);
        }
        let server = Arc::new(Server::parse(url)?);
        locked(&known).retain(|_, server| server.strong_count() > 0);
        locked(&known).insert(name, Arc::downgrade(&server));
        Ok(server)
    }

    fn parse(url: &str) -> Result<Server> {
        let refuse = || {
            Error::new(
                Status::InvalidOption,
                "store: must be redis://[user:password@]host[:port][/db][?prefix=…], rediss:// for TLS, or redis+unix:///path",
            )
        };
        let (url, prefix) = without_prefix(url);
        let info = url.as_str().into_connection_info().map_err(|_| refuse())?;
        let shown = shown(&info);
        let client = Client::open(info).map_err(|_| refuse())?;
        let (link, threads) = (PerProcess::new(), PerProcess::new());
        Ok(Server { client, shown, prefix, link, threads })
    }

    /// Runs a command, on a new connection if the old one is of no use any more.
    fn run<T: FromRedisValue>(&self, command: &redis::Cmd) -> std::result::Result<T, String> {
        let link = self.link.get(Mutex::default);
        let mut link = locked(&link);
        if let Some((until, why)) = &link.down {
            if Instant::now() < *until {
                return Err(why.clone());
            }
        }
        let kept = link.connection.take();
        let was_kept = kept.is_some();
        let mut outcome = self.ask(kept, command);
        if was_kept && outcome.as_ref().is_err_and(|failed| failed.is_gone) {
            // It was closed while nobody used it. Each of these commands may be sent twice.
            outcome = self.ask(None, command);
        }
        match outcome {
            Ok((connection, value)) => {
                *link = Link { connection: Some(connection), ..Link::default() };
                Ok(value)
            }
            Err(failed) => {
                if failed.is_gone {
                    let (first, most) = LEFT_ALONE;
                    let rest = first.saturating_mul(1 << link.failures.min(10)).min(most);
                    link.failures += 1;
                    link.down = Some((Instant::now() + rest, failed.why.clone()));
                }
                Err(failed.why)
            }
        }
    }

    fn ask<T: FromRedisValue>(
        &self,
        connection: Option<Connection>,
        command: &redis::Cmd,
    ) -> std::result::Result<(Connection, T), Failed> {
        let connect = || -> redis::RedisResult<Connection> {
            let connection = self.client.get_connection_with_timeout(PATIENCE)?;
            connection.set_read_timeout(Some(PATIENCE))?;
            connection.set_write_timeout(Some(PATIENCE))?;
            Ok(connection)
        };
        let mut connection = connection.map_or_else(connect, Ok).map_err(Failed::of)?;
        let value = command.query(&mut connection).map_err(Failed::of)?;
        Ok((connection, value))
    }
}

/// Why a command came to nothing.
struct Failed {
    why: String,
    /// The connection is of no use, and the server perhaps not there.
    is_gone: bool,
}

impl Failed {
    fn of(error: redis::RedisError) -> Failed {
        let is_gone = error.is_io_error() || error.is_timeout() || error.is_connection_dropped();
        let why = match (error.code(), error.detail()) {
            (Some(code), _) if !is_gone => format!("it answered {code}"),
            (_, Some(detail)) if !is_gone => detail.to_string(),
            _ if error.is_io_error() => error.to_string(),
            _ => error.category().to_string(),
        };
        Failed { why, is_gone }
    }
}

/// The URL without its `prefix`, and the prefix.
fn without_prefix(url: &str) -> (String, String) {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let mut prefix = "keyfob:".to_string();
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.strip_prefix("prefix=") {
            Some(named) => prefix = named.to_string(),
            None => rest.push(pair),
        }
    }
    let place = match rest.is_empty() {
        true => place.to_string(),
        false => format!("{place}?{}", rest.join("&")),
    };
    (place, prefix)
}

fn shown(info: &ConnectionInfo) -> String {
    let db = info.redis.db;
    match &info.addr {
        ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}/{db}"),
        ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{host}:{port}/{db}"),
        ConnectionAddr::Unix(path) => format!("redis+unix://{}?db={db}", path.display()),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One record in a server.
pub(super) struct RedisRecord {
    server: Arc<Server>,
    name: String,
    held: PerProcess<Mutex<Option<Holding>>>,
    /// The mark of the record that this process read or wrote last.
    seen: PerProcess<Mutex<String>>,
}

/// A lock that this process has, and until when at least.
#[derive(Clone)]
struct Holding {
    mark: String,
    until: Instant,
}

impl RedisRecord {
    pub fn new(server: Arc<Server>, name: &str) -> RedisRecord {
        RedisRecord { server, name: name.into(), held: PerProcess::new(), seen: PerProcess::new() }
    }

    // Braces keep both keys of a record on one node of a cluster.
    fn record_key(&self) -> String {
        format!("{}{{{}}}", self.server.prefix, self.name)
    }

    fn lock_key(&self) -> String {
        format!("{}{{{}}}.lock", self.server.prefix, self.name)
    }

    fn fault(&self, what: &str, why: &str) -> Error {
        Error::new(Status::Store, format!("store {}: {what}: {why}", self.name()))
    }

    fn held(&self) -> Arc<Mutex<Option<Holding>>> {
        self.held.get(Mutex::default)
    }

    fn script(&self, script: &str, keys: &[String], arguments: &[&[u8]]) -> redis::Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(keys.len()).arg(keys);
        for argument in arguments {
            command.arg(*argument);
        }
        command
    }

    fn mark(&self) -> Result<String> {
        locked(&self.held())
            .as_ref()
            .map(|holding| holding.mark.clone())
            .ok_or_else(|| self.fault("cannot be written", "nothing is written without the lock"))
    }
}

/// The lock of one record; dropped to release.
struct Lease {
    server: Arc<Server>,
    key: String,
    held: Arc<Mutex<Option<Holding>>>,
    // After the server's own lock is given back.
    _thread: NameLock,
}

impl Lock for Lease {}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(holding) = locked(&self.held).take() {
            let mut command = redis::cmd("EVAL");
            command.arg(GIVE_BACK).arg(1).arg(&self.key).arg(&holding.mark);
            // Where this fails the lease ends by itself.
            self.server.run::<i64>(&command).ok();
        }
    }
}

impl Medium for RedisRecord {
    fn try_lock(&self) -> Result<Option<Box<dyn Lock>>> {
        let threads = self.server.threads.get(NameLocks::default);
        let Some(thread) = threads.try_lock(&self.name) else { return Ok(None) };
        let mark = random_mark().ok_or_else(|| self.fault("cannot be locked", "no randomness"))?;
        // Counted from before the question: never longer than the server counts.
        let until = Instant::now() + LEASE;
        let lease = LEASE.as_millis().to_string();
        let arguments = [mark.as_bytes(), lease.as_bytes()];
        let command = self.script(TAKE, &[self.lock_key()], &arguments);
        let taken: i64 =
            self.server.run(&command).map_err(|why| self.fault("cannot be locked", &why))?;
        if taken != -9 {
            return Ok(None);
        }
        let held = self.held();
        *locked(&held) = Some(Holding { mark, until });
        let (server, key) = (self.server.clone(), self.lock_key());
        Ok(Some(Box::new(Lease { server, key, held, _thread: thread })))
    }

    fn read(&self) -> Result<Contents> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.record_key()).arg("record").arg("version").arg("mark");
        let found: (Option<Vec<u8>>, Option<u64>, Option<String>) =
            self.server.run(&command).map_err(|why| self.fault("cannot be read", &why))?;
        let (bytes, number, mark) = found;
        *locked(&self.seen.get(Mutex::default)) = mark.clone().unwrap_or_default();
        let bytes = match bytes.map(Zeroizing::new) {
            Some(bytes) if bytes.len() > MOST_BYTES => Err(TOO_LARGE),
            bytes => Ok(bytes),
        };
        Ok(Contents { bytes, version: version(number, mark.as_deref()) })
    }

    fn version(&self) -> Option<Version> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.record_key()).arg("version").arg("mark");
        // What cannot be looked at is no news.
        let (number, mark): (Option<u64>, Option<String>) = self.server.run(&command).ok()?;
        Some(version(number, mark.as_deref()))
    }

    fn check_writable(&self, bytes: &[u8]) -> Result<()> {
        let mark = self.mark()?;
        let (until, lease) = (Instant::now() + LEASE, LEASE.as_millis().to_string());
        let room = vec![b' '; bytes.len() * 2];
        let arguments = [mark.as_bytes(), lease.as_bytes(), &room];
        let command = self.script(PROVE, &[self.lock_key(), self.record_key()], &arguments);
        match self.server.run::<i64>(&command) {
            Ok(0) => Err(self.fault("cannot be written", "its lock was lost")),
            Ok(_) => {
                *locked(&self.held()) = Some(Holding { mark, until });
                Ok(())
            }
            Err(why) => Err(self.fault("cannot be written", &why)),
        }
    }

    fn write(&self, bytes: &[u8], _: bool) -> Result<Option<Version>> {
        let mark = self.mark()?;
        // Tells this write from any other of the same number, after a failover.
        let own = random_mark().unwrap_or_default();
        let seen = locked(&self.seen.get(Mutex::default)).clone();
        let arguments = [mark.as_bytes(), bytes, own.as_bytes(), seen.as_bytes()];
        let command = self.script(WRITE, &[self.lock_key(), self.record_key()], &arguments);
        match self.server.run::<u64>(&command) {
            Ok(0) => Ok(None),
            Ok(number) => {
                *locked(&self.seen.get(Mutex::default)) = own.clone();
                Ok(Some(version(Some(number), Some(&own))))
            }
            Err(why) => Err(self.fault("cannot be written", &why)),
        }
    }

    fn lease_left(&self) -> Option<Duration> {
        let held = self.held();
        let held = locked(&held);
        // Without the lock there is no lease: a server out of reach must not keep anybody from a login.
        let left = |holding: &Holding| holding.until.saturating_duration_since(Instant::now());
        held.as_ref().map(left).map(|left| left.saturating_sub(MARGIN))
    }

    fn patience(&self, tries: u32) -> Duration {
        Duration::from_millis(5).saturating_mul(1 << tries.min(6)).min(Duration::from_millis(250))
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        format!("{} {}", self.server.shown, self.record_key())
    }

    fn fate(&self) -> &'static str {
        "the next save replaces it"
    }

    fn describe(&self) -> String {
        self.server.shown.clone()
    }

    fn nests(&self) -> bool {
        true
    }
}

fn version(number: Option<u64>, mark: Option<&str>) -> Version {
    let mark = mark.and_then(|mark| u64::from_str_radix(mark.get(..16)?, 16).ok());
    Version([number.unwrap_or(0), mark.unwrap_or(0), 0, 0])
}

fn random_mark() -> Option<String> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(to_hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_server_has_no_secret_in_it() {
        let server = Server::of("redis://me:s3cret@host:6380/2?prefix=fleet:").unwrap();
        assert_eq!(server.shown, "redis://host:6380/2");
        assert_eq!(server.prefix, "fleet:");
        let refused = Server::of("redis://me:s3cret@host:port/x").err().unwrap();
        assert!(!refused.message().contains("s3cret"), "{refused}");
    }
}
