//! What a login proves itself with that is had anew for each: a file that something else replaces,
//! such as the token of a Kubernetes service account, or what a program writes.
//!
//! ```text
//! assertion_file=/var/run/secrets/tokens/keyfob       read before each login
//! assertion_command=/usr/bin/spire-agent api fetch    run before each login, without a shell
//! ```
//!
//! A program is bounded by the call's time and by the longest token, so that it cannot hold up a
//! caller or fill memory. What it complains of is quoted, redacted; what it writes never is.

use super::account::Account;
use crate::error::{Error, Result, Status, misleads};
use crate::model::option::Opt;
use crate::model::option_table::{ASSERTION, ASSERTION_COMMAND, ASSERTION_KEY};
use crate::model::token::{MOST_TOKEN, is_token};
use crate::provider::names::Names;
use crate::support::call::Call;
use crate::support::command;
use crate::support::crypto::PrivateKey;
use crate::support::file;
use crate::support::secret::Secret;

impl Account {
    /// Whether the login's proof is had anew each time: one that was rejected says little of the
    /// next.
    pub fn has_new_proofs(&self) -> bool {
        self.files_of_login().next().is_some() || self.command().is_some()
    }

    /// The same names, and what the login proves itself with now. `INVALID_OPTION` where that is no
    /// token; `TIMEOUT` and `CANCELLED` where the program outlives the call. Not asked where an
    /// answer to an earlier login is still waited for: its proof was sent.
    pub(super) fn with_proofs(&self, mut names: Names, call: &Call) -> Result<Names> {
        for (option, path) in self.files_of_login() {
            let name = format!("{}_file", option.name);
            let text = file::read_text(path, file::VALUE)
                .map_err(|why| refused(&name, &why.to_string()))?;
            let token = text.trim();
            if !is_token(token) {
                return Err(refused(&name, &format!("{path}: {}", what_is_wrong(token))));
            }
            names = names.and(&option.name, &Secret::from(token));
        }
        if let Some(line) = self.command() {
            let token = self.ask_command(line, &names, call)?;
            names = names.and(ASSERTION.name, &token);
        }
        Ok(names)
    }

    /// The options whose files are read for each login, with their paths.
    fn files_of_login(&self) -> impl Iterator<Item = (&Opt, &str)> {
        self.options.fresh_files()
    }

    /// The program of a login that needs one.
    fn command(&self) -> Option<&str> {
        let needs =
            |name: &str| self.login().is_some_and(|login| login.needs.iter().any(|n| n == name));
        self.options.text(ASSERTION_COMMAND).filter(|_| needs(ASSERTION_COMMAND.name))
    }

    /// Runs it and takes the token that it writes. Where it fails, its complaint is quoted,
    /// redacted: its user knows the program, and we do not.
    fn ask_command(&self, line: &str, names: &Names, call: &Call) -> Result<Secret> {
        let name = ASSERTION_COMMAND.name;
        let words = command::words(line).ok_or_else(|| refused(name, NO_COMMAND))?;
        let written = command::output(&words, MOST_TOKEN, call).map_err(|failed| {
            let status = match (failed.late, call.is_cancelled()) {
                (_, true) => Status::Cancelled,
                (true, _) => Status::Timeout,
                _ => Status::InvalidOption,
            };
            let complaint = failed.complaint.map(|line| {
                let line: String = names.redaction().clean(&line.replace(misleads, " "));
                format!(", \"{}\"", line.chars().take(200).collect::<String>())
            });
            let what = format!("{name}: {}{}", failed.what, complaint.unwrap_or_default());
            Error::new(status, what)
        })?;
        let text = std::str::from_utf8(&written).map(str::trim).unwrap_or("\u{0}");
        match is_token(text) {
            true => Ok(Secret::from(text)),
            false => Err(refused(name, &format!("its output {}", what_is_wrong(text)))),
        }
    }

    /// Refuses what can be seen to be wrong without a login.
    pub(super) fn check_proofs(&self) -> Result<()> {
        if let Some(line) = self.options.text(ASSERTION_COMMAND) {
            command::words(line).ok_or_else(|| refused(ASSERTION_COMMAND.name, NO_COMMAND))?;
        }
        if let Some(pem) = self.options.text(ASSERTION_KEY) {
            PrivateKey::from_pem(pem.as_bytes()).map_err(|why| refused(ASSERTION_KEY.name, why))?;
        }
        Ok(())
    }
}

/// What a command line must be.
const NO_COMMAND: &str = "must be a program and its arguments with blanks between them, or a JSON array of them; no shell reads it";

/// Why a text is no token, without the text.
fn what_is_wrong(text: &str) -> &'static str {
    match text.is_empty() {
        true => "is empty",
        false => "is not a token: one line, no blanks, ASCII only",
    }
}

/// What is wrong with a proof, by its option.
fn refused(option: &str, why: &str) -> Error {
    Error::new(Status::InvalidOption, format!("{option}: {why}"))
}
