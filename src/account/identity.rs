//! What makes two clients the same: a digest of everything that says who they are and where.
//!
//! It covers every option that is set in the groups Identity, Where and OAuth, the profile's own
//! among them, and where the profile sends its calls with them. There is no list to keep: a new
//! option counts by its group.
//!
//! ```text
//! what differs                        name      principal   shown
//! the user name, the base URL         another   another     another
//! an API key, a seed refresh token    another   another     the same
//! the user's password                 another   the same    the same
//! the client secret, beside a user    the same  the same    the same
//! timeouts, the store, TLS files      the same  the same    the same
//! ```
//!
//! Clients of one identity share a record, a single renewal and a cloud's wish for quiet; two that
//! differ share nothing. One option too few in the digest mixes up two accounts, one too many costs
//! a login when it is changed. The digest also names files of the store: a change of what goes into
//! it loses every stored token.

use crate::model::option::{Group, Kind, Opt, Proof};
use crate::model::option_table::REFRESH_TOKEN;
use crate::model::options::Options;
use crate::provider::names::Names;
use crate::provider::profile::{Login, Profile};
use crate::provider::scope::{Moment, Scope};
use crate::provider::selection::Selection;
use crate::provider::template::{Place, Template};
use crate::support::crypto::PartsDigest;
use crate::support::hex::to_hex;
use crate::support::secret::Secret;
use std::sync::Arc;

/// One account under the three names it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Two clients with this name are one. It is made from secrets too: whoever has it can try
    /// passwords against it, so it is not for people's eyes.
    pub name: Arc<str>,
    /// The same for all passwords and client secrets of one principal: a token that is at hand
    /// stays good while this stays the same. Made from the secrets that say who, such as an API
    /// key.
    pub principal: Arc<str>,
    /// The same for all secrets, and made from none: what the status shows.
    pub shown: Arc<str>,
}

impl Identity {
    /// The identity of these options, which add up to this login, and whose calls go to these places.
    pub fn of(
        profile: &Profile,
        options: &Options,
        selection: &Selection,
        places: &Places,
    ) -> Identity {
        let somebody = says_who(options, selection.login(profile));
        let here = places.here.and([profile.name.as_str(), selection.name()]);
        let digest = |include: &dyn Fn(&Opt) -> bool| here.of(options, include);
        let principal = digest(&|option| option.proof.is_none());
        let shown = digest(&|option| !option.secret);
        Identity {
            name: digest(&|option| !(somebody && option.proof == Some(Proof::Client))),
            // Mostly the same, and kept once then.
            shown: if shown == principal { principal.clone() } else { shown },
            principal,
        }
    }
}

/// Whether a user or a refresh token says who logs in: then what authenticates the client software
/// says nothing of it, and may be rotated.
fn says_who(options: &Options, login: Option<&Login>) -> bool {
    let needed = login.into_iter().flat_map(|login| &login.needs);
    options.is_set(REFRESH_TOKEN.name)
        || needed.filter_map(|name| options.option(name)).any(Opt::is_somebodys)
}

/// Where the calls of a login go, as far as that is known without asking the cloud. Two options may
/// differ and lead to the same host, or be equal and lead to two; credentials are the host's.
pub(crate) struct Places {
    /// Of all of them: the base URL, those of the login, those of the refresh.
    pub here: Digest,
    /// Of those that no login has a say in.
    pub anywhere: Digest,
}

impl Places {
    /// The places of this login; `names` are those of nothing discovered.
    pub fn of(profile: &Profile, names: &Names, login: Option<&Login>) -> Places {
        let mut scope = Scope::of(profile, names, Moment::at(0));
        let (mut here, mut anywhere) = (Digest::new(), Digest::new());
        let mut feed = |url: &Template, is_logins: bool| {
            // What only a discovery can fill in stays as it is written, and so do what changes by
            // itself and what is secret, which is no place.
            let kind = profile.kinds.of_template(url);
            let stays = kind.moment || kind.secret;
            let filled = if stays { Ok(None) } else { scope.fill(url, Place::Url) };
            let filled = filled.unwrap_or_default();
            let place = filled.as_ref().map_or(url.source(), Secret::expose);
            here.feed(place);
            if !is_logins {
                anywhere.feed(place);
            }
        };
        profile.base_url.iter().for_each(|url| feed(url, false));
        let steps = login.into_iter().flat_map(|login| &login.steps);
        steps.flat_map(|step| &step.url.0).for_each(|url| feed(url, true));
        let steps = profile.refresh.iter().flat_map(|refresh| &refresh.steps);
        steps.flat_map(|step| &step.url.0).for_each(|url| feed(url, false));
        Places { here, anywhere }
    }
}

/// A digest of texts, which more can be added to.
#[derive(Clone)]
pub(crate) struct Digest(PartsDigest);

impl Digest {
    fn new() -> Digest {
        Digest(PartsDigest::new())
    }

    fn feed(&mut self, text: &str) {
        self.0.feed(text.as_bytes());
    }

    /// The same and these.
    pub fn and<const N: usize>(&self, texts: [&str; N]) -> Digest {
        let mut next = self.clone();
        texts.into_iter().for_each(|text| next.feed(text));
        next
    }

    /// The first 128 bits of SHA-256 over the texts and over the options that are set and included,
    /// as 32 hexadecimal digits: enough that no two accounts meet by chance, short enough for a
    /// file's name.
    pub fn of(&self, options: &Options, include: &dyn Fn(&Opt) -> bool) -> Arc<str> {
        let in_group =
            |option: &Opt| matches!(option.group, Group::Identity | Group::Where | Group::OAuth);
        // A default makes no difference, spelt out or not, and neither does a new option with one: a
        // gateway that lives by a stored refresh token must find it after an update.
        let mut included: Vec<(&str, &str)> = options
            .said()
            // What a profile says is in the places; how it is written, and in which file, says
            // nothing.
            .filter(|(option, _)| !matches!(option.kind, Kind::Profile | Kind::Path))
            .filter(|(option, _)| in_group(option) && include(option))
            .map(|(option, value)| (option.name.as_str(), value))
            .collect();
        included.sort_unstable();
        let mut all = self.clone();
        for (name, value) in included {
            all.feed(name);
            all.feed(value);
        }
        to_hex(&all.0.finish()[..16]).into()
    }
}

/// Where an identity on a machine stands among all others, from 0 to 1: the place in the renewal
/// window at which it is due, and the place over most of a token's life of a first renewal. Always the
/// same, so that a restart changes nothing; and others on each machine, so that machines that share an
/// identity are not due at the same instant.
pub(super) fn places_of(identity: &str, machine: Option<&str>) -> [f64; 2] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(identity.as_bytes());
    context.update(machine.unwrap_or_default().as_bytes());
    let bytes = context.finish();
    let place = |bytes: &[u8]| bytes.first_chunk().map_or(0, |four| u32::from_be_bytes(*four));
    [0, 4].map(|at| f64::from(place(&bytes.as_ref()[at..])) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Discovered;
    use crate::provider::registry::built_in;

    fn identity(profile: &Profile, options: &Options, login: &str) -> Identity {
        let names = Names::of(profile, options, &Discovered::default()).unwrap();
        let places = Places::of(profile, &names, profile.logins.get(login));
        Identity::of(profile, options, &Selection::Login(login.into()), &places)
    }

    /// Another value than the option has, of its kind.
    fn other(option: &Opt, value: Option<&str>) -> String {
        match &option.kind {
            Kind::Choice(words) => words.iter().find(|word| Some(word.as_str()) != value).cloned(),
            Kind::Number { .. } => Some("17".into()),
            Kind::Bool => Some("true".into()),
            Kind::Url | Kind::BaseUrl => Some("https://elsewhere.example.com/x".into()),
            Kind::Broker => Some("mqtts://elsewhere.example.com".into()),
            _ => Some("another".into()),
        }
        .expect("a choice of one")
    }

    #[test]
    fn clients_that_differ_in_one_option_of_who_and_where_are_two() {
        for profile in built_in().map(|profile| profile.unwrap()) {
            for (login, _) in profile.logins.iter() {
                let mut options = Options::new(profile.table.clone());
                for need in &profile.logins.get(login).unwrap().needs {
                    options.set(need, "1").unwrap();
                }
                let before = identity(&profile, &options, login);
                let of_who_or_where = |o: &&Opt| {
                    matches!(o.group, Group::Identity | Group::Where | Group::OAuth)
                        && !matches!(o.kind, Kind::Path | Kind::Profile)
                        && !profile.maps.iter().any(|(_, map)| map.of == o.name)
                };
                for option in profile.table.iter().filter(of_who_or_where) {
                    let mut changed = options.clone();
                    let value = other(option, options.get(&option.name));
                    changed.set(&option.name, &value).unwrap();
                    let after = identity(&profile, &changed, login);
                    let of_client = option.proof == Some(Proof::Client)
                        && says_who(&options, profile.logins.get(login));
                    let same = after.name == before.name;
                    assert_eq!(same, of_client, "{} {login}: {}", profile.name, option.name);
                    let keeps_its_token = after.principal == before.principal;
                    assert_eq!(keeps_its_token, option.proof.is_some(), "{login}: {}", option.name);
                    assert_eq!(after.shown == before.shown, option.secret, "{}", option.name);
                }
            }
        }
    }

    #[test]
    fn machines_that_share_an_identity_have_places_of_their_own() {
        let place = |machine: &str| places_of("an identity", Some(machine))[0];
        assert_eq!(place("a"), place("a"));
        assert_ne!(place("a"), place("b"));
        let places: Vec<f64> = (0..1000).map(|n: usize| place(&n.to_string())).collect();
        let below = |limit: f64| places.iter().filter(|place| **place < limit).count();
        assert!((400..600).contains(&below(0.5)) && (200..300).contains(&below(0.25)));
    }

    #[test]
    fn a_default_that_is_spelt_out_is_no_difference() {
        let profile = crate::provider::registry::named("simacan").unwrap();
        let mut options = Options::new(profile.table.clone());
        let before = identity(&profile, &options, "password");
        options.set("environment", "production").unwrap();
        assert_eq!(identity(&profile, &options, "password"), before);
        options.set("environment", "staging").unwrap();
        assert_ne!(identity(&profile, &options, "password"), before);
    }

    #[test]
    fn an_update_finds_what_was_stored_under_the_name() {
        let profile = crate::provider::registry::named("simacan").unwrap();
        let mut options = Options::new(profile.table.clone());
        options.set("username", "gateway").unwrap();
        options.set("password", "secret").unwrap();
        options.set("base_url", "https://auth.example.com").unwrap();
        let identity = identity(&profile, &options, "password");
        assert_eq!(&*identity.name, "d855e1a4f5e1bf62bdd58eaa9c5da942");
        assert_eq!(&*identity.principal, "ec06dbfc6a2d199da6662ea8d614a021");
        assert_eq!(&*identity.shown, "ec06dbfc6a2d199da6662ea8d614a021");
    }
}
