//! The status of a client as JSON: for people, dashboards, and bindings that take no callbacks.

use crate::clock::Moment;
use crate::lifecycle::Lifecycle;
use crate::state::Stage;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) fn of(lifecycle: &Lifecycle) -> String {
    let state = lifecycle.state();
    let now = lifecycle.clock.now();
    let record = &state.record;
    let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let until = |end: Moment| (end != Moment::NEVER).then(|| millis(end.since(now)));
    let held = record.held(now);
    let paused = record.paused(now);
    let stage = match state.stage(now) {
        Stage::None => "none",
        Stage::Fresh => "fresh",
        Stage::Due => "due",
        Stage::Expired => "expired",
    };
    let error = |error: &crate::Error| {
        json!({
            "status": error.status().name(),
            "message": error.message(),
            "http_status": error.http_status(),
            "provider_code": error.provider_code(),
        })
    };
    let counters = &lifecycle.counters;
    let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let token = record.token.as_ref();
    let status: Value = json!({
        "provider": state.account.profile.name,
        "login": state.account.login_name(),
        "identity": state.account.principal,
        "state": stage,
        "principal": token.and_then(|t| t.principal.as_deref()),
        "expires_in_ms": token.and_then(|_| until(state.expires)),
        "never_expires": token.is_some() && state.expires == Moment::NEVER,
        "renew_due_in_ms": token.and_then(|_| until(state.renew_at)),
        "has_refresh_token": record.refresh.is_some(),
        "hold_ms": held.map(|(_, left)| millis(left)),
        "pause_ms": paused.map(|(_, left)| millis(left)),
        "endpoints": record.discovered.0,
        "store": {
            "kind": state.account.store.describe(),
            "fault": lifecycle.store_fault().as_ref().map(error),
        },
        "last_error": lifecycle.last_error().as_ref().map(error),
        "counters": {
            "logins": number(&counters.logins),
            "logins_rejected": number(&counters.logins_rejected),
            "refreshes": number(&counters.refreshes),
            "refreshes_rejected": number(&counters.refreshes_rejected),
            "failures": number(&counters.failures),
            "requests": number(&counters.requests),
            "replays": number(&counters.replays),
        },
    });
    status.to_string()
}
