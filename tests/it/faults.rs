//! Every fault at every step of every cloud: what the call gives, what the cloud sees, and whether
//! anything was lost. The expectations are tests/data/faults.json, which docs/FAILURES.md shows too.

use crate::common::{FOUR, World, devices};
use keyfob::{Client, Clock, Config, Request, Result, Status};
use keyfob_simulator::{Cloud, Fault, Injection, Simulator, credentials, http_date};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// What the clouds' access tokens live here, and what Kontakt's always do.
const LIFETIME: u64 = 7200;
/// How long after a fault it is looked at again: holds and pauses are over, and no token
/// is due, the earliest of which is so after a quarter of the hour that is assumed of some.
const LATER: u64 = 3600 / 4 - 50;
/// How long the answer to a token call is waited for by one caller after the other.
const AWAITED: u64 = 30;
/// How long a call may take that meets a stall; and how long where that was too short for this
/// machine to come as far as the stall.
const PATIENCE: Duration = Duration::from_millis(700);
const MORE_PATIENCE: Duration = Duration::from_secs(10);

/// A place where faults strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Discovery,
    BasicToken,
    Login,
    Refresh,
    Request,
    Write,
}

impl Step {
    const ALL: [Step; 6] =
        [Step::Discovery, Step::BasicToken, Step::Login, Step::Refresh, Step::Request, Step::Write];

    /// What the table calls it.
    fn name(self) -> &'static str {
        match self {
            Step::Discovery => "discovery",
            Step::BasicToken => "basic-token",
            Step::Login => "login",
            Step::Refresh => "refresh",
            Step::Request => "api",
            Step::Write => "api POST",
        }
    }

    /// What the simulator calls it.
    fn call(self) -> &'static str {
        self.name().split(' ').next().unwrap()
    }

    fn is_request(self) -> bool {
        matches!(self, Step::Request | Step::Write)
    }

    fn clouds(self) -> &'static [Cloud] {
        match self {
            Step::Discovery | Step::BasicToken => &[Cloud::IotConnect],
            _ => &FOUR,
        }
    }

    /// The faults that are possible here: those of any HTTP call, and those of its answer's fields.
    fn faults(self) -> Vec<String> {
        let catalogue = Fault::catalogue();
        let mut all: Vec<String> = catalogue.iter().map(Fault::name).collect();
        // Timing is not looked at here, and a bomb need not be that large to show that nothing
        // unpacks it.
        let apart = ["delay:", "drip:", "gzip-bomb:"];
        all.retain(|name| !apart.iter().any(|kind| name.starts_with(kind)));
        let more = [
            "refuse",
            "header:1MB",
            "drip:0",
            "gzip-bomb:2000000",
            "status:405",
            "retry-after:seconds",
            "retry-after:date",
            "retry-after:absurd",
            "retry-after:0",
            "huge-body:1000000000:content-length",
        ];
        all.extend(more.map(str::to_string));
        let fields: &[&str] = match self {
            Step::BasicToken => &["basic-token"],
            Step::Login | Step::Refresh => &["access-token", "refresh-token"],
            Step::Discovery | Step::Request | Step::Write => &[],
        };
        for field in fields {
            let values = ["missing", "null", "empty", "number", "control", "not-ascii", "1MB"];
            all.extend(values.iter().map(|value| format!("{field}:{value}")));
        }
        if !self.is_request() {
            let odd = ["surrogate", "number", "digits", "deep", "nan", "control"];
            all.extend(odd.iter().map(|value| format!("unrelated:{value}")));
        }
        if matches!(self, Step::Login | Step::Refresh) {
            let values =
                ["text", "words", "fraction", "negative", "0", "1e300", "null", "missing", "true"];
            all.extend(values.iter().map(|value| format!("expires-in:{value}")));
            all.extend(["token-type:missing", "token-type:other"].map(str::to_string));
        }
        all
    }
}

/// The simulator's fault of this name: some are named by what they mean, wherever that stands in a
/// cloud's answer.
fn fault(name: &str, cloud: Cloud, sim: &Simulator) -> Fault {
    let busy = |value: &str| Fault::answer(429, &[("Retry-After", value)], "");
    let (field, value) = name.split_once(':').unwrap_or((name, ""));
    let pointer = match (field, cloud) {
        ("retry-after", _) => {
            return match value {
                "seconds" => busy("600"),
                "date" => busy(&http_date(sim.now() + 600)),
                "absurd" => busy("99999999999999999999"),
                other => busy(other),
            };
        }
        ("header", _) => {
            return Fault::SetHeader { name: "X-Long".into(), value: "x".repeat(1_000_000) };
        }
        ("unrelated", _) => {
            let text = match value {
                "surrogate" => r#""Jo \ud83d""#.into(),
                "number" => "1e999999999".into(),
                "digits" => "9".repeat(1000),
                "deep" => format!("{}{}", "[".repeat(200), "]".repeat(200)),
                "nan" => "NaN".into(),
                "control" => "\"a\nb\tc\"".into(),
                _ => panic!("there is no unrelated member like {value}"),
            };
            return Fault::raw_field("/unrelated", &text);
        }
        ("basic-token", _) => "/data",
        ("access-token", Cloud::Kontakt) => "/accessToken",
        ("access-token", _) => "/access_token",
        ("refresh-token", Cloud::Kontakt) => "/refreshToken",
        ("refresh-token", _) => "/refresh_token",
        ("expires-in", _) => "/expires_in",
        ("token-type", _) => "/token_type",
        _ => return Fault::from_name(name).unwrap(),
    };
    let set = |value: Value| Fault::set_field(pointer, value);
    match value {
        "missing" => Fault::remove_field(pointer),
        "null" => set(Value::Null),
        "empty" => set("".into()),
        "number" => set(17.into()),
        "control" => set("a\r\nX-Evil: b".into()),
        "not-ascii" => set("tök€n".into()),
        "1MB" => set("x".repeat(1_000_000).into()),
        "text" => set("7200".into()),
        "words" => set("two hours".into()),
        "fraction" => Fault::raw_field(pointer, "7200.9"),
        "negative" => set((-1).into()),
        "0" => set(0.into()),
        "1e300" => Fault::raw_field(pointer, "1e300"),
        "true" => set(true.into()),
        "other" => set("mac".into()),
        _ => panic!("there is no fault {name}"),
    }
}

fn config(world: &World, step: Step, cloud: Cloud) -> Config {
    let mut config = world.config(cloud, credentials::logins(cloud)[0].0);
    config.set("max_body_bytes", "1000000").unwrap();
    if step == Step::Discovery {
        config.set("discovery_url", &world.sim.discovery_url()).unwrap();
        config.set("environment", credentials::iotconnect::ENVIRONMENT).unwrap();
    }
    config
}

/// What one call came to: `OK`, a status or an HTTP status, and what arrived at the cloud meanwhile.
fn outcome(world: &World, step: Step, cloud: Cloud, client: &Client) -> String {
    let seen = world.sim.journal().len();
    let gave = if step.is_request() {
        let sent = match step {
            Step::Write => {
                let url = format!("{}/echo", world.sim.api_url(cloud));
                let mut request = Request::new("POST", &url).unwrap();
                request.set_body(b"{}");
                client.send(&request)
            }
            _ => world.get(client, cloud, &devices(cloud)),
        };
        match sent {
            Ok(response) => response.status().to_string(),
            Err(error) => told(&error),
        }
    } else {
        let token: Result<_> = client.token();
        token.map_or_else(|error| told(&error), |_| "OK".into())
    };
    with_traffic(world, step, seen, gave)
}

/// What a call gave, and what arrived at the cloud since so many entries were seen.
fn with_traffic(world: &World, step: Step, seen: usize, gave: String) -> String {
    let mut traffic: Vec<(&str, usize)> = Vec::new();
    let journal = world.sim.journal();
    for entry in &journal[seen..] {
        match traffic.last_mut() {
            Some((call, times)) if *call == entry.call => *times += 1,
            _ => traffic.push((entry.call, 1)),
        }
    }
    let times = |(call, times): &(&str, usize)| match times {
        1 => (*call).to_string(),
        times => format!("{call} x{times}"),
    };
    let traffic: Vec<String> = traffic.iter().map(times).collect();
    let mut traffic = traffic.join(", ");
    if !matches!(step, Step::Discovery | Step::BasicToken) {
        // IoTConnect's logins each begin with a basic token: where that is all, it goes unsaid.
        traffic = traffic.replace("basic-token, login", "login");
    }
    if traffic.is_empty() { gave } else { format!("{gave}: {traffic}") }
}

/// The status; and the error must be fit for a log.
fn told(error: &keyfob::Error) -> String {
    let message = error.message();
    assert!(!message.is_empty() && message.len() < 600, "{message}");
    assert!(!message.contains(char::is_control), "{message:?}");
    for secret in ["correct horse", "eyJ", "X-Evil", "tök€n", "xxxx"] {
        assert!(!message.contains(secret), "{message}");
    }
    error.status().name().to_string()
}

/// What a fault comes to: the call that meets it, the same call right after it has gone, and after
/// a while.
fn meet(
    world: &World,
    (step, cloud, name): (Step, Cloud, &str),
    patience: Duration,
) -> [String; 3] {
    let client = config(world, step, cloud).client().unwrap();
    if step == Step::Refresh || step.is_request() {
        client.token().unwrap();
    }
    if step == Step::Refresh {
        world.wind(LIFETIME + 1);
    }
    if name == "refuse" {
        world.sim.refuse(cloud, true);
    } else {
        world.sim.inject(Injection::at(cloud, step.call(), fault(name, cloud, &world.sim)));
    }
    let stalls = name.contains("stall");
    let first = match stalls {
        true => outcome(world, step, cloud, &client.share(Some(patience))),
        false => outcome(world, step, cloud, &client),
    };
    world.sim.clear_injections();
    world.sim.refuse(cloud, false);
    if stalls {
        // Before that an answer may still come, and is waited for.
        world.wind(AWAITED);
    }
    let again = outcome(world, step, cloud, &client);
    world.wind(LATER);
    let later = outcome(world, step, cloud, &client);
    assert!(!world.sim.locked(cloud));
    [first, again, later]
}

type Case = (Step, Cloud, String);

fn all_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for step in Step::ALL {
        for name in step.faults() {
            cases.extend(step.clouds().iter().map(|cloud| (step, *cloud, name.clone())));
        }
    }
    cases
}

/// Meets every fault, on as many simulators as there are threads.
fn meet_all(cases: Vec<Case>, patience: Duration) -> BTreeMap<Case, [String; 3]> {
    let (waiting, met) = (Mutex::new(cases), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let sim = Simulator::start();
                let mut world = World { sim, clock: Clock::manual() };
                loop {
                    let next = waiting.lock().unwrap().pop();
                    let Some(case) = next else { return };
                    world.sim.reset();
                    world.clock = Clock::manual();
                    let lifetime = Duration::from_secs(LIFETIME);
                    world.sim.set_lifetime(case.1, Some(lifetime), None);
                    let outcomes = meet(&world, (case.0, case.1, &case.2), patience);
                    met.lock().unwrap().insert(case, outcomes);
                }
            });
        }
    });
    met.into_inner().unwrap()
}

/// The rows of the table, of the one kind or the other.
fn rows(stories: bool) -> Vec<Value> {
    let table: Value = serde_json::from_str(include_str!("../data/faults.json")).unwrap();
    let rows = table.as_array().unwrap().iter();
    let rows = rows.filter(|row| row.get("transfer").is_none());
    rows.filter(|row| row.get("story").is_some() == stories).cloned().collect()
}

/// The table: for a step, a fault and perhaps a cloud, the three outcomes.
fn table() -> Vec<Value> {
    rows(false)
}

fn expected<'a>(table: &'a [Value], (step, cloud, name): &Case) -> Vec<&'a Value> {
    let has = |list: &Value, word: &str| list.as_array().unwrap().iter().any(|w| w == word);
    let rows = table.iter().filter(|row| row["step"] == step.name() && has(&row["faults"], name));
    let (own, general): (Vec<_>, Vec<_>) =
        rows.partition(|row| row.get("clouds").is_some_and(|list| has(list, cloud.name())));
    if own.is_empty() {
        general.into_iter().filter(|row| row.get("clouds").is_none()).collect()
    } else {
        own
    }
}

/// The cases that did not come to what the table says, and how.
fn mismatches(table: &[Value], met: BTreeMap<Case, [String; 3]>) -> Vec<(Case, String)> {
    let mut wrong = Vec::new();
    for (case, outcomes) in met {
        let rows = expected(table, &case);
        // `{n}` is the fault's own number: an API's status is passed on as it is.
        let number = case.2.split(':').find(|part| part.parse::<u16>().is_ok()).unwrap_or("{n}");
        let cell = |cell: &Value| cell.as_str().unwrap().replace("{n}", number);
        let wanted: Vec<[String; 3]> =
            rows.iter().map(|row| ["first", "again", "later"].map(|at| cell(&row[at]))).collect();
        if wanted != [outcomes.clone()] {
            let text = format!("{case:?}\n     came to {outcomes:?}\n  instead of {wanted:?}");
            wrong.push((case, text));
        }
    }
    wrong
}

#[test]
fn every_fault_at_every_step_comes_to_what_the_table_says() {
    let table = table();
    let wrong = mismatches(&table, meet_all(all_cases(), PATIENCE));
    let (again, mut wrong): (Vec<_>, Vec<_>) =
        wrong.into_iter().partition(|(c, _)| c.2.contains("stall"));
    let again = again.into_iter().map(|(case, _)| case).collect();
    wrong.extend(mismatches(&table, meet_all(again, MORE_PATIENCE)));
    let wrong: Vec<String> = wrong.into_iter().map(|(_, text)| text).collect();
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// Plays a story: a fault that stays, and calls one after the other.
fn play(world: &World, story: &Value, cloud: Cloud, name: &str) -> Vec<String> {
    let kind = story["story"].as_str().unwrap();
    let at = story["at"].as_str().unwrap();
    let step = *Step::ALL.iter().find(|step| step.name() == at).unwrap();
    let mut config = config(world, step, cloud);
    config.set("retries", "0").unwrap();
    let client = config.client().unwrap();
    if kind != "none" {
        client.token().unwrap();
    }
    if kind == "expired" {
        world.wind(LIFETIME + 1);
    }
    world.sim.inject(Injection::at(cloud, step.call(), fault(name, cloud, &world.sim)));
    let mut played = Vec::new();
    for call in story["calls"].as_array().unwrap() {
        world.wind(call[0].as_u64().unwrap());
        if kind == "told" {
            let seen = world.sim.journal().len();
            let outcome = client.refused(client.token().unwrap().expose());
            let gave = outcome.map_or_else(|error| told(&error), |()| "OK".into());
            played.push(with_traffic(world, step, seen, gave));
        } else {
            played.push(outcome(world, step, cloud, &client));
        }
    }
    assert!(!world.sim.locked(cloud));
    played
}

#[test]
fn a_fault_that_stays_comes_to_what_the_table_says_call_by_call() {
    let mut wrong = Vec::new();
    for story in rows(true) {
        let clouds = story.get("clouds").map(|list| list.as_array().unwrap().clone());
        let is_meant = |cloud: &&Cloud| {
            clouds.as_ref().is_none_or(|list| list.iter().any(|c| c == cloud.name()))
        };
        for cloud in FOUR.iter().filter(is_meant) {
            for name in story["faults"].as_array().unwrap() {
                let world = World::new();
                let lifetime = Duration::from_secs(LIFETIME);
                world.sim.set_lifetime(*cloud, Some(lifetime), None);
                let played = play(&world, &story, *cloud, name.as_str().unwrap());
                let calls = story["calls"].as_array().unwrap().iter();
                let wanted: Vec<&str> = calls.map(|call| call[1].as_str().unwrap()).collect();
                // `*` is any failure: which one, the first table says.
                let is_as = |played: &String, wanted: &str| match wanted.strip_prefix('*') {
                    Some(traffic) => {
                        played.ends_with(traffic)
                            && !played.starts_with("OK")
                            && played.contains(": ") != traffic.is_empty()
                    }
                    None => played == wanted,
                };
                if !played.iter().zip(&wanted).all(|(played, wanted)| is_as(played, wanted)) {
                    let what = &story["what"];
                    wrong.push(format!(
                        "{what} {cloud:?} {name}\n     came to {played:?}\n  instead of {wanted:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_names_no_fault_twice_and_none_that_there_is_not() {
    let mut seen = BTreeSet::new();
    for row in table() {
        let step = Step::ALL.into_iter().find(|step| row["step"] == step.name()).unwrap();
        let known = step.faults();
        for name in row["faults"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            assert!(known.iter().any(|k| k == name), "{step:?}: {name}");
            let clouds = row.get("clouds").map(Value::to_string);
            assert!(seen.insert((step, name.to_string(), clouds)), "{step:?}: {name} twice");
        }
    }
}

#[test]
fn whatever_becomes_of_a_revocation_the_tokens_are_forgotten() {
    let cloud = Cloud::OAuth2;
    let world = World::new();
    for name in Step::Request.faults() {
        world.sim.reset();
        let mut config = Config::new("oauth2").unwrap();
        config.set("ca_file", world.sim.ca_file().to_str().unwrap()).unwrap();
        config.set("issuer", &world.sim.base_url(cloud)).unwrap();
        for (option, value) in &credentials::logins(cloud)[1].1 {
            config.set(option, value).unwrap();
        }
        config.set_clock(Clock::manual());
        let client = config.client().unwrap();
        client.token().unwrap();
        // Else no new connection is made for a fault to strike.
        world.sim.close_idle_connections(cloud);
        if name == "refuse" {
            world.sim.refuse(cloud, true);
        } else {
            let fault = fault(&name, cloud, &world.sim);
            world.sim.inject(Injection::at(cloud, "revoke", fault));
        }
        let patience = name.contains("stall").then_some(Duration::from_millis(100));
        client.share(patience).forget().unwrap();
        world.sim.refuse(cloud, false);
        world.sim.clear_injections();
        assert_eq!(client.try_token().unwrap_err().status(), Status::WouldBlock, "{name}");
    }
}

/// Prints what comes, grouped as the table is, for a person to judge line by line.
#[test]
#[ignore = "prints a table to be judged, and judges nothing"]
fn print() {
    let met = meet_all(all_cases(), PATIENCE);
    for step in Step::ALL {
        let mut rows: Vec<([String; 3], Option<Vec<&str>>, Vec<String>)> = Vec::new();
        for name in step.faults() {
            let mut by_outcome: Vec<(&[String; 3], Vec<&str>)> = Vec::new();
            for cloud in step.clouds() {
                let outcome = &met[&(step, *cloud, name.clone())];
                match by_outcome.iter_mut().find(|(known, _)| *known == outcome) {
                    Some((_, clouds)) => clouds.push(cloud.name()),
                    None => by_outcome.push((outcome, vec![cloud.name()])),
                }
            }
            by_outcome.sort_by_key(|(_, clouds)| std::cmp::Reverse(clouds.len()));
            for (index, (outcome, clouds)) in by_outcome.into_iter().enumerate() {
                let clouds = (index > 0).then_some(clouds);
                match rows.iter_mut().find(|(o, c, _)| o == outcome && *c == clouds) {
                    Some((_, _, names)) => names.push(name.clone()),
                    None => rows.push((outcome.clone(), clouds, vec![name.clone()])),
                }
            }
        }
        for (outcome, clouds, names) in rows {
            let clouds = clouds.map_or(String::new(), |c| format!(r#""clouds": {}, "#, json!(c)));
            println!(
                r#"{{"step": "{}", {clouds}"what": "", "faults": {}, "first": {}, "again": {}, "later": {}}},"#,
                step.name(),
                json!(names),
                json!(outcome[0]),
                json!(outcome[1]),
                json!(outcome[2])
            );
        }
    }
}
