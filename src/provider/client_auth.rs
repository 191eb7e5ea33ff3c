//! How the client software authenticates itself: the one place that says it, for the token
//! endpoint, revocation, device authorization and every other endpoint of a cloud (RFC 6749 2.3).
//!
//! ```text
//! none                   client_id in the form
//! client_secret_basic    Authorization: Basic base64(form(id) ":" form(secret))
//! client_secret_post     client_id and client_secret in the form
//! client_secret_jwt      client_assertion: a JWT that the secret signs
//! private_key_jwt        client_assertion: a JWT that a private key signs
//! tls_client_auth        client_id in the form, a certificate in the TLS handshake
//! ```
//!
//! A step of a profile with `"client_auth": true` gets what this gives: a header, or fields of its
//! form.

use super::client_assertion::{Signer, assertion};
use super::names::Names;
use super::profile::{Login, Step};
use super::scope::Scope;
use super::template::Values;
use crate::error::{Error, Result, Status};
use crate::http::url::form_encode;
use crate::model::option::{Group, Opt};
use crate::model::option_table::{
    CLIENT_ASSERTION_ALG, CLIENT_ASSERTION_AUDIENCE, CLIENT_ASSERTION_CERT, CLIENT_ASSERTION_KEY,
    CLIENT_ASSERTION_KID, CLIENT_AUTH, CLIENT_CERT_FILE, CLIENT_ID, CLIENT_SECRET,
};
use crate::model::options::Options;
use crate::support::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// The options that it is made of: a login that asks for it takes them without naming them.
pub(super) const OPTIONS: &[&str] = &[
    CLIENT_ID.name,
    CLIENT_SECRET.name,
    CLIENT_ASSERTION_KEY.name,
    CLIENT_ASSERTION_CERT.name,
    CLIENT_ASSERTION_KID.name,
    CLIENT_ASSERTION_ALG.name,
    CLIENT_ASSERTION_AUDIENCE.name,
    CLIENT_AUTH.name,
];

/// What a client that is itself who logs in proves it with, as messages list it.
pub(super) const PROOFS: &str = "client_secret, client_assertion_key or client_cert_file";

/// What discovery finds of the server's `token_endpoint_auth_methods_supported`.
const METHODS: &str = "client_auth_methods";

/// RFC 7523 2.2.
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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
    /// By a JWT that its secret signs (OpenID Connect Core 9).
    SecretJwt,
    /// By a JWT that its private key signs.
    PrivateKeyJwt,
    /// By the certificate that it shows in the TLS handshake (RFC 8705 2.1), as `client_cert_file`
    /// says.
    Tls,
    /// The same by one that it has signed itself (RFC 8705 2.2).
    SelfSignedTls,
}

impl Method {
    /// As the option `client_auth` and the metadata of servers write them (RFC 7591 2).
    const NAMES: [(&str, Method); 8] = [
        ("none", Method::None),
        ("client_secret_basic", Method::Basic),
        ("client_secret_basic_raw", Method::BasicRaw),
        ("client_secret_post", Method::Post),
        ("client_secret_jwt", Method::SecretJwt),
        ("private_key_jwt", Method::PrivateKeyJwt),
        ("tls_client_auth", Method::Tls),
        ("self_signed_tls_client_auth", Method::SelfSignedTls),
    ];

    /// As the option `client_auth` writes it.
    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }

    /// What the option `client_auth` says, if it is set.
    fn said(options: &Options) -> Option<Method> {
        let said = options.text(CLIENT_AUTH).filter(|_| options.is_set(CLIENT_AUTH.name))?;
        Self::NAMES.iter().find(|(name, _)| *name == said).map(|(_, method)| *method)
    }

    /// What the option says; else the first for which all is set that the server takes, as far as
    /// its metadata says (RFC 8414 2: if it says nothing, `client_secret_basic`).
    fn of(options: &Options, names: &Names) -> Method {
        use Method::{Basic, Post, PrivateKeyJwt, SecretJwt, SelfSignedTls, Tls};
        if let Some(said) = Self::said(options) {
            return said;
        }
        let preferred = [PrivateKeyJwt, Basic, Post, SecretJwt, Tls, SelfSignedTls];
        let possible: Vec<Method> =
            preferred.into_iter().filter(|method| method.lacks(options).is_empty()).collect();
        let taken = names.value(METHODS).unwrap_or_default();
        let is_taken = |method: &&Method| taken.split(' ').any(|one| one == method.name());
        possible.iter().find(is_taken).or(possible.first()).copied().unwrap_or(Method::None)
    }

    /// The options without which it proves nothing.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Method::None => &[],
            Method::Basic | Method::BasicRaw | Method::Post | Method::SecretJwt => {
                &[CLIENT_ID.name, CLIENT_SECRET.name]
            }
            Method::PrivateKeyJwt => &[CLIENT_ID.name, CLIENT_ASSERTION_KEY.name],
            Method::Tls | Method::SelfSignedTls => &[CLIENT_ID.name, CLIENT_CERT_FILE.name],
        }
    }

    /// Those of the options it needs that have no value.
    fn lacks(self, options: &Options) -> Vec<&'static str> {
        let is_missing = |name: &&str| options.get(name).is_none();
        self.needs().iter().copied().filter(is_missing).collect()
    }

    /// Whether it has a use for this secret of the client's.
    fn takes(self, option: &str) -> bool {
        let of_key = self == Method::PrivateKeyJwt && option == CLIENT_ASSERTION_CERT.name;
        of_key || self.needs().contains(&option)
    }
}

/// What a request carries of the client: nothing where the certificate of its connection says it
/// all.
#[derive(Default)]
pub(super) struct Credentials {
    /// The value of an `Authorization` header.
    pub authorization: Option<Secret>,
    /// Fields of the form.
    pub fields: Vec<(&'static str, Secret)>,
}

/// What a request to this URL carries so that the server knows the client.
pub(super) fn credentials(
    options: &Options,
    scope: &mut Scope<'_>,
    url: &str,
) -> Result<Credentials> {
    let mut of = |name: &str| Ok::<_, Error>(scope.find(name)?.map(Secret::from));
    let Some(id) = of(CLIENT_ID.name)? else { return Ok(Credentials::default()) };
    let secret = of(CLIENT_SECRET.name)?;
    let mut given = Credentials::default();
    let signer = match (Method::of(options, scope.names()), secret) {
        (Method::Basic, Some(secret)) => {
            given.authorization = Some(basic(&id, &secret, form));
            return Ok(given);
        }
        (Method::BasicRaw, Some(secret)) => {
            given.authorization = Some(basic(&id, &secret, raw));
            return Ok(given);
        }
        (Method::Post, Some(secret)) => {
            given.fields = vec![(CLIENT_ID.name, id), (CLIENT_SECRET.name, secret)];
            return Ok(given);
        }
        (Method::SecretJwt, Some(secret)) => Signer::Shared(secret),
        (Method::PrivateKeyJwt, _) => Signer::of_key(options, scope.names())?,
        _ => {
            given.fields = vec![(CLIENT_ID.name, id)];
            return Ok(given);
        }
    };
    let assertion = assertion(options, scope, &id, &signer, url)?;
    given.fields = vec![
        (CLIENT_ID.name, id),
        ("client_assertion_type", BEARER.into()),
        ("client_assertion", assertion),
    ];
    Ok(given)
}

/// `Basic` of two values (RFC 7617), each written as `write` has it.
fn basic(id: &Secret, secret: &Secret, write: fn(&str, &mut String)) -> Secret {
    let mut joined = Zeroizing::new(String::new());
    write(id.expose(), &mut joined);
    joined.push(':');
    write(secret.expose(), &mut joined);
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(joined.as_bytes()));
    Secret::new(format!("Basic {}", *encoded))
}

/// As RFC 6749 2.3.1 asks: form-encoded, so that a colon in a name is none.
fn form(text: &str, into: &mut String) {
    form_encode(text, into);
}

/// As it is, for servers that take the encoded text for the secret.
fn raw(text: &str, into: &mut String) {
    into.push_str(text);
}

/// Refuses what the option `client_auth` does not go together with.
pub(crate) fn check_choice(options: &Options) -> Result<()> {
    let refuse = |status: Status, what: String| Err(Error::new(status, what));
    if let Some(method) = Method::said(options) {
        let (name, lacking) = (method.name(), method.lacks(options));
        if !lacking.is_empty() {
            let what = format!("client_auth is {name}, which needs {}", lacking.join(", "));
            return refuse(Status::MissingOption, what);
        }
        let proofs = options.table().iter().filter(|o| OPTIONS.contains(&o.name.as_str()));
        let mut proofs = proofs.filter(|o| o.secret && options.is_set(&o.name));
        if let Some(unused) = proofs.find(|option| !method.takes(&option.name)) {
            let unused = &unused.name;
            let what = format!(
                "client_auth is {name}, which has no use for {unused}; leave one of them out"
            );
            return refuse(Status::InvalidOption, what);
        }
    }
    Ok(())
}

/// Refuses two proofs, and keys that nothing can be signed with.
pub(crate) fn check_proof(options: &Options) -> Result<()> {
    let refuse = |status: Status, what: &str| Err(Error::new(status, what));
    let has_key = options.is_set(CLIENT_ASSERTION_KEY.name);
    if has_key && options.is_set(CLIENT_SECRET.name) {
        let what = "client_secret and client_assertion_key both prove the client: leave one out";
        return refuse(Status::InvalidOption, what);
    }
    match has_key {
        true => Signer::of_key(options, &Names::default()).map(drop),
        false if options.is_set(CLIENT_ASSERTION_CERT.name) => refuse(
            Status::MissingOption,
            "client_assertion_cert is the certificate of client_assertion_key: set that, too",
        ),
        false => Ok(()),
    }
}

/// Whether the client can prove who it is, as far as that is known before a server says what it
/// takes.
pub(super) fn can_prove(options: &Options) -> bool {
    match Method::of(options, &Names::default()) {
        Method::None => options.is_set(CLIENT_CERT_FILE.name),
        method => method.lacks(options).is_empty(),
    }
}

/// Whether a client of these steps authenticates itself.
pub(crate) fn is_asked(steps: &[Step]) -> bool {
    steps.iter().any(|step| step.client_auth)
}

impl Login {
    /// Whether it uses this option of the client's.
    pub fn takes_of_client(&self, option: &str) -> bool {
        let asked = is_asked(&self.steps) || self.persons_steps().any(|step| step.client_auth);
        asked && OPTIONS.contains(&option)
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
