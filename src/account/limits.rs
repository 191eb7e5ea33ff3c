//! What the options say of every request. Options are texts that are looked up by name, and requests
//! are many, so it is read once.

use super::account::Account;
use crate::model::option_table::{COMPRESS, DPOP, MAX_BODY_BYTES, RETRIES, TIMEOUT_MS};
use std::time::Duration;

/// For each request of an account.
pub(crate) struct Limits {
    /// How often it is sent at most: once, and `retries`.
    pub attempts: u32,
    /// `max_body_bytes`.
    pub max_body: u64,
    /// `timeout_ms`.
    pub timeout: Duration,
    /// `compress`.
    pub compress: bool,
    /// `dpop`.
    pub proves: bool,
}

impl Account {
    /// Read at the first request: of many clients some never send one.
    pub fn limits(&self) -> &Limits {
        let options = &self.options;
        self.limits.get_or_init(|| {
            Box::new(Limits {
                attempts: 1 + options.number(RETRIES) as u32,
                max_body: options.number(MAX_BODY_BYTES),
                timeout: options.duration(TIMEOUT_MS),
                compress: options.flag(COMPRESS),
                proves: options.flag(DPOP),
            })
        })
    }
}
