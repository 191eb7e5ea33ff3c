//! The status of a client as JSON: for people, dashboards, and bindings that take no callbacks.
//!
//! ```text
//! {"provider": "simacan", "login": "password", "state": "due", "expires_in_ms": 210000,
//!  "renew_due_in_ms": 0, "has_refresh_token": true, "hold_ms": null, "pause_ms": 12000,
//!  "store": {"kind": "memory", "fault": null},
//!  "last_error": {"status": "SERVER_ERROR", "message": "...", "http_status": 503, ...},
//!  "counters": {"logins": 1, "refreshes": 6, "failures": 2, ...}, ...}
//! ```
//!
//! docs/ABI.md lists the members and promises their names. A member is added, never renamed; none may
//! hold a secret, or anything that a password could be tried against.

use crate::lifecycle::goal::Stage;
use crate::lifecycle::lifecycle::Lifecycle;
use crate::support::clock::Moment;
use crate::support::json::{Value, object};
use crate::support::sync::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What the client knows at this moment. Reads what is in memory and asks nobody, so it never
/// waits. Times are what is left, in milliseconds: a moment of our clock means nothing to a reader.
pub(crate) fn of(lifecycle: &Lifecycle) -> String {
    let state = lifecycle.state();
    let now = lifecycle.clock.now();
    let record = &state.record;
    let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let until = |end: Moment| (end != Moment::NEVER).then(|| millis(end.since(now)));
    let held = state.account.secrets.held_until(now);
    let paused = record.paused(now);
    let stage = match state.stage(now) {
        Stage::None => "none",
        Stage::Fresh => "fresh",
        Stage::Due => "due",
        Stage::Expired => "expired",
    };
    let counters = &lifecycle.counters;
    let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed).into();
    let token = record.token.as_ref();
    let asked = state.account.options.get("scope");
    let status = object([
        ("provider", (&state.account.profile.name).into()),
        ("login", state.account.login_name().into()),
        ("identity", (&*state.account.identity.shown).into()),
        ("state", stage.into()),
        ("token_login", token.map(|t| &t.login).into()),
        ("principal", token.and_then(|t| t.principal.as_ref()).into()),
        ("scope", token.and_then(|t| t.scope.as_deref().or(asked)).into()),
        ("expires_in_ms", token.and_then(|_| until(state.expires)).into()),
        ("never_expires", (token.is_some() && state.expires == Moment::NEVER).into()),
        ("renew_due_in_ms", token.and_then(|_| until(state.renew_at)).into()),
        ("has_refresh_token", record.refresh.is_some().into()),
        ("dpop_jkt", record.proof_key.as_ref().map(|key| key.thumbprint()).into()),
        ("dpop_bound", state.is_bound().into()),
        ("hold_ms", held.map(|until| millis(until.since(now))).into()),
        ("pause_ms", paused.map(|(_, left)| millis(left)).into()),
        ("endpoints", (&record.discovered.0).into()),
        (
            "store",
            object([
                ("kind", (&state.account.store.describe()).into()),
                ("fault", error(&lifecycle.store_fault())),
            ]),
        ),
        ("last_error", error(&lifecycle.last_error())),
        ("not_revoked", error(&lifecycle.not_revoked())),
        (
            "counters",
            object([
                ("logins", number(&counters.logins)),
                ("logins_rejected", number(&counters.logins_rejected)),
                ("refreshes", number(&counters.refreshes)),
                ("refreshes_rejected", number(&counters.refreshes_rejected)),
                ("failures", number(&counters.failures)),
                ("requests", number(&counters.requests)),
                ("replays", number(&counters.replays)),
            ]),
        ),
    ]);
    status.to_json().to_string()
}

/// An error as a member of the status; `null` where there is none.
fn error(error: &Option<crate::Error>) -> Value {
    let Some(error) = error else { return Value::Null };
    object([
        ("status", error.status().name().into()),
        ("message", error.message().into()),
        ("http_status", error.http_status().map(u64::from).into()),
        ("provider_code", error.provider_code().into()),
        ("provider_message", error.provider_message().into()),
    ])
}
