//! The APIs of an account: where they are, who may see the token, and what each request carries.
//!
//! ```text
//! devices?page=2           below the base URL
//! /v3/device               at the base URL's host, from its root
//! {deviceBaseUrl}/Device   at an endpoint that discovery found
//! https://host/path        as it is
//! ```
//!
//! The rule that this file keeps: a token goes to origins that the profile, the user or the
//! profile's discovery named, and to no other (an origin is scheme, host and port, RFC 6454). Any
//! other answer may choose among them; it cannot name a new one.

use crate::account::account::Account;
use crate::account::carry::same_each_time;
use crate::account::headers::Headers;
use crate::error::{Error, Result, Status};
use crate::http::url::{OriginRule, Url, has_scheme};
use crate::model::option::Kind;
use crate::model::record::{Discovered, Record};
use crate::provider::endpoints::{ENDPOINT, is_endpoint};
use crate::provider::fill::safe;
use crate::provider::names::Names;
use crate::provider::profile::Profile;
use crate::provider::scope::{Moment, Scope};
use crate::provider::template::{Place, Template, Values};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;
use crate::support::slot::Slot;
use std::borrow::Cow;
use std::sync::{Arc, Weak};

/// What requests need to know, worked out once for as long as nothing is discovered anew.
#[derive(Debug)]
pub(crate) struct Api {
    /// What it was worked out from.
    from: Inputs,
    /// The provider's name, for messages.
    provider: String,
    /// What relative URLs are relative to.
    base: Option<Url>,
    /// What a URL may begin with in braces: `base_url`, and what was discovered.
    endpoints: Ordered<String>,
    /// Origins that may see the token.
    trusted: Vec<OriginRule>,
    /// Headers for requests that do not set them.
    pub headers: Headers,
}

/// What an API is worked out from: where it is the same, so are URLs and headers.
#[derive(Debug)]
struct Inputs {
    profile: Arc<Profile>,
    discovered: Discovered,
    /// `allowed_origins`, and those of the profile.
    origins: Vec<OriginRule>,
    /// The values of the names that it is made of, and URLs of the user's own, since those may be
    /// trusted: each by where it stands among them.
    values: Vec<(usize, Secret)>,
}

impl Inputs {
    fn of(account: &Account, record: &Record, names: &Names) -> Inputs {
        let values = values(account, names);
        Inputs {
            profile: account.profile.clone(),
            discovered: record.discovered.clone(),
            origins: account.origins.clone(),
            values: values.map(|(at, value)| (at, value.into())).collect(),
        }
    }

    /// Whether the same comes of these.
    fn are_those_of(&self, account: &Account, record: &Record, names: &Names) -> bool {
        let known = self.values.iter().map(|(at, value)| (*at, value.expose()));
        Arc::ptr_eq(&self.profile, &account.profile)
            && self.discovered == record.discovered
            && self.origins == account.origins
            && known.eq(values(account, names))
    }
}

/// The values that the API of an account is worked out from.
fn values<'a>(account: &'a Account, names: &'a Names) -> impl Iterator<Item = (usize, &'a str)> {
    let named = account.profile.names_of_requests.iter().map(|name| names.value(name));
    let options = account.options.table().iter();
    let urls = options.filter(|option| matches!(option.kind, Kind::Url | Kind::BaseUrl));
    let all = named.chain(urls.map(|option| account.options.get(&option.name)));
    all.enumerate().filter_map(|(at, value)| Some((at, value?)))
}

impl Values for Api {
    fn value(&self, name: &str) -> Option<&str> {
        self.endpoints.get(name).map(String::as_str)
    }
}

impl Api {
    /// Works out the URLs from what was discovered and what came with the token. Fails where a URL
    /// of the profile or the options cannot be filled in.
    ///
    /// Where another client of the process has worked out the same, it is shared: of a hundred
    /// thousand clients of one cloud all have the same URLs.
    pub fn of(account: &Account, record: &Record) -> Result<Arc<Api>> {
        /// The last that was worked out, for some profiles at once. Kept by its clients alone: its
        /// headers may be secret.
        static LAST: [Slot<Weak<Api>>; 16] = [const { Slot::empty() }; 16];
        let discovered = &record.discovered;
        let names = match &record.token {
            Some(token) => account.names_of_requests(token, discovered)?,
            None => account.names(discovered)?,
        };
        let profile = Arc::as_ptr(&account.profile) as usize;
        let last = &LAST[profile / 64 % LAST.len()];
        if let Some(last) = last.get().as_deref().and_then(Weak::upgrade) {
            if last.from.are_those_of(account, record, &names) {
                return Ok(last);
            }
        }
        let api = Arc::new(Api::work_out(account, record, &names)?);
        last.put(Some(Arc::new(Arc::downgrade(&api))));
        Ok(api)
    }

    fn work_out(account: &Account, record: &Record, names: &Names) -> Result<Api> {
        let discovered = &record.discovered;
        let profile = &account.profile;
        let mut endpoints = discovered.0.clone();
        endpoints.0.retain(|(name, _)| is_endpoint(profile, name));
        let mut trusted = account.origins.clone();
        let at_endpoints = endpoints.iter().filter_map(|(_, endpoint)| Url::parse(endpoint).ok());
        trusted.extend(at_endpoints.map(OriginRule::of));
        let mut scope = Scope::of(profile, names, Moment::at(0));
        let base_url = scope.find("base_url")?.map(str::to_string);
        for name in profile.values.names().filter(|name| name.ends_with(ENDPOINT)) {
            let Ok(Some(url)) = scope.find(name) else { continue };
            // What the user has named is the user's word; any other must be an endpoint that was found.
            let mut named = account.options.table().iter().filter(|o| o.kind == Kind::Url);
            if named.any(|option| account.options.get(&option.name) == Some(url)) {
                trusted.extend(Url::parse(url).ok().map(OriginRule::of));
            }
            endpoints.insert(name, url.to_string());
        }
        let base = base(account, &mut scope, &trusted, base_url.as_deref())?;
        trusted
            .extend(base.iter().filter(|base| !base.learnt).map(|b| OriginRule::of(b.url.clone())));
        endpoints.0.extend(base_url.map(|url| ("base_url".to_string(), url)));
        let headers = same_each_time(profile, &profile.request.headers, names)?;
        let base = base.map(|base| base.url);
        let from = Inputs::of(account, record, names);
        Ok(Api { from, provider: profile.name.clone(), base, endpoints, trusted, headers })
    }

    /// The URL of a request, if the token may go there: `FOREIGN_ORIGIN` or `INSECURE_URL` if not.
    /// `query` is appended as it is; it was encoded when it was added.
    pub fn target<'u>(
        &self,
        account: &Account,
        url: Cow<'u, Url>,
        query: &str,
    ) -> Result<Cow<'u, Url>> {
        let url = match query {
            "" => url,
            query => Cow::Owned(url.into_owned().with_query(query)?),
        };
        let origin = url.origin();
        safe(&url, &account.options, || url.to_string())?;
        if self.trusted.iter().any(|rule| rule.allows(origin)) {
            return Ok(url);
        }
        Err(Error::new(
            Status::ForeignOrigin,
            format!(
                "{url}: not an origin of {}, so it must not see the token; add {origin} to allowed_origins if it may",
                self.provider
            ),
        ))
    }

    /// A URL as callers write it: absolute, relative to the base, or at an endpoint in braces.
    pub fn absolute(&self, url: &str) -> Result<Url> {
        if has_scheme(url) {
            return Url::parse(url);
        }
        if url.starts_with('{') {
            return self.at_endpoint(url);
        }
        let missing = || {
            let what = format!("{}: no base URL; set base_url", self.provider);
            Error::new(Status::MissingOption, what)
        };
        // The base is a folder, whether or not it ends with a slash.
        let base = self.base.as_ref().ok_or_else(missing)?;
        let folder = format!("{}/", base.as_str().trim_end_matches('/'));
        Url::parse(&folder)?.join(url)
    }

    /// `{deviceBaseUrl}/Device`. Only endpoints may be named: options are not, or a caller's URL
    /// could print a password.
    fn at_endpoint(&self, url: &str) -> Result<Url> {
        let invalid = |what: String| Error::new(Status::InvalidArgument, what);
        let template = Template::parse(url).map_err(invalid)?;
        for (name, _) in template.names() {
            if !self.endpoints.contains(name) {
                let known: Vec<&str> = self.endpoints.iter().map(|(name, _)| name).collect();
                return Err(invalid(format!(
                    "{{{name}}} is not an endpoint of {}; known: {}",
                    self.provider,
                    known.join(" ")
                )));
            }
        }
        let filled = template.fill(Place::Url, self)?;
        Url::parse(filled.as_ref().map_or("", Secret::expose))
    }
}

/// What relative URLs are relative to, and who says so.
struct Base {
    url: Url,
    /// Whether an answer named it. Then it is not trusted by itself: a cloud that is attacked could
    /// send the token anywhere.
    learnt: bool,
}

/// What relative URLs are relative to: of the bases that the profile lists, the first that has a
/// value and, where it was learnt from an answer, whose origin may see the token.
fn base(
    account: &Account,
    scope: &mut Scope<'_>,
    trusted: &[OriginRule],
    base_url: Option<&str>,
) -> Result<Option<Base>> {
    let bases = &account.profile.request.base.0;
    let own = |url: &str| Ok(Base { url: Url::parse(url)?, learnt: false });
    if bases.is_empty() {
        return base_url.map(own).transpose();
    }
    for base in bases {
        scope.prepare(base, Place::Url)?;
        if base.names().any(|(name, _)| scope.opening(name).is_none()) {
            continue;
        }
        let Some(filled) = scope.fill(base, Place::Url)? else { continue };
        if !account.profile.kinds.of_template(base).learnt {
            return own(filled.expose()).map(Some);
        }
        let Ok(url) = Url::parse(filled.expose()) else { continue };
        let home = base_url.and_then(|url| Url::parse(url).ok());
        let at_home = home.is_some_and(|home| home.origin() == url.origin());
        if bases.len() == 1 || at_home || trusted.iter().any(|rule| rule.allows(url.origin())) {
            return Ok(Some(Base { url, learnt: !at_home }));
        }
    }
    Ok(None)
}
