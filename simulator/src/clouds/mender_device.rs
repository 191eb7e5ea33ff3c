//! Mender, the API of devices: who asks for a token signs the body by a key that an administrator
//! has accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::{Outcome, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;
use crate::tokens::{Dead, Form, Grant, Habits};

pub(super) struct MenderDevice;

/// A string that has JSON in it.
const ID_DATA: &str = r#"{"mac":"00:11:22:33:44:55"}"#;

impl Rules for MenderDevice {
    fn habits(&self) -> Habits {
        Habits::default().of(Form::Jwt("mender.deviceauth")).lasting(604_800)
    }

    fn logins(&self) -> &'static [Login] {
        &[("device", &[("private_key", known::RSA_KEY), ("id_data", ID_DATA)])]
    }

    fn calls(&self) -> &'static [(&'static str, &'static str)] {
        &[("/api/devices/v1/authentication/auth_requests", "login")]
    }

    fn exchange(&self, call: &mut Call<'_>) -> Outcome {
        call.post()?;
        let fields = call.json(&["id_data", "pubkey"])?;
        let signature = call.request.header("X-MEN-Signature").unwrap_or("");
        if signature.is_empty() {
            return Err(self.error(400, "missing request signature header"));
        }
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, known::RSA_PUBLIC_DER);
        let signature = STANDARD.decode(signature).unwrap_or_default();
        if key.verify(&call.request.body, &signature).is_err() {
            return Err(self.error(401, "signature verification failed"));
        }
        let is_accepted = fields.text("id_data") == ID_DATA
            && fields.text("pubkey").trim() == known::RSA_PUBLIC.trim();
        if !is_accepted {
            return Err(self.error(401, "dev auth: unauthorized"));
        }
        let grant = Grant { principal: "device-7".to_owned(), scope: String::new() };
        let minted = call.site.vault.start(grant, false, None, call.scene.now_ms);
        Ok(Answer::of(200, "application/jwt", minted.access.into_bytes()))
    }

    fn list(&self) -> List {
        List::bare("/api/devices/v1/deployments/device/deployments/next")
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::shaped(status, json!({ "error": message, "request_id": "r-7" }))
    }

    /// A token that has ended is forbidden, one that is unknown unauthorized.
    fn dead_access(&self, dead: Dead, _token: &str) -> Answer {
        let status = if dead == Dead::Unknown { 401 } else { 403 };
        self.error(status, dead.why())
    }
}
