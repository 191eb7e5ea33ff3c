//! The clouds: which there are ([`Cloud`]), what is particular to each ([`rules::Rules`], one file a
//! cloud), and what they share ([`call::Call`]).

mod airvantage;
mod aliyun;
mod api;
mod aqara;
mod arduino;
mod aws;
mod azure;
mod balena;
mod call;
mod carrier;
mod clearblade;
pub(crate) mod cloud;
mod cognito;
mod cumulocity;
mod devicewise;
mod directus;
mod dpop;
mod emnify;
mod entra;
mod errors;
pub(crate) mod files;
mod fixed;
mod fronius;
mod geotab;
mod google;
mod hawkbit;
mod home_assistant;
mod huawei;
mod insights_hub;
mod iotconnect;
mod keyrock;
mod kii;
mod kontakt;
mod kore;
mod list;
mod losant;
mod mender;
mod mender_device;
mod milesight;
mod node_red;
mod oauth2;
mod oauth2_client;
mod oauth2_grants;
mod once;
mod parse_server;
mod particle;
pub(crate) mod person;
mod pocketbase;
mod refresh_only;
mod rules;
mod signed;
mod simacan;
mod soracom;
mod supabase;
mod switchbot;
mod table;
mod thingpark;
mod thingsboard;
mod tuya;
mod ubidots;
mod verkada;
mod wise_paas;

pub use cloud::Cloud;
pub use person::Consent;

pub(crate) use call::{Call, Scene};
pub(crate) use cloud::Role;
pub(crate) use table::ORIGINS;

use list::Pages;

use crate::http::{Answer, Request};
use crate::site::Site;

impl Cloud {
    /// The path of its device list.
    pub fn devices_path(self) -> &'static str {
        self.rules().list().path
    }

    /// What a request's query must say where a caller names the first page; `None` where the list has
    /// no pages that are counted.
    pub fn first_page(self) -> Option<String> {
        match self.rules().list().pages {
            Pages::Number(name, first)
            | Pages::Counted(name, first)
            | Pages::Linked(name, first) => Some(format!("{name}={first}")),
            Pages::Offset(name) => Some(format!("{name}=0")),
            Pages::Whole | Pages::Cursor(_) | Pages::After(_) => None,
        }
    }

    /// The method by which its device list is asked for: `GET`, but for a few.
    pub fn devices_method(self) -> &'static str {
        self.rules().list().method
    }

    /// The role of the origin where this cloud's protected resources live.
    pub(crate) fn api_role(self) -> Role {
        if self.rules().roles().contains(&Role::Api) { Role::Api } else { Role::Auth }
    }
}

/// A cloud as it is when it starts.
pub(crate) fn open_site(cloud: Cloud, now_ms: i64) -> Site {
    let rules = cloud.rules();
    let mut site = Site::new(rules.habits(), rules.secrets());
    rules.furnish(&mut site, now_ms);
    site
}

/// The name under which a request is counted, delayed and faulted.
pub(crate) fn call_name(cloud: Cloud, role: Role, request: &Request) -> &'static str {
    let auth_only = role == Role::Auth && cloud == Cloud::Simacan;
    match cloud.rules().call(role, request) {
        _ if role == Role::Elsewhere => "elsewhere",
        Some(name) => name,
        None if role == Role::Discovery || auth_only => "unknown",
        None => "api",
    }
}

/// Whether a call of that name is made at an origin: what a fault of connections goes by.
pub(crate) fn is_made_at(call: &str, cloud: Cloud, role: Role) -> bool {
    match role {
        Role::Auth => {
            !matches!(call, "discovery" | "elsewhere")
                && (call != "api" || cloud.api_role() == Role::Auth)
        }
        Role::Api => call == "api",
        Role::Discovery => call == "discovery",
        Role::Elsewhere => call == "elsewhere",
    }
}

/// What the cloud answers.
pub(crate) fn answer(scene: &Scene<'_>, site: &mut Site, name: &str, request: &Request) -> Answer {
    let rules = scene.cloud.rules();
    let mut call = Call { rules, scene, site, name, request };
    let outcome = match name {
        "elsewhere" => Ok(Answer::of(200, "application/json", b"{}".to_vec())),
        "unknown" => Err(rules.error(404, "there is nothing at this path")),
        "api" => api::answer(&mut call),
        _ => rules.exchange(&mut call),
    };
    outcome.unwrap_or_else(|refusal| refusal)
}
