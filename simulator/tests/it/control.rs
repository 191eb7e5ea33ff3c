//! The control port turns the same knobs, for those who do not speak Rust.

use crate::client::{self, Connection, Reply, config, log_in};
use keyfob_simulator::{Cloud, Simulator};
use serde_json::{Value, json};

fn get(sim: &Simulator, path: &str) -> Reply {
    ask(sim, "GET", path, "")
}

#[track_caller]
fn post(sim: &Simulator, path: &str, body: Value) -> Value {
    let reply = ask(sim, "POST", path, &body.to_string());
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn ask(sim: &Simulator, method: &str, path: &str, body: &str) -> Reply {
    let mut connection =
        Connection::open(&config(sim.ca_file(), None), &sim.control_url()).unwrap();
    connection.ask(method, path, &[], body.as_bytes()).unwrap()
}

#[test]
fn info_has_what_a_client_must_be_told() {
    let sim = Simulator::start();
    let info = get(&sim, "/info").json();
    assert_eq!(info["ca_file"], sim.ca_file().to_str().unwrap());
    for cloud in Cloud::ALL {
        assert_eq!(info["clouds"][cloud.name()]["base_url"], sim.base_url(cloud));
        assert_eq!(info["clouds"][cloud.name()]["http_base_url"], sim.http_base_url(cloud));
        assert_eq!(info["clouds"][cloud.name()]["api_url"], sim.api_url(cloud));
    }
    let options = |cloud: &str| {
        let options = info["clouds"][cloud]["credentials"].as_object().unwrap();
        options.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(options("kontakt"), "api_key password username");
    assert_eq!(options("iotconnect"), "password solution_key username");
    assert_eq!(
        options("kii"),
        "app_id app_key client_id client_secret password username vendor_thing_id"
    );
    assert_eq!(options("oauth2"), "client_id client_secret password username");
}

#[test]
fn every_knob_turns() {
    let sim = Simulator::start();
    let before = sim.now();
    post(&sim, "/wind", json!({ "seconds": 3600.5 }));
    assert!((3600..3602).contains(&(sim.now() - before)));
    assert_eq!(post(&sim, "/now", json!({ "unix_seconds": 1000 }))["now"], 1000);

    post(&sim, "/lifetime", json!({ "cloud": "simacan", "access_seconds": 60 }));
    let login = log_in(&sim, Cloud::Simacan);
    assert_eq!(login.json()["expires_in"], 60);
    post(&sim, "/revoke", json!({ "cloud": "simacan", "what": "access" }));
    let token = client::access_token(Cloud::Simacan, &login);
    assert_eq!(client::api(&sim, Cloud::Simacan, &token, "GET", "/echo", "").status, 401);
    post(&sim, "/rotation", json!({ "cloud": "simacan", "rotation": "revoke-family-on-reuse" }));
    let token = client::refresh_token(Cloud::Simacan, &login);
    assert_eq!(client::refresh(&sim, Cloud::Simacan, &token).status, 200);
    assert_eq!(client::refresh(&sim, Cloud::Simacan, &token).status, 401);
    let counts = get(&sim, "/counts").json()["simacan"].clone();
    assert_eq!((&counts["families_lost"], &counts["reuse_count"]), (&json!(1), &json!(1)));
    assert_eq!(counts["calls"]["refresh"], 2);

    post(&sim, "/delay", json!({ "cloud": "simacan", "call": "login", "ms": 1 }));
    let rule = json!({
        "cloud": "simacan", "call": "login", "times": 1,
        "fault": "status:429", "headers": { "Retry-After": "7" }, "body": { "message": "slow down" },
    });
    post(&sim, "/inject", rule);
    let reply = client::try_log_in(&sim, Cloud::Simacan);
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")));
    assert_eq!(reply.json()["message"], "slow down");
    post(
        &sim,
        "/inject",
        json!({ "fault": "raw-field", "pointer": "/expires_in", "text": "1e300" }),
    );
    assert!(client::try_log_in(&sim, Cloud::Simacan).text().contains("1e300"));
    post(&sim, "/clear", json!({}));
    assert_eq!(get(&sim, "/journal").json(), json!([]));
    post(&sim, "/password", json!({ "cloud": "simacan", "password": "new" }));
    assert_eq!(client::try_log_in(&sim, Cloud::Simacan).status, 401);
    let journal = get(&sim, "/journal?cloud=simacan&call=login").json();
    assert_eq!(journal[0]["status"], 401);
    assert_eq!(get(&sim, "/journal?cloud=kii").json(), json!([]));

    post(&sim, "/refuse", json!({ "cloud": "simacan", "refused": true }));
    assert!(Connection::open(&config(sim.ca_file(), None), &sim.base_url(Cloud::Simacan)).is_err());
    post(&sim, "/client-cert", json!({ "required": true }));
    post(&sim, "/idle", json!({}));
    post(&sim, "/reset", json!({}));
    log_in(&sim, Cloud::Simacan);
    assert!(get(&sim, "/faults").json().as_array().unwrap().len() > 50);
}

#[test]
fn a_wrong_order_is_told_and_changes_nothing() {
    let sim = Simulator::start();
    for (path, body) in [
        ("/wind", "{}"),
        ("/wind", "{\"seconds\":-1}"),
        ("/wind", "not json"),
        ("/wind", "[]"),
        ("/rotation", "{\"rotation\":\"sometimes\"}"),
        ("/revoke", "{\"cloud\":\"nowhere\"}"),
        ("/revoke", "{\"what\":\"all\"}"),
        ("/inject", "{\"fault\":\"bad luck\"}"),
        ("/inject", "{\"fault\":\"empty\",\"times\":-1}"),
        ("/delay", "{\"call\":\"login\"}"),
        ("/password", "{}"),
        ("/refuse", "{}"),
        ("/clear", "{\"what\":\"everything\"}"),
        ("/wind", "{\"seconds\":1,\"minutes\":1}"),
        ("/revoke", "{\"clouds\":\"kii\"}"),
        ("/delay", "{\"call\":\"login\",\"ms\":1,\"times\":1}"),
        ("/reset", "{\"cloud\":\"kii\"}"),
        ("/inject", "{\"fault\":\"empty\",\"time\":1}"),
        ("/inject", "{\"fault\":\"status:500\",\"header\":{}}"),
        ("/inject", "{\"fault\":{\"fault\":\"empty\"},\"time\":1}"),
        ("/inject", "{\"fault\":\"empty\",\"call\":7}"),
    ] {
        let reply = ask(&sim, "POST", path, body);
        assert_eq!(reply.status, 400, "{path} {body}");
        assert!(reply.json()["error"].is_string());
    }
    assert_eq!(get(&sim, "/nothing").status, 404);
    assert_eq!(ask(&sim, "POST", "/nothing", "").status, 404);
    assert_eq!(ask(&sim, "PUT", "/wind", "").status, 405);
    log_in(&sim, Cloud::Kii);
}
