//! The built-in options: each is named, described and given its default here and nowhere else.
//!
//! A new option is one row; docs/OPTIONS.md, `providers_json` and the check of its value follow
//! from it. Where the library reads the option, it gets a key, too.

use super::option::Group::{Identity, Lifecycle, OAuth, Store, Transport, Where};
use super::option::{Key, Kind, Opt, Proof};
use crate::http::tls::SYSTEM;
use std::time::Duration;

pub(crate) const CLIENT_ID: Key<str> = Key::of("client_id");
pub(crate) const CLIENT_SECRET: Key<str> = Key::of("client_secret");
pub(crate) const CLIENT_ASSERTION_KEY: Key<str> = Key::of("client_assertion_key");
pub(crate) const CLIENT_ASSERTION_CERT: Key<str> = Key::of("client_assertion_cert");
pub(crate) const REFRESH_TOKEN: Key<str> = Key::of("refresh_token");
pub(crate) const EXPIRES_AT_MS: Key<u64> = Key::of("expires_at_ms");
pub(crate) const BASE_URL: Key<str> = Key::of("base_url");
pub(crate) const MQTT_URL: Key<str> = Key::of("mqtt_url");
pub(crate) const PROFILE: Key<str> = Key::of("profile");
pub(crate) const PROFILE_FILE: Key<str> = Key::of("profile_file");
pub(crate) const GRANT: Key<str> = Key::of("grant");
pub(crate) const ASSERTION: Key<str> = Key::of("assertion");
pub(crate) const ASSERTION_COMMAND: Key<str> = Key::of("assertion_command");
pub(crate) const ASSERTION_KEY: Key<str> = Key::of("assertion_key");
pub(crate) const RESOURCE: Key<str> = Key::of("resource");
pub(crate) const TOKEN_PARAMS: Key<str> = Key::of("token_params");
pub(crate) const TOKEN_HEADERS: Key<str> = Key::of("token_headers");
pub(crate) const CLIENT_AUTH: Key<str> = Key::of("client_auth");
pub(crate) const DPOP: Key<bool> = Key::of("dpop");
pub(crate) const CLIENT_ASSERTION_KID: Key<str> = Key::of("client_assertion_kid");
pub(crate) const CLIENT_ASSERTION_ALG: Key<str> = Key::of("client_assertion_alg");
pub(crate) const CLIENT_ASSERTION_AUDIENCE: Key<str> = Key::of("client_assertion_audience");
pub(crate) const CONNECT_TIMEOUT_MS: Key<Duration> = Key::of("connect_timeout_ms");
pub(crate) const MAX_IDLE_CONNECTIONS: Key<u64> = Key::of("max_idle_connections");
pub(crate) const TIMEOUT_MS: Key<Duration> = Key::of("timeout_ms");
pub(crate) const IDLE_TIMEOUT_MS: Key<Duration> = Key::of("idle_timeout_ms");
pub(crate) const TRANSFER_TIMEOUT_MS: Key<Duration> = Key::of("transfer_timeout_ms");
pub(crate) const DOWNLOAD_RETRY_S: Key<Duration> = Key::of("download_retry_s");
pub(crate) const PROXY: Key<str> = Key::of("proxy");
pub(crate) const CA_FILE: Key<str> = Key::of("ca_file");
pub(crate) const CA: Key<str> = Key::of("ca");
pub(crate) const CA_ONLY: Key<bool> = Key::of("ca_only");
pub(crate) const CLIENT_CERT_FILE: Key<str> = Key::of("client_cert_file");
pub(crate) const CLIENT_KEY_FILE: Key<str> = Key::of("client_key_file");
pub(crate) const ALLOW_HTTP: Key<bool> = Key::of("allow_http");
pub(crate) const COMPRESS: Key<bool> = Key::of("compress");
pub(crate) const FOLLOW_SIGNED_URLS: Key<bool> = Key::of("follow_signed_urls");
pub(crate) const ALLOWED_ORIGINS: Key<str> = Key::of("allowed_origins");
pub(crate) const MAX_TOKEN_BYTES: Key<u64> = Key::of("max_token_bytes");
pub(crate) const MAX_BODY_BYTES: Key<u64> = Key::of("max_body_bytes");
pub(crate) const USER_AGENT: Key<str> = Key::of("user_agent");
pub(crate) const RETRIES: Key<u64> = Key::of("retries");
pub(crate) const RENEW_BEFORE_S: Key<Duration> = Key::of("renew_before_s");
pub(crate) const BACKGROUND_RENEWAL: Key<bool> = Key::of("background_renewal");
pub(crate) const LOGIN_HOLD_S: Key<Duration> = Key::of("login_hold_s");
pub(crate) const START_SPREAD_S: Key<Duration> = Key::of("start_spread_s");
pub(crate) const STORE: Key<str> = Key::of("store");
pub(crate) const STORE_KEY: Key<str> = Key::of("store_key");

/// The built-in options, in the order they are documented. A profile's own come after them.
#[rustfmt::skip] // a table: one option a line
pub(crate) fn table() -> Vec<Opt> {
    vec![
        Opt::of(Identity, Kind::Text, "username", "The account's login name."),
        Opt::of(Identity, Kind::Text, "password", "The account's or thing's password.").proves(Proof::User),
        Opt::of(Identity, Kind::Text, "api_key", "A static key that is presented as it is; nothing is exchanged.").secret(),
        Opt::of(Identity, Kind::Text, CLIENT_ID.name, "OAuth 2.0 client identifier (RFC 6749 2.2)."),
        Opt::of(Identity, Kind::Text, CLIENT_SECRET.name, "OAuth 2.0 client secret (RFC 6749 2.3.1).").proves(Proof::Client),
        Opt::of(Identity, Kind::Lines, CLIENT_ASSERTION_KEY.name, "The private key with which the client proves itself by a signed JWT (RFC 7523 2.2), in PEM form: RSA, P-256 or Ed25519.").proves(Proof::Client),
        Opt::of(Identity, Kind::Lines, CLIENT_ASSERTION_CERT.name, "The certificate of client_assertion_key, in PEM form, where the server knows the key by it (`x5t#S256`, `x5t`).").proves(Proof::Client),
        Opt::of(Identity, Kind::Text, REFRESH_TOKEN.name, "A refresh token from elsewhere, used before any login. With no other credentials, the only way in.").secret(),
        Opt::of(Identity, Kind::Text, ASSERTION.name, "A token of another issuer that is traded for one here (RFC 7523 2.1). Its file is read for each login.").fresh(),
        Opt::of(Identity, Kind::Text, ASSERTION_COMMAND.name, "A program that writes such a token, and its arguments: words between blanks, or a JSON array. No shell reads it; it has 10 s.").secret(),
        Opt::of(Identity, Kind::Lines, ASSERTION_KEY.name, "The private key that signs such a token, in PEM form: RSA, P-256 or Ed25519.").proves(Proof::User),
        Opt::of(Identity, Kind::Text, "subject_token", "A token that is exchanged for one of another kind or for another API (RFC 8693). Its file is read for each login.").fresh(),
        Opt::of(Identity, Kind::Text, "actor_token", "The token of who acts in the subject's name (RFC 8693). Its file is read for each login.").fresh(),
        Opt::of(Identity, Kind::Text, "solution_key", "IoTConnect: the solution's key.").secret(),
        Opt::of(Identity, Kind::Text, "app_id", "Kii: the application's identifier."),
        Opt::of(Identity, Kind::Text, "app_key", "Kii: the application's key.").proves(Proof::Client),
        Opt::of(Identity, Kind::Text, "vendor_thing_id", "Kii: the thing's vendor ID, without the prefix."),
        Opt::of(Identity, Kind::Number { from: 0, to: i64::MAX }, EXPIRES_AT_MS.name, "Kii: when tokens of a login end, in milliseconds since 1970."),
        Opt::of(Where, Kind::BaseUrl, BASE_URL.name, "Where the cloud is, instead of the provider's own address: a private host, a test system."),
        Opt::of(Where, Kind::Text, "environment", "Simacan: `production` (default) or `staging`. IoTConnect: the environment to discover endpoints for; unset, none are discovered."),
        Opt::of(Where, Kind::Text, "platform", "IoTConnect discovery: `aws` (default) or `az`."),
        Opt::of(Where, Kind::Text, "site", "Kii: `us` (default), `jp`, `sg`, `eu` or `cn3`."),
        Opt::of(Where, Kind::Url, "token_url", "OAuth 2.0 token endpoint, where no issuer is given."),
        Opt::of(Where, Kind::Url, "revocation_url", "OAuth 2.0 revocation endpoint (RFC 7009), where no issuer names it."),
        Opt::of(Where, Kind::Url, "userinfo_url", "OpenID Connect userinfo endpoint, for requests to `{userinfo_endpoint}`, where no issuer names it."),
        Opt::of(Where, Kind::Url, "device_authorization_url", "OAuth 2.0 device authorization endpoint (RFC 8628), where no issuer names it."),
        Opt::of(Where, Kind::Url, "authorization_url", "OAuth 2.0 authorization endpoint, for a login in a browser, where no issuer names it."),
        Opt::of(Where, Kind::BaseUrl, "issuer", "OAuth 2.0 issuer, whose metadata names the endpoints (RFC 8414, OpenID Connect Discovery)."),
        Opt::of(Where, Kind::Broker, MQTT_URL.name, "Where the MQTT broker is, instead of the provider's own: `mqtts://host:8883`. keyfob does not connect to it; `keyfob_client_mqtt` gives it back."),
        Opt::of(Where, Kind::Profile, PROFILE.name, "A provider profile as JSON text, in place of a built-in one."),
        Opt::of(Where, Kind::Path, PROFILE_FILE.name, "A file with a provider profile."),
        Opt::of(OAuth, Kind::Text, GRANT.name, "Which grant to use where more than one fits: `client_credentials`, `password`, `refresh_token`, `jwt_bearer`, `token_exchange`, or `interactive` for a person's login (`keyfob login`)."),
        Opt::of(OAuth, Kind::Text, "scope", "Scopes to ask for, separated by blanks (RFC 6749 3.3)."),
        Opt::of(OAuth, Kind::Text, "audience", "The API the token is for."),
        Opt::of(OAuth, Kind::Text, RESOURCE.name, "The API the token is for, as its URI; several with blanks between them (RFC 8707)."),
        Opt::of(OAuth, Kind::Text, TOKEN_PARAMS.name, "Further fields of token calls, as `name=value` pairs with `&` between them, encoded as in a URL.").secret(),
        Opt::of(OAuth, Kind::Lines, TOKEN_HEADERS.name, "Further headers of token calls, as lines of `Name: value`.").secret(),
        Opt::of(OAuth, Kind::Text, "assertion_issuer", "Who signs with assertion_key (`iss`). Unset, client_id."),
        Opt::of(OAuth, Kind::Text, "assertion_subject", "Whom the token that assertion_key signs is about (`sub`). Unset, who signs."),
        Opt::of(OAuth, Kind::Text, "assertion_audience", "Whom the token that assertion_key signs is for (`aud`). Unset, the token endpoint."),
        Opt::of(OAuth, Kind::Text, "assertion_kid", "The name of assertion_key at the server (`kid`)."),
        Opt::of(OAuth, Kind::Text, "subject_token_type", "What subject_token is (RFC 8693 3).").default("urn:ietf:params:oauth:token-type:access_token"),
        Opt::of(OAuth, Kind::Text, "actor_token_type", "What actor_token is (RFC 8693 3).").default("urn:ietf:params:oauth:token-type:access_token"),
        Opt::of(OAuth, Kind::Text, "requested_token_type", "What subject_token is exchanged for (RFC 8693 3)."),
        Opt::of(OAuth, words(&["none", "client_secret_basic", "client_secret_basic_raw", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]), CLIENT_AUTH.name, "How the client authenticates at the provider's endpoints (RFC 6749 2.3, RFC 7523 2.2, RFC 8705 2). Unset, it follows from what is set and from what the server's metadata says it takes. `client_secret_basic_raw` is for servers that do not undo the form encoding of name and secret.").default("client_secret_basic"),
        Opt::of(OAuth, Kind::Text, CLIENT_ASSERTION_KID.name, "The name of client_assertion_key at the server (`kid`), where it has several.").of_client(),
        Opt::of(OAuth, words(&["RS256", "PS256", "ES256", "EdDSA"]), CLIENT_ASSERTION_ALG.name, "How client_assertion_key signs. Unset, it follows from the key; RSA signs by `RS256`, or by `PS256` where the server's metadata has that alone.").of_client(),
        Opt::of(OAuth, Kind::Text, CLIENT_ASSERTION_AUDIENCE.name, "Whom the client's JWT is for (`aud`), where the server wants its issuer there. Unset, the token endpoint.").of_client(),
        Opt::of(OAuth, Kind::Bool, DPOP.name, "Bind tokens to a key of this client (DPoP, RFC 9449): it is made here, kept with the tokens, and signs each request anew, so that a stolen token alone opens nothing.").default("false"),
        Opt::of(Transport, Kind::Number { from: 1, to: 3_600_000 }, CONNECT_TIMEOUT_MS.name, "Longest wait for a connection, TLS handshake excluded.").default("10000"),
        Opt::of(Transport, Kind::Number { from: 1, to: 3_600_000 }, TIMEOUT_MS.name, "Longest any call waits, all its tries included.").default("30000"),
        Opt::of(Transport, Kind::Number { from: 1, to: 86_400_000 }, IDLE_TIMEOUT_MS.name, "Longest silence in a body that is read as it comes.").default("30000"),
        Opt::of(Transport, Kind::Number { from: 0, to: 604_800_000 }, TRANSFER_TIMEOUT_MS.name, "Longest that a body which is read as it comes takes from beginning to end; 0 is no limit.").default("0"),
        Opt::of(Transport, Kind::Number { from: 0, to: 604_800 }, DOWNLOAD_RETRY_S.name, "How long a download is tried again while nothing comes.").default("300"),
        Opt::of(Transport, Kind::Proxy, PROXY.name, "The proxy that all connections go through: `http://[user:password@]host:port` (HTTP CONNECT), `https://…` (the same, with TLS to the proxy) or `socks5://…`. `env`: what HTTPS_PROXY, ALL_PROXY and NO_PROXY say when the client is made; they are not read otherwise.").secret(),
        Opt::of(Transport, Kind::Path, CA_FILE.name, "PEM file with certificate authorities to trust besides Mozilla's."),
        Opt::of(Transport, words(&["mozilla", SYSTEM]), CA.name, "`system`: trust the authorities of this system, too: those of SSL_CERT_FILE, else of the file where its distribution keeps them, on Windows of its store, read when the client is made.").default("mozilla"),
        Opt::of(Transport, Kind::Bool, CA_ONLY.name, "Trust ca_file, and with ca=system the system's, and not Mozilla's authorities.").default("false"),
        Opt::of(Transport, Kind::Path, CLIENT_CERT_FILE.name, "PEM file with the client certificate chain, for mutual TLS."),
        Opt::of(Transport, Kind::Path, CLIENT_KEY_FILE.name, "PEM file with the private key of client_cert_file."),
        Opt::of(Transport, Kind::Bool, COMPRESS.name, "Ask for answers that are packed on their way (`Accept-Encoding: gzip`), and unpack them. Not for downloads and ranges, whose bytes are the server's own. A request with an `Accept-Encoding` of its own has its own word.").default("false"),
        Opt::of(Transport, Kind::Bool, FOLLOW_SIGNED_URLS.name, "Follow redirects of GET and HEAD to other origins, without the token and without any header of the request but `Accept`, `Accept-Encoding`, `Range` and `If-Range`: for clouds that keep files elsewhere, behind signed URLs. Without it such a redirect is the answer.").default("false"),
        Opt::of(Transport, Kind::Bool, ALLOW_HTTP.name, "Allow plain HTTP to other machines. Without it, only loopback.").default("false"),
        Opt::of(Transport, Kind::Origins, ALLOWED_ORIGINS.name, "Further origins that may see the token, such as `https://api.example.com https://*.example.org`."),
        Opt::of(Transport, Kind::Number { from: 256, to: 67_108_864 }, MAX_TOKEN_BYTES.name, "Largest answer of a token call.").default("1048576"),
        Opt::of(Transport, Kind::Number { from: 1024, to: 4_294_967_296 }, MAX_BODY_BYTES.name, "Largest answer of a request.").default("67108864"),
        Opt::of(Transport, Kind::Text, USER_AGENT.name, "The User-Agent header.").default(concat!("keyfob/", env!("CARGO_PKG_VERSION"))),
        Opt::of(Transport, Kind::Number { from: 0, to: 10 }, RETRIES.name, "How often a call that is safe to repeat is tried again after a network fault, 429 or 5xx.").default("2"),
        Opt::of(Transport, Kind::Number { from: 0, to: 4096 }, MAX_IDLE_CONNECTIONS.name, "How many connections of the whole process may be idle when one of this client's becomes so: the one that was used least recently is closed. Each is closed after 30 s. 0: none is kept.").default("64"),
        Opt::of(Lifecycle, Kind::Number { from: 0, to: 86_400 }, RENEW_BEFORE_S.name, "How long before its end a token is renewed; never more than a tenth of its lifetime. Unset, the first renewal after a login or an outage lies anywhere between a quarter of the lifetime and then, so that a fleet is spread.").default("300"),
        Opt::of(Lifecycle, Kind::Bool, BACKGROUND_RENEWAL.name, "Renew on a thread of the library's own, so that no caller waits.").default("false"),
        Opt::of(Lifecycle, Kind::Number { from: 1, to: 3_600 }, LOGIN_HOLD_S.name, "How long a rejected login is not repeated; doubles with each rejection, up to an hour.").default("60"),
        Opt::of(Lifecycle, Kind::Number { from: 0, to: 86_400 }, START_SPREAD_S.name, "Within what time after the machine's start the first login is sent, each gateway at a moment of its own: for fleets that boot together. 0: at once.").default("0"),
        Opt::of(Store, Kind::Text, STORE.name, "`memory`; `file:<directory>`: tokens survive restarts, and all processes with this directory are one client; `redis://[user:password@]host[:port][/db]`, `rediss://` for TLS, `redis+unix:///path`: all machines with this server are one client, where the library was built with Redis.").default("memory"),
        Opt::of(Store, Kind::Text, STORE_KEY.name, "Seals the stored tokens: 32 bytes as 64 hexadecimal digits or base64. `dpapi`: a key that Windows keeps.").secret(),
    ]
}

fn words(words: &[&str]) -> Kind {
    Kind::Choice(words.iter().map(|word| word.to_string()).collect())
}
