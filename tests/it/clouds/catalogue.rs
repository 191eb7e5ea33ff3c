//! Every login of every cloud, by the rules that all share: whatever a cloud's wire is, its token is
//! obtained once, kept, presented, renewed and held back in the same way.

use crate::common::{World, counter, status};
use keyfob::{Client, Request, Status};
use keyfob_simulator::{Cloud, credentials};
use serde_json::Value;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};

/// A login of a cloud.
struct Login {
    cloud: Cloud,
    name: &'static str,
    options: credentials::Options,
}

/// Tries each of them, in a world of its own, and says at the end which ones failed.
fn each(promise: impl Fn(&World, &Login)) {
    let mut failed = Vec::new();
    for cloud in Cloud::ALL {
        for (name, options) in credentials::logins(cloud) {
            let login = Login { cloud, name, options };
            let world = World::new();
            world.clock.set_wall(world.sim.now());
            let tried = panic::catch_unwind(AssertUnwindSafe(|| promise(&world, &login)));
            if tried.is_err() {
                failed.push(format!("{} {name}", cloud.name()));
            }
        }
    }
    assert!(failed.is_empty(), "the messages are above: {failed:?}");
}

impl Login {
    fn client(&self, world: &World) -> Client {
        let client = world.config(self.cloud, self.name).client();
        client.unwrap_or_else(|error| panic!("{}: {error}", self.what()))
    }

    fn what(&self) -> String {
        format!("{} {}", self.cloud.name(), self.name)
    }

    /// Asks for the device list.
    fn devices(&self, world: &World, client: &Client) -> keyfob::Result<u16> {
        let url = format!("{}{}", world.sim.api_url(self.cloud), self.cloud.devices_path());
        let mut request = Request::new(self.cloud.devices_method(), &url)?;
        if self.cloud.devices_method() == "POST" {
            request.set_body(b"{}");
            request.set_header("Content-Type", "application/json")?;
        }
        client.send(&request).map(|response| response.status())
    }

    /// Asserts that it opens the device list.
    fn opens(&self, world: &World, client: &Client) {
        match self.devices(world, client) {
            Ok(status) => assert_eq!(status, 200, "{}", self.what()),
            Err(error) => panic!("{}: {error}", self.what()),
        }
    }

    /// How many token calls arrived, whatever they are called.
    fn exchanges(&self, world: &World) -> usize {
        let brought_along = ["basic-token", "code", "discovery", "flow", "metadata"];
        let calls = world.token_calls(self.cloud);
        calls.iter().filter(|call| !brought_along.contains(call)).count()
    }

    /// Whether anything is exchanged, as far as this client has seen.
    fn is_exchange(&self, world: &World) -> bool {
        self.exchanges(world) > 0
    }
}

#[test]
fn every_login_opens_its_clouds_device_list_and_is_kept() {
    each(|world, login| {
        let client = login.client(world);
        login.opens(world, &client);
        let before = login.exchanges(world);
        login.opens(world, &client);
        assert_eq!(login.exchanges(world), before, "{}: kept", login.what());
        assert!(before <= 1, "{}: {before} exchanges", login.what());
        let name = login.name.replace('-', "_");
        assert_eq!(status(&client)["login"], name, "{}", login.what());
    });
}

#[test]
fn every_list_with_pages_is_read_to_its_end() {
    each(|world, login| {
        if login.cloud.devices_method() != "GET" {
            return;
        }
        let client = login.client(world);
        // Some clouds are asked for pages, or for their number.
        let asks = match login.cloud {
            Cloud::Cumulocity => Some("withTotalPages=true".to_string()),
            cloud => cloud.first_page(),
        };
        let mark = asks.map(|asks| format!("?{asks}")).unwrap_or_default();
        let list = format!("{}{}", world.sim.api_url(login.cloud), login.cloud.devices_path());
        let (mut next, mut devices) = (Some(list + &mark), BTreeSet::new());
        while let Some(url) = next {
            let response = client.send(&Request::new("GET", &url).unwrap());
            let response = response.unwrap_or_else(|error| panic!("{}: {error}", login.what()));
            assert_eq!(response.status(), 200, "{} {url}", login.what());
            let body = String::from_utf8(response.body().to_vec()).unwrap();
            devices.extend(body.match_indices("gw-00").map(|(at, _)| body[at..at + 7].to_string()));
            next = response.link("next").unwrap();
        }
        assert_eq!(devices.len(), 7, "{}: {devices:?}", login.what());
    });
}

#[test]
fn every_token_that_was_refused_is_replaced_once() {
    each(|world, login| {
        let client = login.client(world);
        login.opens(world, &client);
        if !login.is_exchange(world) {
            return;
        }
        world.wind(60);
        world.sim.revoke_access_tokens(login.cloud);
        login.opens(world, &client);
        assert_eq!(login.exchanges(world), 2, "{}", login.what());
        assert_eq!(counter(&client, "replays"), 1, "{}", login.what());
    });
}

#[test]
fn every_token_that_ended_is_replaced_before_it_is_used() {
    each(|world, login| {
        let client = login.client(world);
        login.opens(world, &client);
        // Without an end it lives until the cloud refuses it.
        let Some(left) = client.expires_in().filter(|_| login.is_exchange(world)) else {
            return;
        };
        world.wind(left.as_secs() + 1);
        login.opens(world, &client);
        assert_eq!(login.exchanges(world), 2, "{}", login.what());
        assert_eq!(counter(&client, "replays"), 0, "{}: it ended unseen", login.what());
    });
}

#[test]
fn every_wrong_secret_is_sent_once_and_then_held_back() {
    let table: Value = serde_json::from_str(&keyfob::providers_json().unwrap()).unwrap();
    each(|world, login| {
        let right = login.client(world);
        login.opens(world, &right);
        // What it obtained would be good for a client with another secret, too.
        right.forget().unwrap();
        if !login.is_exchange(world) {
            return;
        }
        for (option, _) in &login.options {
            if !is_secret(&table, login.cloud, option) {
                continue;
            }
            let is_refresh = login.options.iter().any(|(option, _)| *option == "refresh_token");
            // Clients of one refresh token share what it was exchanged for, whatever their secret.
            let alone = is_refresh.then(World::new);
            let world = alone.as_ref().unwrap_or(world);
            world.sim.reset();
            let mut config = world.config(login.cloud, login.name);
            config.set(option, "another secret").unwrap();
            let client = config.client().unwrap();
            let what = format!("{} with a wrong {option}", login.what());
            let error = client.token().unwrap_err();
            if error.status() == Status::InvalidOption {
                // What is no key at all is never sent.
                assert_eq!(login.exchanges(world), 0, "{what}");
                continue;
            }
            // A client that lives on a refresh token is refused by its secret, by the token, or in
            // words that say neither.
            let (refused, after): (&[Status], &[Status]) = if is_refresh {
                (
                    &[Status::LoginRequired, Status::CredentialsRejected, Status::UnexpectedAnswer],
                    &[Status::LoginRequired, Status::LoginOnHold, Status::UnexpectedAnswer],
                )
            } else {
                (&[Status::CredentialsRejected], &[Status::LoginOnHold])
            };
            assert!(refused.contains(&error.status()), "{what}: {error}");
            let before = login.exchanges(world);
            let held = client.token().unwrap_err();
            assert!(after.contains(&held.status()), "{what}: {held}");
            assert_eq!(login.exchanges(world), before, "{what}: sent again");
            client.forget().unwrap();
        }
    });
}

/// Whether an option is a secret, by the table of options or the cloud's own.
fn is_secret(table: &Value, cloud: Cloud, option: &str) -> bool {
    let providers = table["providers"].as_array().unwrap();
    let provider = providers.iter().find(|provider| provider["name"] == cloud.name());
    let own = provider.and_then(|provider| provider["own_options"].as_array());
    let mut all = own.into_iter().flatten().chain(table["options"].as_array().unwrap());
    all.any(|known| known["name"] == option && known["secret"] == true)
}
