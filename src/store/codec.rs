//! A record as bytes and back: plain JSON, or sealed where there is a key. What cannot be trusted
//! never becomes a record.

use super::seal::{Key, Sealed};
use super::{Hold, Pause, Record, Version};
use crate::clock::{Clock, CloudTime, Moment, UnixSeconds};
use crate::error::{Error, Status};
use crate::provider::exchange::Discovered;
use crate::secret::Secret;
use crate::token::Token;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

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

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    keyfob_store: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<Body>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

/// Moments are nanoseconds on the boot-time clock of the boot that is named.
#[derive(Serialize, Deserialize)]
struct Body {
    identity: String,
    generation: u64,
    boot: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<TokenBody>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Barrier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause: Option<Barrier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cloud: Option<(UnixSeconds, i64)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    endpoints: BTreeMap<String, String>,
    /// The wall clock and the boot-time clock when this was last true, to tell time by after a boot.
    saved_wall: UnixSeconds,
    saved: i64,
}

#[derive(Serialize, Deserialize)]
struct TokenBody {
    access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    issued: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifetime_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Barrier {
    until: i64,
    count: u32,
    status: i32,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.refresh_token.zeroize();
        if let Some(token) = &mut self.token {
            token.access_token.zeroize();
        }
    }
}

impl Barrier {
    fn new(until: Moment, count: u32, error: &Error) -> Barrier {
        Barrier {
            until: until.0,
            count,
            status: error.status() as i32,
            message: error.message().into(),
            http_status: error.http_status(),
            code: error.provider_code().map(str::to_string),
        }
    }

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

    pub fn encode(&self, record: &Record) -> Result<Zeroizing<Vec<u8>>, Error> {
        let body = self.body(record);
        let document = match &self.key {
            None => Document { keyfob_store: VERSION, record: Some(body), sealed: None },
            Some(key) => {
                let plain = json(&body)?;
                let sealed = key.seal(&plain, &self.identity)?;
                Document { keyfob_store: VERSION, record: None, sealed: Some(sealed) }
            }
        };
        json(&document)
    }

    pub fn decode(&self, bytes: &[u8]) -> Result<Record, Unreadable> {
        let damaged = |_| Unreadable::Worthless("is damaged or not a keyfob store file");
        let document: Document = serde_json::from_slice(bytes).map_err(damaged)?;
        if document.keyfob_store != VERSION {
            return Err(Unreadable::Worthless("was written by another version"));
        }
        let body = match (document.record, document.sealed, &self.key) {
            (Some(body), None, None) => body,
            (None, Some(sealed), Some(key)) => {
                let plain = key.open(&sealed, &self.identity)?;
                serde_json::from_slice(&plain).map_err(damaged)?
            }
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
        Ok(self.record(&body))
    }

    fn body(&self, record: &Record) -> Body {
        let token = record.token.as_ref().map(|token| TokenBody {
            access_token: token.access.expose().into(),
            principal: token.principal.clone(),
            issued: token.issued.0,
            date: token.date,
            lifetime_ms: token.lifetime.map(|l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX)),
        });
        let asked = record.pause.as_ref().filter(|pause| pause.asked);
        Body {
            identity: self.identity.clone(),
            generation: record.generation,
            boot: self.clock.boot_id(),
            token,
            refresh_token: record.refresh.as_ref().map(|r| r.expose().into()),
            hold: record.hold.as_ref().map(|h| Barrier::new(h.until, h.count, &h.error)),
            pause: asked.map(|p| Barrier::new(p.until, p.count, &p.error)),
            cloud: record.cloud.map(|cloud| (cloud.date, cloud.seen.0)),
            endpoints: record.discovered.0.clone(),
            saved_wall: self.clock.wall(),
            saved: self.clock.now().0,
        }
    }

    fn record(&self, body: &Body) -> Record {
        let shift = self.shift(body);
        let moment = |ns: i64| Moment(ns.saturating_add(shift));
        let token = body.token.as_ref().map(|token| Token {
            access: Secret::from(token.access_token.as_str()),
            refresh: None,
            principal: token.principal.clone(),
            issued: moment(token.issued),
            date: token.date,
            lifetime: token.lifetime_ms.map(Duration::from_millis),
        });
        let hold = body.hold.as_ref().map(|hold| Hold {
            until: moment(hold.until),
            count: hold.count,
            error: hold.error(),
        });
        let pause = body.pause.as_ref().map(|pause| Pause {
            until: moment(pause.until),
            count: pause.count,
            error: pause.error(),
            strict: true,
            asked: true,
        });
        Record {
            generation: body.generation,
            token,
            refresh: body.refresh_token.as_deref().map(Secret::from),
            hold,
            pause,
            cloud: body.cloud.map(|(date, seen)| CloudTime { date, seen: moment(seen) }),
            discovered: Discovered(body.endpoints.clone()),
            version: Version::default(),
        }
    }

    /// What turns the file's moments into this boot's. In the same boot: nothing. After another
    /// boot, the wall clock says how long the machine was off, judged by the cloud's own time where
    /// that is known; a wall clock that claims a time before the file was written says nothing, and
    /// no time is taken to have passed: a token is then tried, and a refusal renews it.
    fn shift(&self, body: &Body) -> i64 {
        if body.boot == self.clock.boot_id() {
            return 0;
        }
        let then = match body.cloud {
            Some((date, seen)) => {
                date.saturating_add(body.saved.saturating_sub(seen) / 1_000_000_000)
            }
            None => body.saved_wall,
        };
        let passed = self.clock.wall().saturating_sub(then).max(0);
        let since_saved = passed.saturating_mul(1_000_000_000);
        self.clock.now().0.saturating_sub(since_saved).saturating_sub(body.saved)
    }
}

/// One line of JSON, in memory that was large enough from the beginning: growing would leave copies
/// of secrets behind.
fn json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    struct Length(usize);
    impl std::io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let unwritable = |_| Error::new(Status::Store, "the record cannot be written as JSON");
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).map_err(unwritable)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0 + 1));
    serde_json::to_writer(&mut *bytes, value).map_err(unwritable)?;
    bytes.push(b'\n');
    Ok(bytes)
}
