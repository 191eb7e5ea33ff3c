//! A record as bytes and back: plain JSON, or sealed where there is a key. What cannot be trusted
//! never becomes a record.

use super::seal::{Key, Sealed};
use crate::error::{Error, Status};
use crate::model::record::Discovered;
use crate::model::record::LONGEST_HOLD;
use crate::model::record::{Hold, Pause, Record, Version};
use crate::model::token::Token;
use crate::support::clock::{Clock, CloudTime, Moment, UnixSeconds};
use crate::support::json::read::{At, Misread, Read, needed, other, read};
use crate::support::json::{self, Value, object};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::time::Duration;
use zeroize::Zeroizing;

/// Why stored bytes yield no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Damaged, another version's, another identity's: worthless, and in the way.
    Worthless(&'static str),
    /// In good order, but anyone may have written it: not kept for anyone to look at, because what
    /// it tells is in the clear.
    Distrusted(&'static str),
    /// Sealed with another key, or sealed and there is none: may be good, and must not be overwritten.
    Locked(&'static str),
}

/// Turns records of one identity into bytes and back.
pub(super) struct Codec {
    identity: String,
    key: Option<Key>,
    clock: Clock,
}

const VERSION: u64 = 1;

#[derive(Default)]
struct Document {
    keyfob_store: u64,
    record: Option<Body>,
    sealed: Option<Sealed>,
}

impl Read for Document {
    fn read(&mut self, at: &At<'_>) -> Result<(), Misread> {
        at.some_members(&mut [
            needed("keyfob_store", &mut self.keyfob_store),
            other("record", &mut self.record),
            other("sealed", &mut self.sealed),
        ])
    }
}

/// Moments are nanoseconds on the boot-time clock of the boot that is named.
#[derive(Default)]
struct Body {
    identity: String,
    generation: u64,
    boot: Option<String>,
    token: Option<TokenBody>,
    refresh_token: Option<Secret>,
    hold: Option<Barrier>,
    pause: Option<Barrier>,
    cloud: Option<(UnixSeconds, i64)>,
    endpoints: Ordered<String>,
    /// The wall clock and the boot-time clock when this was last true, to tell time by after a boot.
    saved_wall: UnixSeconds,
    saved: i64,
}

impl Read for Body {
    fn read(&mut self, at: &At<'_>) -> Result<(), Misread> {
        at.some_members(&mut [
            needed("identity", &mut self.identity),
            needed("generation", &mut self.generation),
            other("boot", &mut self.boot),
            other("token", &mut self.token),
            other("refresh_token", &mut self.refresh_token),
            other("hold", &mut self.hold),
            other("pause", &mut self.pause),
            other("cloud", &mut self.cloud),
            other("endpoints", &mut self.endpoints),
            needed("saved_wall", &mut self.saved_wall),
            needed("saved", &mut self.saved),
        ])
    }
}

#[derive(Default)]
struct TokenBody {
    access_token: Secret,
    login: String,
    principal: Option<String>,
    saved: Ordered<Secret>,
    issued: i64,
    date: Option<UnixSeconds>,
    lifetime_ms: Option<u64>,
}

impl Read for TokenBody {
    fn read(&mut self, at: &At<'_>) -> Result<(), Misread> {
        at.some_members(&mut [
            needed("access_token", &mut self.access_token),
            other("login", &mut self.login),
            other("principal", &mut self.principal),
            other("saved", &mut self.saved),
            needed("issued", &mut self.issued),
            other("date", &mut self.date),
            other("lifetime_ms", &mut self.lifetime_ms),
        ])
    }
}

#[derive(Default)]
struct Barrier {
    until: i64,
    count: u32,
    status: i32,
    message: String,
    http_status: Option<u16>,
    code: Option<String>,
}

impl Read for Barrier {
    fn read(&mut self, at: &At<'_>) -> Result<(), Misread> {
        at.some_members(&mut [
            needed("until", &mut self.until),
            needed("count", &mut self.count),
            needed("status", &mut self.status),
            needed("message", &mut self.message),
            other("http_status", &mut self.http_status),
            other("code", &mut self.code),
        ])
    }
}

fn barrier(until: Moment, count: u32, error: &Error) -> Value {
    object([
        ("until", until.0.into()),
        ("count", u64::from(count).into()),
        ("status", i64::from(error.status() as i32).into()),
        ("message", error.message().into()),
        ("http_status", error.http_status().map(u64::from).into()),
        ("code", error.provider_code().into()),
    ])
    .without_nulls()
}

impl Barrier {
    fn error(&self) -> Error {
        let status = Status::from_number(self.status).unwrap_or(Status::UnexpectedAnswer);
        let error = Error::new(status, self.message.clone());
        let error = error.with_provider_code(self.code.clone());
        match self.http_status {
            Some(status) => error.with_http_status(status),
            None => error,
        }
    }
}

impl Codec {
    pub fn new(identity: &str, key: Option<Key>, clock: &Clock) -> Codec {
        Codec { identity: identity.into(), key, clock: clock.clone() }
    }

    /// The part of a record that is worth writing down: two records with the same part are the same
    /// to whoever reads them later.
    pub fn essence(record: &Record) -> Record {
        let mut essence = record.clone();
        essence.pause = essence.pause.filter(|pause| pause.asked);
        // The cloud's clock ticks with every answer; it is written along with what it came with.
        essence.cloud = None;
        essence.version = Version::default();
        essence
    }

    /// One line of JSON.
    pub fn encode(&self, record: &Record) -> Result<Zeroizing<Vec<u8>>, Error> {
        let body = self.body(record);
        let content = match &self.key {
            None => ("record", body),
            Some(key) => ("sealed", key.seal(body.to_json().as_bytes(), &self.identity)?),
        };
        let document = object([("keyfob_store", VERSION.into()), content]).to_json();
        let mut bytes = Zeroizing::new(Vec::with_capacity(document.len() + 1));
        bytes.extend_from_slice(document.as_bytes());
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub fn decode(&self, bytes: &[u8]) -> Result<Record, Unreadable> {
        let document: Document = parsed(bytes)?;
        if document.keyfob_store != VERSION {
            return Err(Unreadable::Worthless("was written by another version"));
        }
        let body = match (document.record, document.sealed, &self.key) {
            (Some(body), None, None) => body,
            (None, Some(sealed), Some(key)) => parsed(&key.open(&sealed, &self.identity)?)?,
            (None, Some(_), None) => return Err(Unreadable::Locked("is sealed; set store_key")),
            (Some(_), None, Some(_)) => {
                // Whoever can write the file but does not have the key must not be believed.
                return Err(Unreadable::Distrusted("is not sealed, but store_key is set"));
            }
            _ => return Err(Unreadable::Worthless("holds no record, or two")),
        };
        if body.identity != self.identity {
            return Err(Unreadable::Worthless("belongs to another identity"));
        }
        Ok(self.record(body))
    }

    fn body(&self, record: &Record) -> Value {
        let token = record.token.as_ref().map(|token| {
            let saved = token.saved.iter().map(|(n, s)| (n.into(), s.expose().into()));
            let saved = (!token.saved.is_empty()).then(|| Value::Object(saved.collect()));
            let lifetime = token.lifetime.map(|l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX));
            object([
                ("access_token", token.access.expose().into()),
                ("login", (&token.login).into()),
                ("principal", token.principal.as_ref().into()),
                ("saved", saved.into()),
                ("issued", token.issued.0.into()),
                ("date", token.date.into()),
                ("lifetime_ms", lifetime.into()),
            ])
            .without_nulls()
        });
        let hold = record.hold.as_ref().map(|h| barrier(h.until, h.count, &h.error));
        let asked = record.pause.as_ref().filter(|pause| pause.asked);
        let pause = asked.map(|p| barrier(p.until, p.count, &p.error));
        let cloud = record.cloud.map(|cloud| Value::from_iter([cloud.date, cloud.seen.0]));
        let endpoints = &record.discovered.0;
        object([
            ("identity", (&self.identity).into()),
            ("generation", record.generation.into()),
            ("boot", self.clock.boot_id().as_ref().into()),
            ("token", token.into()),
            ("refresh_token", record.refresh.as_ref().map(Secret::expose).into()),
            ("hold", hold.into()),
            ("pause", pause.into()),
            ("cloud", cloud.into()),
            ("endpoints", (!endpoints.is_empty()).then_some(endpoints).into()),
            ("saved_wall", self.clock.wall().into()),
            ("saved", self.clock.now().0.into()),
        ])
        .without_nulls()
    }

    fn record(&self, body: Body) -> Record {
        let (shift, shift_of_hold) = self.shifts(&body);
        let moment = |ns: i64| Moment(ns.saturating_add(shift));
        let token = body.token.map(|token| Token {
            access: token.access_token,
            refresh: None,
            login: token.login,
            principal: token.principal,
            saved: token.saved,
            issued: moment(token.issued),
            date: token.date,
            lifetime: token.lifetime_ms.map(Duration::from_millis),
        });
        let hold = body.hold.map(|hold| Hold {
            until: Moment(hold.until.saturating_add(shift_of_hold))
                .min(self.clock.now().after(LONGEST_HOLD)),
            count: hold.count,
            error: hold.error(),
        });
        let pause = body.pause.map(|pause| Pause {
            until: moment(pause.until),
            count: pause.count,
            error: pause.error(),
            strict: true,
            asked: true,
        });
        Record {
            generation: body.generation,
            token,
            refresh: body.refresh_token,
            hold,
            pause,
            cloud: body.cloud.map(|(date, seen)| CloudTime { date, seen: moment(seen) }),
            discovered: Discovered(body.endpoints),
            version: Version::default(),
        }
    }

    /// What turns the file's moments into this boot's, and what does so for a hold. In the same boot:
    /// nothing. After another boot, the wall clock says how long ago that was, judged by the cloud's
    /// own time where that is known. A wall clock that claims a time before the file was written says
    /// nothing; at least the time since this boot has passed. A token that died meanwhile is tried,
    /// and a refusal renews it.
    ///
    /// A hold believes in no time but that since this boot: a machine that wakes up in the wrong year
    /// again and again must not lock the account, and one that was off waits for an hour at most.
    fn shifts(&self, body: &Body) -> (i64, i64) {
        let boot = self.clock.boot_id();
        if boot.is_some() && body.boot == boot {
            return (0, 0);
        }
        let then = match body.cloud {
            Some((date, seen)) => {
                date.saturating_add(body.saved.saturating_sub(seen) / 1_000_000_000)
            }
            None => body.saved_wall,
        };
        let (now, wall) = (self.clock.now().0, self.clock.wall());
        let off = wall.saturating_sub(then).max(0).saturating_mul(1_000_000_000);
        let shift = |passed: i64| now.saturating_sub(passed).saturating_sub(body.saved);
        match (boot, &body.boot) {
            (Some(_), Some(_)) => (shift(off.max(now)), shift(now)),
            // It may be the same boot, and the wall clock as wrong as it was.
            _ if wall >= body.saved_wall => {
                let by_wall = wall.saturating_sub(body.saved_wall).saturating_mul(1_000_000_000);
                (shift(off), shift(off.min(by_wall)))
            }
            _ => (shift(off), shift(off)),
        }
    }
}

fn parsed<T: Read + Default>(bytes: &[u8]) -> Result<T, Unreadable> {
    let document = json::parse(bytes).ok();
    let made = document.and_then(|document| read(&document).ok());
    made.ok_or(Unreadable::Worthless("is damaged or not a keyfob record"))
}
