//! One identity on many machines, over Redis: each test starts a server of its own, on a socket in a
//! directory. Machines are clocks that know nothing of each other's moments.

#[path = "it/common/mod.rs"]
mod common;
#[path = "redis/lost_writes.rs"]
mod lost_writes;
#[path = "redis/sentinel.rs"]
mod sentinel;
#[path = "redis/server.rs"]
mod server;
#[path = "redis/tls.rs"]
mod tls;

use common::{World, counter, status, until};
use keyfob::{Client, Config, Status};
use keyfob_simulator::{Fault, Rotation};
use server::{CLOUD, Machine, Server, machines};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[test]
fn machines_that_share_a_server_are_one_client() {
    let (world, server) = (World::new(), Server::start("redis-share", &[]));
    world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
    let machines = machines();
    let clients: Vec<Client> = machines.iter().map(|m| m.client(&world, &server)).collect();
    let first = clients[0].token().unwrap();
    for client in &clients {
        assert_eq!(client.token().unwrap(), first, "it is looked for before anyone logs in");
    }
    for _ in 0..3 {
        world.sim.wind(Duration::from_secs(3601));
        machines.iter().for_each(|machine| machine.clock.wind(Duration::from_secs(3601)));
        std::thread::scope(|scope| {
            for client in &clients {
                scope.spawn(|| client.token().unwrap());
            }
        });
    }
    let late = Machine::new("late", 5).client(&world, &server);
    assert_eq!(late.token().unwrap(), clients[0].token().unwrap());
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "refresh", "refresh"]);
    assert_eq!(world.sim.reuse_count(CLOUD), 0);
    assert_eq!(
        status(&late)["store"]["kind"].as_str().map(|kind| kind.contains("redis")),
        Some(true)
    );
}

#[test]
fn a_server_that_is_gone_costs_no_login_while_a_token_is_good() {
    let (world, mut server) = (World::new(), Server::start("redis-gone", &[]));
    let (one, other) = (Machine::new("one", 0), Machine::new("other", 50));
    let clients = [one.client(&world, &server), other.client(&world, &server)];
    let first = clients[0].token().unwrap();
    assert_eq!(clients[1].token().unwrap(), first);
    server.stop();
    let due = Duration::from_secs(3600 - 149);
    for machine in [&one, &other] {
        machine.clock.wind(due);
    }
    world.sim.wind(due);
    for client in &clients {
        for _ in 0..3 {
            assert_eq!(client.token().unwrap(), first, "the good token is served");
        }
        let fault = status(client)["store"]["fault"].to_string();
        assert!(fault.contains("cannot be"), "and the fault is told: {fault}");
    }
    assert_eq!(world.token_calls(CLOUD), ["login"], "nobody logs in who need not");
    server.restart();
    // Left alone for a while; then it is used again.
    until(|| clients[0].token().unwrap() != first);
    until(|| clients[1].token().unwrap() != first);
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn who_lost_the_lock_writes_nothing() {
    let (world, server) = (World::new(), Server::start("redis-fence", &[]));
    let machine = Machine::new("one", 0);
    let client = machine.client(&world, &server);
    let first = client.token().unwrap();
    let (record, written) = (server.record(), server.ask(&["HGET", &server.record(), "version"]));
    world.sim.set_delay(CLOUD, "refresh", Duration::from_millis(300));
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| client.renew().unwrap());
        until(|| world.sim.count(CLOUD, "refresh") > 0);
        // It was stopped for longer than its lease, and another has the lock by now.
        server.ask(&["SET", &format!("{record}.lock"), "another"]);
        renewing.join().unwrap();
        assert_ne!(client.token().unwrap(), first, "what was issued is served");
    });
    assert_eq!(server.ask(&["HGET", &record, "version"]), written);
    assert_eq!(server.ask(&["GET", &format!("{record}.lock")]), "another", "nor gives it back");
}

#[test]
fn a_holder_that_died_holds_nobody_up_beyond_its_lease() {
    let (world, server) = (World::new(), Server::start("redis-lease", &[]));
    let machine = Machine::new("one", 0);
    machine.client(&world, &server).token().unwrap();
    let lock = format!("{}.lock", server.record());
    server.ask(&["SET", &lock, "somebody who died", "PX", "700"]);
    machine.clock.wind(Duration::from_secs(3601));
    world.sim.wind(Duration::from_secs(3601));
    let client = machine.client(&world, &server);
    client.token().unwrap();
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
    server.ask(&["SET", &lock, "somebody who hangs"]);
    let hasty = client.share(Some(Duration::from_millis(200)));
    assert_eq!(hasty.renew().unwrap_err().status(), Status::Timeout, "nor beyond the call's time");
    assert_eq!(counter(&client, "refreshes"), 1);
}

#[test]
fn a_server_that_restarts_changes_nothing() {
    let (world, mut server) = (World::new(), Server::start("redis-restart", &[]));
    world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
    let machine = Machine::new("one", 0);
    let client = machine.client(&world, &server);
    client.token().unwrap();
    server.restart();
    client.renew().unwrap();
    assert_eq!(machine.client(&world, &server).token().unwrap(), client.token().unwrap());
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn a_write_that_was_lost_costs_one_login() {
    for apart in [0, 60] {
        let (world, server) = (World::new(), Server::start("redis-lost", &[]));
        world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
        let machines = machines();
        let wind = |by| {
            world.sim.wind(Duration::from_secs(by));
            machines.iter().for_each(|machine| machine.clock.wind(Duration::from_secs(by)));
        };
        let clients: Vec<Client> = machines.iter().map(|m| m.client(&world, &server)).collect();
        clients.iter().for_each(|client| drop(client.token().unwrap()));
        let record = server.record();
        server.ask(&["COPY", &record, "before"]);
        clients[0].renew().unwrap();
        // As a replica that takes over without the last write.
        server.ask(&["RENAME", "before", &record]);
        wind(apart);
        clients[1].renew().unwrap();
        assert_eq!(world.sim.families_lost(CLOUD), 1, "nobody can help that");
        let spent = world.sim.reuse_count(CLOUD);
        for _ in 0..3 {
            wind(3601);
            let newest = clients[0].token().unwrap();
            clients.iter().for_each(|client| assert_eq!(client.token().unwrap(), newest));
        }
        assert_eq!(world.sim.count(CLOUD, "login"), 2, "{apart} s apart");
        assert_eq!(world.sim.reuse_count(CLOUD), spent, "what was revoked is not sent");
    }
}

#[test]
fn a_refresh_token_that_was_refused_is_sent_by_nobody_else() {
    let (world, server) = (World::new(), Server::start("redis-refused", &[]));
    let machines = machines();
    let clients: Vec<Client> = machines.iter().map(|m| m.client(&world, &server)).collect();
    clients.iter().for_each(|client| drop(client.token().unwrap()));
    world.sim.revoke_refresh_tokens(CLOUD);
    world.answers_once(CLOUD, "login", Fault::status(400));
    for client in &clients {
        client.renew().unwrap_err();
    }
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh", "login"]);
}

#[test]
fn no_secret_of_the_servers_or_the_clouds_is_shown() {
    let world = World::new();
    let server = Server::start("redis-secret", &["--requirepass", "right-horse"]);
    let machine = Machine::new("one", 0);
    let mut config = machine.config(&world, &server);
    let socket = server.socket().display().to_string();
    config.set("store", &format!("redis+unix://{socket}?pass=wrong-horse")).unwrap();
    assert!(!config.get("store").unwrap().unwrap().contains("wrong-horse"));
    let client = config.client().unwrap();
    client.token().unwrap();
    let shown = client.status_json();
    assert!(shown.contains("cannot be"), "{shown}");
    assert!(!shown.contains("wrong-horse"), "{shown}");

    config.set("store", &format!("redis+unix://{socket}?pass=right-horse")).unwrap();
    config.set("store_key", &"0123456789abcdef".repeat(4)).unwrap();
    let token = config.client().unwrap().token().unwrap();
    let kept = Command::new("redis-cli")
        .args(["-s", &socket, "-a", "right-horse", "--no-auth-warning", "KEYS", "*"])
        .output()
        .unwrap();
    let key = String::from_utf8_lossy(&kept.stdout).lines().next().unwrap().to_string();
    let record = Command::new("redis-cli")
        .args(["-s", &socket, "-a", "right-horse", "--no-auth-warning", "HGETALL", &key])
        .output()
        .unwrap();
    let record = String::from_utf8_lossy(&record.stdout).to_string();
    assert!(record.contains("chacha20") && !record.contains(token.expose()), "{record}");
    for url in ["redis://me:wrong-horse@localhost:1/0", "redis://:wrong-horse@localhost"] {
        config.set("store", url).unwrap();
        assert!(config.get("store").unwrap().unwrap().contains("***"), "{url}");
    }
}

/// How often the server ran this command.
fn runs(server: &Server, command: &str) -> u64 {
    let stats = server.ask(&["INFO", "commandstats"]);
    let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
    let calls = line.and_then(|line| line.split("calls=").nth(1)?.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[test]
fn a_due_token_asks_no_server_while_another_renews() {
    let (world, server) = (World::new(), Server::start("redis-due", &[]));
    let machine = Machine::new("one", 0);
    let client = machine.client(&world, &server);
    let first = client.token().unwrap();
    let (record, due) = (server.record(), Duration::from_secs(3600 - 149));
    server.ask(&["SET", &format!("{record}.lock"), "another", "PX", "600000"]);
    machine.clock.wind(due);
    world.sim.wind(due);
    client.token().unwrap();
    server.ask(&["CONFIG", "RESETSTAT"]);
    let begun = std::time::Instant::now();
    for _ in 0..2000 {
        assert_eq!(client.token().unwrap(), first);
    }
    let seconds = begun.elapsed().as_secs() + 1;
    let asked = runs(&server, "hmget") + runs(&server, "eval");
    assert!(asked <= 4 * seconds + 4, "{asked} in {seconds} s");

    // What another stores is told, and taken over by the next call.
    let other = Machine::new("other", 77).client(&world, &server);
    server.ask(&["DEL", &format!("{record}.lock")]);
    other.renew().unwrap();
    let newer = other.token().unwrap();
    until(|| client.token().unwrap() == newer);
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn who_waits_for_a_lease_is_woken_and_asks_no_server() {
    let (world, server) = (World::new(), Server::start("redis-woken", &[]));
    let machines = machines();
    let clients: Vec<Client> = machines.iter().map(|m| m.client(&world, &server)).collect();
    clients.iter().for_each(|client| drop(client.token().unwrap()));
    world.sim.set_delay(CLOUD, "refresh", Duration::from_millis(700));
    world.sim.wind(Duration::from_secs(3601));
    machines.iter().for_each(|machine| machine.clock.wind(Duration::from_secs(3601)));
    server.ask(&["CONFIG", "RESETSTAT"]);
    std::thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| client.token().unwrap());
        }
    });
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
    // Two hundred a second each, if they were polling.
    let asked = runs(&server, "hmget") + runs(&server, "eval");
    assert!(asked < 60, "{asked}");
}

/// A way to the server on which, once, `meanwhile` happens before a command that contains these bytes
/// arrives.
fn way_to(
    server: &Server,
    before: &'static [u8],
    meanwhile: impl FnOnce() + Send + 'static,
) -> String {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, socket) = (format!("redis://{}", listener.local_addr().unwrap()), server.socket());
    let meanwhile = std::sync::Arc::new(std::sync::Mutex::new(Some(meanwhile)));
    std::thread::spawn(move || {
        for mut here in listener.incoming().map_while(Result::ok) {
            let Ok(mut there) = UnixStream::connect(&socket) else { continue };
            let (mut back, mut from) = (here.try_clone().unwrap(), there.try_clone().unwrap());
            let meanwhile = meanwhile.clone();
            std::thread::spawn(move || std::io::copy(&mut from, &mut back));
            std::thread::spawn(move || {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(some @ 1..) = here.read(&mut bytes) {
                    if bytes[..some].windows(before.len()).any(|part| part == before) {
                        if let Some(meanwhile) = meanwhile.lock().unwrap().take() {
                            meanwhile();
                        }
                    }
                    if there.write_all(&bytes[..some]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

#[test]
fn a_lock_that_was_lost_before_anything_was_sent_is_no_fault() {
    // Before a refresh the lock is prolonged with a proof that there is room; before a login, without.
    for (call, prolongs) in
        [("refresh", &b"'room'"[..]), ("login", &b"return redis.call('PEXPIRE'"[..])]
    {
        let (world, server) = (World::new(), Server::start("redis-lost", &[]));
        world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
        let machine = Machine::new("one", 0);
        machine.client(&world, &server).token().unwrap();
        let (record, socket) = (server.record(), server.socket());
        if call == "login" {
            server.ask(&["DEL", &record]);
        }
        // It was stopped for longer than its lease, and another has the lock by then.
        let steal = move || {
            let mut cli = Command::new("redis-cli");
            cli.arg("-s").arg(&socket).args([
                "SET",
                &format!("{record}.lock"),
                "thief",
                "PX",
                "400",
            ]);
            cli.stdout(Stdio::null()).status().unwrap();
        };
        machine.clock.wind(Duration::from_secs(3601));
        world.sim.wind(Duration::from_secs(3601));
        let mut config = machine.config(&world, &server);
        config.set("store", &way_to(&server, prolongs, steal)).unwrap();
        let client = config.client().unwrap();
        client.token().unwrap();
        assert_eq!(world.token_calls(CLOUD), ["login", call]);
        assert_eq!(status(&client)["store"]["fault"], serde_json::Value::Null);
        let sent = counter(&client, "logins") + counter(&client, "refreshes");
        assert_eq!(sent, 1, "nothing was sent without the lock");
    }
}

#[test]
fn a_server_that_restarts_meanwhile_costs_no_login() {
    let (world, mut server) = (World::new(), Server::start("redis-meanwhile", &[]));
    let machine = Machine::new("one", 0);
    let client = machine.client(&world, &server);
    client.token().unwrap();
    server.stop();
    machine.clock.wind(Duration::from_secs(3601));
    world.sim.wind(Duration::from_secs(3601));
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.token());
        std::thread::sleep(Duration::from_millis(100));
        server.restart();
        calling.join().unwrap().unwrap();
    });
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

#[test]
fn a_restart_after_a_long_wait_for_the_lock_costs_no_login() {
    let (world, mut server) = (World::new(), Server::start("redis-long-wait", &[]));
    let machine = Machine::new("one", 0);
    let client = machine.client(&world, &server);
    client.token().unwrap();
    let lock = format!("{}.lock", server.record());
    server.ask(&["SET", &lock, "somebody who was stopped"]);
    machine.clock.wind(Duration::from_secs(3601));
    world.sim.wind(Duration::from_secs(3601));
    let client = client.share(Some(Duration::from_secs(8)));
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| client.token());
        // More than half of what the call has.
        std::thread::sleep(Duration::from_millis(4100));
        server.stop();
        std::thread::sleep(Duration::from_millis(1300));
        server.restart();
        server.ask(&["DEL", &lock]);
        calling.join().unwrap().unwrap();
    });
    assert_eq!(world.token_calls(CLOUD), ["login", "refresh"]);
}

/// A server that answers each connection's commands with these bytes, whatever they are.
fn speaking(answer: &'static [u8], slowly: bool) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://:hidden-word@{}/0", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut asked = [0; 4096];
                while stream.read(&mut asked).is_ok_and(|read| read > 0) {
                    for part in answer.chunks(if slowly { 1 } else { usize::MAX }) {
                        if stream.write_all(part).is_err() {
                            return;
                        }
                        if slowly {
                            std::thread::sleep(Duration::from_millis(50));
                        }
                    }
                }
            });
        }
    });
    url
}

#[test]
fn whatever_answers_in_a_servers_place_harms_nobody() {
    static MUCH: [u8; 6 << 20] = [b'x'; 6 << 20];
    let rows: [(&'static [u8], bool, &str); 12] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", false, "makes no sense"),
        (b"$4294967295\r\nabc", false, "too large"),
        (b"*1000000000\r\n", false, "makes no sense"),
        (&MUCH, false, "makes no sense"),
        (b"", false, "no answer in time"),
        (b"+OK\r\n+OK\r\n", false, "makes no sense"),
        (b"+OK OK OK OK OK OK OK OK OK OK OK OK OK OK OK OK OK\r\n", true, "no answer in time"),
        (
            b"-WRONGPASS invalid username-password pair hidden-word\r\n",
            false,
            "the password in the URL",
        ),
        (
            b"-ERR unknown command `AUTH`, with args beginning with: `hidden-word`\r\n",
            false,
            "unknown command",
        ),
        (b"-ERR hidden-word\r\n", false, "***"),
        (b"-READONLY You can't write against a read only replica.\r\n", false, "the primary"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", false, "maxmemory"),
    ];
    for (answer, slowly, said) in rows {
        let (world, machine) = (World::new(), Machine::new("one", 0));
        let mut config = world.config(CLOUD, "password");
        config.set_clock(machine.clock.clone());
        config.set("store", &speaking(answer, slowly)).unwrap();
        config.set("timeout_ms", "2000").unwrap();
        let client = config.client().unwrap();
        let token = client.token();
        token.unwrap_or_else(|error| panic!("{said}: {error} {}", client.status_json()));
        let shown = client.status_json();
        assert!(shown.contains(said), "{said}: {shown}");
        assert!(!shown.contains("hidden-word"), "{shown}");
        assert_eq!(world.token_calls(CLOUD), ["login"], "{said}");
    }
}

#[test]
fn a_server_that_hangs_holds_no_call_beyond_its_time() {
    let (world, machine) = (World::new(), Machine::new("one", 0));
    let mut config = world.config(CLOUD, "password");
    config.set_clock(machine.clock.clone());
    config.set("store", &speaking(b"", false)).unwrap();
    let client = config.client().unwrap().share(Some(Duration::from_millis(100)));
    let begun = std::time::Instant::now();
    if let Err(error) = client.token() {
        assert_eq!(error.status(), Status::Timeout, "{error}");
    }
    // Not to the second that a command may take otherwise.
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[test]
fn a_replica_and_a_full_server_are_told_and_the_token_is_served() {
    let world = World::new();
    for (fault, command) in [
        ("the primary", &["REPLICAOF", "127.0.0.1", "1"][..]),
        ("maxmemory", &["CONFIG", "SET", "maxmemory", "1"][..]),
    ] {
        let server = Server::start("redis-cannot", &[]);
        world.sim.reset();
        let machine = Machine::new("one", 0);
        let client = machine.client(&world, &server);
        let first = client.token().unwrap();
        assert_eq!(server.ask(command), "OK");
        let due = Duration::from_secs(3600 - 149);
        machine.clock.wind(due);
        world.sim.wind(due);
        for _ in 0..3 {
            assert_eq!(client.token().unwrap(), first, "{fault}: the good token is served");
        }
        let told = status(&client)["store"]["fault"].to_string();
        assert!(told.contains(fault), "{told}");
        assert_eq!(world.token_calls(CLOUD), ["login"], "{fault}");
    }
}

/// What a process of the soak does: asks for tokens until it is killed.
#[test]
#[ignore = "the soak starts it"]
fn worker() {
    let Ok(job) = std::env::var("KEYFOB_REDIS_JOB") else { return };
    let mut config = Config::new(CLOUD.name()).unwrap();
    for (option, value) in job.lines().filter_map(|line| line.split_once('=')) {
        config.set(option, value).unwrap();
    }
    let client = config.client().unwrap();
    loop {
        client.token().ok();
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes with tokens of two seconds on one server, one of them killed or stopped past its lease all
/// the time, and the server killed, too. `make soak`, or by name with `--ignored --nocapture`.
#[test]
#[ignore = "takes as long as KEYFOB_SOAK_REDIS_S says"]
fn soak_processes_that_are_killed_and_stopped_over_redis() {
    let seconds = common::soak("KEYFOB_SOAK_REDIS_S", 60);
    let (world, mut server) =
        (World::new(), Server::start("redis-soak", &["--appendfsync", "always"]));
    world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
    world.sim.set_lifetime(CLOUD, Some(Duration::from_secs(2)), None);
    let mut job = format!(
        "base_url={}\nca_file={}\nstore={}\n",
        world.sim.base_url(CLOUD),
        world.sim.ca_file().display(),
        server.url()
    );
    let logins = keyfob_simulator::credentials::logins(CLOUD);
    logins[0].1.iter().for_each(|(name, value)| job.push_str(&format!("{name}={value}\n")));
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "worker"])
            .env("KEYFOB_REDIS_JOB", &job)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let signal = |process: &Child, name: &str| {
        Command::new("kill").args([name, &process.id().to_string()]).status().unwrap();
    };
    let mut workers: Vec<Child> = (0..6).map(|_| start()).collect();
    let (mut kills, mut stops, mut restarts) = (0, 0, 0);
    for second in 0..seconds {
        std::thread::sleep(Duration::from_secs(1));
        let one = second % 5;
        workers[one].kill().unwrap();
        workers[one].wait().unwrap();
        workers[one] = start();
        kills += 1;
        match second % 20 {
            1 => {
                signal(&workers[5], "-STOP");
                stops += 1;
            }
            // Longer than the lease.
            18 => signal(&workers[5], "-CONT"),
            10 => {
                server.restart();
                restarts += 1;
            }
            _ => {}
        }
    }
    for worker in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    println!(
        "{seconds} s: {kills} killed, {stops} stopped past the lease, {restarts} restarts of the server: \
         {} logins, {} refreshes, {} refresh tokens sent twice",
        world.sim.count(CLOUD, "login"),
        world.sim.count(CLOUD, "refresh"),
        world.sim.reuse_count(CLOUD),
    );
}
