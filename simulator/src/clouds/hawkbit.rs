//! hawkBit: a user's Basic credentials for the management API, a gateway's token for that of devices.

use serde_json::json;

use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::{List, Pages};
use super::rules::{KEY, PERSON, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;

pub(super) struct HawkBit;

impl Rules for HawkBit {
    fn logins(&self) -> &'static [Login] {
        &[PERSON, ("gateway_token", &[("gateway_token", known::API_KEY)])]
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        &[
            (Carrier::Basic(known::USERNAME), Opens::Secret(known::USERNAME)),
            (Carrier::Header("Authorization", "GatewayToken"), Opens::Secret(KEY)),
        ]
    }

    fn list(&self) -> List {
        List {
            pages: Pages::Offset("offset"),
            body: |page| json!({ "content": page.items, "total": page.total }),
            ..List::bare("/rest/v1/targets")
        }
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        errors::message(status, message)
    }
}
