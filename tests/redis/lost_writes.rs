//! A server that lost the last write, as a replica has that takes over: whoever has what was written puts
//! it back, and nobody sends the refresh token that was spent.

use crate::common::{World, status};
use crate::server::{CLOUD, Machine, Server, machines};
use keyfob::Client;
use keyfob_simulator::Rotation;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Machines on one server at a cloud that revokes the family of a refresh token that comes twice.
struct Fleet {
    world: World,
    server: Server,
    machines: Vec<Machine>,
    clients: Vec<Client>,
    record: String,
}

impl Fleet {
    fn start() -> Fleet {
        let (world, server) = (World::new(), Server::start("redis-lost-write", &[]));
        world.sim.set_rotation(CLOUD, Rotation::RevokeFamilyOnReuse);
        let machines = machines();
        let clients: Vec<Client> = machines.iter().map(|m| m.client(&world, &server)).collect();
        clients.iter().for_each(|client| drop(client.token().unwrap()));
        let fleet = Fleet { record: server.record(), world, server, machines, clients };
        // In use for a while: each hears by now of what is written.
        (0..4).for_each(|_| fleet.all_use_it());
        fleet
    }

    fn wind(&self, by: Duration) {
        self.world.sim.wind(by);
        self.machines.iter().for_each(|machine| machine.clock.wind(by));
    }

    /// A moment passes in which each machine uses its token.
    fn all_use_it(&self) {
        self.machines.iter().for_each(|machine| machine.clock.wind(Duration::from_millis(150)));
        self.clients.iter().for_each(|client| drop(client.token().unwrap()));
        std::thread::sleep(Duration::from_millis(20));
    }

    /// This happens, and then a replica without it takes over.
    fn lose(&self, what: impl FnOnce()) {
        self.server.ask(&["COPY", &self.record, "before"]);
        what();
        self.server.ask(&["RENAME", "before", &self.record]);
        self.server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        self.server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    }

    fn stored(&self) -> String {
        self.server.ask(&["HGET", &self.record, "record"])
    }

    /// What the fleet cost the cloud: logins, refresh tokens that came twice.
    fn cost(&self) -> (usize, usize) {
        let sim = &self.world.sim;
        assert_eq!(sim.families_lost(CLOUD), 0);
        (sim.count(CLOUD, "login"), sim.reuse_count(CLOUD))
    }
}

fn within_seconds(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came");
    }
}

#[test]
fn a_write_that_was_lost_is_put_back_by_who_has_it() {
    let fleet = Fleet::start();
    fleet.lose(|| fleet.clients[0].renew().unwrap());
    let newer = fleet.clients[0].token().unwrap();
    assert!(!fleet.stored().contains(newer.expose()), "it was lost");
    within_seconds(|| {
        fleet.all_use_it();
        fleet.clients.iter().all(|client| client.token().unwrap() == newer)
    });
    assert!(fleet.stored().contains(newer.expose()));
    for _ in 0..2 {
        fleet.wind(Duration::from_secs(3601));
        let next = fleet.clients[3].token().unwrap();
        fleet.clients.iter().for_each(|client| assert_eq!(client.token().unwrap(), next));
    }
    assert_eq!(fleet.cost(), (1, 0));
    assert_eq!(status(&fleet.clients[0])["store"]["fault"], serde_json::Value::Null);
}

#[test]
fn who_renews_after_a_failover_gives_others_time_to_put_it_back() {
    for expired in [false, true] {
        let fleet = Fleet::start();
        fleet.lose(|| fleet.clients[0].renew().unwrap());
        let (newer, done) = (fleet.clients[0].token().unwrap(), AtomicBool::new(false));
        if expired {
            fleet.machines[1].clock.wind(Duration::from_secs(3601));
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // The other is the first to notice.
                std::thread::sleep(Duration::from_millis(300));
                while !done.load(Ordering::Relaxed) {
                    fleet.machines[0].clock.wind(Duration::from_millis(150));
                    fleet.clients[0].token().unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            fleet.clients[1].renew().unwrap();
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(fleet.clients[1].token().unwrap() == newer, !expired);
        assert_eq!(fleet.cost(), (1, 0), "{expired}");
    }
}

#[test]
fn a_server_that_lost_everything_is_given_it_back() {
    let fleet = Fleet::start();
    let token = fleet.clients[0].token().unwrap();
    fleet.server.ask(&["FLUSHALL"]);
    fleet.server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    within_seconds(|| {
        fleet.all_use_it();
        fleet.stored().contains(token.expose())
    });
    let late = Machine::new("late", 5).client(&fleet.world, &fleet.server);
    assert_eq!(late.token().unwrap(), token);
    assert_eq!(fleet.cost(), (1, 0));
}

#[test]
fn what_was_forgotten_is_not_put_back() {
    let fleet = Fleet::start();
    // The one who renewed hears of nothing until another has forgotten.
    fleet.lose(|| fleet.clients[0].renew().unwrap());
    let newer = fleet.clients[0].token().unwrap();
    fleet.clients[1].forget().unwrap();
    within_seconds(|| {
        fleet.machines[0].clock.wind(Duration::from_millis(150));
        fleet.clients[0].token().unwrap() != newer
    });
    assert!(!fleet.stored().contains(newer.expose()));
    assert_eq!(fleet.world.sim.count(CLOUD, "login"), 2, "it is a new beginning for all");
    assert_eq!(fleet.world.sim.reuse_count(CLOUD), 0);

    // And where the forgetting was lost, it is put back.
    let fleet = Fleet::start();
    let token = fleet.clients[0].token().unwrap();
    fleet.lose(|| fleet.clients[1].forget().unwrap());
    let [of_one, of_other] = [0, 1].map(|which| &fleet.clients[which]);
    assert_eq!(of_other.expires_in(), Some(Duration::ZERO));
    within_seconds(|| {
        fleet.machines[1].clock.wind(Duration::from_millis(150));
        of_other.token().unwrap();
        fleet.machines[0].clock.wind(Duration::from_millis(150));
        of_one.token().unwrap() != token
    });
    assert_eq!(of_one.token().unwrap(), of_other.token().unwrap());
}

#[test]
fn a_fresh_token_hears_of_a_newer_one_without_being_refused() {
    let fleet = Fleet::start();
    fleet.clients[0].renew().unwrap();
    let newer = fleet.clients[0].token().unwrap();
    within_seconds(|| {
        fleet.all_use_it();
        fleet.clients.iter().all(|client| client.token().unwrap() == newer)
    });
    // Told once, and not asked each time.
    fleet.server.ask(&["CONFIG", "RESETSTAT"]);
    (0..20).for_each(|_| fleet.all_use_it());
    let asked = crate::runs(&fleet.server, "hmget");
    assert!(asked <= 2 * fleet.clients.len() as u64, "{asked}");
}
