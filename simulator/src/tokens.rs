//! Tokens: how each cloud's look, how long they live, and what becomes of a family of them when
//! one is spent, reused or revoked.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use crate::clock::millis;

/// What a refresh does to the refresh token it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It stays good, and no other takes its place.
    Keep,
    /// It dies, and the answer carries the next one.
    SingleUse,
    /// As [`Rotation::SingleUse`]; and whoever presents it again ends the whole family, access
    /// tokens too (RFC 9700 section 4.14.2).
    RevokeFamilyOnReuse,
}

impl Rotation {
    /// The name used at the control port.
    pub fn name(self) -> &'static str {
        match self {
            Rotation::Keep => "keep",
            Rotation::SingleUse => "single-use",
            Rotation::RevokeFamilyOnReuse => "revoke-family-on-reuse",
        }
    }

    /// The rotation of that name.
    pub fn from_name(name: &str) -> Option<Rotation> {
        let all = [Rotation::Keep, Rotation::SingleUse, Rotation::RevokeFamilyOnReuse];
        all.into_iter().find(|rotation| rotation.name() == name)
    }
}

/// How a cloud's tokens look.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Five segments with a direct key, so the second is empty; nothing can be read in it.
    Jwe,
    /// A JWT, signed HS256; the text is its issuer.
    Jwt(&'static str),
    /// As [`Form::Jwt`], with more claims for the principal.
    JwtOf(&'static str, fn(&str) -> Value),
    /// Random letters.
    Opaque,
}

/// The ways in which a cloud's tokens differ from another's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) form: Form,
    /// `None`: an access token lives for ever.
    pub(crate) access: Option<Duration>,
    pub(crate) refresh: Option<Duration>,
    pub(crate) rotation: Rotation,
    /// A refresh ends the family's earlier access tokens too.
    pub(crate) refresh_ends_access: bool,
}

impl Default for Habits {
    /// Opaque tokens for an hour. Where a cloud tells nothing, the stricter of what a client can
    /// expect.
    fn default() -> Habits {
        Habits {
            form: Form::Opaque,
            access: Some(Duration::from_secs(3600)),
            refresh: Some(Duration::from_secs(30 * 86_400)),
            rotation: Rotation::SingleUse,
            refresh_ends_access: false,
        }
    }
}

impl Habits {
    /// The same with access tokens of so many seconds.
    pub(crate) fn lasting(self, seconds: u64) -> Habits {
        Habits { access: Some(Duration::from_secs(seconds)), ..self }
    }

    /// The same with tokens of this form.
    pub(crate) fn of(self, form: Form) -> Habits {
        Habits { form, ..self }
    }
}

/// Whom a family of tokens speaks for, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) principal: String,
    pub(crate) scope: String,
}

/// Tokens just made.
#[derive(Debug, Clone)]
pub(crate) struct Minted {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    /// Milliseconds the access token has; `None` = for ever.
    pub(crate) lifetime_ms: Option<i64>,
}

impl Minted {
    /// The lifetime in whole seconds; `never` where it has no end.
    pub(crate) fn expires_in(&self, never: i64) -> i64 {
        self.lifetime_ms.map_or(never, |lifetime| lifetime / 1000)
    }
}

/// Why a presented token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dead {
    Unknown,
    Expired,
    Spent,
    Revoked,
}

impl Dead {
    /// What happened to the token, in words.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Dead::Unknown => "was never issued here",
            Dead::Expired => "has expired",
            Dead::Spent => "was already used",
            Dead::Revoked => "was revoked",
        }
    }
}

#[derive(Debug, Clone)]
struct Kept {
    family: usize,
    expires_ms: i64,
    spent: bool,
    revoked: bool,
}

impl Kept {
    fn dead(&self, now_ms: i64) -> Option<Dead> {
        if self.revoked {
            Some(Dead::Revoked)
        } else if self.spent {
            Some(Dead::Spent)
        } else if self.expires_ms <= now_ms {
            Some(Dead::Expired)
        } else {
            None
        }
    }
}

#[derive(Debug)]
struct Family {
    grant: Grant,
    lost: bool,
    access: Vec<String>,
}

/// Every token one cloud has issued.
#[derive(Debug)]
pub(crate) struct Vault {
    pub(crate) habits: Habits,
    key: hmac::Key,
    access: HashMap<String, Kept>,
    refresh: HashMap<String, Kept>,
    families: Vec<Family>,
    /// The thumbprint of the key that a token is bound to (RFC 9449 6).
    bound: HashMap<String, String>,
    /// Whose refresh tokens are good from the start, and how they begin.
    seeds: Option<(Grant, &'static str)>,
    pub(crate) reuse_count: usize,
    pub(crate) families_lost: usize,
}

impl Vault {
    pub(crate) fn new(habits: Habits) -> Vault {
        Vault {
            habits,
            key: hmac::Key::new(hmac::HMAC_SHA256, &random(32)),
            access: HashMap::new(),
            refresh: HashMap::new(),
            families: Vec::new(),
            bound: HashMap::new(),
            seeds: None,
            reuse_count: 0,
            families_lost: 0,
        }
    }

    /// A new family, as a login starts one.
    pub(crate) fn start(
        &mut self,
        grant: Grant,
        with_refresh: bool,
        ends_ms: Option<i64>,
        now_ms: i64,
    ) -> Minted {
        self.families.push(Family { grant, lost: false, access: Vec::new() });
        let family = self.families.len() - 1;
        let (access, lifetime_ms) = self.mint_access(family, ends_ms, now_ms);
        let refresh = with_refresh.then(|| self.mint_refresh(family, now_ms));
        Minted { access, refresh, lifetime_ms }
    }

    /// Makes a token good for the owner of a key alone.
    pub(crate) fn bind(&mut self, token: &str, thumbprint: &str) {
        self.bound.insert(token.to_owned(), thumbprint.to_owned());
    }

    /// The thumbprint of the key that a token is bound to.
    pub(crate) fn binding(&self, token: &str) -> Option<&str> {
        self.bound.get(token).map(String::as_str)
    }

    /// Makes a token known that was not issued here: one that a cloud's guide shows, so that its example
    /// works.
    pub(crate) fn adopt_refresh(&mut self, grant: Grant, token: &str, now_ms: i64) {
        self.families.push(Family { grant, lost: false, access: Vec::new() });
        let kept = Kept {
            family: self.families.len() - 1,
            expires_ms: ends(self.habits.refresh, now_ms),
            spent: false,
            revoked: false,
        };
        self.refresh.insert(token.to_owned(), kept);
    }

    /// Every token that begins so is good from the start: a client never sends one again that it
    /// has exchanged, so each run of a test takes another.
    pub(crate) fn adopt_seeds(&mut self, grant: Grant, prefix: &'static str) {
        self.seeds = Some((grant, prefix));
    }

    fn sprout(&mut self, token: &str, now_ms: i64) {
        if let Some((grant, prefix)) = &self.seeds {
            if token.starts_with(prefix) && !self.refresh.contains_key(token) {
                self.adopt_refresh(grant.clone(), token, now_ms);
            }
        }
    }

    /// Whom a refresh token speaks for, if it is good. Spends nothing.
    pub(crate) fn refresh_grant(&mut self, token: &str, now_ms: i64) -> Result<&Grant, Dead> {
        self.sprout(token, now_ms);
        let kept = self.refresh.get(token).ok_or(Dead::Unknown)?;
        match kept.dead(now_ms) {
            Some(dead) => Err(dead),
            None => Ok(&self.families[kept.family].grant),
        }
    }

    /// Trades a refresh token for new tokens, by the rotation in force. Presenting a spent one is
    /// counted, and may cost the family.
    pub(crate) fn renew(
        &mut self,
        token: &str,
        ends_ms: Option<i64>,
        now_ms: i64,
    ) -> Result<Minted, Dead> {
        self.sprout(token, now_ms);
        let rotation = self.habits.rotation;
        let kept = self.refresh.get_mut(token).ok_or(Dead::Unknown)?;
        let family = kept.family;
        if kept.spent {
            self.reuse_count += 1;
        }
        if let Some(dead) = kept.dead(now_ms) {
            if dead == Dead::Spent && rotation == Rotation::RevokeFamilyOnReuse {
                self.lose(family);
            }
            return Err(dead);
        }
        kept.spent = rotation != Rotation::Keep;
        if self.habits.refresh_ends_access {
            self.end_access(family);
        }
        let (access, lifetime_ms) = self.mint_access(family, ends_ms, now_ms);
        let refresh = match rotation {
            Rotation::Keep => None,
            Rotation::SingleUse | Rotation::RevokeFamilyOnReuse => {
                Some(self.mint_refresh(family, now_ms))
            }
        };
        Ok(Minted { access, refresh, lifetime_ms })
    }

    /// Whom an access token speaks for.
    pub(crate) fn access(&self, token: &str, now_ms: i64) -> Result<&Grant, Dead> {
        let kept = self.access.get(token).ok_or(Dead::Unknown)?;
        match kept.dead(now_ms) {
            Some(dead) => Err(dead),
            None => Ok(&self.families[kept.family].grant),
        }
    }

    /// Ends every access token; refresh tokens stay.
    pub(crate) fn revoke_access(&mut self) {
        self.access.values_mut().for_each(|kept| kept.revoked = true);
    }

    /// Ends every refresh token; access tokens stay.
    pub(crate) fn revoke_refresh(&mut self) {
        self.refresh.values_mut().for_each(|kept| kept.revoked = true);
    }

    /// Ends one token, whichever it is. With a refresh token its whole family goes
    /// (RFC 7009 section 2.1).
    pub(crate) fn revoke(&mut self, token: &str) {
        if let Some(kept) = self.access.get_mut(token) {
            kept.revoked = true;
        } else if let Some(kept) = self.refresh.get(token) {
            let family = kept.family;
            self.end_family(family);
        }
    }

    fn lose(&mut self, family: usize) {
        if !self.families[family].lost {
            self.families[family].lost = true;
            self.families_lost += 1;
        }
        self.end_family(family);
    }

    fn end_family(&mut self, family: usize) {
        self.end_access(family);
        let refresh = self.refresh.values_mut();
        refresh
            .filter(|kept| kept.family == family && !kept.spent)
            .for_each(|kept| kept.revoked = true);
    }

    fn end_access(&mut self, family: usize) {
        for token in std::mem::take(&mut self.families[family].access) {
            if let Some(kept) = self.access.get_mut(&token) {
                kept.revoked = true;
            }
        }
    }

    fn mint_access(
        &mut self,
        family: usize,
        ends_ms: Option<i64>,
        now_ms: i64,
    ) -> (String, Option<i64>) {
        let expires_ms = ends_ms.unwrap_or(i64::MAX).min(ends(self.habits.access, now_ms));
        let token = self.write(family, expires_ms, now_ms, "access");
        let kept = Kept { family, expires_ms, spent: false, revoked: false };
        self.access.insert(token.clone(), kept);
        self.families[family].access.push(token.clone());
        let lifetime_ms = (expires_ms != i64::MAX).then(|| expires_ms.saturating_sub(now_ms));
        (token, lifetime_ms)
    }

    fn mint_refresh(&mut self, family: usize, now_ms: i64) -> String {
        let expires_ms = ends(self.habits.refresh, now_ms);
        let token = self.write(family, expires_ms, now_ms, "refresh");
        let kept = Kept { family, expires_ms, spent: false, revoked: false };
        self.refresh.insert(token.clone(), kept);
        token
    }

    fn write(&self, family: usize, expires_ms: i64, now_ms: i64, purpose: &str) -> String {
        match self.habits.form {
            Form::Jwe => jwe(if purpose == "access" { 186 } else { 192 }),
            Form::Opaque => URL_SAFE_NO_PAD.encode(random(32)),
            Form::Jwt(issuer) | Form::JwtOf(issuer, _) => {
                let grant = &self.families[family].grant;
                let mut claims = match self.habits.form {
                    Form::JwtOf(_, more) => more(&grant.principal),
                    _ => Value::Null,
                }
                .as_object()
                .cloned()
                .unwrap_or_default();
                claims.insert("iss".into(), json!(issuer));
                claims.insert("sub".into(), json!(grant.principal));
                claims.insert("purpose".into(), json!(purpose));
                claims.insert("jti".into(), json!(URL_SAFE_NO_PAD.encode(random(12))));
                claims.insert("iat".into(), json!(now_ms.div_euclid(1000)));
                if expires_ms != i64::MAX {
                    claims.insert("exp".into(), json!(expires_ms.div_euclid(1000)));
                }
                self.jwt(&Value::Object(claims))
            }
        }
    }

    fn jwt(&self, claims: &Value) -> String {
        let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        let signed = format!("{head}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// A token in the form of those in Kontakt.io's guide: a JWE (RFC 7516 3.1) with a protected header, no
/// key, a nonce of 12 bytes, ciphertext, and a tag of 16.
fn jwe(ciphertext: usize) -> String {
    let head = URL_SAFE_NO_PAD.encode(br#"{"cty":"JWT","enc":"A256GCM","alg":"dir"}"#);
    let [nonce, text, tag] = [12, ciphertext, 16].map(|size| URL_SAFE_NO_PAD.encode(random(size)));
    format!("{head}..{nonce}.{text}.{tag}")
}

fn ends(lifetime: Option<Duration>, now_ms: i64) -> i64 {
    lifetime.map_or(i64::MAX, |lifetime| now_ms.saturating_add(millis(lifetime)))
}

/// Random bytes from the system.
pub(crate) fn random(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    SystemRandom::new().fill(&mut bytes).expect("the system has random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(rotation: Rotation) -> Vault {
        Vault::new(Habits {
            form: Form::Opaque,
            access: Some(Duration::from_secs(60)),
            refresh: None,
            rotation,
            refresh_ends_access: false,
        })
    }

    fn grant() -> Grant {
        Grant { principal: "someone".into(), scope: String::new() }
    }

    #[test]
    fn a_reused_refresh_token_costs_the_family() {
        let mut vault = vault(Rotation::RevokeFamilyOnReuse);
        let first = vault.start(grant(), true, None, 0);
        let old = first.refresh.unwrap();
        let second = vault.renew(&old, None, 0).unwrap();
        assert_eq!(vault.renew(&old, None, 0).unwrap_err(), Dead::Spent);
        assert_eq!(vault.renew(&old, None, 0).unwrap_err(), Dead::Spent);
        assert_eq!(vault.access(&second.access, 0).unwrap_err(), Dead::Revoked);
        assert_eq!(vault.renew(&second.refresh.unwrap(), None, 0).unwrap_err(), Dead::Revoked);
        assert_eq!((vault.reuse_count, vault.families_lost), (2, 1));
    }

    #[test]
    fn single_use_leaves_the_next_one_good() {
        let mut vault = vault(Rotation::SingleUse);
        let old = vault.start(grant(), true, None, 0).refresh.unwrap();
        let next = vault.renew(&old, None, 0).unwrap().refresh.unwrap();
        assert_eq!(vault.renew(&old, None, 0).unwrap_err(), Dead::Spent);
        assert!(vault.renew(&next, None, 0).is_ok());
        assert_eq!((vault.reuse_count, vault.families_lost), (1, 0));
    }

    #[test]
    fn an_access_token_ends_with_its_lifetime() {
        let mut vault = vault(Rotation::Keep);
        let minted = vault.start(grant(), true, None, 0);
        assert!(vault.access(&minted.access, 59_999).is_ok());
        assert_eq!(vault.access(&minted.access, 60_000).unwrap_err(), Dead::Expired);
        assert_eq!(minted.expires_in(0), 60);
    }

    #[test]
    fn a_jwe_has_five_segments_and_the_second_is_empty() {
        let token = jwe(190);
        let segments: Vec<&str> = token.split('.').collect();
        assert_eq!(segments.len(), 5);
        assert_eq!(segments[0], "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiZGlyIn0");
        assert!(segments[1].is_empty());
    }
}
