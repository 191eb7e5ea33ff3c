//! Which names a profile's templates use, and which may stand where: tokens where there are any, a
//! request where there is one.
//!
//! ```text
//!                             options,   the token   {method} {path}
//!                             values                 {body} ...
//! base_url, a login's steps   yes        no          in headers
//! refresh, revoke             yes        yes         in headers
//! present.headers             yes        yes         yes
//! present.query, .json, mqtt  yes        yes         no
//! request.headers             yes        no          yes
//! ```
//!
//! Everything that a profile may say in a template is listed here once, with its place. So a new
//! member of the format that is forgotten here is one whose names are not checked: add it to `uses`
//! or to `Step::templates`.

use super::client_auth;
use super::endpoints::ENDPOINT;
use super::extras;
use super::json_template::JsonTemplate;
use super::kinds::{Kinds, REQUEST_NAMES};
use super::profile::{Entry, Format, MqttRule, Present, Profile, Step};
use super::template::{Number, Template};
use crate::model::option::{Group, Opt};
use crate::model::option_table::DPOP;
use crate::model::options::Options;
use crate::support::ordered::Ordered;
use std::collections::BTreeSet;

/// What the first call for a login at another device must save.
pub(super) const DEVICE_CODES: &[&str] = &["device_code", "user_code", "verification_uri"];

/// What the calls of a login in a browser may name besides.
const OF_A_BROWSER: &[&str] = &["redirect_uri", "state", "code", "code_challenge", "code_verifier"];

/// A template, and what it may name besides options, words, values and what steps have saved.
struct Use<'a> {
    /// The path of the member, for messages.
    at: String,
    template: &'a Template,
    /// Whether there are tokens to name.
    tokens: bool,
    /// Whether there is a request to name.
    request: bool,
}

impl Profile {
    /// Every option that has a say in this profile, sorted: what `keyfob_providers_json` lists.
    pub fn option_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.options.names().cloned().collect();
        for (_, login) in self.logins.iter() {
            names.extend(login.needs.iter().chain(&login.uses).chain(login.when.names()).cloned());
        }
        names.extend(self.maps.iter().map(|(_, map)| map.of.clone()));
        names.extend(self.discovery.iter().map(|d| d.when.clone()));
        for Use { template, .. } in self.uses() {
            let options = template.names().filter(|(n, _)| self.table.iter().any(|o| o.name == *n));
            names.extend(options.map(|(n, _)| n.to_string()));
        }
        if self.steps().iter().any(|(_, step)| step.client_auth) {
            names.extend(
                client_auth::OPTIONS.iter().chain(&[DPOP.name]).map(|name| name.to_string()),
            );
        }
        if self.steps().iter().any(|(_, step)| step.extras) {
            names.extend(extras::OPTIONS.iter().map(|name| name.to_string()));
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Format {
    /// All steps, each with where it stands.
    pub fn steps(&self) -> Vec<(String, &Step)> {
        let mut all = Vec::new();
        let mut groups: Vec<(String, &[Step])> = Vec::new();
        groups.extend(self.discovery.iter().map(|d| ("discovery".into(), d.steps.as_slice())));
        for (name, login) in self.logins.iter() {
            groups.push((format!("logins.{name}"), &login.steps));
            for (way, calls) in [("device", &login.device), ("browser", &login.browser)] {
                let Some(calls) = calls else { continue };
                groups.push((format!("logins.{name}.{way}.begin"), &calls.begin));
                groups.push((format!("logins.{name}.{way}.finish"), &calls.finish));
            }
        }
        groups.extend(self.refresh.iter().map(|r| ("refresh".into(), r.steps.as_slice())));
        groups.push(("revoke".into(), &self.revoke));
        for (at, steps) in groups {
            let numbered = steps.iter().enumerate();
            all.extend(numbered.map(|(index, step)| (format!("{at}.steps[{index}]"), step)));
        }
        all
    }

    /// All templates, but for those of the options, which have none.
    fn uses(&self) -> Vec<Use<'_>> {
        let mut all = Vec::new();
        let mut add = |at: String, template, tokens, request| {
            all.push(Use { at, template, tokens, request });
        };
        self.base_url.iter().for_each(|t| add("base_url".into(), t, false, false));
        for (name, entries) in self.values.iter() {
            // Where a value is used says what it may be made of.
            let templates = entries.0.iter().flat_map(Entry::templates);
            templates.for_each(|t| add(format!("values.{name}"), t, true, true));
        }
        for (at, step) in self.steps() {
            let tokens = at.starts_with("refresh") || at.starts_with("revoke");
            for (field, template) in step.templates() {
                let request = field.starts_with("headers");
                add(format!("{at}.{field}"), template, tokens, request);
            }
        }
        let seconds = self.token.lifetime.seconds.iter().map(|Number(t)| t);
        seconds.for_each(|t| add("token.lifetime.seconds".into(), t, false, false));
        for (name, login) in self.logins.iter() {
            let at = |field: &str| format!("logins.{name}.{field}");
            login.token.iter().for_each(|t| add(at("token"), t, false, false));
            let seconds = login.lifetime.iter().flat_map(|lifetime| &lifetime.seconds);
            seconds.for_each(|Number(t)| add(at("lifetime.seconds"), t, false, false));
            if let Some(browser) = &login.browser {
                for template in browser.issuer.iter().chain(&browser.issuer_is_named) {
                    add(at("browser.issuer"), template, false, false);
                }
            }
        }
        for (at, present) in self.presented() {
            let at = |name: &str| format!("{at}.{name}");
            present.headers.iter().for_each(|(n, t)| add(at(n), t, true, true));
            present.query.iter().for_each(|(n, t)| add(at(n), t, true, false));
            let members = present.json.iter().flat_map(JsonTemplate::templates);
            members.for_each(|t| add(at("json"), t, true, false));
        }
        for (at, mqtt) in self.mqtt_rules() {
            mqtt.templates().for_each(|(n, t)| add(format!("{at}.{n}"), t, true, false));
        }
        let bases = self.request.base.0.iter();
        bases.for_each(|t| add("request.base".into(), t, false, false));
        let headers = self.request.headers.iter();
        headers.for_each(|(n, t)| add(format!("request.headers.{n}"), t, false, true));
        all
    }

    /// All that carries a token, each with where it stands.
    pub fn presented(&self) -> Vec<(String, &Present)> {
        let mut all = vec![("present".to_string(), &self.present)];
        for (name, login) in self.logins.iter() {
            all.extend(login.present.iter().map(|own| (format!("logins.{name}.present"), own)));
        }
        all
    }

    /// All that MQTT clients are told, each with where it stands.
    pub fn mqtt_rules(&self) -> Vec<(String, &MqttRule)> {
        let mut all: Vec<_> = self.mqtt.iter().map(|rule| ("mqtt".to_string(), rule)).collect();
        for (name, login) in self.logins.iter() {
            all.extend(login.mqtt.iter().map(|own| (format!("logins.{name}.mqtt"), own)));
        }
        all
    }

    /// A template may name options, maps, values and what steps save; tokens and the request only
    /// where there are any. Options of this machine's own, such as its keys to the store, are
    /// nothing to tell a cloud.
    pub fn check_names(&self, table: &[Opt]) -> Result<Kinds, String> {
        let is_own =
            |o: &&Opt| matches!(o.group, Group::Transport | Group::Lifecycle | Group::Store);
        let mut known: BTreeSet<&str> = self.maps.names().map(String::as_str).collect();
        known.extend(self.values.names().map(String::as_str));
        known.extend(table.iter().filter(|o| !is_own(o)).map(|o| o.name.as_str()));
        let steps = self.steps();
        known.extend(steps.iter().flat_map(|(_, step)| step.save.names()).map(String::as_str));
        known.extend(steps.iter().flat_map(|(_, step)| step.words.names()).map(String::as_str));
        let taken = known.iter().filter(|name| REQUEST_NAMES.contains(name));
        let taken: Vec<String> = taken.map(|name| name.to_string()).collect();
        if let Some(name) = taken.first().filter(|_| self.keyfob_profile >= 2) {
            return Err(format!("`{name}` is what a request's own is called; take another name"));
        }
        let secrets = table.iter().filter(|option| option.secret).map(|option| option.name.clone());
        let kinds = self.kinds(taken, secrets.collect());
        for Use { at, template, tokens, request } in self.uses() {
            for (name, _) in template.names() {
                let is_token = matches!(name, "access_token" | "refresh_token");
                let is_of_request = REQUEST_NAMES.contains(&name);
                let in_browser = at.contains(".browser.") && OF_A_BROWSER.contains(&name);
                if in_browser
                    || known.contains(name)
                    || (tokens && is_token)
                    || (request && is_of_request)
                {
                    continue;
                }
                return Err(match table.iter().find(|option| option.name == name) {
                    Some(_) => format!("{at}: `{{{name}}}` is an option that no cloud is told"),
                    None if is_of_request => format!(
                        "{at}: `{{{name}}}` is a request's, which only headers can be made of"
                    ),
                    None => format!(
                        "{at}: `{{{name}}}` is neither an option nor a value of this profile"
                    ),
                });
            }
            let kind = kinds.of_template(template);
            if kind.request && !request {
                return Err(format!("{at}: is made of the request, which only headers can be"));
            }
            if kind.moment && at.starts_with("logins.") && at.ends_with(".token") {
                let login = at.trim_start_matches("logins.").trim_end_matches(".token");
                if self.logins.get(login).is_some_and(|login| login.lifetime.is_none()) {
                    return Err(format!("{at}: has the time in it, so the login needs a lifetime"));
                }
            }
            if kind.token && !tokens {
                return Err(format!("{at}: is made of a token, and there is none here"));
            }
        }
        for (name, map) in self.maps.iter() {
            if table.iter().filter(is_own).any(|option| option.name == map.of) {
                return Err(format!("maps.{name}.of: is an option that no cloud is told"));
            }
        }
        Ok(kinds)
    }

    /// The names that the URLs and the headers of requests are made of, each through the values that
    /// it names.
    pub(super) fn names_of_requests(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let values = self.values.iter().filter(|(name, _)| name.ends_with(ENDPOINT));
        let mut left: Vec<&Template> =
            values.flat_map(|(_, entries)| entries.0.iter().flat_map(Entry::templates)).collect();
        left.extend(self.base_url.iter().chain(&self.request.base.0));
        left.extend(self.request.headers.iter().map(|(_, template)| template));
        while let Some(template) = left.pop() {
            for (name, _) in template.names() {
                if !found.iter().any(|known| known == name) {
                    found.push(name.into());
                    let entries = self.values.get(name).into_iter().flat_map(|entries| &entries.0);
                    left.extend(entries.flat_map(Entry::templates));
                }
            }
        }
        found
    }

    /// What each value is made of.
    fn kinds(&self, taken: Vec<String>, secrets: Vec<String>) -> Kinds {
        let values = self.values.iter().map(|(name, entries)| {
            let templates = entries.0.iter().flat_map(Entry::templates).collect();
            let computed = entries.0.iter().filter_map(|entry| match entry {
                Entry::Computed(computed) => Some(computed),
                Entry::Text(_) => None,
            });
            (name, templates, computed.collect())
        });
        let steps = self.steps();
        let saved = steps.iter().flat_map(|(_, step)| step.save.names().cloned());
        Kinds::of(values, taken, saved.collect(), secrets)
    }
}

impl Step {
    /// Whether these options ask for it: all of `when` is as it says.
    pub fn applies(&self, options: &Options) -> bool {
        self.when.iter().all(|(option, wanted)| options.get(option) == Some(wanted))
    }

    /// Whether its call carries a secret of the user's, or something that is made of one.
    pub fn carries_secret(&self, kinds: &Kinds) -> bool {
        let mut templates = self.templates().into_iter();
        // What proves the client counts towards a lockout, too.
        self.client_auth
            || templates.any(|(_, template)| {
                let kind = kinds.of_template(template);
                kind.secret || template.names().any(|(name, _)| name == "refresh_token")
            })
    }

    /// All templates of the step, each with the field it stands in.
    pub fn templates(&self) -> Vec<(String, &Template)> {
        let mut all: Vec<(String, &Template)> = Vec::new();
        all.extend(self.url.0.iter().map(|t| ("url".into(), t)));
        let form = self.form.as_ref();
        for (part, fields) in
            [("query", Some(&self.query)), ("headers", Some(&self.headers)), ("form", form)]
        {
            let fields = fields.into_iter().flat_map(Ordered::iter);
            all.extend(fields.map(|(name, t)| (format!("{part}.{name}"), t)));
        }
        let basic = self.basic_auth.iter().flat_map(|(user, password)| [user, password]);
        all.extend(basic.map(|t| ("basic_auth".into(), t)));
        let json = self.json.iter().flat_map(JsonTemplate::templates);
        all.extend(json.map(|t| ("json".into(), t)));
        let expected = self.expect.iter().flat_map(|(_, document)| document.templates());
        all.extend(expected.map(|t| ("expect".into(), t)));
        all
    }
}

impl MqttRule {
    /// Its templates, each with its member's name.
    pub fn templates(&self) -> impl Iterator<Item = (&'static str, &Template)> {
        let members = [
            ("url", &self.url),
            ("client_id", &self.client_id),
            ("username", &self.username),
            ("password", &self.password),
        ];
        members.into_iter().filter_map(|(name, template)| Some((name, template.as_ref()?)))
    }
}
