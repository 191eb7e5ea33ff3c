//! Tokens that are bound to a key (DPoP, RFC 9449): at the token endpoint, at the API, with nonces of
//! the server's, and at servers that have other ideas.

use crate::common::directory::Directory;
use crate::common::{World, counter, status};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyfob::{Client, Clock, Config, Request, Status};
use keyfob_simulator::{Cloud, Consent, Fault, RedirectTo, Rotation, credentials::oauth2 as known};
use serde_json::{Value, json};
use std::io::Read;

const CLOUD: Cloud = Cloud::OAuth2;
const REDIRECT: &str = "http://127.0.0.1:8400/";

/// A clock that is right: a proof has the time in it.
fn world() -> World {
    World { clock: Clock::system(), ..World::new() }
}

/// A public client that must bring proofs, with nonces of the server's, and its user.
fn config(world: &World) -> Config {
    let mut config = world.reach(CLOUD);
    let revocation = format!("{}{}", world.sim.base_url(CLOUD), known::REVOCATION_PATH);
    for (option, value) in [
        ("client_id", known::PROVING_CLIENT_ID),
        ("username", known::USERNAME),
        ("password", known::PASSWORD),
        ("revocation_url", &revocation),
        ("dpop", "true"),
    ] {
        config.set(option, value).unwrap();
    }
    config
}

/// The same of which nobody asks for a nonce.
fn unasked(world: &World) -> Config {
    let mut config = config(world);
    config.set("client_id", known::PUBLIC_CLIENT_ID).unwrap();
    config
}

fn part(proof: &str, index: usize) -> Value {
    let part = proof.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The claims of each proof that arrived under this call's name.
fn proofs(world: &World, call: &str) -> Vec<Value> {
    let sent = world.sent(CLOUD, call);
    let proofs = sent.iter().map(|entry| {
        let mut found = entry.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("dpop"));
        part(&found.next().expect("a proof").1, 1)
    });
    proofs.collect()
}

fn devices(world: &World, client: &Client) -> u16 {
    world.get(client, CLOUD, "/devices").unwrap().status()
}

fn line<'l>(lines: &'l str, name: &str) -> &'l str {
    let line = lines.lines().find(|line| line.starts_with(&format!("{name}: "))).unwrap();
    line.split_once(": ").unwrap().1
}

#[test]
fn each_call_and_each_request_brings_a_proof_of_its_own() {
    let world = world();
    let client = unasked(&world).client().unwrap();
    assert_eq!(devices(&world, &client), 200);
    client.renew().unwrap();
    assert_eq!(devices(&world, &client), 200);
    client.forget().unwrap();
    assert_eq!(world.calls(CLOUD), ["login", "api", "refresh", "api", "revoke"]);
    let of = |call| proofs(&world, call);
    let place = |path: &str| format!("{}{path}", world.sim.base_url(CLOUD));
    let login = &of("login")[0];
    assert_eq!((&login["htm"], &login["htu"]), (&json!("POST"), &json!(place(known::TOKEN_PATH))));
    assert!(login["ath"].is_null() && login["nonce"].is_null());
    assert_eq!(of("api")[0]["htu"], place("/devices"));
    assert_ne!(of("api")[0]["jti"], of("api")[1]["jti"]);
    assert_ne!(of("api")[0]["ath"], of("api")[1]["ath"]);
    assert_eq!((of("refresh").len(), of("revoke").len()), (1, 1));
}

#[test]
fn a_nonce_is_taken_from_the_answer_that_asks_for_it() {
    let world = world();
    let client = config(&world).client().unwrap();
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "login"]);
    let of = |call| proofs(&world, call);
    assert!(of("login")[0]["nonce"].is_null() && of("login")[1]["nonce"].is_string());
    // It is remembered: neither the API nor the refresh has to ask.
    assert_eq!(devices(&world, &client), 200);
    client.renew().unwrap();
    assert_eq!(world.calls(CLOUD), ["login", "login", "api", "refresh"]);
    // It grows old: each asks for another once, and nothing is taken for a refusal.
    world.wind(200);
    assert_eq!(devices(&world, &client), 200);
    world.wind(200);
    client.renew().unwrap();
    let calls = world.calls(CLOUD);
    assert_eq!(calls[4..], ["api", "api", "refresh", "refresh"]);
    assert_eq!((counter(&client, "logins"), counter(&client, "failures")), (1, 0));
    assert_eq!(world.sim.reuse_count(CLOUD), 0);
}

#[test]
fn tokens_and_their_key_survive_a_restart_together() {
    let (world, directory) = (world(), Directory::new("dpop"));
    let mut config = config(&world);
    config.set("store", &format!("file:{}", directory.0.display())).unwrap();
    let client = config.client().unwrap();
    let token = client.token().unwrap();
    let thumbprint = status(&client)["dpop_jkt"].clone();
    assert!(thumbprint.as_str().is_some_and(|text| text.len() == 43), "{thumbprint}");
    assert_eq!(status(&client)["dpop_bound"], true);
    drop(client);
    let client = config.client().unwrap();
    assert_eq!(client.token().unwrap(), token);
    assert_eq!(status(&client)["dpop_jkt"], thumbprint);
    assert_eq!(devices(&world, &client), 200);
    client.renew().unwrap();
    assert_eq!(counter(&client, "logins"), 0);
    // With the tokens the key goes, too.
    client.forget().unwrap();
    client.token().unwrap();
    assert_ne!(status(&client)["dpop_jkt"], thumbprint);
}

#[test]
fn clients_of_one_identity_begin_with_one_key() {
    let world = world();
    let clients = [unasked(&world), unasked(&world)].map(|config| config.client().unwrap());
    clients.iter().for_each(|client| drop(client.token().unwrap()));
    let [one, other] = clients.each_ref().map(|client| status(client)["dpop_jkt"].clone());
    assert_eq!(one, other);
    // What is forgotten takes its key along.
    clients[0].forget().unwrap();
    clients[0].token().unwrap();
    assert_ne!(status(&clients[0])["dpop_jkt"], one);
    assert_eq!(devices(&world, &clients[1]), 200);
}

#[test]
fn a_proof_that_an_earlier_try_used_up_is_made_anew() {
    let world = World::new();
    world.sim.set_rotation(CLOUD, Rotation::Keep);
    let client = unasked(&world).client().unwrap();
    client.token().unwrap();
    // The server has carried it out, and a gateway says that it has not.
    world.answers_once(CLOUD, "refresh", Fault::Lost { status: 503 });
    client.renew().unwrap();
    assert_eq!(world.sent(CLOUD, "refresh").len(), 3, "lost, the same again, and another proof");
    assert_eq!(counter(&client, "failures"), 0);
}

#[test]
fn a_record_with_a_bad_key_is_set_aside_and_told() {
    let (world, directory) = (world(), Directory::new("dpop"));
    let mut config = unasked(&world);
    config.set("store", &format!("file:{}", directory.0.display())).unwrap();
    config.client().unwrap().token().unwrap();
    let record = std::fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().path());
    let record = record.into_iter().find(|path| path.extension().is_some_and(|e| e == "json"));
    let path = record.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let key = text.split("\"proof_key\":\"").nth(1).unwrap().split('"').next().unwrap();
    for bad in ["AAAA", &key[..key.len() - 8], ""] {
        std::fs::write(&path, text.replace(key, bad)).unwrap();
        let client = config.client().unwrap();
        let fault = status(&client)["store"]["fault"]["message"].to_string();
        assert!(fault.contains("says what no client") && !fault.contains(key), "{fault}");
        assert_eq!(devices(&world, &client), 200);
    }
}

#[test]
fn headers_of_a_request_are_its_own_and_no_others_are_given() {
    let world = world();
    let client = config(&world).client().unwrap();
    let url = format!("{}/devices?page=2", world.sim.api_url(CLOUD));
    let lines = client.headers_for_request("POST", &url, b"").unwrap();
    let token = client.token().unwrap();
    assert_eq!(line(lines.expose(), "Authorization"), format!("DPoP {}", token.expose()));
    let claims = part(line(lines.expose(), "DPoP"), 1);
    assert_eq!(claims["htm"], "POST");
    assert_eq!(claims["htu"], format!("{}/devices", world.sim.api_url(CLOUD)));
    let error = client.with_header_lines(|lines| lines.to_string()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("dpop"), "{error}");
    let header = part(line(lines.expose(), "DPoP"), 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
    assert!(header["jwk"]["d"].is_null(), "{header}");
    let mut request = Request::new("GET", &url).unwrap();
    request.set_header("dpop", "x").unwrap();
    assert_eq!(client.send(&request).unwrap_err().status(), Status::InvalidArgument);
}

#[test]
fn who_sends_requests_alone_tells_of_nonces() {
    let world = world();
    let client = unasked(&world).client().unwrap();
    client.token().unwrap();
    let url = format!("{}/devices", world.sim.api_url(CLOUD));
    let challenge = Some("DPoP error=\"use_dpop_nonce\"");
    let nonce = || {
        let lines = client.headers_for(&url).unwrap();
        part(line(lines.expose(), "DPoP"), 1)["nonce"].clone()
    };
    assert!(client.note_nonce(&url, 401, Some("first"), challenge));
    assert_eq!(nonce(), "first");
    assert!(!client.note_nonce(&url, 200, Some("second"), None));
    assert_eq!(nonce(), "second");
    // Nothing to repeat with, another host's, and no nonce at all.
    assert!(!client.note_nonce(&url, 401, None, challenge));
    assert!(!client.note_nonce("https://evil.example/", 401, Some("third"), challenge));
    client.note_nonce(&url, 401, Some("a\"b"), challenge);
    assert_eq!(nonce(), "second");
}

#[test]
fn a_redirect_is_followed_with_a_proof_for_where_it_leads() {
    let world = world();
    let client = config(&world).client().unwrap();
    client.token().unwrap();
    let to = RedirectTo::Same;
    world.answers_once(CLOUD, "api", Fault::Redirect { status: 307, to });
    assert_eq!(devices(&world, &client), 200);
    assert_eq!(counter(&client, "replays"), 0);
}

#[test]
fn a_server_without_proofs_gives_a_bearer_token_which_is_told() {
    let world = world();
    let field = |value: Value| Fault::SetField { pointer: "/token_type".into(), value };
    world.answers_once(CLOUD, "login", field(json!("Bearer")));
    let mut config = unasked(&world);
    config.keep_log(keyfob::Level::Warn, 100);
    let client = config.client().unwrap();
    let token = client.token().unwrap();
    let lines = client.with_header_lines(|lines| lines.to_string()).unwrap();
    assert_eq!(lines, format!("Authorization: Bearer {}", token.expose()));
    assert_eq!(status(&client)["dpop_bound"], false);
    let (_, told) = client.next_log_line().unwrap();
    assert!(told.contains("Bearer token"), "{told}");
    // And one that binds what nobody asked to bind is not understood.
    config.set("dpop", "false").unwrap();
    world.answers_once(CLOUD, "login", field(json!("DPoP")));
    let error = config.client().unwrap().token().unwrap_err();
    assert_eq!(error.status(), Status::MalformedAnswer);
    assert!(error.message().contains("dpop=true"), "{error}");
}

/// An answer that speaks of the proof.
fn about_proof(status: u16, code: &str, nonce: Option<&str>) -> Fault {
    let challenge = format!("DPoP error=\"{code}\"");
    let mut headers = vec![("WWW-Authenticate".to_string(), challenge)];
    headers.extend(nonce.map(|nonce| ("DPoP-Nonce".to_string(), nonce.to_string())));
    headers.push(("Content-Type".into(), "application/json".into()));
    Fault::Answer { status, headers, body: json!({ "error": code }).to_string().into_bytes() }
}

#[test]
fn a_server_that_never_has_enough_costs_no_credential() {
    let world = world();
    let mut config = unasked(&world);
    config.set("retries", "0").unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    let nonce = "n".repeat(2000);
    for (status_of, code, given, sent) in [
        (400, "use_dpop_nonce", Some("always the same"), 1),
        (400, "use_dpop_nonce", Some(nonce.as_str()), 2),
        (401, "use_dpop_nonce", None, 1),
        (401, "invalid_dpop_proof", Some("x"), 1),
    ] {
        world.sim.clear_journal();
        world.answers(CLOUD, "refresh", about_proof(status_of, code, given));
        let error = client.renew().unwrap_err();
        assert_eq!(error.status(), Status::UnexpectedAnswer, "{error}");
        assert!(error.message().contains("DPoP"), "{error}");
        assert_eq!(world.token_calls(CLOUD), vec!["refresh"; sent], "{code}");
        assert_eq!(status(&client)["has_refresh_token"], true);
        world.sim.clear_injections();
        // The pause is heeded, and then the refresh token is as good as it was.
        world.wind(600);
        client.renew().unwrap();
    }
    assert_eq!((counter(&client, "logins"), counter(&client, "refreshes_rejected")), (1, 0));
    // Nor is a password held back for it.
    let client = config.client().unwrap();
    world.answers(CLOUD, "login", about_proof(401, "use_dpop_nonce", Some("again")));
    assert_eq!(client.token().unwrap_err().status(), Status::UnexpectedAnswer);
    assert_eq!(status(&client)["hold_ms"], Value::Null);
    assert_eq!(counter(&client, "logins_rejected"), 0);
}

#[test]
fn an_api_that_never_has_enough_refuses_no_token() {
    let world = world();
    let client = config(&world).client().unwrap();
    let token = client.token().unwrap();
    for (code, nonce, sent) in [
        ("use_dpop_nonce", Some("another"), 2),
        ("use_dpop_nonce", None, 1),
        ("invalid_dpop_proof", None, 1),
    ] {
        world.sim.clear_journal();
        world.answers(CLOUD, "api", about_proof(401, code, nonce));
        assert_eq!(devices(&world, &client), 401);
        assert_eq!(world.calls(CLOUD), vec!["api"; sent], "{code}");
        world.sim.clear_injections();
    }
    assert_eq!(client.token().unwrap(), token);
    // A token that is refused is another matter.
    world.sim.revoke_access_tokens(CLOUD);
    assert_eq!(devices(&world, &client), 200);
}

#[test]
fn a_body_that_is_gone_is_not_sent_again_for_a_nonce() {
    let world = world();
    let client = config(&world).client().unwrap();
    client.token().unwrap();
    world.answers_once(CLOUD, "api", about_proof(401, "use_dpop_nonce", Some("new")));
    let url = format!("{}/things", world.sim.api_url(CLOUD));
    let mut request = Request::new("POST", &url).unwrap();
    request.set_body_reader(std::io::Cursor::new(b"{}".to_vec()).take(2), Some(2));
    let error = client.send(&request).unwrap_err();
    assert_eq!(error.status(), Status::BodyNotRepeatable);
    assert!(error.message().contains("nonce"), "{error}");
}

#[test]
fn a_wrong_clock_is_set_right_by_the_answer_that_complains() {
    let world = World::new();
    let client = config(&world).client().unwrap();
    assert_eq!(devices(&world, &client), 200);
    // The first proof was of another time, the second without a nonce.
    assert_eq!(world.calls(CLOUD), ["login", "login", "login", "api"]);
    assert_eq!((counter(&client, "logins"), counter(&client, "failures")), (1, 0));
}

#[test]
fn a_browser_is_told_whose_the_code_will_be() {
    let world = world();
    let mut config = Config::new("oauth2").unwrap();
    config.set("issuer", &world.sim.base_url(CLOUD)).unwrap();
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set("client_id", known::PROVING_CLIENT_ID).unwrap();
    config.set("dpop", "true").unwrap();
    config.set_clock(world.clock.clone());
    let client = config.client().unwrap();
    let login = client.login_begin_browser(REDIRECT).unwrap();
    let told = login.url().split("dpop_jkt=").nth(1).unwrap().to_string();
    let answer = world.sim.visit(CLOUD, login.url(), Consent::Approve).unwrap();
    client.login_finish(&login, &answer).unwrap();
    assert_eq!(status(&client)["dpop_jkt"], told);
    assert_eq!(devices(&world, &client), 200);
    client.renew().unwrap();
    assert_eq!(devices(&world, &client), 200);
}

#[test]
fn where_nothing_is_bound_the_option_is_refused() {
    let world = world();
    let mut config = world.config(Cloud::Kontakt, "password");
    config.set("dpop", "true").unwrap();
    let error = config.client().unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption);
    assert!(error.message().starts_with("dpop: "), "{error}");
}

#[test]
fn the_key_is_shown_nowhere() {
    let (world, directory) = (world(), Directory::new("dpop"));
    let mut config = unasked(&world);
    config.set("store", &format!("file:{}", directory.0.display())).unwrap();
    config.keep_log(keyfob::Level::Debug, 100);
    let client = config.client().unwrap();
    client.token().unwrap();
    let files = std::fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().path());
    let text: String = files.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let key = text.split("\"proof_key\":\"").nth(1).unwrap().split('"').next().unwrap().to_string();
    world.answers(CLOUD, "refresh", about_proof(400, &key[..40], None));
    let error = client.renew().unwrap_err();
    let mut shown = format!("{error:?} {client:?} {}", client.status_json());
    while let Some((_, line)) = client.next_log_line() {
        shown.push_str(&line);
    }
    assert!(!shown.contains(&key[..40]), "{shown}");
}

#[test]
fn a_nonce_that_no_header_can_carry_is_passed_over() {
    let world = world();
    let client = unasked(&world).client().unwrap();
    for nonce in ["a\u{1}b".to_string(), "n".repeat(30_000), "a\"b".into(), String::new()] {
        let value = nonce.clone();
        world.answers_once(CLOUD, "api", Fault::SetHeader { name: "DPoP-Nonce".into(), value });
        // What is no header at all is the transport's to refuse.
        let first = world.get(&client, CLOUD, "/devices").map(|response| response.status());
        assert!(first.is_err() || first.unwrap() == 200, "{}", nonce.len());
        assert_eq!(devices(&world, &client), 200);
    }
    assert!(proofs(&world, "api").iter().all(|proof| proof["nonce"].is_null()));
    assert_eq!(world.token_calls(CLOUD), ["login"]);
}

#[test]
fn a_lost_answer_is_waited_for_with_the_proof_that_was_sent() {
    let world = world();
    let mut config = unasked(&world);
    config.set("retries", "0").unwrap();
    let client = config.client().unwrap();
    world.answers_once(CLOUD, "login", Fault::Delay { ms: 700 });
    let hasty = client.share(Some(std::time::Duration::from_millis(300)));
    assert_eq!(hasty.token().unwrap_err().status(), Status::Timeout);
    // A sibling reads the answer, and has the key that its token is bound to.
    let sibling = config.client().unwrap();
    assert_eq!(devices(&world, &sibling), 200);
    assert_eq!(devices(&world, &client), 200);
    assert_eq!(world.sent(CLOUD, "login").len(), 2, "one each; the late one was read");
}
