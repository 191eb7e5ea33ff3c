//! Which login a client uses: it follows from the identity options that are set.
//!
//! ```text
//! three logins, which need    a, a and b, c
//! a is set                    the first
//! a and b are set             the second: it needs all that the first does, and more
//! a and c are set             an error: two fit
//! a and x are set             an error: the first has no use for x
//! b is set                    an error: none fits; the message says what each lacks
//! ```
//!
//! There is no order of preference. A user who sets two logins' options means one of them, and a
//! guess could log in as somebody else; so an option that the login has no use for is an error,
//! too.

use super::client_auth;
use super::profile::{Login, Profile, Step};
use super::template::Template;
use crate::error::{Error, Result, Status};
use crate::model::option::Opt;
use crate::model::option_table::{GRANT, REFRESH_TOKEN};
use crate::model::options::Options;

/// What the options add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The login of this name.
    Login(String),
    /// A refresh token and nothing to log in with as whom it was issued to.
    RefreshOnly {
        /// The client software's own login, which the options fit too but do not ask for.
        withheld: Option<String>,
    },
}

impl Selection {
    /// What the status and messages call it.
    pub fn name(&self) -> &str {
        match self {
            Selection::Login(name) => name,
            Selection::RefreshOnly { .. } => "refresh_token",
        }
    }

    /// The login that is used, if any is.
    pub fn login<'a>(&self, profile: &'a Profile) -> Option<&'a Login> {
        match self {
            Selection::Login(name) => profile.logins.get(name),
            Selection::RefreshOnly { .. } => None,
        }
    }
}

/// Finds the one login that the options fit. `MISSING_OPTION` where none does, with what each
/// lacks; `INVALID_OPTION` where two do, or where an option is left over.
pub(crate) fn select(profile: &Profile, options: &Options) -> Result<Selection> {
    let set: Vec<&str> = options.identity().map(|o| o.name.as_str()).collect();
    let allowed = |login: &&(String, Login)| {
        login.1.when.iter().all(|(o, wanted)| !options.is_set(o) || options.get(o) == Some(wanted))
    };
    let open: Vec<&(String, Login)> = profile.logins.0.iter().filter(allowed).collect();
    let fits = |login: &Login| lacking(options, login).next().is_none();
    let fitting: Vec<&(String, Login)> = open.iter().copied().filter(|l| fits(&l.1)).collect();
    // Of two that fit, one that needs everything the other needs and more is what is meant.
    let best: Vec<&(String, Login)> = fitting
        .iter()
        .copied()
        .filter(|login| !fitting.iter().any(|other| needs_more(options, &other.1, &login.1)))
        .collect();
    let refreshes = |name: &str| name == "refresh_token" && profile.refresh.is_some();
    let unused = |login: &Login| -> Vec<&str> {
        set.iter().copied().filter(|name| !takes(login, name) && !refreshes(name)).collect()
    };
    match best.as_slice() {
        [] => refresh_only(profile, options, &set)
            .ok_or_else(|| nothing_fits(profile, &open, options)),
        [(name, login)] => match unused(login).as_slice() {
            [] if is_anothers(profile, options, name, login) => {
                let withheld = Some(name.clone()).filter(|_| !login.is_a_persons());
                Ok(Selection::RefreshOnly { withheld })
            }
            [] => Ok(Selection::Login(name.clone())),
            left => Err(left_over(profile, name, left, &open, options)),
        },
        several => {
            let whole: Vec<_> = several.iter().filter(|(_, l)| unused(l).is_empty()).collect();
            match whole.as_slice() {
                [(name, _)] => Ok(Selection::Login(name.clone())),
                _ => Err(ambiguous(profile, several, options)),
            }
        }
    }
}

/// Whether this login would make another principal of whom the refresh token was issued to: it is
/// the client software's own, and no user's. It takes `grant` to ask for it then.
fn is_anothers(profile: &Profile, options: &Options, name: &str, login: &Login) -> bool {
    let is_a_users = |need: &String| options.option(need).is_some_and(Opt::is_somebodys);
    let named = login.when.get(GRANT.name).map_or(name, String::as_str);
    let asked = options.is_set(GRANT.name) && options.text(GRANT) == Some(named);
    profile.refresh.is_some()
        && options.is_set(REFRESH_TOKEN.name)
        && !asked
        && !login.needs.iter().any(is_a_users)
}

/// Whether it has a value, its own or a default.
fn has(options: &Options, name: &str) -> bool {
    options.get(name).is_some()
}

/// Whether the login has a use for this option.
fn takes(login: &Login, name: &str) -> bool {
    login.needs.iter().chain(&login.uses).any(|n| n == name) || login.takes_of_client(name)
}

/// What is missing for this login: options that it needs, and a proof where the client itself logs
/// in.
fn lacking<'a>(options: &'a Options, login: &'a Login) -> impl Iterator<Item = &'a str> {
    let missing = |name: &&str| !has(options, name) && !options.is_set(name);
    let needs = login.needs.iter().map(String::as_str).filter(missing);
    let proves = || !login.is_the_clients_own(options) || client_auth::can_prove(options);
    // Asked last: most logins lack something else.
    needs.chain(std::iter::once(client_auth::PROOFS).filter(move |_| !proves()))
}

/// How many things a login needs, at most.
fn needed(options: &Options, login: &Login) -> usize {
    login.needs.len() + usize::from(login.is_the_clients_own(options))
}

/// Whether a login needs all that another does, and more: a proof of the client counts, too.
fn needs_more(options: &Options, more: &Login, less: &Login) -> bool {
    needed(options, more) > needed(options, less)
        && less.needs.iter().all(|n| more.needs.contains(n))
}

/// A refresh token as the only way in: everything that the refresh needs is set, and nothing that
/// it has no use for.
fn refresh_only(profile: &Profile, options: &Options, set: &[&str]) -> Option<Selection> {
    let refresh = profile.refresh.as_ref()?;
    let known = |name: &&str| *name == "refresh_token" || refresh.needs.iter().any(|n| n == name);
    let named: Vec<(String, &Template)> = refresh.steps.iter().flat_map(Step::templates).collect();
    let of_client =
        |name: &str| client_auth::is_asked(&refresh.steps) && client_auth::OPTIONS.contains(&name);
    let used_anywhere = |name: &&str| {
        known(name)
            || of_client(name)
            || named.iter().any(|(_, t)| t.names().any(|(n, _)| n == *name))
    };
    let complete = set.contains(&"refresh_token") && refresh.needs.iter().all(|n| has(options, n));
    (complete && set.iter().all(used_anywhere)).then_some(Selection::RefreshOnly { withheld: None })
}

/// A login with its options, as messages list it.
fn described((name, login): &(String, Login), options: &Options) -> String {
    let mut needs: Vec<&str> = login.needs.iter().map(String::as_str).collect();
    if login.is_the_clients_own(options) {
        needs.push(client_auth::PROOFS);
    }
    format!("{name} ({})", needs.join(", "))
}

/// Two logins fit.
fn ambiguous(profile: &Profile, several: &[&(String, Login)], options: &Options) -> Error {
    let names: Vec<String> = several.iter().map(|l| described(l, options)).collect();
    Error::new(
        Status::InvalidOption,
        format!(
            "{}: the options fit more than one login: {}; set the options of one only",
            profile.name,
            names.join(" and ")
        ),
    )
}

/// A login fits, and options are set that it has no use for: perhaps another login was meant.
fn left_over(
    profile: &Profile,
    chosen: &str,
    left: &[&str],
    open: &[&(String, Login)],
    options: &Options,
) -> Error {
    let mut message = format!(
        "{}: the options fit the login {chosen}, which has no use for {}",
        profile.name,
        left.join(", ")
    );
    let other =
        open.iter().find(|(name, login)| name != chosen && left.iter().all(|l| takes(login, l)));
    let (status, hint) = match other {
        Some((name, login)) => (
            Status::MissingOption,
            format!(
                "; for the login {name} also set {}",
                lacking(options, login).collect::<Vec<_>>().join(", ")
            ),
        ),
        None => (Status::InvalidOption, "; leave it out".to_string()),
    };
    message.push_str(&hint);
    Error::new(status, message)
}

/// No login fits: lists all there are, and what each lacks.
fn nothing_fits(profile: &Profile, open: &[&(String, Login)], options: &Options) -> Error {
    let mut ways: Vec<String> = open
        .iter()
        .map(|login| {
            let missing: Vec<&str> = lacking(options, &login.1).collect();
            if missing.len() == needed(options, &login.1) {
                described(login, options)
            } else {
                format!("{} (missing: {})", described(login, options), missing.join(", "))
            }
        })
        .collect();
    if let Some(refresh) = &profile.refresh {
        let mut needs = vec!["refresh_token".to_string()];
        needs.extend(refresh.needs.clone());
        ways.push(format!("a refresh token ({})", needs.join(", ")));
    }
    Error::new(
        Status::MissingOption,
        format!("{}: the options fit no login; there are: {}", profile.name, ways.join("; ")),
    )
}
