//! What the tests against the simulator share: a cloud, a client for it, a clock that is wound.
#![allow(dead_code)] // each test program uses a part

use keyfob::{Client, Clock, Config, Request, Response};
use keyfob_simulator::{Cloud, Entry, Fault, Injection, Simulator, credentials};
use serde_json::Value;
use std::time::{Duration, Instant};

pub mod alone;
pub mod asked;
pub mod certificate;
pub mod directory;
pub mod front;
pub mod openssl;
pub mod proxy;
pub mod relay;
pub mod socks;

/// A simulator, and a clock that its clients live by.
pub struct World {
    pub sim: Simulator,
    pub clock: Clock,
}

impl World {
    pub fn new() -> World {
        World { sim: Simulator::start(), clock: Clock::manual() }
    }

    /// Lets time pass for the clouds and the clients alike.
    pub fn wind(&self, seconds: u64) {
        self.sim.wind(Duration::from_secs(seconds));
        self.clock.wind(Duration::from_secs(seconds));
    }

    /// A config that reaches a cloud, without credentials.
    pub fn reach(&self, cloud: Cloud) -> Config {
        let mut config = Config::new(cloud.name()).unwrap();
        config.set("base_url", &self.sim.base_url(cloud)).unwrap();
        config.set("ca_file", self.sim.ca_file().to_str().unwrap()).unwrap();
        config.set("allowed_origins", &self.sim.api_url(cloud)).unwrap();
        if cloud == Cloud::OAuth2 {
            let token_url =
                format!("{}{}", self.sim.base_url(cloud), credentials::oauth2::TOKEN_PATH);
            config.set("token_url", &token_url).unwrap();
        }
        config.set_clock(self.clock.clone());
        config
    }

    /// A config with the credentials of the cloud's login of this name.
    pub fn config(&self, cloud: Cloud, login: &str) -> Config {
        let mut config = self.reach(cloud);
        let logins = credentials::logins(cloud);
        let (_, options) = logins.iter().find(|(name, _)| *name == login).unwrap();
        for (option, value) in options {
            config.set(option, value).unwrap();
        }
        config
    }

    /// The same for a user with a password that the cloud rejects.
    pub fn wrong_password(&self, cloud: Cloud) -> Config {
        let mut config = self.config(cloud, "password");
        config.set("password", "wrong").unwrap();
        config
    }

    /// A client for the cloud's first login: a user with a password.
    pub fn client(&self, cloud: Cloud) -> Client {
        self.config(cloud, credentials::logins(cloud)[0].0).client().unwrap()
    }

    /// The token calls that arrived at the cloud, in order.
    pub fn token_calls(&self, cloud: Cloud) -> Vec<&'static str> {
        let journal = self.sim.journal();
        let of_cloud = journal.iter().filter(|entry| entry.cloud == cloud);
        of_cloud.map(|entry| entry.call).filter(|call| *call != "api").collect()
    }

    /// Every call that arrived at the cloud, requests too, in order.
    pub fn calls(&self, cloud: Cloud) -> Vec<&'static str> {
        let journal = self.sim.journal();
        journal.iter().filter(|entry| entry.cloud == cloud).map(|entry| entry.call).collect()
    }

    /// What arrived at the cloud under this call's name.
    pub fn sent(&self, cloud: Cloud, call: &str) -> Vec<Entry> {
        let of_call = |entry: &Entry| entry.cloud == cloud && entry.call == call;
        self.sim.journal().into_iter().filter(of_call).collect()
    }

    /// The cloud answers this call so, as often as it comes.
    pub fn answers(&self, cloud: Cloud, call: &str, fault: Fault) {
        self.sim.inject(Injection::at(cloud, call, fault));
    }

    /// The cloud answers this call so once.
    pub fn answers_once(&self, cloud: Cloud, call: &str, fault: Fault) {
        self.sim.inject(Injection::at(cloud, call, fault).times(1));
    }

    pub fn get(&self, client: &Client, cloud: Cloud, path: &str) -> keyfob::Result<Response> {
        client.send(&Request::new("GET", &format!("{}{path}", self.sim.api_url(cloud))).unwrap())
    }
}

/// Waits for what another thread does; the limit is there so that a failure ends.
pub fn until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came");
        std::thread::yield_now();
    }
}

/// A client's status, parsed.
pub fn status(client: &Client) -> Value {
    serde_json::from_str(&client.status_json()).unwrap()
}

/// A counter of the status.
pub fn counter(client: &Client, name: &str) -> u64 {
    status(client)["counters"][name].as_u64().unwrap()
}

/// The clouds that issue refresh tokens to a user with a password.
pub const FOUR: [Cloud; 4] = [Cloud::Kontakt, Cloud::IotConnect, Cloud::Kii, Cloud::Simacan];

/// Where each cloud lists its devices.
pub fn devices(cloud: Cloud) -> String {
    cloud.devices_path().to_string()
}

/// How much of it `make soak` asks for.
pub fn soak(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}
