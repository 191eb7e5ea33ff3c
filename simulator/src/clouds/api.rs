//! The protected resources that every cloud has: its device list, and a few that are good for
//! trying a client on.

use ring::digest;
use serde_json::{Map, Value, json};

use super::{Outcome, Scene, Wire, only};
use crate::http::{Answer, Request};
use crate::site::Site;

const PAGE_SIZE: usize = 3;
const DEVICES: usize = 7;

/// Admits the request, then answers it.
pub(super) fn answer(scene: &Scene<'_>, site: &mut Site, request: &Request) -> Outcome {
    let wire = scene.cloud.wire();
    wire.admit(scene, site, request)?;
    if let Some(devices) = wire.devices(scene, request) {
        return devices;
    }
    let mut segments = request.path.splitn(3, '/').skip(1);
    match (segments.next().unwrap_or(""), segments.next()) {
        ("echo", None) => Ok(echo(request)),
        ("status", Some(number)) => status(wire, number),
        ("things", None) => create(wire, site, request),
        ("things", Some(id)) => delete(wire, site, id, request),
        _ => Err(wire.error(404, "there is nothing at this path")),
    }
}

/// Says what arrived, but for the credentials.
fn echo(request: &Request) -> Answer {
    const SECRET: [&str; 7] = [
        "authorization",
        "x-authorization",
        "api-key",
        "x-kii-appkey",
        "solution-key",
        "cookie",
        "proxy-authorization",
    ];
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if SECRET.contains(&name.as_str()) {
            continue;
        }
        let joined = match headers.get(&name).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier}, {value}"),
            None => value.clone(),
        };
        headers.insert(name, json!(joined));
    }
    Answer::json(
        200,
        &json!({
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": headers,
            "body": String::from_utf8_lossy(&request.body),
        }),
    )
}

fn status(wire: &dyn Wire, number: &str) -> Outcome {
    match number.parse() {
        Ok(status @ (204 | 304)) => Ok(Answer::empty(status)),
        Ok(status @ 200..=599) => Ok(Answer::json(status, &json!({ "status": status }))),
        _ => Err(wire.error(400, "a status is a number from 200 to 599")),
    }
}

/// 201 when the thing is new and 200 when the same call is made again, as IoTConnect's guide has it.
fn create(wire: &dyn Wire, site: &mut Site, request: &Request) -> Outcome {
    only(wire, "POST", request)?;
    let named = serde_json::from_slice::<Value>(&request.body).ok();
    let named = named.and_then(|body| body["id"].as_str().map(str::to_owned));
    let id = named.unwrap_or_else(|| digest_of(&request.body));
    let status = if site.things.insert(id.clone()) { 201 } else { 200 };
    let location = format!("/things/{id}");
    Ok(Answer::json(status, &json!({ "id": id })).with("Location", location))
}

fn delete(wire: &dyn Wire, site: &mut Site, id: &str, request: &Request) -> Outcome {
    only(wire, "DELETE", request)?;
    site.things.remove(id);
    Ok(Answer::empty(204))
}

fn digest_of(body: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, body);
    let bytes = digest.as_ref().iter().take(6);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// A page of the device list.
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    /// The number of the page after this one, if there is one.
    pub(super) next: Option<usize>,
}

pub(super) const TOTAL: usize = DEVICES;

/// Page `number` of the list, counted from `first`.
pub(super) fn page(wire: &dyn Wire, number: Option<&str>, first: usize) -> Result<Page, Answer> {
    let number = match number {
        None => first,
        Some(text) => text.parse().map_err(|_| wire.error(400, "the page is not a number"))?,
    };
    let index =
        number.checked_sub(first).ok_or_else(|| wire.error(400, "there is no such page"))?;
    let start = index.saturating_mul(PAGE_SIZE).min(DEVICES);
    let end = (start + PAGE_SIZE).min(DEVICES);
    let items = (start..end).map(|item| {
        let number = item + 1;
        json!({ "id": format!("gw-{number:04}"), "name": format!("Gateway {number}"), "online": number % 2 == 1 })
    });
    Ok(Page { items: items.collect(), next: (end < DEVICES).then_some(number + 1) })
}
