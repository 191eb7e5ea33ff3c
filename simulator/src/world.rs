//! What all connections of one simulator share.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::clouds::{self, Cloud, ORIGINS, Role, Scene};
use crate::fault::Fault;
use crate::http::{Answer, Request};
use crate::injection::{Injection, Injections, Struck};
use crate::journal::Journal;
use crate::listen::Door;
use crate::lock::lock;
use crate::ports::Ports;
use crate::site::Site;
use crate::tls::Faces;

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: usize,
    /// Index into [`ORIGINS`].
    pub(crate) origin: usize,
    pub(crate) socket: Arc<TcpStream>,
    phase: AtomicU8,
    /// It ends as soon as no request is under way.
    doomed: AtomicBool,
}

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waiting for a request.
    Idle = 0,
    /// Reading a request or carrying it out.
    Busy = 1,
    /// Sending the answer, of which the client may have all already.
    Answering = 2,
}

impl Line {
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    fn is_in(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::SeqCst) == phase as u8
    }

    /// To be asked after [`Line::enter`] with [`Phase::Idle`], so that either side sees the other.
    pub(crate) fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::SeqCst)
    }

    /// Closes the connection now if it is idle, or when it next is. A client that has its whole
    /// answer takes the connection for idle, so the last of an answer is waited for, briefly.
    fn doom(&self) {
        self.doomed.store(true, Ordering::SeqCst);
        let until = Instant::now() + Duration::from_millis(50);
        while self.is_in(Phase::Answering) && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(100));
        }
        if self.is_in(Phase::Idle) {
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }
}

/// Where the certificates lie.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) ca: PathBuf,
    pub(crate) client_cert: PathBuf,
    pub(crate) client_key: PathBuf,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) injections: Injections,
    pub(crate) faces: Faces,
    pub(crate) ports: Ports,
    pub(crate) paths: Paths,
    /// Two for each origin that is open, with the origin's index.
    pub(crate) doors: Mutex<Vec<(usize, Door)>>,
    pub(crate) require_client_cert: AtomicBool,
    pub(crate) only_tls12: AtomicBool,
    sites: Vec<Mutex<Site>>,
    delays: Mutex<HashMap<(Cloud, String), Duration>>,
    lines: Mutex<HashMap<usize, Arc<Line>>>,
    next_line: AtomicUsize,
    accepted: Vec<AtomicUsize>,
    ended: Mutex<bool>,
    end: Condvar,
}

impl World {
    /// A request that comes by no connection: what a person's browser asks of a page.
    pub(crate) fn ask(&self, cloud: Cloud, tls: bool, request: &Request) -> Answer {
        let call = clouds::call_name(cloud, Role::Auth, request);
        let now_ms = self.clock.now_ms();
        let ports = &self.ports;
        let scene = Scene { cloud, role: Role::Auth, tls, now_ms, ports, client_cert: None };
        clouds::answer(&scene, &mut self.site(cloud), call, request)
    }

    pub(crate) fn new(ports: Ports, faces: Faces, paths: Paths) -> World {
        let clock = Clock::default();
        let now_ms = clock.now_ms();
        World {
            sites: Cloud::ALL
                .into_iter()
                .map(|cloud| Mutex::new(clouds::open_site(cloud, now_ms)))
                .collect(),
            clock,
            journal: Journal::default(),
            injections: Injections::default(),
            faces,
            ports,
            paths,
            doors: Mutex::default(),
            require_client_cert: AtomicBool::new(false),
            only_tls12: AtomicBool::new(false),
            delays: Mutex::default(),
            lines: Mutex::default(),
            next_line: AtomicUsize::new(1),
            accepted: ORIGINS.iter().map(|_| AtomicUsize::new(0)).collect(),
            ended: Mutex::new(false),
            end: Condvar::new(),
        }
    }

    /// As after the start; connections stay open.
    pub(crate) fn reset(&self) {
        self.clock.reset();
        self.injections.clear();
        self.require_client_cert.store(false, Ordering::SeqCst);
        self.only_tls12.store(false, Ordering::SeqCst);
        lock(&self.delays).clear();
        for cloud in Cloud::ALL {
            *self.site(cloud) = clouds::open_site(cloud, self.clock.now_ms());
        }
        self.journal.clear();
        self.accepted.iter().for_each(|count| count.store(0, Ordering::SeqCst));
    }

    pub(crate) fn site(&self, cloud: Cloud) -> MutexGuard<'_, Site> {
        lock(&self.sites[cloud.index()])
    }

    pub(crate) fn set_delay(&self, cloud: Cloud, call: &str, delay: Duration) {
        lock(&self.delays).insert((cloud, call.to_owned()), delay);
    }

    pub(crate) fn delay(&self, cloud: Cloud, call: &str) -> Option<Duration> {
        let delays = lock(&self.delays);
        if delays.is_empty() {
            return None;
        }
        delays.get(&(cloud, call.to_owned())).copied()
    }

    /// Adds a rule. One that strikes connections closes those that are idle, or they would let the
    /// next call past it.
    pub(crate) fn inject(&self, rule: Injection) {
        let cloud = rule.cloud;
        let strikes_connection = rule.fault.strikes_connection();
        self.injections.add(rule);
        if strikes_connection {
            self.close_idle(cloud);
        }
    }

    /// The fault of a connection that was just accepted, if a rule has one.
    pub(crate) fn connection_fault(&self, origin: usize, tls: bool) -> Option<Fault> {
        let (cloud, role) = ORIGINS[origin];
        let is_made_here = |call: &str| clouds::is_made_at(call, cloud, role);
        self.injections.take(cloud, Struck::Connection { is_made_here: &is_made_here, tls })
    }

    /// Closes the connections on which nothing is under way, and the others once that is so.
    pub(crate) fn close_idle(&self, cloud: Option<Cloud>) {
        self.lines(cloud).iter().for_each(|line| line.doom());
    }

    /// Cuts every connection, whatever is under way on it.
    pub(crate) fn cut(&self, cloud: Cloud) {
        let sockets = self.lines(Some(cloud));
        sockets.iter().for_each(|line| drop(line.socket.shutdown(Shutdown::Both)));
    }

    /// Whether any request is being carried out or answered.
    pub(crate) fn is_at_work(&self, cloud: Cloud) -> bool {
        self.lines(Some(cloud)).iter().any(|line| !line.is_in(Phase::Idle))
    }

    fn lines(&self, cloud: Option<Cloud>) -> Vec<Arc<Line>> {
        let meant = |line: &&Arc<Line>| cloud.is_none_or(|cloud| ORIGINS[line.origin].0 == cloud);
        lock(&self.lines).values().filter(meant).cloned().collect()
    }

    pub(crate) fn open_line(&self, origin: usize, socket: TcpStream) -> Arc<Line> {
        self.accepted[origin].fetch_add(1, Ordering::SeqCst);
        let line = Arc::new(Line {
            number: self.next_line.fetch_add(1, Ordering::SeqCst),
            origin,
            socket: Arc::new(socket),
            phase: AtomicU8::new(Phase::Busy as u8),
            doomed: AtomicBool::new(false),
        });
        lock(&self.lines).insert(line.number, line.clone());
        if self.has_ended() {
            let _ = line.socket.shutdown(Shutdown::Both);
        }
        line
    }

    pub(crate) fn forget_line(&self, number: usize) {
        lock(&self.lines).remove(&number);
    }

    /// Connections accepted on an origin.
    pub(crate) fn accepted(&self, origin: usize) -> usize {
        self.accepted[origin].load(Ordering::SeqCst)
    }

    /// Waits, but not beyond the simulator's end.
    pub(crate) fn pause(&self, time: Duration) {
        let ended = lock(&self.ended);
        let _ = self.end.wait_timeout_while(ended, time, |ended| !*ended);
    }

    pub(crate) fn has_ended(&self) -> bool {
        *lock(&self.ended)
    }

    /// Ends every wait and every connection, and gives their threads a moment to go.
    pub(crate) fn finish(&self) {
        *lock(&self.ended) = true;
        self.end.notify_all();
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            let lines = lock(&self.lines);
            if lines.is_empty() {
                return;
            }
            for line in lines.values() {
                let _ = line.socket.shutdown(Shutdown::Both);
            }
            drop(lines);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
