//! A server of Redis or Valkey: where it is, the connection to it that all records of a process share,
//! and what to think of it while it does not answer.
//!
//! ```text
//! well          one connection, kept; one command at a time
//! failed        left alone for 250 ms; whoever may wait tries again then
//! down for 5 s  left alone for longer each time, at most ten seconds: an outage, not a restart
//! ```
//!
//! Each command ends with the call that it is for, and within a second. A server that failed is left
//! alone for a while, for callers must not wait for it each time.

use super::name_locks::NameLocks;
use super::redis_ear::Ear;
use super::redis_protocol::{Garbage, Reply, encode, parse};
use super::redis_url::{Address, Kind, Login};
use crate::error::Result;
use crate::http::stream::{Place, Stream, StreamFault};
use crate::http::tls::TlsFiles;
use crate::support::call::Call;
use crate::support::crypto::PartsDigest;
use crate::support::gate::Gate;
use crate::support::process::PerProcess;
use crate::support::sync::locked;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long one command may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long a server that failed is left alone: at first, and at most.
const LEFT_ALONE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// For how long a server that went out of reach may be worth waiting for: it is started anew, or a
/// replica takes over.
const OUTAGE: Duration = Duration::from_secs(5);

/// How long whoever would renew waits for a server that came back, or for one that took over: longer
/// than those who have a newer token than it need to notice.
const SETTLES: Duration = Duration::from_secs(1);

/// A server, as all records in it share it.
pub(super) struct Server {
    /// Where it is, and who we are there.
    pub address: Address,
    /// Hears what others write.
    pub ear: Ear,
    /// One thread at a time sends a command and reads its answer.
    gate: PerProcess<Gate>,
    /// A child of fork makes its own: two processes on one connection read each other's answers.
    link: PerProcess<Mutex<Link>>,
    /// Which records' locks threads of this process have: they wait here, and not at the server.
    pub threads: PerProcess<NameLocks>,
}

/// The connection, and what is wrong with it.
#[derive(Default)]
struct Link {
    /// Taken out while a command is under way.
    stream: Option<Stream>,
    /// Not to be asked before then, because of this.
    down: Option<(Instant, String)>,
    /// When it was first out of reach.
    since: Option<Instant>,
    /// How often it failed since it was worth waiting for.
    failures: u32,
    /// When it came back, or another took over.
    back: Option<Instant>,
}

/// Why a command came to nothing.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    /// In words, without what was sent.
    pub why: String,
    /// The server is not there, or cannot do anything at present.
    is_gone: bool,
    /// It may be there again in a moment: it is started anew, or another takes over.
    may_return: bool,
    /// The call was over.
    is_over: bool,
    /// The answer is too large to be read.
    pub is_too_large: bool,
}

impl Failed {
    /// The server is there and well, and says no.
    pub fn because(why: impl Into<String>) -> Failed {
        Failed {
            why: why.into(),
            is_gone: false,
            may_return: false,
            is_over: false,
            is_too_large: false,
        }
    }

    /// The server cannot be asked at present.
    fn gone(why: impl Into<String>) -> Failed {
        Failed { is_gone: true, may_return: true, ..Failed::because(why) }
    }
}

impl From<StreamFault> for Failed {
    fn from(fault: StreamFault) -> Failed {
        let may_return = !fault.lasts;
        Failed { is_over: fault.is_over, may_return, ..Failed::gone(fault.why) }
    }
}

type Outcome<T> = std::result::Result<T, Failed>;

/// The limits of a command: this thread's call, and a second at most. A server that hangs must leave the
/// call the time for a login, so one command has a third of it.
pub(super) fn limit() -> Call {
    let Some(call) = Call::current() else { return patient() };
    let third = call.remaining().unwrap_or_default() / 3;
    call.within(third.min(PATIENCE))
}

/// The limits of what must be done though the call may be over.
pub(super) fn patient() -> Call {
    Call::new(PATIENCE, &Arc::default())
}

impl Server {
    /// The server that a URL names. `tls` is what the options say of certificates. All clients of a
    /// process share one connection to it.
    pub fn of(url: &str, tls: TlsFiles) -> Result<Arc<Server>> {
        static KNOWN: PerProcess<Mutex<HashMap<[u8; 32], Weak<Server>>>> = PerProcess::new();
        let known = KNOWN.get(Mutex::default);
        // Not by the URL itself: there is a password in it.
        let mut name = PartsDigest::new();
        name.feed(url.as_bytes());
        tls.feed(&mut name);
        let name = name.finish();
        if let Some(server) = locked(&known).get(&name).and_then(Weak::upgrade) {
            return Ok(server);
        }
        let server = Arc::new(Server {
            address: Address::parse(url, tls)?,
            ear: Ear::new(),
            gate: PerProcess::new(),
            link: PerProcess::new(),
            threads: PerProcess::new(),
        });
        let mut known = locked(&known);
        known.retain(|_, server| server.strong_count() > 0);
        known.insert(name, Arc::downgrade(&server));
        Ok(server)
    }

    /// Whether it went out of reach a moment ago.
    pub fn may_come_back(&self) -> bool {
        let link = self.link.get(Mutex::default);
        locked(&link).since.is_some_and(|since| since.elapsed() < OUTAGE)
    }

    /// Whether it came back a moment ago, and may be without the last write: who has it puts it back.
    pub fn is_settling(&self) -> bool {
        let link = self.link.get(Mutex::default);
        locked(&link).back.is_some_and(|back| back.elapsed() < SETTLES)
    }

    /// A connection broke that nobody closes for being quiet: a server that was started anew, or a
    /// replica that took over.
    pub fn may_have_lost_a_write(&self) {
        let link = self.link.get(Mutex::default);
        locked(&link).back = Some(Instant::now());
    }

    /// Whether the last command worked.
    pub fn is_well(&self) -> bool {
        let link = self.link.get(Mutex::default);
        locked(&link).down.is_none()
    }

    /// Runs a command, on a new connection if the old one is of no use any more. Each of our commands
    /// may be sent twice.
    pub fn run(&self, words: &[&[u8]], call: &Call) -> Outcome<Reply> {
        let over = |_| Failed { is_over: true, ..Failed::gone("no answer in time") };
        let _passage = self.gate.get(Gate::default).pass(call).map_err(over)?;
        let link = self.link.get(Mutex::default);
        let kept = {
            let mut link = locked(&link);
            if let Some((until, why)) = &link.down {
                if Instant::now() < *until {
                    return Err(Failed::gone(why.clone()));
                }
            }
            link.stream.take().filter(Stream::is_quiet)
        };
        let (begun, was_kept) = (Instant::now(), kept.is_some());
        let mut outcome = self.ask(kept, words, call);
        if was_kept && outcome.as_ref().is_err_and(|failed| failed.is_gone && !failed.is_over) {
            // It was closed while nobody used it.
            outcome = self.ask(None, words, call);
        }
        let mut link = locked(&link);
        match outcome {
            Ok((stream, reply)) => {
                let back = if link.since.is_some() { Some(Instant::now()) } else { link.back };
                *link = Link { stream: Some(stream), back, ..Link::default() };
                Ok(reply)
            }
            Err(failed) => {
                // A caller in haste says nothing of the server.
                let is_its_fault = !failed.is_over || begun.elapsed() >= SLOW;
                if failed.is_gone && is_its_fault {
                    let (first, most) = LEFT_ALONE;
                    if failed.may_return {
                        link.since.get_or_insert(begun);
                    }
                    let rest = first.saturating_mul(1 << link.failures.min(10)).min(most);
                    // Who waits for it must not miss that it is back.
                    if link.since.is_none_or(|since| since.elapsed() >= OUTAGE) {
                        link.failures += 1;
                    }
                    link.down = Some((Instant::now() + rest, failed.why.clone()));
                }
                Err(failed)
            }
        }
    }

    /// Sends a command on the connection that was kept, or on a new one. Gives the connection back
    /// with the answer; what failed takes it along.
    fn ask(&self, kept: Option<Stream>, words: &[&[u8]], call: &Call) -> Outcome<(Stream, Reply)> {
        let mut stream = kept.map_or_else(|| self.open(call), Ok)?;
        match self.exchange(&mut stream, words, call)? {
            Reply::Refused(words) => Err(refused(&words, &self.address.login)),
            reply => Ok((stream, reply)),
        }
    }

    /// A connection on which commands may be sent.
    pub fn open(&self, call: &Call) -> Outcome<Stream> {
        let address = &self.address;
        let mut stream = match &address.kind {
            Kind::Server(place) => Stream::open(place, call)?,
            Kind::Sentinels { sentinels, service } => {
                Stream::open(&self.primary(sentinels, service, call)?, call)?
            }
        };
        self.authenticate(&mut stream, &address.login, call)?;
        if address.database != 0 {
            let database = address.database.to_string();
            let words: [&[u8]; 2] = [b"SELECT", database.as_bytes()];
            if let Reply::Refused(words) = self.exchange(&mut stream, &words, call)? {
                return Err(refused(&words, &address.login));
            }
        }
        Ok(stream)
    }

    /// Which server the sentinels call the primary. The first that answers is believed.
    fn primary(&self, sentinels: &[Place], service: &str, call: &Call) -> Outcome<Place> {
        let mut last = Failed::gone("no sentinel is named");
        // One that hangs must leave time for the next.
        let each = PATIENCE / (sentinels.len() as u32 + 1);
        for sentinel in sentinels {
            let call = &call.within(each);
            let login = &self.address.sentinel_login;
            let words: [&[u8]; 3] = [b"SENTINEL", b"get-master-addr-by-name", service.as_bytes()];
            let asked =
                Stream::open(sentinel, call).map_err(Failed::from).and_then(|mut stream| {
                    self.authenticate(&mut stream, login, call)?;
                    self.exchange(&mut stream, &words, call)
                });
            match asked {
                Ok(Reply::Many(found)) => {
                    let host = found.first().and_then(Reply::text);
                    let port = found.get(1).and_then(Reply::number);
                    let port = port.and_then(|port| u16::try_from(port).ok());
                    let place =
                        host.zip(port).and_then(|(host, port)| self.address.place(host, port));
                    match place {
                        Some(place) => return Ok(place),
                        None => last = Failed::gone("a sentinel's answer makes no sense"),
                    }
                }
                Ok(Reply::Refused(words)) => last = of_sentinel(refused(&words, login)),
                Ok(_) => last = Failed::gone(format!("no sentinel knows a service {service}")),
                Err(failed) => last = of_sentinel(failed),
            }
        }
        Err(last)
    }

    /// Says who we are, if the URL does.
    fn authenticate(&self, stream: &mut Stream, login: &Login, call: &Call) -> Outcome<()> {
        let Some(password) = &login.password else { return Ok(()) };
        let words = [&b"AUTH"[..]].into_iter();
        let words = words.chain(login.user.as_deref().map(str::as_bytes));
        let words: Vec<&[u8]> = words.chain([password.as_bytes()]).collect();
        match self.exchange(stream, &words, call)? {
            Reply::Refused(words) => Err(refused(&words, login)),
            _ => Ok(()),
        }
    }

    /// Sends a command and reads its answer, whole and with nothing behind it: what stands behind is
    /// of nobody's question, and the connection is not used again.
    fn exchange(&self, stream: &mut Stream, words: &[&[u8]], call: &Call) -> Outcome<Reply> {
        stream.send(&encode(words), call)?;
        let mut came = Zeroizing::new(Vec::new());
        loop {
            stream.receive(&mut came, call)?;
            match parse(&came) {
                Ok(Some((reply, used))) if used == came.len() => return Ok(reply),
                Ok(None) => {}
                Ok(Some(_)) | Err(Garbage::Senseless) => {
                    let why = "its answer makes no sense; is it a Redis server?";
                    return Err(Failed { may_return: false, ..Failed::gone(why) });
                }
                Err(Garbage::TooLarge) => {
                    let why = "its answer is too large to be a record";
                    return Err(Failed { is_too_large: true, ..Failed::because(why) });
                }
            }
        }
    }
}

/// The server's no, and what to do about it. Its own words are shown as far as they repeat nothing
/// of the command.
fn refused(words: &str, login: &Login) -> Failed {
    let code = words.split(' ').next().unwrap_or_default();
    let check = format!("check {} in the URL of the option store", login.named);
    let (is_gone, what) = match code {
        "WRONGPASS" | "NOAUTH" => (false, check.as_str()),
        "NOPERM" => (false, "this user may not do that: docs/STORE.md lists what it needs"),
        "OOM" => (false, "it has no memory left (maxmemory)"),
        "MISCONF" => (false, "it cannot write to its own disk"),
        "READONLY" => (true, "it is a replica: name the primary, or the sentinels"),
        "LOADING" => (true, "it has just started, and reads its data"),
        "BUSY" => (true, "it is busy with a script"),
        "NOREPLICAS" => (true, "it has too few replicas (min-replicas-to-write)"),
        "MASTERDOWN" => (true, "it is a replica that has lost its primary"),
        "MOVED" | "CLUSTERDOWN" => (false, "it is a node of a cluster, which is not supported"),
        _ => (false, ""),
    };
    let said = match what {
        "" => {
            let said = words.split(", with args").next().unwrap_or_default();
            let said = match &login.password {
                Some(password) => said.replace(password.as_str(), "***"),
                None => said.into(),
            };
            said.chars().filter(|c| !c.is_control()).take(120).collect()
        }
        what => format!("{code}: {what}"),
    };
    Failed { is_gone, may_return: is_gone, ..Failed::because(format!("it answered {said}")) }
}

/// The same of a sentinel.
fn of_sentinel(failed: Failed) -> Failed {
    Failed { why: format!("a sentinel: {}", failed.why), ..failed }
}

/// Whoever had no more time than this cannot say that a server hangs.
const SLOW: Duration = Duration::from_millis(200);
