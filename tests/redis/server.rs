//! A server of Redis that a test starts on a socket in a directory, and machines that use it: clocks that
//! know nothing of each other's moments.

use crate::common::directory::Directory;
use crate::common::{World, until};
use keyfob::{Client, Clock, Config};
use keyfob_simulator::Cloud;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub const CLOUD: Cloud = Cloud::Simacan;

pub struct Server {
    pub directory: Directory,
    pub arguments: Vec<String>,
    /// What it asks for (`requirepass`).
    word: Option<String>,
    process: Option<Child>,
}

impl Server {
    /// One that is not started yet.
    pub fn new(name: &str) -> Server {
        let directory = Directory::new(name);
        std::fs::create_dir_all(&directory.0).unwrap();
        Server { directory, arguments: Vec::new(), word: None, process: None }
    }

    pub fn start(name: &str, arguments: &[&str]) -> Server {
        let mut server = Server::new(name);
        server.arguments.extend(arguments.iter().map(|argument| argument.to_string()));
        server.restart();
        server
    }

    /// One more argument for the next start.
    pub fn with(&mut self, option: &str, value: &str) {
        self.arguments.extend([option.to_string(), value.to_string()]);
    }

    /// Lets in whoever says this, from the next start on.
    pub fn password(&mut self, word: &str) {
        self.with("--requirepass", word);
        self.word = Some(word.into());
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.0.join("redis.sock")
    }

    pub fn restart(&mut self) {
        self.stop();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "yes", "--unixsocket"]);
        command.arg(self.socket()).arg("--dir").arg(&self.directory.0).args(&self.arguments);
        let process =
            command.stdout(Stdio::null()).spawn().expect("redis-server: tools/setup test");
        self.process = Some(process);
        until(|| std::os::unix::net::UnixStream::connect(self.socket()).is_ok());
        until(|| !self.ask(&["PING"]).starts_with("LOADING"));
    }

    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
        std::fs::remove_file(self.socket()).ok();
    }

    /// What the server answers to a command.
    pub fn ask(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        if let Some(word) = &self.word {
            cli.args(["-a", word, "--no-auth-warning"]);
        }
        cli.arg("-s").arg(self.socket()).args(command).stderr(Stdio::null());
        String::from_utf8_lossy(&cli.output().unwrap().stdout).trim().to_string()
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// The key of the one record that has a token in it.
    pub fn record(&self) -> String {
        let keys = self.ask(&["KEYS", "keyfob:*"]);
        let of_identity = keys.lines().find(|key| !key.ends_with(".lock"));
        of_identity.expect("a record").to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port on which nobody listens.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A machine: its boot is its own, and so is what it takes for the time.
pub struct Machine {
    pub clock: Clock,
}

impl Machine {
    pub fn new(name: &str, up_for: u64) -> Machine {
        let clock = Clock::manual();
        clock.set_machine(name);
        clock.wind(Duration::from_secs(up_for));
        clock.set_wall(up_for as i64);
        Machine { clock }
    }

    pub fn config(&self, world: &World, server: &Server) -> Config {
        let mut config = world.config(CLOUD, "password");
        config.set_clock(self.clock.clone());
        config.set("store", &server.url()).unwrap();
        config
    }

    pub fn client(&self, world: &World, server: &Server) -> Client {
        self.config(world, server).client().unwrap()
    }
}

pub fn machines() -> Vec<Machine> {
    (0..4).map(|n| Machine::new(&format!("machine {n}"), n * 100_000)).collect()
}
