//! What MQTT clients are told: only where a cloud is known to have a broker, only over TLS, and never
//! the cloud's broker in place of a private one.

use keyfob::{Config, Request, Result, Status};

fn config(provider: &str, options: &[(&str, &str)]) -> Config {
    let mut config = Config::new(provider).unwrap();
    options.iter().for_each(|(name, value)| config.set(name, value).unwrap());
    config
}

const BLYNK: &[(&str, &str)] = &[("api_key", "the key")];

fn broker(options: &[(&str, &str)]) -> Result<Option<String>> {
    let client = config("blynk", &[BLYNK, options].concat()).client()?;
    client.mqtt().map(|mqtt| mqtt.url().map(str::to_string))
}

#[test]
fn an_mqtt_client_is_told_where_and_as_whom_to_connect() {
    let mqtt = config("blynk", BLYNK).client().unwrap().mqtt().unwrap();
    assert_eq!(mqtt.url(), Some("mqtts://blynk.cloud:8883"));
    assert_eq!(mqtt.client_id(), None);
    assert_eq!(mqtt.username(), Some("device"));
    assert_eq!(mqtt.password(), Some("the key"));
    assert!(!format!("{mqtt:?}").contains("the key"));
}

#[test]
fn a_private_hosts_broker_is_not_the_clouds() {
    assert_eq!(broker(&[("base_url", "https://mine.example.com")]), Ok(None));
    let mine = "mqtts://mine.example.com:8883";
    let set = [("base_url", "https://mine.example.com"), ("mqtt_url", mine)];
    assert_eq!(broker(&set), Ok(Some(mine.into())));
}

#[test]
fn a_password_for_mqtt_does_not_cross_the_network_in_the_clear() {
    let refused = broker(&[("mqtt_url", "mqtt://broker.example.com:1883")]).unwrap_err();
    assert_eq!(refused.status(), Status::InsecureUrl);
    assert!(refused.message().contains("mqtt_url"), "{refused}");
    for fine in ["mqtt://127.0.0.1:1883", "ws://[::1]/mqtt", "wss://broker.example.com/mqtt"] {
        assert_eq!(broker(&[("mqtt_url", fine)]), Ok(Some(fine.into())));
    }
    let allowed = [("mqtt_url", "mqtt://10.0.0.1"), ("allow_http", "true")];
    assert_eq!(broker(&allowed), Ok(Some("mqtt://10.0.0.1".into())));
    for bad in
        ["https://broker.example.com", "broker.example.com:8883", "mqtts://", "mqtts://u:p@h"]
    {
        let refused = config("blynk", BLYNK).set("mqtt_url", bad).unwrap_err();
        assert_eq!(refused.status(), Status::InvalidOption, "{bad}");
    }
}

#[test]
fn a_cloud_without_mqtt_says_so() {
    let client = config("kontakt", &[("api_key", "k")]).client().unwrap();
    let refused = client.mqtt().unwrap_err();
    assert_eq!(refused.status(), Status::InvalidArgument);
    assert!(refused.message().contains("kontakt"), "{refused}");
}

#[test]
fn a_login_for_mqtt_alone_sends_no_requests() {
    let client = config("thingsboard", &[("device_token", "t")]).client().unwrap();
    assert_eq!(client.mqtt().unwrap().username(), Some("t"));
    let request = Request::new("GET", "/api/devices").unwrap();
    for refused in [
        client.send(&request).map(drop).unwrap_err(),
        client.headers_for("https://thingsboard.cloud/api/devices").map(drop).unwrap_err(),
        client.with_header_lines(str::to_string).map(drop).unwrap_err(),
    ] {
        assert_eq!(refused.status(), Status::InvalidArgument);
        assert!(refused.message().contains("MQTT"), "{refused}");
    }
}

/// Losant's broker takes the access key itself; its login is for its API.
#[test]
fn where_mqtt_needs_no_token_none_is_asked_for() {
    let nowhere = ("base_url", "https://127.0.0.1:9");
    let device = [("device_id", "d"), ("access_key", "k"), ("access_secret", "s"), nowhere];
    let mqtt = config("losant", &device).client().unwrap().mqtt().unwrap();
    assert_eq!(
        (mqtt.client_id(), mqtt.username(), mqtt.password()),
        (Some("d"), Some("k"), Some("s"))
    );
}

#[test]
fn a_device_signs_anew_for_each_connection() {
    let options = [("product_key", "pk"), ("device_name", "dn"), ("device_secret", "s")];
    let client = config("aliyun-iot", &options).client().unwrap();
    let before = client.mqtt().unwrap();
    client.wind(std::time::Duration::from_secs(7200));
    let after = client.mqtt().unwrap();
    assert_ne!(before.password(), after.password());
    assert!(after.client_id().unwrap().contains("timestamp="));
}
