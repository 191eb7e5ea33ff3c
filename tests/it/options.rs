//! Options: what each takes, how they are given, and which login they add up to.

use crate::common::alone::{alone, passed};
use crate::common::{World, status};
use keyfob::{Config, Status};
use keyfob_simulator::Cloud;
use serde_json::{Value, json};

fn kontakt(set: &[(&str, &str)]) -> Config {
    provider("kontakt", set)
}

fn provider(name: &str, set: &[(&str, &str)]) -> Config {
    let mut config = Config::new(name).unwrap();
    for (option, value) in set {
        config.set(option, value).unwrap();
    }
    config
}

/// A directory of its own, which goes with the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("keyfob-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Every built-in option, as `keyfob_providers_json` lists it.
fn table() -> Vec<Value> {
    let all: Value = serde_json::from_str(&keyfob::providers_json().unwrap()).unwrap();
    all["options"].as_array().unwrap().clone()
}

#[test]
fn a_provider_that_does_not_exist_is_told_with_those_that_do() {
    let error = Config::new("contact").unwrap_err();
    assert_eq!(error.status(), Status::UnknownProvider);
    assert!(error.message().ends_with("did you mean `kontakt`?"), "{error}");
    // One that is near none is told with all.
    let error = Config::new("the cloud at work").unwrap_err();
    for name in ["kontakt", "iotconnect", "kii", "simacan", "kontakt-cloud", "oauth2", "custom"] {
        assert!(error.message().contains(name), "{error}");
    }
}

#[test]
fn an_unknown_option_is_told_with_the_nearest_that_exists() {
    let mut config = kontakt(&[]);
    for (name, near) in
        [("user_name", "username"), ("pasword", "password"), ("timeout", "timeout_ms")]
    {
        let error = config.set(name, "x").unwrap_err();
        assert_eq!(error.status(), Status::UnknownOption, "{name}");
        assert!(error.message().contains(near) || near == "timeout_ms", "{error}");
    }
    assert!(config.set("username_file", "x").is_err(), "only secret options have a file");
    assert_eq!(config.get("nothing").unwrap_err().status(), Status::UnknownOption);
}

#[test]
fn every_number_is_held_to_its_range() {
    let mut checked = 0;
    for option in table().iter().filter(|o| o["type"] == "number") {
        let name = option["name"].as_str().unwrap();
        let range = option["range"].as_array().unwrap();
        let [from, to] = [&range[0], &range[1]].map(|n| i128::from(n.as_i64().unwrap()));
        let mut config = kontakt(&[]);
        for good in [from, to] {
            // A time that is past is of its range, and of no use.
            let is_past = name == "expires_at_ms" && good == 0;
            assert_eq!(config.set(name, &good.to_string()).is_err(), is_past, "{name}={good}");
        }
        let beyond = [(from - 1).to_string(), (to + 1).to_string()];
        for bad in beyond.iter().map(String::as_str).chain(["", " 5", "5s", "0x5", "5.0", "1e3"]) {
            let error = config.set(name, bad).unwrap_err();
            assert_eq!(error.status(), Status::InvalidOption, "{name}={bad}");
            assert!(error.message().starts_with(&format!("{name}: ")), "{error}");
            assert!(error.message().contains(&from.to_string()), "the range is told: {error}");
        }
        assert_eq!(config.get(name).unwrap(), Some(to.to_string()), "as before the bad ones");
        checked += 1;
    }
    assert!(checked >= 8, "{checked}");
}

/// Keys and certificates in PEM form have lines.
fn has_lines(name: &str) -> bool {
    matches!(
        name,
        "client_assertion_key" | "client_assertion_cert" | "assertion_key" | "token_headers"
    )
}

#[test]
fn every_boolean_choice_and_url_is_held_to_its_form() {
    let mut config = kontakt(&[]);
    for option in table() {
        let name = option["name"].as_str().unwrap();
        let bad: &[&str] = match option["type"].as_str().unwrap() {
            "boolean" => &["yes", "1", "True", ""],
            "choice" => &["other", "", "client_secret_basic "],
            "url" => &[
                "",
                "example.com",
                "ftp://example.com",
                "https://",
                "https://u:p@h/",
                "https://h/#f",
            ],
            "origins" => &["example.com", "https://*.com", "https://u@h"],
            "text" if has_lines(name) => &["", "a\0b"],
            "text" | "path" => &["", "a\nb", "a\0b"],
            _ => &[],
        };
        if matches!(name, "profile" | "profile_file") {
            continue;
        }
        for value in bad {
            let error = config.set(name, value).expect_err(&format!("{name}={value:?}"));
            assert_eq!(error.status(), Status::InvalidOption, "{name}={value:?}");
            assert!(error.message().starts_with(&format!("{name}: ")), "{error}");
        }
        assert_eq!(config.get(name).unwrap(), option["default"].as_str().map(str::to_string));
    }
    for bad in ["https://h/?q", "https://h/p?q=1"] {
        assert!(config.set("base_url", bad).is_err(), "paths are put behind it");
    }
}

#[test]
fn a_bad_secret_is_never_repeated() {
    for option in table().iter().filter(|o| o["secret"] == true) {
        let name = option["name"].as_str().unwrap();
        let error = kontakt(&[]).set(name, "hunter2\0").unwrap_err();
        assert!(!error.message().contains("hunter2"), "{error}");
    }
    let config = kontakt(&[("password", "hunter2"), ("api_key", "hunter2")]);
    assert_eq!(config.get("password").unwrap().as_deref(), Some("***"));
    assert_eq!(config.get("client_secret").unwrap(), None, "not set, so not even stars");
    let error = config.client().unwrap_err();
    assert!(!error.message().contains("hunter2"), "{error}");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_secret_may_stand_in_a_file_and_its_line_end_is_dropped() {
    let scratch = Scratch::new("secrets");
    for (text, expected) in [
        ("hunter2", "hunter2"),
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" hunter 2 \n", " hunter 2 "),
        ("\u{feff}hunter2\r\n", "hunter2"),
    ] {
        let path = scratch.file("key", text);
        let client = kontakt(&[("api_key_file", &path)]).client().unwrap();
        assert_eq!(client.token().unwrap().expose(), expected);
    }
    for (text, word) in [("two\nlines\n", "control character"), ("", "empty"), ("\n", "empty")] {
        let path = scratch.file("key", text);
        let error = kontakt(&[("api_key_file", &path)]).client().unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption);
        assert!(error.message().contains("api_key") && error.message().contains(word), "{error}");
    }
    let missing = kontakt(&[("api_key_file", "/nonexistent/key")]).client().unwrap_err();
    assert_eq!(missing.status(), Status::InvalidOption);
    assert!(missing.message().contains("api_key_file: /nonexistent/key"), "{missing}");
    assert!(missing.message().ends_with("no such file"), "{missing}");
    let both = kontakt(&[("api_key", "k"), ("api_key_file", &scratch.file("key", "k"))]);
    let error = both.client().unwrap_err();
    assert!(error.message().contains("api_key and api_key_file"), "{error}");
}

#[test]
fn json_sets_all_of_its_members_or_none() {
    let mut config = kontakt(&[]);
    config
        .load_json(r#"{"username": "u", "password": "p", "timeout_ms": 5000, "allow_http": true}"#)
        .unwrap();
    assert_eq!(config.get("timeout_ms").unwrap().as_deref(), Some("5000"));
    assert_eq!(config.get("allow_http").unwrap().as_deref(), Some("true"));
    for (bad, status) in [
        (r#"{"username": "other", "nothing": "x"}"#, Status::UnknownOption),
        (r#"{"username": "other", "timeout_ms": -1}"#, Status::InvalidOption),
        (r#"{"username": "other", "password": null}"#, Status::InvalidArgument),
        (r#"{"username": "other", "password": ["p"]}"#, Status::InvalidArgument),
        (r#"["username"]"#, Status::InvalidArgument),
        (r#"{"username": "other""#, Status::InvalidArgument),
        ("", Status::InvalidArgument),
    ] {
        let error = config.load_json(bad).unwrap_err();
        assert_eq!(error.status(), status, "{bad}: {error}");
        assert_eq!(config.get("username").unwrap().as_deref(), Some("u"), "{bad}");
    }
    let broken = config.load_json("{\"password\": \"hunter2\",\n x}").unwrap_err();
    assert!(!broken.message().contains("hunter2"), "{broken}");
    assert!(broken.message().contains("line 2"), "{broken}");
}

#[test]
fn a_file_is_read_as_json_and_named_when_it_cannot_be() {
    let scratch = Scratch::new("options");
    let mut config = kontakt(&[]);
    config.load_file(scratch.file("options.json", r#"{"api_key": "k"}"#)).unwrap();
    assert_eq!(config.client().unwrap().token().unwrap().expose(), "k");
    let error = config.load_file("/nonexistent/options.json").unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("/nonexistent/options.json"), "{error}");
}

/// A way to have a file read, and what that comes to.
type Reading = fn(&str) -> keyfob::Result<()>;

#[test]
fn only_regular_files_of_a_fair_size_are_read() {
    let scratch = Scratch::new("odd-files");
    let fifo = scratch.0.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let large = scratch.0.join("large");
    std::fs::File::create(&large).unwrap().set_len(20 << 20).unwrap();
    let readings: [(&str, Reading); 6] = [
        ("api_key_file", |path| kontakt(&[("api_key_file", path)]).client().map(drop)),
        ("ca_file", |path| kontakt(&[("api_key", "k"), ("ca_file", path)]).client().map(drop)),
        ("client_cert_file", |path| {
            let key = ("client_key_file", "/nonexistent");
            kontakt(&[("api_key", "k"), ("client_cert_file", path), key]).client().map(drop)
        }),
        ("client_key_file", |path| {
            let chain = ("client_cert_file", "/nonexistent");
            kontakt(&[("api_key", "k"), ("client_key_file", path), chain]).client().map(drop)
        }),
        ("profile_file", |path| Config::new("custom").unwrap().set("profile_file", path)),
        ("", |path| kontakt(&[]).load_file(path)),
    ];
    for (option, read) in readings {
        for path in [fifo.to_str().unwrap(), "/dev/zero", "/", large.to_str().unwrap()] {
            let error = read(path).unwrap_err();
            let message = error.message();
            let of_size = path == large.to_str().unwrap();
            let why = if of_size { "MiB" } else { "is not a regular file" };
            // Of two files one is not there; which of them is read first is left open.
            let other = message.ends_with("/nonexistent: no such file");
            assert!(message.ends_with(why) && message.contains(path) || other, "{error}");
            assert!(message.starts_with(option) || other, "{error}");
        }
    }
}

#[test]
fn a_profile_in_the_json_brings_its_options_in_any_order() {
    let profile: Value = serde_json::from_str(include_str!("../data/thingsboard.json")).unwrap();
    let mut own = profile.clone();
    own["options"] = json!({ "a_tenant": { "help": "whose" } });
    let mut config = Config::new("custom").unwrap();
    let text = json!({ "a_tenant": "t", "profile": own, "username": "u", "password": "p" });
    config.load_json(&text.to_string()).unwrap();
    assert_eq!(config.get("a_tenant").unwrap().as_deref(), Some("t"));
    config.set("profile", &profile.to_string()).unwrap();
    assert!(config.get("a_tenant").is_err(), "another profile, other options");
    assert_eq!(config.get("username").unwrap().as_deref(), Some("u"), "the rest is kept");
}

#[test]
fn the_environment_sets_options_by_their_names_in_capitals() {
    // Set for a child of this test program: a test must not change its own environment.
    if std::env::var_os("KEYFOB_TEST_CHILD").is_some() {
        let mut config = kontakt(&[]);
        config.load_env("KFTEST").unwrap();
        assert_eq!(config.client().unwrap().token().unwrap().expose(), "from the environment");
        assert_eq!(config.get("timeout_ms").unwrap().as_deref(), Some("30000"), "empty: not set");
        let before = config.get("retries").unwrap();
        let error = config.load_env("KFBAD").unwrap_err();
        assert_eq!(error.status(), Status::InvalidOption, "{error}");
        assert_eq!(config.get("retries").unwrap(), before, "all or nothing");
        for bad in ["", "A-B", "A=B", "\u{e9}"] {
            let error = config.load_env(bad).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument, "{bad}");
        }
        return;
    }
    let output = alone(the_environment_sets_options_by_their_names_in_capitals)
        .env("KEYFOB_TEST_CHILD", "1")
        .env("KFTEST_API_KEY", "from the environment")
        .env("KFTEST_TIMEOUT_MS", "")
        .env("KFTEST_NOTHING", "no option is called so")
        .env("KFBAD_RETRIES", "5")
        .env("KFBAD_TIMEOUT_MS", "soon")
        .output()
        .unwrap();
    passed(output);
}

#[test]
fn a_client_is_a_copy_of_its_config() {
    let mut config = kontakt(&[("api_key", "one")]);
    let first = config.client().unwrap();
    config.set("api_key", "two").unwrap();
    let second = config.client().unwrap();
    drop(config);
    assert_eq!(first.token().unwrap().expose(), "one");
    assert_eq!(second.token().unwrap().expose(), "two");
}

#[test]
fn variables_that_no_option_has_are_told_with_what_is_missing() {
    if std::env::var_os("KEYFOB_TEST_CHILD").is_some() {
        let mut config = kontakt(&[]);
        config.load_env("KFODD").unwrap();
        let (_, message) = refused(&config);
        assert!(
            message.ends_with("no option is called as in KFODD_PASSWD, KFODD_USER"),
            "{message}"
        );
        config.set("password", "p").unwrap();
        config.client().unwrap();
        return;
    }
    let output = alone(variables_that_no_option_has_are_told_with_what_is_missing)
        .env("KEYFOB_TEST_CHILD", "1")
        .env("KFODD_USERNAME", "u")
        .env("KFODD_USER", "u")
        .env("KFODD_PASSWD", "p")
        .output()
        .unwrap();
    passed(output);
}

#[test]
fn what_says_where_to_go_is_asked_for_when_the_client_is_made() {
    let known = [("client_id", "c"), ("client_secret", "s")];
    let (status, message) = refused(&provider("oauth2", &known));
    assert_eq!(status, Status::MissingOption);
    assert!(message.contains("set token_url or issuer"), "{message}");
    let mut refresh = provider("oauth2", &[("refresh_token", "r")]);
    assert!(refused(&refresh).1.contains("set token_url or issuer"));
    refresh.set("token_url", "https://auth.example.com/token").unwrap();
    refresh.client().unwrap();
    let issuer = [known[0], known[1], ("issuer", "https://auth.example.com")];
    provider("oauth2", &issuer).client().unwrap();
}

/// The status and the message of a config that no client can be made from.
fn refused(config: &Config) -> (Status, String) {
    let error = config.client().unwrap_err();
    (error.status(), error.message().to_string())
}

#[test]
fn options_that_fit_no_login_are_told_what_is_missing() {
    let (status, message) = refused(&kontakt(&[]));
    assert_eq!(status, Status::MissingOption);
    for word in ["api_key", "username", "password", "refresh_token"] {
        assert!(message.contains(word), "{message}");
    }
    let (status, message) = refused(&kontakt(&[("username", "u")]));
    assert_eq!(status, Status::MissingOption);
    assert!(message.contains("(missing: password)"), "{message}");
    let (status, message) =
        refused(&provider("iotconnect", &[("username", "u"), ("password", "p")]));
    assert_eq!(status, Status::MissingOption);
    assert!(message.contains("missing: solution_key"), "{message}");
    let app = [("app_id", "a"), ("app_key", "k")];
    let half = provider("kii", &[app[0], app[1], ("username", "u")]);
    let (status, message) = refused(&half);
    assert_eq!(status, Status::MissingOption, "an anonymous login is not what was meant");
    assert!(message.contains("username") && message.contains("password"), "{message}");
    let (status, message) = refused(&Config::new("custom").unwrap());
    assert_eq!(status, Status::MissingOption);
    assert!(message.contains("profile_file"), "{message}");
}

#[test]
fn options_that_fit_two_logins_are_told_both() {
    let (status, message) =
        refused(&kontakt(&[("api_key", "k"), ("username", "u"), ("password", "p")]));
    assert_eq!(status, Status::InvalidOption);
    for word in ["api_key", "username, password", "more than one"] {
        assert!(message.contains(word), "{message}");
    }
    let kii = provider(
        "kii",
        &[
            ("app_id", "a"),
            ("app_key", "k"),
            ("username", "u"),
            ("password", "p"),
            ("vendor_thing_id", "t"),
        ],
    );
    let (status, message) = refused(&kii);
    assert_eq!(status, Status::InvalidOption);
    assert!(message.contains("user (") && message.contains("thing ("), "{message}");
}

#[test]
fn an_option_that_the_login_has_no_use_for_is_not_passed_over() {
    let (status, message) = refused(&kontakt(&[("api_key", "k"), ("app_id", "a")]));
    assert_eq!(status, Status::InvalidOption);
    assert!(message.contains("app_id"), "{message}");
}

#[test]
fn the_more_specific_of_two_logins_is_meant() {
    let world = World::new();
    for (login, set) in [
        ("anonymous", vec![]),
        ("user", vec![("username", "u"), ("password", "p")]),
        ("thing", vec![("vendor_thing_id", "t"), ("password", "p")]),
        ("admin", vec![("client_id", "c"), ("client_secret", "s")]),
    ] {
        let mut config = provider("kii", &[("app_id", "a"), ("app_key", "k")]);
        set.iter().for_each(|(option, value)| config.set(option, value).unwrap());
        let client = config.client().unwrap();
        assert_eq!(status(&client)["login"], login);
    }
    let mut config = world.reach(Cloud::OAuth2);
    config
        .load_json(r#"{"client_id": "c", "client_secret": "s", "username": "u", "password": "p"}"#)
        .unwrap();
    assert_eq!(status(&config.client().unwrap())["login"], "password");
    config.set("grant", "client_credentials").unwrap();
    let (status, message) = refused(&config);
    assert_eq!(status, Status::InvalidOption, "{message}");
    assert!(message.contains("password") && message.contains("username"), "{message}");
}

#[test]
fn a_refresh_token_from_elsewhere_is_a_way_in_of_its_own() {
    let client = kontakt(&[("refresh_token", "r")]).client().unwrap();
    assert_eq!(status(&client)["login"], "refresh_token");
    assert_eq!(status(&client)["has_refresh_token"], true);
    let (status, message) = refused(&provider("kii", &[("refresh_token", "r")]));
    assert_eq!(status, Status::MissingOption);
    assert!(message.contains("app_id"), "its refresh names the app: {message}");
    let (status, message) = refused(&provider("kontakt-cloud", &[("refresh_token", "r")]));
    assert_eq!(status, Status::MissingOption, "this cloud has no refresh: {message}");
}

/// What the status calls the account.
fn identity(config: &Config) -> String {
    status(&config.client().unwrap())["identity"].as_str().unwrap().to_string()
}

#[test]
fn an_account_is_who_and_where_and_not_how() {
    for (name, base, other, same) in [
        (
            "kontakt",
            r#"{"username":"u","password":"p"}"#,
            r#"{"username":"v"}"#,
            r#"{"timeout_ms":5}"#,
        ),
        (
            "kontakt",
            r#"{"api_key":"k"}"#,
            r#"{"base_url":"https://h"}"#,
            r#"{"proxy":"http://h:1"}"#,
        ),
        (
            "kontakt-cloud",
            r#"{"tenant":"t","client_id":"c","client_secret":"s"}"#,
            r#"{"region":"uk"}"#,
            r#"{"retries":0}"#,
        ),
        (
            "iotconnect",
            r#"{"username":"u","password":"p","solution_key":"k","environment":"e"}"#,
            r#"{"platform":"az"}"#,
            r#"{"user_agent":"x"}"#,
        ),
        (
            "kii",
            r#"{"app_id":"a","app_key":"k"}"#,
            r#"{"site":"jp"}"#,
            r#"{"max_body_bytes":5000}"#,
        ),
        (
            "simacan",
            r#"{"refresh_token":"r"}"#,
            r#"{"environment":"staging"}"#,
            r#"{"store":"memory"}"#,
        ),
        (
            "oauth2",
            r#"{"client_id":"c","client_secret":"s","token_url":"https://h/t"}"#,
            r#"{"scope":"more"}"#,
            r#"{"client_auth":"client_secret_basic"}"#,
        ),
    ] {
        let mut config = Config::new(name).unwrap();
        config.load_json(base).unwrap();
        let first = identity(&config);
        config.load_json(same).unwrap();
        assert_eq!(identity(&config), first, "{name}: {same}");
        config.load_json(other).unwrap();
        assert_ne!(identity(&config), first, "{name}: {other}");
    }
}

#[test]
fn the_identity_in_the_status_tells_nothing_of_its_secrets() {
    let mut config = kontakt(&[("username", "u"), ("password", "p")]);
    let first = identity(&config);
    config.set("password", "another").unwrap();
    assert_eq!(identity(&config), first, "or passwords could be tried against it");
}
