//! How the clients of the OAuth 2.0 server say and prove who they are (RFC 6749 2.3): by a secret, in a
//! header or in the form, or not at all where a client has none (2.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::call::Call;
use super::oauth2::{client_refused, refusal};
use crate::credentials::known::oauth2 as known;
use crate::fields::Fields;
use crate::form::unescape;
use crate::http::{Answer, Request};

/// Who asks.
pub(super) struct Client {
    pub(super) id: String,
    /// Whether it has shown that it is that.
    pub(super) proven: bool,
}

/// One way of authentication, never two (2.3).
pub(super) fn authenticate(call: &mut Call<'_>, fields: &Fields) -> Result<Client, Answer> {
    let by_header = call.request.header("authorization").is_some();
    let (id, secret) = if by_header {
        if fields.has("client_secret") {
            return Err(refusal("invalid_request", "the client authenticated in two ways"));
        }
        let (id, secret) = basic(call.request).map_err(|why| client_refused(true, why))?;
        if fields.has("client_id") && fields.text("client_id") != id {
            return Err(refusal("invalid_request", "two different client_ids came"));
        }
        (id, secret)
    } else {
        let id = fields.text("client_id").to_owned();
        if id == known::PUBLIC_CLIENT_ID && !fields.has("client_secret") {
            return Ok(Client { id, proven: false });
        }
        if id.is_empty() || !fields.has("client_secret") {
            return Err(client_refused(false, "no client authentication came"));
        }
        (id, fields.text("client_secret").to_owned())
    };
    call.site
        .login(&format!("client:{id}"), &secret, call.scene.now_ms)
        .map_err(|refused| client_refused(by_header, refused.why()))?;
    Ok(Client { id, proven: true })
}

/// Identifier and secret are form-encoded before they are joined and written in base64 (2.3.1).
fn basic(request: &Request) -> Result<(String, String), &'static str> {
    let given = request
        .credentials("authorization", "Basic")
        .ok_or("Authorization must be of the Basic type")?;
    let given = STANDARD.decode(given).map_err(|_| "the Basic credentials are not base64")?;
    let colon =
        given.iter().position(|byte| *byte == b':').ok_or("the Basic credentials have no ':'")?;
    Ok((unescape(&given[..colon])?, unescape(&given[colon + 1..])?))
}
