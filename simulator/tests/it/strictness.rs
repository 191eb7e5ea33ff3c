//! Each cloud refuses what the real one refuses, in that cloud's own form, and never says a secret
//! back.

use crate::client::{self, APP, FORM, JSON, Reply, api, ask, bearer, form, log_in, refresh};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfob_simulator::credentials as known;
use keyfob_simulator::{Cloud, Simulator};
use serde_json::json;

const SECRET: &str = "hunter2-hunter2";

/// Asserts the status, and that no secret came back.
#[track_caller]
fn refused(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert!(!reply.text().contains(SECRET), "{}", reply.text());
}

mod kontakt {
    use super::*;

    fn login(sim: &Simulator, headers: &[(&str, &str)], body: &str) -> Reply {
        let url = format!("{}/v2/organization/account/authenticate", sim.base_url(Cloud::Kontakt));
        ask(sim, "POST", &url, headers, body)
    }

    #[test]
    fn the_samples_of_the_guide_are_taken_byte_for_byte() {
        let sim = Simulator::start();
        let body = "username=xUUEsgmlzzBxgoP%40test.kontakt.io&password=YOUR_PASSWORD";
        assert_eq!(body.len(), 65);
        let reply = login(&sim, &[FORM], body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answer = reply.json();
        assert_eq!(answer.as_object().unwrap().len(), 2);
        for name in ["accessToken", "refreshToken"] {
            let token = answer[name].as_str().unwrap();
            assert_eq!(token.split('.').count(), 5, "{name}");
        }

        let body = "refreshToken=eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiZGlyIn0..Q87n84JgHp5p6JYY.ezTAmKM7SEneELBR4y1C83chhUTIUdN_Y0A0NB3uyWJgmsO-7r0RXq5yI3D6WRJselbYCUoRv1MKJHPW9-XnAFiGxXzah35N5Bwrk55HuRL86JROkT7psiM8FT03Uzz9yikbUN0zxcZ-M_9aohuyVgMfoJXAve4RdRthKDOJKdH9GrYaxF4zw6XSoqcA2UVVGOPzywd5OuYXh5Go2KNZgY2E7qfm2g1VDPgYVFaQqHY.7AzRyzxm0duuD8UjooM4XQ";
        assert_eq!(body.len(), 345);
        let url = format!("{}/v2/organization/account/refresh", sim.base_url(Cloud::Kontakt));
        assert_eq!(ask(&sim, "POST", &url, &[FORM], body).status, 200);
        refused(&ask(&sim, "POST", &url, &[FORM], body), 401);
        assert_eq!(sim.reuse_count(Cloud::Kontakt), 1);
    }

    #[test]
    fn a_login_that_is_not_canonical_is_refused() {
        let sim = Simulator::start();
        for body in [
            "username=gateway@example.com&password=correct+horse",
            "username=gateway%40example%2Ecom&password=correct+horse",
            "username=gateway%40example.com&password=correct+horse\n",
            "username=gateway%40example.com&password=correct horse",
            "username=gateway%40example.com",
            "username=gateway%40example.com&password=",
            "username=gateway%40example.com&password=correct+horse&password=correct+horse",
            "username=gateway%40example.com&password=correct+horse&grant_type=password",
            "hunter2-hunter2",
            "hunter2-hunter2=x",
        ] {
            let reply = login(&sim, &[FORM], body);
            refused(&reply, 400);
            assert!(reply.json()["errors"][0]["error"].is_string(), "{}", reply.text());
        }
        assert_eq!(
            login(&sim, &[FORM], "username=gateway%40example.com&password=correct%20horse").status,
            200
        );
        assert_eq!(sim.logins_failed(Cloud::Kontakt), 0);
    }

    #[test]
    fn method_type_query_and_accept_matter() {
        let sim = Simulator::start();
        let base = sim.base_url(Cloud::Kontakt);
        let url = format!("{base}/v2/organization/account/authenticate");
        let body = "username=gateway%40example.com&password=correct+horse";
        let reply = ask(&sim, "GET", &url, &[], "");
        refused(&reply, 405);
        assert_eq!(reply.header("allow"), Some("POST"));
        refused(&login(&sim, &[JSON], body), 415);
        refused(&login(&sim, &[], body), 415);
        refused(&login(&sim, &[FORM, FORM], body), 400);
        refused(&login(&sim, &[FORM, ("Accept", "text/html")], body), 406);
        refused(&ask(&sim, "POST", &format!("{url}?{body}"), &[FORM], body), 400);
        refused(&ask(&sim, "POST", &format!("{base}/v2/nothing"), &[JSON], ""), 401);
    }

    #[test]
    fn the_api_wants_a_content_type_and_takes_a_key_or_a_token() {
        let sim = Simulator::start();
        let url = format!("{}/v3/device", sim.api_url(Cloud::Kontakt));
        let key = ("Api-Key", known::kontakt::API_KEY);
        assert_eq!(ask(&sim, "GET", &url, &[key, JSON], "").status, 200);
        refused(&ask(&sim, "GET", &url, &[key], ""), 415);
        refused(&ask(&sim, "GET", &url, &[JSON], ""), 401);
        refused(&ask(&sim, "GET", &url, &[JSON, ("Api-Key", SECRET)], ""), 401);
        refused(&ask(&sim, "GET", &url, &[JSON, ("Authorization", &bearer(SECRET))], ""), 401);
        refused(&ask(&sim, "GET", &url, &[JSON, ("Authorization", "Basic eDp5")], ""), 401);
    }

    #[test]
    fn a_wrong_password_is_a_401_with_a_cause() {
        let sim = Simulator::start();
        let reply = login(
            &sim,
            &[FORM],
            &form(&[("username", known::kontakt::USERNAME), ("password", SECRET)]),
        );
        refused(&reply, 401);
        assert_eq!(reply.json()["status"], 401);
        assert!(reply.json()["cause"].is_string());
    }
}

mod iotconnect {
    use super::*;

    fn basic_token(sim: &Simulator) -> String {
        let url = format!("{}/api/v2/Auth/basic-token", sim.base_url(Cloud::IotConnect));
        let reply = ask(sim, "GET", &url, &[], "");
        assert_eq!(reply.json()["status"], 200);
        reply.json()["data"].as_str().unwrap().to_owned()
    }

    fn login(sim: &Simulator, headers: &[(&str, &str)], body: &str) -> Reply {
        let url = format!("{}/api/v2/Auth/login", sim.base_url(Cloud::IotConnect));
        ask(sim, "POST", &url, headers, body)
    }

    fn right() -> String {
        json!({ "username": known::iotconnect::USERNAME, "password": known::iotconnect::PASSWORD })
            .to_string()
    }

    const SOLUTION: (&str, &str) = ("solution-key", known::iotconnect::SOLUTION_KEY);

    #[test]
    fn the_basic_token_must_come_back_as_it_was_given() {
        let sim = Simulator::start();
        let token = basic_token(&sim);
        let with = |credentials: &str| {
            login(&sim, &[JSON, SOLUTION, ("Authorization", credentials)], &right())
        };
        for inner in [token.clone(), format!("{token}:")] {
            let reply = with(&format!("Basic {}", STANDARD.encode(inner)));
            refused(&reply, 401);
            assert!(reply.text().contains("encoded again"), "{}", reply.text());
        }
        refused(&with(&format!("Bearer {token}")), 401);
        refused(&with(&format!("Basic {SECRET}")), 401);
        refused(&login(&sim, &[JSON, SOLUTION], &right()), 401);
        assert_eq!(with(&format!("Basic {token}")).status, 200);
        sim.wind(std::time::Duration::from_secs(3601));
        refused(&with(&format!("Basic {token}")), 401);
    }

    #[test]
    fn a_login_wants_its_solution_key_and_its_two_fields() {
        let sim = Simulator::start();
        let basic = format!("Basic {}", basic_token(&sim));
        let basic = ("Authorization", basic.as_str());
        refused(&login(&sim, &[JSON, basic], &right()), 400);
        refused(&login(&sim, &[JSON, basic, ("solution-key", SECRET)], &right()), 401);
        refused(&login(&sim, &[FORM, basic, SOLUTION], &right()), 415);
        for body in [
            r#"{"username ":"gateway@example.com","password":"correct horse"}"#,
            r#"{"username":"gateway@example.com"}"#,
            r#"{"username":"gateway@example.com","password":"correct horse","password":"correct horse"}"#,
            r#"{"username":"gateway@example.com","password":7}"#,
            r#"["hunter2-hunter2"]"#,
            "\u{feff}{}",
            "",
        ] {
            let reply = login(&sim, &[JSON, basic, SOLUTION], body);
            refused(&reply, 400);
            assert!(reply.json()["error"][0]["message"].is_string(), "{}", reply.text());
        }
        let wrong = json!({ "username": known::iotconnect::USERNAME, "password": SECRET });
        let reply = login(&sim, &[JSON, basic, SOLUTION], &wrong.to_string());
        refused(&reply, 401);
        assert!(reply.json()["error"].is_null() && reply.json()["data"].is_null());
        assert_eq!(login(&sim, &[JSON, basic, SOLUTION], &right()).status, 200);
        // As a client of the vendor's sends it.
        let mut more: serde_json::Value = serde_json::from_str(&right()).unwrap();
        more["solutionKey"] = json!(known::iotconnect::SOLUTION_KEY);
        assert_eq!(login(&sim, &[JSON, basic, SOLUTION], &more.to_string()).status, 200);
    }

    #[test]
    fn a_token_says_whom_it_is_for_as_the_vendor_reads_it() {
        let sim = Simulator::start();
        let token = client::access_token(Cloud::IotConnect, &log_in(&sim, Cloud::IotConnect));
        let claims = token.split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert!(claims["aud"].is_array());
        for name in ["id", "companyId", "cpId"] {
            assert!(claims["user"][name].is_string(), "{name}");
        }
    }

    #[test]
    fn a_refresh_goes_by_its_own_field_name_and_dies_with_409() {
        let sim = Simulator::start();
        let url = format!("{}/api/v2/Auth/refresh-token", sim.base_url(Cloud::IotConnect));
        let reply =
            ask(&sim, "POST", &url, &[JSON], &json!({ "refresh_token": SECRET }).to_string());
        refused(&reply, 400);
        let reply =
            ask(&sim, "POST", &url, &[JSON], &json!({ "refreshtoken": SECRET }).to_string());
        refused(&reply, 409);
        assert_eq!(reply.json()["status"], 409);
        refused(&ask(&sim, "GET", &url, &[], ""), 405);
    }

    #[test]
    fn a_token_can_be_verified() {
        let sim = Simulator::start();
        let token = client::access_token(Cloud::IotConnect, &log_in(&sim, Cloud::IotConnect));
        let url = format!("{}/api/v2/Auth/verify-token", sim.base_url(Cloud::IotConnect));
        let verify = |token: &str| ask(&sim, "GET", &url, &[("Authorization", &bearer(token))], "");
        assert_eq!(verify(&token).status, 200);
        refused(&verify(SECRET), 401);
        assert_eq!(sim.count(Cloud::IotConnect, "verify"), 2);
    }

    #[test]
    fn discovery_gives_urls_that_work_and_says_no_under_200() {
        let sim = Simulator::start();
        let key = client::escaped(known::iotconnect::SOLUTION_KEY);
        let discover = |key: &str, env: &str, query: &str| {
            let path = format!("/api/uisdk/solutionkey/{key}/env/{env}?{query}");
            ask(&sim, "GET", &format!("{}{path}", sim.discovery_url()), &[], "")
        };
        let found = discover(&key, "poc", "version=2.1&pf=aws");
        let auth = found.json()["data"]["authBaseUrl"].as_str().unwrap().to_owned();
        assert_eq!(auth, format!("{}/api/v2", sim.base_url(Cloud::IotConnect)));
        assert_eq!(ask(&sim, "GET", &format!("{auth}/Auth/basic-token"), &[], "").status, 200);
        let device = found.json()["data"]["deviceBaseUrl"].as_str().unwrap().to_owned();
        assert_eq!(device, format!("{}/api/v2", sim.api_url(Cloud::IotConnect)));
        assert_eq!(discover(&key, "prod", "version=2&pf=az").json()["data"]["authBaseUrl"], auth);
        let found = discover(&key, "poc", "pf=az").json();
        assert_eq!(found["data"]["entityBaseUrl"].as_str(), Some(device.as_str()));

        for reply in [
            discover(SECRET, "poc", "version=2.1&pf=aws"),
            discover(&key, "nowhere", "version=2.1&pf=aws"),
            discover(&key, "poc", "version=2&pf=aws"),
            discover(&key, "poc", ""),
        ] {
            refused(&reply, 200);
            assert!(reply.json()["data"].is_null());
            assert!(reply.json()["message"].is_string());
        }
        assert_eq!(sim.count(Cloud::IotConnect, "discovery"), 7);
    }

    #[test]
    fn the_device_list_is_at_both_versions() {
        let sim = Simulator::start();
        let token = client::access_token(Cloud::IotConnect, &log_in(&sim, Cloud::IotConnect));
        for path in ["/api/v2/Device", "/api/v1.1/Device"] {
            let reply = api(&sim, Cloud::IotConnect, &token, "GET", path, "");
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(reply.json()["status"], 200);
        }
        let auth = sim.base_url(Cloud::IotConnect);
        let there = |path: &str| {
            api(&sim, Cloud::IotConnect, &token, "GET", &format!("{auth}{path}"), "").status
        };
        assert_eq!(there("/api/v1.1/Device"), 200);
        assert_eq!(there("/api/v2/Device"), 404);
    }
}

mod kii {
    use super::*;

    const VENDOR_TYPE: (&str, &str) =
        ("Content-Type", "application/vnd.kii.OauthTokenRequest+json");

    fn token(sim: &Simulator, headers: &[(&str, &str)], body: &serde_json::Value) -> Reply {
        let url = format!("{}/api/oauth2/token", sim.base_url(Cloud::Kii));
        ask(sim, "POST", &url, headers, &body.to_string())
    }

    fn at_app(sim: &Simulator, app: &str, body: &serde_json::Value) -> Reply {
        let url = format!("{}/api/apps/{app}/oauth2/token", sim.base_url(Cloud::Kii));
        ask(sim, "POST", &url, &[JSON, APP[0], APP[1]], &body.to_string())
    }

    fn user(username: &str) -> serde_json::Value {
        json!({ "username": username, "password": known::kii::PASSWORD })
    }

    #[test]
    fn every_principal_logs_in_under_each_of_its_names() {
        let sim = Simulator::start();
        let headers = [VENDOR_TYPE, APP[0], APP[1]];
        for name in [
            "gateway",
            "gateway@example.com",
            "EMAIL:gateway@example.com",
            "+31201234567",
            "PHONE:NL-0201234567",
        ] {
            let reply = token(&sim, &headers, &user(name));
            assert_eq!(reply.status, 200, "{name}: {}", reply.text());
            assert_eq!(reply.json()["id"], known::kii::USER_ID);
            assert_eq!(reply.json()["expires_in"], 2_147_483_647_i64);
        }
        let thing = json!({ "username": "VENDOR_THING_ID:gw-0007", "password": known::kii::THING_PASSWORD });
        let reply = token(&sim, &headers, &thing);
        assert_eq!(reply.json()["id"], known::kii::THING_ID);
        assert!(reply.json()["refresh_token"].is_string());
        for (id, secret) in [
            (known::kii::CLIENT_ID, known::kii::CLIENT_SECRET),
            (known::kii::APP_ID, known::kii::APP_KEY),
        ] {
            let reply = token(&sim, &headers, &json!({ "client_id": id, "client_secret": secret }));
            assert_eq!(reply.status, 200, "{id}: {}", reply.text());
            assert!(reply.json().get("refresh_token").is_none());
            assert_eq!(reply.json()["expires_in"], 148_478_248_144_076_800_i64);
        }
        for name in [
            "gw-0007",
            known::kii::USER_ID,
            known::kii::THING_ID,
            "VENDOR_THING_ID:x",
            "client:anonymous",
        ] {
            refused(&token(&sim, &headers, &user(name)), 400);
        }
    }

    #[test]
    fn a_query_is_refused_only_for_credentials_in_it() {
        let sim = Simulator::start();
        let url = format!("{}/api/oauth2/token", sim.base_url(Cloud::Kii));
        let headers = [JSON, APP[0], APP[1]];
        let with = |query: &str| {
            ask(&sim, "POST", &format!("{url}?{query}"), &headers, &user("gateway").to_string())
        };
        assert_eq!(with("disable_cache=1700000000000").status, 200);
        for name in ["password", "refresh_token", "client_secret", "X-Kii-AppKey"] {
            refused(&with(&format!("disable_cache=1&{name}={SECRET}")), 400);
        }
    }

    #[test]
    fn every_call_names_the_app() {
        let sim = Simulator::start();
        let body = user("gateway");
        refused(&token(&sim, &[JSON, APP[1]], &body), 401);
        refused(&token(&sim, &[JSON, APP[0]], &body), 401);
        refused(&token(&sim, &[JSON, APP[0], ("X-Kii-AppKey", SECRET)], &body), 401);
        refused(&token(&sim, &[JSON, ("X-Kii-AppID", "other"), APP[1]], &body), 404);
        refused(&at_app(&sim, "other", &body), 404);
        let access = client::access_token(Cloud::Kii, &log_in(&sim, Cloud::Kii));
        let url = format!("{}/echo", sim.api_url(Cloud::Kii));
        refused(&ask(&sim, "GET", &url, &[("Authorization", &bearer(&access))], ""), 401);
    }

    #[test]
    fn a_bad_token_is_a_403_that_says_the_token_back() {
        let sim = Simulator::start();
        let reply = api(&sim, Cloud::Kii, SECRET, "GET", "/echo", "");
        assert_eq!(reply.status, 403);
        assert_eq!(reply.json()["errorCode"], "WRONG_TOKEN");
        assert_eq!(reply.json()["accessToken"], SECRET);
        assert_eq!(reply.json()["appID"], known::kii::APP_ID);
    }

    #[test]
    fn a_refresh_ends_the_old_access_token() {
        let sim = Simulator::start();
        let first = log_in(&sim, Cloud::Kii);
        let second = refresh(&sim, Cloud::Kii, &client::refresh_token(Cloud::Kii, &first));
        let old =
            api(&sim, Cloud::Kii, &client::access_token(Cloud::Kii, &first), "GET", "/echo", "");
        assert_eq!(old.status, 403);
        let new =
            api(&sim, Cloud::Kii, &client::access_token(Cloud::Kii, &second), "GET", "/echo", "");
        assert_eq!(new.status, 200);
    }

    #[test]
    fn a_dead_refresh_token_is_told_as_the_path_has_it() {
        let sim = Simulator::start();
        let body = json!({ "grant_type": "refresh_token", "refresh_token": SECRET });
        let reply = token(&sim, &[JSON, APP[0], APP[1]], &body);
        refused(&reply, 400);
        assert_eq!(reply.json()["errorCode"], "invalid_grant");
        assert_eq!(reply.json()["error"], "invalid_grant");
        let reply = at_app(&sim, known::kii::APP_ID, &body);
        refused(&reply, 403);
        assert_eq!(reply.json()["errorCode"], "WRONG_REFRESH_TOKEN");
    }

    #[test]
    fn the_grant_type_must_be_the_one_the_path_wants() {
        let sim = Simulator::start();
        let headers = [JSON, APP[0], APP[1]];
        let with = |grant: &str| json!({ "username": "gateway", "password": known::kii::PASSWORD, "grant_type": grant });
        let reply = token(&sim, &headers, &with("password"));
        refused(&reply, 400);
        assert_eq!(reply.json()["errorCode"], "unsupported_grant_type");
        refused(&token(&sim, &headers, &json!({ "refresh_token": SECRET })), 400);
        refused(&at_app(&sim, known::kii::APP_ID, &user("gateway")), 400);
        refused(&at_app(&sim, known::kii::APP_ID, &with("client_credentials")), 400);
        assert_eq!(at_app(&sim, known::kii::APP_ID, &with("password")).status, 200);
    }

    #[test]
    fn expires_at_is_a_future_number_of_milliseconds() {
        let sim = Simulator::start();
        sim.set_now(1_800_000_000);
        let headers = [JSON, APP[0], APP[1]];
        let with = |ends: serde_json::Value| json!({ "username": "gateway", "password": known::kii::PASSWORD, "expiresAt": ends });
        let reply = token(&sim, &headers, &with(json!(1_800_000_100_000_i64)));
        let lifetime = reply.json()["expires_in"].as_i64().unwrap();
        assert!((99..=100).contains(&lifetime), "{lifetime}");
        let access = client::access_token(Cloud::Kii, &reply);
        sim.wind(std::time::Duration::from_secs(101));
        assert_eq!(api(&sim, Cloud::Kii, &access, "GET", "/echo", "").status, 403);
        refused(&token(&sim, &headers, &with(json!("1900000000000"))), 400);
        refused(&token(&sim, &headers, &with(json!(1.9e12))), 400);
        refused(&token(&sim, &headers, &with(json!(1_700_000_000_000_i64))), 400);
    }

    #[test]
    fn type_method_and_fields_matter() {
        let sim = Simulator::start();
        refused(&token(&sim, &[FORM, APP[0], APP[1]], &user("gateway")), 415);
        refused(&token(&sim, &[APP[0], APP[1]], &user("gateway")), 415);
        let headers = [JSON, APP[0], APP[1]];
        let body = json!({ "username": "gateway", "password": "x", "scope": SECRET });
        refused(&token(&sim, &headers, &body), 400);
        refused(&token(&sim, &headers, &json!({ "username": "gateway" })), 400);
        refused(&token(&sim, &headers, &json!([SECRET])), 400);
        let body = json!({ "username": "gateway", "password": SECRET });
        let reply = token(&sim, &headers, &body);
        refused(&reply, 400);
        assert_eq!(reply.json()["errorCode"], "invalid_grant");
        let url = format!("{}/api/oauth2/token", sim.base_url(Cloud::Kii));
        refused(&ask(&sim, "GET", &url, &headers, ""), 405);
    }
}

#[test]
fn a_body_that_nests_deep_is_refused_and_hurts_nothing() {
    let sim = Simulator::start();
    for depth in [120, 100_000] {
        let body = format!("{{\"username\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        for (cloud, path) in [
            (Cloud::Kii, "/api/oauth2/token"),
            (Cloud::IotConnect, "/api/v2/Auth/refresh-token"),
            (Cloud::ThingsBoard, "/api/auth/login"),
        ] {
            let url = format!("{}{path}", sim.base_url(cloud));
            refused(&ask(&sim, "POST", &url, &[JSON, APP[0], APP[1]], &body), 400);
        }
        let token = client::access_token(Cloud::OAuth2, &log_in(&sim, Cloud::OAuth2));
        assert_eq!(api(&sim, Cloud::OAuth2, &token, "POST", "/things", &body).status, 201);
    }
}

mod simacan {
    use super::*;

    fn call(sim: &Simulator, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        ask(sim, "POST", &format!("{}{path}", sim.base_url(Cloud::Simacan)), headers, body)
    }

    #[test]
    fn both_calls_take_a_form_of_exactly_their_fields() {
        let sim = Simulator::start();
        let right =
            form(&[("username", known::simacan::USERNAME), ("password", known::simacan::PASSWORD)]);
        refused(&call(&sim, "/auth/password", &[JSON], "{}"), 415);
        refused(
            &call(&sim, "/auth/password", &[FORM], &format!("{right}&grant_type=password")),
            400,
        );
        refused(&call(&sim, "/auth/password", &[FORM], "username=gateway%40example.com"), 400);
        refused(&call(&sim, "/auth/password", &[FORM], &format!("{right}&username=x")), 400);
        refused(&call(&sim, &format!("/auth/password?{right}"), &[FORM], &right), 400);
        refused(
            &call(
                &sim,
                "/auth/password",
                &[FORM],
                &form(&[("username", known::simacan::USERNAME), ("password", SECRET)]),
            ),
            401,
        );
        refused(&call(&sim, "/auth/refresh", &[FORM], &form(&[("refresh_token", SECRET)])), 401);
        let body = form(&[("refresh_token", SECRET), ("grant_type", "refresh_token")]);
        refused(&call(&sim, "/auth/refresh", &[FORM], &body), 400);
        let reply = call(&sim, "/auth/password", &[FORM], &right);
        assert_eq!(reply.json()["token_type"], "bearer");
        assert_eq!(reply.json()["expires_in"], 3600);
        assert_eq!(reply.json().as_object().unwrap().len(), 4);
    }

    #[test]
    fn the_target_api_is_on_another_origin_only() {
        let sim = Simulator::start();
        let token = client::access_token(Cloud::Simacan, &log_in(&sim, Cloud::Simacan));
        assert_eq!(api(&sim, Cloud::Simacan, &token, "GET", "/api/v1/trips", "").status, 200);
        refused(&api(&sim, Cloud::Simacan, SECRET, "GET", "/api/v1/trips", ""), 401);
        let there = format!("{}/trips", sim.base_url(Cloud::Simacan));
        assert_eq!(api(&sim, Cloud::Simacan, &token, "GET", &there, "").status, 404);
        assert_eq!(sim.count(Cloud::Simacan, "unknown"), 1);
    }
}

mod thingsboard {
    use super::*;

    #[test]
    fn only_its_own_header_is_read_and_only_the_token_tells_its_end() {
        let sim = Simulator::start();
        let reply = log_in(&sim, Cloud::ThingsBoard);
        assert_eq!(reply.json().as_object().unwrap().len(), 2);
        let token = client::access_token(Cloud::ThingsBoard, &reply);
        let url = format!("{}/api/tenant/devices", sim.api_url(Cloud::ThingsBoard));
        refused(&ask(&sim, "GET", &url, &[("Authorization", &bearer(&token))], ""), 401);
        assert_eq!(ask(&sim, "GET", &url, &[("X-Authorization", &bearer(&token))], "").status, 200);
        let claims = token.split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lifetime, 9000);
        sim.wind(std::time::Duration::from_secs(9001));
        let late = ask(&sim, "GET", &url, &[("X-Authorization", &bearer(&token))], "");
        refused(&late, 401);
        assert_eq!(late.json()["errorCode"], 11);
    }

    #[test]
    fn its_calls_take_json_of_exactly_their_fields() {
        let sim = Simulator::start();
        let base = sim.base_url(Cloud::ThingsBoard);
        let login = format!("{base}/api/auth/login");
        refused(&ask(&sim, "POST", &login, &[FORM], "username=x"), 415);
        let wrong = json!({ "username": known::thingsboard::USERNAME, "password": SECRET });
        let reply = ask(&sim, "POST", &login, &[JSON], &wrong.to_string());
        refused(&reply, 401);
        assert_eq!(reply.json()["errorCode"], 10);
        let extra = json!({ "username": "x", "password": SECRET, "x": 1 });
        refused(&ask(&sim, "POST", &login, &[JSON], &extra.to_string()), 400);
        let body = json!({ "refresh_token": SECRET }).to_string();
        refused(&ask(&sim, "POST", &format!("{base}/api/auth/token"), &[JSON], &body), 400);
        refused(&ask(&sim, "GET", &login, &[], ""), 405);
    }
}
