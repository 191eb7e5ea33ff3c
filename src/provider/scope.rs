//! The names of one step or one request: what is known, and what is computed from it when a
//! template first asks for it. Computed once, so that a time stamp is the same wherever it is
//! named.
//!
//! ```text
//! names        username, base_url, access_token ...      known from the start
//! + values     t, sign, assertion ...                    computed on demand, then kept
//! + request    method, path, sorted_query, body ...      in headers only, `within` a request
//! ```
//!
//! A scope is made for one step or one request and dropped with it. Its moment may outlive it: who
//! asks the very same again, because an answer did not come in time, sends the same time stamp and
//! nonce.

use super::computed::Computed;
use super::json_template::JsonTemplate;
use super::kinds::Kinds;
use super::names::Names;
use super::profile::{Entry, Profile};
use super::template::{Place, Template, Values};
use crate::error::{Error, Result, Status};
use crate::http::message::Outgoing;
use crate::support::clock::{Clock, UnixMillis};
use crate::support::json::Value;
use crate::support::json::read::OneOrMany;
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;

/// What names stand for while one step or one request is filled in.
pub(crate) struct Scope<'a> {
    profile: &'a Profile,
    /// What needs no computing.
    names: &'a Names,
    /// What was computed, and when.
    moment: Moment,
    /// The request whose headers are being made; `None` before there is one.
    request: Option<&'a Outgoing>,
    /// What is being computed: each name, and whether as a URL. A name that is met again here is
    /// part of a circle, and has no value.
    under_way: Vec<(&'a str, bool)>,
}

/// When something was computed, and what. Whoever asks the very same again goes on with it.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// The cloud's time.
    now: UnixMillis,
    /// What was computed, as a text.
    texts: Ordered<Secret>,
    /// What was computed as a URL that others begin with: values in it are escaped.
    urls: Ordered<Secret>,
    /// Which of the computed are numbers.
    numbers: Vec<String>,
    /// What was made besides, such as the assertion of a client.
    made: Ordered<Secret>,
    /// Whether the time has gone into any of it: then a wrong clock may be why it was refused.
    pub is_timed: bool,
}

impl Moment {
    /// A moment at which nothing was computed yet.
    pub fn at(now: UnixMillis) -> Moment {
        let (texts, urls, made) = Default::default();
        Moment { now, texts, urls, made, numbers: Vec::new(), is_timed: false }
    }

    /// What was computed and made of secrets: no message may show it.
    pub fn secrets<'m>(&'m self, kinds: &'m Kinds) -> impl Iterator<Item = &'m Secret> {
        let is_secret = |(name, _): &(&str, &Secret)| kinds.of_name(name, false).secret;
        let computed = self.texts.iter().filter(is_secret).map(|(_, value)| value);
        computed.chain(self.made.iter().map(|(_, value)| value))
    }
}

impl Values for Scope<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        let computed = || self.moment.texts.get(name).map(Secret::expose);
        let body = || std::str::from_utf8(self.body(name)?).ok();
        self.names.value(name).or_else(computed).or_else(body)
    }

    fn is_number(&self, name: &str) -> bool {
        self.names.is_number(name) || self.moment.numbers.iter().any(|number| number == name)
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.value(name).map(str::as_bytes).or_else(|| self.body(name))
    }

    fn opening(&self, name: &str) -> Option<&str> {
        self.moment.urls.get(name).map(Secret::expose).or_else(|| self.value(name))
    }
}

impl<'a> Scope<'a> {
    /// A scope for now, by the cloud's clock.
    pub fn new(profile: &'a Profile, names: &'a Names, clock: &Clock) -> Scope<'a> {
        Scope::of(profile, names, Moment::at(clock.cloud_millis()))
    }

    /// A scope for a moment that was before, or for one that the caller has chosen.
    pub fn of(profile: &'a Profile, names: &'a Names, moment: Moment) -> Scope<'a> {
        Scope { profile, names, moment, request: None, under_way: Vec::new() }
    }

    /// What is known without computing anything.
    pub fn names(&self) -> &'a Names {
        self.names
    }

    /// What was computed so far.
    pub fn moment(&self) -> &Moment {
        &self.moment
    }

    /// The request's body, where that is what the name means. It need not be text.
    fn body(&self, name: &str) -> Option<&[u8]> {
        let request = self.request.filter(|_| name == "body")?;
        request.body.as_bytes()
    }

    /// Fills a template, computing what it names. `None` where a name that may be missing is
    /// missing. `MISSING_OPTION` says through which values a name is missing: `sign`, which needs
    /// `client_secret`.
    pub fn fill(&mut self, template: &Template, place: Place) -> Result<Option<Secret>> {
        self.prepare(template, place)?;
        let absent = |(name, optional): &(&str, bool)| !optional && self.bytes(name).is_none();
        if place != Place::Url {
            if let Some((name, _)) = template.names().find(absent) {
                return Err(self.missing(template, name));
            }
        }
        template.fill(place, self)
    }

    /// Fills all templates of a document.
    pub fn fill_json(&mut self, document: &JsonTemplate) -> Result<Option<Value>> {
        for template in document.templates() {
            self.prepare(template, Place::Plain)?;
        }
        document.fill(self)
    }

    /// What a name stands for, if anything.
    pub fn find(&mut self, name: &str) -> Result<Option<&str>> {
        self.need(name, false)?;
        Ok(self.value(name))
    }

    /// What was made under this name before, or is made now, by the clock: whoever asks the very
    /// same again sends the very same. No template can name it.
    pub fn once(
        &mut self,
        name: &str,
        make: impl FnOnce(UnixMillis) -> Result<Secret>,
    ) -> Result<Secret> {
        if let Some(made) = self.moment.made.get(name) {
            return Ok(made.clone());
        }
        let made = make(self.moment.now)?;
        self.moment.made.insert(name, made.clone());
        self.moment.is_timed = true;
        Ok(made)
    }

    /// Notes a header that was made of the whole request and of secrets: no message may show it.
    pub fn hide(&mut self, header: &str, value: &Secret) {
        self.moment.made.insert(header, value.clone());
    }

    /// Computes what a template names, so that it can be filled.
    pub fn prepare(&mut self, template: &Template, place: Place) -> Result<()> {
        let mut opens = place == Place::Url && template.opens_with_a_name();
        template.names().try_for_each(|(name, _)| {
            let as_url = std::mem::take(&mut opens);
            self.need(name, as_url)
        })
    }

    /// The same names and those of a request: `method`, `path`, `target` (path and query), `host`,
    /// `sorted_query` (no value where there is no query), `body`, `accept` and `content_type`. It
    /// is the request as it will be sent, but for the headers that are made of it. What was
    /// computed so far stays as it is.
    pub fn within<'b>(&self, request: &'b Outgoing) -> Scope<'b>
    where
        'a: 'b,
    {
        let mut moment = self.moment.clone();
        let mut set = |name: &str, text: &str| {
            // A profile's own meaning of such a name counts (format 1 knows no requests).
            if self.names.value(name).is_none() {
                moment.texts.insert(name, text.into());
            }
        };
        let url = &request.url;
        set("method", request.method.as_str());
        set("path", url.path());
        set("target", url.target());
        set("host", &url.origin().authority());
        if let Some(query) = url.query().filter(|query| !query.is_empty()) {
            let mut pairs: Vec<&str> = query.split('&').collect();
            pairs.sort_by_key(|pair| pair.split_once('=').unwrap_or((pair, "")));
            set("sorted_query", &pairs.join("&"));
        }
        for (header, name) in [("accept", "accept"), ("content-type", "content_type")] {
            let found = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(header));
            if let Some((_, value)) = found {
                set(name, value.expose());
            }
        }
        Scope {
            profile: self.profile,
            names: self.names,
            moment,
            request: Some(request),
            under_way: Vec::new(),
        }
    }

    /// Computes a value, if it is one and not yet known.
    fn need(&mut self, name: &str, as_url: bool) -> Result<()> {
        // The base is a URL wherever it is named.
        let as_url = as_url || name == "base_url";
        let computed = if as_url { &self.moment.urls } else { &self.moment.texts };
        if computed.contains(name) || self.names.value(name).is_some() {
            return Ok(());
        }
        let profile = self.profile;
        let Some((name, entries)) = profile.values.0.iter().find(|(known, _)| known == name) else {
            if name == "base_url" {
                let entries = profile.base_url.iter();
                return self.first("base_url", entries.map(Alternative::Text), true);
            }
            return Ok(());
        };
        if self.request.is_none() && profile.kinds.of_name(name, false).request {
            return self.parts(name, entries);
        }
        let entries = entries.0.iter().map(|entry| match entry {
            Entry::Text(template) => Alternative::Text(template),
            Entry::Computed(computed) => Alternative::Computed(computed),
        });
        self.first(name, entries, as_url)
    }

    /// Without the request a value cannot be computed yet; but what else it is made of is, so that
    /// it is the same for all who name it.
    fn parts(&mut self, name: &'a str, entries: &'a OneOrMany<Entry>) -> Result<()> {
        if self.under_way.contains(&(name, false)) {
            return Ok(());
        }
        self.under_way.push((name, false));
        let mut templates = entries.0.iter().flat_map(Entry::templates);
        let prepared = templates.try_for_each(|template| self.prepare(template, Place::Plain));
        self.under_way.pop();
        prepared
    }

    /// The first that has a value is what the name stands for. While it is looked for, the name
    /// stands for nothing: values that name each other in a circle have none.
    fn first(
        &mut self,
        name: &'a str,
        mut alternatives: impl Iterator<Item = Alternative<'a>>,
        as_url: bool,
    ) -> Result<()> {
        if self.under_way.contains(&(name, as_url)) {
            return Ok(());
        }
        self.under_way.push((name, as_url));
        let found = alternatives.find_map(|entry| self.one(name, entry, as_url).transpose());
        self.under_way.pop();
        if let Some(found) = found.transpose()? {
            let base_url = name == "base_url";
            if as_url {
                self.moment.urls.insert(name, found.clone());
            }
            if !as_url || base_url {
                self.moment.texts.insert(name, found);
            }
        }
        Ok(())
    }

    /// What one meaning of a name comes to; `None` where something that it needs has no value. What
    /// it needs is computed first.
    fn one(
        &mut self,
        name: &'a str,
        entry: Alternative<'a>,
        as_url: bool,
    ) -> Result<Option<Secret>> {
        match entry {
            Alternative::Text(template) => {
                let place = if as_url { Place::Url } else { Place::Plain };
                self.prepare(template, place)?;
                let opens = |index| as_url && index == 0 && template.opens_with_a_name();
                let missing = template.names().enumerate().any(|(index, (name, _))| {
                    let found = if opens(index) { self.opening(name) } else { self.value(name) };
                    found.is_none()
                });
                if missing {
                    return Ok(None);
                }
                if template.only_name().is_some_and(|of| self.is_number(of)) {
                    self.moment.numbers.push(name.into());
                }
                template.fill(place, self)
            }
            Alternative::Computed(computed) => {
                for template in computed.templates() {
                    self.prepare(template, Place::Plain)?;
                }
                if computed.is_number() {
                    self.moment.numbers.push(name.into());
                }
                let value = computed.compute(self, self.moment.now)?;
                self.moment.is_timed |= computed.is_of_the_moment() && value.is_some();
                Ok(value)
            }
        }
    }

    /// Says what it is that is missing: of a value, what that is made of.
    fn missing(&mut self, template: &Template, name: &str) -> Error {
        let mut lacks = name.to_string();
        let mut at = name;
        // A chain of values may be long, or a circle.
        for _ in 0..5 {
            let Some(entries) = self.profile.values.get(at) else { break };
            let templates = entries.0.iter().flat_map(Entry::templates);
            let mut names = templates.flat_map(Template::names);
            let is_missing =
                |(name, optional): &(&str, bool)| !optional && self.bytes(name).is_none();
            let Some((next, _)) = names.find(is_missing) else { break };
            lacks.push_str(&format!(", which needs {next}"));
            at = next;
        }
        Error::new(
            Status::MissingOption,
            format!("`{}` needs {lacks}, which has no value", template.shown()),
        )
    }
}

/// One of the meanings that a profile lists for a name.
enum Alternative<'a> {
    Text(&'a Template),
    Computed(&'a Computed),
}
