//! `redis+sentinel://`: a primary, a replica and a sentinel of Debian's, and a failover.

use crate::common::{World, status, until};
use crate::server::{CLOUD, Machine, Server, free_port};
use keyfob::Client;
use keyfob_simulator::Rotation;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SERVERS_WORD: &str = "servers-horse";
const SENTINELS_WORD: &str = "sentinels-horse";

/// Two servers, the first of them the primary at first, and who watches them.
struct Watched {
    servers: [Server; 2],
    ports: [u16; 2],
    sentinel: Child,
    port: u16,
    has_passwords: bool,
}

impl Watched {
    fn start(has_passwords: bool) -> Watched {
        let ports = [free_port(), free_port()];
        let servers = [0, 1].map(|which| {
            let mut server = Server::new("redis-watched");
            server.with("--port", &ports[which].to_string());
            server.with("--repl-diskless-sync-delay", "0");
            if has_passwords {
                server.password(SERVERS_WORD);
                server.with("--masterauth", SERVERS_WORD);
            }
            server
        });
        let [mut primary, mut replica] = servers;
        primary.restart();
        replica.arguments.extend(["--replicaof", "127.0.0.1"].map(str::to_string));
        replica.arguments.push(ports[0].to_string());
        replica.restart();
        until(|| replica.ask(&["INFO", "replication"]).contains("master_link_status:up"));
        let (port, file) = (free_port(), primary.directory.0.join("sentinel.conf"));
        let mut lines = format!(
            "port {port}\nsentinel monitor fleet 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds fleet 1000\nsentinel failover-timeout fleet 5000\n",
            ports[0]
        );
        if has_passwords {
            lines +=
                &format!("requirepass {SENTINELS_WORD}\nsentinel auth-pass fleet {SERVERS_WORD}\n");
        }
        std::fs::write(&file, lines).unwrap();
        let sentinel =
            Command::new("redis-server").arg(&file).arg("--sentinel").stdout(Stdio::null()).spawn();
        let sentinel = sentinel.expect("redis-server: tools/setup test");
        let watched = Watched { servers: [primary, replica], ports, sentinel, port, has_passwords };
        until(|| watched.ask(&["SENTINEL", "replicas", "fleet"]).contains(&ports[1].to_string()));
        watched
    }

    /// What the sentinel answers.
    fn ask(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port.to_string()]);
        if self.has_passwords {
            cli.args(["-a", SENTINELS_WORD, "--no-auth-warning"]);
        }
        let said = cli.args(command).stderr(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&said.stdout).trim().to_string()
    }

    fn fails_over(&self) {
        until(|| self.ask(&["SENTINEL", "FAILOVER", "fleet"]) == "OK");
        let new = self.ports[1].to_string();
        until(|| self.ask(&["SENTINEL", "get-master-addr-by-name", "fleet"]).ends_with(&new));
        until(|| self.servers[0].ask(&["ROLE"]).starts_with("slave"));
    }

    fn url(&self) -> String {
        let (login, settings) = match self.has_passwords {
            true => (format!(":{SERVERS_WORD}@"), format!("?sentinel_pass={SENTINELS_WORD}")),
            false => Default::default(),
        };
        format!("redis+sentinel://{login}127.0.0.1:1,127.0.0.1:{}/fleet{settings}", self.port)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.sentinel.kill().ok();
        self.sentinel.wait().ok();
    }
}

fn client(world: &World, machine: &Machine, url: &str) -> Client {
    let mut config = world.config(CLOUD, "password");
    config.set_clock(machine.clock.clone());
    config.set("store", url).unwrap();
    config.client().unwrap()
}

#[test]
fn a_failover_of_the_sentinels_costs_no_login() {
    for has_passwords in [false, true] {
        let (world, watched) = (World::new(), Watched::start(has_passwords));
        world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
        let [one, other] = [Machine::new("one", 0), Machine::new("other", 77)];
        let clients = [&one, &other].map(|machine| client(&world, machine, &watched.url()));
        clients.iter().for_each(|client| drop(client.token().unwrap()));
        clients[0].renew().unwrap();
        // A write that the replica has.
        let version = ["HGET", &watched.servers[0].record(), "version"];
        let written = watched.servers[0].ask(&version);
        until(|| watched.servers[1].ask(&version) == written);
        watched.fails_over();
        clients[0].renew().unwrap();
        until(|| {
            other.clock.wind(Duration::from_millis(150));
            clients[0].token().unwrap() == clients[1].token().unwrap()
        });
        assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "refresh"]);
        assert_eq!(world.sim.reuse_count(CLOUD), 0);
        for client in &clients {
            assert_eq!(status(client)["store"]["fault"], serde_json::Value::Null);
        }
    }
}

#[test]
fn sentinels_that_let_nobody_in_are_told_without_their_password() {
    let (world, watched) = (World::new(), Watched::start(true));
    for (url, says) in [
        (watched.url().replace(SENTINELS_WORD, "wrong-horse"), "sentinel_pass"),
        (watched.url().replace("?sentinel_pass=sentinels-horse", ""), "sentinel_pass"),
        (watched.url().replace(SERVERS_WORD, "wrong-horse"), "the user and the password"),
        (watched.url().replace("/fleet", "/navy"), "knows a service navy"),
    ] {
        world.sim.reset();
        let client = client(&world, &Machine::new("one", 0), &url);
        client.token().unwrap();
        let shown = client.status_json();
        let fault = status(&client)["store"]["fault"].to_string();
        assert!(fault.contains(says), "{says}: {fault}");
        assert!(!shown.contains("horse"), "{shown}");
    }
}
