//! Servers, disks, targets and readers that are no good to a download or an upload: each has its
//! status, and the old file stays as it was. The expectations are rows of tests/data/faults.json,
//! which docs/FAILURES.md shows too.

use crate::common::World;
use crate::common::alone::{alone, only, passed};
use crate::common::directory::Place;
use keyfob::{Client, Download, Request, Response, Result};
use keyfob_simulator::{Cloud, Fault, file_of_size, gzip};
use serde_json::Value;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const HOST: Cloud = Cloud::Simacan;
const SIZE: usize = 300_000;
const OLD: &str = "the old one";

/// A target with an old file that is to be replaced.
fn replaced() -> Place {
    let place = Place::new("download");
    std::fs::write(&place.target, OLD).unwrap();
    place
}

fn part_length(place: &Place) -> u64 {
    std::fs::metadata(place.beside(".part")).map_or(0, |about| about.len())
}

fn firmware(world: &World) -> Request {
    Request::new("GET", &format!("{}/files/{SIZE}", world.sim.api_url(HOST))).unwrap()
}

/// A client that tries once.
fn client(world: &World) -> Client {
    let mut config = world.config(HOST, "password");
    for (option, value) in [
        ("download_retry_s", "0"),
        ("retries", "0"),
        ("idle_timeout_ms", "500"),
        ("timeout_ms", "5000"),
    ] {
        config.set(option, value).unwrap();
    }
    config.client().unwrap()
}

/// The rows of the table for this kind of body that are about this, each with one of its faults.
fn cases(transfer: &str, at: &str) -> Vec<(Value, String)> {
    let table: Value = serde_json::from_str(include_str!("../data/faults.json")).unwrap();
    let rows = table.as_array().unwrap().iter();
    let rows = rows.filter(|row| row["transfer"] == transfer && row["at"] == at);
    let faults = |row: &Value| {
        let names = row["faults"].as_array().unwrap().iter();
        names.map(|name| (row.clone(), name.as_str().unwrap().to_string())).collect::<Vec<_>>()
    };
    let cases: Vec<_> = rows.flat_map(faults).collect();
    assert!(!cases.is_empty(), "{transfer} {at}");
    cases
}

/// What the call gave, as the table says it: `OK`, another answer's status, or the error's name.
fn given(outcome: &Result<Response>) -> String {
    match outcome {
        Ok(response) if matches!(response.status(), 200 | 206) => "OK".into(),
        Ok(response) => response.status().to_string(),
        Err(error) => error.status().name().into(),
    }
}

fn assert_row(row: &Value, name: &str, outcome: &Result<Response>) {
    let number = name.strip_prefix("status:").unwrap_or_default();
    let wanted = row["gives"].as_str().unwrap().replace("{n}", number);
    assert_eq!(given(outcome), wanted, "{name}: {outcome:?}");
}

/// Asserts what became of the target and of what had come, and that a good server makes it good.
fn assert_place(row: &Value, name: &str, place: &Place, world: &World, whole: &[u8]) {
    let target = std::fs::read(&place.target).unwrap();
    match row["gives"] == "OK" {
        true => assert!(target == whole, "{name}: {} bytes", target.len()),
        false => assert!(target == OLD.as_bytes(), "{name}: the old file is intact"),
    }
    match row["part"].as_str().unwrap() {
        "kept" => assert!(part_length(place) > 0, "{name}"),
        "gone" => {
            let left = std::fs::read_dir(&place.directory.0).unwrap().count();
            assert_eq!(left, 1, "{name}: the target alone");
        }
        other => panic!("{other}"),
    }
    world.sim.clear_injections();
    client(world).download(&firmware(world), &place.target, &Download::new()).unwrap();
    assert!(std::fs::read(&place.target).unwrap() == file_of_size(SIZE), "{name}: good again");
}

/// A fault of a server that is asked for the whole file.
fn of_the_file(name: &str) -> Fault {
    let answer = |status: u16, headers: &[(&str, &str)]| Fault::answer(status, headers, "hello");
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    match name.split_once(':').unwrap_or((name, "")) {
        ("announces", _) => answer(200, &[("Content-Length", "10")]),
        ("digest", "repr-digest") => answer(200, &[("Repr-Digest", &format!("sha-256=:{other}:"))]),
        ("digest", "parameters") => {
            answer(200, &[("Repr-Digest", &format!("sha-512=:AA==:, sha-256=:{other}:;a=1;b"))])
        }
        ("digest", "digest") => answer(200, &[("Digest", &format!("md5=x, SHA-256={other}"))]),
        ("digest", _) => answer(200, &[]),
        ("coded", _) => Fault::answer(200, &[("Content-Encoding", "gzip")], gzip(b"hello")),
        ("range", "beginning") => answer(206, &[("Content-Range", "bytes 0-4/10")]),
        ("range", _) => answer(206, &[("Content-Range", "bytes 5-9/10")]),
        _ => Fault::from_name(name).unwrap(),
    }
}

#[test]
fn an_odd_server_costs_a_download_and_never_the_old_file() {
    let world = World::new();
    for (row, name) in cases("download", "the file") {
        let place = replaced();
        world.answers(HOST, "api", of_the_file(&name));
        let mut download = Download::new();
        if name == "digest:given" {
            download.set_sha256(&"ab".repeat(32)).unwrap();
        }
        let outcome = client(&world).download(&firmware(&world), &place.target, &download);
        assert_row(&row, &name, &outcome);
        assert_place(&row, &name, &place, &world, &file_of_size(SIZE));
    }
}

/// A fault of a server that is asked for what follows so many bytes, and the file that it has.
fn of_the_rest(name: &str, at: usize) -> (Fault, Vec<u8>) {
    let whole = file_of_size(SIZE);
    let rest = |range: String, body: &[u8]| {
        (Fault::answer(206, &[("Content-Range", &range)], body), whole.clone())
    };
    let right = format!("bytes {at}-{}/{SIZE}", SIZE - 1);
    match name {
        "file:changed" => (Fault::answer(200, &[("ETag", "\"new\"")], "new"), b"new".to_vec()),
        "range:ignored" => (Fault::answer(200, &[], &whole[..]), whole),
        "range:416" => (Fault::answer(416, &[("Content-Range", "bytes */7")], ""), whole),
        "range:another" => rest(format!("bytes 5-9/{SIZE}"), b"wrong"),
        "range:another-length" => rest(format!("bytes {at}-{SIZE}/{}", SIZE + 1), b"wrong"),
        "range:another-file" => {
            let headers = [("Content-Range", &right[..]), ("ETag", "\"another\"")];
            (Fault::answer(206, &headers, vec![7; SIZE - at]), whole)
        }
        "range:unsaid" => (Fault::answer(206, &[], "wrong"), whole),
        "range:nonsense" => rest("bytes */*".into(), b"wrong"),
        "range:beyond-numbers" => rest("bytes 99999999999999999999-1/2".into(), b"wrong"),
        "range:short" => rest(format!("bytes {at}-{}/{SIZE}", at + 9), &whole[at..at + 10]),
        "range:too-long" => rest(right, &[&whole[at..], b"more"].concat()),
        "range:always" => rest("bytes 5-9/10".into(), b"wrong"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_rest_that_is_not_the_rest_is_never_put_behind_the_part() {
    let world = World::new();
    for (row, name) in cases("download", "the rest") {
        let place = replaced();
        let client = client(&world);
        world.answers_once(HOST, "api", Fault::from_name("close:within-body:executed").unwrap());
        client.download(&firmware(&world), &place.target, &Download::new()).unwrap_err();
        let came = part_length(&place) as usize;
        assert_eq!(came, SIZE / 2, "{name}: what the rest is asked for behind");
        let mut whole = file_of_size(SIZE);
        match &name[..] {
            // The simulator itself says that there is nothing behind it.
            "range:all-there" => std::fs::write(place.beside(".part"), &whole).unwrap(),
            "range:always" => world.answers(HOST, "api", of_the_rest(&name, came).0),
            _ => {
                let fault;
                (fault, whole) = of_the_rest(&name, came);
                world.answers_once(HOST, "api", fault);
            }
        }
        let outcome = client.download(&firmware(&world), &place.target, &Download::new());
        assert_row(&row, &name, &outcome);
        assert!(world.sim.count(HOST, "api") < 100);
        assert_place(&row, &name, &place, &world, &whole);
    }
}

/// A target of this kind, in the place.
fn target_of(name: &str, place: &Place) -> PathBuf {
    let inside = |name: &str| place.directory.0.join(name);
    match name {
        "target:directory" => place.directory.0.clone(),
        "target:link" => {
            symlink(&place.target, inside("link")).unwrap();
            inside("link")
        }
        "target:pipe" => {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, inside("pipe"), mode).unwrap();
            inside("pipe")
        }
        "target:nowhere" => inside("nowhere/firmware.bin"),
        // No file can be made there, by the system's administrator neither.
        "target:not-writable" => "/sys/firmware.bin".into(),
        "target:part-is-a-link" => {
            symlink(&place.target, inside("new.part")).unwrap();
            inside("new")
        }
        "target:part-has-two-names" => {
            std::fs::hard_link(&place.target, inside("new.part")).unwrap();
            inside("new")
        }
        "target:part-of-another" => {
            std::fs::write(inside("new.part"), "theirs").unwrap();
            std::os::unix::fs::chown(inside("new.part"), Some(1), None).unwrap();
            inside("new")
        }
        "target:taken" => place.target.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_target_that_is_no_good_is_left_as_it_is() {
    let world = World::new();
    for (row, name) in cases("download", "the target") {
        let child: Option<fn() -> Option<Command>> = match &name[..] {
            "target:full" => Some(on_a_small_disk),
            "target:limit" => Some(|| Some(alone(in_a_small_process))),
            _ => None,
        };
        if let Some(child) = child {
            assert_eq!((&row["gives"], &row["part"]), (&"FILE".into(), &"kept".into()));
            child().map(|mut child| passed(child.output().unwrap()));
            continue;
        }
        if name == "target:part-of-another" && !rustix::process::geteuid().is_root() {
            println!("not tried: only root can give a file away");
            continue;
        }
        let place = replaced();
        let target = target_of(&name, &place);
        let taken = (name == "target:taken").then(|| {
            let part = std::fs::File::create(place.beside(".part")).unwrap();
            rustix::fs::flock(&part, rustix::fs::FlockOperation::LockExclusive).unwrap();
            part
        });
        let outcome = client(&world).download(&firmware(&world), &target, &Download::new());
        assert_row(&row, &name, &outcome);
        assert_eq!(std::fs::read_to_string(&place.target).unwrap(), OLD, "{name}");
        drop(taken);
    }
}

/// A download fails for lack of room, and the old file is intact.
fn fails_for_lack_of_room(world: &World, client: &Client, target: &Path, why: &str) {
    std::fs::write(target, OLD).unwrap();
    let error = client.download(&firmware(world), target, &Download::new()).unwrap_err();
    assert_eq!(error.status().name(), "FILE", "{error}");
    assert!(error.message().contains(why), "{error}");
    assert_eq!(std::fs::read_to_string(target).unwrap(), OLD);
    assert!(target.with_extension("bin.part").metadata().unwrap().len() > 10_000, "what came");
}

#[test]
#[ignore = "in a process of its own"]
fn in_a_small_process() {
    let world = World::new();
    let place = replaced();
    let client = client(&world);
    client.token().unwrap();
    let most = rustix::process::Rlimit { current: Some(100_000), maximum: Some(100_000) };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, most).unwrap();
    fails_for_lack_of_room(&world, &client, &place.target, "RLIMIT_FSIZE");
}

/// Runs the test below with a file system of its own over a directory; `None` where this machine
/// lets nobody do that.
fn on_a_small_disk() -> Option<Command> {
    const MOUNT: [&str; 3] = ["-rm", "sh", "-c"];
    let mount = "mount -t tmpfs -o size=128k none /mnt && exec \"$0\" \"$@\"";
    let tried = Command::new("unshare").args(MOUNT).args([mount, "true"]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        println!("not tried: this machine lets nobody mount a small disk");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(MOUNT).arg(mount).arg(std::env::current_exe().unwrap());
    command.args(only(with_a_full_disk));
    Some(command)
}

#[test]
#[ignore = "on a disk of its own"]
fn with_a_full_disk() {
    let world = World::new();
    fails_for_lack_of_room(&world, &client(&world), Path::new("/mnt/firmware.bin"), "space");
}

/// A reader that gives so many bytes and then fails.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = buffer.len().min(self.0).min(1000);
        self.0 -= amount;
        match amount {
            0 => Err(io::Error::other("the sensor is gone")),
            amount => Ok(amount),
        }
    }
}

/// An upload with a reader of this kind.
fn upload(world: &World, client: &Client, name: &str) -> Result<Response> {
    const LENGTH: u64 = 200_000;
    let url = format!("{}/uploads", world.sim.api_url(HOST));
    let mut request = Request::new("POST", &url).unwrap();
    let bytes = |length: usize| Cursor::new(vec![7; length]);
    match name {
        "reader:fails" => request.set_body_reader(Failing(0), Some(LENGTH)),
        "reader:fails-later" => request.set_body_reader(Failing(150_000), None),
        "reader:gives-less" => request.set_body_reader(bytes(199_999), Some(LENGTH)),
        "reader:gives-nothing" => request.set_body_reader(bytes(0), Some(LENGTH)),
        "reader:has-more" => request.set_body_reader(bytes(300_000), Some(LENGTH)),
        "reader:once" => request.set_body_reader(bytes(LENGTH as usize), Some(LENGTH)),
        "reader:rewind-fails" => {
            let begun = std::sync::atomic::AtomicBool::new(false);
            let rewind = move || match begun.swap(true, std::sync::atomic::Ordering::SeqCst) {
                false => Ok(Box::new(bytes(LENGTH as usize)) as Box<dyn Read + Send>),
                true => Err(io::Error::other("the tape is torn")),
            };
            request.set_body_rewinding(rewind, Some(LENGTH));
        }
        "reader:file-gone" => {
            let place = replaced();
            request.set_body_file(&place.target).unwrap();
        }
        _ => request.set_body(&vec![7; LENGTH as usize]),
    }
    client.send(&request)
}

#[test]
fn a_reader_or_a_server_that_fails_an_upload_has_its_status() {
    let world = World::new();
    let client = client(&world);
    for at in ["the reader", "the server"] {
        for (row, name) in cases("upload", at) {
            client.token().unwrap();
            if matches!(&name[..], "reader:once" | "reader:rewind-fails") {
                world.wind(60);
                world.sim.revoke_access_tokens(HOST);
            }
            let patient = match &name[..] {
                "stall:before-headers" => client.share(Some(std::time::Duration::from_millis(700))),
                _ => client.share(None),
            };
            if at == "the server" {
                world.answers(HOST, "api", Fault::from_name(&name).unwrap());
            }
            let outcome = upload(&world, &patient, &name);
            let gave = given(&outcome).replace("OK", "200");
            assert_eq!(row["gives"], gave, "{name}: {outcome:?}");
            if let Err(error) = &outcome {
                assert!(error.message().contains("/uploads"), "{name}: {error}");
                let is_told = error.message().contains("bytes of the request had gone out");
                assert_eq!(is_told, at == "the server", "{name}: {error}");
            }
            if let Ok(response) = outcome {
                let said: Value = serde_json::from_slice(response.body()).unwrap();
                assert_eq!(said["length"], 200_000, "{name}");
            }
            world.sim.clear_injections();
        }
    }
}
