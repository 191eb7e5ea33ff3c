//! Secrets stay secret: in no log line, error, status or Debug; and what is left of them in memory.

mod memory;

use crate::common::{World, devices, status};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyfob::{Client, Config, Level, Request, Status};
use keyfob_simulator::{Cloud, Fault, credentials};
use serde_json::json;
use std::sync::{Arc, Mutex};

/// A value that stands for a secret, and is nowhere by chance.
const CANARY: &str = "cAnArY-8f3e1b7d55a90c42";

/// Everything that a client lets out, gathered from all its doors.
#[derive(Clone, Default)]
struct Ears(Arc<Mutex<Vec<String>>>);

impl Ears {
    fn hear(&self, said: impl Into<String>) {
        self.0.lock().unwrap().push(said.into());
    }

    /// Listens to every log line, at the most talkative level.
    fn listen(&self, config: &mut Config) {
        let ears = self.clone();
        config.set_log(Arc::new(move |_, line| ears.hear(line)), Level::Debug);
    }

    fn hear_error(&self, error: &keyfob::Error) {
        self.hear(error.message());
        self.hear(format!("{error} {error:?} {error:#?}"));
        self.hear(error.provider_code().unwrap_or_default());
        self.hear(error.provider_message().unwrap_or_default());
    }

    fn hear_client(&self, client: &Client) {
        self.hear(client.status_json());
        self.hear(format!("{client:?} {client:#?}"));
    }

    /// None of these secrets, nor a good part of one, in any of the ways it could be written.
    fn heard_none_of(&self, secrets: &[String]) {
        let heard = self.0.lock().unwrap();
        assert!(heard.len() > 1, "there was something to hear");
        for secret in secrets {
            for written in forms(secret) {
                for line in heard.iter() {
                    assert!(!line.contains(&written), "{written:?} in {line:?}");
                }
            }
        }
    }
}

/// The ways in which a secret, or a part of it that is long enough to matter, may be written.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_string(), base64(secret.as_bytes())];
    let escaped: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.extend([escaped, hex]);
    let parts = secret.as_bytes().chunks(12).filter(|part| part.len() == 12);
    forms.extend(parts.map(|part| String::from_utf8_lossy(part).into_owned()));
    forms
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks_exact(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for at in 0..4 {
            out.push(LETTERS[(bits >> (18 - 6 * at)) as usize & 63] as char);
        }
    }
    out
}

/// The secret options of a login, and the tokens that went over the wire.
fn secrets(world: &World, cloud: Cloud, client: Option<&Client>) -> Vec<String> {
    let mut secrets = Vec::new();
    for (login, options) in credentials::logins(cloud) {
        let config = world.config(cloud, login);
        let is_secret = |option: &str| config.get(option).unwrap().as_deref() == Some("***");
        secrets.extend(options.iter().filter(|(o, _)| is_secret(o)).map(|(_, v)| key_part(v)));
    }
    for entry in world.sim.journal() {
        let authorization = entry.header("authorization").and_then(|value| value.split_once(' '));
        secrets.extend(authorization.map(|(_, token)| secret_part(token)));
        let fields: Vec<String> = entry.text().split(['&', '"', '=']).map(str::to_string).collect();
        let is_token = |field: &String| field.len() > 40 && !field.starts_with("urn%3A");
        secrets.extend(fields.into_iter().filter(is_token));
    }
    secrets.extend(client.and_then(|c| c.try_token().ok()).map(|t| secret_part(t.expose())));
    secrets.retain(|secret| secret.len() >= 8);
    secrets
}

/// Of a key in PEM form, by itself or in a JSON document, what is between its marks; else all of it.
fn key_part(secret: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(secret).unwrap_or_default();
    let pem = document["private_key"].as_str().unwrap_or(secret);
    match pem.split("-----").nth(2) {
        Some(key) => key.split_whitespace().collect(),
        None => secret.to_string(),
    }
}

/// Of a signature that says what it is for, the signature; else all of it.
fn secret_part(token: &str) -> String {
    let after = |mark: &str| Some(token.split_once(mark)?.1.split('&').next()?.to_string());
    after("sig=").or_else(|| after("Signature=")).unwrap_or_else(|| token.to_string())
}

#[test]
fn nothing_a_client_says_in_a_whole_life_holds_a_secret() {
    for cloud in Cloud::ALL {
        for (login, _) in credentials::logins(cloud) {
            let world = World::new();
            let ears = Ears::default();
            let mut config = world.config(cloud, login);
            ears.listen(&mut config);
            ears.hear(format!("{config:?}"));
            let client = config.client().unwrap();
            let note = |outcome: keyfob::Result<()>| {
                if let Err(error) = outcome {
                    ears.hear_error(&error);
                }
                ears.hear_client(&client);
            };
            let get =
                || world.get(&client, cloud, &devices(cloud)).map(|r| ears.hear(format!("{r:?}")));
            note(get());
            world.sim.revoke_access_tokens(cloud);
            note(get());
            world.sim.revoke_refresh_tokens(cloud);
            note(client.renew());
            for fault in
                ["status:400", "status:503", "status:404", "html-200", "reset:before-headers"]
            {
                for call in ["login", "refresh", "api", "basic-token"] {
                    world.answers(cloud, call, Fault::from_name(fault).unwrap());
                }
                note(client.renew());
                note(get());
                world.sim.clear_injections();
                world.wind(4000);
                note(get());
            }
            note(client.forget());
            note(client.set("password", CANARY));
            note(client.set("password", "line\nbreak"));
            world.wind(4000);
            note(get());
            let mut known = secrets(&world, cloud, Some(&client));
            known.push(CANARY.into());
            ears.heard_none_of(&known);
        }
    }
}

#[test]
fn what_a_cloud_echoes_gets_into_nothing() {
    // The same canary is password, token and refresh token, and stands wherever an error could.
    let echo = json!({
        "error": CANARY, "errorCode": CANARY, "code": CANARY, "cause": CANARY, "message": CANARY,
        "error_description": CANARY, "accessToken": CANARY, "status": 400
    });
    for cloud in Cloud::ALL {
        for (login, options) in credentials::logins(cloud) {
            for http in [400, 401, 403, 404, 409, 429, 500] {
                let world = World::new();
                let ears = Ears::default();
                let mut config = world.config(cloud, login);
                let mut is_hidden = false;
                for (option, _) in &options {
                    let mut other = config.clone();
                    let is_secret = config.get(option).unwrap().as_deref() == Some("***");
                    // Not every key can be a canary.
                    if is_secret && other.set(option, CANARY).is_ok() && other.client().is_ok() {
                        config = other;
                        is_hidden = true;
                    }
                }
                if !is_hidden {
                    // What is no secret of this login's may be said.
                    continue;
                }
                ears.listen(&mut config);
                let answer = || Fault::answer(http, &[("Location", CANARY)], echo.to_string());
                for call in ["login", "api"] {
                    world.answers(cloud, call, answer());
                }
                let client = config.client().unwrap();
                if let Err(error) = client.token() {
                    ears.hear_error(&error);
                }
                if let Err(error) = world.get(&client, cloud, &devices(cloud)) {
                    ears.hear_error(&error);
                }
                ears.hear_client(&client);
                ears.heard_none_of(&[CANARY.to_string()]);
            }
        }
    }
}

/// Whoever has the signature of a call can make the call, as long as its time is good.
#[test]
fn a_signature_of_the_request_that_is_echoed_is_not_passed_on() {
    let cloud = Cloud::MenderDevice;
    let world = World::new();
    let client = world.client(cloud);
    client.token().unwrap();
    // Signed as PKCS #1 has it, the same body has the same signature.
    let signature = world.sent(cloud, "login")[0].header("x-men-signature").unwrap().to_string();
    for echo in [&signature[..40], &signature[100..130], &signature] {
        let ears = Ears::default();
        let mut config = world.config(cloud, "device");
        ears.listen(&mut config);
        let body = json!({ "error": format!("{echo} is not right") }).to_string();
        world.answers_once(cloud, "login", Fault::answer(400, &[], body));
        client.forget().unwrap();
        let client = config.client().unwrap();
        let error = client.token().unwrap_err();
        assert_eq!(
            world.sent(cloud, "login").last().unwrap().header("x-men-signature"),
            Some(&*signature)
        );
        ears.hear_error(&error);
        ears.hear_client(&client);
        ears.heard_none_of(&[echo.to_string()]);
        client.forget().unwrap();
    }
}

#[test]
fn a_secret_echoed_in_another_form_gets_into_nothing() {
    let cloud = Cloud::OAuth2;
    let secret = "Tr0ub4dor&3-and-more/of+it";
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let pair = BASE64_STANDARD.encode(format!("user:{secret}"));
    for echo in [
        secret.to_lowercase(),
        secret[..8].to_string(),
        secret[9..18].to_string(),
        percent.clone(),
        percent.replace('%', "%25"),
        BASE64_STANDARD.encode(secret),
        pair[2..24].to_string(),
        BASE64_STANDARD.encode(&percent),
        hex.clone(),
        format!("https://example.com/reset?was={percent}"),
    ] {
        for (member, value) in [
            ("error", echo.clone()),
            ("error_description", format!("The password {echo} is not right")),
            ("message", format!("Not right: \"{echo}\".")),
        ] {
            let world = World::new();
            let ears = Ears::default();
            let mut config = world.config(cloud, "password");
            config.set("password", secret).unwrap();
            ears.listen(&mut config);
            let body = json!({ member: value }).to_string();
            let json = [("Content-Type", "application/json")];
            world.answers(cloud, "login", Fault::answer(401, &json, body));
            let client = config.client().unwrap();
            let error = client.token().unwrap_err();
            ears.hear_error(&error);
            ears.hear_client(&client);
            ears.heard_none_of(&[echo.clone(), secret.into()]);
            if member == "error_description" {
                let said = error.provider_message().unwrap();
                assert!(said.starts_with("The password ***") && said.ends_with("is not right"));
            }
        }
    }
}

#[test]
fn a_refresh_token_echoed_as_an_error_code_is_not_passed_on() {
    let world = World::new();
    let ears = Ears::default();
    let cloud = Cloud::Kii;
    let mut config = world.config(cloud, "user");
    ears.listen(&mut config);
    let canaries = json!({
        "access_token": format!("access-{CANARY}"), "refresh_token": format!("refresh-{CANARY}"),
        "token_type": "Bearer", "expires_in": 3600
    });
    world.answers(cloud, "login", Fault::answer(200, &[], canaries.to_string()));
    let client = config.client().unwrap();
    client.token().unwrap();
    for status in [400, 401, 403, 404, 503] {
        for field in ["errorCode", "error"] {
            for token in ["access", "refresh"] {
                let echo = json!({ field: format!("{token}-{CANARY}") }).to_string();
                world.sim.clear_injections();
                world.answers(cloud, "refresh", Fault::answer(status, &[], echo.clone()));
                world.answers(cloud, "login", Fault::answer(200, &[], canaries.to_string()));
                world.answers(cloud, "api", Fault::answer(status, &[], echo));
                if let Err(error) = client.renew() {
                    ears.hear_error(&error);
                }
                let _ = world.get(&client, cloud, &devices(cloud));
                ears.hear_client(&client);
                world.wind(4000);
            }
        }
    }
    ears.heard_none_of(&[CANARY.to_string()]);
}

#[test]
fn a_secret_of_a_discovered_or_foreign_url_is_not_shown() {
    let world = World::new();
    let ears = Ears::default();
    let mut config = Config::new("iotconnect").unwrap();
    ears.listen(&mut config);
    config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
    config.set("discovery_url", &world.sim.discovery_url()).unwrap();
    config.set("environment", "poc").unwrap();
    config.set("solution_key", CANARY).unwrap();
    config.set("username", "u").unwrap();
    config.set("password", "a password").unwrap();
    config.set_clock(world.clock.clone());
    let client = config.client().unwrap();
    ears.hear_error(&client.token().unwrap_err());
    world.wind(4000);
    let status_503 = Fault::status(503);
    world.answers(Cloud::IotConnect, "discovery", status_503);
    ears.hear_error(&client.token().unwrap_err());
    let foreign = format!("https://example.com/x?token={CANARY}");
    let request = Request::new("GET", &foreign).unwrap();
    ears.hear(format!("{request:?}"));
    ears.hear_error(&client.send(&request).unwrap_err());
    ears.hear_client(&client);
    ears.heard_none_of(&[CANARY.to_string()]);
}

#[test]
fn options_that_are_refused_do_not_repeat_what_was_secret() {
    let ears = Ears::default();
    let mut config = Config::new("custom").unwrap();
    let profile = include_str!("../data/thingsboard.json").replace("thingsboard.io", "example.com");
    config.set("profile", &profile).unwrap();
    for (option, value) in [
        ("password", format!("{CANARY}\n")),
        ("proxy", format!("http://user:{CANARY}@")),
        ("proxy", format!("socks4://user:{CANARY}@host:1")),
        ("base_url", format!("https://user:{CANARY}@host/")),
        ("allowed_origins", format!("https://user:{CANARY}@host")),
        ("store_key", CANARY.to_string()),
    ] {
        let mut tried = config.clone();
        let outcome = tried.set(option, &value).and_then(|()| {
            tried.set("username", "u")?;
            tried.set("password", "p")?;
            tried.set("store", "file:/tmp/keyfob-never")?;
            tried.client().map(drop)
        });
        ears.hear_error(&outcome.expect_err(option));
        ears.hear(format!("{tried:?}"));
    }
    let json = format!(r#"{{"password": "{CANARY}", "nothing": "{CANARY}"}}"#);
    ears.hear_error(&config.load_json(&json).unwrap_err());
    let broken = format!(r#"{{"password": "{CANARY}" x"#);
    ears.hear_error(&config.load_json(&broken).unwrap_err());
    ears.heard_none_of(&[CANARY.to_string()]);
}

#[test]
fn the_token_is_given_to_who_asks_and_redacted_in_debug() {
    let world = World::new();
    let client = world.client(Cloud::Simacan);
    let token = client.token().unwrap();
    assert_eq!(format!("{token:?}"), "***");
    assert!(token.expose().len() > 40);
    assert_eq!(client.try_token().unwrap(), token);
    assert_eq!(status(&client)["state"], "fresh");
    let error = client.send(&Request::new("GET", "https://example.com/").unwrap()).unwrap_err();
    assert_eq!(error.status(), Status::ForeignOrigin);
}
