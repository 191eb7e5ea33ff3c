//! What is particular to one cloud: how its tokens live, which calls it has, how it says no.

use crate::credentials::known::{Login, catalogue as known};
use crate::fields::{self, FieldFault};
use crate::http::{Answer, Request};
use crate::site::{Refused, Site};
use crate::tokens::{Dead, Habits};

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::cloud::Role;
use super::list::List;

/// The principal that a cloud's key opens: keys come without a name.
pub(super) const KEY: &str = "key:account";

/// A login by a user's name and password.
pub(super) const PERSON: Login =
    ("password", &[("username", known::USERNAME), ("password", known::PASSWORD)]);

/// A login by client credentials.
pub(super) const CLIENT: Login = (
    "client_credentials",
    &[("client_id", known::CLIENT_ID), ("client_secret", known::CLIENT_SECRET)],
);

/// A key that is presented as it is, or exchanged for a token.
pub(super) const BY_KEY: Login = ("api_key", &[("api_key", known::API_KEY)]);

/// A call's outcome. Both sides are answers: `Err` only leaves early, so that `?` can be used.
pub(crate) type Outcome = Result<Answer, Answer>;

/// What is particular to one cloud. What most share is given; a cloud says what it has otherwise.
pub(crate) trait Rules: Sync {
    /// How its tokens look and live.
    fn habits(&self) -> Habits {
        Habits::default()
    }

    /// The ways to log in: a name for each, and the options it takes.
    fn logins(&self) -> &'static [Login];

    /// Its principals and what opens each.
    fn secrets(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (known::USERNAME, known::PASSWORD),
            (known::CLIENT_ID, known::CLIENT_SECRET),
            (KEY, known::API_KEY),
        ]
    }

    /// The principals whose password is the account's.
    fn principals(&self) -> &'static [&'static str] {
        &[known::USERNAME]
    }

    /// The principals whose secret is the client's.
    fn clients(&self) -> &'static [&'static str] {
        &[known::CLIENT_ID, KEY]
    }

    /// Its origins. With an [`Role::Api`] among them, protected resources live there; else they
    /// live where the token calls are.
    fn roles(&self) -> &'static [Role] {
        &[Role::Auth]
    }

    /// What its documented base has after the origin.
    fn base_path(&self) -> &'static str {
        ""
    }

    /// Paths of the token calls, and their names.
    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The name of the token call at a path; `None` where the path belongs to the API.
    fn call(&self, _role: Role, request: &Request) -> Option<&'static str> {
        let named = self.calls().iter().find(|(path, _)| *path == request.path);
        named.map(|(_, name)| *name)
    }

    /// Carries out a token call.
    fn exchange(&self, _call: &mut Call<'_>) -> Outcome {
        Err(self.error(404, "there is nothing at this path"))
    }

    /// How a request carries its credentials, and what they are. The first that came is judged.
    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[(Carrier::Header("Authorization", "Bearer"), Opens::Token)]
    }

    /// Judges the credentials of an API request.
    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        call.carried(self.carriers())
    }

    /// The device list: where it is and how its pages follow each other.
    fn list(&self) -> List;

    /// Whether the device list is at this path.
    fn is_list(&self, _role: Role, path: &str) -> bool {
        path == self.list().path
    }

    /// An error in this cloud's form.
    fn error(&self, status: u16, message: &str) -> Answer;

    /// An error in this cloud's form for a body with faulty fields.
    fn bad_fields(&self, faults: &[FieldFault]) -> Answer {
        self.error(400, &fields::sentence(faults))
    }

    /// The answer to a login with wrong credentials.
    fn wrong_login(&self, refused: Refused) -> Answer {
        self.error(401, refused.why())
    }

    /// The answer to a refresh token that is not good.
    fn dead_refresh(&self, dead: Dead) -> Answer {
        self.error(401, &format!("the refresh token {}", dead.why()))
    }

    /// The answer to an access token that is not good. Some repeat the token in it.
    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        self.error(401, &format!("the access token {}", dead.why()))
    }

    /// Puts on a site what it has from the start.
    fn furnish(&self, _site: &mut Site, _now_ms: i64) {}
}
