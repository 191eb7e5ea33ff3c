//! Requests: what goes out, where it may go, and what comes back.

use crate::common::{FOUR, World, devices};
use keyfob::{Client, Request, Response, Status};
use keyfob_simulator::{Cloud, Fault, credentials};
use serde_json::{Value, json};
use std::time::Duration;

const CLOUD: Cloud = Cloud::Kontakt;

fn request(method: &str, url: &str) -> Request {
    Request::new(method, url).unwrap()
}

fn get(client: &Client, url: &str) -> keyfob::Result<Response> {
    client.send(&request("GET", url))
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[test]
fn every_method_goes_out_with_its_headers_query_and_body() {
    let world = World::new();
    let client = world.client(CLOUD);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
        let mut request = request(method, "/echo?a=1");
        request.set_header("X-Trace", "one").unwrap();
        request.set_header("x-trace", "two").unwrap();
        request.add_query("name", "a b&c=d/é");
        request.add_query("empty", "");
        request.set_body(b"{\"k\":\"v\"}");
        let echoed = json_of(&client.send(&request).unwrap());
        assert_eq!(echoed["method"], method);
        assert_eq!(echoed["path"], "/echo");
        assert_eq!(echoed["query"], "a=1&name=a%20b%26c%3Dd%2F%C3%A9&empty=");
        assert_eq!(echoed["headers"]["x-trace"], "two", "set once, in place of the first");
        assert_eq!(echoed["headers"]["content-length"], "9");
        assert_eq!(echoed["body"], "{\"k\":\"v\"}", "{method}");
    }
}

#[test]
fn a_head_request_has_headers_and_no_body() {
    let world = World::new();
    let client = world.client(CLOUD);
    let response = client.send(&request("HEAD", "/echo")).unwrap();
    assert_eq!((response.status(), response.body().len()), (200, 0));
    assert!(response.header("Content-Length").is_some());
    assert_eq!(get(&client, "/echo").unwrap().status(), 200, "the connection is still in step");
}

#[test]
fn a_post_without_a_body_says_that_it_has_none() {
    let world = World::new();
    let client = world.client(CLOUD);
    for (method, length) in [("POST", Some("0")), ("PUT", Some("0")), ("GET", None)] {
        client.send(&request(method, "/echo")).unwrap();
        let sent = world.sent(CLOUD, "api").pop().unwrap();
        assert_eq!(sent.header("content-length"), length, "{method}");
        assert_eq!(sent.header("transfer-encoding"), None, "{method}");
    }
}

#[test]
fn one_request_may_be_sent_as_often_as_wanted() {
    let world = World::new();
    let client = world.client(CLOUD);
    let mut create = request("POST", "/things");
    create.set_body(br#"{"id":"gw-1"}"#);
    assert_eq!(client.send(&create).unwrap().status(), 201, "created");
    assert_eq!(client.send(&create).unwrap().status(), 200, "the same call again");
    let gone = client.send(&request("DELETE", "/things/gw-1")).unwrap();
    assert_eq!((gone.status(), gone.body()), (204, &b""[..]));
}

#[test]
fn every_status_is_a_response_and_never_an_error() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("retries", "0").unwrap();
    let client = config.client().unwrap();
    for status in
        [200, 201, 202, 204, 304, 400, 402, 403, 404, 405, 409, 418, 422, 429, 500, 502, 599]
    {
        let response = get(&client, &format!("/status/{status}")).unwrap();
        assert_eq!(response.status(), status);
        if !matches!(status, 204 | 304) {
            assert_eq!(json_of(&response)["status"], status);
        }
    }
    assert_eq!(get(&client, "/status/401").unwrap().status(), 401, "after one renewal and replay");
    assert_eq!(world.sim.count(CLOUD, "refresh"), 1);
}

#[test]
fn headers_are_read_without_regard_to_case_and_all_in_order() {
    let world = World::new();
    let client = world.client(CLOUD);
    let headers = [("X-One", "1"), ("X-Two", "2"), ("X-One", "3")];
    world.answers(CLOUD, "api", Fault::answer(200, &headers, "body"));
    let response = get(&client, "/any").unwrap();
    assert_eq!(response.header("x-one"), Some("1"));
    assert_eq!(response.header("X-TWO"), Some("2"));
    assert_eq!(response.header("x-none"), None);
    let ours: Vec<_> = response.headers().filter(|(n, _)| n.starts_with("x-")).collect();
    assert_eq!(ours.len(), 3, "{ours:?}");
    assert!(ours.contains(&("x-one", "3")));
}

#[test]
fn relative_urls_are_relative_to_the_base_as_to_a_folder() {
    let world = World::new();
    let client = world.client(Cloud::OAuth2);
    let oauth = |client: &Client, url: &str| json_of(&get(client, url).unwrap())["path"].clone();
    assert_eq!(oauth(&client, "/echo"), "/echo", "a leading slash begins at the host");
    assert_eq!(oauth(&client, "echo"), "/echo");
    assert_eq!(oauth(&client, "./things/../echo"), "/echo");
    assert_eq!(oauth(&client, "{base_url}/echo"), "/echo");
    let simacan = world.client(Cloud::Simacan);
    get(&simacan, "trips?page=2").unwrap();
    let sent = world.sim.journal().pop().unwrap();
    assert_eq!((sent.path.as_str(), sent.query.as_str()), ("/api/v1/trips", "page=2"));
}

#[test]
fn a_url_on_another_origin_is_refused_before_anything_is_sent() {
    let world = World::new();
    let other = Cloud::OAuth2;
    let mut config = world.config(CLOUD, "password");
    let url = format!("{}/echo", world.sim.api_url(other));
    let client = config.client().unwrap();
    let error = get(&client, &url).unwrap_err();
    assert_eq!(error.status(), Status::ForeignOrigin);
    assert!(error.message().contains("allowed_origins"), "{error}");
    assert!(error.message().contains(&world.sim.api_url(other)), "{error}");
    for hidden in ["https://localhost@evil.example/", "//evil.example/", "https:evil.example"] {
        let refused = Request::new("GET", hidden).and_then(|r| client.send(&r)).unwrap_err();
        let expected = [Status::ForeignOrigin, Status::InvalidArgument];
        assert!(expected.contains(&refused.status()), "{hidden}: {refused}");
    }
    assert_eq!(world.sim.journal().len(), 0, "not even a login");
    config.set("allowed_origins", &world.sim.api_url(other)).unwrap();
    let client = config.client().unwrap();
    assert_eq!(get(&client, &url).unwrap().status(), 401, "allowed, and another cloud's token");
}

#[test]
fn what_one_client_may_reach_another_may_not() {
    let (world, cloud) = (World::new(), Cloud::OAuth2);
    let elsewhere = world.sim.api_url(CLOUD);
    let url = format!("{elsewhere}/echo");
    let strict = || world.config(cloud, credentials::logins(cloud)[0].0);
    let mut trusting = strict();
    trusting.set("userinfo_url", &format!("{elsewhere}/me")).unwrap();
    // Alive all at once, made one after the other: each by its own options.
    let clients = [strict(), trusting, strict()].map(|config| config.client().unwrap());
    for client in [&clients[0], &clients[2]] {
        assert_eq!(get(client, &url).unwrap_err().status(), Status::ForeignOrigin);
    }
    assert!(get(&clients[1], &url).is_ok(), "whatever the other cloud says to its token");
}

#[test]
fn another_port_or_scheme_is_another_origin() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("allowed_origins", "https://api.example.com").unwrap();
    let client = config.client().unwrap();
    for url in [
        format!("{}/echo", world.sim.http_base_url(CLOUD)),
        "https://localhost/echo".into(),
        "https://localhost:1/echo".into(),
        "https://api.example.com:8443/".into(),
        "https://www.api.example.com/".into(),
    ] {
        assert_eq!(get(&client, &url).unwrap_err().status(), Status::ForeignOrigin, "{url}");
    }
}

#[test]
fn a_query_is_never_shown_in_an_error() {
    let world = World::new();
    let client = world.client(CLOUD);
    for url in ["https://evil.example/x?key=hunter2", "http://evil.example/x?key=hunter2"] {
        let error = get(&client, url).unwrap_err();
        assert!(!error.message().contains("hunter2"), "{error}");
    }
    assert!(!format!("{:?}", request("GET", "/x?key=hunter2")).contains("hunter2"));
    let response = get(&client, "/echo?key=hunter2").unwrap();
    assert!(!format!("{response:?}").contains("hunter2"));
}

#[test]
fn headers_of_the_connection_and_the_token_are_not_the_callers() {
    let mut one = request("GET", "/x");
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "CONNECTION",
        "Upgrade",
        "TE",
        "Keep-Alive",
        "Proxy-Authorization",
        "proxy-connection",
    ] {
        let error = one.set_header(name, "x").unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{name}");
        assert!(error.message().contains(name), "{error}");
    }
    for (name, value) in [("", "x"), ("a b", "x"), ("X\r\nY", "x"), ("X", "a\r\nY: b"), ("X", "\0")]
    {
        assert!(one.set_header(name, value).is_err(), "{name:?}: {value:?}");
    }
    let world = World::new();
    let client = world.client(CLOUD);
    one.set_header("authorization", "Bearer mine").unwrap();
    let error = client.send(&one).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("Authorization"), "{error}");
    assert_eq!(world.sim.count(CLOUD, "api"), 0);
}

#[test]
fn a_header_that_no_server_would_take_is_refused() {
    let mut one = request("GET", "/echo");
    one.set_header("X-Long", &"x".repeat(60_000)).unwrap();
    let error = one.set_header("X-Long", &"x".repeat(65_536)).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument, "{error}");
}

#[test]
fn a_url_that_no_server_would_take_is_refused() {
    let world = World::new();
    let client = world.client(Cloud::Simacan);
    let long = "x".repeat(1_000_000);
    let mut query = request("GET", "/echo");
    query.add_query("q", &long);
    for request in [query, request("GET", &format!("/{long}"))] {
        let error = client.send(&request).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{error}");
        assert!(error.message().contains("65534") && error.message().len() < 300, "{error}");
    }
    assert_eq!(world.sim.count(Cloud::Simacan, "api"), 0);
}

#[test]
fn what_is_not_a_request_is_refused_when_it_is_made() {
    for (method, url) in [
        ("", "/x"),
        ("GE T", "/x"),
        ("GET\r\nX: y", "/x"),
        ("CONNECT", "/x"),
        ("TRACE", "/x"),
        ("GET", ""),
        ("GET", "/a b"),
        ("GET", "/a\r\nX: y"),
        ("GET", "ftp://h/x"),
        ("GET", "https://"),
        ("GET", "https://h:99999/"),
        ("GET", "https://h\\evil.example/"),
    ] {
        let error = Request::new(method, url).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{method} {url}");
        assert!(!error.message().contains('\n'), "one line");
    }
}

#[test]
fn links_of_every_form_lead_to_absolute_urls() {
    let world = World::new();
    let client = world.client(CLOUD);
    let base = world.sim.base_url(CLOUD);
    type Headers = &'static [(&'static str, &'static str)];
    let cases: [(Headers, Value, &str); 8] = [
        (&[("Link", "</d?page=2>; rel=\"next\"")], json!({}), "/d?page=2"),
        (&[("Link", "<?page=2>; rel=next, </d?page=9>; rel=last")], json!({}), "/v1/list?page=2"),
        (&[("Link", "</z>; rel=prev"), ("Link", "</y>; rel=next")], json!({}), "/y"),
        (&[], json!({ "links": [{ "rel": "next", "href": "/n" }] }), "/n"),
        (&[], json!({ "links": { "next": "page/2" } }), "/v1/page/2"),
        (&[], json!({ "_links": { "next": { "href": "/n" } } }), "/n"),
        (&[], json!({ "_links": { "next": [{ "href": "/n" }] } }), "/n"),
        (&[("Link", "</header>; rel=next")], json!({ "links": { "next": "/body" } }), "/header"),
    ];
    for (headers, body, expected) in cases {
        world.answers_once(CLOUD, "api", Fault::answer(200, headers, body.to_string()));
        let response = get(&client, "/v1/list").unwrap();
        let found = response.link("next").unwrap();
        assert_eq!(found, Some(format!("{base}{expected}")), "{headers:?} {body}");
        assert_eq!(response.link("nothing").unwrap(), None);
    }
    for body in ["", "not json", "[]", "null", r#"{"links": 7}"#, r#"{"links": [null, 3]}"#] {
        world.answers_once(CLOUD, "api", Fault::answer(200, &[], body));
        assert_eq!(get(&client, "/v1/list").unwrap().link("next").unwrap(), None, "{body}");
    }
    // Who reads all pages comes to an end.
    let own = Fault::answer(200, &[], r#"{"links":{"next":"?page=2"}}"#);
    world.answers_once(CLOUD, "api", own);
    assert_eq!(get(&client, "/v1/list?page=2").unwrap().link("next").unwrap(), None);
    world.answers_once(CLOUD, "api", Fault::answer(200, &[], r#"{"links":{"next":"ftp://h/"}}"#));
    let broken = get(&client, "/v1/list").unwrap().link("next").unwrap_err();
    assert_eq!(broken.status(), Status::MalformedAnswer, "{broken}");
}

#[test]
fn a_link_to_a_foreign_origin_is_given_and_then_refused() {
    let world = World::new();
    let client = world.client(CLOUD);
    let body = r#"{"links":{"next":"https://evil.example/steal"}}"#;
    world.answers_once(CLOUD, "api", Fault::answer(200, &[], body));
    let next = get(&client, "/v1/list").unwrap().link("next").unwrap().unwrap();
    assert_eq!(get(&client, &next).unwrap_err().status(), Status::ForeignOrigin);
}

#[test]
fn a_same_origin_redirect_that_keeps_the_request_is_followed() {
    let follow = |method: &str, status: u16| {
        let world = World::new();
        let client = world.client(CLOUD);
        let redirect = Fault::from_name(&format!("redirect:{status}:same")).unwrap();
        world.answers_once(CLOUD, "api", redirect);
        let mut request = request(method, "/echo");
        request.set_body(b"{}");
        (client.send(&request).unwrap().status(), world.sim.count(CLOUD, "api"))
    };
    for status in [301, 302, 303, 307, 308] {
        assert_eq!(follow("GET", status), (200, 2), "{status}");
    }
    for status in [307, 308] {
        assert_eq!(follow("POST", status), (200, 2), "{status}");
    }
    for status in [301, 302, 303] {
        assert_eq!(follow("POST", status), (status, 1), "a POST would become a GET");
    }
}

#[test]
fn a_redirect_to_another_origin_is_the_callers_to_see() {
    for to in ["other-origin", "downgraded"] {
        for status in [301, 302, 307, 308] {
            let world = World::new();
            let client = world.client(CLOUD);
            let fault = Fault::from_name(&format!("redirect:{status}:{to}")).unwrap();
            world.answers(CLOUD, "api", fault);
            let response = get(&client, "/echo").unwrap();
            assert_eq!(response.status(), status);
            assert!(response.header("location").is_some());
            assert_eq!(world.calls(CLOUD), ["login", "api"], "{to}: the token went nowhere else");
        }
    }
}

#[test]
fn a_signed_url_elsewhere_is_followed_without_the_token() {
    let world = World::new();
    let mut config = world.config(CLOUD, "password");
    config.set("follow_signed_urls", "true").unwrap();
    let client = config.client().unwrap();
    let elsewhere = format!("{}/files/9?signature=abc", world.sim.api_url(Cloud::Kii));
    world.answers(CLOUD, "api", Fault::answer(302, &[("Location", &elsewhere)], ""));
    let mut request = Request::new("GET", &format!("{}/echo", world.sim.api_url(CLOUD))).unwrap();
    request.set_header("X-Secret", "for the API alone").unwrap();
    request.set_header("Range", "bytes=2-").unwrap();
    let response = client.send(&request).unwrap();
    // It refuses whoever has no token, which says nothing of ours.
    assert_eq!(response.status(), 401);
    assert_eq!(world.calls(CLOUD), ["login", "api"]);
    let there = world.sim.journal().into_iter().find(|entry| entry.cloud == Cloud::Kii).unwrap();
    assert_eq!(there.query, "signature=abc");
    assert_eq!(there.header("range"), Some("bytes=2-"));
    for name in ["authorization", "api-key", "x-secret", "content-type"] {
        assert_eq!(there.header(name), None, "{name}");
    }
    // Never without TLS, and never with a body.
    let plain = format!("{}/files/9", world.sim.http_api_url(Cloud::Kii));
    world.sim.clear_injections();
    world.answers(CLOUD, "api", Fault::answer(302, &[("Location", &plain)], ""));
    assert_eq!(client.send(&request).unwrap().status(), 302);
    world.sim.clear_injections();
    world.answers(CLOUD, "api", Fault::answer(307, &[("Location", &elsewhere)], ""));
    let mut post = Request::new("POST", &format!("{}/echo", world.sim.api_url(CLOUD))).unwrap();
    post.set_body(b"for the API alone");
    assert_eq!(client.send(&post).unwrap().status(), 307);
}

#[test]
fn a_redirect_that_leads_in_a_circle_is_the_callers_to_see() {
    // To itself, by its path or by nothing at all.
    for fault in [
        Fault::from_name("redirect:302:same").unwrap(),
        Fault::answer(307, &[("Location", "")], ""),
    ] {
        let world = World::new();
        let client = world.client(CLOUD);
        world.answers(CLOUD, "api", fault);
        let last = get(&client, "/echo").unwrap();
        assert!(matches!(last.status(), 302 | 307) && last.header("location").is_some());
        assert_eq!(world.sim.count(CLOUD, "api"), 5);
    }
}

#[test]
fn a_second_refusal_is_the_callers_to_see() {
    let world = World::new();
    for cloud in FOUR {
        let client = world.client(cloud);
        client.token().unwrap();
        let (status, body) = match cloud {
            Cloud::Kii => (403, json!({ "errorCode": "WRONG_TOKEN" })),
            _ => (401, json!({})),
        };
        world.answers(cloud, "api", Fault::answer(status, &[], body.to_string()));
        let response = world.get(&client, cloud, &devices(cloud)).unwrap();
        assert_eq!(response.status(), status, "{cloud:?}");
        assert_eq!(world.sim.count(cloud, "api"), 2, "{cloud:?}: once, and once replayed");
        assert_eq!(world.sim.count(cloud, "refresh"), 1, "{cloud:?}");
    }
}

#[test]
fn the_replay_of_a_refused_request_is_the_same_request() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.sim.revoke_access_tokens(CLOUD);
    let mut create = request("POST", "/things?x=1");
    create.set_header("X-Trace", "7").unwrap();
    create.set_body(br#"{"id":"gw-1"}"#);
    assert_eq!(client.send(&create).unwrap().status(), 201);
    let sent = world.sent(CLOUD, "api");
    assert_eq!(sent.len(), 2);
    assert_eq!((sent[0].status, sent[1].status), (401, 201));
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(sent[0].query, sent[1].query);
    assert_eq!(sent[0].header("x-trace"), sent[1].header("x-trace"));
    assert_ne!(sent[0].header("authorization"), sent[1].header("authorization"));
}

#[test]
fn a_request_that_is_safe_to_repeat_is_repeated_and_no_other() {
    for (method, fault, expected) in [
        ("GET", "status:503", 3),
        ("PUT", "status:503", 3),
        ("POST", "status:503", 1),
        ("PATCH", "status:502", 1),
        ("GET", "reset:before-headers", 3),
        ("POST", "reset:before-headers", 1),
        ("POST", "close:within-body", 1),
        // Not carried out for certain: the cloud says so, or the connection never carried it.
        ("POST", "status:429", 3),
        ("POST", "reset:accept", 3),
        ("GET", "status:500", 3),
        ("GET", "status:404", 1),
    ] {
        let world = World::new();
        let client = world.client(CLOUD);
        client.token().unwrap();
        world.answers(CLOUD, "api", Fault::from_name(fault).unwrap());
        let _ = client.send(&request(method, "/echo"));
        let call = if fault.ends_with("accept") { "connect" } else { "api" };
        assert_eq!(world.sim.count(CLOUD, call), expected, "{method} under {fault}");
    }
    let world = World::new();
    let client = world.client(CLOUD);
    world.answers(CLOUD, "api", Fault::from_name("status:503").unwrap());
    let mut marked = request("POST", "/echo");
    marked.set_idempotent(true);
    client.send(&marked).unwrap();
    assert_eq!(world.sim.count(CLOUD, "api"), 3, "marked by the caller");
}

#[test]
fn a_retry_waits_as_long_as_the_answer_says() {
    for (header, seconds) in [("7", 7..=9), ("0", 0..=2), ("soon", 0..=1)] {
        let world = World::new();
        let client = world.client(CLOUD);
        client.token().unwrap();
        let before = client.expires_in().unwrap();
        let busy = Fault::answer(503, &[("Retry-After", header)], "");
        world.answers_once(CLOUD, "api", busy);
        assert_eq!(get(&client, "/echo").unwrap().status(), 200);
        let waited = (before - client.expires_in().unwrap()).as_secs();
        assert!(seconds.contains(&waited), "{header}: {waited} s");
    }
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.answers(CLOUD, "api", Fault::answer(503, &[("Retry-After", "3600")], ""));
    let response = get(&client, "/echo").unwrap();
    assert_eq!(response.header("retry-after"), Some("3600"), "longer than the call may last");
    assert_eq!(world.sim.count(CLOUD, "api"), 1);
}

#[test]
fn a_requests_own_time_limit_takes_the_place_of_the_clients() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.answers(CLOUD, "api", Fault::from_name("stall:before-headers").unwrap());
    let mut request = request("GET", "/echo");
    request.set_timeout(Duration::from_millis(150));
    let error = client.send(&request).unwrap_err();
    assert_eq!(error.status(), Status::Timeout);
    assert!(error.message().contains("150 ms"), "{error}");
    assert!(error.is_retriable());
    assert_eq!(world.sim.count(CLOUD, "api"), 1);
}

#[test]
fn a_failed_refresh_after_a_refusal_loses_nothing() {
    let world = World::new();
    let client = world.client(CLOUD);
    client.token().unwrap();
    world.sim.revoke_access_tokens(CLOUD);
    world.answers(CLOUD, "refresh", Fault::status(503));
    let error = get(&client, "/echo").unwrap_err();
    assert_eq!(error.status(), Status::ServerError, "{error}");
    world.sim.clear_injections();
    world.wind(60);
    assert_eq!(get(&client, "/echo").unwrap().status(), 200);
    assert_eq!(world.sim.count(CLOUD, "login"), 1);
}

#[test]
fn an_api_that_is_not_json_is_not_touched() {
    let world = World::new();
    let client = world.client(CLOUD);
    let bytes: Vec<u8> = (0..=255).collect();
    world.answers(CLOUD, "api", Fault::answer(200, &[("Content-Type", "x/y")], &bytes));
    let response = get(&client, "/firmware").unwrap();
    assert_eq!(response.body(), bytes, "as it came, whatever its type");
}

#[test]
fn kontakts_sample_of_an_error_body_comes_back_whole() {
    let world = World::new();
    let client = world.client(CLOUD);
    let body = json!({ "status": 404, "cause": "no such device" }).to_string();
    world.answers(CLOUD, "api", Fault::answer(404, &[], &body));
    assert_eq!(get(&client, "/v3/device/x").unwrap().body(), body.as_bytes());
    assert_eq!(credentials::kontakt::USERNAME, "gateway@example.com");
}

#[test]
fn a_limit_beyond_all_measure_is_no_limit() {
    let world = World::new();
    let client = world.client(CLOUD).share(Some(Duration::MAX));
    let mut request = request("GET", "/echo");
    request.set_timeout(Duration::MAX);
    assert_eq!(client.send(&request).unwrap().status(), 200);
}
