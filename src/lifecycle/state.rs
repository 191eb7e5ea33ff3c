//! The state of a client at one moment.
//!
//! Readers take one `Arc` and find in it an account, a record and headers that belong together.
//! Nothing in a state changes; a renewal or new options put another in its place.

use super::goal::Stage;
use crate::account::account::Account;
use crate::account::api::Api;
use crate::account::headers::{Headers, bind, header_lines};
use crate::error::Result;
use crate::model::record::Record;
use crate::model::token::Token;
use crate::provider::names::Names;
use crate::support::clock::Moment;
use crate::support::secret::Secret;
use std::sync::Arc;

/// Everything a caller may need at one moment, replaced as a whole when anything changes.
pub(crate) struct State {
    /// Who and where. The same `Arc` for as long as nobody sets an option.
    pub account: Arc<Account>,
    /// What is known of the identity: tokens, pauses, endpoints.
    pub record: Record,
    /// Where requests may go. Shared by states that differ in the token alone.
    pub api: Arc<Api>,
    /// What carries the token, ready to be sent.
    pub headers: Headers,
    /// What a request is signed with, where each is signed anew; `None` where none is.
    pub names: Option<Names>,
    /// The headers as text, one a line: what `keyfob_client_headers` gives.
    pub header_lines: Secret,
    /// From when on the token is due; `START` where there is none, `NEVER` where it has no end.
    pub renew_at: Moment,
    /// When the token ends; `START` and `NEVER` as above.
    pub expires: Moment,
}

impl State {
    /// Works out what each call needs, so that none does it again. Fails where the profile's
    /// headers cannot be filled with what the token came with.
    pub fn new(account: Arc<Account>, record: Record, api: Arc<Api>) -> Result<State> {
        let names = |token| account.names_of_requests(token, &record.discovered);
        let names = record.token.as_ref().map(names).transpose()?;
        let mut headers = names.as_ref().map_or(Ok(Headers::new()), |n| account.present(n))?;
        let token = record.token.as_ref();
        if token.is_some_and(|token| token.bound) {
            bind(&mut headers);
        }
        Ok(State {
            header_lines: header_lines(&headers),
            headers,
            names: names.filter(|_| account.signs),
            renew_at: token.map_or(Moment::START, |t| t.renew_at(account.window)),
            expires: token.map_or(Moment::START, Token::expires),
            account,
            record,
            api,
        })
    }

    /// How long its token and headers may be kept by whoever asked for them. Not at all where
    /// requests are signed: each has headers of its own.
    pub fn at_hand_until(&self) -> Moment {
        if self.account.signs { Moment::START } else { self.renew_at }
    }

    /// The access token; empty where there is none, which no caller of a served state sees.
    #[inline]
    pub fn access_token(&self) -> &str {
        self.record.token.as_ref().map_or("", |token| token.access.expose())
    }

    /// Whether its token is bound to a key, so that a proof goes with each request.
    pub fn is_bound(&self) -> bool {
        self.record.token.as_ref().is_some_and(|token| token.bound)
    }

    /// Whether there is anything to renew the token with.
    pub fn is_renewable(&self) -> bool {
        self.account.can_log_in() || self.record.refresh.is_some()
    }

    /// Where the token stands at this moment.
    pub fn stage(&self, now: Moment) -> Stage {
        match &self.record.token {
            None => Stage::None,
            Some(_) if now < self.renew_at => Stage::Fresh,
            Some(_) if now < self.expires => Stage::Due,
            Some(_) => Stage::Expired,
        }
    }
}
