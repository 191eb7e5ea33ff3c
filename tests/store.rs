//! The file store: what survives a restart, what processes share, and what is never trusted.

mod common;

use common::World;
use common::directory::Directory;
use keyfob::{Client, Config, Status, TokenStore};
use keyfob_simulator::{Cloud, Rotation};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
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
        let path = common::devices(Cloud::Kii);
        assert_eq!(world.get(client, Cloud::Kii, &path).unwrap().status(), 200);
    }
    assert_eq!(world.token_calls(Cloud::Kii), ["login", "refresh"]);
    assert_eq!(world.sim.reuse_count(Cloud::Kii), 0);
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
        (Some(1_790_000_000 - 86_400), 600, 1200, &["login"]),
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
fn after_a_reboot_a_token_that_died_meanwhile_is_tried_and_its_refusal_renews_it() {
    let (world, directory) = (World::new(), Directory::new("reboot-dead"));
    directory.client(&world, Cloud::Simacan).token().unwrap();
    world.wind(7200);
    world.clock.reboot();
    world.clock.set_wall(0);
    let client = directory.client(&world, Cloud::Simacan);
    let answer = world.get(&client, Cloud::Simacan, &common::devices(Cloud::Simacan)).unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(world.calls(Cloud::Simacan), ["login", "api", "refresh", "api"]);
}

#[test]
fn a_hold_survives_a_reboot() {
    for (off_for, expected) in [(10, Status::LoginOnHold), (3600, Status::CredentialsRejected)] {
        let (world, directory) = (World::new(), Directory::new("reboot-hold"));
        world.sim.set_now(1_790_000_000);
        world.clock.set_wall(1_790_000_000);
        let wrong = || with(directory.config(&world, Cloud::Kontakt), &[("password", "wrong")]);
        wrong().unwrap().token().unwrap_err();
        world.wind(off_for);
        world.clock.reboot();
        assert_eq!(wrong().unwrap().token().unwrap_err().status(), expected, "off for {off_for}");
    }
}

#[test]
fn a_sealed_store_opens_with_its_key_only_and_is_not_overwritten_with_another() {
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

#[test]
fn a_file_that_cannot_be_trusted_is_set_aside_and_costs_one_login() {
    let spoil: [(&str, fn(&PathBuf)); 4] = [
        ("truncated", |path| std::fs::write(path, "{\"keyfob_st").unwrap()),
        ("zeroed", |path| std::fs::write(path, [0; 512]).unwrap()),
        ("another version's", |path| std::fs::write(path, "{\"keyfob_store\":9}").unwrap()),
        ("a symbolic link", |path| {
            std::fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink("/etc/hostname", path).unwrap();
        }),
    ];
    for (what, spoil) in spoil {
        let (world, directory) = (World::new(), Directory::new("spoilt"));
        let first = directory.client(&world, Cloud::Simacan).token().unwrap();
        spoil(&directory.record());
        let client = directory.client(&world, Cloud::Simacan);
        assert_ne!(client.token().unwrap(), first, "{what}");
        assert_eq!(world.token_calls(Cloud::Simacan), ["login", "login"], "{what}");
        assert!(directory.record().with_extension("json.damaged").symlink_metadata().is_ok());
    }
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
