//! How an API request carries its credentials.

use std::fmt;

use crate::http::Request;

/// Where in a request the credentials are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Carrier {
    /// After a scheme's name in a header; the whole header where the scheme is empty.
    Header(&'static str, &'static str),
}

/// What the credentials are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Opens {
    /// An access token that was issued here.
    Token,
    /// The secret of this principal, as it is.
    Secret(&'static str),
}

impl Carrier {
    /// What the request carries here.
    pub(crate) fn find(self, request: &Request) -> Option<&str> {
        match self {
            Carrier::Header(name, "") => request.header(name),
            Carrier::Header(name, scheme) => request.credentials(name, scheme),
        }
    }

    /// The header it is in.
    pub(crate) fn header(self) -> &'static str {
        let Carrier::Header(name, _) = self;
        name
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Carrier::Header(name, "") => write!(out, "the header {name}"),
            Carrier::Header(name, scheme) => write!(out, "{name}: {scheme}"),
        }
    }
}
