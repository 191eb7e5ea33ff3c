//! The control port: plain HTTP on loopback, JSON both ways, for whoever does not speak Rust.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clouds::{Cloud, Consent};
use crate::fault::Fault;
use crate::http::{Answer, Inbox, Request, Unread};
use crate::injection::Injection;
use crate::simulator::Simulator;
use crate::tokens::Rotation;
use crate::wire::Wire;

/// Whoever connects and says nothing must not hold a thread.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers one request and closes the connection.
pub(crate) fn serve(sim: &Simulator, stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut wire = Wire::plain(Arc::new(stream));
    let answer = match Inbox::default().request(&mut wire) {
        Ok(request) => answer(sim, &request),
        Err(Unread::Malformed(answer)) => answer,
        Err(Unread::Gone) => return,
    };
    let mut bytes = answer.head(answer.length(), true);
    bytes.extend_from_slice(&answer.body);
    let _ = wire.write_all(&bytes);
    wire.close();
}

fn answer(sim: &Simulator, request: &Request) -> Answer {
    let told = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => return page(),
        ("GET", path) if path.starts_with("/try/") => return block(sim, &path["/try/".len()..]),
        ("GET", "/info") => Ok(sim.info()),
        ("GET", "/journal") => journal(sim, request),
        ("GET", "/counts") => Ok(counts(sim)),
        ("GET", "/faults") => Ok(Fault::catalogue().iter().map(Fault::name).collect()),
        ("POST", "/visit") => order(&request.body).and_then(|order| visit(sim, &order)),
        ("POST", path) => match order(&request.body).and_then(|order| obey(sim, path, &order)) {
            Ok(true) => Ok(json!({ "now": sim.now() })),
            Ok(false) => return wrong(404, "there is nothing at this path"),
            Err(why) => Err(why),
        },
        ("GET", _) => return wrong(404, "there is nothing at this path"),
        _ => return wrong(405, "the control port takes GET and POST"),
    };
    let mut answer = match told {
        Ok(told) => Answer::json(200, &told),
        Err(why) => wrong(400, &why),
    };
    // For a person with curl: the next prompt begins a line.
    answer.body.push(b'\n');
    answer
}

/// A page for a browser: the clouds, what arrives, and buttons. It is one file, with all it needs.
fn page() -> Answer {
    Answer::of(200, "text/html; charset=utf-8", include_bytes!("page.html").to_vec()).with(
        "Content-Security-Policy",
        "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    )
}

/// Shell lines for a cloud, or for one of its logins: `kontakt`, `kontakt/api_key`.
fn block(sim: &Simulator, name: &str) -> Answer {
    let (cloud, login) = match name.split_once('/') {
        Some((cloud, login)) => (cloud, Some(login)),
        None => (name, None),
    };
    let block = Cloud::from_name(cloud).and_then(|cloud| sim.shell_block(cloud, login));
    match block {
        Some(text) => Answer::of(200, "text/plain; charset=utf-8", text.into_bytes()),
        // It may be evaluated by a shell: what it says is then a comment.
        None => Answer::of(
            404,
            "text/plain; charset=utf-8",
            b"# there is no cloud or login of this name: GET /info has them\n".to_vec(),
        ),
    }
}

fn wrong(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}

fn order(body: &[u8]) -> Result<Value, String> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    let order: Value = serde_json::from_slice(body).map_err(|wrong| wrong.to_string())?;
    if order.is_object() { Ok(order) } else { Err("the body must be a JSON object".to_owned()) }
}

/// What each order may say. An order that says more is misspelt, and would quietly do less.
const ORDERS: [(&str, &[&str]); 15] = [
    ("/wind", &["seconds"]),
    ("/now", &["unix_seconds"]),
    ("/lifetime", &["cloud", "access_seconds", "refresh_seconds"]),
    ("/revoke", &["cloud", "what"]),
    ("/rotation", &["cloud", "rotation"]),
    ("/delay", &["cloud", "call", "ms"]),
    ("/clear", &["what"]),
    ("/refuse", &["cloud", "refused"]),
    ("/idle", &["cloud"]),
    ("/client-cert", &["required"]),
    ("/password", &["cloud", "password"]),
    ("/client-secret", &["cloud", "client_secret"]),
    ("/consent", &["user_code", "answer"]),
    ("/reset", &[]),
    // The rule and its fault know their own members.
    ("/inject", &[]),
];

/// Carries an order out; `false` for a path that is none.
fn obey(sim: &Simulator, path: &str, order: &Value) -> Result<bool, String> {
    let Some((_, members)) = ORDERS.iter().find(|(known, _)| *known == path) else {
        return Ok(false);
    };
    let mut given = order.as_object().into_iter().flat_map(Map::keys);
    if let Some(other) = given.find(|name| path != "/inject" && !members.contains(&name.as_str())) {
        return Err(format!("{path} takes no {other:?}"));
    }
    match path {
        "/wind" => sim.wind(seconds(order, "seconds")?.ok_or("\"seconds\" is missing")?),
        "/now" => sim.set_now(order["unix_seconds"].as_i64().ok_or("\"unix_seconds\" is missing")?),
        "/lifetime" => {
            let access = seconds(order, "access_seconds")?;
            let refresh = seconds(order, "refresh_seconds")?;
            clouds(order)?.for_each(|cloud| sim.set_lifetime(cloud, access, refresh));
        }
        "/revoke" => {
            let what = order["what"].as_str().unwrap_or("both");
            if !["access", "refresh", "both"].contains(&what) {
                return Err("\"what\" must be access, refresh or both".to_owned());
            }
            for cloud in clouds(order)? {
                if what != "refresh" {
                    sim.revoke_access_tokens(cloud);
                }
                if what != "access" {
                    sim.revoke_refresh_tokens(cloud);
                }
            }
        }
        "/rotation" => {
            let rotation = Rotation::from_name(text(order, "rotation")?)
                .ok_or("\"rotation\" must be keep, single-use or revoke-family-on-reuse")?;
            clouds(order)?.for_each(|cloud| sim.set_rotation(cloud, rotation));
        }
        "/delay" => {
            let delay = order["ms"].as_u64().ok_or("\"ms\" must be a whole number")?;
            let call = text(order, "call")?;
            let delay = Duration::from_millis(delay);
            clouds(order)?.for_each(|cloud| sim.set_delay(cloud, call, delay));
        }
        "/inject" => sim.inject(Injection::from_json(order)?),
        "/clear" => {
            let what = order["what"].as_str().unwrap_or("both");
            if !["injections", "journal", "both"].contains(&what) {
                return Err("\"what\" must be injections, journal or both".to_owned());
            }
            if what != "journal" {
                sim.clear_injections();
            }
            if what != "injections" {
                sim.clear_journal();
            }
        }
        "/refuse" => {
            let refused = flag(order, "refused")?;
            clouds(order)?.for_each(|cloud| sim.refuse(cloud, refused));
        }
        "/idle" => clouds(order)?.for_each(|cloud| sim.close_idle_connections(cloud)),
        "/client-cert" => sim.require_client_cert(flag(order, "required")?),
        "/password" => {
            let password = text(order, "password")?;
            clouds(order)?.for_each(|cloud| sim.set_password(cloud, password));
        }
        "/client-secret" => {
            let secret = text(order, "client_secret")?;
            clouds(order)?.for_each(|cloud| sim.set_client_secret(cloud, secret));
        }
        "/consent" => {
            let consent = Consent::from_name(text(order, "answer")?)
                .ok_or("\"answer\" must be approve, deny or expire")?;
            let code = order["user_code"].as_str();
            if !sim.consent(Cloud::OAuth2, code, consent) {
                return Err("nobody is asked by that code".to_owned());
            }
        }
        "/reset" => sim.reset(),
        _ => return Ok(false),
    }
    Ok(true)
}

/// What becomes of a browser that a person sits at.
fn visit(sim: &Simulator, order: &Value) -> Result<Value, String> {
    let consent = Consent::from_name(text(order, "answer")?)
        .ok_or("\"answer\" must be approve, deny or expire")?;
    Ok(json!({ "location": sim.visit(Cloud::OAuth2, text(order, "url")?, consent)? }))
}

/// The cloud that an order names, or all of them.
fn clouds(order: &Value) -> Result<impl Iterator<Item = Cloud>, String> {
    let only = match order.get("cloud") {
        None | Some(Value::Null) => None,
        Some(name) => {
            let cloud = name.as_str().and_then(Cloud::from_name);
            Some(cloud.ok_or_else(|| format!("there is no cloud named {name}"))?)
        }
    };
    Ok(Cloud::ALL.into_iter().filter(move |cloud| only.is_none_or(|only| only == *cloud)))
}

fn text<'a>(order: &'a Value, member: &str) -> Result<&'a str, String> {
    order[member].as_str().ok_or_else(|| format!("{member:?} must be text"))
}

fn flag(order: &Value, member: &str) -> Result<bool, String> {
    order[member].as_bool().ok_or_else(|| format!("{member:?} must be true or false"))
}

fn seconds(order: &Value, member: &str) -> Result<Option<Duration>, String> {
    match order.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let seconds =
                value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            seconds.map(Some).ok_or_else(|| format!("{member:?} must be a number of seconds"))
        }
    }
}

/// Entries, of one cloud or one call if the query says so.
fn journal(sim: &Simulator, request: &Request) -> Result<Value, String> {
    let cloud = match request.parameter("cloud") {
        None => None,
        Some(name) => {
            Some(Cloud::from_name(&name).ok_or_else(|| format!("there is no cloud named {name}"))?)
        }
    };
    let call = request.parameter("call");
    let entries = sim.journal().into_iter().filter(|entry| {
        cloud.is_none_or(|cloud| cloud == entry.cloud)
            && call.as_deref().is_none_or(|call| call == entry.call)
    });
    Ok(entries.map(|entry| entry.to_json()).collect())
}

fn counts(sim: &Simulator) -> Value {
    let counted = Cloud::ALL.into_iter().map(|cloud| {
        let counts = json!({
            "calls": sim.call_counts(cloud),
            "reuse_count": sim.reuse_count(cloud),
            "families_lost": sim.families_lost(cloud),
            "connections": sim.connections(cloud),
            "logins_failed": sim.logins_failed(cloud),
            "locked": sim.locked(cloud),
            "hasty": sim.hasty(cloud),
        });
        (cloud.name().to_owned(), counts)
    });
    Value::Object(counted.collect())
}
