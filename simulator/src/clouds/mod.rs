//! The clouds: what each one's origins are, and what all of them share in being strict.

mod api;
mod iotconnect;
mod kii;
mod kontakt;
mod oauth2;
mod simacan;
mod thingsboard;

use crate::fields::{self, FieldFault, Fields};
use crate::form;
use crate::http::{Answer, Request};
use crate::site::Site;
use crate::tokens::Habits;

/// A cloud that is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cloud {
    /// Kontakt.io, Kio Cloud.
    Kontakt,
    /// Avnet IoTConnect.
    IotConnect,
    /// Kii Cloud.
    Kii,
    /// Simacan's Auth API and a target API.
    Simacan,
    /// A plain OAuth 2.0 authorization server with a resource of its own.
    OAuth2,
    /// ThingsBoard.
    ThingsBoard,
}

impl Cloud {
    /// All of them, in the order in which their ports are opened.
    pub const ALL: [Cloud; 6] = [
        Cloud::Kontakt,
        Cloud::IotConnect,
        Cloud::Kii,
        Cloud::Simacan,
        Cloud::OAuth2,
        Cloud::ThingsBoard,
    ];

    /// The name used at the control port and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Cloud::Kontakt => "kontakt",
            Cloud::IotConnect => "iotconnect",
            Cloud::Kii => "kii",
            Cloud::Simacan => "simacan",
            Cloud::OAuth2 => "oauth2",
            Cloud::ThingsBoard => "thingsboard",
        }
    }

    /// The cloud of that name.
    pub fn from_name(name: &str) -> Option<Cloud> {
        Cloud::ALL.into_iter().find(|cloud| cloud.name() == name)
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn wire(self) -> &'static dyn Wire {
        match self {
            Cloud::Kontakt => &kontakt::Kontakt,
            Cloud::IotConnect => &iotconnect::IotConnect,
            Cloud::Kii => &kii::Kii,
            Cloud::Simacan => &simacan::Simacan,
            Cloud::OAuth2 => &oauth2::OAuth2,
            Cloud::ThingsBoard => &thingsboard::ThingsBoard,
        }
    }

    /// The role of the origin where this cloud's protected resources live.
    pub(crate) fn api_role(self) -> Role {
        match self {
            Cloud::IotConnect | Cloud::Simacan => Role::Api,
            Cloud::Kontakt | Cloud::Kii | Cloud::OAuth2 | Cloud::ThingsBoard => Role::Auth,
        }
    }
}

/// What an origin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The token calls, and the API where it has no origin of its own.
    Auth,
    /// The API of a cloud that keeps it elsewhere.
    Api,
    /// IoTConnect's discovery.
    Discovery,
    /// No cloud's: where a redirect leads that must not be followed.
    Elsewhere,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Auth => "auth",
            Role::Api => "api",
            Role::Discovery => "discovery",
            Role::Elsewhere => "elsewhere",
        }
    }
}

/// Every origin. The last belongs to no cloud; its paths begin with the name of the cloud that the
/// client was led away from.
pub(crate) const ORIGINS: [(Cloud, Role); 10] = [
    (Cloud::Kontakt, Role::Auth),
    (Cloud::IotConnect, Role::Auth),
    (Cloud::IotConnect, Role::Api),
    (Cloud::IotConnect, Role::Discovery),
    (Cloud::Kii, Role::Auth),
    (Cloud::Simacan, Role::Auth),
    (Cloud::Simacan, Role::Api),
    (Cloud::OAuth2, Role::Auth),
    (Cloud::ThingsBoard, Role::Auth),
    (Cloud::Kontakt, Role::Elsewhere),
];

/// The ports that [`ORIGINS`] listen on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ports {
    pub(crate) control: u16,
    pub(crate) tls: Vec<u16>,
    pub(crate) plain: Vec<u16>,
}

impl Ports {
    /// `https://localhost:PORT`, or its plain twin.
    pub(crate) fn url(&self, cloud: Cloud, role: Role, tls: bool) -> String {
        let wanted =
            |(of, part): &(Cloud, Role)| *part == role && (*of == cloud || role == Role::Elsewhere);
        let index = ORIGINS.iter().position(wanted).unwrap_or(0);
        if tls {
            format!("https://localhost:{}", self.tls[index])
        } else {
            format!("http://localhost:{}", self.plain[index])
        }
    }
}

/// Where and when a request arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) cloud: Cloud,
    pub(crate) role: Role,
    pub(crate) tls: bool,
    pub(crate) now_ms: i64,
    pub(crate) ports: &'a Ports,
}

impl Scene<'_> {
    /// The origin of one of this cloud's parts, secure if the request was.
    pub(crate) fn url(&self, role: Role) -> String {
        self.ports.url(self.cloud, role, self.tls)
    }

    /// The origin the request arrived at.
    pub(crate) fn here(&self) -> String {
        self.url(self.role)
    }
}

/// A call's outcome. Both sides are answers: `Err` only leaves early, so that `?` can be used.
pub(crate) type Outcome = Result<Answer, Answer>;

/// What is particular to one cloud.
pub(crate) trait Wire: Sync {
    /// How its tokens look and live.
    fn habits(&self) -> Habits;

    /// Its principals and what opens each.
    fn secrets(&self) -> &'static [(&'static str, &'static str)];

    /// The principals whose password is the account's.
    fn principals(&self) -> &'static [&'static str];

    /// The principals whose secret is the client's.
    fn clients(&self) -> &'static [&'static str] {
        &[]
    }

    /// The name of the token call at a path; `None` where the path belongs to the API.
    fn call(&self, role: Role, request: &Request) -> Option<&'static str>;

    /// Carries out a token call.
    fn exchange(
        &self,
        scene: &Scene<'_>,
        site: &mut Site,
        call: &str,
        request: &Request,
    ) -> Outcome;

    /// Judges the credentials of an API request.
    fn admit(&self, scene: &Scene<'_>, site: &Site, request: &Request) -> Result<(), Answer>;

    /// A page of the device list, if the path is that of the list.
    fn devices(&self, scene: &Scene<'_>, request: &Request) -> Option<Outcome>;

    /// An error in this cloud's form.
    fn error(&self, status: u16, message: &str) -> Answer;

    /// An error in this cloud's form for a body with faulty fields.
    fn bad_fields(&self, faults: &[FieldFault]) -> Answer {
        self.error(400, &fields::sentence(faults))
    }

    /// Puts on a site what it has from the start.
    fn furnish(&self, _site: &mut Site, _now_ms: i64) {}
}

/// A cloud as it is when it starts.
pub(crate) fn open_site(cloud: Cloud, now_ms: i64) -> Site {
    let wire = cloud.wire();
    let mut site = Site::new(wire.habits(), wire.secrets());
    wire.furnish(&mut site, now_ms);
    site
}

/// The name under which a request is counted, delayed and faulted.
pub(crate) fn call_name(cloud: Cloud, role: Role, request: &Request) -> &'static str {
    let auth_only = role == Role::Auth && cloud == Cloud::Simacan;
    match cloud.wire().call(role, request) {
        _ if role == Role::Elsewhere => "elsewhere",
        Some(name) => name,
        None if role == Role::Discovery || auth_only => "unknown",
        None => "api",
    }
}

/// The names of the calls that are made at an origin: what a fault of connections goes by.
pub(crate) fn calls_at(cloud: Cloud, role: Role) -> &'static [&'static str] {
    match (role, cloud.api_role()) {
        (Role::Auth, Role::Auth) => &["login", "refresh", "revoke", "metadata", "api"],
        (Role::Auth, _) => &["basic-token", "login", "refresh", "verify"],
        (Role::Api, _) => &["api"],
        (Role::Discovery, _) => &["discovery"],
        (Role::Elsewhere, _) => &["elsewhere"],
    }
}

/// What the cloud answers.
pub(crate) fn answer(scene: &Scene<'_>, site: &mut Site, call: &str, request: &Request) -> Answer {
    let wire = scene.cloud.wire();
    let outcome = match call {
        "elsewhere" => Ok(Answer::of(200, "application/json", b"{}".to_vec())),
        "unknown" => Err(wire.error(404, "there is nothing at this path")),
        "api" => api::answer(scene, site, request),
        _ => wire.exchange(scene, site, call, request),
    };
    outcome.unwrap_or_else(|refusal| refusal)
}

/// Refuses every method but one (RFC 9110 15.5.6).
fn only(wire: &dyn Wire, method: &str, request: &Request) -> Result<(), Answer> {
    if request.method == method {
        return Ok(());
    }
    let refusal = wire.error(405, &format!("this path takes {method} only"));
    Err(refusal.with("Allow", method))
}

/// A token call is a POST whose every field is in the body: a URL ends in logs.
fn only_post(wire: &dyn Wire, request: &Request) -> Result<(), Answer> {
    only(wire, "POST", request)?;
    if request.query.is_empty() {
        Ok(())
    } else {
        Err(wire.error(400, "this call takes no query; its fields belong in the body"))
    }
}

/// Refuses every body that does not say it is of one of these types.
fn only_media(wire: &dyn Wire, types: &[&str], request: &Request) -> Result<(), Answer> {
    if request.header_count("content-type") > 1 {
        return Err(wire.error(400, "Content-Type came more than once"));
    }
    if types.contains(&request.media_type().as_str()) {
        return Ok(());
    }
    let types = types.join(" or ");
    Err(wire.error(415, &format!("Content-Type must be {types}")))
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The fields of a JSON body that has exactly these, all of them strings.
fn json_fields(wire: &dyn Wire, required: &[&str], request: &Request) -> Result<Fields, Answer> {
    only_media(wire, &[JSON], request)?;
    fields::from_json(&request.body)
        .map_err(|fault| vec![fault])
        .and_then(|fields| fields.exactly(required, &[]))
        .map_err(|faults| wire.bad_fields(&faults))
}

/// The fields of a form that has exactly these.
fn form_fields(
    wire: &dyn Wire,
    required: &[&str],
    request: &Request,
    decode: fn(&[u8]) -> Result<form::Pairs, form::FormFault>,
) -> Result<Fields, Answer> {
    only_media(wire, &[FORM], request)?;
    decode(&request.body)
        .map_err(|fault| vec![FieldFault::body(fault)])
        .and_then(|pairs| Fields::from(pairs).exactly(required, &[]))
        .map_err(|faults| wire.bad_fields(&faults))
}
