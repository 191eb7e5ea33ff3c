//! kill -9 at every step of the way: the next start finds the old state whole or the new, and gets a
//! token.

use crate::common::directory::Directory;
use crate::common::{self, World};
use crate::trace::{self, Watched};
use crate::worker::{self, Job};
use keyfob::{Clock, Status};
use keyfob_simulator::{Cloud, Rotation};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

pub const CLOUD: Cloud = Cloud::Simacan;

/// What the process that is killed is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Nothing is stored; it logs in.
    Login,
    /// The stored token has expired; it refreshes.
    Refresh,
    /// Its password is wrong; the cloud says so.
    Rejection,
}

/// What the processes call themselves.
const KILLED: &str = "killed";
const NEXT: &str = "next";

const ACTS: [Act; 3] = [Act::Login, Act::Refresh, Act::Rejection];

/// A cloud that revokes the family on reuse, a store, and a process about to act.
pub struct Stage {
    pub world: World,
    pub directory: Directory,
    pub act: Act,
    pub before: Option<Vec<u8>>,
}

impl Stage {
    pub fn new() -> Stage {
        let (world, directory) = (World::new(), Directory::new("kill"));
        Stage { world, directory, act: Act::Login, before: None }
    }

    pub fn set(&mut self, act: Act) -> Job {
        self.act = act;
        self.world.sim.reset();
        self.world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
        self.world.clock = Clock::manual();
        std::fs::remove_dir_all(&self.directory.0).ok();
        let job = Job::new("token", &self.world, CLOUD, &self.directory);
        let job = job.with("user_agent", KILLED);
        let job = match act {
            Act::Login => job.with("wound_s", 0),
            Act::Refresh => {
                self.directory.client(&self.world, CLOUD).token().unwrap();
                self.world.wind(3601);
                job.with("wound_s", 3601)
            }
            Act::Rejection => job.with("wound_s", 0).with("password", "wrong"),
        };
        self.before = self.directory.contents();
        self.world.sim.clear_journal();
        job
    }

    /// What the names of the store's files have in common.
    pub fn stem(&mut self, act: Act) -> String {
        let job = self.set(act);
        job.start().finish();
        let record = self.directory.record();
        record.file_stem().unwrap().to_str().unwrap().to_string()
    }

    pub fn watched<'a>(&'a self, job: Job, stem: &'a str) -> Watched<'a> {
        Watched { job, directory: &self.directory, stem }
    }

    /// The token calls of whoever calls itself so, in order. What a killed process has sent may
    /// arrive when the next one is under way already.
    fn calls_of(&self, user_agent: &str) -> Vec<&'static str> {
        let journal = self.world.sim.journal();
        let its = journal.iter().filter(|entry| entry.header("user-agent") == Some(user_agent));
        its.map(|entry| entry.call).collect()
    }

    /// Starts again where a process was killed that had said this, and gives what it took.
    fn start_again(&self, said: &[String]) -> (bool, Vec<&'static str>) {
        let after = self.directory.contents();
        let is_new = after != self.before;
        assert!(is_new || said.is_empty(), "a token was handed out before it was durable");
        let mut config = self.directory.config(&self.world, CLOUD);
        if self.act == Act::Rejection {
            config.set("password", "wrong").unwrap();
        }
        config.set("user_agent", NEXT).unwrap();
        let client = config.client().unwrap();
        match (self.act, client.token()) {
            (Act::Rejection, Err(error)) if is_new => {
                assert_eq!(error.status(), Status::LoginOnHold, "{error}");
            }
            (Act::Rejection, Err(error)) => {
                assert_eq!(error.status(), Status::CredentialsRejected, "{error}");
            }
            (Act::Rejection, Ok(_)) => panic!("a token for a wrong password"),
            (_, token) => drop(token.unwrap()),
        }
        let status = client.status_json();
        assert!(status.contains("\"fault\":null"), "{status}");
        assert!(self.directory.files(".damaged").is_empty(), "a torn file");
        (is_new, self.calls_of(NEXT))
    }
}

#[test]
fn killed_at_each_system_call_the_state_is_the_old_or_the_new() {
    if !trace::permitted() {
        return;
    }
    let mut stage = Stage::new();
    for act in ACTS {
        let stem = stage.stem(act);
        let job = stage.set(act);
        let steps = trace::calls(&stage.watched(job, &stem).trace().0);
        let mut outcomes = BTreeMap::<String, usize>::new();
        for step in &steps {
            let job = stage.set(act);
            let end = stage.watched(job, &stem).kill_at(step);
            assert_eq!(end.status.signal(), Some(9), "{}", String::from_utf8_lossy(&end.stderr));
            let arrived = stage.calls_of(KILLED);
            let (is_new, calls) = stage.start_again(&worker::said(&end.stdout[..]));
            let expected: &[&str] = match (act, arrived.len(), is_new) {
                (_, 1, true) => &[],
                (Act::Login | Act::Rejection, _, false) => &["login"],
                (Act::Refresh, 0, false) => &["refresh"],
                // The cloud has rotated and the answer is lost: one try, then a login.
                (Act::Refresh, 1, false) => &["refresh", "login"],
                _ => panic!("{act:?} killed at {step:?}: {arrived:?}, new: {is_new}"),
            };
            assert_eq!(calls, expected, "{act:?} killed at {step:?}");
            *outcomes.entry(format!("{calls:?}")).or_default() += 1;
        }
        println!("{act:?} killed at each of {} calls; started again: {outcomes:?}", steps.len());
        assert!(outcomes.len() >= 2, "neither before nor after the save");
    }
}

#[test]
fn killed_at_any_time_the_state_is_the_old_or_the_new() {
    kill_at_random(30);
}

#[test]
#[ignore = "make soak"]
fn soak_kills() {
    kill_at_random(common::soak("KEYFOB_SOAK_KILLS", 1000));
}

fn kill_at_random(times: usize) {
    let mut stage = Stage::new();
    // Kills are spread over the time that it takes, which depends on the machine: found as we go.
    let mut whole = Duration::from_millis(100);
    let mut outcomes = BTreeMap::<(Act, String), usize>::new();
    let mut killed = 0;
    for act in ACTS.into_iter().cycle() {
        let mut worker = stage.set(act).start();
        std::thread::sleep(whole.mul_f64(random_fraction()));
        worker.kill();
        let said: Vec<String> = std::iter::from_fn(|| worker.hear()).collect();
        let was_done = !said.is_empty();
        whole = whole.mul_f64(if was_done { 0.9 } else { 1.1 });
        let (is_new, calls) = stage.start_again(&said);
        let allowed: &[&[&str]] = match (act, is_new) {
            (_, true) => &[&[]],
            (Act::Login | Act::Rejection, false) => &[&["login"]],
            (Act::Refresh, false) => &[&["refresh"], &["refresh", "login"]],
        };
        assert!(allowed.contains(&&calls[..]), "{act:?}, new: {is_new}: {calls:?}");
        if was_done {
            continue;
        }
        killed += 1;
        *outcomes.entry((act, format!("{calls:?}"))).or_default() += 1;
        if killed == times {
            break;
        }
    }
    println!("killed {killed} times before it was done; started again: {outcomes:?}");
}

fn random_fraction() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}
