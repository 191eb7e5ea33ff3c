//! What changes a client under its callers: other options, and forgetting.
//!
//! Both run under the lead of the single flight, so that no renewal is under way: one that began
//! with old options must not publish its token among new ones.

use super::lifecycle::{Lifecycle, known_of, within};
use super::serving::Serving;
use super::state::State;
use crate::account::account::Account;
use crate::error::{Result, Status};
use crate::support::call::Call;
use crate::support::log::log;
use std::sync::Arc;

impl Lifecycle {
    /// Makes a change while no renewal is under way, waiting for one that is to the call's
    /// deadline. Log lines of it are sent when the lead is given back: a log function may take its
    /// time.
    pub fn change(&self, call: &Call, work: impl FnOnce(&State) -> Result<()>) -> Result<()> {
        let _within = within(call);
        self.alone(call, |state| work(&state))
    }

    /// Uses other options from now on. Only within `change`, which gives the `state`.
    ///
    /// Another principal's token is dropped. A new password or client secret of the same principal
    /// leaves the token as it is. Fails, and leaves everything as it was, where the store of the
    /// new account can never be used, as with a wrong `store_key`.
    pub fn use_account(&self, account: Account, state: &State) -> Result<()> {
        let (now, before) = (&account.identity, &state.account.identity);
        let mut record = state.record.clone();
        if now.principal != before.principal {
            record = account.first_record()?;
        } else if now.name != before.name {
            // What was wrong may have been put right.
            record.pause = None;
        }
        let (record, fault) = known_of(&account, record)?;
        if let Some(fault) = fault {
            self.note_store_fault(fault);
        }
        self.publish(&Arc::new(account), record)?;
        self.learn_of_holds();
        Ok(())
    }

    /// Forgets the tokens and any hold: in this process, in the store, and at the cloud where its
    /// profile can revoke (RFC 7009).
    ///
    /// A store that cannot be locked, or a cloud that does not revoke, keeps nothing from being
    /// forgotten here; the status tells why the cloud did not. The error is the store's where its
    /// copy could not be overwritten. The attempts come last, when the identity's lock is free: a
    /// store of the caller's may have one lock for all names.
    pub fn forget(&self, call: &Call) -> Result<()> {
        self.change(call, |state| {
            let account = &state.account;
            let lock = match account.store.lock(call) {
                Err(error) if error.status() != Status::Store => return Err(error),
                lock => lock,
            };
            let mut record = state.record.clone();
            if let Ok(stored) = account.load() {
                record.adopt(stored);
            }
            account.expect_nothing();
            let revoked = account.revoke(&record, &self.clock, call);
            match revoked {
                Ok(true) => self.set_not_revoked(None),
                Ok(false) => {}
                Err(failure) => {
                    log!(self.log, Warn, "not revoked at the cloud: {}", failure.error);
                    self.set_not_revoked(Some(failure.error));
                }
            }
            record.forget();
            record.token = account.fixed_token()?;
            let saved = account.save(&mut record);
            self.publish(account, record)?;
            drop(lock);
            let secrets = &account.secrets;
            for log in secrets.login.iter().chain(&secrets.client) {
                log.look().ok();
                if log.succeed() {
                    log.keep(None, call)?;
                }
            }
            saved
        })
    }
}
