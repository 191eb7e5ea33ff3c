//! docs/CLOUDS.md: every built-in cloud, from its profile.

use super::{names, table};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;

pub(super) fn page() -> String {
    let all: Value = serde_json::from_str(&keyfob::providers_json().unwrap()).unwrap();
    let clouds: Vec<Cloud> = all["providers"].as_array().unwrap().iter().map(Cloud::of).collect();
    let mut page = String::from(
        "<!-- Made from src/provider/catalogue/ by `make docs`. Do not edit. -->\n\
         # Clouds\n\n\
         Set the options of one login and no other's. Options that fit two logins, or none, or that \
         the login has no use for, are refused when a client is made, and the message names them. \
         Options of every cloud are in [OPTIONS.md](OPTIONS.md). A cloud that is not here is a JSON \
         document away: [PROFILES.md](PROFILES.md), set as `profile` or `profile_file` on the provider \
         `custom`.\n\n\
         | provider | cloud | what it takes | a token lives | a token is refused by |\n\
         |---|---|---|---|---|\n",
    );
    for cloud in &clouds {
        let takes: Vec<String> = cloud.ways().iter().map(|way| way[1].clone()).collect();
        let (name, title) = (cloud.text("name"), cloud.text("title"));
        let [takes, lives] = [takes.join("; "), cloud.lives()];
        let refused = cloud.refused();
        writeln!(page, "| [`{name}`](#{name}) | {title} | {takes} | {lives} | {refused} |")
            .unwrap();
    }
    for cloud in &clouds {
        cloud.section(&mut page);
    }
    page
}

/// A cloud as the library tells it, and its profile.
struct Cloud {
    told: Value,
    profile: Value,
}

impl Cloud {
    fn of(told: &Value) -> Cloud {
        let name = told["name"].as_str().unwrap();
        let path = format!("src/provider/catalogue/{name}.json");
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
        let profile = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Cloud { told: told.clone(), profile }
    }

    fn text(&self, field: &str) -> &str {
        self.told[field].as_str().unwrap()
    }

    /// The ways in: what each takes in words, the options it needs, and those it takes besides.
    fn ways(&self) -> Vec<[String; 3]> {
        let logins = self.told["logins"].as_array().unwrap().iter();
        let mut ways: Vec<[String; 3]> = logins
            .map(|login| {
                let title = login["title"].as_str().unwrap().to_string();
                [title, names(&login["needs"]), names(&login["uses"])]
            })
            .collect();
        if self.told["refreshes"] == true {
            let mut needs = vec![json!("refresh_token")];
            needs.extend(self.told["refresh_needs"].as_array().unwrap().iter().cloned());
            ways.push(["a refresh token from elsewhere".into(), names(&needs.into()), "".into()]);
        }
        ways
    }

    fn section(&self, page: &mut String) {
        write!(page, "\n## {}\n\n{}.\n\n", self.text("name"), self.text("title")).unwrap();
        page.push_str("| login | needs | takes besides |\n|---|---|---|\n");
        for [title, needs, uses] in self.ways() {
            writeln!(page, "| {title} | {needs} | {uses} |").unwrap();
        }
        let own = self.told["own_options"].as_array().unwrap();
        if !own.is_empty() {
            page.push('\n');
            table(page, &own.iter().collect::<Vec<_>>());
        }
        page.push('\n');
        if let Some(base) = self.profile["base_url"].as_str() {
            writeln!(page, "- It is at `{base}`, unless `base_url` says otherwise.").unwrap();
        }
        if let Some(logins) = self.mqtt() {
            writeln!(page, "- MQTT (`keyfob_client_mqtt`): {logins}.").unwrap();
        }
        if let Some(pages) = self.pages() {
            writeln!(page, "- `pages()` follows {pages}.").unwrap();
        }
        for note in self.told["notes"].as_array().unwrap() {
            writeln!(page, "- {}", note.as_str().unwrap()).unwrap();
        }
        let sources = self.told["sources"].as_array().unwrap();
        let sources: Vec<&str> = sources.iter().map(|source| source.as_str().unwrap()).collect();
        if !sources.is_empty() {
            writeln!(page, "- Read in: {}.", sources.join("; ")).unwrap();
        }
    }

    /// What leads to the next page, where no link does.
    fn pages(&self) -> Option<String> {
        let next = &self.profile["request"]["next"];
        let rules = next.as_array().map_or(std::slice::from_ref(next), Vec::as_slice);
        let mut ways: Vec<String> = rules.iter().filter_map(Self::way_on).collect();
        ways.dedup();
        (!ways.is_empty()).then(|| ways.join(", or "))
    }

    fn way_on(rule: &Value) -> Option<String> {
        let rule = rule.as_object()?;
        let says = |member: &str| rule.get(member).and_then(Value::as_str);
        let Some(field) = says("query") else {
            return Some(format!("the URL at `{}` of an answer", says("url").unwrap()));
        };
        if let Some(cursor) = says("cursor") {
            return Some(format!("what stands at `{cursor}`, as `{field}`"));
        }
        let first = rule.get("first").map_or(0, |first| first.as_u64().unwrap());
        Some(match says("items") {
            None => format!("the page numbers in `{field}`"),
            Some(_) => format!("`{field}`, where the request names it: `?{field}={first}`"),
        })
    }

    /// The logins that an MQTT client can connect with, and what it then is told.
    fn mqtt(&self) -> Option<String> {
        let logins = self.told["logins"].as_array().unwrap().iter();
        let with = logins.filter(|login| login["mqtt"] == true).map(|login| {
            let own = &self.profile["logins"][login["name"].as_str().unwrap()]["mqtt"];
            let rule = if own.is_null() { &self.profile["mqtt"] } else { own };
            let members = ["client_id", "username", "password"];
            let told: Vec<&str> =
                members.into_iter().filter(|member| rule[member].is_string()).collect();
            let told = if told.is_empty() { "the URL alone".into() } else { told.join(", ") };
            format!("{} ({told})", login["title"].as_str().unwrap())
        });
        let with: Vec<String> = with.collect();
        (!with.is_empty()).then(|| with.join("; "))
    }

    /// How long a token lives.
    fn lives(&self) -> String {
        let logins = self.profile["logins"].as_object();
        let logins: Vec<&Value> = logins.into_iter().flat_map(|logins| logins.values()).collect();
        let is_exchange = logins.is_empty() || logins.iter().any(|login| login["steps"].is_array());
        if is_exchange {
            return lifetime(&self.profile["token"]["lifetime"]).unwrap_or("until refused".into());
        }
        let computed = logins.iter().find_map(|login| lifetime(&login["lifetime"]));
        computed.unwrap_or("no end of its own".into())
    }

    /// Which answers refuse it.
    fn refused(&self) -> String {
        let logins = self.profile["logins"].as_object();
        let is_for_mqtt = |login: &Value| login["present"] == json!({});
        if logins.is_some_and(|logins| !logins.is_empty() && logins.values().all(is_for_mqtt)) {
            return "the broker".into();
        }
        let usual = json!([{ "status": 401 }]);
        let rules = self.profile["request"]["refused"].as_array().or(usual.as_array()).unwrap();
        rules.iter().map(rule).collect::<Vec<_>>().join("; ")
    }
}

fn lifetime(says: &Value) -> Option<String> {
    let seconds = match &says["seconds"] {
        Value::Null => None,
        Value::Number(seconds) => Some(duration(seconds.as_u64().unwrap())),
        asked => {
            Some(format!("as long as `{}` says", asked.as_str().unwrap().trim_matches(['{', '}'])))
        }
    };
    let told = if says["expires_in"].is_string() || says["expires_at"].is_string() {
        Some("as the answer says")
    } else if says["jwt"] == true {
        Some("as it says itself (JWT)")
    } else {
        None
    };
    match (told, seconds) {
        (Some(told), Some(seconds)) => Some(format!("{told}, else {seconds}")),
        (Some(told), None) => Some(told.into()),
        (None, seconds) => seconds,
    }
}

fn duration(seconds: u64) -> String {
    let (count, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3600 == 0 => (s / 3600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn rule(rule: &Value) -> String {
    let mut said = some_of(&rule["status"]);
    if !rule["code"].is_null() {
        let code = match &rule["code"] {
            Value::Bool(_) => "without a code".into(),
            code => format!("`{}`", some_of(code).replace(" or ", "` or `")),
        };
        write!(said, " {code}").unwrap();
    }
    for (place, value) in rule["where"].as_object().into_iter().flatten() {
        write!(said, ", `{place}` {}", some_of(value)).unwrap();
    }
    said
}

fn some_of(values: &Value) -> String {
    let one = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    match values {
        Value::Array(values) => values.iter().map(one).collect::<Vec<_>>().join(" or "),
        value => one(value),
    }
}
