//! Where a step's call goes, as people are told: its URL without secrets, the option that decides
//! it, and which option is missing for it.
//!
//! ```text
//! kontakt login: POST https://id.example.com/login answered 404; check base_url (https://id.example.com)
//! oauth2: set token_url or issuer: without it the login does not know where to go
//! ```
//!
//! A message that names the option saves its reader the search through a profile's values for what
//! `{token_endpoint}` was made of.

use super::names::Names;
use super::profile::{Entry, Profile, Step};
use super::scope::Scope;
use super::template::{Template, Values};
use crate::error::{Error, Result, Status};
use crate::http::url::query_encode;
use crate::model::options::Options;

/// A step's URL for messages: names that stand for no secret are filled, all others are left as
/// they are written.
pub(super) fn shown(url: &Template, names: &Names, scope: &Scope<'_>) -> String {
    let filled = url.show(|name, opens| {
        let value = if opens { scope.opening(name) } else { names.value(name) };
        let value = value.filter(|_| !names.is_secret(name))?;
        let mut text = String::new();
        match opens {
            true => text.push_str(value),
            false => query_encode(value, &mut text),
        }
        Some(text)
    });
    // A value may be made of secrets.
    if names.redaction().is_shown_by(&filled) { url.source().into() } else { filled }
}

/// The option that decides where the call goes, and its value: `base_url
/// (https://api.example.com)`.
pub(super) fn place(profile: &Profile, url: &Template, names: &Names, scope: &Scope<'_>) -> String {
    let opens = |template: &Template| template.opens_with_a_name();
    let first = |template: &Template| Some(template.names().next()?.0.to_string());
    let mut name = Some(url).filter(|url| opens(url)).and_then(first);
    // As deep as a chain of values can be.
    for _ in 0..=profile.values.0.len() {
        let entries = name.as_ref().and_then(|name| profile.values.get(name));
        let Some(entries) = entries else { break };
        let templates = entries.0.iter().flat_map(Entry::templates).filter(|t| opens(t));
        let mut names = templates.filter_map(first);
        name = names.find(|name| scope.opening(name).is_some());
    }
    let Some(name) = name else { return "base_url".into() };
    let name = finder(profile, &name).unwrap_or(&name);
    match scope.opening(name).or(names.value(name)) {
        Some(value) if !names.redaction().is_shown_by(value) => format!("{name} ({value})"),
        _ => name.into(),
    }
}

/// The option that asks for a discovery which finds what this name stands for.
fn finder<'p>(profile: &'p Profile, name: &str) -> Option<&'p str> {
    let discovery = profile.discovery.as_ref()?;
    let finds = discovery.steps.iter().any(|step| step.save.contains(name));
    finds.then_some(&discovery.when)
}

/// Says which options are missing for these steps to know where to go: `MISSING_OPTION` when the
/// client is made, in place of a login that fails later. What discovery or an earlier step will
/// give counts as there.
pub(crate) fn check(
    profile: &Profile,
    options: &Options,
    steps: &[Step],
    scope: &mut Scope<'_>,
) -> Result<()> {
    let mut saved: Vec<&String> = Vec::new();
    for step in steps.iter().filter(|step| step.applies(options)) {
        let mut lacking = Vec::new();
        let mut found = false;
        for url in &step.url.0 {
            let mut lacks = Lacks { profile, options, saved: &saved, options_of_use: Vec::new() };
            found |= lacks.nothing_for(url, scope, 0);
            lacking.append(&mut lacks.options_of_use);
        }
        if !found && !lacking.is_empty() {
            lacking.dedup();
            return Err(Error::new(
                Status::MissingOption,
                format!(
                    "{}: set {}: without it the {} does not know where to go",
                    profile.name,
                    lacking.join(" or "),
                    step.call
                ),
            ));
        }
        saved.extend(step.save.names());
    }
    Ok(())
}

/// What stands between a template and its value.
struct Lacks<'a> {
    profile: &'a Profile,
    options: &'a Options,
    /// What earlier steps will have saved.
    saved: &'a [&'a String],
    /// Each of these would do.
    options_of_use: Vec<String>,
}

impl Lacks<'_> {
    /// Whether all names of a template have a value or will have one. `deep` is how many values lie
    /// between it and the step: values may name each other in a circle.
    fn nothing_for(&mut self, template: &Template, scope: &mut Scope<'_>, deep: usize) -> bool {
        // All of its names, so that each gets into the list.
        let known: Vec<bool> =
            template.names().map(|(name, _)| self.knows(name, scope, deep)).collect();
        known.into_iter().all(|known| known)
    }

    /// Whether a name has a value or will have one; else notes the options that would give it one.
    fn knows(&mut self, name: &str, scope: &mut Scope<'_>, deep: usize) -> bool {
        let comes = finder(self.profile, name).is_some_and(|when| self.options.is_set(when));
        let is_saved = self.saved.iter().any(|saved| *saved == name);
        if comes || is_saved || matches!(scope.find(name), Ok(Some(_))) {
            return true;
        }
        let profile = self.profile;
        let entries = profile.values.get(name).map(|entries| &entries.0[..]).unwrap_or_default();
        let base = profile.base_url.iter().filter(|_| name == "base_url");
        let alternatives: Vec<Vec<&Template>> =
            entries.iter().map(Entry::templates).chain(base.map(|base| vec![base])).collect();
        if alternatives.is_empty() || deep > profile.values.0.len() {
            let option = finder(profile, name).unwrap_or(name);
            if self.options.option(option).is_some() {
                self.options_of_use.push(option.into());
            }
            return false;
        }
        let mut found = false;
        for templates in alternatives {
            found |= templates.iter().all(|template| self.nothing_for(template, scope, deep + 1));
        }
        found
    }
}
