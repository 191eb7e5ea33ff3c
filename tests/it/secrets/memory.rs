//! What is left of secrets in a process's memory after its client is gone: counted, in a process of
//! its own whose cloud is in another.

use crate::common::World;
use crate::common::alone::{alone, passed};
use keyfob::{Clock, Config, Request};
use keyfob_simulator::{Cloud, Fault};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;
use zeroize::Zeroizing;

/// A secret that is never in memory as it is but while it is used: what is kept is a mask of it.
struct Needle {
    name: &'static str,
    masked: Vec<u8>,
}

const MASK: u8 = 0x5a;

/// What the cloud in the parent process issues, and the child looks for.
fn canaries() -> Vec<Needle> {
    // Written backwards, so that no constant of the program is one of them.
    let needle = |name, backwards: &str| Needle {
        name,
        masked: backwards.bytes().rev().map(|byte| byte ^ MASK).collect(),
    };
    vec![
        needle("password", "59b1f0c2e7-drowssap-yranac"),
        needle("client secret", "6a3d8e94b2-terces-tneilc-yranac"),
        needle("first access token", "0d9c3b71fe-eno-ssecca-yranac"),
        needle("second access token", "8842c5d1ab-owt-ssecca-yranac"),
        needle("first refresh token", "1c7e90ad35-eno-hserfer-yranac"),
        needle("second refresh token", "4fb6e21c09-owt-hserfer-yranac"),
    ]
}

impl Needle {
    fn plain(&self) -> Zeroizing<String> {
        let mut plain = Zeroizing::new(String::with_capacity(self.masked.len()));
        self.masked.iter().for_each(|byte| plain.push((byte ^ MASK) as char));
        plain
    }

    fn is_at(&self, bytes: &[u8]) -> bool {
        bytes.len() >= self.masked.len()
            && self.masked.iter().zip(bytes).all(|(masked, byte)| masked ^ MASK == *byte)
    }
}

/// How often each of them stands in what this process may write to: heap, stacks, its own data.
fn count(needles: &[Needle]) -> BTreeMap<&'static str, usize> {
    let mut found: BTreeMap<_, _> = needles.iter().map(|needle| (needle.name, 0)).collect();
    let longest = needles.iter().map(|needle| needle.masked.len()).max().unwrap();
    let first = needles[0].masked[0];
    assert!(needles.iter().all(|needle| needle.masked[0] == first));
    let mut memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut window = vec![0u8; 1 << 16];
    let own = window.as_ptr() as u64..window.as_ptr() as u64 + window.len() as u64;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|number| u64::from_str_radix(number, 16).unwrap());
        let mut at = from;
        while at < to {
            let amount = (to - at).min(window.len() as u64) as usize;
            let read = memory
                .seek(SeekFrom::Start(at))
                .and_then(|_| memory.read_exact(&mut window[..amount]));
            if read.is_err() {
                break;
            }
            for offset in 0..amount {
                let address = at + offset as u64;
                // The window sees itself when its turn comes.
                if window[offset] ^ MASK != first
                    || own.contains(&address)
                    || amount - offset < longest && at + (amount as u64) < to
                {
                    continue;
                }
                for needle in needles {
                    if needle.is_at(&window[offset..amount]) {
                        *found.get_mut(needle.name).unwrap() += 1;
                    }
                }
            }
            // Windows overlap, so that nothing hides across their edge.
            at += if amount == window.len() { amount - longest } else { amount } as u64;
            window[..amount].fill(0);
        }
    }
    found
}

/// A client from its beginning to its end.
fn live(needles: &[Needle]) {
    let variable = |name| std::env::var(name).unwrap();
    let mut config = Config::new("oauth2").unwrap();
    let token_url = variable("KEYFOB_TEST_TOKEN_URL");
    let (origin, _) = token_url.split_once("/oauth2").unwrap_or((&token_url, ""));
    config.set("base_url", origin).unwrap();
    config.set("token_url", &token_url).unwrap();
    config.set("ca_file", &variable("KEYFOB_TEST_CA")).unwrap();
    config.set("username", "gateway").unwrap();
    config.set("password", &needles[0].plain()).unwrap();
    config.set("client_id", "gateway").unwrap();
    config.set("client_secret", &needles[1].plain()).unwrap();
    config.set("client_auth", "client_secret_post").unwrap();
    let clock = Clock::manual();
    config.set_clock(clock.clone());
    let client = config.client().unwrap();
    drop(config);
    let devices = Request::new("GET", "/devices").unwrap();
    for _ in 0..3 {
        client.send(&devices).unwrap();
    }
    clock.wind(Duration::from_secs(3601));
    client.send(&devices).unwrap();
    client.with_token(|token| assert!(token.len() > 20)).unwrap();
    client.with_header_lines(|lines| assert!(lines.len() > 20)).unwrap();
    client.status_json();
    // Who finds nothing now, finds nothing.
    let alive = count(needles);
    assert!(alive["password"] > 0 && alive["second access token"] > 0, "{alive:?}");
}

/// Runs clients through their lives and prints what is left; only ever run by the test below.
#[test]
#[ignore = "is run in a process of its own by the test that follows"]
fn a_process_that_lives_with_secrets() {
    let needles = canaries();
    // More than one life: a freed buffer is another's memory then, and not the system's.
    for _ in 0..3 {
        live(&needles);
    }
    let found = count(&needles);
    println!("LEFT {}", json!(found));
}

#[test]
fn no_more_is_left_in_memory_than_the_documentation_says() {
    let world = World::new();
    let plain = |n: usize| canaries()[n].plain().to_string();
    let tokens = |access: usize, refresh: usize| {
        let body = json!({
            "access_token": plain(access), "refresh_token": plain(refresh),
            "token_type": "Bearer", "expires_in": 3600
        });
        Fault::answer(200, &[("Content-Type", "application/json")], body.to_string())
    };
    let cloud = Cloud::OAuth2;
    world.answers(cloud, "login", tokens(2, 4));
    world.answers(cloud, "refresh", tokens(3, 5));
    world.answers(cloud, "api", Fault::answer(200, &[], "{}"));
    let output = alone(a_process_that_lives_with_secrets)
        .env("KEYFOB_TEST_TOKEN_URL", format!("{}/oauth2/token", world.sim.base_url(cloud)))
        .env("KEYFOB_TEST_CA", world.sim.ca_file())
        .output()
        .unwrap();
    let said = passed(output);
    assert_eq!(world.sim.count(cloud, "refresh"), 3, "it did live with them");
    let left = said.lines().find_map(|line| line.split_once("LEFT ")).unwrap().1;
    let left: BTreeMap<String, usize> = serde_json::from_str(left).unwrap();
    println!("{left:?}");
    let page = include_str!("../../../docs/SECURITY.md");
    for (name, count) in left {
        let row = page.split_once(&format!("\n| {name} | ")).expect(&name).1;
        let most: usize = row.split([' ', '|']).next().unwrap().parse().unwrap();
        assert!(
            count <= most,
            "{count} copies of the {name} are left, and at most {most} promised"
        );
    }
}
