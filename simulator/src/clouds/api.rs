//! The protected resources that every cloud has: its device list, and a few that are good for
//! trying a client on.

use ring::digest;
use serde_json::{Map, Value, json};

use crate::http::Answer;

use super::call::Call;
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
        Ok(status @ 200..=599) => Ok(Answer::json(status, &json!({ "status": status }))),
        _ => Err(rules.error(400, "a status is a number from 200 to 599")),
    }
}

/// 201 when the thing is new and 200 when the same call is made again (IoTConnect's guide).
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
    call.only("GET")?;
    let page = page(call, list.pages)?;
    let answer = Answer::json(200, &(list.body)(&page));
    Ok(match (list.pages, page.next_url) {
        (Pages::Linked(..), Some(url)) => answer.with("Link", format!("<{url}>; rel=\"next\"")),
        _ => answer,
    })
}

fn page(call: &Call<'_>, pages: Pages) -> Result<Page, Answer> {
    let (parameter, first, prefix) = match pages {
        Pages::Number(parameter, first) | Pages::Linked(parameter, first) => (parameter, first, ""),
        Pages::Cursor(parameter) => (parameter, 1, "page-"),
    };
    let wrong = |why| call.rules.error(400, why);
    let number = match call.request.parameter(parameter) {
        None => first,
        Some(text) => {
            let number = text.strip_prefix(prefix).and_then(|number| number.parse().ok());
            number.ok_or_else(|| wrong("the page is none of this list"))?
        }
    };
    let index = number.checked_sub(first).ok_or_else(|| wrong("there is no such page"))?;
    let start = index.saturating_mul(PAGE_SIZE).min(DEVICES);
    let end = (start + PAGE_SIZE).min(DEVICES);
    let items = (start..end).map(|item| {
        let number = item + 1;
        json!({ "id": format!("gw-{number:04}"), "name": format!("Gateway {number}"), "online": number % 2 == 1 })
    });
    let next = (end < DEVICES).then(|| format!("{prefix}{}", number + 1));
    let here = format!("{}{}", call.scene.here(), call.request.path);
    let next_url = next.as_ref().map(|next| format!("{here}?{parameter}={next}"));
    Ok(Page { items: items.collect(), next, next_url, here, total: DEVICES })
}
