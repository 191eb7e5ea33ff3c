//! What a client has to be told of the clouds: URLs, files and credentials.

use serde_json::{Map, Value, json};

use crate::clouds::Cloud;
use crate::credentials;
use crate::simulator::Simulator;

impl Simulator {
    /// What `GET /info` at the control port answers: every URL, file and credential.
    pub fn info(&self) -> Value {
        let clouds = Cloud::ALL.into_iter();
        let clouds = clouds.map(|cloud| (cloud.name().to_owned(), cloud_info(self, cloud)));
        json!({
            "control_url": self.control_url(),
            "ca_file": self.ca_file(),
            "client_cert_file": self.client_cert_file(),
            "client_key_file": self.client_key_file(),
            "now": self.now(),
            "clouds": clouds.collect::<Map<_, _>>(),
        })
    }
}

fn cloud_info(sim: &Simulator, cloud: Cloud) -> Value {
    let mut options = Map::new();
    let mut logins = Map::new();
    for (name, login) in cloud.rules().logins() {
        for (option, value) in *login {
            if *option != "grant" {
                options.insert((*option).to_owned(), json!(value));
            }
        }
        let login = login.iter().map(|(option, value)| ((*option).to_owned(), json!(value)));
        logins.insert((*name).to_owned(), login.collect());
    }
    let mut info = json!({
        "base_url": sim.base_url(cloud),
        "http_base_url": sim.http_base_url(cloud),
        "api_url": sim.api_url(cloud),
        "http_api_url": sim.http_api_url(cloud),
        "devices_method": cloud.devices_method(),
        "devices_path": cloud.devices_path(),
        "credentials": options,
        "logins": logins,
    });
    if cloud == Cloud::IotConnect {
        info["discovery_url"] = json!(sim.discovery_url());
        info["http_discovery_url"] = json!(sim.http_discovery_url());
        info["environments"] = json!([
            credentials::iotconnect::ENVIRONMENT,
            credentials::iotconnect::OTHER_ENVIRONMENT,
        ]);
    }
    if cloud == Cloud::OAuth2 {
        let base = sim.base_url(cloud);
        info["token_url"] = json!(format!("{base}{}", credentials::oauth2::TOKEN_PATH));
        info["revocation_url"] = json!(format!("{base}{}", credentials::oauth2::REVOCATION_PATH));
        info["issuer"] = json!(base);
    }
    info
}
