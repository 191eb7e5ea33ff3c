//! The program starts, says where everything is, and goes without leaving anything behind.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{self, Connection, FORM, config};
use keyfob_simulator::credentials::simacan as known;
use serde_json::Value;

struct Running {
    child: Child,
    info: Value,
    info_file: PathBuf,
}

fn start(name: &str, options: &[&str]) -> Running {
    let info_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    let _ = fs::remove_file(&info_file);
    let child = Command::new(env!("CARGO_BIN_EXE_keyfob-simulator"))
        .args(["--info-file", info_file.to_str().unwrap(), "--until-eof"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let text = loop {
        if let Ok(text) = fs::read_to_string(&info_file) {
            break text;
        }
        assert!(Instant::now() < until, "no info file came");
        std::thread::sleep(Duration::from_millis(5));
    };
    Running { child, info: serde_json::from_str(&text).unwrap(), info_file }
}

/// Waits for the program, and returns what it printed.
fn finish(mut running: Running) -> String {
    let mut output = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(running.child.wait().unwrap().success());
    assert!(!running.info_file.exists());
    let ca = running.info["ca_file"].as_str().unwrap();
    assert!(!Path::new(ca).exists() && !Path::new(ca).parent().unwrap().exists());
    output
}

#[test]
fn it_serves_until_its_input_ends_and_prints_no_secret() {
    let mut running = start("until-eof", &[]);
    let ca = PathBuf::from(running.info["ca_file"].as_str().unwrap());
    let base = running.info["clouds"]["simacan"]["base_url"].as_str().unwrap().to_owned();
    let mut connection = Connection::open(&config(&ca, None), &base).unwrap();
    let right = client::form(&[("username", known::USERNAME), ("password", known::PASSWORD)]);
    let reply = connection.ask("POST", "/api/v1/auth/password", &[FORM], right.as_bytes()).unwrap();
    assert_eq!(reply.status, 200);
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let wrong = b"username=x&password=hunter2-hunter2";
    assert_eq!(
        connection.ask("POST", "/api/v1/auth/password", &[FORM], wrong).unwrap().status,
        401
    );
    let mut input = running.child.stdin.take().unwrap();
    input.write_all(b"\n").unwrap();
    drop(input);
    let output = finish(running);
    assert!(output.contains(&base) && output.contains("keyfob get simacan"), "{output}");
    assert!(!output.contains(&token) && !output.contains("hunter2"));
}

#[test]
fn it_runs_a_program_as_a_user_of_a_cloud() {
    let run = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_keyfob-simulator"))
            .args(words)
            .env("KEYFOB_API_KEY", "of another cloud")
            .output()
            .unwrap()
    };
    let ran = run(&["--as", "kii/thing", "sh", "-c", "env | sort; exit 3"]);
    let told = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(3), "{told}");
    for name in
        ["KEYFOB_VENDOR_THING_ID=", "SIMULATOR_CONTROL=http://", "SIMULATOR_DEVICES=https://"]
    {
        assert!(told.lines().any(|line| line.starts_with(name)), "{name}: {told}");
    }
    assert!(!told.contains("KEYFOB_API_KEY"), "{told}");
    for wrong in [["--as", "nix", "true"], ["--as", "kii/nix", "true"], ["--as", "kii", "/no/such"]]
    {
        assert!(!run(&wrong).status.success(), "{wrong:?}");
    }
}

#[test]
fn it_is_quiet_and_keeps_to_its_ports_when_told() {
    let mut running = start("ports", &["--quiet", "--port-base", "21600"]);
    assert_eq!(running.info["control_url"], "http://127.0.0.1:21600");
    assert_eq!(running.info["clouds"]["kontakt"]["base_url"], "https://localhost:21601");
    assert_eq!(running.info["clouds"]["kontakt"]["http_base_url"], "http://localhost:21602");
    drop(running.child.stdin.take());
    assert_eq!(finish(running), "");
}

#[test]
fn a_signal_ends_it_in_good_order() {
    let running = start("signal", &["--quiet"]);
    let id = running.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    finish(running);
}

#[test]
fn a_wrong_option_is_told() {
    for options in [&["--nonsense"][..], &["--port-base", "x"], &["--info-file"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_keyfob-simulator")).args(options).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage:"));
    }
}
