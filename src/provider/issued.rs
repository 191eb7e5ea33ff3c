//! The token that an answer issues: whether a header can carry it, how long it lives, and whose it
//! is.
//!
//! ```text
//! {"access_token": "eyJ...", "expires_in": 3600}     lives an hour from when it was asked for
//! {"access_token": "eyJ..."}, and lifetime.jwt       lives until its `exp`, by the cloud's clock
//! {"access_token": "a b"}                            malformed: no header can carry a blank
//! {"refresh_token": "r", "access_token": ""}         malformed, and the refresh token is kept
//! ```
//!
//! A token that cannot be sent, or whose lifetime is no time, makes the answer malformed: better no
//! token than one that fails at the API. The refresh token beside it is kept all the same, since
//! the one before is spent.

use super::dpop;
use super::failure::Failure;
use super::pointer::{Part, Pointer};
use super::reply::Reply;
use super::verdict::Verdict;
use crate::error::misleads;
use crate::model::token::{self, Claims, MOST_TOKEN, Token, is_token};
use crate::support::json::{self, Value};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use std::time::Duration;

/// The most that is kept of what an answer holds besides its tokens, in bytes.
const MOST_ANSWER: usize = 64 * 1024;

impl Reply<'_> {
    /// The token that the answer holds. `fixed` is how long it lives where the answer does not say.
    pub fn token(&self, fixed: Option<Duration>) -> Result<Token, Failure> {
        let fields = &self.profile.token;
        let whole_body = fields.access_token.as_ref().is_some_and(Pointer::is_whole_body);
        let in_body = fields.access_token.as_ref().is_some_and(|p| p.part == Part::Body);
        if in_body && !whole_body && !self.is_object() {
            return Err(self.malformed(&self.not_an_object()));
        }
        // One that cannot be sent back is as good as none: the access token beside it may be good,
        // and some clouds write an empty one where they mean that there is none.
        let refresh = fields
            .refresh_token
            .as_ref()
            .and_then(|pointer| self.text(pointer).filter(|text| is_token(text.expose())));
        self.checked_token(fixed, whole_body, refresh.clone()).map_err(|failure| {
            // A cloud that issues a refresh token has refused nothing.
            let verdict = refresh.as_ref().map_or(failure.verdict, |_| Verdict::Silent);
            Failure { salvaged: refresh, verdict, ..failure }
        })
    }

    /// The scope that the answer says was granted, as it may be shown.
    fn granted(&self) -> Option<String> {
        const LONGEST: usize = 1000;
        let scope = self.text(self.profile.token.scope.as_ref()?)?;
        let words: Vec<&str> = scope.expose().split_whitespace().collect();
        let scope = self.hidden.clean(&words.join(" ").replace(misleads, " "));
        Some(scope.chars().take(LONGEST).collect())
    }

    /// What else the answer holds, where the profile keeps it.
    fn kept(&self) -> Option<Secret> {
        let fields = &self.profile.token;
        if !fields.answer {
            return None;
        }
        let Ok(Value::Object(mut members)) = json::parse(&self.raw) else { return None };
        let tokens: Vec<&str> = [&fields.access_token, &fields.refresh_token]
            .into_iter()
            .flatten()
            .map(|place| place.path.trim_start_matches('/'))
            .collect();
        members.retain(|(name, _)| !tokens.contains(&name.as_str()));
        let text = Value::Object(members).to_json();
        (text.len() <= MOST_ANSWER).then(|| Secret::new(text.as_str()))
    }

    /// The token, all of it checked. How long it lives is the first that says so: `expires_in`,
    /// `expires_at`, the JWT's `exp`, the profile's `seconds`; without any it lives until the cloud
    /// refuses it.
    fn checked_token(
        &self,
        fixed: Option<Duration>,
        whole_body: bool,
        refresh: Option<Secret>,
    ) -> Result<Token, Failure> {
        let fields = &self.profile.token;
        let at = |pointer: &Option<Pointer>| self.pointed().value(pointer.as_ref()?);
        let stated = at(&fields.access_token).filter(|_| !whole_body);
        let access = if whole_body {
            std::str::from_utf8(&self.raw).ok().map(str::trim)
        } else {
            stated.as_ref().and_then(|stated| stated.as_str())
        };
        let access = access.ok_or_else(|| self.malformed("it holds no access token"))?;
        if access.is_empty() {
            return Err(self.malformed("the access token is empty"));
        }
        if access.len() > MOST_TOKEN {
            return Err(self.malformed("the access token is longer than a header can be"));
        }
        if !is_token(access) {
            return Err(self.malformed("the access token has characters that no header can carry"));
        }
        let mut bound = false;
        if let Some(pointer) = &fields.token_type {
            let is_of_proof = |kind: &str| kind.eq_ignore_ascii_case(dpop::HEADER);
            let bearer = match at(&fields.token_type) {
                Some(Value::Text(kind)) if is_of_proof(&kind) && !self.may_be_bound => {
                    return Err(self.malformed("the token type is DPoP; set dpop=true"));
                }
                Some(Value::Text(kind)) => {
                    // A server that knows nothing of proofs answers as if there were none (RFC 9449 5).
                    bound = is_of_proof(&kind);
                    bound || kind.eq_ignore_ascii_case("bearer")
                }
                Some(_) => false,
                None => pointer.optional,
            };
            if !bearer {
                return Err(self.malformed("the token type is not Bearer"));
            }
        }
        let rule = &fields.lifetime;
        let stated = match at(&rule.expires_in) {
            None => None,
            Some(value) => Some(token::lifetime_of(&value, self.now).ok_or_else(|| {
                self.malformed("the lifetime (expires_in) is not a sane number of seconds")
            })?),
        };
        let ends = match at(&rule.expires_at).filter(|_| stated.is_none()) {
            None => None,
            Some(value) => Some(
                token::lifetime_until(&value, self.now)
                    .ok_or_else(|| self.malformed("its end (expires_at) is not a time to come"))?,
            ),
        };
        let claims = Claims::of(access);
        let by_jwt = || claims.as_ref().filter(|_| rule.jwt)?.lifetime(self.date);
        let stated_principal = at(&fields.principal);
        let principal = stated_principal.as_ref().and_then(|principal| principal.as_str());
        let of_person = || Claims::of(at(&fields.id_token)?.as_str()?)?.subject();
        let principal = principal.map(str::to_string).or_else(of_person);
        let principal = principal.or_else(|| claims.as_ref()?.subject());
        let principal = principal.filter(|principal| !self.hidden.is_shown_by(principal));
        Ok(Token {
            access: access.into(),
            refresh,
            // Whose token it is, is the account's to say.
            login: String::new(),
            saved: Ordered::default(),
            principal: principal.map(|p| p.chars().take(200).collect()),
            scope: self.granted(),
            answer: self.kept(),
            issued: self.asked,
            date: self.date,
            lifetime: stated.or(ends).unwrap_or_else(|| by_jwt().or(fixed)),
            bound,
            out_of_turn: true,
        })
    }
}

/// What an answer holds, and what it does not say anew of an earlier one.
pub(crate) fn with_earlier(now: Option<Secret>, before: Option<&Secret>) -> Option<Secret> {
    let (Some(now), Some(before)) = (&now, before) else { return now };
    let parsed = |text: &Secret| json::parse(text.expose().as_bytes()).ok();
    let (Some(Value::Object(mut members)), Some(Value::Object(earlier))) =
        (parsed(now), parsed(before))
    else {
        return Some(now.clone());
    };
    for (name, value) in earlier {
        if !members.iter().any(|(known, _)| *known == name) {
            members.push((name, value));
        }
    }
    let all = Value::Object(members).to_json();
    // A server that says something else each time does not add up.
    Some(if all.len() <= MOST_ANSWER { Secret::new(all.as_str()) } else { now.clone() })
}
