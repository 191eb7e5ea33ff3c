//! Another process with a client of its own: this test program, started again with a job.

use crate::common::World;
use crate::common::directory::Directory;
use keyfob::{Clock, Config};
use keyfob_simulator::{Cloud, credentials};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const JOB: &str = "KEYFOB_JOB";

/// A job for a worker: what to do, and the client to do it with.
#[derive(Clone)]
pub struct Job(Value);

impl Job {
    /// A job of this name, with a client of the cloud's first login.
    pub fn new(name: &str, world: &World, cloud: Cloud, directory: &Directory) -> Job {
        let mut options = json!({
            "base_url": world.sim.base_url(cloud),
            "allowed_origins": world.sim.api_url(cloud),
            "ca_file": world.sim.ca_file(),
            "store": directory.option(),
        });
        for (option, value) in &credentials::logins(cloud)[0].1 {
            options[*option] = json!(value);
        }
        Job(json!({"job": name, "cloud": cloud.name(), "options": options}))
    }

    /// Sets an option of the client, or a detail of the job.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Job {
        let of_client = matches!(name, "password" | "user_agent");
        let place = if of_client { &mut self.0["options"] } else { &mut self.0 };
        place[name] = value.into();
        self
    }

    /// This program as a worker, to be started by another program: a tracer.
    pub fn under(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).arg(std::env::current_exe().unwrap());
        self.complete(command)
    }

    fn complete(&self, mut command: Command) -> Command {
        command.args(["--exact", "worker::at_work", "--include-ignored", "--nocapture"]);
        command.env(JOB, self.0.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn start(&self) -> Worker {
        let command = Command::new(std::env::current_exe().unwrap());
        Worker(self.complete(command).spawn().unwrap())
    }
}

/// A worker under way; killed when dropped.
pub struct Worker(Child);

impl Worker {
    /// The next thing it says; `None` at its end.
    pub fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        let stdout = self.0.stdout.as_mut().unwrap();
        // One byte at a time: what is read ahead here would be lost for the next call.
        let mut byte = [0];
        while stdout.read(&mut byte).unwrap() == 1 {
            match byte[0] {
                b'\n' => match line.strip_prefix(SAYS) {
                    Some(said) => return Some(said.into()),
                    None => line.clear(),
                },
                other => line.push(other.into()),
            }
        }
        None
    }

    /// Lets it come to its end, by closing its input, and gives what it says till then.
    pub fn finish(mut self) -> Vec<String> {
        drop(self.0.stdin.take());
        let said = said(self.0.stdout.take().unwrap());
        let end = self.0.wait().unwrap();
        let mut stderr = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert!(end.success(), "{end}: {stderr}");
        said
    }

    pub fn input(&mut self) -> &mut std::process::ChildStdin {
        self.0.stdin.as_mut().unwrap()
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What a worker said, of all its output.
pub fn said(output: impl Read) -> Vec<String> {
    let lines = BufReader::new(output).lines().map(Result::unwrap);
    lines.filter_map(|line| line.strip_prefix(SAYS).map(str::to_string)).collect()
}

const SAYS: &str = "worker: ";

fn say(what: &str) {
    // Begun on a new line: the test harness's own may be unfinished.
    println!("\n{SAYS}{what}");
}

fn config(job: &Value) -> Config {
    let mut config = Config::new(job["cloud"].as_str().unwrap()).unwrap();
    config.load_json(&job["options"].to_string()).unwrap();
    if let Some(wound) = job["wound_s"].as_u64() {
        let clock = Clock::manual();
        clock.wind(Duration::from_secs(wound));
        config.set_clock(clock);
    }
    config
}

#[test]
#[ignore = "the other tests start it"]
fn at_work() {
    let Ok(job) = std::env::var(JOB) else { return };
    let job: Value = serde_json::from_str(&job).unwrap();
    let config = config(&job);
    match job["job"].as_str().unwrap() {
        "token" => token(&config),
        "share" => share(&config, job["api"].as_str().unwrap()),
        "day" => day(&config),
        "fork" => fork_while_renewing(&config),
        other => panic!("no job is called {other}"),
    }
}

/// Asks for a token, once; says what is wrong with the store, if something is.
fn token(config: &Config) {
    let client = match config.client() {
        Ok(client) => client,
        Err(error) => return say(&format!("error {error}")),
    };
    match client.token() {
        Ok(token) => say(&format!("token {}", token.expose())),
        Err(error) => say(&format!("error {error}")),
    }
    let status: Value = serde_json::from_str(&client.status_json()).unwrap();
    if let Some(fault) = status["store"]["fault"]["message"].as_str() {
        say(&format!("fault {fault}"));
    }
}

/// Asks on eight threads until the input is closed, and says of each token when it was first had and
/// when it was last asked for.
fn share(config: &Config, api: &str) {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, Ordering};
    let client = config.client().unwrap();
    let over = AtomicBool::new(false);
    let thread = || {
        let mut tokens = BTreeMap::<String, (u128, u128, u64)>::new();
        while !over.load(Ordering::Relaxed) {
            let asked = now();
            let token = client.token().unwrap();
            let had = now();
            let seen = tokens.entry(token.expose().into()).or_insert((had, asked, 0));
            *seen = (seen.0.min(had), seen.1.max(asked), seen.2 + 1);
            std::thread::sleep(Duration::from_millis(1));
        }
        tokens
    };
    let requests = || {
        let mut sent = 0;
        while !over.load(Ordering::Relaxed) {
            let request = keyfob::Request::new("GET", api).unwrap();
            assert_eq!(client.send(&request).unwrap().status(), 200);
            sent += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        sent
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(thread)).collect();
        let requests = scope.spawn(requests);
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        over.store(true, Ordering::Relaxed);
        for thread in threads {
            for (token, (had, asked, times)) in thread.join().unwrap() {
                say(&format!("{token} {had} {asked} {times}"));
            }
        }
        say(&format!("requests {}", requests.join().unwrap()));
    });
}

/// Nanoseconds by a clock that all processes share.
fn now() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
}

/// Twenty-four tokens that live an hour each.
fn day(config: &Config) {
    let client = config.client().unwrap();
    for _ in 0..24 {
        for _ in 0..100 {
            client.token().unwrap();
        }
        client.wind(Duration::from_secs(3600));
    }
    client.token().unwrap();
    say("done");
}

/// Forks while another thread renews, and leaves the child to wait for ever.
fn fork_while_renewing(config: &Config) {
    unsafe extern "C" {
        fn fork() -> i32;
        fn pause() -> i32;
    }
    let client = config.client().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| client.token());
        std::io::stdin().read_exact(&mut [0]).unwrap();
        // SAFETY: the child calls nothing but what is safe in the child of a process with threads.
        let child = unsafe { fork() };
        if child == 0 {
            loop {
                // SAFETY: as above.
                unsafe { pause() };
            }
        }
        say(&format!("{child}"));
    });
}
