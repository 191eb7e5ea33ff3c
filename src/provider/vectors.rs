//! What clouds publish of their signatures, computed by profiles: each vector as its cloud gives
//! it, with the profile's part written as a profile writes it.
//!
//! A signature is right or worthless, and a cloud says no more than 401. So each function of
//! `computed.rs` is held to numbers that somebody else has computed, at the time and with the keys
//! of the cloud's own page.

use super::names::Names;
use super::profile::Profile;
use super::scope::{Moment, Scope};
use super::template::{Place, Template};
use crate::http::message::{Method, Outgoing};
use crate::http::payload::Payload;
use crate::http::url::Url;
use crate::model::options::Options;
use crate::model::record::Discovered;
use crate::support::json::{Value, object, parse};

/// A profile with these own options, set to these values, and these `values`.
fn profile(values: &str, options: &[(&str, &str)]) -> (Profile, Names) {
    let own = options.iter().map(|(name, _)| {
        (name.to_string(), object([("secret", true.into()), ("lines", true.into())]))
    });
    let document = object([
        ("keyfob_profile", 2u64.into()),
        ("name", "vector".into()),
        ("title", "".into()),
        ("base_url", "https://example.com".into()),
        ("options", Value::Object(own.collect())),
        ("values", parse(values.as_bytes()).unwrap()),
        ("logins", parse(br#"{"key": {"needs": ["api_key"], "token": "{api_key}"}}"#).unwrap()),
        ("present", parse(br#"{"headers": {"X-Auth": "{access_token}"}}"#).unwrap()),
    ]);
    let profile = Profile::parse(&document.to_json()).unwrap();
    let mut set = Options::new(profile.table.clone());
    options.iter().for_each(|(name, value)| set.set(name, value).unwrap());
    let names = Names::of(&profile, &set, &Discovered::default()).unwrap();
    (profile, names)
}

/// A request as a caller makes one, before it is signed.
fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Outgoing {
    Outgoing {
        method: Method::parse(method).unwrap(),
        url: Url::parse(url).unwrap(),
        shown: None,
        headers: headers.iter().map(|(name, value)| (name.to_string(), (*value).into())).collect(),
        body: match body {
            "" => Payload::None,
            body => Payload::bytes(body.as_bytes().to_vec()),
        },
    }
}

/// What a value comes to at this time, in seconds since 1970 or milliseconds.
pub(super) fn at(now: i64, values: &str, options: &[(&str, &str)], name: &str) -> String {
    let (profile, names) = profile(values, options);
    let millis = if now > 100_000_000_000 { now } else { now * 1000 };
    let mut scope = Scope::of(&profile, &names, Moment::at(millis));
    scope.find(name).unwrap().expect(name).to_string()
}

/// The same for a request.
fn signed(
    now: i64,
    values: &str,
    options: &[(&str, &str)],
    request: &Outgoing,
    name: &str,
) -> String {
    let (profile, names) = profile(values, options);
    let millis = if now > 100_000_000_000 { now } else { now * 1000 };
    let mut scope = Scope::of(&profile, &names, Moment::at(millis));
    let template = Template::parse(&format!("{{{name}}}")).unwrap();
    scope.prepare(&template, Place::Header).unwrap();
    let mut scope = scope.within(request);
    scope.fill(&template, Place::Header).unwrap().unwrap().expose().to_string()
}

/// AWS Signature Version 4 as a profile has it: the hash of the canonical request, signed by a key
/// that is derived from the secret through day, region, service and a fixed word.
const SIGV4: &str = r#"{
    "x_date": { "now": "%Y%m%dT%H%M%SZ" },
    "day": { "now": "%Y%m%d" },
    "content": { "sha256": "{body?}" },
    "canonical_path": { "urlencode": "{path}", "keep": "/" },
    "extra": ["x-amz-security-token:{session_token}\n", ""],
    "signed_headers": ["{session_token_header}", "host;x-amz-date"],
    "canonical": { "sha256": "{method}\n{canonical_path}\n{sorted_query?}\nhost:{host}\nx-amz-date:{x_date}\n\n{signed_headers}\n{content}" },
    "credential_scope": "{day}/{region}/{service}/aws4_request",
    "sig": {
        "hmac_sha256": "AWS4-HMAC-SHA256\n{x_date}\n{credential_scope}\n{canonical}",
        "key": "AWS4{secret}", "derive": ["{day}", "{region}", "{service}", "aws4_request"]
    }
}"#;

/// The credentials of the test suite that AWS publishes.
const EXAMPLE_KEY: &[(&str, &str)] = &[
    ("secret", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ("region", "us-east-1"),
    ("service", "service"),
];

/// The first of them is the canonical request alone: where it differs, a wrong signature cannot say
/// why.
#[test]
fn sigv4_signs_as_its_test_suite_says() {
    let values = SIGV4
        .replace(r#""extra": ["x-amz-security-token:{session_token}\n", ""],"#, "")
        .replace(r#"["{session_token_header}", "host;x-amz-date"]"#, r#""host;x-amz-date""#);
    let now = 1_440_938_160; // 20150830T123600Z
    for (method, url, name, expected) in [
        (
            "GET",
            "https://example.amazonaws.com/",
            "canonical",
            "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
        ),
        (
            "GET",
            "https://example.amazonaws.com/",
            "sig",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "POST",
            "https://example.amazonaws.com/",
            "sig",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "GET",
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            "sig",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ] {
        let request = request(method, url, &[], "");
        assert_eq!(signed(now, &values, EXAMPLE_KEY, &request, name), expected, "{method} {url}");
    }
}

/// The client of Tuya's own page about signing.
const TUYA: &[(&str, &str)] = &[
    ("tuya_id", "1KAD46OrT9HafiKdsXeg"),
    ("tuya_secret", "4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC"),
    ("given_token", "3f4eda2bdec17232f67c0b188af3eec1"),
    ("nonce", "5138cc3a9033d69856923fd07b491173"),
];

#[test]
fn tuya_signs_as_its_pages_say() {
    let v1 = r#"{
        "t": { "now": "ms" },
        "token": { "hmac_sha256": "{tuya_id}{t}", "key": "{tuya_secret}", "as": "HEX" },
        "business": { "hmac_sha256": "{tuya_id}{given_token}{t}", "key": "{tuya_secret}", "as": "HEX" }
    }"#;
    let now = 1_588_925_778_000;
    assert_eq!(
        at(now, v1, TUYA, "token"),
        "CEAAFB5CCDC2F723A9FD3E91D3D2238EE0DD9A6D7C3C365DEB50FC2AF277AA83"
    );
    assert_eq!(
        at(now, v1, TUYA, "business"),
        "36C30E300F226B68ADD014DD1EF56A81EDB7B7A817840485769B9D6C96D0FAA1"
    );
    let v2 = r#"{
        "t": { "now": "ms" },
        "content": { "sha256": "{body?}" },
        "sorted": ["{path}?{sorted_query}", "{path}"],
        "token": {
            "hmac_sha256": "{tuya_id}{t}{nonce}{method}\n{content}\narea_id:29a33e8796834b1efa6\ncall_id:8afdb70ab2ed11eb85290242ac130003\n\n{sorted}",
            "key": "{tuya_secret}", "as": "HEX"
        },
        "business": {
            "hmac_sha256": "{tuya_id}{given_token}{t}{nonce}{method}\n{content}\narea_id:29a33e8796834b1efa6\ncall_id:8afdb70ab2ed11eb85290242ac130003\n\n{sorted}",
            "key": "{tuya_secret}", "as": "HEX"
        },
        "command": {
            "hmac_sha256": "{tuya_id}{given_token}{t}{method}\n{content}\n\n{sorted}",
            "key": "{tuya_secret}", "as": "HEX"
        }
    }"#;
    let token = request("GET", "https://openapi.tuyaeu.com/v1.0/token?grant_type=1", &[], "");
    assert_eq!(
        signed(now, v2, TUYA, &token, "token"),
        "9E48A3E93B302EEECC803C7241985D0A34EB944F40FB573C7B5C2A82158AF13E"
    );
    let users = "https://openapi.tuyaeu.com/v2.0/apps/schema/users?page_size=50&page_no=1";
    assert_eq!(
        signed(now, v2, TUYA, &request("GET", users, &[], ""), "business"),
        "AE4481C692AA80B25F3A7E12C3A5FD9BBF6251539DD78E565A1A72A508A88784"
    );
    let body = r#"{"commands":[{"code":"switch_led","value":false}]}"#;
    let commands = "https://openapi.tuyaeu.com/v1.0/devices/bf2c1e00ab0f12face/commands";
    assert_eq!(
        signed(now, v2, TUYA, &request("POST", commands, &[], body), "command"),
        "F27DD95A15E84C954DB2ED016096D517681FE79853B6CDAD446927352691804E"
    );
}

/// A key of 32 counted bytes, and a device: whoever checks these can compute them with openssl.
const AZURE: &[(&str, &str)] = &[
    ("hub", "myhub"),
    ("device", "dev1"),
    ("azure_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
];

/// IoT Hub and DPS decode the key from base64 first; Event Hubs takes the key's text as it is. DPS
/// derives a device's key from its group's.
#[test]
fn azure_signs_by_the_decoded_key_or_by_its_text() {
    let hub = r#"{
        "device_sr": { "urlencode": "{hub}.azure-devices.net/devices/{device}" },
        "service_sr": { "urlencode": "{hub}.azure-devices.net" },
        "se": { "now": "s", "plus": 3600 },
        "device_raw": { "hmac_sha256": "{device_sr}\n{se}", "key": "{azure_key}", "key_is": "base64", "as": "base64" },
        "service_raw": { "hmac_sha256": "{service_sr}\n{se}", "key": "{azure_key}", "key_is": "base64", "as": "base64" },
        "device_sig": { "urlencode": "{device_raw}" },
        "service_sig": { "urlencode": "{service_raw}" }
    }"#;
    let now = 1_700_000_000 - 3600;
    assert_eq!(
        at(now, hub, AZURE, "device_sig"),
        "i%2BYmMcSSZc4KzBi6ejz3l0iL%2B2sN0CE3q6vSm837h2g%3D"
    );
    assert_eq!(
        at(now, hub, AZURE, "service_sig"),
        "iIzEw6hi6GK79RY5jNXO6QeQkSL%2FAx4zTmy44X2G1VY%3D"
    );
    let dps = r#"{
        "derived": { "hmac_sha256": "dev-001", "key": "{azure_key}", "key_is": "base64", "as": "base64" },
        "sr": { "urlencode": "0ne00000000/registrations/dev-001" },
        "se": { "now": "s" },
        "raw": { "hmac_sha256": "{sr}\n{se}", "key": "{derived}", "key_is": "base64", "as": "base64" },
        "sig": { "urlencode": "{raw}" }
    }"#;
    assert_eq!(
        at(1_700_000_000, dps, AZURE, "derived"),
        "SV+2SImDP9Vx9XL3ACWx9N9ZFlb6ue3jKrTWmct/YVk="
    );
    assert_eq!(
        at(1_700_000_000, dps, AZURE, "sig"),
        "O%2B6AjgKiIM%2Fd4NRiVMCciQT9YhWtJeBi17rb0dVF6w8%3D"
    );
    let event_hubs = r#"{
        "sr": { "urlencode": "https://ns1.servicebus.windows.net/hub1" },
        "se": { "now": "s" },
        "raw": { "hmac_sha256": "{sr}\n{se}", "key": "{azure_key}", "as": "base64" },
        "sig": { "urlencode": "{raw}" }
    }"#;
    assert_eq!(
        at(1_700_000_000, event_hubs, AZURE, "sig"),
        "hc9MyLtz0rejLN5j0y2H3pB4Wa49ICvF0Rm41IczFNQ%3D"
    );
}

#[test]
fn other_clouds_sign_as_their_vectors_say() {
    let aqara_key = [("app_secret", "gU7Qtxi4dWnYAdmudyxni52bWZ58b8uN")];
    let aqara = |key_id: &str| {
        let values = r#"{
            "sum": { "lower": "Accesstoken=532cad73c5493193d63d367016b98b27&Appid=4e693d54d75db580a56d1263&Keyid=KEY&Nonce=C6wuzd0Qguxzelhb&Time={t}{app_secret}" },
            "t": { "now": "ms" },
            "sign": { "md5": "{sum}" }
        }"#;
        let values = values.replace("KEY", key_id);
        at(1_618_914_078_668, &values, &aqara_key, "sign")
    };
    assert_eq!(aqara("78784564654feda454557"), "bfd8dd0e7c108353e6740d81e05982d8");
    assert_eq!(aqara("k.78784564654feda454557"), "314a6f6fd46264e6ec872e21f88361c3");
    for (now, values, options, expected) in [
        // Tencent, cloud API (TC3-HMAC-SHA256).
        (
            1_551_113_065,
            r#"{
                "day": { "now": "%Y-%m-%d" }, "t": { "now": "s" },
                "content": { "sha256": "{\"Limit\": 1, \"Filters\": [{\"Values\": [\"\\u672a\\u547d\\u540d\"], \"Name\": \"instance-name\"}]}" },
                "canonical": { "sha256": "POST\n/\n\ncontent-type:application/json; charset=utf-8\nhost:cvm.tencentcloudapi.com\n\ncontent-type;host\n{content}" },
                "out": { "hmac_sha256": "TC3-HMAC-SHA256\n{t}\n{day}/cvm/tc3_request\n{canonical}", "key": "TC3{s}", "derive": ["{day}", "cvm", "tc3_request"] }
            }"#,
            [("s", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")],
            "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
        ),
        // Tencent, a device.
        (
            0,
            r#"{ "out": { "hmac_sha256": "PRODUCTIDXdev1;12010126;abcde;1700000000", "key": "{s}", "key_is": "base64" } }"#,
            [("s", "MDEyMzQ1Njc4OWFiY2RlZg==")],
            "d2c57cec2b3f2690f9ad752d9ae8534c375b129253c44c2d6e2fd892f9284d22",
        ),
        // Huawei: the hour is the key, the secret the message.
        (
            1_700_000_000,
            r#"{ "hour": { "now": "%Y%m%d%H" }, "out": { "hmac_sha256": "{s}", "key": "{hour}" } }"#,
            [("s", "secret1")],
            "3222162cdab9b3ec51e21a47b7c4a41fa7c147668d286019531a4356013bdc55",
        ),
        // Baidu, with a clock and without one.
        (
            1_583_826_857,
            r#"{ "t": { "now": "s" }, "out": { "md5": "mydevice&{t}&MD5{s}" } }"#,
            [("s", "ImSeCrEt0I1M2jkl")],
            "7f0e63d2c6e122100edde19e34e7df5b",
        ),
        (
            0,
            r#"{ "out": { "md5": "mydevice&0&MD5{s}" } }"#,
            [("s", "ImSeCrEt0I1M2jkl")],
            "22bc75231495220c7a2202fe15f7d286",
        ),
        // Alibaba, a device.
        (
            0,
            r#"{ "out": { "hmac_sha1": "clientId12345deviceNamedeviceproductKeypktimestamp789", "key": "{s}", "as": "HEX" } }"#,
            [("s", "secret")],
            "FAFD82A3D602B37FB0FA8B7892F24A477F851A14",
        ),
        // Withings.
        (
            1_700_000_000,
            r#"{ "t": { "now": "s" }, "out": { "hmac_sha256": "getnonce,client1,{t}", "key": "{s}" } }"#,
            [("s", "secret1")],
            "4930d5eb81f8a55db29b3de105d7326a40a3af1c7238e77ed6d16660b51381b3",
        ),
        (
            0,
            r#"{ "out": { "hmac_sha256": "requesttoken,client1,nonce1", "key": "{s}" } }"#,
            [("s", "secret1")],
            "deb663107213769e25a0f3c55c69da2018a16d3d86b2c14e4904f134e748e769",
        ),
        // SwitchBot.
        (
            1_700_000_000_000,
            r#"{ "t": { "now": "ms" }, "out": { "hmac_sha256": "token1{t}nonce1", "key": "{s}", "as": "base64" } }"#,
            [("s", "secret1")],
            "V7ESpXWL9cYYhc3gK+0kBgaHuQNSkpwBWqXMaQP5MBE=",
        ),
        // eWeLink: over the body's bytes.
        (
            0,
            r#"{ "out": { "hmac_sha256": "{{\"email\":\"a@b.c\",\"password\":\"p\",\"countryCode\":\"+1\"}}", "key": "{s}", "as": "base64" } }"#,
            [("s", "appsecret1")],
            "A5lAtRtgRHjxusnOrSPAxK285Vh5FaaJeMx3qdEI6uA=",
        ),
        // Imou.
        (
            1_700_000_000,
            r#"{ "t": { "now": "s" }, "out": { "md5": "time:{t},nonce:n1,appSecret:{s}" } }"#,
            [("s", "sec1")],
            "2c3aba27d3209364a62f78ab05cfc90f",
        ),
        // Nuki's bridge.
        (
            1_700_000_000,
            r#"{ "t": { "now": "%Y-%m-%dT%H:%M:%SZ" }, "out": { "sha256": "{t},12345,{s}" } }"#,
            [("s", "token1")],
            "61c9ca0c907f02c1d40db435fcdc9bde434d4801a0bf3f776e6744ac06399196",
        ),
    ] {
        // The texts of bodies have braces, which a template writes twice.
        let values =
            values.replace(r#""{\"Limit"#, r#""{{\"Limit"#).replace(": [{\\\"V", ": [{{\\\"V");
        let values = values.replace(r#"instance-name\"}]}""#, r#"instance-name\"}}]}}""#);
        assert_eq!(at(now, &values, &options, "out"), expected, "{values}");
    }
}

/// A header that a request does not have is an empty line in what Aliyun signs, and no line in what
/// Hikvision's Artemis does.
#[test]
fn aliyun_signs_the_headers_that_are_not_there_too() {
    let headers = [("Accept", "*/*"), ("Content-Type", "application/json")];
    let url = "https://gateway.example.com/artemis/api/resource/v1/org/orgList";
    let request = request("POST", url, &headers, "{}");
    for (absent, expected) in [
        ("\\n", "QD2V+GVPeXIe0f6R2XbRF4YbTDNDXHig4ulJ59SN7Q8="),
        ("", "iAskP8XpLJYo1DYt2YBXhujED9P72+PiiT9HLAqIlJ8="),
    ] {
        let values = r#"{
            "t": { "now": "ms" },
            "out": {
                "hmac_sha256": "{method}\n{accept?}\n{absent}{content_type?}\n{absent}x-ca-key:ak1\nx-ca-timestamp:{t}\n{target}",
                "key": "{s}", "as": "base64"
            }
        }"#;
        let values = values.replace("{absent}", absent);
        let signature = signed(1_700_000_000_000, &values, &[("s", "sk1")], &request, "out");
        assert_eq!(signature, expected);
    }
}

/// The profile of this name in docs/PROFILES.md, with these options.
fn documented(name: &str, options: &[(&str, &str)]) -> (Profile, Names) {
    let page = include_str!("../../docs/PROFILES.md");
    let blocks = page.split("\n```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let mut blocks = blocks.filter(|block| block.contains(&format!("\"name\": \"{name}\"")));
    let profile = Profile::parse(blocks.next().unwrap()).unwrap();
    let mut set = Options::new(profile.table.clone());
    options.iter().for_each(|(name, value)| set.set(name, value).unwrap());
    let names = Names::of(&profile, &set, &Discovered::default()).unwrap();
    (profile, names)
}

/// The profiles of docs/PROFILES.md, which people begin with, give what the clouds' pages say.
#[test]
fn the_clouds_of_the_documentation_sign_as_theirs_do() {
    let options = [("client_id", TUYA[0].1), ("client_secret", TUYA[1].1)];
    let (profile, names) = documented("tuya-example", &options);
    let names = names.and("access_token", &TUYA[2].1.into());
    let body = r#"{"commands":[{"code":"switch_led","value":false}]}"#;
    let commands = "https://openapi.tuyaeu.com/v1.0/devices/bf2c1e00ab0f12face/commands";
    let request = request("POST", commands, &[], body);
    let mut scope = Scope::of(&profile, &names, Moment::at(1_588_925_778_000));
    let sign = profile.present.headers.get("sign").unwrap();
    scope.prepare(sign, Place::Header).unwrap();
    let sign = scope.within(&request).fill(sign, Place::Header).unwrap().unwrap();
    let expected = "F27DD95A15E84C954DB2ED016096D517681FE79853B6CDAD446927352691804E";
    assert_eq!(sign.expose(), expected);

    let options = [("hub", "myhub"), ("device_id", "dev1"), ("shared_access_key", AZURE[2].1)];
    let (profile, names) = documented("azure-example", &options);
    let mut scope = Scope::of(&profile, &names, Moment::at((1_700_000_000 - 3600) * 1000));
    let token = profile.logins.get("device").unwrap().token.as_ref().unwrap();
    let token = scope.fill(token, Place::Header).unwrap().unwrap();
    let expected = "SharedAccessSignature sr=myhub.azure-devices.net%2Fdevices%2Fdev1&sig=i%2BYmMcSSZc4KzBi6ejz3l0iL%2B2sN0CE3q6vSm837h2g%3D&se=1700000000";
    assert_eq!(token.expose(), expected);
}

/// The `x5t` of RFC 7515 4.1.7: a digest of the DER, in base64url.
#[test]
fn a_thumbprint_is_the_digest_of_the_certificate() {
    // Microsoft's page gives the SHA-1 and its base64url: the encoding is what is tried here.
    let values = r#"{ "x5t": { "base64url": "{digest}", "is": "hex" } }"#;
    let digest = [("digest", "84E05C1D98BCE3A5421D225B140B36E86A3D5534")];
    assert_eq!(at(0, values, &digest, "x5t"), "hOBcHZi846VCHSJbFAs26Go9VTQ");
}

/// What a built-in profile's login gives an MQTT client at this time: the four members, joined by a
/// blank; `-` for one that is not there.
fn mqtt(now: i64, provider: &str, login: &str, options: &[(&str, &str)]) -> String {
    let profile = super::registry::named(provider).unwrap();
    let mut set = Options::new(profile.table.clone());
    options.iter().for_each(|(name, value)| set.set(name, value).unwrap());
    let names = Names::of(&profile, &set, &Discovered::default()).unwrap();
    let login = profile.logins.get(login).unwrap();
    let mut scope = Scope::of(&profile, &names, Moment::at(now * 1000));
    let token = login.token.as_ref().map(|t| scope.fill(t, Place::Header).unwrap().unwrap());
    let names = token.map_or(names.clone(), |token| names.and("access_token", &token));
    let mut scope = Scope::of(&profile, &names, Moment::at(now * 1000));
    let rule = login.mqtt.as_ref().or(profile.mqtt.as_ref()).unwrap();
    let mut fill = |template: &Option<Template>, place| match template {
        None => "-".to_string(),
        Some(template) => scope.fill(template, place).unwrap().unwrap().expose().to_string(),
    };
    [
        fill(&rule.url, Place::Url),
        fill(&rule.client_id, Place::Plain),
        fill(&rule.username, Place::Plain),
        fill(&rule.password, Place::Plain),
    ]
    .join(" ")
}

/// Each with a built-in profile, as a program gets it. A name in the wrong place is refused by the
/// broker without a word, so the whole text is compared.
#[test]
fn mqtt_clients_are_told_what_each_broker_wants() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let azure = [("hub", "myhub"), ("device_id", "dev1"), ("shared_access_key", key)];
    // The signature is that of the vector above, for the same end.
    assert_eq!(
        mqtt(1_700_000_000 - 3600, "azure-iot-hub", "device", &azure),
        "mqtts://myhub.azure-devices.net:8883 dev1 myhub.azure-devices.net/dev1/?api-version=2021-04-12 SharedAccessSignature sr=myhub.azure-devices.net%2Fdevices%2Fdev1&sig=i%2BYmMcSSZc4KzBi6ejz3l0iL%2B2sN0CE3q6vSm837h2g%3D&se=1700000000"
    );
    let dps = [
        ("id_scope", "0ne00000000"),
        ("registration_id", "dev-001"),
        ("enrollment_group_key", key),
    ];
    assert_eq!(
        mqtt(1_700_000_000 - 3600, "azure-dps", "group", &dps),
        "mqtts://global.azure-devices-provisioning.net:8883 dev-001 0ne00000000/registrations/dev-001/api-version=2019-03-31 SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fdev-001&sig=O%2B6AjgKiIM%2Fd4NRiVMCciQT9YhWtJeBi17rb0dVF6w8%3D&se=1700000000&skn=registration"
    );
    let device = |name: &'static str| [("device_id", name), ("device_secret", "secret")];
    assert_eq!(
        mqtt(1_700_000_000, "tuya", "device", &device("dev1")),
        "mqtts://m1.tuyaeu.com:8883 tuyalink_dev1 dev1|signMethod=hmacSha256,timestamp=1700000000,secureMode=1,accessType=1 b963126f3cb1b16414f1b5854aad7d6d23f9e172c635b52a0b4ddc109569ffc0"
    );
    let huawei = [("device_id", "dev1"), ("device_secret", "secret1")];
    assert_eq!(
        mqtt(1_700_000_000, "huawei-iotda", "device", &huawei),
        "- dev1_0_0_2023111422 dev1 3222162cdab9b3ec51e21a47b7c4a41fa7c147668d286019531a4356013bdc55"
    );
    let aliyun = [("product_key", "pk"), ("device_name", "dn"), ("device_secret", "secret")];
    assert_eq!(
        mqtt(1_700_000_000, "aliyun-iot", "device", &aliyun),
        "mqtts://pk.iot-as-mqtt.cn-shanghai.aliyuncs.com:1883 pk.dn|securemode=2,signmethod=hmacsha256,timestamp=1700000000000| dn&pk 9036e3636fbc9ac4352ddf6839d019bc2ff3b26284103dc4f08c2c5c548ca228"
    );
    let aws = [
        ("access_key_id", "AKIDEXAMPLE"),
        ("secret_access_key", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ("region", "eu-west-1"),
        ("service", "iotdata"),
        ("iot_endpoint", "abc-ats.iot.eu-west-1.amazonaws.com"),
    ];
    let url = mqtt(1_440_938_160, "aws", "keys", &aws);
    let signed = "wss://abc-ats.iot.eu-west-1.amazonaws.com/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Fiotdevicegateway%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=685703c300f2e8eeadb76be593a041c790e95bbbff8c16fddc0b4ba1628dee21 - - -";
    assert_eq!(url, signed);
    let temporary = [&aws[..], &[("session_token", "a/b+c")]].concat();
    let signed = signed.replace(" - - -", "&X-Amz-Security-Token=a%2Fb%2Bc - - -");
    assert_eq!(mqtt(1_440_938_160, "aws", "temporary", &temporary), signed);
    for (provider, login, options, expected) in [
        (
            "losant",
            "device",
            vec![("device_id", "d"), ("access_key", "k"), ("access_secret", "s")],
            "mqtts://broker.losant.com:8883 d k s",
        ),
        (
            "thingsboard",
            "device",
            vec![("device_token", "t")],
            "mqtts://mqtt.thingsboard.cloud:8883 - t -",
        ),
        ("blynk", "api_key", vec![("api_key", "t")], "mqtts://blynk.cloud:8883 - device t"),
        (
            "adafruit-io",
            "mqtt",
            vec![("username", "u"), ("api_key", "k")],
            "mqtts://io.adafruit.com:8883 - u k",
        ),
        (
            "the-things-stack",
            "application",
            vec![("application_id", "a@ttn"), ("api_key", "k")],
            "mqtts://eu1.cloud.thethings.network:8883 - a@ttn k",
        ),
    ] {
        assert_eq!(mqtt(0, provider, login, &options), expected, "{provider}");
    }
}
