//! The file store: what survives a restart, what processes share, and what is never trusted.

use crate::common::directory::Directory;
use crate::common::{World, devices, status, until};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyfob::{Client, Config, Status, TokenStore};
use keyfob_simulator::{Cloud, Fault, Rotation};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A client with these options besides.
fn with(mut config: Config, options: &[(&str, &str)]) -> keyfob::Result<Client> {
    for (option, value) in options {
        config.set(option, value)?;
    }
    config.client()
}

#[test]
fn a_token_survives_a_restart_and_is_refreshed_after_it() {
    let (world, directory) = (World::new(), Directory::new("restart"));
    let first = directory.client(&world, Cloud::Simacan).token().unwrap();
    assert_eq!(directory.client(&world, Cloud::Simacan).token().unwrap(), first);
    world.wind(3601);
    let second = directory.client(&world, Cloud::Simacan).token().unwrap();
    assert_ne!(second, first);
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "refresh"]);
    assert_eq!(std::fs::metadata(directory.record()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&directory.0).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn what_one_client_renews_the_others_take_over() {
    let (world, directory) = (World::new(), Directory::new("share"));
    world.sim.set_rotation(Cloud::Kii, Rotation::RevokeFamilyOnReuse);
    let clients: Vec<Client> = (0..4).map(|_| directory.client(&world, Cloud::Kii)).collect();
    let login = clients[0].token().unwrap();
    for client in &clients {
        assert_eq!(client.token().unwrap(), login);
    }
    clients[0].renew().unwrap();
    // The others still hold the token that died with the refresh; the store has the newer one.
    for client in &clients {
        let path = devices(Cloud::Kii);
        assert_eq!(world.get(client, Cloud::Kii, &path).unwrap().status(), 200);
    }
    assert_eq!(world.token_calls(Cloud::Kii), ["login", "refresh"]);
    assert_eq!(world.sim.reuse_count(Cloud::Kii), 0);
}

#[test]
fn a_fresh_token_gives_way_to_a_newer_one_before_it_is_refused() {
    let (world, directory) = (World::new(), Directory::new("news"));
    let clients: Vec<Client> = (0..3).map(|_| directory.client(&world, Cloud::Kii)).collect();
    for renewal in 0..3 {
        clients[renewal].renew().unwrap();
        let newer = clients[renewal].token().unwrap();
        world.clock.wind(Duration::from_millis(100));
        for client in &clients {
            let path = devices(Cloud::Kii);
            assert_eq!(world.get(client, Cloud::Kii, &path).unwrap().status(), 200);
            assert_eq!(client.token().unwrap(), newer);
            let mut buffer = [0; 1000];
            let length = client.copy_fresh(&mut buffer).expect("the quick way is open again");
            assert_eq!(&buffer[..length], newer.expose().as_bytes());
        }
    }
    // Once each: none was sent with a token that had died.
    assert_eq!(world.sim.count(Cloud::Kii, "api"), 9);
}

#[test]
fn threads_with_a_client_each_share_one_login() {
    let (world, directory) = (World::new(), Directory::new("threads"));
    // Long enough that the others try for the lock while one of them logs in.
    world.sim.set_delay(Cloud::Simacan, "login", Duration::from_millis(50));
    let clients: Vec<Client> = (0..4).map(|_| directory.client(&world, Cloud::Simacan)).collect();
    std::thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| client.token().unwrap());
        }
    });
    assert_eq!(world.token_calls(Cloud::Simacan), ["login"]);
}

#[test]
fn a_rejected_login_is_held_across_restarts() {
    let (world, directory) = (World::new(), Directory::new("hold"));
    let start =
        || with(directory.config(&world, Cloud::Kontakt), &[("password", "wrong")]).unwrap();
    assert_eq!(start().token().unwrap_err().status(), Status::CredentialsRejected);
    for _ in 0..10 {
        assert_eq!(start().token().unwrap_err().status(), Status::LoginOnHold);
    }
    world.clock.wind(Duration::from_secs(61));
    assert_eq!(start().token().unwrap_err().status(), Status::CredentialsRejected);
    world.clock.wind(Duration::from_secs(61));
    assert_eq!(start().token().unwrap_err().status(), Status::LoginOnHold, "the hold has doubled");
    assert_eq!(world.sim.count(Cloud::Kontakt, "login"), 2);
}

#[test]
fn after_a_reboot_the_clouds_clock_says_whether_a_token_lives() {
    for (wall_after, off_for, up_for, expected) in [
        // The wall clock is right, and the token alive or dead by it.
        (None, 600, 0, &["login"][..]),
        (None, 7200, 0, &["login", "refresh"]),
        // The clock starts in 1970: the token is tried, and is good.
        (Some(0), 600, 0, &["login"]),
        // So it does, but the machine has been up for longer than the token lives.
        (Some(0), 600, 3601, &["login", "refresh"]),
        // The machine's clock is a day late, as one that was saved at the last shutdown.
        (Some(1_790_000_000 - 86_400), 600, 240, &["login"]),
        // It is a year ahead: a token that is taken for dead costs a refresh, and nothing else.
        (Some(1_790_000_000 + 31_536_000), 600, 0, &["login", "refresh"]),
    ] {
        let (world, directory) = (World::new(), Directory::new("reboot"));
        world.sim.set_now(1_790_000_000);
        world.clock.set_wall(1_790_000_000);
        directory.client(&world, Cloud::Simacan).token().unwrap();
        world.wind(off_for);
        world.clock.reboot();
        if let Some(wall) = wall_after {
            world.clock.set_wall(wall);
        }
        world.wind(up_for);
        // Every start judges anew.
        for _ in 0..3 {
            directory.client(&world, Cloud::Simacan).token().unwrap();
        }
        assert_eq!(
            world.token_calls(Cloud::Simacan),
            expected,
            "off for {off_for}, up for {up_for}"
        );
    }
}

#[test]
fn after_a_reboot_a_dead_token_is_tried_and_renewed_if_refused() {
    let (world, directory) = (World::new(), Directory::new("reboot-dead"));
    directory.client(&world, Cloud::Simacan).token().unwrap();
    world.wind(7200);
    world.clock.reboot();
    world.clock.set_wall(0);
    let client = directory.client(&world, Cloud::Simacan);
    let answer = world.get(&client, Cloud::Simacan, &devices(Cloud::Simacan)).unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(world.calls(Cloud::Simacan), ["login", "api", "refresh", "api"]);
}

#[test]
fn a_hold_survives_a_reboot_whatever_the_wall_clock_says() {
    const NOW: i64 = 1_790_000_000;
    const YEAR: i64 = 365 * 86_400;
    // Unset, saved at the last shutdown, right, local time taken for UTC, years ahead.
    for wall in [0, NOW - YEAR, NOW, NOW + 7200, NOW + YEAR, NOW + 100 * YEAR, i64::MAX] {
        let (world, directory) = (World::new(), Directory::new("reboot-hold"));
        world.sim.set_now(NOW);
        world.clock.set_wall(NOW);
        let wrong = || with(directory.config(&world, Cloud::Kontakt), &[("password", "wrong")]);
        let token = || wrong().unwrap().token().unwrap_err();
        assert_eq!(token().status(), Status::CredentialsRejected);
        for (boots, hold) in [(1, 60), (2, 120)] {
            // Off for an hour, and for no time at all, and never up for as long as the hold.
            for off in [3600, 0, 0, 0, 0] {
                world.wind(off);
                world.clock.reboot();
                world.clock.set_wall(wall);
                let held = token();
                assert_eq!(held.status(), Status::LoginOnHold, "{wall}");
                assert!(held.retry_after().unwrap().as_secs() <= hold, "{wall}: {held}");
            }
            assert_eq!(world.sim.count(Cloud::Kontakt, "login"), boots, "{wall}");
            world.wind(hold + 1);
            assert_eq!(token().status(), Status::CredentialsRejected, "{wall}: it does end");
            assert_eq!(token().status(), Status::LoginOnHold, "{wall}");
        }
    }
}

#[test]
fn a_hold_lasts_without_a_boot_id_and_a_year_ahead() {
    let (world, directory) = (World::new(), Directory::new("no-boot"));
    world.clock.set_wall(world.sim.now() + 365 * 86_400);
    let client =
        || with(directory.config(&world, Cloud::Kontakt), &[("password", "wrong")]).unwrap();
    let start = || {
        let text = std::fs::read_to_string(directory.record()).unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
        record["record"].as_object_mut().unwrap().remove("boot");
        std::fs::write(directory.record(), record.to_string()).unwrap();
        client()
    };
    assert_eq!(client().token().unwrap_err().status(), Status::CredentialsRejected);
    for wait in [61, 121, 241] {
        for _ in 0..5 {
            assert_eq!(start().token().unwrap_err().status(), Status::LoginOnHold);
        }
        world.wind(wait);
        assert_eq!(start().token().unwrap_err().status(), Status::CredentialsRejected);
    }
}

#[test]
fn a_hold_is_never_longer_than_an_hour_whatever_the_record_says() {
    let (world, directory) = (World::new(), Directory::new("long-hold"));
    let start =
        || with(directory.config(&world, Cloud::Kontakt), &[("password", "wrong")]).unwrap();
    start().token().unwrap_err();
    let text = std::fs::read_to_string(directory.record()).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    record["record"]["hold"]["until"] = i64::MAX.into();
    std::fs::write(directory.record(), record.to_string()).unwrap();
    let held = start().token().unwrap_err();
    assert_eq!(held.status(), Status::LoginOnHold);
    assert!(held.retry_after().unwrap().as_secs() <= 3600, "{held}");
}

#[test]
fn a_sealed_store_opens_with_its_key_only() {
    let (world, directory) = (World::new(), Directory::new("sealed"));
    let (key, other) = ("00".repeat(32), "01".repeat(32));
    let open = |key: &str| with(directory.config(&world, Cloud::Simacan), &[("store_key", key)]);
    let token = open(&key).unwrap().token().unwrap();
    let sealed = std::fs::read(directory.record()).unwrap();
    let text = String::from_utf8_lossy(&sealed);
    assert!(!text.contains(token.expose()) && !text.contains("access_token"));
    let error = open(&other).unwrap_err();
    assert_eq!(error.status(), Status::Store);
    assert!(error.message().contains("another store_key"), "{error}");
    assert!(directory.config(&world, Cloud::Simacan).client().is_err());
    assert_eq!(std::fs::read(directory.record()).unwrap(), sealed);
    assert_eq!(open(&key).unwrap().token().unwrap(), token);
    assert_eq!(world.token_calls(Cloud::Simacan), ["login"]);
}

#[test]
fn a_key_is_one_key_in_hexadecimal_in_base64_and_in_a_file() {
    let (world, directory) = (World::new(), Directory::new("key"));
    let bytes: Vec<u8> = (0..32).map(|n| n * 7).collect();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let base64 = BASE64_STANDARD.encode(&bytes);
    let file = directory.0.with_extension("key");
    let open = |option: &str, value: &str| {
        with(directory.config(&world, Cloud::Simacan), &[(option, value)]).unwrap().token().unwrap()
    };
    let token = open("store_key", &hex);
    assert_eq!(open("store_key", &base64), token);
    assert_eq!(open("store_key", &hex.to_lowercase()), token);
    for text in [&hex, &base64] {
        std::fs::write(&file, format!("{text}\n")).unwrap();
        assert_eq!(open("store_key_file", file.to_str().unwrap()), token);
    }
    std::fs::remove_file(file).unwrap();
    assert_eq!(world.token_calls(Cloud::Simacan), ["login"]);
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let (world, directory) = (World::new(), Directory::new("no-key"));
    let short = "0f".repeat(31);
    let signs = "+f".repeat(32);
    let letters = "zz".repeat(32);
    for no_key in [&short, &signs, &letters, "AAAA", &BASE64_STANDARD.encode([7; 33])] {
        let config = directory.config(&world, Cloud::Simacan);
        let error = with(config, &[("store_key", no_key)]).unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption, "{no_key}");
        assert!(!error.message().contains(no_key), "{error}");
    }
}

#[cfg(not(windows))] // where tests/suites/cross/shared_store.py has it
#[test]
fn a_key_that_windows_would_keep_is_refused_elsewhere() {
    let (world, directory) = (World::new(), Directory::new("dpapi"));
    let config = directory.config(&world, Cloud::Simacan);
    let error = with(config, &[("store_key", "dpapi")]).unwrap_err();
    assert_eq!(error.status(), Status::InvalidOption);
    assert!(error.message().contains("on Windows dpapi"), "{error}");
    assert!(world.token_calls(Cloud::Simacan).is_empty());
}

#[test]
fn each_write_is_sealed_with_another_nonce() {
    let (world, directory) = (World::new(), Directory::new("nonce"));
    let client =
        with(directory.config(&world, Cloud::Simacan), &[("store_key", &"5a".repeat(32))]).unwrap();
    let nonce = || {
        client.renew().unwrap();
        let sealed: Value = serde_json::from_slice(&directory.contents().unwrap()).unwrap();
        sealed["sealed"]["nonce"].as_str().unwrap().to_string()
    };
    let nonces: BTreeSet<String> = (0..20).map(|_| nonce()).collect();
    assert_eq!(nonces.len(), 20);
}

#[test]
fn a_sealed_record_is_good_unchanged_under_its_own_name_only() {
    let key = [("store_key", &*"5a".repeat(32)), ("password", "wrong")];
    let (world, directory, other) =
        (World::new(), Directory::new("moved"), Directory::new("moved-from"));
    let open = |directory: &Directory, options| {
        with(directory.config(&world, Cloud::Simacan), options).unwrap()
    };
    open(&other, &key[..1]).token().unwrap();
    // Another identity's record in the place of this one's.
    open(&directory, &key).token().unwrap_err();
    std::fs::write(directory.record(), other.contents().unwrap()).unwrap();
    let told = status(&open(&directory, &key))["store"]["fault"]["message"].to_string();
    assert!(told.contains("its seal is broken"), "{told}");
    // One letter of its own.
    let mut sealed: Value = serde_json::from_slice(&other.contents().unwrap()).unwrap();
    let data = sealed["sealed"]["data"].as_str().unwrap();
    let first = if data.starts_with('A') { "B" } else { "A" };
    sealed["sealed"]["data"] = format!("{first}{}", &data[1..]).into();
    std::fs::write(other.record(), sealed.to_string()).unwrap();
    let told = status(&open(&other, &key[..1]))["store"]["fault"]["message"].to_string();
    assert!(told.contains("its seal is broken"), "{told}");
}

#[test]
fn a_record_sealed_meanwhile_with_another_key_is_left_alone() {
    let (world, directory, other) =
        (World::new(), Directory::new("rekeyed"), Directory::new("rekeyed-from"));
    let key = |key: &str| [("store_key", key.repeat(32))];
    let open = |directory: &Directory, key: &[(&str, String); 1]| {
        let [(option, value)] = key;
        with(directory.config(&world, Cloud::Simacan), &[(option, value)]).unwrap()
    };
    let client = open(&directory, &key("5a"));
    client.token().unwrap();
    open(&other, &key("a5")).token().unwrap();
    let foreign = other.contents().unwrap();
    std::fs::write(directory.record(), &foreign).unwrap();
    world.wind(3601);
    world.sim.clear_journal();
    client.token().unwrap();
    // What is there may hold a newer refresh token; ours is not spent, and theirs is not lost.
    assert_eq!(world.token_calls(Cloud::Simacan), ["login"]);
    assert_eq!(directory.contents().unwrap(), foreign);
    let told = status(&client)["store"]["fault"]["message"].to_string();
    assert!(told.contains("another store_key"), "{told}");
}

#[test]
fn a_store_sealed_from_now_on_keeps_nothing_in_the_clear() {
    let (world, directory) = (World::new(), Directory::new("upgrade"));
    let plain = directory.client(&world, Cloud::Simacan).token().unwrap();
    let key = [("store_key", &*"5a".repeat(32))];
    let client = with(directory.config(&world, Cloud::Simacan), &key).unwrap();
    // Whoever wrote it need not have had the key.
    assert_ne!(client.token().unwrap(), plain);
    for file in directory.files("") {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(!text.contains(plain.expose()), "{}", file.display());
    }
}

#[test]
fn a_pause_is_kept_across_restarts_and_reboots() {
    let (world, directory) = (World::new(), Directory::new("pause"));
    world.sim.set_now(1_790_000_000);
    world.clock.set_wall(1_790_000_000);
    let too_many = Fault::answer(429, &[("Retry-After", "600")], "");
    world.answers_once(Cloud::Simacan, "login", too_many);
    let start = || with(directory.config(&world, Cloud::Simacan), &[("retries", "0")]).unwrap();
    assert_eq!(start().token().unwrap_err().status(), Status::RateLimited);
    for _ in 0..10 {
        assert_eq!(start().token().unwrap_err().status(), Status::RateLimited);
    }
    world.wind(300);
    world.clock.reboot();
    let error = start().token().unwrap_err();
    assert_eq!(error.status(), Status::RateLimited);
    assert!((300..=450).contains(&error.retry_after().unwrap().as_secs()), "{error}");
    assert_eq!(world.sim.count(Cloud::Simacan, "login"), 1);
    world.wind(451);
    start().token().unwrap();
}

#[test]
fn what_one_client_forgets_all_of_the_store_forget() {
    let (world, directory) = (World::new(), Directory::new("forget"));
    let (one, other) =
        (directory.client(&world, Cloud::Simacan), directory.client(&world, Cloud::Simacan));
    let token = one.token().unwrap();
    assert_eq!(other.token().unwrap(), token);
    one.forget().unwrap();
    let kept = String::from_utf8(directory.contents().unwrap()).unwrap();
    assert!(!kept.contains("_token"), "{kept}");
    other.renew().unwrap();
    assert_eq!(world.token_calls(Cloud::Simacan), ["login", "login"]);
    assert_eq!(one.token().unwrap(), other.token().unwrap());
}

#[test]
fn a_key_that_is_exchanged_for_nothing_is_copied_nowhere() {
    let (world, directory) = (World::new(), Directory::new("api-key"));
    let mut config = world.config(Cloud::Kontakt, "api-key");
    config.set("store", &directory.option()).unwrap();
    let client = config.client().unwrap();
    let key = client.token().unwrap();
    client.forget().unwrap();
    assert_eq!(client.token().unwrap(), key);
    assert_eq!(config.client().unwrap().token().unwrap(), key);
    assert!(directory.files("").is_empty());
}

#[test]
fn accounts_that_share_a_directory_share_nothing_else() {
    let (world, directory) = (World::new(), Directory::new("accounts"));
    for cloud in [Cloud::Kontakt, Cloud::IotConnect, Cloud::Kii, Cloud::Simacan] {
        directory.client(&world, cloud).token().unwrap();
    }
    let wrong = with(directory.config(&world, Cloud::Simacan), &[("password", "wrong")]).unwrap();
    assert_eq!(wrong.token().unwrap_err().status(), Status::CredentialsRejected);
    assert_eq!(directory.files(".json").len(), 5);
    for cloud in [Cloud::Kontakt, Cloud::IotConnect, Cloud::Kii, Cloud::Simacan] {
        directory.client(&world, cloud).token().unwrap();
        assert_eq!(world.sim.count(cloud, "refresh"), 0);
    }
    directory.client(&world, Cloud::Simacan).token().unwrap();
    assert_eq!(world.sim.count(Cloud::Simacan, "login"), 2, "the wrong password's, once");
}

#[test]
fn a_relative_directory_is_made_absolute_at_once() {
    let (world, directory) = (World::new(), Directory::new("relative"));
    let here = std::env::current_dir().unwrap();
    let up = "../".repeat(here.components().count());
    let relative = format!("file:{up}{}", directory.0.strip_prefix("/").unwrap().display());
    let mut config = world.config(Cloud::Simacan, "password");
    config.set("store", &relative).unwrap();
    let token = config.client().unwrap().token().unwrap();
    assert_eq!(directory.client(&world, Cloud::Simacan).token().unwrap(), token);
    let kind = status(&config.client().unwrap())["store"]["kind"].clone();
    assert!(kind.as_str().unwrap().starts_with("file:/"), "{kind}");
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    use std::os::unix::fs::MetadataExt;
    let (world, directory) = (World::new(), Directory::new("flash"));
    let client = directory.client(&world, Cloud::Simacan);
    client.token().unwrap();
    let before = std::fs::metadata(directory.record()).unwrap().ino();
    for _ in 0..20 {
        client.token().unwrap();
        directory.client(&world, Cloud::Simacan).token().unwrap();
    }
    assert_eq!(std::fs::metadata(directory.record()).unwrap().ino(), before);
}

/// A store whose lock another process holds, if it is told so, and that counts who asks for it.
#[derive(Default)]
struct Busy {
    taken: AtomicBool,
    asked: AtomicUsize,
}

impl TokenStore for Busy {
    fn load(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn save(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self, _: &str) -> io::Result<bool> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(!self.taken.load(Ordering::SeqCst))
    }
}

#[test]
fn a_renewing_thread_waits_for_another_process_without_haste() {
    let (world, store) = (World::new(), Arc::new(Busy::default()));
    let mut config = world.config(Cloud::Simacan, "password");
    config.set_store(store.clone());
    config.set("background_renewal", "true").unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    store.taken.store(true, Ordering::SeqCst);
    let (begun, before) = (Instant::now(), store.asked.load(Ordering::SeqCst));
    client.wind(Duration::from_secs(3599));
    let mut asked = 0;
    while asked < 5 {
        std::thread::yield_now();
        asked = store.asked.load(Ordering::SeqCst) - before;
    }
    // Fifty times a second, and once for each time it was woken.
    assert!(asked as u128 <= 2 + begun.elapsed().as_millis() / 20, "{asked}");
}

#[test]
fn whoever_waits_for_another_process_can_be_cancelled() {
    let (world, store) = (World::new(), Arc::new(Busy::default()));
    store.taken.store(true, Ordering::SeqCst);
    let mut config = world.config(Cloud::Simacan, "password");
    config.set_store(store.clone());
    let client = config.client().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.token());
        until(|| store.asked.load(Ordering::SeqCst) > 0);
        client.cancel();
        assert_eq!(waiting.join().unwrap().unwrap_err().status(), Status::Cancelled);
    });
    assert_eq!(world.sim.count(Cloud::Simacan, "login"), 0);
}

/// Changes the one record as whoever can write to the directory could.
fn tamper(directory: &Directory, change: impl Fn(&mut Value)) {
    let mut record: Value = serde_json::from_slice(&directory.contents().unwrap()).unwrap();
    change(&mut record["record"]);
    std::fs::write(directory.record(), record.to_string()).unwrap();
}

#[test]
fn a_record_with_bad_contents_is_set_aside_and_not_believed() {
    let changes: [(&str, fn(&mut Value)); 7] = [
        ("a line break", |r| r["token"]["access_token"] = "a\r\nX-Evil: b".into()),
        ("an empty token", |r| r["token"]["access_token"] = "".into()),
        ("an empty refresh token", |r| r["refresh_token"] = "".into()),
        ("an odd refresh token", |r| r["refresh_token"] = "a b".into()),
        ("the last generation", |r| r["generation"] = u64::MAX.into()),
        ("an endpoint", |r| {
            r["endpoints"] = serde_json::json!({ "base_url": "https://evil.example" })
        }),
        ("no endpoint", |r| r["endpoints"] = serde_json::json!({ "auth": "::" })),
    ];
    for (name, change) in changes {
        let (world, directory) = (World::new(), Directory::new("bad-contents"));
        directory.client(&world, Cloud::Simacan).token().unwrap();
        tamper(&directory, change);
        let client = directory.client(&world, Cloud::Simacan);
        let told = status(&client)["store"]["fault"]["message"].to_string();
        assert!(told.contains("no client of this account"), "{name}: {told}");
        client.token().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(world.token_calls(Cloud::Simacan), ["login", "login"], "{name}");
        assert_eq!(directory.files(".json.damaged").len(), 1, "{name}");
    }
}

#[test]
fn a_pause_in_a_record_has_an_end() {
    let (world, directory) = (World::new(), Directory::new("long-pause"));
    let busy = Fault::answer(429, &[("Retry-After", "600")], "");
    world.answers_once(Cloud::Simacan, "login", busy);
    directory.client(&world, Cloud::Simacan).token().unwrap_err();
    tamper(&directory, |r| r["pause"]["until"] = i64::MAX.into());
    let mut config = directory.config(&world, Cloud::Simacan);
    config.set_clock(keyfob::Clock::manual());
    let error = config.client().unwrap().token().unwrap_err();
    assert!(error.retry_after().unwrap() <= Duration::from_secs(30 * 3600), "{error}");
}

#[test]
fn a_stored_record_cannot_say_where_the_password_goes() {
    let (world, directory) = (World::new(), Directory::new("redirected"));
    let cloud = Cloud::IotConnect;
    let config = || {
        let mut config = directory.config(&world, cloud);
        config.set("discovery_url", &world.sim.discovery_url()).unwrap();
        config.set("environment", keyfob_simulator::credentials::iotconnect::ENVIRONMENT).unwrap();
        config
    };
    config().client().unwrap().token().unwrap();
    tamper(&directory, |r| {
        r["endpoints"]["authBaseUrl"] = "http://evil.example/api/v2".into();
        r.as_object_mut().unwrap().remove("token");
        r.as_object_mut().unwrap().remove("refresh_token");
    });
    world.sim.clear_journal();
    config().client().unwrap().token().unwrap();
    assert_eq!(world.token_calls(cloud), ["discovery", "basic-token", "login"], "found anew");
}
