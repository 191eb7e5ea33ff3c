//! How a request carries the token: in headers, in its query or in its body; as it is, or signed.
//!
//! The profile's `present` says it, or the login's own (docs/PROFILES.md).
//!
//! ```text
//! Authorization: Bearer {access_token}   filled once a token        present
//! x-date: {now}, sign: {hmac of it all}  made anew for each try     sign
//! ?access_token={access_token}           put in when it is sent     put_into
//! {"session": "{access_token}"}          merged into a JSON body    put_into
//! ```

use super::account::Account;
use super::headers::Headers;
use crate::error::{Error, Result, Status};
use crate::http::message::Outgoing;
use crate::http::payload::Payload;
use crate::http::url::Url;
use crate::model::record::Discovered;
use crate::model::token::Token;
use crate::provider::dpop;
use crate::provider::fill::{fields, signed_headers};
use crate::provider::names::Names;
use crate::provider::profile::Profile;
use crate::provider::scope::{Moment, Scope};
use crate::provider::template::{Place, Template};
use crate::support::clock::Clock;
use crate::support::json::{self, Value};
use crate::support::ordered::Ordered;

/// Those of the headers that are the same for each request, as long as the token is.
pub(super) fn same_each_time(
    profile: &Profile,
    headers: &Ordered<Template>,
    names: &Names,
) -> Result<Headers> {
    // There is no time in them.
    let mut scope = Scope::of(profile, names, Moment::at(0));
    let mut filled = Headers::new();
    for (name, value) in headers.iter() {
        if profile.kinds.of_template(value).is_new_each_time() {
            continue;
        }
        filled.extend(scope.fill(value, Place::Header)?.map(|value| (name.to_string(), value)));
    }
    Ok(filled)
}

impl Account {
    /// What the templates of requests may name: options, endpoints, the token and what came with
    /// it.
    pub fn names_of_requests(&self, token: &Token, found: &Discovered) -> Result<Names> {
        Ok(self.and_token(self.names(found)?, token))
    }

    /// Refuses a login whose token no request can carry: it is for MQTT alone.
    pub fn must_carry(&self) -> Result<()> {
        if !self.presented().is_empty() {
            return Ok(());
        }
        let (cloud, login) = (&self.profile.name, self.login_name());
        let what =
            format!("{cloud}: the login {login} is for MQTT alone; requests need another one");
        Err(Error::new(Status::InvalidArgument, what))
    }

    /// The headers that carry the token, but for those that each request has anew.
    pub fn present(&self, names: &Names) -> Result<Headers> {
        same_each_time(&self.profile, &self.presented().headers, names)
    }

    /// The names of all headers that carry the token: they are not the caller's to set.
    pub fn carriers(&self) -> impl Iterator<Item = &str> {
        let proof = self.limits().proves.then_some(dpop::HEADER);
        self.presented().headers.names().map(String::as_str).chain(proof)
    }

    /// All headers that carry the token, where they are made without the request; with the time in
    /// them, so they are good for one request. `INVALID_ARGUMENT` where they are made of the
    /// request, or cannot carry it.
    pub fn headers_without_request(&self, names: &Names, clock: &Clock) -> Result<Headers> {
        self.fits_in_headers()?;
        let headers = &self.presented().headers;
        let signed = headers.iter().any(|(_, t)| self.profile.kinds.of_template(t).request);
        if signed {
            return Err(Error::new(
                Status::InvalidArgument,
                format!(
                    "{}: the headers are made of the request; ask for those of a request (method, URL, body)",
                    self.profile.name
                ),
            ));
        }
        let mut scope = Scope::new(&self.profile, names, clock);
        let mut filled = Headers::new();
        for (name, value) in headers.iter() {
            filled.extend(scope.fill(value, Place::Header)?.map(|value| (name.to_string(), value)));
        }
        Ok(filled)
    }

    /// Whether the token goes into the query or the body, where a list of headers cannot put it:
    /// then only our own requests carry it.
    pub fn goes_beyond_headers(&self) -> bool {
        !self.presented().query.is_empty() || self.presented().json.is_some()
    }

    /// `INVALID_ARGUMENT` where no list of headers can carry the token.
    pub fn fits_in_headers(&self) -> Result<()> {
        if !self.goes_beyond_headers() {
            return Ok(());
        }
        let name = &self.profile.name;
        let what =
            format!("{name}: the token goes into the query or the body; use keyfob's requests");
        Err(Error::new(Status::InvalidArgument, what))
    }

    /// The URL of a request, without the token that was put into its query: what messages and
    /// responses show, and what a link is relative to.
    pub fn without_token(&self, url: Url) -> Url {
        let names = self.presented().query.names();
        names.fold(url, |url, name| url.without_field(name).unwrap_or(url))
    }

    /// Puts the token into a request's query and body, where the cloud wants it there. Once a
    /// token, not once a try. `INVALID_ARGUMENT` for a body that is no JSON object, or that is read
    /// while it is sent.
    pub fn put_into(&self, request: &mut Outgoing, names: &Names, clock: &Clock) -> Result<()> {
        let present = self.presented();
        let mut scope = Scope::new(&self.profile, names, clock);
        // A link that a cloud gave may carry the token already.
        let url = self.without_token(request.url.clone());
        let query = fields(present.query.iter(), Place::Query, &mut scope)?;
        request.url = url.with_query(&query)?;
        let Some(members) = &present.json else { return Ok(()) };
        let members = scope.fill_json(members)?;
        if matches!(request.body, Payload::Source(_)) {
            let what = format!(
                "{}: a body that is read while it is sent cannot carry the token of {}; give it as bytes",
                request.shown(),
                self.profile.name
            );
            return Err(Error::new(Status::InvalidArgument, what));
        }
        let body = request.body.as_bytes().unwrap_or_default();
        let document =
            if body.is_empty() { Some(Value::Object(Vec::new())) } else { json::parse(body).ok() };
        let (Some(mut document @ Value::Object(_)), Some(members)) = (document, members) else {
            return Err(Error::new(
                Status::InvalidArgument,
                format!(
                    "{}: the body of a request must be a JSON object: {} takes the token in it",
                    request.shown(),
                    self.profile.name
                ),
            ));
        };
        merge(&mut document, members);
        let mut text = document.to_json();
        request.body = Payload::bytes(std::mem::take(&mut *text).into_bytes());
        let has_kind = request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("content-type"));
        if !has_kind {
            request.headers.push(("Content-Type".into(), "application/json".into()));
        }
        Ok(())
    }

    /// The headers that this request has anew: signatures, time stamps. Made just before each try,
    /// since clouds refuse an old time stamp and a number that was used. A header that the profile
    /// only adds (`request.headers`) leaves the caller's own alone. `INVALID_ARGUMENT` where the
    /// body is signed and is not in memory.
    pub fn sign(&self, request: &Outgoing, names: &Names, clock: &Clock) -> Result<Headers> {
        let mut scope = Scope::new(&self.profile, names, clock);
        let is_new =
            |(_, t): &(&str, &Template)| self.profile.kinds.of_template(t).is_new_each_time();
        let is_set = |name: &str| request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let polite = self.profile.request.headers.iter().filter(|(name, _)| !is_set(name));
        let headers = polite.chain(self.presented().headers.iter()).filter(is_new);
        let headers: Vec<_> = headers.collect();
        let signs_body = headers.iter().any(|(_, t)| self.profile.kinds.of_template(t).body);
        if signs_body && matches!(request.body, Payload::Source(_)) {
            let what = format!(
                "{}: {} has the body signed, so it must be given as bytes, not read while it is sent",
                request.shown(),
                self.profile.name
            );
            return Err(Error::new(Status::InvalidArgument, what));
        }
        signed_headers(headers.into_iter(), &mut scope, request)
    }
}

/// Puts members into a document, deep: objects are merged, anything else is replaced. So a cloud's
/// `{"auth": {"token": ...}}` leaves what the caller has in `auth` besides.
fn merge(into: &mut Value, members: Value) {
    match (into, members) {
        (Value::Object(known), Value::Object(members)) => {
            for (name, value) in members {
                match known.iter_mut().find(|(n, _)| *n == name) {
                    Some((_, place)) => merge(place, value),
                    None => known.push((name, value)),
                }
            }
        }
        (place, value) => *place = value,
    }
}
