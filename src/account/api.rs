//! The APIs of an account: where they are, who may see the token, and what each request carries.

use crate::account::account::Account;
use crate::account::headers::Headers;
use crate::error::{Error, Result, Status};
use crate::http::url::{OriginRule, Url, has_scheme};
use crate::model::record::Discovered;
use crate::provider::fill::safe;
use crate::provider::template::{Place, Template, Values};
use crate::support::ordered::Ordered;
use crate::support::secret::Secret;

/// What requests need to know, worked out once for as long as nothing is discovered anew.
#[derive(Debug)]
pub(crate) struct Api {
    provider: String,
    /// What relative URLs are relative to.
    base: Option<Url>,
    /// What a URL may begin with in braces: `base_url`, and what was discovered.
    endpoints: Ordered<String>,
    trusted: Vec<OriginRule>,
    /// Headers for requests that do not set them.
    pub headers: Headers,
}

impl Values for Api {
    fn value(&self, name: &str) -> Option<&str> {
        self.endpoints.get(name).map(String::as_str)
    }
}

impl Api {
    pub fn of(account: &Account, discovered: &Discovered) -> Result<Api> {
        let names = account.names(discovered)?;
        let request = &account.profile.request;
        let base_url = names.value("base_url");
        let base = match &request.base {
            Some(base) => base.fill(Place::Url, &names)?,
            None => base_url.map(Secret::from),
        };
        let base = base.map(|base| Url::parse(base.expose())).transpose()?;
        let mut endpoints = discovered.0.clone();
        let mut trusted = account.origins.clone();
        let at_endpoints = endpoints.iter().filter_map(|(_, endpoint)| Url::parse(endpoint).ok());
        trusted.extend(base.iter().cloned().chain(at_endpoints).map(OriginRule::of));
        if let Some(url) = base_url {
            endpoints.insert("base_url", url.into());
        }
        let headers = request.headers.iter().map(|(name, value)| {
            Ok(value.fill(Place::Header, &names)?.map(|v| (name.to_string(), v)))
        });
        let headers = headers.filter_map(Result::transpose).collect::<Result<_>>()?;
        Ok(Api { provider: account.profile.name.clone(), base, endpoints, trusted, headers })
    }

    /// The absolute URL of a request, if the token may go there.
    pub fn target(&self, account: &Account, url: &str, query: &str) -> Result<Url> {
        let url = self.absolute(url)?.with_query(query)?;
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

    fn absolute(&self, url: &str) -> Result<Url> {
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
