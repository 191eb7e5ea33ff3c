//! What each cloud's accounts are called, and what opens them.

/// Option names and values, as keyfob's table of options calls them.
pub type Options = Vec<(&'static str, &'static str)>;

/// A way to log in: its name, and the options it takes.
pub(crate) type Login = (&'static str, &'static [(&'static str, &'static str)]);

/// What the clouds of the catalogue share: the same account everywhere.
pub mod catalogue {
    /// Login name of the account.
    pub const USERNAME: &str = "gateway@example.com";
    /// Its password.
    pub const PASSWORD: &str = "correct horse";
    /// Client identifier.
    pub const CLIENT_ID: &str = "gateway-7";
    /// Client secret; it means something else where it is encoded and should not be.
    pub const CLIENT_SECRET: &str = "open:sesame 100%";
    /// A key, with letters that a query must escape.
    pub const API_KEY: &str = "f0e1d2c3/b4a5+9687==";
    /// A refresh token that is good from the start, for clouds where a person lets a client in.
    pub const REFRESH_TOKEN: &str = "seed-refresh-token-3b1f9d";
    /// A private key, in PEM form, that signs what a client asserts. It was made for these tests.
    pub const RSA_KEY: &str = include_str!("../../data/rsa-key.pem");
    /// Its certificate, in PEM form.
    pub const RSA_CERTIFICATE: &str = include_str!("../../data/rsa-cert.pem");
    /// Its public key, in PEM form.
    pub const RSA_PUBLIC: &str = include_str!("../../data/rsa-public.pem");
    /// Its public key, as PKCS #1 has it.
    pub const RSA_PUBLIC_DER: &[u8] = include_bytes!("../../data/rsa-public.der");
    /// The key file of a Google service account, with the same key.
    pub const GOOGLE_KEY: &str = include_str!("../../data/google-key.json");
}

/// Kontakt.io: a person's login, and the account's static API key.
pub mod kontakt {
    /// Login name of the account.
    pub const USERNAME: &str = "gateway@example.com";
    /// Its password.
    pub const PASSWORD: &str = "correct horse";
    /// Static key for the `Api-Key` header; no exchange.
    pub const API_KEY: &str = "kontakt-server-api-key-7";
    /// Login name in the guide's sample request.
    pub const SAMPLE_USERNAME: &str = "xUUEsgmlzzBxgoP@test.kontakt.io";
    /// Password in the guide's sample request.
    pub const SAMPLE_PASSWORD: &str = "YOUR_PASSWORD";
    /// Refresh token in the guide's sample request; good once after each start.
    pub const SAMPLE_REFRESH_TOKEN: &str = "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiZGlyIn0..Q87n84JgHp5p6JYY.ezTAmKM7SEneELBR4y1C83chhUTIUdN_Y0A0NB3uyWJgmsO-7r0RXq5yI3D6WRJselbYCUoRv1MKJHPW9-XnAFiGxXzah35N5Bwrk55HuRL86JROkT7psiM8FT03Uzz9yikbUN0zxcZ-M_9aohuyVgMfoJXAve4RdRthKDOJKdH9GrYaxF4zw6XSoqcA2UVVGOPzywd5OuYXh5Go2KNZgY2E7qfm2g1VDPgYVFaQqHY.7AzRyzxm0duuD8UjooM4XQ";
}

/// Avnet IoTConnect: a login within a solution.
pub mod iotconnect {
    /// Login name of the account.
    pub const USERNAME: &str = "gateway@example.com";
    /// Its password.
    pub const PASSWORD: &str = "correct horse";
    /// Names the solution, in the `solution-key` header and in discovery.
    pub const SOLUTION_KEY: &str = "U09MVVRJT04ta2V5LTc=";
    /// An environment that discovery knows.
    pub const ENVIRONMENT: &str = "poc";
    /// The other environment that discovery knows.
    pub const OTHER_ENVIRONMENT: &str = "prod";
}

/// Kii Cloud: an app, its administrator, a user and a thing.
pub mod kii {
    /// Names the app: `X-Kii-AppID`, and `client_id` of the anonymous principal.
    pub const APP_ID: &str = "app7e1f";
    /// The app's key: `X-Kii-AppKey`, and `client_secret` of the anonymous principal.
    pub const APP_KEY: &str = "app-key-f0e1d2c3";
    /// E-mail address of the user, verified.
    pub const USERNAME: &str = "gateway@example.com";
    /// Login name of the same user.
    pub const LOGIN_NAME: &str = "gateway";
    /// International phone number of the same user, verified.
    pub const PHONE: &str = "+31201234567";
    /// The same phone number in local form.
    pub const LOCAL_PHONE: &str = "PHONE:NL-0201234567";
    /// The user's password.
    pub const PASSWORD: &str = "correct horse";
    /// Principal ID of the user.
    pub const USER_ID: &str = "user-5f3a";
    /// The thing's name by its vendor, without the `VENDOR_THING_ID:` prefix.
    pub const VENDOR_THING_ID: &str = "gw-0007";
    /// The thing's password: the user's, so that one `password` option serves either.
    pub const THING_PASSWORD: &str = PASSWORD;
    /// Principal ID of the thing.
    pub const THING_ID: &str = "th.7c2e";
    /// Path of the app's things.
    pub const DEVICES_PATH: &str = "/api/apps/app7e1f/things";
    /// Client ID of the app's administrator.
    pub const CLIENT_ID: &str = "kii-admin";
    /// Client secret of the app's administrator.
    pub const CLIENT_SECRET: &str = "kii-admin-secret";
}

/// Simacan: a login.
pub mod simacan {
    /// Login name of the account.
    pub const USERNAME: &str = "gateway@example.com";
    /// Its password.
    pub const PASSWORD: &str = "correct horse";
}

/// Generic OAuth 2.0: a client, and a resource owner for the password grant.
pub mod oauth2 {
    /// Client identifier.
    pub const CLIENT_ID: &str = "gateway-7";
    /// Client secret; it means something else unless it is form-encoded first (RFC 6749 2.3.1).
    pub const CLIENT_SECRET: &str = "open:sesame 100%";
    /// A client that may use `client_credentials` only: `unauthorized_client` otherwise.
    pub const LIMITED_CLIENT_ID: &str = "reporter";
    /// Its secret.
    pub const LIMITED_CLIENT_SECRET: &str = "report-secret";
    /// A client without a secret: it may refresh, pass on a user's password, and be let in by a person.
    pub const PUBLIC_CLIENT_ID: &str = "kiosk-3";
    /// A client without a secret that must prove who it is by a key of its own making, with nonces of
    /// the server's (RFC 9449).
    pub const PROVING_CLIENT_ID: &str = "prover-5";
    /// A client that proves itself by a private key (RFC 7523 2.2): any of three.
    pub const KEY_CLIENT_ID: &str = "signer-7";
    /// Its P-256 key, in PEM form (PKCS #8), called `ec-1` there.
    pub const EC_KEY: &str = include_str!("../../data/ec-key.pem");
    /// Its public key, as a point.
    pub const EC_PUBLIC_DER: &[u8] = include_bytes!("../../data/ec-public.der");
    /// Its Ed25519 key, in PEM form, called `ed-1` there. The RSA key is the catalogue's, called `rsa-1`.
    pub const ED25519_KEY: &str = include_str!("../../data/ed25519-key.pem");
    /// Its public key, as it is.
    pub const ED25519_PUBLIC_DER: &[u8] = include_bytes!("../../data/ed25519-public.der");
    /// A client that is known by the certificate that the simulator gives out (RFC 8705 2).
    pub const CERT_CLIENT_ID: &str = "mtls-7";
    /// Path of an issuer whose metadata is where RFC 8414 3.1 puts it.
    pub const TENANT_PATH: &str = "/tenants/acme";
    /// Path of one whose OpenID metadata is at such a place.
    pub const OPENID_TENANT_PATH: &str = "/tenants/beta";
    /// Path of the userinfo endpoint.
    pub const USERINFO_PATH: &str = "/userinfo";
    /// Path of the token endpoint for clients that show a certificate (RFC 8705 5).
    pub const MTLS_TOKEN_PATH: &str = "/mtls/oauth2/token";
    /// Resource owner of the password grant.
    pub const USERNAME: &str = "gateway@example.com";
    /// The resource owner's password.
    pub const PASSWORD: &str = "correct horse";
    /// All scopes that can be asked for, and the default.
    pub const SCOPE: &str = "devices:read devices:write";
    /// The audience, or resource, that tokens can be asked for.
    pub const AUDIENCE: &str = "https://api.example.com";
    /// Another one.
    pub const OTHER_AUDIENCE: &str = "https://telemetry.example.com";
    /// A scope that anybody may ask for and nobody is granted.
    pub const UNGRANTED_SCOPE: &str = "devices:audit";
    /// Path of the token endpoint under the base URL.
    pub const TOKEN_PATH: &str = "/oauth2/token";
    /// The same endpoint as a Keycloak realm has it, where Kontakt.io's newer way in is.
    pub const REALM: &str = "acme";
    /// Path of the revocation endpoint under the base URL.
    pub const REVOCATION_PATH: &str = "/oauth2/revoke";
}

/// ThingsBoard: a login.
pub mod thingsboard {
    /// Login name of the account.
    pub const USERNAME: &str = "gateway@example.com";
    /// Its password.
    pub const PASSWORD: &str = "correct horse";
}
