//! A login in a browser (RFC 6749 4.1, RFC 7636, RFC 8252): the program opens a URL and is given
//! what the browser comes back with. What proves that both belong together stays in here.
//!
//! ```text
//! begin    url = https://server/authorize?...&state=S&code_challenge=sha256(V)
//! person   logs in and allows, in the browser
//! finish   redirect_uri?code=C&state=S&iss=https://server
//!          the same S, the same issuer: C and V are traded for the token
//! ```
//!
//! `state` keeps out an answer to somebody else's login, the verifier V a code that was read on its
//! way (RFC 7636), and `iss` the answer of another server (RFC 9207).

use super::lifecycle::Lifecycle;
use super::person::{PersonsLogin, Stage};
use crate::account::person::Way;
use crate::error::{Error, Result, Status};
use crate::http::url::has_scheme;
use crate::provider::redirect::Redirect;
use crate::support::call::Call;
use crate::support::crypto::{Digest, random};
use crate::support::gate::Gate;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use crate::support::slot::Slot;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::sync::Arc;
use std::time::Duration;

/// A login in a browser.
pub(crate) struct BrowserLogin {
    /// How far it has come, and what only it knows: `state` and the verifier.
    login: PersonsLogin,
    /// What the browser opens.
    pub url: String,
    /// Who must have given an answer that names an issuer, and whether each must.
    issuer: Option<(String, bool)>,
    /// The code of the one answer that counts.
    code: Slot<Secret>,
}

impl BrowserLogin {
    /// Makes the URL. `redirect_uri` is where the browser is sent at the end: `INVALID_ARGUMENT`
    /// where it cannot be one. Nothing listens there but what the caller has put there.
    pub fn begin(
        lifecycle: &Arc<Lifecycle>,
        redirect_uri: &str,
        call: &Call,
    ) -> Result<BrowserLogin> {
        check_redirect_uri(redirect_uri)?;
        let state = lifecycle.ready_for_person(Way::Browser, call)?;
        let (account, found) = (&state.account, &state.record.discovered);
        let verifier = unguessable(32)?;
        let challenge = Digest::Sha256.of(verifier.expose().as_bytes());
        let mut own = Ordered::default();
        own.insert("redirect_uri", redirect_uri.into());
        own.insert("state", unguessable(16)?);
        own.insert("code_challenge", Secret::new(BASE64_URL_SAFE_NO_PAD.encode(challenge)));
        let key = account.proof_key(&state.record)?;
        let url = account.browser_url(found, &own, key.as_ref(), (&lifecycle.clock, call))?;
        own.insert("code_verifier", verifier);
        let issuer = account.issuer(found, &lifecycle.clock)?;
        let of = (Way::Browser, account.identity.name.clone());
        Ok(BrowserLogin {
            login: PersonsLogin::new(lifecycle.clone(), of, (own, key), Duration::ZERO),
            url: url.as_str().to_string(),
            issuer,
            code: Slot::empty(),
        })
    }

    /// The lifecycle of the client that it was begun with.
    pub fn lifecycle(&self) -> &Arc<Lifecycle> {
        self.login.lifecycle()
    }

    /// Takes the browser's answer, and keeps the token that it leads to. A call that runs out of
    /// time takes nothing away: the same answer can be given again. Of two answers the first
    /// counts: a second one with another code is not this browser's.
    pub fn finish(&self, answer: &str, call: &Call) -> Result<()> {
        let login = &self.login;
        let _passage = login.gate.get(Gate::default).pass(call)?;
        let answer = Redirect::read(answer)?;
        let is_ours = answer.state.is_some() && answer.state.as_ref() == login.own.get("state");
        if !is_ours {
            // Whoever sends it does not know this login, and is not to end it.
            return Err(wrong(
                "the state is not that of this login: the answer is to another one, or forged; this login goes on waiting for its own",
            ));
        }
        let before = self.code.get();
        let is_same = before.is_some() && before.as_deref() == answer.code.as_ref();
        match &login.course().stage {
            Stage::Over(outcome) if is_same => return outcome.clone(),
            Stage::Over(_) => return Err(second()),
            _ if before.is_some() && !is_same => return Err(second()),
            Stage::Obtained(token) => return login.keep(*token.clone(), call),
            Stage::Open => {}
        }
        login.check()?;
        if let Some(error) = self.foreign(&answer) {
            return login.end(Err(error));
        }
        if let Some(code) = &answer.error {
            return login.end(Err(self.refused(code, answer.sentence.as_deref())));
        }
        let Some(code) = answer.code.filter(|code| !code.expose().is_empty()) else {
            return Err(wrong("the answer has neither a code nor an error"));
        };
        self.code.put(Some(Arc::new(code.clone())));
        let mut more = Ordered::default();
        more.insert("code", code);
        match login.ask(&more, call) {
            Ok(token) => login.keep(token, call),
            Err(failure) => {
                let last = failure.error.clone();
                match login.verdict(failure, call) {
                    Some(error) => login.end(Err(no_token(error))),
                    None => Err(last.and("give the same answer again")),
                }
            }
        }
    }

    /// What is wrong with an answer of another issuer (RFC 9207 2.4).
    fn foreign(&self, answer: &Redirect) -> Option<Error> {
        let bare = |issuer: &str| issuer.strip_suffix('/').unwrap_or(issuer).to_string();
        let (expected, is_named) = self.issuer.as_ref()?;
        let given: String = match &answer.issuer {
            Some(given) if bare(given) == bare(expected) => return None,
            Some(given) => given.chars().take(100).collect(),
            None if *is_named => "that it does not name".into(),
            None => return None,
        };
        let what = format!(
            "the browser's answer is of the issuer {given} and not of {expected}: its code is sent nowhere; begin another login"
        );
        Some(Error::new(Status::ForeignOrigin, what))
    }

    /// An answer that is an error (RFC 6749 4.1.2.1): the server's words, clipped, and what to look
    /// at.
    fn refused(&self, code: &str, sentence: Option<&str>) -> Error {
        let clip = |text: &str| {
            let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
            Some(text.trim().to_string()).filter(|text| !text.is_empty())
        };
        let (code, sentence) = (clip(code), sentence.and_then(clip));
        let shown = code.clone().unwrap_or_default();
        let quoted = sentence.as_ref().map_or(String::new(), |s| format!(", \"{s}\""));
        let name = &self.login.lifecycle().state().account.profile.name;
        let (status, hint) = match shown.as_str() {
            "server_error" | "temporarily_unavailable" => {
                (Status::ServerError, "begin another login later")
            }
            "access_denied" => (Status::LoginDenied, "begin another login if that was a mistake"),
            "invalid_scope" => (Status::LoginDenied, "check scope"),
            "invalid_target" => (Status::LoginDenied, "check audience and resource"),
            _ => (
                Status::LoginDenied,
                "check client_id, scope, and which redirect URIs and grants the server allows this client",
            ),
        };
        let what = format!("{name} login: the browser came back with {shown}{quoted}; {hint}");
        Error::new(status, what).with_provider_code(code).with_provider_message(sentence)
    }
}

/// The code led to no token: it is spent by now, or was never good.
fn no_token(error: Error) -> Error {
    let status = match error.status() {
        Status::CredentialsRejected if error.provider_code() == Some("invalid_grant") => {
            Status::LoginExpired
        }
        status => status,
    };
    let told = Error::new(status, format!("{}; begin another login", error.message()))
        .with_provider_code(error.provider_code().map(str::to_string))
        .with_provider_message(error.provider_message().map(str::to_string))
        .with_retry_after(error.retry_after());
    match error.http_status() {
        Some(status) => told.with_http_status(status),
        None => told,
    }
}

/// A second answer, with another code than the first.
fn second() -> Error {
    wrong("this login was answered before, and no second answer counts; begin another login")
}

/// A fault of the caller's.
fn wrong(what: &str) -> Error {
    Error::new(Status::InvalidArgument, what)
}

/// An absolute URI without a fragment (RFC 6749 3.1.2): of this machine, of a page, or of an app.
fn check_redirect_uri(uri: &str) -> Result<()> {
    let is_plain = uri.bytes().all(|byte| byte.is_ascii_graphic());
    if has_scheme(uri) && is_plain && !uri.contains('#') && uri.len() <= 2000 {
        return Ok(());
    }
    Err(wrong(
        "redirect_uri: must be an absolute URI without a fragment, such as http://127.0.0.1:8400/",
    ))
}

/// Random bytes in letters that need no escape anywhere.
fn unguessable(bytes: usize) -> Result<Secret> {
    let random = random(bytes)?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(random)))
}
