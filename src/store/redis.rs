//! Records in Redis or Valkey: one identity on many machines.
//!
//! A lock is a key that ends by itself, its lease: a machine that dies holds nobody up for longer. What
//! holds it in place is checked by the server: a script writes only for whoever has the lock still, so
//! that a process that was stopped past its lease changes nothing. Who waits is woken by the server,
//! and a record is not asked for again before there is news of it.
//!
//! ```text
//! keyfob:{4f2c…}        hash: record (sealed bytes), mark (who wrote it), version (grows)
//! keyfob:{4f2c…}.lock   string: the mark of whoever holds the lock; ends with the lease
//!
//! TAKE      the lock is free, or mine             else how long it lasts
//! PROVE     it is still mine, and there is room   before a refresh token is sent
//! WRITE     it is still mine                      or was lost, and nobody has written since
//! GIVE_BACK it is still mine                      and tells those who wait
//! ```
//!
//! Each is one script, so the server carries it out as one: nothing comes between its look and its
//! deed. A mark is random, and made anew each time the lock is taken.

use super::Lock;
use super::medium::{Contents, MARGIN, MOST_BYTES, Medium, TOO_LARGE, Waiter};
use super::name_locks::{NameLock, NameLocks};
use super::redis_ear::Heard;
use super::redis_protocol::Reply;
use super::redis_server::{Failed, Server, limit, patient};
use crate::error::{Error, Result, Status};
use crate::model::record::Version;
use crate::support::call::Call;
use crate::support::hex::to_hex;
use crate::support::process::PerProcess;
use crate::support::sync::locked;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Takes the lock, if it is free or this holder's already. Gives how long it lasts otherwise.
const TAKE: &str = "local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return redis.call('PTTL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return -9";

/// Lets the lock last longer, for whoever has it still.
const PROLONG: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

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
redis.pcall('PUBLISH', KEYS[2], 'written')
return redis.call('HINCRBY', KEYS[2], 'version', 1)";

/// Gives the lock up, for whoever has it still, and wakes those who wait.
const GIVE_BACK: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', KEYS[2], 'free')
return 1";

/// How long a record is not looked at again where nothing tells of its news: at first, and at most. The
/// most holds where news is told, too, for a connection may be dead and say nothing.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The same while a token is fresh, where news is told and where it is not: nobody waits for what is found.
const SILENCE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(5));

/// How long a server that did not answer a caller with a fresh token is not asked by one again.
const LEFT_ALONE: Duration = Duration::from_secs(2);

/// One record in a server.
pub(super) struct RedisRecord {
    server: Arc<Server>,
    /// A digest, which tells nothing of the account.
    name: String,
    /// The lock, while a thread of this process has it.
    held: PerProcess<Mutex<Option<Holding>>>,
    /// What saves a question.
    seen: PerProcess<Mutex<Seen>>,
}

/// A lock that this process has, and until when at least.
#[derive(Clone)]
struct Holding {
    /// What the server knows the holder by.
    mark: String,
    /// Counted from before the question, so that the server's lease ends no earlier.
    until: Instant,
}

/// What this process knows of the record without asking.
#[derive(Default)]
struct Seen {
    /// The mark of the record that this process read or wrote last.
    mark: String,
    version: Option<Looked>,
    /// How long the version is good for, unless there is news.
    rest: Duration,
    /// Somebody else has the lock: until then, unless there is news of this number.
    taken: Option<(Instant, u64)>,
    /// Not asked before then while the token is fresh: it did not answer.
    left_alone: Option<Instant>,
    /// Made when the record is first asked for again.
    heard: Option<Arc<Heard>>,
}

/// A version, when it was asked for, and the last news by then.
#[derive(Clone, Copy)]
struct Looked {
    version: Version,
    at: Instant,
    news: u64,
}

impl RedisRecord {
    /// The record of this name. Nothing is asked yet.
    pub fn new(server: Arc<Server>, name: &str) -> RedisRecord {
        RedisRecord { server, name: name.into(), held: PerProcess::new(), seen: PerProcess::new() }
    }

    // Braces keep both keys of a record on one node of a cluster.
    fn record_key(&self) -> String {
        format!("{}{{{}}}", self.server.address.prefix, self.name)
    }

    /// Beside the record, so that a script may touch both.
    fn lock_key(&self) -> String {
        format!("{}{{{}}}.lock", self.server.address.prefix, self.name)
    }

    /// A fault of the store: which server, what was wanted, and what is wrong with it.
    fn fault(&self, what: &str, failed: &Failed) -> Error {
        Error::new(Status::Store, format!("store {}: {what}: {}", self.name(), failed.why))
    }

    fn held(&self) -> Arc<Mutex<Option<Holding>>> {
        self.held.get(Mutex::default)
    }

    fn seen(&self) -> Arc<Mutex<Seen>> {
        self.seen.get(Mutex::default)
    }

    /// Runs a script on the lock's key and the record's.
    fn script(&self, script: &str, arguments: &[&[u8]], call: &Call) -> Outcome<i64> {
        let (lock, record) = (self.lock_key(), self.record_key());
        let words = [b"EVAL", script.as_bytes(), b"2", lock.as_bytes(), record.as_bytes()];
        let words: Vec<&[u8]> = words.into_iter().chain(arguments.iter().copied()).collect();
        let reply = self.server.run(&words, call)?;
        reply.number().ok_or_else(|| Failed::because(NOT_EXPECTED))
    }

    /// Fields of the record, in this order; `Nil` for each that is not there.
    fn fields(&self, fields: &[&[u8]]) -> Outcome<Vec<Reply>> {
        let key = self.record_key();
        let words: Vec<&[u8]> =
            [b"HMGET", key.as_bytes()].into_iter().chain(fields.iter().copied()).collect();
        match self.server.run(&words, &limit())? {
            Reply::Many(found) if found.len() == fields.len() => Ok(found),
            _ => Err(Failed::because(NOT_EXPECTED)),
        }
    }

    /// The mark of the lock that this process holds. A fault where it holds none: what is written
    /// without one could undo another's renewal.
    fn mark(&self) -> Result<String> {
        let without = || self.fault("cannot be written", &Failed::because("its lock is not held"));
        locked(&self.held()).as_ref().map(|holding| holding.mark.clone()).ok_or_else(without)
    }

    /// What is heard of the record. From now on the server tells.
    fn heard_of(&self) -> Arc<Heard> {
        let seen = self.seen();
        let known = locked(&seen).heard.clone();
        if let Some(heard) = known {
            return heard;
        }
        let heard = self.server.ear.join(&self.server, &self.record_key());
        locked(&seen).heard = Some(heard.clone());
        heard
    }

    /// The version, asked for where there is news or the last answer is older than this: `None` is as
    /// old as it may be while a token is due.
    fn version_at_most(&self, rest: Option<Duration>) -> Option<Version> {
        let heard = self.heard_of();
        self.server.ear.listen(&self.server, None);
        let (at, news) = (Instant::now(), heard.number());
        {
            let seen = self.seen();
            let seen = locked(&seen);
            let rest = rest.unwrap_or(seen.rest);
            let is_good = |looked: &Looked| looked.news == news && looked.at.elapsed() < rest;
            if let Some(looked) = seen.version.filter(is_good) {
                return Some(looked.version);
            }
        }
        // What cannot be looked at is no news.
        let found = version(&self.fields(&[b"version", b"mark"]).ok()?);
        self.note(found, at, news);
        Some(found)
    }

    /// The last news of the record, without asking.
    fn news(&self) -> u64 {
        locked(&self.seen()).heard.as_ref().map_or(0, |heard| heard.number())
    }

    /// Remembers a version that was asked for at this time. One that stays the same is asked for more
    /// and more seldom where nothing tells of its news.
    fn note(&self, version: Version, at: Instant, news: u64) {
        let seen = self.seen();
        let mut seen = locked(&seen);
        let listens = seen.heard.as_ref().is_some_and(|heard| heard.listens());
        let same = seen.version.is_some_and(|looked| looked.version == version);
        seen.rest = match (listens, same) {
            (true, _) => LOOKS.1,
            (false, true) => (seen.rest * 2).clamp(LOOKS.0, LOOKS.1),
            (false, false) => LOOKS.0,
        };
        seen.version = Some(Looked { version, at, news });
    }

    /// Prolongs a lease by a script that gives 0 where the lock is another's.
    fn prolong_by(&self, script: &str, lease: Duration, room: &[u8]) -> Result<bool> {
        let mark = self.mark()?;
        let (until, lease) = (Instant::now() + lease, lease.as_millis().to_string());
        let arguments = [mark.as_bytes(), lease.as_bytes(), room];
        match self.script(script, &arguments, &limit()) {
            Ok(0) => Ok(false),
            Ok(_) => {
                *locked(&self.held()) = Some(Holding { mark, until });
                Ok(true)
            }
            Err(failed) => Err(self.fault("cannot be written", &failed)),
        }
    }
}

type Outcome<T> = std::result::Result<T, Failed>;

const NOT_EXPECTED: &str = "its answer is not what was asked for; is it a Redis server?";

impl Drop for RedisRecord {
    fn drop(&mut self) {
        let joined = self.seen.known().is_some_and(|seen| locked(&seen).heard.is_some());
        if joined {
            self.server.ear.leave(&self.record_key());
        }
    }
}

/// The lock of one record; dropped to release.
struct Lease {
    server: Arc<Server>,
    lock: String,
    record: String,
    held: Arc<Mutex<Option<Holding>>>,
    // After the server's own lock is given back.
    _thread: NameLock,
}

impl Lock for Lease {}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(holding) = locked(&self.held).take() {
            let words: [&[u8]; 6] = [
                b"EVAL",
                GIVE_BACK.as_bytes(),
                b"2",
                self.lock.as_bytes(),
                self.record.as_bytes(),
                holding.mark.as_bytes(),
            ];
            // Where this fails the lease ends by itself.
            self.server.run(&words, &patient()).ok();
        }
    }
}

/// Waits for a lock that somebody else has: until the server tells that it is free or that the record
/// was written, until its lease is over, and for a second at most.
struct Woken<'a> {
    record: &'a RedisRecord,
    /// The last news before the lock was tried.
    news: u64,
    tries: u32,
}

impl Waiter for Woken<'_> {
    fn wait(&mut self, call: &Call) -> Result<()> {
        let record = self.record;
        let heard = record.heard_of();
        let unheard = Duration::from_millis(5).saturating_mul(1 << self.tries.min(6));
        let (begun, seen) = (Instant::now(), record.seen());
        // At the least, or a server that is out of reach would be asked without a rest.
        call.sleep(Duration::from_millis(1))?;
        while heard.number() == self.news {
            let free_at = locked(&seen).taken.map(|(until, _)| until);
            let longest = if heard.listens() { LOOKS.1 } else { unheard.min(LOOKS.1 / 4) };
            let is_over = free_at.is_some_and(|free_at| Instant::now() >= free_at);
            if is_over || begun.elapsed() >= longest {
                break;
            }
            record.server.ear.listen(&record.server, Some(call));
            call.remaining()?;
        }
        self.news = heard.number();
        self.tries += 1;
        let mut seen = locked(&seen);
        seen.taken = None;
        seen.version = None;
        Ok(())
    }
}

impl Medium for RedisRecord {
    fn try_lock(&self, lease: Duration) -> Result<Option<Box<dyn Lock>>> {
        let news = self.news();
        let is_taken = |(until, known): (Instant, u64)| Instant::now() < until && known == news;
        if locked(&self.seen()).taken.is_some_and(is_taken) {
            return Ok(None);
        }
        let threads = self.server.threads.get(NameLocks::default);
        let Some(thread) = threads.try_lock(&self.name) else { return Ok(None) };
        let fault = |failed| self.fault("cannot be locked", &failed);
        let mark = random_mark().ok_or_else(|| fault(Failed::because("no randomness")))?;
        // Counted from before the question: never longer than the server counts.
        let until = Instant::now() + lease;
        let milliseconds = lease.as_millis().to_string();
        let arguments = [mark.as_bytes(), milliseconds.as_bytes()];
        let left = self.script(TAKE, &arguments, &limit()).map_err(fault)?;
        if left != -9 {
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
            let free_at = Instant::now() + left.min(LOOKS.1) + Duration::from_millis(1);
            locked(&self.seen()).taken = Some((free_at, news));
            return Ok(None);
        }
        let held = self.held();
        *locked(&held) = Some(Holding { mark, until });
        let (lock, record) = (self.lock_key(), self.record_key());
        Ok(Some(Box::new(Lease {
            server: self.server.clone(),
            lock,
            record,
            held,
            _thread: thread,
        })))
    }

    fn prolong(&self, lease: Duration) -> Result<bool> {
        self.prolong_by(PROLONG, lease, b"")
    }

    fn read(&self) -> Result<Contents> {
        let (at, news) = (Instant::now(), self.news());
        let mut contents = match self.fields(&[b"version", b"mark", b"record"]) {
            Err(failed) if failed.is_too_large => self.fields(&[b"version", b"mark"]),
            found => found,
        }
        .map_err(|failed| self.fault("cannot be read", &failed))?;
        let bytes = match contents.len() {
            2 => Err(TOO_LARGE),
            _ => match contents.pop() {
                Some(Reply::Bytes(bytes)) if bytes.len() > MOST_BYTES => Err(TOO_LARGE),
                Some(Reply::Bytes(bytes)) => Ok(Some(bytes)),
                _ => Ok(None),
            },
        };
        let version = version(&contents);
        self.note(version, at, news);
        let mark = contents.get(1).and_then(Reply::text).unwrap_or_default();
        locked(&self.seen()).mark = mark.into();
        Ok(Contents { bytes, version })
    }

    fn version(&self) -> Option<Version> {
        self.version_at_most(None)
    }

    fn heard(&self) -> Option<Version> {
        let seen = self.seen();
        if locked(&seen).left_alone.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let listens = self.heard_of().listens();
        let found = self.version_at_most(Some(if listens { SILENCE.0 } else { SILENCE.1 }));
        locked(&seen).left_alone = found.is_none().then(|| Instant::now() + LEFT_ALONE);
        found
    }

    fn tells(&self) -> bool {
        true
    }

    fn is_settling(&self) -> bool {
        self.server.is_settling()
    }

    fn check_writable(&self, bytes: &[u8], lease: Duration) -> Result<bool> {
        self.prolong_by(PROVE, lease, &vec![b' '; bytes.len() * 2])
    }

    fn write(&self, bytes: &[u8], _: bool) -> Result<Option<Version>> {
        let mark = self.mark()?;
        // Tells this write from any other of the same number, after a failover.
        let own = random_mark().unwrap_or_default();
        let seen = locked(&self.seen()).mark.clone();
        let arguments = [mark.as_bytes(), bytes, own.as_bytes(), seen.as_bytes()];
        let (at, news) = (Instant::now(), self.news());
        // What is to be kept is worth more than the end of the call.
        match self.script(WRITE, &arguments, &patient()) {
            Ok(0) => Ok(None),
            Ok(number) => {
                let version = version_of(number, Some(&own));
                locked(&self.seen()).mark = own;
                self.note(version, at, news);
                Ok(Some(version))
            }
            Err(failed) => Err(self.fault("cannot be written", &failed)),
        }
    }

    fn lease_left(&self) -> Option<Duration> {
        let held = self.held();
        let held = locked(&held);
        // Without the lock there is no lease: a server out of reach must not keep anybody from a login.
        let left = |holding: &Holding| holding.until.saturating_duration_since(Instant::now());
        held.as_ref().map(left).map(|left| left.saturating_sub(MARGIN))
    }

    fn waiter(&self) -> Box<dyn Waiter + '_> {
        Box::new(Woken { record: self, news: self.news(), tries: 0 })
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn may_come_back(&self) -> bool {
        self.server.may_come_back()
    }

    fn name(&self) -> String {
        format!("{} {}", self.server.address.shown, self.record_key())
    }

    fn fate(&self) -> &'static str {
        "the next save replaces it"
    }

    fn describe(&self) -> String {
        self.server.address.shown.clone()
    }

    fn nests(&self) -> bool {
        true
    }
}

/// Of the fields `version` and `mark`.
fn version(fields: &[Reply]) -> Version {
    let number = fields.first().and_then(Reply::number).unwrap_or(0);
    version_of(number, fields.get(1).and_then(Reply::text))
}

fn version_of(number: i64, mark: Option<&str>) -> Version {
    let mark = mark.and_then(|mark| u64::from_str_radix(mark.get(..16)?, 16).ok());
    Version([number.unsigned_abs(), mark.unwrap_or(0), 0, 0])
}

fn random_mark() -> Option<String> {
    crate::support::crypto::random(16).ok().map(|bytes| to_hex(&bytes))
}
