//! The pages of docs/ that are made from what the library itself says. `make docs` writes them.

mod clouds;

use keyfob::{Config, Status};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;

/// Each generated page's name and text.
fn pages() -> Vec<(&'static str, String)> {
    vec![("OPTIONS.md", options()), ("CLOUDS.md", clouds::page()), ("FAILURES.md", failures())]
}

fn path(page: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)
}

fn read(page: &str) -> String {
    std::fs::read_to_string(path(page)).unwrap_or_else(|error| panic!("docs/{page}: {error}"))
}

#[test]
fn every_generated_page_is_as_the_library_says() {
    for (page, text) in pages() {
        assert!(read(page) == text, "docs/{page} is out of date: run `make docs`");
    }
}

#[test]
#[ignore = "writes docs/: `make docs`"]
fn write() {
    for (page, text) in pages() {
        std::fs::write(path(page), text).unwrap();
    }
}

#[test]
fn every_status_has_a_section_that_says_what_to_do() {
    let page = read("ERRORS.md");
    for status in Status::ALL {
        let heading = format!("\n### `{}` ({})\n", status.name(), *status as i32);
        let section = page.split_once(&heading).map(|(_, rest)| rest);
        let section = section.unwrap_or_else(|| panic!("docs/ERRORS.md lacks{heading}"));
        let section = section.split("\n#").next().unwrap();
        let section = section.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(section.contains("**What happened.**"), "{}", status.name());
        assert!(section.contains("**What to do.**"), "{}", status.name());
        let retriable = section.contains("Worth another try later.");
        assert_eq!(retriable, status.is_retriable(), "{}: is it retriable?", status.name());
    }
    let sections = page.matches("\n### `").count();
    assert_eq!(sections, Status::ALL.len(), "a section of a status that there is not");
}

/// The blocks of a page that are JSON.
fn json_blocks(page: &str) -> Vec<String> {
    let page = read(page);
    let blocks = page.split("\n```json\n").skip(1);
    blocks.map(|rest| rest.split("\n```").next().unwrap().to_string()).collect()
}

#[test]
fn every_profile_in_the_documentation_makes_a_client() {
    let blocks = json_blocks("PROFILES.md");
    assert_eq!(blocks.len(), 4);
    for block in &blocks {
        let mut config = Config::new("custom").unwrap();
        config.set("profile", block).unwrap();
        let profile: Value = serde_json::from_str(block).unwrap();
        let (_, login) = profile["logins"].as_object().unwrap().iter().next().unwrap();
        for option in login["needs"].as_array().unwrap() {
            // It is base64, a host's name and a word.
            config.set(option.as_str().unwrap(), "dmFsdWUw").unwrap();
        }
        config.client().unwrap();
    }
    // Of the third and the fourth src/provider/vectors.rs computes what the clouds publish. The second is
    // run against the simulator by tests/it/clouds.rs.
    assert_eq!(blocks[1].trim(), include_str!("../data/thingsboard.json").trim());
}

#[test]
fn every_field_of_a_profile_is_documented_and_no_other() {
    let page = read("PROFILES.md");
    let step = json!({ "call": "c", "method": "GET", "url": "{base_url}/x" });
    let whole = json!({
        "keyfob_profile": 2,
        "name": "n",
        "title": "t",
        "options": { "o": {} },
        "maps": { "m": { "of": "site", "to": {} } },
        "values": { "v": { "now": "s" } },
        "discovery": { "when": "site", "steps": [step] },
        "logins": {
            "l": { "needs": ["username"], "steps": [step] },
            "p": { "needs": ["client_id"], "browser": { "begin": [step], "finish": [step] } }
        },
        "refresh": { "steps": [step] },
        "token": { "access_token": "/t", "lifetime": {} },
        "present": { "headers": { "A": "{access_token}" } },
        "request": {
            "refused": [{ "status": 401 }],
            "next": [{ "query": "page", "items": "/data" }]
        },
        "errors": {}
    });
    for (at, title) in [
        ("", "The profile"),
        ("/options/o", "An entry of `options`"),
        ("/maps/m", "An entry of `maps`"),
        ("/values/v", "An entry of `values`"),
        ("/present", "`present`"),
        ("/discovery", "`discovery`"),
        ("/logins/l", "An entry of `logins`"),
        ("/logins/p/browser", "`device` and `browser`"),
        ("/refresh", "`refresh`"),
        ("/logins/l/steps/0", "A step"),
        ("/request/refused/0", "An entry of `rejected` or `refused`"),
        ("/token", "`token`"),
        ("/token/lifetime", "`token.lifetime`"),
        ("/request", "`request`"),
        ("/request/next/0", "An entry of `next`"),
        ("/errors", "`errors`"),
    ] {
        let mut profile = whole.clone();
        profile.pointer_mut(at).unwrap()["no such field"] = json!(1);
        let mut config = Config::new("custom").unwrap();
        let error = config.set("profile", &profile.to_string()).unwrap_err();
        // The parser itself says what there is: "unknown field `x`, expected one of `a`, `b`".
        let known = error.message().split_once("expected ").unwrap().1;
        let mut known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let section = page.split_once(&format!("\n### {title}\n")).unwrap().1;
        let section = section.split("\n#").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let mut documented: Vec<&str> = rows.collect();
        known.sort_unstable();
        documented.sort_unstable();
        assert_eq!(documented, known, "{title}");
    }
}

const GROUPS: [(&str, &str, &str); 6] = [
    (
        "identity",
        "Who logs in",
        "Those of these options that you set decide which login a client uses.",
    ),
    (
        "where",
        "Where the cloud is",
        "All have defaults where the provider has an address of its own.",
    ),
    ("oauth", "OAuth 2.0", "Read by the provider `oauth2`, and by profiles that name them."),
    ("transport", "Transport", ""),
    ("lifecycle", "Lifecycle", ""),
    ("store", "Store", ""),
];

fn options() -> String {
    let all: Value = serde_json::from_str(&keyfob::providers_json().unwrap()).unwrap();
    let options = all["options"].as_array().unwrap();
    let mut page = String::from(
        "<!-- Made from the table of options by `make docs`. Do not edit. -->\n\
         # Options\n\n\
         All values are text. They are given one by one (`keyfob_config_set`), as members of a JSON \
         object (`keyfob_config_load_json`, `keyfob_config_load_file`), or by the environment \
         (`keyfob_config_load_env`: with the prefix `KEYFOB`, `KEYFOB_USERNAME` is `username`). A \
         value that is not of its option's form is refused at once, and the message says what is \
         accepted.\n\n\
         A 🔑 marks a secret: it is shown as `***`, and `<name>_file` may be set in its place to a \
         file that holds it. The file is read when a client is made, and again when the cloud \
         rejects the credentials: a secret that was rotated meanwhile is tried at once, one that is \
         the same is not. The line end after the value is dropped.\n",
    );
    for (group, title, about) in GROUPS {
        write!(page, "\n## {title}\n\n").unwrap();
        if !about.is_empty() {
            write!(page, "{about}\n\n").unwrap();
        }
        let of_group: Vec<&Value> = options.iter().filter(|o| o["group"] == group).collect();
        assert!(!of_group.is_empty(), "{group}");
        table(&mut page, &of_group);
    }
    let known = GROUPS.map(|(group, ..)| group);
    assert!(options.iter().all(|o| known.contains(&o["group"].as_str().unwrap())));
    page.push_str(
        "\n## Providers\n\n\
         [CLOUDS.md](CLOUDS.md) says which of these each provider takes, and which options of its own it \
         has.\n",
    );
    page
}

fn names(list: &Value) -> String {
    let names = list.as_array().unwrap().iter().map(|n| format!("`{}`", n.as_str().unwrap()));
    names.collect::<Vec<_>>().join(", ")
}

fn table(page: &mut String, options: &[&Value]) {
    page.push_str("| option | value | default | |\n|---|---|---|---|\n");
    for option in options {
        let secret = if option["secret"] == true { " 🔑" } else { "" };
        let default = option["default"].as_str().map_or(String::new(), |d| format!("`{d}`"));
        writeln!(
            page,
            "| `{}`{secret} | {} | {default} | {} |",
            option["name"].as_str().unwrap(),
            value(option),
            option["help"].as_str().unwrap()
        )
        .unwrap();
    }
}

fn value(option: &Value) -> String {
    let range = || option["range"].as_array().unwrap();
    match option["type"].as_str().unwrap() {
        "boolean" => "`true` or `false`".into(),
        "choice" => names(&option["range"]),
        "number" if range()[1] == i64::MAX => format!("number from {}", range()[0]),
        "number" => format!("{} to {}", range()[0], range()[1]),
        "path" => "path of a file".into(),
        "url" => "URL".into(),
        other => other.into(),
    }
}

const STEPS: [(&str, &str, &str); 6] = [
    (
        "discovery",
        "Discovery (IoTConnect)",
        "Comes before the first login where `environment` is set. The client tries it eight times.",
    ),
    ("basic-token", "Basic token (IoTConnect)", "The first half of each login."),
    ("login", "Login", "The first call of a client asks for a token."),
    ("refresh", "Refresh", "The token has expired, and a refresh token is held."),
    (
        "api",
        "Request",
        "A `GET` with a good token. Every answer of the API is a response, whatever its status.",
    ),
    (
        "api POST",
        "Request that must not be repeated",
        "A `POST` is sent once more only where it cannot have been carried out: the cloud says so with \
         429 or by refusing the token, or the connection never carried it.",
    ),
];

fn failures() -> String {
    let rows: Value = serde_json::from_str(include_str!("../data/faults.json")).unwrap();
    let mut page = String::from(
        "<!-- Made from tests/data/faults.json by `make docs`. Do not edit. -->\n\
         # Failures\n\n\
         This page says what a call gives when something goes wrong, what the cloud sees of it, \
         and what comes after. `tests/it/faults.rs` tries each line against the clouds that the \
         line names, or else against all four.\n\n\
         - **The call** meets the fault, which lasts as long as the call. The column says what \
         the call gives, then what arrived at the cloud meanwhile (`connect` is a connection \
         that was cut off before any request).\n\
         - **Again** is the same call right afterwards, with the fault gone: the client holds \
         off, or goes on at once. Where an answer did not come, it is half a minute later: until \
         then the answer may still come, and is waited for.\n\
         - **Later** is the same call fifty minutes on: it shows whether anything was lost. A \
         `refresh` alone means that the refresh token was kept. A `login` after it means that \
         the cloud had spent the refresh token, and its answer never came.\n\n\
         A refresh leads to a login in two cases only: the cloud rejected the refresh token, by \
         the provider's rule or by a code that leaves no doubt; or it gave three answers, at \
         least a minute apart, that may have been refusals, and the provider has no rule against \
         that guess. No other fault drops a refresh token, and none locks an account. \
         One call sends no login twice, unless the cloud cannot have looked at the first.\n",
    );
    for (step, title, about) in STEPS {
        write!(page, "\n## {title}\n\n{about}\n\n").unwrap();
        page.push_str("| what happens | the call | again | later |\n|---|---|---|---|\n");
        let of_step = || rows.as_array().unwrap().iter().filter(|row| row["step"] == step);
        for row in of_step() {
            let clouds = row.get("clouds").map_or(String::new(), |c| format!(" ({})", names(c)));
            writeln!(
                page,
                "| {}{clouds} | {} | {} | {} |",
                row["what"].as_str().unwrap(),
                outcome(&row["first"]),
                outcome(&row["again"]),
                outcome(&row["later"])
            )
            .unwrap();
        }
        page.push_str("\n<details><summary>The faults by the simulator's names</summary>\n\n");
        for row in of_step() {
            writeln!(page, "- {}: {}", row["what"].as_str().unwrap(), names(&row["faults"]))
                .unwrap();
        }
        page.push_str("\n</details>\n");
    }
    page.push_str(
        "\n## Again and again\n\nA fault that stays, and calls one after the other: how long after \
         the one before, and what each gives.\n\n\
         | what happens | call by call |\n|---|---|\n",
    );
    for row in rows.as_array().unwrap().iter().filter(|row| row.get("story").is_some()) {
        let clouds = row.get("clouds").map_or(String::new(), |c| format!(" ({})", names(c)));
        let calls = row["calls"].as_array().unwrap().iter();
        let calls: Vec<String> = calls.map(|call| story(&call[0], &call[1])).collect();
        let what = row["what"].as_str().unwrap();
        let calls = match row["story"] == "told" {
            true => calls.join("<br>").replace("a token", "`OK`"),
            false => calls.join("<br>"),
        };
        writeln!(page, "| {what}{clouds} | {calls} |").unwrap();
    }
    page.push_str(&transfers(rows.as_array().unwrap()));
    page.push_str(
        "\n## The connection\n\n\
         - A token call goes on a connection that is known to live: a new one, or one that was used \
         within the last second. A request may go on one that was idle for up to half a minute.\n\
         - What nobody has acknowledged is sent again, on another connection, by the next call: a \
         way that died (another lease, a router that forgot) costs one call its time and no \
         credential. After one timeout the idle connections to that host are closed.\n\
         - Where the process has no descriptor left, idle connections are closed for the new one.\n\
         - A connection with anything unread behind an answer is never used again.\n\
         - An answer that does not come to its end is left as `MALFORMED_ANSWER`: a line of it after \
         80 KiB, interim answers, or what stands between two pieces of its body, after 256 KiB.\n\n\
         Tried by `tests/it/connections.rs`, `tests/it/wire.rs` and `tests/it/endless.rs`.\n",
    );
    page
}

/// Downloads to files, and uploads from readers: what is no good to them.
fn transfers(rows: &[Value]) -> String {
    let mut text = String::from(
        "\n## Downloads and uploads\n\n\
         What the call gives once it has given up (`download_retry_s`), and what becomes of \
         `PATH.part`: a download that comes later goes on from what is kept. A file at PATH is \
         replaced where the call gives `OK`, and intact in every other case. Tried by \
         `tests/it/downloads.rs`.\n",
    );
    for transfer in ["download", "upload"] {
        let is_download = transfer == "download";
        write!(
            text,
            "\n| what is no good to a{} | what happens | the call |",
            match is_download {
                true => " download",
                false => "n upload",
            }
        )
        .unwrap();
        text.push_str(if is_download {
            " `PATH.part` |\n|---|---|---|---|\n"
        } else {
            "\n|---|---|---|\n"
        });
        for row in rows.iter().filter(|row| row["transfer"] == transfer) {
            let gives = match row["gives"].as_str().unwrap() {
                "{n}" => "the answer".to_string(),
                gives if gives.parse::<u16>().is_ok() => gives.to_string(),
                gives => format!("`{gives}`"),
            };
            let of = |name: &str| row[name].as_str().unwrap_or("");
            write!(text, "| {} | {} | {gives} |", of("at"), of("what")).unwrap();
            text.push_str(&match of("part") {
                "" => "\n".to_string(),
                "none" => " |\n".to_string(),
                part => format!(" {part} |\n"),
            });
        }
    }
    text
}

/// One call of a story as people read it.
fn story(after: &Value, cell: &Value) -> String {
    let after = match after.as_u64().unwrap() {
        0 => String::new(),
        seconds => format!("after {seconds} s: "),
    };
    match cell.as_str().unwrap().strip_prefix('*') {
        Some("") => format!("{after}the same error; nothing sent"),
        Some(traffic) => format!("{after}an error; {}", traffic.trim_start_matches(": ")),
        None => format!("{after}{}", outcome(cell)),
    }
}

/// `SERVER_ERROR: refresh x3` as people read it.
fn outcome(cell: &Value) -> String {
    let cell = cell.as_str().unwrap();
    let (gave, traffic) = cell.split_once(": ").unwrap_or((cell, ""));
    let gave = match gave {
        "{n}" => "the answer".to_string(),
        "OK" => "a token".to_string(),
        status if status.parse::<u16>().is_ok() => status.to_string(),
        status => format!("`{status}`"),
    };
    match traffic {
        "" => format!("{gave}; nothing sent"),
        traffic => format!("{gave}; {}", traffic.replace(" x", " ×")),
    }
}
