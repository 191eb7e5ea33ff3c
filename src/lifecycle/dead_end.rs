//! What callers are told where nothing is left to renew with: who has to do what, and what the cloud
//! said when it refused the refresh token.

use crate::account::account::Account;
use crate::error::{Error, Status};
use crate::model::record::Record;
use crate::provider::failure::Failure;

/// Why the refresh token went: what the cloud said of it, and when. Nobody who meets
/// `LOGIN_REQUIRED` a week later finds that in a log, so it is kept in the record.
pub(super) fn why_lost(failure: &Failure) -> Error {
    let date = failure.time.and_then(|time| u64::try_from(time.date).ok());
    let when = date.map_or(String::new(), |date| {
        let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(date);
        format!(" ({})", httpdate::fmt_http_date(date))
    });
    failure.error.clone().about(&format!("it was refused{when}"))
}

/// What callers are told where nothing is left to renew with: `CREDENTIALS_REJECTED` of an API key,
/// which somebody has to replace, else `LOGIN_REQUIRED` with what to set.
pub(super) fn nothing_left(account: &Account, record: &Record) -> Error {
    let name = &account.profile.name;
    if let Ok(Some(_)) = account.fixed_token() {
        return Error::new(
            Status::CredentialsRejected,
            format!("{name}: a fixed credential cannot be renewed; check {}", account.login_name()),
        );
    }
    let person = account.persons_login().map(|(login, _)| login);
    if person == Some(account.login_name()) {
        return a_person_is_needed(account, record);
    }
    let left = match account.withheld_login() {
        // It would be another principal's data, with every status OK.
        Some(login) => format!(
            "the login {login} is the client's own and not this user's: set a new refresh_token, or grant={login} if that is meant"
        ),
        None if person.is_some() => {
            "a person must log in anew (`keyfob login`), or set a new refresh_token".into()
        }
        None => "there is nothing to log in with; set a new refresh_token, or credentials".into(),
    };
    let what = format!("{name}: the refresh token is no longer good, and {left}");
    with_cause(Error::new(Status::LoginRequired, what), record)
}

/// With what the cloud said when it refused the refresh token.
fn with_cause(error: Error, record: &Record) -> Error {
    match &record.lost {
        Some(why) => error
            .and(why.message())
            .with_provider_code(why.provider_code().map(str::to_string))
            .with_provider_message(why.provider_message().map(str::to_string)),
        None => error,
    }
}

/// A person must log in: for the first time, or since what came of the last time is over.
fn a_person_is_needed(account: &Account, record: &Record) -> Error {
    let name = &account.profile.name;
    let why = match (&record.token, &record.lost) {
        (_, Some(_)) => "the refresh token is no longer good",
        (None, _) => "nobody has logged in yet",
        // Servers give one only to who asks for it.
        _ => "the token has no refresh token (is offline_access missing in scope?)",
    };
    let what = "a person must log in: `keyfob login`, or login_begin of the library";
    let error = Error::new(Status::LoginRequired, format!("{name}: {why}, and {what}"));
    with_cause(error, record)
}
