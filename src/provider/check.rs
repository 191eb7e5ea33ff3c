//! What a profile must hold to besides its form: every name it uses must be one that has a value,
//! every header one that can be sent. The message of a refusal says where.
//!
//! ```text
//! logins.a.steps[0].rejected: 503 is no rejection: only 4xx, and a 2xx that says so, can be
//! logins.a.needs: names no option
//! present: the header Host is set by the connection
//! token.lifetime.seconds: 0 would mean a login for every request
//! ```
//!
//! Profiles come from users, at run time. What is refused here cannot fail later, in the middle of
//! the night and with a password in hand; so a rule belongs here if it can be told from the profile
//! alone.

use super::json_template::JsonTemplate;
use super::kinds::Kinds;
use super::pointer::Pointer;
use super::profile::{Format, LifetimeRule, Login};
use super::template::{Number, Template};
use super::uses::DEVICE_CODES;
use crate::http::headers::{is_of_the_connection, is_token};
use crate::http::message::Method;
use crate::model::option::Opt;

impl Format {
    /// Says the first thing that is wrong, by its path in the document; gives what the values are
    /// made of. `table` is the built-in options and the profile's own.
    pub fn check(&self, table: &[Opt]) -> std::result::Result<Kinds, String> {
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
            let ways = [login.token.is_some(), !login.steps.is_empty(), login.is_a_persons()];
            if ways.into_iter().filter(|way| *way).count() != 1 {
                return Err(format!(
                    "logins.{name}: needs either steps, or a fixed token, or device and browser"
                ));
            }
            check_persons(login).map_err(|what| format!("logins.{name}.{what}"))?;
            if let Some(lifetime) = &login.lifetime {
                check_lifetime(lifetime)
                    .map_err(|what| format!("logins.{name}.lifetime.{what}"))?;
                let of_an_answer = lifetime.expires_in.is_some() || lifetime.expires_at.is_some();
                if login.token.is_none() || of_an_answer {
                    return Err(format!(
                        "logins.{name}.lifetime: is for a token that is computed, and has jwt or seconds"
                    ));
                }
            }
            if login.token.is_none() && self.token.access_token.is_none() {
                return Err(format!("token.access_token is missing, and logins.{name} needs it"));
            }
            let is_for_mqtt = login.present.is_some() && login.mqtt.is_some();
            if !is_for_mqtt && login.present.as_ref().unwrap_or(&self.present).is_empty() {
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
            if step.client_auth && step.form.is_none() {
                return Err(format!(
                    "{at}.client_auth: needs a form, where the client's name goes"
                ));
            }
            if step.extras && step.form.is_none() && step.query.is_empty() {
                return Err(format!(
                    "{at}.extras: needs a form or a query, where further fields go"
                ));
            }
            if step.client_auth && step.basic_auth.is_some() {
                return Err(format!("{at}: has both client_auth and basic_auth"));
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
        for rule in &self.request.next.0 {
            rule.check().map_err(|what| format!("request.next: {what}"))?;
        }
        for (at, mqtt) in self.mqtt_rules() {
            let is_broker =
                |url: &Template| ["mqtts://", "wss://"].iter().any(|s| url.source().starts_with(s));
            if mqtt.url.as_ref().is_some_and(|url| !is_broker(url)) {
                return Err(format!("{at}.url: must begin with mqtts:// or wss://"));
            }
        }
        check_lifetime(&self.token.lifetime).map_err(|what| format!("token.lifetime.{what}"))?;
        let mut sets = Vec::new();
        for (at, present) in self.presented() {
            let is_object = present.json.as_ref().is_none_or(JsonTemplate::is_object);
            if !is_object {
                return Err(format!("{at}.json: must be an object"));
            }
            sets.push((at, &present.headers));
        }
        sets.push(("request.headers".into(), &self.request.headers));
        for (at, headers) in sets {
            for (header, value) in headers.iter() {
                header_name(&at, header)?;
                header_text(&format!("{at}.{header}"), value)?;
            }
        }
        self.check_names(table)
    }
}

/// A login that a person allows: its calls, and what they must give.
fn check_persons(login: &Login) -> std::result::Result<(), String> {
    for (at, calls) in [("device", &login.device), ("browser", &login.browser)] {
        let Some(calls) = calls else { continue };
        for (part, steps) in [("begin", &calls.begin), ("finish", &calls.finish)] {
            if steps.is_empty() {
                return Err(format!("{at}.{part}: there is no step"));
            }
        }
        let saves = |name: &&&str| !calls.begin.iter().any(|step| step.save.contains(name));
        let lacking = DEVICE_CODES.iter().find(saves).filter(|_| at == "device");
        if let Some(name) = lacking {
            return Err(format!("device.begin: saves no {name}"));
        }
    }
    Ok(())
}

/// A lifetime of nothing would make every call a login.
fn check_lifetime(rule: &LifetimeRule) -> std::result::Result<(), &'static str> {
    match &rule.seconds {
        Some(Number(seconds)) if seconds.source() == "0" => {
            Err("seconds: 0 would mean a login for every request")
        }
        _ => Ok(()),
    }
}

/// A header that can be sent (RFC 9110 5.1), and is not the connection's own.
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
