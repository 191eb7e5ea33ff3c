//! How the client software authenticates itself: the one place that says it, for the token endpoint,
//! revocation, device authorization and every other endpoint of a cloud (RFC 6749 2.3).
//!
//! A step of a profile with `"client_auth": true` gets what this gives: a header, or fields of its form.

use super::profile::{Login, Step};
use super::scope::Scope;
use crate::error::{Error, Result, Status};
use crate::http::url::form_encode;
use crate::model::option::{Group, Opt};
use crate::model::option_table::{CLIENT_AUTH, CLIENT_CERT_FILE, CLIENT_ID};
use crate::model::options::Options;
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

const CLIENT_SECRET: &str = "client_secret";

/// The options that it is made of.
pub(super) const OPTIONS: &[&str] = &[CLIENT_ID.name, CLIENT_SECRET, CLIENT_AUTH.name];

/// What a client that is itself who logs in proves it with, as messages list it.
pub(super) const PROOFS: &str = "client_secret or client_cert_file";

/// How the client authenticates itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// It only says who it is: a public client.
    None,
    /// By `Authorization: Basic`, name and secret form-encoded first (RFC 6749 2.3.1).
    Basic,
    /// The same for servers that do not undo that encoding.
    BasicRaw,
    /// By its secret in the form.
    Post,
}

impl Method {
    /// As the option `client_auth` and the metadata of servers write them (RFC 7591 2).
    pub const NAMES: [(&str, Method); 4] = [
        ("none", Method::None),
        ("client_secret_basic", Method::Basic),
        ("client_secret_basic_raw", Method::BasicRaw),
        ("client_secret_post", Method::Post),
    ];

    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }

    /// What the option `client_auth` says, or else what follows from what is set.
    pub fn of(options: &Options) -> Method {
        let said = options.text(CLIENT_AUTH).filter(|_| options.is_set(CLIENT_AUTH.name));
        let said = said.and_then(|said| Self::NAMES.iter().find(|(name, _)| *name == said));
        match said {
            Some((_, method)) => *method,
            None if options.is_set(CLIENT_SECRET) => Method::Basic,
            None => Method::None,
        }
    }

    /// The options without which it proves nothing.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Method::None => &[],
            Method::Basic | Method::BasicRaw | Method::Post => &[CLIENT_ID.name, CLIENT_SECRET],
        }
    }
}

/// What a request carries of the client.
#[derive(Default)]
pub(super) struct Credentials {
    pub authorization: Option<Secret>,
    /// Fields of the form.
    pub fields: Vec<(&'static str, Secret)>,
}

/// What a request carries so that the server knows the client.
pub(super) fn credentials(options: &Options, scope: &mut Scope<'_>) -> Result<Credentials> {
    let mut of = |name: &str| Ok::<_, Error>(scope.find(name)?.map(Secret::from));
    let Some(id) = of(CLIENT_ID.name)? else { return Ok(Credentials::default()) };
    let secret = of(CLIENT_SECRET)?;
    let mut given = Credentials::default();
    match (Method::of(options), secret) {
        (Method::Basic, Some(secret)) => given.authorization = Some(basic(&id, &secret, form)),
        (Method::BasicRaw, Some(secret)) => given.authorization = Some(basic(&id, &secret, raw)),
        (Method::Post, Some(secret)) => {
            given.fields = vec![(CLIENT_ID.name, id), (CLIENT_SECRET, secret)];
        }
        _ => given.fields = vec![(CLIENT_ID.name, id)],
    }
    Ok(given)
}

/// `Basic` of two values.
fn basic(id: &Secret, secret: &Secret, write: fn(&str, &mut String)) -> Secret {
    let mut joined = Zeroizing::new(String::new());
    write(id.expose(), &mut joined);
    joined.push(':');
    write(secret.expose(), &mut joined);
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(joined.as_bytes()));
    Secret::new(format!("Basic {}", *encoded))
}

fn form(text: &str, into: &mut String) {
    form_encode(text, into);
}

fn raw(text: &str, into: &mut String) {
    into.push_str(text);
}

/// Refuses what does not go together, when the client is made.
pub(crate) fn check(options: &Options) -> Result<()> {
    let method = Method::of(options);
    if !options.is_set(CLIENT_AUTH.name) {
        return Ok(());
    }
    let lacking: Vec<&str> =
        method.needs().iter().copied().filter(|name| options.get(name).is_none()).collect();
    if !lacking.is_empty() {
        let what = format!("client_auth is {}, which needs {}", method.name(), lacking.join(", "));
        return Err(Error::new(Status::MissingOption, what));
    }
    let is_needed = |option: &&Opt| method.needs().contains(&option.name.as_str());
    let unused = options.table().iter().filter(|option| option.name != CLIENT_ID.name);
    let unused = unused.filter(|o| OPTIONS.contains(&o.name.as_str()) && o.secret);
    match unused.filter(|o| !is_needed(o)).find(|option| options.is_set(&option.name)) {
        Some(option) => {
            let what = format!(
                "client_auth is {}, which has no use for {}; leave one of them out",
                method.name(),
                option.name
            );
            Err(Error::new(Status::InvalidOption, what))
        }
        None => Ok(()),
    }
}

/// Whether the client can prove who it is.
pub(super) fn can_prove(options: &Options) -> bool {
    let method = Method::of(options);
    match method {
        Method::None => options.is_set(CLIENT_CERT_FILE.name),
        _ => method.needs().iter().all(|name| options.get(name).is_some()),
    }
}

/// Whether a client of these steps authenticates itself.
pub(crate) fn is_asked(steps: &[Step]) -> bool {
    steps.iter().any(|step| step.client_auth)
}

impl Login {
    /// Whether it uses this option of the client's.
    pub fn takes_of_client(&self, option: &str) -> bool {
        is_asked(&self.steps) && OPTIONS.contains(&option)
    }

    /// The identity options that it takes besides those it needs.
    pub(super) fn uses_of(&self, table: &[Opt]) -> Vec<String> {
        let of_identity = table.iter().filter(|option| option.group == Group::Identity);
        let names = of_identity.map(|option| &option.name);
        let of_client = names.filter(|n| self.takes_of_client(n) && !self.needs.contains(n));
        self.uses.iter().chain(of_client).cloned().collect()
    }

    /// Whether nobody but the client logs in, so that it must prove who it is (RFC 6749 4.4).
    pub(super) fn is_the_clients_own(&self, options: &Options) -> bool {
        let is_proof = |name: &String| options.option(name).is_some_and(|option| option.secret);
        is_asked(&self.steps) && !self.needs.iter().any(is_proof)
    }
}
