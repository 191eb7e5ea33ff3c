//! The secrets of an account, each with what became of the attempts with it. A hold is about a
//! secret, where it goes and how it is sent: whatever scope or client asks with it.
//!
//! ```text
//! login    a user's password; the client secret, where the client is itself who logs in
//! client   what proves the client software beside a user or a refresh token
//! seed     the option refresh_token
//! ```
//!
//! A cloud locks an account by counting the passwords it looks at. So two clients that differ in
//! their scope share the count of a password, though they are two identities; and a password that
//! is rejected at one host is not held at another.

use super::identity::{Digest, Places};
use crate::model::option::{Group, Opt, Proof};
use crate::model::option_table::{CLIENT_AUTH, REFRESH_TOKEN};
use crate::model::options::Options;
use crate::provider::profile::{Login, Profile};
use crate::provider::selection::Selection;
use crate::store::attempt_log::AttemptLog;
use crate::store::factory::StoreChoice;
use crate::support::clock::{Clock, Moment};
use std::sync::Arc;

/// What became of the attempts with each secret of an account.
pub(crate) struct Secrets {
    /// What the login sends: a user's password, or what the client software has where it is who
    /// logs in.
    pub login: Option<Arc<AttemptLog>>,
    /// What authenticates the client software besides, in logins and in refreshes.
    pub client: Option<Arc<AttemptLog>>,
    /// The refresh token that was set: whether it was exchanged, and so must never be sent again.
    pub seed: Option<Arc<AttemptLog>>,
}

impl Secrets {
    /// The logs of the secrets that these options have. Each is named by a digest of the secret
    /// itself, of where it goes, and of how it is sent: a changed password begins anew, a changed
    /// scope does not.
    pub fn of(
        profile: &Profile,
        options: &Options,
        selection: &Selection,
        store: &StoreChoice,
        clock: &Clock,
        places: &Places,
    ) -> Secrets {
        // A person's login sends nothing of the options that could be guessed.
        let login = selection.login(profile).filter(|login| !login.is_a_persons());
        let needs = |option: &Opt| {
            let takes = |login: &Login| {
                let of_client = option.is_of_client() && login.takes_of_client(&option.name);
                login.needs.contains(&option.name) || of_client
            };
            login.is_some_and(takes)
        };
        let is_users = options.table().iter().any(|option| option.is_somebodys() && needs(option));
        let log = |kind: &str, places: &Digest, is_part: &dyn Fn(&Opt) -> bool| {
            // Not the name of an identity, whatever the options.
            let named = places.and(["attempts", &profile.name, kind]);
            let name = named.of(options, &|option| option.group == Group::Where || is_part(option));
            Arc::new(AttemptLog::new(&name, clock, store.attempts(&name)))
        };
        let how = |option: &Opt| CLIENT_AUTH.is(option);
        // A user's password is the same password for whatever client sends it.
        let of_login =
            |option: &Opt| how(option) || needs(option) && !(is_users && option.is_of_client());
        let of_client = |option: &Opt| how(option) || option.is_of_client();
        let set = || options.values().map(|(option, _)| option);
        let has_client = set().any(|option| option.proof == Some(Proof::Client));
        let of_seed = |option: &Opt| REFRESH_TOKEN.is(option);
        Secrets {
            login: login.map(|_| log(selection.name(), &places.here, &of_login)),
            client: (has_client && (is_users || login.is_none()))
                .then(|| log("client", &places.anywhere, &of_client)),
            seed: options
                .is_set(REFRESH_TOKEN.name)
                .then(|| log(REFRESH_TOKEN.name, &places.anywhere, &of_seed)),
        }
    }
}

impl Secrets {
    /// Until when no login may be sent, since what it sends was rejected: as far as this process
    /// knows, for the status. `None` where there is no hold.
    pub fn held_until(&self, now: Moment) -> Option<Moment> {
        let logs = self.login.iter().chain(&self.client);
        logs.filter_map(|log| log.known().held(now).map(|(hold, _)| hold.until)).max()
    }
}
