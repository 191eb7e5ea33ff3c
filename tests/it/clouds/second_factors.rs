//! An account with a second factor: each cloud says so in its own way, and a program that nobody watches
//! cannot give it. It is told once, clearly, and the password is not sent again.

use crate::common::World;
use keyfob::Status;
use keyfob_simulator::{Cloud, Fault};

/// What clouds answer to a right name and password where a code is wanted besides, and the code or
/// sentence of theirs that the error says.
const ANSWERS: &[(Cloud, &str, u16, &str, &str)] = &[
    (
        Cloud::ThingsBoard,
        "login",
        200,
        r#"{"token":"eyJhbGciOiJub25lIn0.e30.","refreshToken":null,"scope":"PRE_VERIFICATION_TOKEN"}"#,
        "",
    ),
    (
        Cloud::Particle,
        "login",
        403,
        r#"{"error":"mfa_required","mfa_token":"SECRET","error_description":"a code is required"}"#,
        "mfa_required",
    ),
    (
        Cloud::Cognito,
        "login",
        200,
        r#"{"ChallengeName":"SOFTWARE_TOKEN_MFA","Session":"SECRET","ChallengeParameters":{}}"#,
        "SOFTWARE_TOKEN_MFA",
    ),
    (
        Cloud::Cumulocity,
        "login",
        401,
        r#"{"error":"security/Unauthorized","message":"Invalid credentials! : TFA TOTP code required."}"#,
        "TFA TOTP code required",
    ),
    (
        Cloud::Losant,
        "login",
        401,
        r#"{"type":"TwoFactorRequired","message":"a code is required"}"#,
        "TwoFactorRequired",
    ),
    (Cloud::Mender, "login", 401, r#"{"error":"2fa needed","request_id":"r"}"#, "2fa needed"),
    (Cloud::PocketBase, "login", 401, r#"{"mfaId":"SECRET"}"#, ""),
    (
        Cloud::Directus,
        "login",
        401,
        r#"{"errors":[{"message":"Invalid user OTP.","extensions":{"code":"INVALID_OTP"}}]}"#,
        "INVALID_OTP",
    ),
    (
        Cloud::DeviceWise,
        "login",
        200,
        r#"{"auth":{"success":false,"errorCodes":[-90041],"errorMessages":["MFA code required"]}}"#,
        "-90041",
    ),
    (
        Cloud::HomeAssistant,
        "login",
        200,
        r#"{"type":"form","step_id":"mfa","flow_id":"SECRET","errors":{}}"#,
        "",
    ),
];

#[test]
fn a_second_factor_that_is_asked_for_is_told_once() {
    for (cloud, call, status, body, told) in ANSWERS {
        let world = World::new();
        world.answers(*cloud, call, Fault::answer(*status, &[], body));
        let client = world.config(*cloud, "password").client().unwrap();
        let what = cloud.name();
        let error = client.token().unwrap_err();
        assert_eq!(error.status(), Status::CredentialsRejected, "{what}: {error}");
        for words in ["second factor", told] {
            assert!(error.message().contains(words), "{what}: {error}");
        }
        assert!(!error.message().contains("SECRET"), "{what}: {error}");
        let calls = world.token_calls(*cloud).len();
        assert_eq!(client.token().unwrap_err().status(), Status::LoginOnHold, "{what}");
        assert_eq!(world.token_calls(*cloud).len(), calls, "{what}: sent again");
    }
}
