//! Bodies of any size: read as they come, sent as they go, downloaded to files that survive.

use crate::common::directory::Directory;
use crate::common::{World, counter, status};
use keyfob::{Client, Download, Request, Response, Result, Status};
use keyfob_simulator::{Cloud, Fault, Injection, Stage, file_of_size};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const HOST: Cloud = Cloud::Simacan;
const MB: usize = 1 << 20;

fn request(world: &World, method: &str, path: &str) -> Request {
    Request::new(method, &format!("{}{path}", world.sim.api_url(HOST))).unwrap()
}

fn file(world: &World, size: usize) -> Request {
    request(world, "GET", &format!("/files/{size}"))
}

fn read_whole(response: &mut Response) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    let mut piece = vec![0; 10_000];
    loop {
        match response.read(&mut piece)? {
            0 => return Ok(whole),
            amount => whole.extend_from_slice(&piece[..amount]),
        }
    }
}

#[test]
fn a_body_is_read_piece_by_piece() {
    let world = World::new();
    let client = world.client(HOST);
    for size in [0, 1, 16_385, 3 * MB] {
        let mut response = client.open(&file(&world, size)).unwrap();
        assert_eq!((response.status(), response.length()), (200, Some(size as u64)));
        assert!(response.body().is_empty(), "nothing of it is in memory");
        assert_eq!(read_whole(&mut response).unwrap(), file_of_size(size));
        assert_eq!(response.read(&mut [0; 9]).unwrap(), 0, "the end stays the end");
    }
    assert_eq!(world.token_calls(HOST), ["login"]);
}

#[test]
fn a_body_may_be_larger_than_an_answer_in_memory_may_be() {
    let world = World::new();
    let mut config = world.config(HOST, "password");
    config.set("max_body_bytes", "1024").unwrap();
    let client = config.client().unwrap();
    assert_eq!(client.send(&file(&world, MB)).unwrap_err().status(), Status::AnswerTooLarge);
    let mut response = client.open(&file(&world, MB)).unwrap();
    assert_eq!(read_whole(&mut response).unwrap().len(), MB);
}

#[test]
fn a_body_that_is_cut_is_no_whole_body() {
    let world = World::new();
    let client = world.client(HOST);
    for fault in [
        Fault::Close { at: Stage::WithinBody, executed: true },
        Fault::Reset { at: Stage::WithinBody, executed: true },
    ] {
        world.answers_once(HOST, "api", fault);
        let mut response = client.open(&file(&world, MB)).unwrap();
        let error = read_whole(&mut response).unwrap_err();
        assert_eq!(error.status(), Status::Network, "{error}");
        assert!(error.message().contains("bytes of the body had come"), "{error}");
    }
}

#[test]
fn an_answer_that_breaks_off_says_where_it_was_and_how_far() {
    let world = World::new();
    let mut config = world.config(HOST, "password");
    config.set("retries", "0").unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    let mut asked = file(&world, MB);
    asked.set_timeout(std::time::Duration::from_millis(300));
    for (fault, status, why) in [
        (Fault::Close { at: Stage::WithinBody, executed: true }, Status::Network, ""),
        (Fault::Stall { at: Stage::WithinBody, executed: true }, Status::Timeout, "300 ms"),
    ] {
        world.answers_once(HOST, "api", fault);
        let error = client.send(&asked).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        let told = error.message();
        assert!(told.starts_with("GET https://") && told.contains("/files/1048576: "), "{told}");
        assert!(
            told.contains(why) && told.ends_with(" of 1048576 bytes of the body had come"),
            "{told}"
        );
    }
    world.answers_once(HOST, "api", Fault::Stall { at: Stage::BeforeHeaders, executed: true });
    let error = client.send(&asked).unwrap_err();
    assert!(error.message().starts_with("GET https://"), "{error}");
}

#[test]
fn a_silence_in_a_body_ends_by_its_own_limit() {
    let world = World::new();
    let mut config = world.config(HOST, "password");
    config.set("idle_timeout_ms", "50").unwrap();
    let client = config.client().unwrap();
    world.answers_once(HOST, "api", Fault::Stall { at: Stage::WithinBody, executed: true });
    let mut response = client.open(&file(&world, MB)).unwrap();
    let error = read_whole(&mut response).unwrap_err();
    assert_eq!(error.status(), Status::Timeout);
    assert!(error.message().contains("idle_timeout_ms"), "{error}");
}

#[test]
fn what_has_come_of_a_body_is_read_without_waiting() {
    let world = World::new();
    let client = world.client(HOST);
    let mut response = client.open(&file(&world, 3 * MB)).unwrap();
    let (mut whole, mut piece) = (Vec::new(), vec![0; 100_000]);
    loop {
        let read = response.read_now(&mut piece).or_else(|error| {
            assert_eq!(error.status(), Status::WouldBlock, "{error}");
            response.read(&mut piece)
        });
        match read.unwrap() {
            0 => break,
            amount => whole.extend_from_slice(&piece[..amount]),
        }
    }
    assert_eq!(whole, file_of_size(3 * MB));
    assert_eq!(response.read_now(&mut piece).unwrap(), 0, "the end stays the end");
}

#[test]
fn only_who_waits_for_a_body_hears_its_silence() {
    let world = World::new();
    let mut config = world.config(HOST, "password");
    config.set("idle_timeout_ms", "1").unwrap();
    let client = config.client().unwrap();
    world.answers_once(HOST, "api", Fault::Stall { at: Stage::WithinBody, executed: true });
    let mut stalled = client.open(&file(&world, MB)).unwrap();
    let mut piece = vec![0; MB];
    while stalled.read(&mut piece).is_ok() {}
    for _ in 0..20_000 {
        // Now and then another thread runs for longer than that amid this.
        let nothing = stalled.read_now(&mut piece).unwrap_err();
        assert_eq!(nothing.status(), Status::WouldBlock, "{nothing}");
    }
    let silence = stalled.read(&mut piece).unwrap_err();
    assert_eq!(silence.status(), Status::Timeout, "{silence}");
    client.cancel();
    assert_eq!(stalled.read_now(&mut piece).unwrap_err().status(), Status::Cancelled);
}

#[test]
fn a_body_that_is_read_without_waiting_has_its_limit_too() {
    let world = World::new();
    let mut config = world.config(HOST, "password");
    config.set("transfer_timeout_ms", "1").unwrap();
    let client = config.client().unwrap();
    let mut response = client.open(&file(&world, 16 * MB)).unwrap();
    let mut piece = vec![0; MB];
    let error = loop {
        match response.read_now(&mut piece) {
            Ok(amount) => assert!(amount > 0, "all of it in a millisecond"),
            Err(error) if error.status() == Status::WouldBlock => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.status(), Status::Timeout, "{error}");
    assert!(error.message().contains("transfer_timeout_ms"), "{error}");
}

#[test]
fn a_body_ends_when_its_handle_is_cancelled() {
    let world = World::new();
    let client = world.client(HOST);
    let mut response = client.open(&file(&world, 4 * MB)).unwrap();
    response.read(&mut [0; 10]).unwrap();
    client.cancel();
    assert_eq!(read_whole(&mut response).unwrap_err().status(), Status::Cancelled);
    assert_eq!(client.open(&file(&world, 1)).unwrap().status(), 200, "later calls go on");
}

#[test]
fn a_refused_token_is_renewed_before_a_body_is_given() {
    let world = World::new();
    let client = world.client(HOST);
    client.token().unwrap();
    world.sim.revoke_access_tokens(HOST);
    let mut response = client.open(&file(&world, MB)).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(read_whole(&mut response).unwrap().len(), MB);
    assert_eq!(counter(&client, "replays"), 1);
}

#[test]
fn an_error_document_is_given_as_it_came() {
    let world = World::new();
    let client = world.client(HOST);
    let mut response = client.open(&request(&world, "GET", "/status/404")).unwrap();
    assert_eq!(response.status(), 404);
    let whole = client.send(&request(&world, "GET", "/status/404")).unwrap();
    assert_eq!(read_whole(&mut response).unwrap(), whole.body());
}

fn uploaded(response: &Response) -> serde_json::Value {
    assert_eq!(response.status(), 200);
    serde_json::from_slice(response.body()).unwrap()
}

#[test]
fn a_file_is_sent_from_the_disk_again_after_a_refusal() {
    let world = World::new();
    let client = world.client(HOST);
    client.token().unwrap();
    let directory = folder("upload");
    let path = directory.0.join("log");
    std::fs::write(&path, file_of_size(3 * MB)).unwrap();
    world.sim.revoke_access_tokens(HOST);
    let mut request = request(&world, "POST", "/uploads");
    request.set_body_file(&path).unwrap();
    assert_eq!(uploaded(&client.send(&request).unwrap())["length"], 3 * MB);
    std::fs::remove_file(&path).unwrap();
    let error = client.send(&request).unwrap_err();
    assert_eq!(error.status(), Status::File, "{error}");
    assert!(request.set_body_file(&directory.0).is_err(), "a directory is no body");
}

#[test]
fn a_reader_is_sent_with_and_without_a_length() {
    let world = World::new();
    let client = world.client(HOST);
    for length in [Some(MB as u64), None] {
        let mut request = request(&world, "POST", "/uploads");
        request.set_body_reader(std::io::Cursor::new(file_of_size(MB)), length);
        assert_eq!(uploaded(&client.send(&request).unwrap())["length"], MB);
        let error = client.send(&request).unwrap_err();
        assert_eq!(error.status(), Status::BodyNotRepeatable, "it was read");
    }
}

#[test]
fn a_reader_that_breaks_its_word_fails_the_call() {
    let world = World::new();
    let client = world.client(HOST);
    let send = |from: Box<dyn Read + Send>, length| {
        let mut request = request(&world, "POST", "/uploads");
        request.set_body_reader(from, Some(length));
        client.send(&request).unwrap_err()
    };
    let short = send(Box::new(std::io::Cursor::new(vec![1; 10])), 20);
    assert_eq!(short.status(), Status::File);
    assert!(short.message().contains("ended 10 bytes before"), "{short}");
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the sensor is gone"))
        }
    }
    let broken = send(Box::new(Broken), 20);
    assert_eq!(broken.status(), Status::File);
    assert!(broken.message().contains("the sensor is gone"), "{broken}");
}

#[test]
fn a_refusal_replays_only_a_body_that_can_be_wound_back() {
    let world = World::new();
    let client = world.client(HOST);
    client.token().unwrap();
    world.sim.revoke_access_tokens(HOST);
    let mut once = request(&world, "POST", "/uploads");
    once.set_body_reader(std::io::Cursor::new(vec![7; 1000]), Some(1000));
    let error = client.send(&once).unwrap_err();
    assert_eq!((error.status(), error.http_status()), (Status::BodyNotRepeatable, Some(401)));
    let mut again = request(&world, "POST", "/uploads");
    again.set_body_rewinding(|| Ok(Box::new(std::io::Cursor::new(vec![7; 1000]))), Some(1000));
    assert_eq!(uploaded(&client.send(&again).unwrap())["length"], 1000);
}

fn folder(name: &str) -> Directory {
    let directory = Directory::new(name);
    std::fs::create_dir(&directory.0).unwrap();
    directory
}

#[test]
fn a_form_goes_out_piecewise_and_can_be_sent_again() {
    let world = World::new();
    let client = world.client(HOST);
    client.token().unwrap();
    let directory = folder("form");
    std::fs::create_dir_all(&directory.0).unwrap();
    let path = directory.0.join("image \"1\".bin");
    std::fs::write(&path, file_of_size(MB)).unwrap();
    let mut form = request(&world, "POST", "/uploads");
    form.set_body(b"what there was before");
    form.add_part("note", None, None, "größer".as_bytes()).unwrap();
    form.add_part("log", Some("log.txt"), Some("text/plain"), b"a line").unwrap();
    form.add_file("image", &path, None, None).unwrap();
    let bad = form.add_part("x", None, Some("text/plain\r\nX-Evil: 1"), b"").unwrap_err();
    assert_eq!(bad.status(), Status::InvalidArgument);
    let missing = form.add_file("x", directory.0.join("none"), None, None).unwrap_err();
    assert_eq!(missing.status(), Status::File);
    let first = uploaded(&client.send(&form).unwrap());
    world.sim.revoke_access_tokens(HOST);
    let again = uploaded(&client.send(&form).unwrap());
    assert_eq!(again, first, "a refused token is renewed, and the same goes out again");
    let sent = world.sent(HOST, "api");
    let kind = sent.last().unwrap().header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let mut expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\ngrößer\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"log\"; filename=\"log.txt\"\r\n\
         Content-Type: text/plain\r\n\r\na line\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"image\"; \
         filename=\"image %221%22.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    expected.extend(file_of_size(MB));
    expected.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    assert_eq!(again["length"], expected.len());
    let mut bytes = request(&world, "POST", "/uploads");
    bytes.set_body(&expected);
    assert_eq!(uploaded(&client.send(&bytes).unwrap())["sha256"], again["sha256"]);
}

#[test]
fn who_looks_from_another_thread_sees_how_far_a_body_has_come() {
    let world = World::new();
    let client = world.client(HOST);
    let asked = file(&world, MB);
    assert_eq!(asked.progress(), (0, None));
    let mut response = client.open(&asked).unwrap();
    read_whole(&mut response).unwrap();
    assert_eq!(asked.progress(), (MB as u64, Some(MB as u64)));
}

/// A client whose downloads are tried again, and a place for them.
fn downloader(world: &World, name: &str) -> (Client, Directory) {
    (world.client(HOST), folder(name))
}

#[test]
fn a_download_goes_on_where_it_was_broken_off() {
    let world = World::new();
    let (client, directory) = downloader(&world, "download");
    let path = directory.0.join("firmware.bin");
    for _ in 0..3 {
        let cut = Fault::Close { at: Stage::WithinBody, executed: true };
        world.sim.inject(Injection::at(HOST, "api", cut).times(1));
        std::fs::remove_file(&path).ok();
        let response = client.download(&file(&world, 2 * MB), &path, &Download::new()).unwrap();
        assert_eq!(response.status(), 206, "the rest came by itself");
        assert_eq!(std::fs::read(&path).unwrap(), file_of_size(2 * MB));
    }
    let names: Vec<_> = std::fs::read_dir(&directory.0).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside it");
}

#[test]
fn a_download_that_was_given_up_is_gone_on_with_later() {
    let world = World::new();
    let mut config = world.config(HOST, "password");
    config.set("download_retry_s", "0").unwrap();
    let client = config.client().unwrap();
    let directory = folder("later");
    let path = directory.0.join("firmware.bin");
    std::fs::write(&path, "the old one").unwrap();
    world.answers_once(HOST, "api", Fault::Reset { at: Stage::WithinBody, executed: true });
    let error = client.download(&file(&world, 2 * MB), &path, &Download::new()).unwrap_err();
    assert!(error.message().contains("are kept"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the old one");
    let response = client.download(&file(&world, 2 * MB), &path, &Download::new()).unwrap();
    assert_eq!((response.status(), std::fs::read(&path).unwrap().len()), (206, 2 * MB));
    // Another request's part is of no use.
    world.answers_once(HOST, "api", Fault::Reset { at: Stage::WithinBody, executed: true });
    client.download(&file(&world, 2 * MB), &path, &Download::new()).unwrap_err();
    let response = client.download(&file(&world, 3 * MB), &path, &Download::new()).unwrap();
    assert_eq!((response.status(), std::fs::read(&path).unwrap()), (200, file_of_size(3 * MB)));
}

#[test]
fn a_file_that_changed_on_the_server_is_fetched_anew() {
    let world = World::new();
    let (client, directory) = downloader(&world, "changed");
    let path = directory.0.join("firmware.bin");
    let headers = |range: &str| vec![("Content-Range".to_string(), range.to_string())];
    for odd in [
        Fault::Answer { status: 206, headers: headers("bytes 5-9/10"), body: vec![0; 5] },
        Fault::Answer { status: 206, headers: Vec::new(), body: vec![0; 5] },
        Fault::Answer { status: 416, headers: headers("bytes */7"), body: Vec::new() },
    ] {
        std::fs::remove_file(&path).ok();
        let cut = Fault::Close { at: Stage::WithinBody, executed: true };
        world.sim.inject(Injection::at(HOST, "api", cut).times(1));
        world.sim.inject(Injection::at(HOST, "api", odd).skip(1).times(1));
        client.download(&file(&world, MB), &path, &Download::new()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), file_of_size(MB));
    }
}

#[test]
fn a_download_with_the_wrong_digest_is_thrown_away() {
    let world = World::new();
    let (client, directory) = downloader(&world, "digest");
    let path = directory.0.join("firmware.bin");
    std::fs::write(&path, "the old one").unwrap();
    let mut download = Download::new();
    assert!(download.set_sha256("abc").is_err());
    download.set_sha256(&"ab".repeat(32)).unwrap();
    let error = client.download(&file(&world, MB), &path, &download).unwrap_err();
    assert_eq!(error.status(), Status::DigestMismatch, "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the old one");
    let lying = vec![("Repr-Digest".to_string(), format!("sha-256=:{}=:", "A".repeat(43)))];
    world.answers_once(HOST, "api", Fault::Answer { status: 200, headers: lying, body: vec![1] });
    let error = client.download(&file(&world, MB), &path, &Download::new()).unwrap_err();
    assert_eq!(error.status(), Status::DigestMismatch, "{error}");
}

#[test]
fn a_download_never_touches_what_it_must_not() {
    let world = World::new();
    let (client, directory) = downloader(&world, "targets");
    let in_it = |name: &str| directory.0.join(name);
    std::fs::create_dir(in_it("folder")).unwrap();
    std::fs::write(in_it("real"), "kept").unwrap();
    std::os::unix::fs::symlink(in_it("real"), in_it("link")).unwrap();
    std::os::unix::fs::symlink(in_it("real"), in_it("trap.part")).unwrap();
    for name in ["folder", "link", "trap", "nowhere/file"] {
        let error = client.download(&file(&world, 10), in_it(name), &Download::new()).unwrap_err();
        assert_eq!(error.status(), Status::File, "{name}: {error}");
    }
    assert_eq!(std::fs::read_to_string(in_it("real")).unwrap(), "kept");
    let missing = client
        .download(&request(&world, "GET", "/status/404"), in_it("missing"), &Download::new())
        .unwrap();
    assert_eq!(missing.status(), 404, "the caller's to see");
    assert!(!in_it("missing").exists());
}

#[test]
fn progress_is_told_and_may_end_the_call() {
    let world = World::new();
    let (client, directory) = downloader(&world, "progress");
    let path = directory.0.join("firmware.bin");
    let last = Arc::new(AtomicU64::new(0));
    let seen = last.clone();
    let mut asked = file(&world, MB);
    asked.set_progress(move |done, total| {
        assert_eq!(total, Some(MB as u64));
        seen.store(done, Ordering::Relaxed);
        true
    });
    client.download(&asked, &path, &Download::new()).unwrap();
    assert_eq!(last.load(Ordering::Relaxed), MB as u64, "the end is told");
    asked.set_progress(|_, _| false);
    let error = client.download(&asked, &path, &Download::new()).unwrap_err();
    assert_eq!(error.status(), Status::Cancelled);
    let mut response = client.open(&asked).unwrap();
    assert_eq!(read_whole(&mut response).unwrap_err().status(), Status::Cancelled);
}

#[test]
fn a_download_goes_on_while_tokens_come_and_go() {
    let world = World::new();
    let (client, directory) = downloader(&world, "renewed");
    let path = directory.0.join("firmware.bin");
    let cut = Fault::Close { at: Stage::WithinBody, executed: true };
    world.sim.inject(Injection::at(HOST, "api", cut).times(4));
    client.token().unwrap();
    world.sim.revoke_access_tokens(HOST);
    client.download(&file(&world, 2 * MB), &path, &Download::new()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), file_of_size(2 * MB));
    assert_eq!(status(&client)["state"], "fresh");
}
