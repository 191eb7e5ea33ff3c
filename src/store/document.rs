//! What is written of a record: its members, each listed once, and how they become one again.
//!
//! The names are the format of the file, so a member may be added but not renamed. A newer
//! release may have added some: what is not known is passed over. An older one may lack some: all
//! but a few may be missing.
//!
//! What is read may come from whoever can write the file. A count beyond all counting, a token
//! with a line break or a hold for ten years is cut down, or is no record.

use super::clocks::Shift;
use crate::error::{Error, Status};
use crate::model::attempts::{Attempts, Hold, LONGEST_HOLD};
use crate::model::proof_key::ProofKey;
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

/// Declares a type that is an object in a document: its members are listed once, each `needed` or
/// `other` (it may be missing). Members that it does not know are passed over: a newer version
/// may have more.
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
        /// The digest of who it was written for; a record of another one is refused.
        needed identity: String,
        /// `Record::generation` or `Attempts::round`: the higher one is the newer.
        needed generation: u64,
        /// Whose clock the moments are on, where the system names its machines.
        other machine: Option<String>,
        /// The boot of that machine that they are counted from.
        other boot: Option<String>,
        other token: Option<TokenBody>,
        /// The one refresh token that is good.
        other refresh_token: Option<Secret>,
        /// What the tokens are bound to: a P-256 key, as PKCS#8 in base64url.
        other proof_key: Option<Secret>,
        /// Why there is none any more.
        other lost: Option<ErrorBody>,
        /// A pause that the cloud asked for. One of our own choice is not written.
        other pause: Option<Barrier>,
        /// Refreshes that may have been refused, and when the last was.
        other doubts: Option<Counted>,
        /// Tokens that an API refused at once, and until when the next one is kept all the same.
        other refusals: Option<Counted>,
        /// The hold after the last rejection. This and the next three members are those of a
        /// record of attempts.
        other hold: Option<Barrier>,
        /// Logins that came to nothing.
        other fruitless: Option<Fruitless>,
        /// Logins in a row that may have been refused.
        other doubtful: Option<u32>,
        /// The seed refresh token was exchanged.
        other spent: bool,
        /// The cloud's time in seconds since 1970, and the moment at which it was that.
        other cloud: Option<(UnixSeconds, i64)>,
        /// What a discovery found.
        other endpoints: Ordered<String>,
        /// The wall clock when this was written. Believed only after a reboot, and only if it
        /// makes sense.
        needed saved_wall: UnixSeconds,
        /// The moment at which this was written.
        needed saved: i64,
    }
}

members! {
    /// An access token, and what requests carry with it.
    TokenBody {
        needed access_token: Secret,
        other login: String,
        other principal: Option<String>,
        other scope: Option<String>,
        /// What else the answer held.
        other answer: Option<Secret>,
        /// Further values of the answer that requests carry.
        other saved: Ordered<Secret>,
        /// The moment at which it was asked for.
        needed issued: i64,
        /// The same by the cloud's clock.
        other date: Option<UnixSeconds>,
        /// Whether it is bound to `proof_key`.
        other bound: bool,
        /// Missing: for ever.
        other lifetime_ms: Option<u64>,
        /// Whether others may have got one at the same moment: see `Token::out_of_turn`.
        other out_of_turn: bool,
    }
}

members! {
    /// A hold or a pause: until when, how many in a row there were, and why.
    Barrier {
        /// The moment at which it ends.
        needed until: i64,
        needed count: u32,
        needed fault: ErrorBody,
    }
}

members! {
    /// Logins that came to nothing, and why the last one did.
    Fruitless {
        /// The moments at which the secret was sent, the latest last.
        needed sent: Vec<i64>,
        needed fault: ErrorBody,
    }
}

members! {
    /// How many, and the moment that goes with them: the last one, or until when they count.
    Counted {
        needed count: u32,
        needed moment: i64,
    }
}

members! {
    /// An error, as far as it is kept.
    ErrorBody {
        /// A number of `Status`.
        needed status: i32,
        needed message: String,
        other http_status: Option<u16>,
        /// The cloud's own code.
        other code: Option<String>,
        /// The cloud's own sentence.
        other said: Option<String>,
    }
}

impl ErrorBody {
    /// What is kept of an error. How long to wait is not: the hold or pause that it stands in
    /// says so.
    fn of(error: &Error) -> ErrorBody {
        ErrorBody {
            status: error.status() as i32,
            message: error.message().into(),
            http_status: error.http_status(),
            code: error.provider_code().map(str::to_string),
            said: error.provider_message().map(str::to_string),
        }
    }

    /// The error again. A status that this release does not know becomes `UnexpectedAnswer`.
    fn error(self) -> Error {
        let status = Status::from_number(self.status).filter(|status| *status != Status::Ok);
        let error = Error::new(status.unwrap_or(Status::UnexpectedAnswer), self.message);
        let is_word =
            |code: &String| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_graphic());
        let code = self.code.filter(is_word);
        let error = error.with_provider_code(code).with_provider_message(self.said);
        match self.http_status {
            Some(status) => error.with_http_status(status),
            None => error,
        }
    }
}

/// The longest pause that is believed: the longest that a cloud may ask for, with what chance
/// adds to it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 3600);
/// No account has had so many tokens. A record that says so would win over all others for ever.
const MOST_GENERATIONS: u64 = 1 << 48;

/// A record that a store can keep: that of an identity, or the attempts with a secret.
pub(crate) trait Kept: Clone + Default + PartialEq + Send + Sync + 'static {
    /// The part that is worth writing down: two with the same essence are the same to whoever
    /// reads them later. A save that would not change it is not made.
    fn essence(&self) -> Self;
    /// The state of the medium that this takes account of.
    fn version(&self) -> Version;
    fn set_version(&mut self, version: Version);
    /// Gives way to what others stored after this one's lock was lost.
    fn yield_to(&mut self, stored: Self);
    /// What is to be written; who, when and by which clock is added by the codec.
    fn body(&self) -> Body;
    /// What was written, on this machine's clock; `None` where no client has written that.
    fn of(body: Body, shift: &Shift) -> Option<Self>;
}

impl Kept for Record {
    fn yield_to(&mut self, stored: Record) {
        match stored.generation >= self.generation {
            true => *self = stored,
            false => self.adopt(stored),
        }
    }

    fn essence(&self) -> Record {
        let mut essence = self.clone();
        let asked = essence.pause.filter(|pause| pause.asked);
        essence.pause = asked.map(|pause| Pause { bound: Duration::ZERO, ..pause });
        // The cloud's time changes with every answer. It is written when something else is.
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
            scope: token.scope.clone(),
            answer: token.answer.clone(),
            saved: token.saved.clone(),
            issued: token.issued.0,
            date: token.date,
            lifetime_ms: token.lifetime.map(|l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX)),
            bound: token.bound,
            out_of_turn: token.out_of_turn,
        });
        let asked = self.pause.as_ref().filter(|pause| pause.asked);
        let counted = |count, moment: Moment| Counted { count, moment: moment.0 };
        Body {
            generation: self.generation,
            token,
            refresh_token: self.refresh.clone(),
            proof_key: self.proof_key.as_ref().map(|key| key.text().clone()),
            lost: self.lost.as_ref().map(ErrorBody::of),
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
        let proof_key = match &body.proof_key {
            Some(text) => Some(ProofKey::read(text)?),
            None => None,
        };
        // Without its key it opens nothing.
        if proof_key.is_none() && body.token.as_ref().is_some_and(|token| token.bound) {
            return None;
        }
        let token = body.token.map(|token| Token {
            access: token.access_token,
            refresh: None,
            login: token.login,
            principal: token.principal,
            scope: token.scope,
            answer: token.answer,
            saved: token.saved,
            issued: shift.issued(token.issued, token.date),
            date: token.date,
            lifetime: token.lifetime_ms.map(Duration::from_millis),
            bound: token.bound,
            out_of_turn: token.out_of_turn,
        });
        let pause = body.pause.map(|pause| Pause {
            until: shift.moment(pause.until).min(shift.now.after(LONGEST_PAUSE)),
            count: pause.count,
            bound: Duration::ZERO,
            error: pause.fault.error(),
            strict: true,
            asked: true,
        });
        Some(Record {
            generation: body.generation,
            token,
            refresh: body.refresh_token,
            proof_key,
            lost: body.lost.map(ErrorBody::error),
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
    fn yield_to(&mut self, stored: Attempts) {
        self.adopt(stored);
    }

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
        let fruitless = |fault| Fruitless { sent: sent(), fault: ErrorBody::of(fault) };
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

/// A hold or a pause as it is written.
fn barrier(until: Moment, count: u32, error: &Error) -> Barrier {
    Barrier { until: until.0, count, fault: ErrorBody::of(error) }
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
