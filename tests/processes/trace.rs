//! A worker under strace: what it does to its store, system call by system call.

use crate::common::directory::Directory;
use crate::worker::{self, Job};
use std::collections::HashMap;
use std::process::{Command, Output};

/// A worker to be watched by strace, which looks at what touches its store and at nothing else.
pub struct Watched<'a> {
    pub job: Job,
    pub directory: &'a Directory,
    /// What the names of the store's files have in common.
    pub stem: &'a str,
}

impl Watched<'_> {
    fn run(&self, log: &str, more: &[&str]) -> Output {
        let path = self.directory.0.to_str().unwrap();
        let parent = self.directory.0.parent().unwrap().to_str().unwrap();
        let ends = ["json", "new", "lock", "json.damaged"];
        let files = ends.map(|end| format!("{path}/{}.{end}", self.stem));
        let mut arguments = vec!["-f", "-qq", "-o", log, "-e", "trace=%file,%desc"];
        arguments.extend(["-P", path, "-P", parent]);
        arguments.extend(files.iter().flat_map(|file| ["-P", file]));
        arguments.extend(more);
        self.job.under("strace", &arguments).output().unwrap()
    }

    /// Lets it come to its end, and gives its system calls as strace writes them, with whole data,
    /// and what it said.
    pub fn trace(&self) -> (Vec<String>, Vec<String>) {
        let log = self.directory.0.with_extension("trace");
        let end = self.run(log.to_str().unwrap(), &["-y", "-xx", "-s", "65536"]);
        assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
        let text = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        let calls = text.lines().map(|line| line.split_once(' ').unwrap().1.trim_start().into());
        (calls.collect(), worker::said(&end.stdout[..]))
    }

    /// Lets this system call fail: with `EIO` as on a disk that is broken, with `EINTR` as where a
    /// signal comes.
    pub fn fail_at(&self, call: &Call, error: &str) -> Output {
        let inject = format!("inject={}:error={error}:when={}", call.name, call.time);
        self.run("/dev/null", &["-e", &inject])
    }

    /// Kills it as it begins this system call.
    pub fn kill_at(&self, call: &Call) -> Output {
        let inject = format!("inject={}:signal=KILL:when={}", call.name, call.time);
        self.run("/dev/null", &["-e", &inject])
    }
}

/// One of the system calls of a trace.
#[derive(Debug)]
pub struct Call {
    pub name: String,
    /// The how manieth of this name.
    pub time: usize,
}

/// The system calls of a trace, in order.
pub fn calls(trace: &[String]) -> Vec<Call> {
    let mut times = HashMap::<&str, usize>::new();
    let names = trace.iter().map(|line| line.split_once('(').unwrap().0);
    names
        .map(|name| {
            let time = times.entry(name).or_default();
            *time += 1;
            Call { name: name.into(), time: *time }
        })
        .collect()
}

/// Whether processes may be traced here; some containers do not let them.
pub fn permitted() -> bool {
    let strace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let tried = strace.expect("strace is missing; .ci/run installs it");
    let refused = String::from_utf8_lossy(&tried.stderr).contains("Operation not permitted");
    if refused {
        println!("not tried: this machine lets nobody trace system calls");
    } else {
        assert!(tried.status.success(), "{}", String::from_utf8_lossy(&tried.stderr));
    }
    !refused
}
