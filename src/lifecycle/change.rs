//! What changes a client under its callers: other options, and forgetting.

use super::lifecycle::{Lifecycle, known_of};
use super::serving::Serving;
use super::state::State;
use crate::account::account::Account;
use crate::error::{Result, Status};
use crate::support::call::Call;
use crate::support::log::{self, log};
use std::sync::Arc;

impl Lifecycle {
    /// Makes a change while no renewal is under way, waiting for one that is.
    pub fn change(&self, call: &Call, work: impl FnOnce(&State) -> Result<()>) -> Result<()> {
        let _lines_later = log::later();
        self.alone(call, |state| work(&state))
    }

    /// Uses other options from now on: for whoever makes a change. Another principal's token is
    /// dropped; a new password or client secret leaves the token as it is.
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

    /// Forgets the tokens and any hold, here, in the store and where possible at the cloud.
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
            if let Err(failure) = revoked {
                log!(self.log, Warn, "not revoked at the cloud: {}", failure.error);
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
