//! The protected resources that every cloud has: its device list, and a few that are good for
//! trying a client on.

use ring::digest;
use serde_json::{Map, Value, json};

use crate::http::Answer;

use super::call::Call;
use super::files;
use super::list::{List, Page, Pages};
use super::rules::{Outcome, Rules};

const PAGE_SIZE: usize = 3;
const DEVICES: usize = 7;

/// Admits the request, then answers it.
pub(super) fn answer(call: &mut Call<'_>) -> Outcome {
    call.rules.admit(call)?;
    if call.rules.is_list(call.scene.role, &call.request.path) {
        return devices(call, &call.rules.list());
    }
    let mut segments = call.request.path.splitn(3, '/').skip(1);
    match (segments.next().unwrap_or(""), segments.next()) {
        ("echo", None) => Ok(echo(call)),
        ("status", Some(number)) => status(call.rules, number),
        ("files", Some(size)) => files::download(call, size),
        ("uploads", None) => files::upload(call),
        ("things", None) => create(call),
        ("things", Some(id)) => delete(call, id),
        _ => Err(call.rules.error(404, "there is nothing at this path")),
    }
}

/// Says what arrived, but for the credentials.
fn echo(call: &Call<'_>) -> Answer {
    const SECRET: [&str; 5] =
        ["authorization", "x-kii-appkey", "solution-key", "cookie", "proxy-authorization"];
    let request = call.request;
    let carries = |name: &str| {
        let mut carriers = call.rules.carriers().iter().map(|(carrier, _)| carrier.header());
        carriers.any(|header| header.eq_ignore_ascii_case(name))
    };
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if SECRET.contains(&name.as_str()) || carries(&name) {
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

fn status(rules: &dyn Rules, number: &str) -> Outcome {
    match number.parse() {
        Ok(status @ (204 | 304)) => Ok(Answer::empty(status)),
        Ok(status @ 200..=999) => Ok(Answer::json(status, &json!({ "status": status }))),
        _ => Err(rules.error(400, "a status is a number from 200 to 999")),
    }
}

/// Makes a thing: 201 for a new one, 200 for one that is there, as IoTConnect's guide has it.
fn create(call: &mut Call<'_>) -> Outcome {
    call.only("POST")?;
    let named = serde_json::from_slice::<Value>(&call.request.body).ok();
    let named = named.and_then(|body| body["id"].as_str().map(str::to_owned));
    let id = named.unwrap_or_else(|| digest_of(&call.request.body));
    let status = if call.site.things.insert(id.clone()) { 201 } else { 200 };
    let location = format!("/things/{id}");
    Ok(Answer::json(status, &json!({ "id": id })).with("Location", location))
}

fn delete(call: &mut Call<'_>, id: &str) -> Outcome {
    call.only("DELETE")?;
    call.site.things.remove(id);
    Ok(Answer::empty(204))
}

fn digest_of(body: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, body);
    let bytes = digest.as_ref().iter().take(6);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// The page of the device list that is asked for.
fn devices(call: &Call<'_>, list: &List) -> Outcome {
    call.only(list.method)?;
    let page = page(call, list.pages)?;
    let answer = Answer::json(200, &(list.body)(&page));
    Ok(match (list.pages, page.next_url) {
        (Pages::Linked(..), Some(url)) => answer.with("Link", format!("<{url}>; rel=\"next\"")),
        (Pages::Counted(..), _) => answer.with("X-Total-Pages", page.pages.to_string()),
        _ => answer,
    })
}

fn page(call: &Call<'_>, pages: Pages) -> Result<Page, Answer> {
    let (start, end) = match pages {
        Pages::Whole => (0, DEVICES),
        _ => {
            let start = start(call, pages)
                .ok_or_else(|| call.rules.error(400, "there is no such page in this list"))?;
            (start.min(DEVICES), (start + PAGE_SIZE).min(DEVICES))
        }
    };
    let items = (start..end).map(|item| {
        let number = item + 1;
        json!({ "id": id_of(item), "name": format!("Gateway {number}"), "online": number % 2 == 1 })
    });
    let after = end / PAGE_SIZE;
    let (parameter, next) = match pages {
        Pages::Whole => ("", String::new()),
        Pages::Number(name, first) | Pages::Counted(name, first) | Pages::Linked(name, first) => {
            (name, (first + after).to_string())
        }
        Pages::Offset(name) => (name, end.to_string()),
        Pages::Cursor(name) => (name, format!("page-{after}")),
        Pages::After(name) => (name, id_of(end.saturating_sub(1))),
    };
    let next = (end < DEVICES).then_some(next);
    let here = format!("{}{}", call.scene.here(), call.request.path);
    Ok(Page {
        items: items.collect(),
        next_url: next.as_ref().map(|next| format!("{here}?{parameter}={next}")),
        next,
        here,
        total: DEVICES,
        pages: DEVICES.div_ceil(PAGE_SIZE),
        query: call.request.query.clone(),
    })
}

/// The first item of the page that is asked for.
fn start(call: &Call<'_>, pages: Pages) -> Option<usize> {
    let asked = |name: &str| call.request.parameter(name);
    match pages {
        Pages::Whole => Some(0),
        Pages::Offset(name) => asked(name).map_or(Some(0), |text| text.parse().ok()),
        Pages::Number(name, first) | Pages::Counted(name, first) | Pages::Linked(name, first) => {
            match asked(name) {
                None => Some(0),
                Some(text) => {
                    text.parse::<usize>().ok()?.checked_sub(first)?.checked_mul(PAGE_SIZE)
                }
            }
        }
        Pages::Cursor(name) => match asked(name) {
            None => Some(0),
            Some(text) => text.strip_prefix("page-")?.parse::<usize>().ok()?.checked_mul(PAGE_SIZE),
        },
        Pages::After(name) => match asked(name) {
            None => Some(0),
            Some(id) => (0..DEVICES).find(|item| id_of(*item) == id).map(|item| item + 1),
        },
    }
}

fn id_of(item: usize) -> String {
    format!("gw-{:04}", item + 1)
}
