//! What holds for every cloud: its exchange, its tokens' lives, its locks, its common resources.

use std::time::Duration;

use crate::client::{self, access_token, api, log_in, refresh, refresh_token};
use keyfob_simulator::{Cloud, Rotation, Simulator};

fn refused(cloud: Cloud) -> u16 {
    match cloud {
        Cloud::Kii => 403,
        _ => 401,
    }
}

fn refresh_refused(cloud: Cloud) -> u16 {
    match cloud {
        Cloud::IotConnect => 409,
        Cloud::Kii | Cloud::OAuth2 => 400,
        _ => 401,
    }
}

#[test]
fn the_right_exchange_gives_a_token_that_opens_the_api() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        let reply = log_in(&sim, cloud);
        let token = access_token(cloud, &reply);
        assert_eq!(api(&sim, cloud, &token, "GET", "/echo", "").status, 200, "{cloud:?}");
        let again = refresh(&sim, cloud, &refresh_token(cloud, &reply));
        assert_eq!(again.status, 200, "{cloud:?}: {}", again.text());
        let token = access_token(cloud, &again);
        assert_eq!(api(&sim, cloud, &token, "GET", "/echo", "").status, 200, "{cloud:?}");
        assert_eq!((sim.count(cloud, "login"), sim.count(cloud, "refresh")), (1, 1));
        assert_eq!(sim.count(cloud, "api"), 2);
    }
}

#[test]
fn a_token_expires_when_the_clock_is_wound() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        sim.set_lifetime(cloud, Some(Duration::from_secs(3600)), Some(Duration::from_secs(7200)));
        let reply = log_in(&sim, cloud);
        let token = access_token(cloud, &reply);
        sim.wind(Duration::from_secs(3590));
        assert_eq!(api(&sim, cloud, &token, "GET", "/echo", "").status, 200, "{cloud:?}");
        sim.wind(Duration::from_secs(11));
        let late = api(&sim, cloud, &token, "GET", "/echo", "");
        assert_eq!(late.status, refused(cloud), "{cloud:?}: {}", late.text());
        sim.wind(Duration::from_secs(3600));
        let late = refresh(&sim, cloud, &refresh_token(cloud, &reply));
        assert_eq!(late.status, refresh_refused(cloud), "{cloud:?}: {}", late.text());
    }
}

#[test]
fn a_spent_refresh_token_is_refused_and_counted() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        let old = refresh_token(cloud, &log_in(&sim, cloud));
        let next = refresh_token(cloud, &refresh(&sim, cloud, &old));
        assert_eq!(refresh(&sim, cloud, &old).status, refresh_refused(cloud), "{cloud:?}");
        assert_eq!((sim.reuse_count(cloud), sim.families_lost(cloud)), (1, 0));
        assert_eq!(refresh(&sim, cloud, &next).status, 200, "{cloud:?}");
    }
}

#[test]
fn rotation_is_what_it_is_set_to() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        sim.set_rotation(cloud, Rotation::Keep);
        let token = refresh_token(cloud, &log_in(&sim, cloud));
        for _ in 0..3 {
            let reply = refresh(&sim, cloud, &token);
            assert_eq!(reply.status, 200, "{cloud:?}");
            if cloud != Cloud::OAuth2 {
                assert_eq!(refresh_token(cloud, &reply), token);
            }
        }
        sim.set_rotation(cloud, Rotation::RevokeFamilyOnReuse);
        let next = refresh(&sim, cloud, &token);
        assert_eq!(refresh(&sim, cloud, &token).status, refresh_refused(cloud));
        assert_eq!(sim.families_lost(cloud), 1, "{cloud:?}");
        assert_eq!(
            refresh(&sim, cloud, &refresh_token(cloud, &next)).status,
            refresh_refused(cloud)
        );
        let lost = api(&sim, cloud, &access_token(cloud, &next), "GET", "/echo", "");
        assert_eq!(lost.status, refused(cloud), "{cloud:?}");
    }
}

#[test]
fn an_early_death_leaves_the_refresh_token_good() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        let reply = log_in(&sim, cloud);
        sim.revoke_access_tokens(cloud);
        let dead = api(&sim, cloud, &access_token(cloud, &reply), "GET", "/echo", "");
        assert_eq!(dead.status, refused(cloud), "{cloud:?}");
        assert_eq!(refresh(&sim, cloud, &refresh_token(cloud, &reply)).status, 200, "{cloud:?}");
    }
}

#[test]
fn five_wrong_passwords_lock_the_account_for_half_an_hour() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        sim.set_password(cloud, "something else");
        for _ in 0..5 {
            assert!(!sim.locked(cloud), "{cloud:?}");
            let reply = client::try_log_in(&sim, cloud);
            assert!(matches!(reply.status, 400 | 401), "{cloud:?}: {}", reply.text());
        }
        assert!(sim.locked(cloud), "{cloud:?}");
        assert_eq!(sim.logins_failed(cloud), 5);
        sim.reset();
        assert!(!sim.locked(cloud));
        sim.set_password(cloud, "something else");
        (0..5).for_each(|_| drop(client::try_log_in(&sim, cloud)));
        sim.set_password(cloud, "correct horse");
        let locked = client::try_log_in(&sim, cloud);
        assert!(matches!(locked.status, 400 | 401), "{cloud:?}");
        assert!(locked.text().contains("locked"), "{}", locked.text());
        sim.wind(Duration::from_secs(30 * 60 + 1));
        log_in(&sim, cloud);
    }
}

#[test]
fn seven_devices_come_in_pages_of_three_that_lead_to_each_other() {
    let sim = Simulator::start();
    let info = sim.info();
    for cloud in client::SIX {
        let token = access_token(cloud, &log_in(&sim, cloud));
        let path = info["clouds"][cloud.name()]["devices_path"].as_str().unwrap();
        let mut url = format!("{}{path}", sim.api_url(cloud));
        let mut sizes = Vec::new();
        loop {
            let reply = api(&sim, cloud, &token, "GET", &url, "");
            assert_eq!(reply.status, 200, "{cloud:?}: {}", reply.text());
            let body = reply.json();
            let list = ["content", "data", "results", "items", "devices"];
            let list = list.iter().find_map(|name| body[name].as_array()).unwrap();
            sizes.push(list.len());
            let link = reply
                .header("link")
                .map(|link| link.strip_prefix('<').unwrap().split('>').next().unwrap().to_owned());
            let href = body["_links"]["next"]["href"].as_str().map(str::to_owned);
            let listed = body["links"].as_array().and_then(|links| {
                let next = links.iter().find(|link| link["rel"] == "next");
                next.map(|link| link["href"].as_str().unwrap().to_owned())
            });
            // ThingsBoard links to nothing: its pages are counted from 0.
            let counted = (body["hasNext"] == true)
                .then(|| format!("{}{path}?page={}", sim.api_url(cloud), sizes.len()));
            match link.or(href).or(listed).or(counted) {
                Some(next) => url = next,
                None => break,
            }
        }
        assert_eq!(sizes, [3, 3, 1], "{cloud:?}");
        let bad = format!("{}{path}?page=x&pageNumber=x&paginationKey=x", sim.api_url(cloud));
        assert_eq!(api(&sim, cloud, &token, "GET", &bad, "").status, 400, "{cloud:?}");
        let posted = api(&sim, cloud, &token, "POST", path, "{}");
        assert_eq!(posted.status, 405, "{cloud:?}");
    }
}

#[test]
fn the_common_resources_are_on_every_cloud() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        let token = access_token(cloud, &log_in(&sim, cloud));
        let call = |method, path, body| api(&sim, cloud, &token, method, path, body);
        let echo = call("PUT", "/echo?a=b", "hello").json();
        assert_eq!((&echo["method"], &echo["path"]), (&"PUT".into(), &"/echo".into()));
        assert_eq!((&echo["query"], &echo["body"]), (&"a=b".into(), &"hello".into()));
        assert!(echo["headers"]["host"].is_string());
        assert!(!echo.to_string().contains(&token), "{cloud:?} says the token back");
        assert_eq!(call("GET", "/status/418", "").status, 418);
        assert_eq!(call("GET", "/status/204", "").status, 204);
        assert_eq!(call("GET", "/status/99", "").status, 400);
        assert_eq!(call("POST", "/things", "{\"id\":\"t1\"}").status, 201);
        assert_eq!(call("POST", "/things", "{\"id\":\"t1\"}").status, 200);
        assert_eq!(call("POST", "/things", "no id").status, 201);
        assert_eq!(call("DELETE", "/things/t1", "").status, 204);
        assert_eq!(call("POST", "/things", "{\"id\":\"t1\"}").status, 201);
        assert_eq!(call("GET", "/nothing", "").status, 404);
        assert_eq!(api(&sim, cloud, "no token", "GET", "/echo", "").status, refused(cloud));
    }
}

#[test]
fn the_plain_twin_is_the_same_cloud() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        let token = access_token(cloud, &log_in(&sim, cloud));
        let url = format!("{}/echo", sim.http_api_url(cloud));
        assert!(url.starts_with("http://localhost:"));
        assert_eq!(api(&sim, cloud, &token, "GET", &url, "").status, 200, "{cloud:?}");
        assert!(!sim.journal().last().unwrap().tls);
    }
}

#[test]
fn the_date_header_follows_the_clock() {
    let sim = Simulator::start();
    sim.set_now(784_111_777);
    for cloud in client::SIX {
        let reply = client::try_log_in(&sim, cloud);
        let date = reply.header("date").unwrap();
        assert!(date.starts_with("Sun, 06 Nov 1994 08:49:"), "{date}");
    }
    sim.wind(Duration::from_secs(86_400));
    let date = log_in(&sim, Cloud::Kontakt).header("date").unwrap().to_owned();
    assert!(date.starts_with("Mon, 07 Nov 1994 08:49:"), "{date}");
}

#[test]
fn the_journal_tells_what_arrived() {
    let sim = Simulator::start();
    let token = access_token(Cloud::Kii, &log_in(&sim, Cloud::Kii));
    api(&sim, Cloud::Kii, &token, "POST", "/echo?q=1", "body");
    let journal = sim.journal();
    let [login, request] = &journal[..] else { panic!("{} entries", journal.len()) };
    assert_eq!((login.number, login.call, login.status), (1, "login", 200));
    assert_eq!((request.call, request.method.as_str()), ("api", "POST"));
    assert_eq!((request.path.as_str(), request.query.as_str()), ("/echo", "q=1"));
    assert_eq!(request.text(), "body");
    assert_eq!(request.header("authorization"), Some(client::bearer(&token).as_str()));
    assert!(request.tls && request.executed && request.fault.is_none());
    assert_ne!(login.connection, request.connection);
    assert_eq!(sim.connections(Cloud::Kii), 2);
    sim.clear_journal();
    assert_eq!((sim.journal().len(), sim.count(Cloud::Kii, "login")), (0, 0));
}

#[test]
fn reset_makes_everything_as_it_was() {
    let sim = Simulator::start();
    for cloud in client::SIX {
        let token = access_token(cloud, &log_in(&sim, cloud));
        sim.wind(Duration::from_secs(1_000_000));
        sim.inject(keyfob_simulator::Injection::new(keyfob_simulator::Fault::status(500)));
        sim.set_delay(cloud, "login", Duration::from_secs(60));
        sim.set_password(cloud, "x");
        sim.refuse(cloud, true);
        sim.require_client_cert(true);
        sim.reset();
        assert_eq!(sim.count(cloud, "login"), 0);
        assert_eq!(sim.connections(cloud), 0);
        let gone = api(&sim, cloud, &token, "GET", "/echo", "");
        assert_eq!(gone.status, refused(cloud), "{cloud:?}");
        log_in(&sim, cloud);
        sim.reset();
    }
}
