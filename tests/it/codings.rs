//! Bodies that are packed on their way: who asked for it reads them unpacked, whole or piece by
//! piece; who did not is told; and what is cut, damaged or too much is never taken for a body.

use crate::common::directory::Directory;
use crate::common::{World, counter, status};
use keyfob::{Client, Download, Request, Response, Result, Status};
use keyfob_simulator::{Cloud, Fault, Stage, credentials, file_of_size, gzip};

const HOST: Cloud = Cloud::Simacan;
const MB: usize = 1 << 20;

fn request(world: &World, method: &str, path: &str) -> Request {
    Request::new(method, &format!("{}{path}", world.sim.api_url(HOST))).unwrap()
}

fn get(world: &World, path: &str) -> Request {
    request(world, "GET", path)
}

fn accepting(world: &World, path: &str, codings: &str) -> Request {
    let mut request = get(world, path);
    request.set_header("Accept-Encoding", codings).unwrap();
    request
}

/// A client with `compress`.
fn client(world: &World) -> Client {
    let mut config = world.config(HOST, "password");
    config.set("compress", "true").unwrap();
    config.set("retries", "0").unwrap();
    config.client().unwrap()
}

/// The cloud answers with these bytes in this coding.
fn coded(world: &World, status: u16, coding: &str, body: &[u8]) {
    world.answers(HOST, "api", Fault::answer(status, &[("Content-Encoding", coding)], body));
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

/// What the cloud saw of the last request.
fn last_asked(world: &World, header: &str) -> Option<String> {
    world.sent(HOST, "api").last().unwrap().header(header).map(str::to_string)
}

#[test]
fn what_is_packed_on_its_way_is_read_unpacked() {
    let world = World::new();
    let client = client(&world);
    let whole = client.send(&get(&world, &format!("/files/{MB}"))).unwrap();
    assert!(whole.body() == file_of_size(MB));
    assert_eq!(last_asked(&world, "accept-encoding").as_deref(), Some("gzip"));
    for name in ["content-encoding", "content-length"] {
        assert_eq!(whole.header(name), None, "what is said fits what is given");
    }
    let mut pieces = client.open(&get(&world, &format!("/files/{MB}"))).unwrap();
    assert_eq!(pieces.length(), None, "nobody says how much it will be");
    assert!(read_whole(&mut pieces).unwrap() == file_of_size(MB));
    assert_eq!(pieces.read(&mut [0; 9]).unwrap(), 0, "the end stays the end");
    let connections: Vec<_> = world.sent(HOST, "api").iter().map(|e| e.connection).collect();
    assert_eq!(connections[0], connections[1], "the connection is used again");
}

#[test]
fn nothing_is_packed_unless_somebody_asks_for_it() {
    let world = World::new();
    let plain = world.client(HOST);
    assert!(plain.send(&get(&world, "/echo")).unwrap().header("vary").is_none());
    assert_eq!(last_asked(&world, "accept-encoding"), None);
    let own = plain.send(&accepting(&world, "/echo", "gzip;q=0.5, *;q=0")).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(own.body()).is_ok());
    assert!(own.header("vary").is_some(), "the caller's own word");
    let asking = client(&world);
    asking.send(&accepting(&world, "/echo", "identity")).unwrap();
    assert_eq!(last_asked(&world, "accept-encoding").as_deref(), Some("identity"));
    let mut part = get(&world, "/files/100");
    part.set_header("Range", "bytes=10-").unwrap();
    assert_eq!(asking.send(&part).unwrap().body(), &file_of_size(100)[10..]);
    assert_eq!(last_asked(&world, "accept-encoding"), None, "a range is one of the bytes");
}

#[test]
fn a_coding_that_nobody_asked_for_is_an_error_of_its_own() {
    let world = World::new();
    let plain = world.client(HOST);
    let asking = client(&world);
    let br = accepting(&world, "/echo", "br, gzip;q=0");
    for (client, coding, shown, asked) in [
        (&plain, "gzip", "gzip", get(&world, "/echo")),
        (&plain, "GZIP", "gzip", get(&world, "/echo")),
        (&asking, "br", "br", get(&world, "/echo")),
        (&asking, "gzip, br", "br", get(&world, "/echo")),
        (&plain, "gzip", "gzip", br.clone()),
        (&asking, "gzip, gzip", "gzip", get(&world, "/echo")),
        (&plain, "a\tb", "with a name that is none", get(&world, "/echo")),
    ] {
        coded(&world, 200, coding, &gzip(b"{}"));
        for error in [client.send(&asked).unwrap_err(), client.open(&asked).unwrap_err()] {
            assert_eq!(error.status(), Status::MalformedAnswer, "{coding}: {error}");
            assert_eq!(error.http_status(), Some(200));
            assert!(error.message().contains(&format!("coded ({shown})")), "{error}");
            assert!(error.message().contains("compress=true"), "{error}");
        }
        world.sim.clear_injections();
    }
    for way in ["gzip, chunked", "chunked, gzip", "deflate"] {
        let packed = Fault::answer(200, &[("Transfer-Encoding", way)], gzip(b"{}"));
        world.answers(HOST, "api", packed);
        let error = asking.send(&get(&world, "/echo")).unwrap_err();
        assert_eq!(error.status(), Status::MalformedAnswer, "{way}: {error}");
        world.sim.clear_injections();
    }
    coded(&world, 200, "br", b"as it is");
    assert_eq!(plain.send(&br).unwrap().body(), b"as it is", "who asked for it can read it");
}

#[test]
fn where_there_is_no_body_there_is_no_coding() {
    let world = World::new();
    for client in [world.client(HOST), client(&world)] {
        for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 200)] {
            coded(&world, status, "gzip", b"");
            let response = client.send(&request(&world, method, "/echo")).unwrap();
            assert_eq!((response.status(), response.body()), (status, &b""[..]), "{method}");
            let mut opened = client.open(&request(&world, method, "/echo")).unwrap();
            assert!(read_whole(&mut opened).unwrap().is_empty(), "{method} {status}");
            world.sim.clear_injections();
        }
    }
    let client = client(&world);
    let head = client.send(&request(&world, "HEAD", "/files/1000")).unwrap();
    assert_eq!(head.header("content-encoding"), Some("gzip"), "as a GET would be answered");
    assert!(head.header("content-length").is_some());
    coded(&world, 200, "identity", b"plain");
    assert_eq!(client.send(&get(&world, "/echo")).unwrap().body(), b"plain");
}

/// A packed body that is not whole or not right, and what comes of it.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>, Status)> {
    let good = gzip(&file_of_size(20_000));
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    let from_end = |back: usize| good.len() - back;
    vec![
        ("is cut within its data", good[..good.len() / 2].to_vec(), Status::Network),
        ("is cut within its end", good[..from_end(3)].to_vec(), Status::Network),
        ("is cut within its head", good[..5].to_vec(), Status::Network),
        ("has another checksum", with(&|b| b[from_end(8)] ^= 1), Status::MalformedAnswer),
        ("has another length", with(&|b| b[from_end(1)] ^= 1), Status::MalformedAnswer),
        ("is followed by something", with(&|b| b.extend(b"more")), Status::MalformedAnswer),
        ("is followed by a beginning", with(&|b| b.extend([0x1f, 0x8b])), Status::Network),
        ("is damaged", with(&|b| b[10..200].fill(0xff)), Status::MalformedAnswer),
        ("is not packed", b"{\"plain\": true}".to_vec(), Status::MalformedAnswer),
    ]
}

#[test]
fn a_packed_body_that_is_cut_or_damaged_is_an_error() {
    let world = World::new();
    let client = client(&world);
    for (what, body, wanted) in bad_bodies() {
        coded(&world, 200, "gzip", &body);
        let error = client.send(&get(&world, "/echo")).unwrap_err();
        assert_eq!(error.status(), wanted, "{what}: {error}");
        assert!(error.message().contains("gzip body"), "{what}: {error}");
        let mut response = client.open(&get(&world, "/echo")).unwrap();
        let opened = read_whole(&mut response).unwrap_err();
        assert_eq!(opened.status(), wanted, "{what}");
        for _ in 0..9 {
            assert!(response.read(&mut [0; 9]).is_err(), "{what}: nothing of it is its end");
        }
        for error in [error, opened] {
            assert!(error.message().ends_with("bytes of the body had come"), "{what}: {error}");
        }
        world.sim.clear_injections();
    }
    world.answers_once(HOST, "api", Fault::Close { at: Stage::WithinBody, executed: true });
    let mut cut = client.open(&get(&world, "/files/50000")).unwrap();
    let error = read_whole(&mut cut).unwrap_err();
    assert_eq!(error.status(), Status::Network, "{error}");
    assert!(error.message().contains("had come"), "{error}");
}

#[test]
fn a_bomb_is_stopped_by_the_limits_of_what_it_unpacks_to() {
    let world = World::new();
    let mut config = world.config(HOST, "password");
    config.set("compress", "true").unwrap();
    config.set("max_body_bytes", "1000000").unwrap();
    let client = config.client().unwrap();
    world.answers(HOST, "api", Fault::GzipBomb { bytes: 30_000_000 });
    let error = client.send(&get(&world, "/echo")).unwrap_err();
    assert_eq!(error.status(), Status::AnswerTooLarge, "{error}");
    // Piece by piece it is the reader's to bound: nothing is unpacked that nobody takes.
    let mut opened = client.open(&get(&world, "/echo")).unwrap();
    let mut piece = [0; 1000];
    for _ in 0..100 {
        assert!(opened.read(&mut piece).unwrap() > 0);
    }
    world.sim.clear_injections();
    let limit = 1_000_000;
    let fits = client.send(&get(&world, &format!("/files/{limit}"))).unwrap();
    assert_eq!(fits.body().len(), limit);
    let one_more = client.send(&get(&world, &format!("/files/{}", limit + 1))).unwrap_err();
    assert_eq!(one_more.status(), Status::AnswerTooLarge);
}

#[test]
fn a_server_that_sends_what_is_nothing_holds_nobody_up() {
    let world = World::new();
    let mut config = world.config(HOST, "password");
    config.set("compress", "true").unwrap();
    config.set("retries", "0").unwrap();
    config.set("idle_timeout_ms", "200").unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    // Empty members, of which a server can send as many as it likes.
    let empty = gzip(b"").repeat(3_000_000);
    coded(&world, 200, "gzip", &empty);
    let mut opened = client.open(&get(&world, "/echo")).unwrap();
    match read_whole(&mut opened) {
        Err(error) => assert_eq!(error.status(), Status::Timeout, "{error}"),
        Ok(body) => assert!(body.is_empty(), "this machine was quicker than the limit"),
    }
}

#[test]
fn a_packed_refusal_is_heard() {
    let world = World::new();
    for client in [client(&world), world.client(HOST)] {
        client.token().unwrap();
        world.wind(3600);
        let before = counter(&client, "replays");
        world.answers_once(
            HOST,
            "api",
            Fault::answer(401, &[("Content-Encoding", "gzip")], gzip(b"{}")),
        );
        assert_eq!(client.send(&get(&world, "/echo")).unwrap().status(), 200);
        assert_eq!(counter(&client, "replays"), before + 1);
    }
    let world = World::new();
    let kii = Cloud::Kii;
    let mut config = world.config(kii, credentials::logins(kii)[0].0);
    config.set("compress", "true").unwrap();
    let client = config.client().unwrap();
    client.token().unwrap();
    world.sim.revoke_access_tokens(kii);
    let response = world.get(&client, kii, kii.devices_path()).unwrap();
    assert_eq!((response.status(), counter(&client, "replays")), (200, 1), "by what it says");
    assert_eq!(status(&client)["state"], "fresh");
}

#[test]
fn a_packed_page_leads_to_the_next() {
    let world = World::new();
    for cloud in crate::common::FOUR {
        let mut config = world.config(cloud, credentials::logins(cloud)[0].0);
        config.set("compress", "true").unwrap();
        let client = config.client().unwrap();
        let page = world.get(&client, cloud, cloud.devices_path()).unwrap();
        assert!(page.header("vary").is_some(), "{cloud:?}: it was packed");
        assert!(page.link("next").unwrap().is_some(), "{cloud:?}");
    }
}

#[test]
fn a_signed_request_may_ask_for_a_packed_answer() {
    let mut tried = 0;
    for cloud in Cloud::ALL {
        for (login, _) in credentials::logins(cloud) {
            let world = World::new();
            world.clock.set_wall(world.sim.now());
            let mut config = world.config(cloud, login);
            config.set("compress", "true").unwrap();
            let client = config.client().unwrap();
            if client.token().is_err() {
                continue; // One that takes a certificate: `clouds` tries it.
            }
            let url = format!("{}{}", world.sim.api_url(cloud), cloud.devices_path());
            let mut request = Request::new(cloud.devices_method(), &url).unwrap();
            if cloud.devices_method() == "POST" {
                request.set_body(b"{}");
                request.set_header("Content-Type", "application/json").unwrap();
            }
            let response = match client.send(&request) {
                Err(error) if error.status() == Status::InvalidArgument => continue, // MQTT alone
                outcome => outcome.unwrap(),
            };
            let what = format!("{} {login}", cloud.name());
            assert_eq!(response.status(), 200, "{what}");
            assert!(serde_json::from_slice::<serde_json::Value>(response.body()).is_ok(), "{what}");
            tried += usize::from(response.header("vary").is_some());
        }
    }
    assert!(tried > 70, "{tried} logins");
}

#[test]
fn a_download_is_what_the_server_has_and_never_packed() {
    let world = World::new();
    let directory = Directory::new("coded-download");
    std::fs::create_dir(&directory.0).unwrap();
    let path = directory.0.join("firmware.bin");
    let client = client(&world);
    let file = get(&world, "/files/300000");
    client.download(&file, &path, &Download::new()).unwrap();
    assert!(std::fs::read(&path).unwrap() == file_of_size(300_000));
    assert_eq!(last_asked(&world, "accept-encoding"), None);
    // Packed all the same: the bytes are not those of the file.
    coded(&world, 200, "gzip", &gzip(b"new"));
    let error = client.download(&file, &path, &Download::new()).unwrap_err();
    assert_eq!(error.status(), Status::MalformedAnswer, "{error}");
    assert!(std::fs::read(&path).unwrap() == file_of_size(300_000), "the old file is intact");
    // Who asks for it gets it as it is sent.
    let packed = accepting(&world, "/files/300000", "gzip");
    client.download(&packed, &path, &Download::new()).unwrap();
    assert!(std::fs::read(&path).unwrap() == gzip(b"new"));
}
