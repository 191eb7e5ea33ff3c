//! What holds for every cloud: its exchange, its tokens' lives, its locks, its common resources.

mod client;

use std::time::Duration;

use client::{access_token, api, log_in, refresh, refresh_token};
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
    for cloud in Cloud::ALL {
        let reply = log_in(&sim, cloud);
        let token = access_token(cloud, &reply);
        assert_eq!(
            api(&sim, cloud, &token, "GET", "/echo", "").status,
            200,
            "{cloud:?}"
        );
        let again = refresh(&sim, cloud, &refresh_token(cloud, &reply));
        assert_eq!(again.status, 200, "{cloud:?}: {}", again.text());
        let token = access_token(cloud, &again);
        assert_eq!(
            api(&sim, cloud, &token, "GET", "/echo", "").status,
            200,
            "{cloud:?}"
        );
        assert_eq!(
            (sim.count(cloud, "login"), sim.count(cloud, "refresh")),
            (1, 1)
        );
        assert_eq!(sim.count(cloud, "api"), 2);
    }
}

#[test]
fn a_token_expires_when_the_clock_is_wound() {
    let sim = Simulator::start();
    for cloud in Cloud::ALL {
        sim.set_lifetime(
            cloud,
            Some(Duration::from_secs(3600)),
            Some(Duration::from_secs(7200)),
        );
        let reply = log_in(&sim, cloud);
        let token = access_token(cloud, &reply);
        sim.wind(Duration::from_secs(3590));
        assert_eq!(
            api(&sim, cloud, &token, "GET", "/echo", "").status,
            200,
            "{cloud:?}"
        );
        sim.wind(Duration::from_secs(11));
        let late = api(&sim, cloud, &token, "GET", "/echo", "");
        assert_eq!(late.status, refused(cloud), "{cloud:?}: {}", late.text());
        sim.wind(Duration::from_secs(3600));
        let late = refresh(&sim, cloud, &refresh_token(cloud, &reply));
        assert_eq!(
            late.status,
            refresh_refused(cloud),
            "{cloud:?}: {}",
            late.text()
        );
    }
}

#[test]
fn a_spent_refresh_token_is_refused_and_counted() {
    let sim = Simulator::start();
    for cloud in Cloud::ALL {
        let old = refresh_token(cloud, &log_in(&sim, cloud));
        let next = refresh_token(cloud, &refresh(&sim, cloud, &old));
        assert_eq!(
            refresh(&sim, cloud, &old).status,
            refresh_refused(cloud),
            "{cloud:?}"
        );
        assert_eq!((sim.reuse_count(cloud), sim.families_lost(cloud)), (1, 0));
        assert_eq!(refresh(&sim, cloud, &next).status, 200, "{cloud:?}");
    }
}

#[test]
fn rotation_is_what_it_is_set_to() {
    let sim = Simulator::start();
    for cloud in Cloud::ALL {
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
    for cloud in Cloud::ALL {
        let reply = log_in(&sim, cloud);
        sim.revoke_access_tokens(cloud);
        let dead = api(
            &sim,
            cloud,
            &access_token(cloud, &reply),
            "GET",
            "/echo",
            "",
        );
        assert_eq!(dead.status, refused(cloud), "{cloud:?}");
        assert_eq!(
            refresh(&sim, cloud, &refresh_token(cloud, &reply)).status,
            200,
            "{cloud:?}"
        );
    }
}
