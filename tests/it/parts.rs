//! `PATH.part` where others are at it: another download that ends just then, a link that somebody has
//! put there, a file that was taken away. The old file, and everybody else's, stays as it was.

use crate::common::World;
use crate::common::directory::Place;
use keyfob::{Client, Download, Request, Response, Result, Status};
use keyfob_simulator::{Cloud, Fault, file_of_size};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

const HOST: Cloud = Cloud::Simacan;
const SIZE: usize = 300_000;

/// A client that tries once.
fn client(world: &World) -> Client {
    let mut config = world.config(HOST, "password");
    config.set("download_retry_s", "0").unwrap();
    config.set("retries", "0").unwrap();
    config.client().unwrap()
}

fn request(world: &World) -> Request {
    Request::new("GET", &format!("{}/files/{SIZE}", world.sim.api_url(HOST))).unwrap()
}

fn download(world: &World, client: &Client, target: &Path) -> Result<Response> {
    client.download(&request(world), target, &Download::new())
}

#[test]
fn a_link_in_the_place_of_the_note_leads_to_no_file() {
    let world = World::new();
    let place = Place::new("part");
    let other = place.directory.0.join("other");
    std::fs::write(&other, "somebody's").unwrap();
    for note in [".part.json", ".part.json.new"] {
        symlink(&other, place.beside(note)).unwrap();
    }
    download(&world, &client(&world), &place.target).unwrap();
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "somebody's");
    assert!(std::fs::read(&place.target).unwrap() == file_of_size(SIZE));
}

#[test]
fn a_part_that_was_taken_away_is_not_put_in_place() {
    let world = World::new();
    let place = Place::new("part");
    std::fs::write(&place.target, "old").unwrap();
    let mut asked = request(&world);
    let part = place.beside(".part");
    asked.set_progress(move |_, _| {
        std::fs::remove_file(&part).ok();
        std::fs::write(&part, "another download's").unwrap();
        true
    });
    let error = client(&world).download(&asked, &place.target, &Download::new()).unwrap_err();
    assert_eq!(error.status(), Status::File, "{error}");
    assert_eq!(std::fs::read_to_string(&place.target).unwrap(), "old");
    assert_eq!(std::fs::read_to_string(place.beside(".part")).unwrap(), "another download's");
}

#[test]
fn a_part_of_a_range_is_not_the_whole_file() {
    let world = World::new();
    let place = Place::new("part");
    let client = client(&world);
    let whole = file_of_size(SIZE);
    const HALF: usize = SIZE / 2;
    // An answer without a length is cut, and half of it came.
    let half_comes = || {
        world.answers_once(HOST, "api", Fault::from_name("wire:no-length-cut").unwrap());
        download(&world, &client, &place.target).unwrap_err();
        std::fs::File::options()
            .write(true)
            .open(place.beside(".part"))
            .unwrap()
            .set_len(HALF as u64)
    };
    half_comes().unwrap();
    let ten = |of: &str| {
        let range = format!("bytes {HALF}-{}/{of}", HALF + 9);
        Fault::answer(206, &[("Content-Range", &range)], &whole[HALF..HALF + 10])
    };
    // This one says it, and gives ten bytes of the rest.
    world.answers_once(HOST, "api", ten(&SIZE.to_string()));
    let error = download(&world, &client, &place.target).unwrap_err();
    assert_eq!(error.status(), Status::Network, "{error}");
    assert!(!place.target.exists());
    // Where nobody says how long the file is, nobody knows whether that is all of the rest.
    std::fs::remove_file(place.beside(".part")).unwrap();
    half_comes().unwrap();
    world.answers_once(HOST, "api", ten("*"));
    download(&world, &client, &place.target).unwrap();
    assert!(std::fs::read(&place.target).unwrap() == whole);
}

#[test]
fn a_server_in_want_of_quiet_has_it_between_two_tries() {
    let world = World::new();
    let place = Place::new("part");
    for (status, name) in [(429, "RATE_LIMITED"), (503, "SERVER_ERROR")] {
        world.answers(HOST, "api", Fault::answer(status, &[("Retry-After", "77")], ""));
        let error = download(&world, &client(&world), &place.target).unwrap_err();
        assert_eq!(error.status().name(), name);
        assert_eq!(error.http_status(), Some(status));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(77)), "{error}");
        world.sim.clear_injections();
    }
}

#[test]
fn a_download_has_no_range_of_the_callers() {
    let world = World::new();
    let place = Place::new("part");
    let mut asked = request(&world);
    asked.set_header("range", "bytes=0-9").unwrap();
    let error = client(&world).download(&asked, &place.target, &Download::new()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument, "{error}");
    assert_eq!(world.sim.count(HOST, "api"), 0);
    assert!(!place.beside(".part").exists());
}

#[test]
fn a_new_file_is_as_open_to_others_as_the_old_one() {
    let world = World::new();
    let place = Place::new("part");
    // Nobody runs as somebody else what a server gave, and its owner can read it.
    for (old, new) in [(0o600, 0o600), (0o755, 0o755), (0o6755, 0o755), (0o220, 0o620)] {
        std::fs::write(&place.target, "old").unwrap();
        std::fs::set_permissions(&place.target, PermissionsExt::from_mode(old)).unwrap();
        download(&world, &client(&world), &place.target).unwrap();
        let mode = place.target.metadata().unwrap().permissions().mode() & 0o7777;
        assert!(mode == new, "{old:o} became {mode:o}");
    }
}

#[test]
fn a_file_that_shrank_to_the_parts_length_is_fetched_anew() {
    let world = World::new();
    let place = Place::new("part");
    let client = client(&world);
    world.answers_once(HOST, "api", Fault::from_name("close:within-body:executed").unwrap());
    download(&world, &client, &place.target).unwrap_err();
    let length = place.beside(".part").metadata().unwrap().len();
    assert!(length > 0 && length < SIZE as u64, "{length}");
    // So says a server that knows no If-Range.
    let range = format!("bytes */{length}");
    world.answers_once(HOST, "api", Fault::answer(416, &[("Content-Range", &range)], b""));
    download(&world, &client, &place.target).unwrap();
    assert!(std::fs::read(&place.target).unwrap() == file_of_size(SIZE));
}

/// As on a memory card or a share of the network, where whoever mounts it owns all files.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_whose_files_are_all_another_users_takes_a_download() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        println!("not tried, it takes root");
        return;
    }
    unsafe extern "C" {
        fn setfsuid(user: u32) -> i32;
    }
    let world = World::new();
    let place = Place::new("part");
    std::fs::set_permissions(&place.directory.0, PermissionsExt::from_mode(0o777)).unwrap();
    let client = client(&world);
    world.answers_once(HOST, "api", Fault::from_name("close:within-body:executed").unwrap());
    std::thread::scope(|scope| {
        let as_nobody = || {
            // SAFETY: it takes a number, and is about this thread alone.
            unsafe { setfsuid(NOBODY) };
            let cut = download(&world, &client, &place.target).unwrap_err();
            assert_eq!(cut.status(), Status::Network, "{cut}");
            download(&world, &client, &place.target).unwrap();
        };
        scope.spawn(as_nobody).join().unwrap()
    });
    assert!(std::fs::read(&place.target).unwrap() == file_of_size(SIZE));
    assert!(!place.beside(".part.new").exists());
}
