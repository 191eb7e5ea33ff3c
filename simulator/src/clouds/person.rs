//! Where a person lets a client of the OAuth 2.0 server in: by a code that is typed at another device
//! (RFC 8628), or in a browser that is sent back with one (RFC 6749 4.1, RFC 7636, RFC 8252, RFC 9207).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde_json::json;

use super::call::Call;
use super::oauth2::{CLIENTS, refusal, scope_of_text};
use super::rules::Outcome;
use crate::credentials::known::oauth2 as known;
use crate::fields::Fields;
use crate::form;
use crate::http::Answer;
use crate::tokens::{Grant, Minted, random};

pub(crate) const DEVICE_PATH: &str = "/oauth2/device";
pub(crate) const PAGE: &str = "/device";
pub(crate) const AUTHORIZE_PATH: &str = "/oauth2/authorize";

const CODES_LIVE_MS: i64 = 300_000;
const CODE_LIVES_MS: i64 = 60_000;
const INTERVAL_MS: i64 = 5_000;

/// What a person may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The client may come in.
    Approve,
    /// It may not.
    Deny,
    /// Nothing, for too long.
    Expire,
}

impl Consent {
    /// The consent of that name.
    pub fn from_name(name: &str) -> Option<Consent> {
        match name {
            "approve" => Some(Consent::Approve),
            "deny" => Some(Consent::Deny),
            "expire" => Some(Consent::Expire),
            _ => None,
        }
    }
}

/// What a client was told to show to a person.
#[derive(Debug)]
pub(crate) struct Device {
    code: String,
    user_code: String,
    client: String,
    scope: String,
    ends_ms: i64,
    interval_ms: i64,
    asked_ms: Option<i64>,
    answer: Option<Consent>,
}

/// What a browser was sent back with.
#[derive(Debug)]
pub(crate) struct Code {
    client: String,
    redirect_uri: String,
    challenge: String,
    scope: String,
    /// Whose key must bring it, where that was said (RFC 9449 10).
    thumbprint: Option<String>,
    ends_ms: i64,
    /// What it was traded for: once.
    token: Option<String>,
}

/// The clients that people were asked about.
#[derive(Debug, Default)]
pub(crate) struct People {
    devices: Vec<Device>,
    codes: std::collections::HashMap<String, Code>,
    /// Polls that came sooner than the server had said.
    pub(crate) hasty: usize,
}

impl People {
    /// A person answers: of the client that has this code, or of all that wait.
    pub(crate) fn answer(&mut self, user_code: Option<&str>, consent: Consent) -> bool {
        let is_meant = |device: &&mut Device| {
            device.answer.is_none() && user_code.is_none_or(|code| is_same(code, &device.user_code))
        };
        let mut found = false;
        for device in self.devices.iter_mut().filter(is_meant) {
            found = true;
            device.answer = Some(consent);
        }
        found
    }
}

/// People type it in any capitals, with or without its line (RFC 8628 6.1).
fn is_same(typed: &str, code: &str) -> bool {
    let bare = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
    };
    bare(typed) == bare(code)
}

/// The device authorization endpoint (RFC 8628 3.1). The client has authenticated.
pub(super) fn device(call: &mut Call<'_>, client: &str, fields: &Fields) -> Outcome {
    let scope = scope_of_text(fields.text("scope"))?;
    let letters = b"BCDFGHJKLMNPQRSTVWXZ";
    let typed: Vec<char> =
        random(8).iter().map(|byte| char::from(letters[usize::from(*byte) % 20])).collect();
    let user_code: String =
        typed[..4].iter().chain(['-'].iter()).chain(&typed[4..]).copied().collect();
    let code = URL_SAFE_NO_PAD.encode(random(32));
    let page = format!("{}{PAGE}", call.scene.here());
    let body = json!({
        "device_code": code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": CODES_LIVE_MS / 1000,
        "interval": INTERVAL_MS / 1000,
    });
    call.site.people.devices.push(Device {
        code,
        user_code,
        client: client.to_owned(),
        scope,
        ends_ms: call.scene.now_ms + CODES_LIVE_MS,
        interval_ms: INTERVAL_MS,
        asked_ms: Some(call.scene.now_ms),
        answer: None,
    });
    Ok(Answer::json(200, &body))
}

/// The token endpoint, asked with a device code (RFC 8628 3.4, 3.5).
pub(super) fn by_device(
    call: &mut Call<'_>,
    client: &str,
    fields: &Fields,
) -> Result<(Minted, String), Answer> {
    let given = fields.text("device_code");
    if given.is_empty() {
        return Err(refusal("invalid_request", "device_code is missing"));
    }
    let now_ms = call.scene.now_ms;
    let people = &mut call.site.people;
    let known = people.devices.iter().position(|device| device.code == given);
    let Some(index) = known.filter(|index| people.devices[*index].client == client) else {
        return Err(refusal("invalid_grant", "the device code is not one of this client's"));
    };
    let device = &mut people.devices[index];
    if device.ends_ms <= now_ms || device.answer == Some(Consent::Expire) {
        return Err(refusal("expired_token", "the device code has expired"));
    }
    let since_ms = device.asked_ms.map_or(i64::MAX, |asked_ms| now_ms - asked_ms);
    device.asked_ms = Some(now_ms);
    if since_ms < device.interval_ms {
        device.interval_ms += INTERVAL_MS;
        people.hasty += 1;
        return Err(refusal("slow_down", "this was sooner than the interval allows"));
    }
    match device.answer {
        None => Err(refusal("authorization_pending", "the person has not answered yet")),
        Some(Consent::Approve) => {
            let device = people.devices.remove(index);
            let principal = format!("{client}/{}", known::USERNAME);
            let grant = Grant { principal, scope: device.scope.clone() };
            Ok((call.site.vault.start(grant, true, None, now_ms), device.scope))
        }
        Some(_) => {
            people.devices.remove(index);
            Err(refusal("access_denied", "the person said no"))
        }
    }
}

/// The page at which a code is typed.
pub(super) fn page(call: &mut Call<'_>) -> Outcome {
    if call.request.method == "GET" {
        let code = call.request.parameter("user_code").unwrap_or_default();
        let label = "Code <input name=\"user_code\" value=\"";
        let fields = format!("<p><label>{label}{}\"></label></p>", escaped(&code));
        return Ok(html(200, &form_page(PAGE, &fields)));
    }
    let fields = posted(call)?;
    let consent = person(call, &fields)?;
    match call.site.people.answer(Some(fields.text("user_code")), consent) {
        true => Ok(html(200, "<p>Thank you. You may close this page.</p>")),
        false => Err(html(400, "<p>There is no such code.</p>")),
    }
}

/// The authorization endpoint. What is wrong with the client or its redirect URI is shown to the
/// person; anything else goes back to the client (RFC 6749 4.1.2.1).
pub(super) fn authorize(call: &mut Call<'_>) -> Outcome {
    let is_get = call.request.method == "GET";
    let fields = if is_get {
        let pairs = form::decode(call.request.query.as_bytes())
            .map_err(|fault| html(400, &format!("<p>{fault}</p>")))?;
        Fields::from(pairs)
    } else {
        posted(call)?
    };
    if !fields.repeated().is_empty() {
        return Err(html(400, "<p>A parameter came twice.</p>"));
    }
    let client = fields.text("client_id").to_owned();
    if !CLIENTS.contains(&client.as_str()) {
        return Err(html(400, "<p>There is no such client.</p>"));
    }
    let redirect_uri = fields.text("redirect_uri").to_owned();
    if !may_redirect(&redirect_uri) {
        return Err(html(400, "<p>The redirect URI is not one of this client's.</p>"));
    }
    let issuer = call.scene.here();
    let back = |pairs: &[(&str, &str)]| back_to(&redirect_uri, &fields, &issuer, pairs);
    let error = |error: &str, why: &str| back(&[("error", error), ("error_description", why)]);
    if fields.text("response_type") != "code" {
        return Err(error("unsupported_response_type", "this server gives codes"));
    }
    let challenge = fields.text("code_challenge").to_owned();
    let is_digest = challenge.len() == 43
        && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !is_digest || fields.text("code_challenge_method") != "S256" {
        return Err(error("invalid_request", "a code_challenge of the method S256 is needed"));
    }
    let Ok(scope) = scope_of_text(fields.text("scope")) else {
        return Err(error("invalid_scope", "there is no such scope"));
    };
    if is_get {
        let hidden = |name: &&str| {
            let value = escaped(fields.text(name));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")
        };
        const SENT: [&str; 8] = [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
            "dpop_jkt",
        ];
        let there = SENT.iter().filter(|name| fields.has(name));
        let hidden: String = there.map(hidden).collect();
        return Ok(html(200, &form_page(AUTHORIZE_PATH, &hidden)));
    }
    if person(call, &fields)? != Consent::Approve {
        return Err(error("access_denied", "the person said no"));
    }
    let code = URL_SAFE_NO_PAD.encode(random(24));
    let ends_ms = call.scene.now_ms + CODE_LIVES_MS;
    let redirect_uri_kept = redirect_uri.clone();
    let thumbprint = Some(fields.text("dpop_jkt").to_owned()).filter(|said| !said.is_empty());
    let kept = Code {
        client,
        redirect_uri: redirect_uri_kept,
        challenge,
        scope,
        thumbprint,
        ends_ms,
        token: None,
    };
    call.site.people.codes.insert(code.clone(), kept);
    Ok(back_to(&redirect_uri, &fields, &issuer, &[("code", &code)]))
}

/// The token endpoint, asked with a code (RFC 6749 4.1.3, RFC 7636 4.6). Whoever brings a code again
/// ends what it was traded for (4.1.2).
pub(super) fn by_code(
    call: &mut Call<'_>,
    client: &str,
    fields: &Fields,
    thumbprint: Option<&str>,
) -> Result<(Minted, String), Answer> {
    for name in ["code", "redirect_uri", "code_verifier"] {
        if !fields.has(name) {
            return Err(refusal("invalid_request", &format!("{name} is missing")));
        }
    }
    let now_ms = call.scene.now_ms;
    let wrong = |why: &str| Err(refusal("invalid_grant", why));
    let Some(kept) = call.site.people.codes.get_mut(fields.text("code")) else {
        return wrong("the code was never given");
    };
    if let Some(token) = &kept.token {
        call.site.vault.revoke(token);
        return wrong("the code was used before");
    }
    let digest = digest::digest(&digest::SHA256, fields.text("code_verifier").as_bytes());
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let verifier = fields.text("code_verifier");
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(is_plain) {
        return Err(refusal("invalid_request", "the code_verifier is none"));
    }
    match () {
        () if kept.client != client => wrong("the code is another client's"),
        () if kept.ends_ms <= now_ms => wrong("the code has expired"),
        () if kept.thumbprint.is_some() && kept.thumbprint.as_deref() != thumbprint => {
            wrong("the code is for the owner of another key")
        }
        () if kept.redirect_uri != fields.text("redirect_uri") => {
            wrong("the redirect_uri is not that of the code")
        }
        () if kept.challenge != URL_SAFE_NO_PAD.encode(digest.as_ref()) => {
            wrong("the code_verifier is not that of the code_challenge")
        }
        () => {
            let principal = format!("{client}/{}", known::USERNAME);
            let grant = Grant { principal, scope: kept.scope.clone() };
            let minted = call.site.vault.start(grant, true, None, now_ms);
            kept.token.clone_from(&minted.refresh);
            Ok((minted, kept.scope.clone()))
        }
    }
}

/// A loopback address with any port (RFC 8252 7.3), a page, or an app's own scheme (7.1).
fn may_redirect(uri: &str) -> bool {
    let loopback = ["http://127.0.0.1", "http://[::1]"].iter().any(|host| {
        uri.strip_prefix(host).is_some_and(|rest| {
            let rest = rest.strip_prefix(':').unwrap_or(rest);
            rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('/')
        })
    });
    let others = ["https://gateway.example.com/callback", "com.example.gateway:/callback"];
    (loopback || others.contains(&uri)) && !uri.contains('#')
}

/// The browser goes back to the client, with `state` as it came and with this issuer's name.
fn back_to(redirect_uri: &str, fields: &Fields, issuer: &str, pairs: &[(&str, &str)]) -> Answer {
    let mut pairs = pairs.to_vec();
    if fields.has("state") {
        pairs.push(("state", fields.text("state")));
    }
    pairs.push(("iss", issuer));
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    Answer::empty(302).with("Location", format!("{redirect_uri}{joint}{}", pairs.join("&")))
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The form that a page sends.
fn posted(call: &Call<'_>) -> Result<Fields, Answer> {
    if call.request.method != "POST" {
        return Err(html(405, "<p>This page takes GET and POST.</p>").with("Allow", "GET, POST"));
    }
    let pairs = form::decode(&call.request.body);
    pairs.map(Fields::from).map_err(|fault| html(400, &format!("<p>{fault}</p>")))
}

/// What the person says, once it is known who it is.
fn person(call: &mut Call<'_>, fields: &Fields) -> Result<Consent, Answer> {
    let (name, password) = (fields.text("username"), fields.text("password"));
    if name != known::USERNAME || call.site.login(name, password, call.scene.now_ms).is_err() {
        return Err(html(403, "<p>The name or the password is wrong.</p>"));
    }
    Consent::from_name(fields.text("answer"))
        .ok_or_else(|| html(400, "<p>The answer is approve or deny.</p>"))
}

fn form_page(action: &str, fields: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{action}\">\n{fields}\
         <p><label>Name <input name=\"username\"></label></p>\n\
         <p><label>Password <input name=\"password\" type=\"password\"></label></p>\n\
         <p><button name=\"answer\" value=\"approve\">Let it in</button>\n\
         <button name=\"answer\" value=\"deny\">Do not</button></p>\n</form>"
    )
}

fn html(status: u16, body: &str) -> Answer {
    let page = format!("<!doctype html>\n<meta charset=\"utf-8\">\n<title>OAuth</title>\n{body}\n");
    Answer::of(status, "text/html; charset=utf-8", page.into_bytes())
        .with("Cache-Control", "no-store")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
