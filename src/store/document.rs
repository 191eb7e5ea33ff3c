//! What is written of a record: its members, each listed once, and how they become one again.

use super::clocks::Shift;
use crate::error::{Error, Status};
use crate::model::attempts::{Attempts, Hold, LONGEST_HOLD};
use crate::model::record::{Discovered, Doubts, Pause, Record, Refusals, Version};
use crate::model::token::Token;
use crate::support::clock::{CloudTime, Moment, UnixSeconds};
use crate::support::json::Value;
use crate::support::json::read::{At, Misread, Read, needed, other};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::time::Duration;

/// What can be written as a member of a document.
trait Write {
    /// `Null` for what is left out.
    fn value(&self) -> Value;
}

/// A type that is an object in a document: its members are listed once, each `needed` or `other` (it
/// may be missing). Members that it does not know are passed over: a newer version may have more.
macro_rules! members {
    ($(#[$about:meta])* $type:ident {
        $($(#[doc = $doc:literal])* $need:ident $field:ident: $kind:ty,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Default)]
        pub(crate) struct $type { $($(#[doc = $doc])* pub $field: $kind,)* }

        impl Read for $type {
            fn read(&mut self, at: &At<'_>) -> Result<(), Misread> {
                at.some_members(&mut [$($need(stringify!($field), &mut self.$field),)*])
            }
        }

        impl Write for $type {
            fn value(&self) -> Value {
                let members = [$((stringify!($field).to_string(), self.$field.value()),)*];
                Value::Object(members.into()).without_nulls()
            }
        }
    };
}

members! {
    /// Moments are nanoseconds on the clock of the machine and the boot that are named.
    Body {
        needed identity: String,
        needed generation: u64,
        other machine: Option<String>,
        other boot: Option<String>,
        other token: Option<TokenBody>,
        other refresh_token: Option<Secret>,
        other pause: Option<Barrier>,
        other doubts: Option<Counted>,
        other refusals: Option<Counted>,
        other hold: Option<Barrier>,
        /// Logins to no avail.
        other fruitless: Option<Fruitless>,
        other doubtful: Option<u32>,
        other spent: bool,
        /// The cloud's time, and the moment at which it was that.
        other cloud: Option<(UnixSeconds, i64)>,
        other endpoints: Ordered<String>,
        /// The wall clock when this was written,
        needed saved_wall: UnixSeconds,
        /// and the moment.
        needed saved: i64,
    }
}

members! {
    TokenBody {
        needed access_token: Secret,
        other login: String,
        other principal: Option<String>,
        /// What else requests carry.
        other saved: Ordered<Secret>,
        needed issued: i64,
        other date: Option<UnixSeconds>,
        other lifetime_ms: Option<u64>,
    }
}

members! {
    /// A hold or a pause.
    Barrier {
        needed until: i64,
        needed count: u32,
        needed fault: Fault,
    }
}

members! {
    Fruitless {
        needed sent: Vec<i64>,
        needed fault: Fault,
    }
}

members! {
    Counted {
        needed count: u32,
        needed moment: i64,
    }
}

members! {
    /// An error.
    Fault {
        needed status: i32,
        needed message: String,
        other http_status: Option<u16>,
        other code: Option<String>,
    }
}

impl Fault {
    fn of(error: &Error) -> Fault {
        Fault {
            status: error.status() as i32,
            message: error.message().into(),
            http_status: error.http_status(),
            code: error.provider_code().map(str::to_string),
        }
    }

    fn error(self) -> Error {
        let status = Status::from_number(self.status).filter(|status| *status != Status::Ok);
        let error = Error::new(status.unwrap_or(Status::UnexpectedAnswer), self.message);
        let error = error.with_provider_code(self.code);
        match self.http_status {
            Some(status) => error.with_http_status(status),
            None => error,
        }
    }
}

/// The longest that a cloud may ask for quiet, with what chance adds to it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 3600);
/// No account has had so many tokens.
const MOST_GENERATIONS: u64 = 1 << 48;

/// What a store keeps.
pub(crate) trait Kept: Clone + Default + PartialEq + Send + Sync + 'static {
    /// The part that is worth writing down: two with the same part are the same to whoever reads
    /// them later.
    fn essence(&self) -> Self;
    fn version(&self) -> Version;
    fn set_version(&mut self, version: Version);
    /// The members that are its own.
    fn body(&self) -> Body;
    /// What was written, on this machine's clock; `None` where no client wrote that.
    fn of(body: Body, shift: &Shift) -> Option<Self>;
}

impl Kept for Record {
    fn essence(&self) -> Record {
        let mut essence = self.clone();
        essence.pause = essence.pause.filter(|pause| pause.asked);
        // The cloud's clock ticks with every answer; it is written along with what it came with.
        essence.cloud = None;
        essence.version = Version::default();
        essence
    }

    fn version(&self) -> Version {
        self.version
    }

    fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    fn body(&self) -> Body {
        let token = self.token.as_ref().map(|token| TokenBody {
            access_token: token.access.clone(),
            login: token.login.clone(),
            principal: token.principal.clone(),
            saved: token.saved.clone(),
            issued: token.issued.0,
            date: token.date,
            lifetime_ms: token.lifetime.map(|l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX)),
        });
        let asked = self.pause.as_ref().filter(|pause| pause.asked);
        let counted = |count, moment: Moment| Counted { count, moment: moment.0 };
        Body {
            generation: self.generation,
            token,
            refresh_token: self.refresh.clone(),
            pause: asked.map(|p| barrier(p.until, p.count, &p.error)),
            doubts: self.doubts.map(|doubts| counted(doubts.count, doubts.last)),
            refusals: self.refusals.map(|refusals| counted(refusals.count, refusals.until)),
            cloud: self.cloud.map(|cloud| (cloud.date, cloud.seen.0)),
            endpoints: self.discovered.0.clone(),
            ..Body::default()
        }
    }

    fn of(body: Body, shift: &Shift) -> Option<Record> {
        let is_good = |token: &Secret| crate::model::token::is_token(token.expose());
        let tokens = body.token.iter().map(|token| &token.access_token);
        let all_good = tokens.chain(&body.refresh_token).all(is_good);
        if !all_good || body.generation > MOST_GENERATIONS {
            return None;
        }
        let token = body.token.map(|token| Token {
            access: token.access_token,
            refresh: None,
            login: token.login,
            principal: token.principal,
            saved: token.saved,
            issued: shift.issued(token.issued, token.date),
            date: token.date,
            lifetime: token.lifetime_ms.map(Duration::from_millis),
        });
        let pause = body.pause.map(|pause| Pause {
            until: shift.moment(pause.until).min(shift.now.after(LONGEST_PAUSE)),
            count: pause.count,
            error: pause.fault.error(),
            strict: true,
            asked: true,
        });
        Some(Record {
            generation: body.generation,
            token,
            refresh: body.refresh_token,
            pause,
            doubts: body
                .doubts
                .map(|d| Doubts { count: d.count, last: shift.moment(d.moment).min(shift.now) }),
            refusals: body.refusals.map(|r| Refusals {
                count: r.count,
                until: shift.moment(r.moment).min(shift.now.after(LONGEST_HOLD)),
            }),
            cloud: body.cloud.map(|(date, seen)| CloudTime { date, seen: shift.moment(seen) }),
            discovered: Discovered(body.endpoints),
            version: Version::default(),
        })
    }
}

impl Kept for Attempts {
    fn essence(&self) -> Attempts {
        Attempts { version: Version::default(), ..self.clone() }
    }

    fn version(&self) -> Version {
        self.version
    }

    fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    fn body(&self) -> Body {
        let sent = || self.fruitless.iter().map(|sent| sent.0).collect();
        let fruitless = |fault| Fruitless { sent: sent(), fault: Fault::of(fault) };
        Body {
            generation: self.round,
            hold: self.hold.as_ref().map(|h| barrier(h.until, h.count, &h.error)),
            fruitless: self.fault.as_ref().map(fruitless),
            doubtful: Some(self.doubts).filter(|doubts| *doubts > 0),
            spent: self.spent,
            ..Body::default()
        }
    }

    fn of(body: Body, shift: &Shift) -> Option<Attempts> {
        if body.generation > MOST_GENERATIONS {
            return None;
        }
        let hold = body.hold.map(|hold| Hold {
            until: shift.moment_of_hold(hold.until).min(shift.now.after(LONGEST_HOLD)),
            count: hold.count,
            error: hold.fault.error(),
        });
        let (sent, fault) = body.fruitless.map(|f| (f.sent, f.fault.error())).unzip();
        let sent = sent.unwrap_or_default().into_iter();
        Some(Attempts {
            round: body.generation,
            hold,
            doubts: body.doubtful.unwrap_or(0),
            fruitless: sent.map(|sent| shift.moment_of_hold(sent).min(shift.now)).collect(),
            fault,
            spent: body.spent,
            version: Version::default(),
        })
    }
}

fn barrier(until: Moment, count: u32, error: &Error) -> Barrier {
    Barrier { until: until.0, count, fault: Fault::of(error) }
}

impl Body {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        self.value()
    }
}

impl Write for String {
    fn value(&self) -> Value {
        self.into()
    }
}

impl Write for Secret {
    fn value(&self) -> Value {
        self.expose().into()
    }
}

impl Write for bool {
    fn value(&self) -> Value {
        self.then_some(true).into()
    }
}

macro_rules! write_integers {
    ($($type:ty)*) => {$(
        impl Write for $type {
            fn value(&self) -> Value {
                Value::Number(self.to_string())
            }
        }
    )*};
}

write_integers!(u16 u32 u64 i32 i64);

impl<T: Write> Write for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Write::value)
    }
}

impl<T: Write> Write for Vec<T> {
    fn value(&self) -> Value {
        Value::Array(self.iter().map(Write::value).collect())
    }
}

impl Write for (UnixSeconds, i64) {
    fn value(&self) -> Value {
        Value::from_iter([self.0, self.1])
    }
}

impl<T: Write> Write for Ordered<T> {
    fn value(&self) -> Value {
        let members = self.iter().map(|(name, value)| (name.to_string(), value.value()));
        (!self.is_empty()).then(|| Value::Object(members.collect())).into()
    }
}
