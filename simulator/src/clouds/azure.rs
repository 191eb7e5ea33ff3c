//! Azure IoT Hub, Device Provisioning and Event Hubs: a signature over a resource and an end, made by
//! the client, instead of a token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::Call;
use super::errors;
use super::list::List;
use super::rules::Rules;
use super::signed::{Sas, hmac_sha256};
use crate::credentials::known::Login;
use crate::http::Answer;

/// The bytes 0 to 31 in base64, as keys are given.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A resource, and the key that signs for it.
type Signed = (&'static str, Vec<u8>);

/// What is particular to one of them.
pub(super) struct Azure {
    logins: &'static [Login],
    /// What a signature must be for, by what it says.
    resource: fn(&Sas) -> Option<Signed>,
    list: List,
    error: fn(u16, &str) -> Answer,
}

fn decoded() -> Vec<u8> {
    STANDARD.decode(KEY).unwrap_or_default()
}

pub(super) static IOT_HUB: Azure = Azure {
    logins: &[
        ("device", &[("hub", "gateways"), ("device_id", "gw-7"), ("shared_access_key", KEY)]),
        ("policy", &[("hub", "gateways"), ("policy", "service"), ("shared_access_key", KEY)]),
    ],
    resource: |sas| match sas.policy.as_deref() {
        None => Some(("gateways.azure-devices.net/devices/gw-7", decoded())),
        Some("service") => Some(("gateways.azure-devices.net", decoded())),
        Some(_) => None,
    },
    list: List::bare("/devices"),
    error: |status, why| {
        errors::shaped(
            status,
            json!({ "Message": format!("ErrorCode:IotHubUnauthorizedAccess;{why}") }),
        )
    },
};

/// The key of a group's device is the group's signature of its registration.
pub(super) static DPS: Azure = Azure {
    logins: &[
        (
            "device",
            &[("id_scope", "0ne00000000"), ("registration_id", "gw-7"), ("shared_access_key", KEY)],
        ),
        (
            "group",
            &[
                ("id_scope", "0ne00000000"),
                ("registration_id", "gw-0008"),
                ("enrollment_group_key", KEY),
            ],
        ),
    ],
    resource: |sas| {
        if sas.policy.as_deref() != Some("registration") {
            return None;
        }
        let of_group = sas.is_for("0ne00000000/registrations/gw-0008");
        Some(if of_group {
            ("0ne00000000/registrations/gw-0008", hmac_sha256(&decoded(), "gw-0008"))
        } else {
            ("0ne00000000/registrations/gw-7", decoded())
        })
    },
    list: List::bare("/0ne00000000/registrations/gw-7/operations/op-7"),
    error: |status, why| errors::shaped(status, json!({ "errorCode": 401_002, "message": why })),
};

/// Here the key is its text, not what the text is base64 of.
pub(super) static EVENT_HUBS: Azure = Azure {
    logins: &[(
        "policy",
        &[("namespace", "gateways"), ("policy", "send"), ("shared_access_key", KEY)],
    )],
    resource: |sas| {
        let key = KEY.as_bytes().to_vec();
        (sas.policy.as_deref() == Some("send"))
            .then_some(("https://gateways.servicebus.windows.net", key))
    },
    list: List::bare("/gateways/consumergroups"),
    error: |status, why| errors::shaped(status, json!({ "Code": status, "Detail": why })),
};

impl Rules for Azure {
    fn logins(&self) -> &'static [Login] {
        self.logins
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        let sas = Sas::of(call.request)
            .ok_or_else(|| self.error(401, "Authorization: SharedAccessSignature is missing"))?;
        let good = (self.resource)(&sas)
            .is_some_and(|(resource, key)| sas.is_good(resource, &key, call.scene.now_ms));
        if good { Ok(()) } else { Err(self.error(401, "the signature is not good, or has ended")) }
    }

    fn list(&self) -> List {
        self.list.clone()
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        (self.error)(status, message)
    }
}
