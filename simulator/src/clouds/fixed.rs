//! The clouds that take a key or a password with every request and exchange nothing: a row each.

use serde_json::json;

use super::call::Call;
use super::carrier::{Carrier, Opens};
use super::errors;
use super::list::{List, Pages};
use super::rules::{BY_KEY, KEY, PERSON, Rules};
use crate::credentials::known::{Login, catalogue as known};
use crate::http::Answer;

/// What is particular to one of them.
pub(super) struct Fixed {
    logins: &'static [Login],
    carriers: &'static [(Carrier, Opens)],
    /// Headers that belong to the key, and what they must say.
    beside: &'static [(&'static str, &'static str)],
    list: List,
    error: fn(u16, &str) -> Answer,
    /// The status of a key that is not good.
    refused: u16,
}

const AUTHORIZATION: &str = "Authorization";
const BASIC: [(Carrier, Opens); 1] =
    [(Carrier::Basic(known::USERNAME), Opens::Secret(known::USERNAME))];
const BEARER: [(Carrier, Opens); 1] =
    [(Carrier::Header(AUTHORIZATION, "Bearer"), Opens::Secret(KEY))];

const fn key_in(header: &'static str) -> [(Carrier, Opens); 1] {
    [(Carrier::Header(header, ""), Opens::Secret(KEY))]
}

/// A row's usual values: a key as a bearer token, and an error in `message`.
const USUAL: Fixed = Fixed {
    logins: &[BY_KEY],
    carriers: &BEARER,
    beside: &[],
    list: List::bare("/devices"),
    error: errors::message,
    refused: 401,
};

pub(super) static AKENZA: Fixed =
    Fixed { carriers: &key_in("x-api-key"), list: List::bare("/v3/assets"), ..USUAL };

pub(super) static ADAFRUIT_IO: Fixed = Fixed {
    carriers: &key_in("X-AIO-Key"),
    list: List::bare("/api/v2/gateway/feeds"),
    error: errors::error,
    ..USUAL
};

pub(super) static CHIRPSTACK: Fixed = Fixed {
    carriers: &[(Carrier::Header("Grpc-Metadata-Authorization", "Bearer"), Opens::Secret(KEY))],
    list: List::get(
        "/api/organizations",
        Pages::Offset("offset"),
        |page| json!({ "totalCount": page.total.to_string(), "result": page.items }),
    ),
    error: errors::grpc,
    ..USUAL
};

pub(super) static DATACAKE: Fixed = Fixed {
    carriers: &[(Carrier::Header(AUTHORIZATION, "Token"), Opens::Secret(KEY))],
    list: List::post("/graphql/", |page| json!({ "data": { "allWorkspaces": page.items } })),
    ..USUAL
};

pub(super) static DIGI_RM: Fixed = Fixed {
    logins: &[("api_key", &[("api_key_id", "key-7"), ("api_key_secret", known::API_KEY)]), PERSON],
    carriers: &[key_in("X-API-KEY-SECRET")[0], BASIC[0]],
    beside: &[("X-API-KEY-ID", "key-7")],
    list: List::get(
        "/ws/v1/devices/inventory",
        Pages::Whole,
        |page| json!({ "count": page.items.len(), "list": page.items }),
    ),
    ..USUAL
};

pub(super) static GOLIOTH: Fixed = Fixed {
    carriers: &key_in("x-api-key"),
    list: List::get(
        "/v1/projects/gateways/devices",
        Pages::Whole,
        |page| json!({ "list": page.items, "total": page.total }),
    ),
    error: errors::grpc,
    ..USUAL
};

pub(super) static HELIUM: Fixed =
    Fixed { carriers: &key_in("key"), list: List::bare("/api/v1/devices"), ..USUAL };

pub(super) static IMONNIT: Fixed = Fixed {
    logins: &[("api_key", &[("api_key_id", "key-7"), ("api_secret_key", known::API_KEY)])],
    carriers: &key_in("APISecretKey"),
    beside: &[("APIKeyID", "key-7")],
    list: List::post(
        "/json/SensorList",
        |page| json!({ "Method": "SensorList", "Result": page.items }),
    ),
    error: |status, why| errors::shaped(status, json!({ "Method": "SensorList", "Result": why })),
    ..USUAL
};

pub(super) static LORIOT: Fixed = Fixed {
    list: List::get(
        "/1/nwk/apps",
        Pages::Number("page", 1),
        |page| json!({ "apps": page.items, "page": 1, "perPage": 10, "total": page.total }),
    ),
    ..USUAL
};

pub(super) static OPENHAB: Fixed =
    Fixed { list: List::bare("/rest/items"), error: errors::nested, ..USUAL };

pub(super) static SAMSARA: Fixed = Fixed {
    list: List::get("/fleet/vehicles", Pages::Whole, |page| json!({ "data": page.items })),
    ..USUAL
};

pub(super) static SOLAREDGE: Fixed =
    Fixed { carriers: &key_in("X-API-Key"), list: List::bare("/v2/sites"), ..USUAL };

pub(super) static TELTONIKA_RMS: Fixed = Fixed {
    list: List::get(
        "/devices",
        Pages::Number("page", 1),
        |page| json!({ "success": true, "data": page.items, "meta": { "total": page.total } }),
    ),
    ..USUAL
};

pub(super) static THE_THINGS_STACK: Fixed = Fixed {
    list: List::get(
        "/api/v3/applications",
        Pages::Whole,
        |page| json!({ "applications": page.items }),
    ),
    error: errors::grpc,
    ..USUAL
};

pub(super) static THINGWORX: Fixed =
    Fixed { carriers: &key_in("appKey"), list: List::bare("/Thingworx/Things"), ..USUAL };

pub(super) static BLYNK: Fixed = Fixed {
    carriers: &[(Carrier::Query("token"), Opens::Secret(KEY))],
    list: List::bare("/external/api/getAll"),
    error: errors::nested,
    refused: 400,
    ..USUAL
};

pub(super) static CISCO_IOT: Fixed = Fixed {
    logins: &[("api_key", &[("username", known::USERNAME), ("api_key", known::API_KEY)])],
    carriers: &[(Carrier::Basic(known::USERNAME), Opens::Secret(KEY))],
    list: List::get("/rws/api/v1/devices", Pages::Whole, |page| json!({ "devices": page.items })),
    error: |status, why| {
        errors::shaped(status, json!({ "errorMessage": why, "errorCode": "10000001" }))
            .with("WWW-Authenticate", "Basic realm=\"Jasper\"")
    },
    ..USUAL
};

pub(super) static DITTO: Fixed = Fixed {
    logins: &[PERSON, BY_KEY],
    carriers: &[BASIC[0], BEARER[0]],
    list: List::bare("/api/2/things"),
    error: |status, why| {
        let error = "gateway:authentication.failed";
        errors::shaped(
            status,
            json!({ "status": status, "error": error, "message": why, "description": "check the credentials" }),
        )
    },
    ..USUAL
};

pub(super) static HOLOGRAM: Fixed = Fixed {
    carriers: &[(Carrier::Basic("apikey"), Opens::Secret(KEY))],
    list: List::get("/api/1/devices", Pages::After("startafter"), |page| {
        let next = page.next.as_ref().map(|id| format!("/api/1/devices?startafter={id}"));
        json!({
            "success": true, "continues": next.is_some(), "lastid": page.next, "data": page.items,
            "links": { "path": "/api/1/devices", "next": next },
        })
    }),
    error: |status, why| errors::shaped(status, json!({ "success": false, "error": why })),
    ..USUAL
};

pub(super) static MEMFAULT: Fixed = Fixed {
    carriers: &[(Carrier::Basic(""), Opens::Secret(KEY))],
    list: List::get(
        "/api/v0/organizations/gateways/projects",
        Pages::Whole,
        |page| json!({ "data": page.items }),
    ),
    error: errors::nested,
    ..USUAL
};

pub(super) static SIGFOX: Fixed = Fixed {
    logins: &[PERSON],
    carriers: &BASIC,
    list: List::get("/v2/devices", Pages::Offset("offset"), |page| match &page.next_url {
        Some(next) => json!({ "data": page.items, "paging": { "next": next } }),
        None => json!({ "data": page.items, "paging": {} }),
    }),
    ..USUAL
};

impl Rules for Fixed {
    fn logins(&self) -> &'static [Login] {
        self.logins
    }

    fn carriers(&self) -> &'static [(Carrier, Opens)] {
        self.carriers
    }

    fn admit(&self, call: &mut Call<'_>) -> Result<(), Answer> {
        call.carried(self.carriers)?;
        let by_name = call.request.header("authorization").is_some();
        match self.beside.iter().find(|(name, value)| call.request.header(name) != Some(value)) {
            Some((name, _)) if !by_name => {
                Err(self.error(self.refused, &format!("{name} is not the key's")))
            }
            _ => Ok(()),
        }
    }

    fn list(&self) -> List {
        self.list.clone()
    }

    fn error(&self, status: u16, message: &str) -> Answer {
        (self.error)(if status == 401 { self.refused } else { status }, message)
    }
}
