//! What a profile must hold to besides its form: every name it uses must be one that has a value,
//! every header one that can be sent. The message of a refusal says where.

use super::json_template::JsonTemplate;
use super::pointer::Pointer;
use super::profile::{Format, Profile, Step};
use super::template::Template;
use crate::http::headers::{is_of_the_connection, is_token};
use crate::http::message::Method;
use crate::model::options::{Group, Opt};
use crate::support::ordered::Ordered;
use std::collections::BTreeSet;

impl Profile {
    /// Every option that has a say in this profile, sorted: what `keyfob_providers_json` lists.
    pub fn option_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.options.names().cloned().collect();
        for (_, login) in self.logins.iter() {
            names.extend(login.needs.iter().chain(&login.uses).chain(login.when.names()).cloned());
        }
        names.extend(self.maps.iter().map(|(_, map)| map.of.clone()));
        names.extend(self.discovery.iter().map(|d| d.when.clone()));
        for (_, template, _) in self.templates() {
            let options = template.names().filter(|(n, _)| self.table.iter().any(|o| o.name == *n));
            names.extend(options.map(|(n, _)| n.to_string()));
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Format {
    /// All steps, each with where it stands.
    fn steps(&self) -> Vec<(String, &Step)> {
        let mut all = Vec::new();
        let mut groups: Vec<(String, &[Step])> = Vec::new();
        groups.extend(self.discovery.iter().map(|d| ("discovery".into(), d.steps.as_slice())));
        for (name, login) in self.logins.iter() {
            groups.push((format!("logins.{name}"), &login.steps));
        }
        groups.extend(self.refresh.iter().map(|r| ("refresh".into(), r.steps.as_slice())));
        groups.push(("revoke".into(), &self.revoke));
        for (at, steps) in groups {
            let numbered = steps.iter().enumerate();
            all.extend(numbered.map(|(index, step)| (format!("{at}.steps[{index}]"), step)));
        }
        all
    }

    /// All templates, each with where it stands and whether it may name the tokens.
    fn templates(&self) -> Vec<(String, &Template, bool)> {
        let mut all = Vec::new();
        all.extend(self.base_url.iter().map(|t| ("base_url".to_string(), t, false)));
        for (name, alternatives) in self.values.iter() {
            all.extend(alternatives.0.iter().map(|t| (format!("values.{name}"), t, false)));
        }
        for (at, step) in self.steps() {
            let tokens = at.starts_with("refresh") || at.starts_with("revoke");
            let templates = step.templates().into_iter();
            all.extend(templates.map(|(field, t)| (format!("{at}.{field}"), t, tokens)));
        }
        for (name, login) in self.logins.iter() {
            all.extend(login.token.iter().map(|t| (format!("logins.{name}.token"), t, false)));
        }
        for (at, headers) in self.presented() {
            all.extend(headers.iter().map(|(name, t)| (format!("{at}.{name}"), t, true)));
        }
        all.extend(self.request.base.iter().map(|t| ("request.base".into(), t, false)));
        let headers = self.request.headers.iter();
        all.extend(headers.map(|(n, t)| (format!("request.headers.{n}"), t, false)));
        all
    }

    /// All sets of headers that carry a token, each with where it stands.
    fn presented(&self) -> Vec<(String, &Ordered<Template>)> {
        let mut all = vec![("present".to_string(), &self.present)];
        for (name, login) in self.logins.iter() {
            all.extend(login.present.iter().map(|own| (format!("logins.{name}.present"), own)));
        }
        all
    }

    pub fn check(&self, table: &[Opt]) -> std::result::Result<(), String> {
        if !(1..=2).contains(&self.keyfob_profile) {
            let version = self.keyfob_profile;
            return Err(format!("keyfob_profile is {version}; this library reads 1 and 2"));
        }
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=40).contains(&self.name.len()) || !self.name.chars().all(is_plain) {
            return Err("name: must be 1 to 40 of a-z, 0-9 and -; it names files, too".into());
        }
        if self.logins.0.is_empty() && self.refresh.is_none() {
            return Err("logins: there is none, and no refresh".into());
        }
        let is_option = |n: &str| table.iter().any(|o| o.name == n);
        let need_options = |at: &str, names: &mut dyn Iterator<Item = &String>| {
            for name in names {
                if !is_option(name) {
                    return Err(format!("{at}: no option is called `{name}`"));
                }
            }
            Ok(())
        };
        for (name, login) in self.logins.iter() {
            let mut names = login.needs.iter().chain(&login.uses).chain(login.when.names());
            need_options(&format!("logins.{name}"), &mut names)?;
            if login.needs.is_empty() {
                return Err(format!("logins.{name}.needs: names no option"));
            }
            if login.token.is_some() != login.steps.is_empty() {
                return Err(format!("logins.{name}: needs either steps or a fixed token"));
            }
            if login.token.is_none() && self.token.access_token.is_none() {
                return Err(format!("token.access_token is missing, and logins.{name} needs it"));
            }
            if login.present.as_ref().unwrap_or(&self.present).0.is_empty() {
                return Err(format!(
                    "present is missing: how does a request carry the token of logins.{name}?"
                ));
            }
        }
        for (at, step) in self.steps() {
            need_options(&format!("{at}.when"), &mut step.when.names())?;
            if step.form.is_some() && step.json.is_some() {
                return Err(format!("{at}: has both a form and a json body"));
            }
            if step.url.0.is_empty() {
                return Err(format!("{at}.url: there is none"));
            }
            Method::parse(&step.method)
                .map_err(|why| format!("{at}.method: `{}`: {why}", step.method))?;
            for (header, value) in step.headers.iter() {
                header_name(&format!("{at}.headers"), header)?;
                header_text(&format!("{at}.headers.{header}"), value)?;
            }
            for (path, _) in step.expect.iter() {
                Pointer::parse(path).map_err(|what| format!("{at}.expect: {what}"))?;
            }
            for rule in &step.rejected {
                rule.check_of_login().map_err(|what| format!("{at}.rejected: {what}"))?;
            }
            if step.attempts.is_some_and(|attempts| !(1..=10).contains(&attempts)) {
                return Err(format!("{at}.attempts: must be a number from 1 to 10"));
            }
        }
        for (name, map) in self.maps.iter() {
            need_options(&format!("maps.{name}.of"), &mut std::iter::once(&map.of))?;
            if map.default.as_ref().is_some_and(|d| !map.to.contains(d)) {
                return Err(format!("maps.{name}.default: is not one of its words"));
            }
        }
        if let Some(discovery) = &self.discovery {
            need_options("discovery.when", &mut std::iter::once(&discovery.when))?;
        }
        if let Some(refresh) = &self.refresh {
            need_options("refresh.needs", &mut refresh.needs.iter())?;
            if refresh.steps.is_empty() {
                return Err("refresh.steps: there is none; leave refresh out".into());
            }
        }
        for rule in self.request.refused.iter().flatten() {
            rule.check().map_err(|what| format!("request.refused: {what}"))?;
        }
        if self.token.lifetime.seconds == Some(0) {
            return Err("token.lifetime.seconds: 0 would mean a login for every request".into());
        }
        let mut sets = self.presented();
        sets.push(("request.headers".into(), &self.request.headers));
        for (at, headers) in sets {
            for (header, value) in headers.iter() {
                header_name(&at, header)?;
                header_text(&format!("{at}.{header}"), value)?;
            }
        }
        self.check_names(table)
    }

    /// A template may name options, maps, values and what steps save; tokens only where there are any.
    /// Options of this machine's own, such as its keys to the store, are nothing to tell a cloud.
    fn check_names(&self, table: &[Opt]) -> std::result::Result<(), String> {
        let is_own =
            |o: &&Opt| matches!(o.group, Group::Transport | Group::Lifecycle | Group::Store);
        let mut known: BTreeSet<&str> = self.maps.names().map(String::as_str).collect();
        known.extend(self.values.names().map(String::as_str));
        known.extend(table.iter().filter(|o| !is_own(o)).map(|o| o.name.as_str()));
        let steps = self.steps();
        known.extend(steps.iter().flat_map(|(_, step)| step.save.names()).map(String::as_str));
        for (at, template, tokens) in self.templates() {
            for (name, _) in template.names() {
                if known.contains(name)
                    || (tokens && matches!(name, "access_token" | "refresh_token"))
                {
                    continue;
                }
                return Err(match table.iter().find(|option| option.name == name) {
                    Some(_) => format!("{at}: `{{{name}}}` is an option that no cloud is told"),
                    None => format!(
                        "{at}: `{{{name}}}` is neither an option nor a value of this profile"
                    ),
                });
            }
        }
        for (name, map) in self.maps.iter() {
            if table.iter().filter(is_own).any(|option| option.name == map.of) {
                return Err(format!("maps.{name}.of: is an option that no cloud is told"));
            }
        }
        Ok(())
    }
}

impl Step {
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

fn header_name(at: &str, name: &str) -> std::result::Result<(), String> {
    if !is_token(name) {
        return Err(format!("{at}: `{name}` is not a header name"));
    }
    if is_of_the_connection(name) {
        return Err(format!("{at}: the header {name} is set by the connection"));
    }
    Ok(())
}

/// Values are checked when they are filled in; the text around them is checked here.
fn header_text(at: &str, value: &Template) -> std::result::Result<(), String> {
    match value.source().bytes().all(|b| (0x20..0x7f).contains(&b)) {
        true => Ok(()),
        false => Err(format!("{at}: has a character that a header cannot carry")),
    }
}
