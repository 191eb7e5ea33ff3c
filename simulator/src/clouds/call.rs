//! One call at one cloud, and what all clouds ask of it in the same way.

use crate::fields::{self, FieldFault, Fields};
use crate::form::{self, FormFault, Pairs};
use crate::http::{Answer, Request};
use crate::ports::Ports;
use crate::site::Site;
use crate::tokens::{Dead, Grant, Minted, random};

use super::carrier::{self, Carrier, Opens};
use super::cloud::{Cloud, Role};
use super::rules::{KEY, Rules};

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const JSON: &str = "application/json";

/// Where and when a request arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) cloud: Cloud,
    pub(crate) role: Role,
    pub(crate) tls: bool,
    /// The certificate that the client has shown, as DER.
    pub(crate) client_cert: Option<&'a [u8]>,
    pub(crate) now_ms: i64,
    pub(crate) ports: &'a Ports,
}

impl Scene<'_> {
    /// The origin of one of this cloud's parts, secure if the request was.
    pub(crate) fn url(&self, role: Role) -> String {
        self.url_over(role, self.tls)
    }

    /// The origin of one of this cloud's parts, secure or not.
    pub(crate) fn url_over(&self, role: Role, tls: bool) -> String {
        self.ports.url(self.cloud, role, tls)
    }

    /// The origin the request arrived at, as it is called where what is signed names it.
    pub(crate) fn secure(&self) -> String {
        self.url_over(self.role, true)
    }

    /// The origin the request arrived at.
    pub(crate) fn here(&self) -> String {
        self.url(self.role)
    }
}

/// A call under way.
pub(crate) struct Call<'a> {
    pub(crate) rules: &'a dyn Rules,
    pub(crate) scene: &'a Scene<'a>,
    pub(crate) site: &'a mut Site,
    /// `login`, `refresh`, or whatever else the cloud's rules call it.
    pub(crate) name: &'a str,
    pub(crate) request: &'a Request,
}

impl Call<'_> {
    /// Refuses every method but one (RFC 9110 15.5.6).
    pub(super) fn only(&self, method: &str) -> Result<(), Answer> {
        if self.request.method == method {
            return Ok(());
        }
        let refusal = self.rules.error(405, &format!("this path takes {method} only"));
        Err(refusal.with("Allow", method))
    }

    /// A token call is a POST, and its credentials are never in the URL, which ends in logs. What
    /// else the query says is ignored, as servers do.
    pub(super) fn post(&self) -> Result<(), Answer> {
        self.post_with(&[])
    }

    /// [`Call::post`] with parameters of the query that only sound like credentials.
    pub(super) fn post_with(&self, harmless: &[&str]) -> Result<(), Answer> {
        self.only("POST")?;
        let pairs = self.request.query.split('&');
        let mut names = pairs.map(|pair| pair.split('=').next().unwrap_or(""));
        if names.any(|name| !harmless.contains(&name) && fields::names_a_credential(name)) {
            return Err(self.rules.error(400, "credentials belong in the body, not in the query"));
        }
        Ok(())
    }

    /// A call whose body is empty.
    pub(super) fn no_body(&self) -> Result<(), Answer> {
        if self.request.body.is_empty() {
            return Ok(());
        }
        Err(self.rules.error(400, "this call takes no body"))
    }

    /// Refuses every body that does not say it is of one of these types.
    pub(super) fn media(&self, types: &[&str]) -> Result<(), Answer> {
        if self.request.header_count("content-type") > 1 {
            return Err(self.rules.error(400, "Content-Type came more than once"));
        }
        if types.contains(&self.request.media_type().as_str()) {
            return Ok(());
        }
        let types = types.join(" or ");
        Err(self.rules.error(415, &format!("Content-Type must be {types}")))
    }

    /// The fields of a JSON body that has exactly these, all of them strings.
    pub(super) fn json(&self, required: &[&str]) -> Result<Fields, Answer> {
        self.json_members()?.exactly(required, &[]).map_err(|faults| self.rules.bad_fields(&faults))
    }

    /// The members of a JSON body.
    pub(super) fn json_members(&self) -> Result<Fields, Answer> {
        self.media(&[JSON])?;
        fields::from_json(&self.request.body).map_err(|fault| self.rules.bad_fields(&[fault]))
    }

    /// The fields of a form that has exactly these.
    pub(super) fn form(&self, required: &[&str]) -> Result<Fields, Answer> {
        self.form_by(form::decode, required)
    }

    /// The same of a form that must be written in one way.
    pub(super) fn form_by(
        &self,
        decode: fn(&[u8]) -> Result<Pairs, FormFault>,
        required: &[&str],
    ) -> Result<Fields, Answer> {
        self.media(&[FORM])?;
        decode(&self.request.body)
            .map_err(|fault| vec![FieldFault::body(fault)])
            .and_then(|pairs| Fields::from(pairs).exactly(required, &[]))
            .map_err(|faults| self.rules.bad_fields(&faults))
    }

    /// Name and password of `Authorization: Basic`, as they are: most clouds encode neither.
    pub(super) fn basic(&self) -> Result<(String, String), Answer> {
        carrier::basic(self.request, "authorization")
            .ok_or_else(|| self.rules.error(401, "Authorization: Basic is missing"))
    }

    /// Refuses a request whose header does not say this.
    pub(super) fn header(&self, name: &str, value: &str) -> Result<(), Answer> {
        if self.request.header(name) == Some(value) {
            return Ok(());
        }
        Err(self.rules.error(400, &format!("{name} must be {value}")))
    }

    /// Client ID and secret of a form that asks for client credentials (RFC 6749 4.4.2), with
    /// these fields besides, each with its value.
    pub(super) fn client_form(&self, others: &[(&str, &str)]) -> Result<(String, String), Answer> {
        let mut names = vec!["grant_type", "client_id", "client_secret"];
        names.extend(others.iter().map(|(name, _)| *name));
        let fields = self.form(&names)?;
        self.says(&fields, &[("grant_type", "client_credentials")])?;
        self.says(&fields, others)?;
        Ok((fields.text("client_id").to_owned(), fields.text("client_secret").to_owned()))
    }

    /// Whether a form says this, before it is known to be one of the right fields.
    pub(super) fn form_says(&self, name: &str, value: &str) -> bool {
        let pairs = form::decode(&self.request.body).unwrap_or_default();
        pairs.iter().any(|(field, given)| field == name && given == value)
    }

    /// Refuses fields that do not say these.
    pub(super) fn says(&self, fields: &Fields, wanted: &[(&str, &str)]) -> Result<(), Answer> {
        let wrong = wanted.iter().filter(|(name, value)| fields.text(name) != *value);
        let faults: Vec<FieldFault> =
            wrong.map(|(name, value)| FieldFault::new(name, format!("must be {value}"))).collect();
        if faults.is_empty() { Ok(()) } else { Err(self.rules.bad_fields(&faults)) }
    }

    /// A login: judged, and answered with the first tokens of a family.
    pub(super) fn enter(
        &mut self,
        principal: &str,
        secret: &str,
        with_refresh: bool,
    ) -> Result<Minted, Answer> {
        self.start(principal, secret, with_refresh, None)
    }

    /// [`Call::enter`] until a moment, without a refresh token.
    pub(super) fn enter_until(
        &mut self,
        principal: &str,
        secret: &str,
        ends_ms: i64,
    ) -> Result<Minted, Answer> {
        self.start(principal, secret, false, Some(ends_ms))
    }

    fn start(
        &mut self,
        principal: &str,
        secret: &str,
        with_refresh: bool,
        ends_ms: Option<i64>,
    ) -> Result<Minted, Answer> {
        let now_ms = self.scene.now_ms;
        self.site
            .login(principal, secret, now_ms)
            .map_err(|refused| self.rules.wrong_login(refused))?;
        let grant = Grant { principal: principal.to_owned(), scope: String::new() };
        Ok(self.site.vault.start(grant, with_refresh, ends_ms, now_ms))
    }

    /// A word that is good once, for this.
    pub(super) fn one_time(&mut self, purpose: &str) -> String {
        let word: String = random(16).iter().map(|byte| format!("{byte:02x}")).collect();
        self.site.one_time.insert(word.clone(), purpose.to_owned());
        word
    }

    /// Trades a refresh token in. Where tokens are kept, the answer has the old one again.
    pub(super) fn renew(&mut self, token: &str) -> Result<Minted, Answer> {
        let mut minted = self
            .site
            .vault
            .renew(token, None, self.scene.now_ms)
            .map_err(|dead| self.rules.dead_refresh(dead))?;
        minted.refresh.get_or_insert_with(|| token.to_owned());
        Ok(minted)
    }

    /// Judges what the first of these carriers that is there carries.
    pub(super) fn carried(&self, carriers: &[(Carrier, Opens)]) -> Result<(), Answer> {
        for (carrier, opens) in carriers {
            let Some(given) = carrier.find(self.request) else {
                continue;
            };
            return match opens {
                Opens::Token => self.token(&given),
                Opens::Secret(principal) => self.secret(principal, &given),
            };
        }
        let carriers: Vec<String> =
            carriers.iter().map(|(carrier, _)| carrier.to_string()).collect();
        Err(self.rules.error(401, &format!("{} is missing", carriers.join(" or "))))
    }

    /// Judges what comes in the same place whether it is the account's key or an access token.
    pub(super) fn token_or_key(&self, carrier: Carrier) -> Result<(), Answer> {
        let is_key = carrier.find(self.request).as_deref() == self.site.secret(KEY);
        let opens = if is_key { Opens::Secret(KEY) } else { Opens::Token };
        self.carried(&[(carrier, opens)])
    }

    /// Judges an access token.
    pub(super) fn token(&self, token: &str) -> Result<(), Answer> {
        match self.site.vault.access(token, self.scene.now_ms) {
            Ok(_) => Ok(()),
            Err(dead) => Err(self.rules.dead_access(dead, token)),
        }
    }

    fn secret(&self, principal: &str, given: &str) -> Result<(), Answer> {
        if self.site.secret(principal) == Some(given) {
            Ok(())
        } else {
            Err(self.rules.dead_access(Dead::Unknown, given))
        }
    }
}
