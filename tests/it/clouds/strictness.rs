//! The simulated clouds are strict: what keyfob sends is taken, and nearly the same is refused. So a
//! test that passes against them says something of the real ones.

use crate::common::World;
use keyfob::Request;
use keyfob_simulator::{Cloud, Entry, credentials};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Clouds whose token call needs what an earlier call of the same login gave; they have tests of
/// their own in simulator/tests/.
const OF_STEPS: [(Cloud, &str); 2] =
    [(Cloud::IotConnect, "password"), (Cloud::HomeAssistant, "password")];

/// Parameters and fields that no cloud would know, where a cloud ignores what it does not know:
/// OAuth 2.0 must (RFC 6749 3.2), and IoTConnect does.
const IGNORES_JUNK: [Cloud; 2] = [Cloud::OAuth2, Cloud::IotConnect];

/// What may be left out: Soracom then gives a token of its usual lifetime, and Fronius answers what
/// the key alone opens.
const OPTIONAL: [&str; 2] =
    ["soracom auth_key without tokenTimeoutSeconds", "fronius password without authorization"];

/// Headers that say nothing to a cloud.
const COMMON: [&str; 6] =
    ["host", "user-agent", "content-length", "accept", "accept-encoding", "connection"];

/// A request as it is sent again.
#[derive(Clone)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn of(entry: &Entry) -> Sent {
        let mut headers = entry.headers.clone();
        headers.retain(|(name, _)| {
            !["content-length", "connection"].contains(&name.to_lowercase().as_str())
        });
        Sent {
            method: entry.method.clone(),
            path: entry.path.clone(),
            query: entry.query.clone(),
            headers,
            body: entry.body.clone(),
        }
    }

    /// Sends it to an origin over plain HTTP, with the host that it was for, which may be signed;
    /// whether the cloud refused it.
    fn is_refused(&self, origin: &str) -> bool {
        let authority = origin.trim_start_matches("http://");
        let mut stream = TcpStream::connect(authority.replace("localhost", "127.0.0.1")).unwrap();
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        let mut bytes = format!(
            "{} {}{query} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.method,
            self.path,
            self.body.len()
        );
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        bytes.push_str("\r\n");
        stream.write_all(&[bytes.as_bytes(), &self.body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        status >= 400 || says_no(&serde_json::from_str(body).unwrap_or_default())
    }

    /// Every way in which it could be nearly right, with what was done to it.
    fn spoilt(&self, cloud: Cloud) -> Vec<(String, Sent)> {
        let mut all = Vec::new();
        let mut add = |what: String, change: &dyn Fn(&mut Sent)| {
            let mut sent = self.clone();
            change(&mut sent);
            all.push((what, sent));
        };
        add("another method".into(), &|sent| sent.method = "PUT".into());
        for (index, (name, _)) in self.headers.iter().enumerate() {
            if COMMON.contains(&name.to_lowercase().as_str()) {
                continue;
            }
            add(format!("without {name}"), &|sent| drop(sent.headers.remove(index)));
            add(format!("another {name}"), &|sent| sent.headers[index].1.push('x'));
        }
        if self.body.is_empty() {
            return all;
        }
        let junk = !IGNORES_JUNK.contains(&cloud);
        if let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(&self.body) {
            let rewritten = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
                let mut members = members.clone();
                change(&mut members);
                serde_json::to_vec(&members).unwrap()
            };
            for name in members.keys() {
                let body = rewritten(&|members| drop(members.remove(name)));
                add(format!("without {name}"), &|sent| sent.body.clone_from(&body));
            }
            if junk {
                let body = rewritten(&|members| drop(members.insert("junk".into(), "x".into())));
                add("with junk".into(), &|sent| sent.body.clone_from(&body));
            }
        } else {
            let form = String::from_utf8(self.body.clone()).unwrap();
            let fields: Vec<&str> = form.split('&').collect();
            for index in 0..fields.len() {
                let mut fewer = fields.clone();
                let gone = fewer.remove(index).split('=').next().unwrap();
                let body = fewer.join("&");
                add(format!("without {gone}"), &|sent| sent.body = body.clone().into_bytes());
            }
            if junk {
                add("with junk".into(), &|sent| sent.body = format!("{form}&junk=x").into_bytes());
            }
        }
        let query = format!("{}&password=x", self.query);
        add("with a credential in the query".into(), &|sent| sent.query.clone_from(&query));
        all
    }
}

/// Whether an answer under 200 says that it is none.
fn says_no(body: &Value) -> bool {
    let status = &body["status"];
    let is_other = |number: &Value| number.as_i64().is_some_and(|code| code != 0 && code != 200);
    !body["error"].is_null()
        || status == "Failed"
        || is_other(status)
        || is_other(&body["code"])
        || body["success"] == false
}

#[test]
fn every_cloud_refuses_a_token_call_that_is_nearly_right() {
    let world = World::new();
    let mut taken = Vec::new();
    for cloud in Cloud::ALL {
        for (login, _) in credentials::logins(cloud) {
            world.sim.reset();
            let client = world.config(cloud, login).client().unwrap();
            client.token().unwrap();
            client.forget().unwrap();
            let calls = world.sim.journal();
            let mut calls = calls.iter().filter(|entry| ["login", "refresh"].contains(&entry.call));
            let Some(entry) = calls.next_back().filter(|_| !OF_STEPS.contains(&(cloud, login)))
            else {
                continue;
            };
            let sent = Sent::of(entry);
            let base = world.sim.http_base_url(cloud);
            let origin = base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            world.sim.reset();
            assert!(!sent.is_refused(&origin), "{} {login}: the same again", cloud.name());
            for (what, sent) in sent.spoilt(cloud) {
                world.sim.reset();
                let what = format!("{} {login} {what}", cloud.name());
                if !OPTIONAL.contains(&what.as_str()) && !sent.is_refused(&origin) {
                    taken.push(what);
                }
            }
        }
    }
    assert!(taken.is_empty(), "{taken:#?}");
}

#[test]
fn every_cloud_refuses_a_request_that_is_nearly_right() {
    let world = World::new();
    let mut taken = Vec::new();
    for cloud in Cloud::ALL {
        for (login, _) in credentials::logins(cloud) {
            world.sim.reset();
            let client = world.config(cloud, login).client().unwrap();
            let url = format!("{}{}", world.sim.api_url(cloud), cloud.devices_path());
            let mut request = Request::new(cloud.devices_method(), &url).unwrap();
            if cloud.devices_method() == "POST" {
                request.set_body(b"{}");
                request.set_header("Content-Type", "application/json").unwrap();
            }
            assert_eq!(client.send(&request).unwrap().status(), 200);
            let journal = world.sim.journal();
            let sent = Sent::of(journal.iter().rfind(|entry| entry.call == "api").unwrap());
            let origin = world.sim.http_api_url(cloud);
            assert!(!sent.is_refused(&origin), "{} {login}: the same again", cloud.name());
            for (what, sent) in sent.spoilt(cloud) {
                // What else is in a request is the API's business.
                let of_body = ["junk", "content-type", "query"].iter().any(|w| what.contains(w));
                let what = format!("{} {login} {what}", cloud.name());
                let free = of_body || OPTIONAL.contains(&what.as_str());
                if !free && !sent.is_refused(&origin) {
                    taken.push(what);
                }
            }
            client.forget().unwrap();
        }
    }
    assert!(taken.is_empty(), "{taken:#?}");
}
