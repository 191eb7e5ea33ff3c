//! News from a server without asking: a second connection, on which the server tells each record that
//! is written and each lock that is given back (SUBSCRIBE).
//!
//! A process has one for all records of a server. No thread listens: whoever wants to know reads what
//! has come, which takes a system call and no word to the server. Whoever waits reads for everyone.
//! Where the server does not let it listen, records are looked at now and then.
//!
//! ```text
//! this process                          the server
//! SUBSCRIBE keyfob:{4f2c…}      ->
//!                               <-      subscribe keyfob:{4f2c…}        now news is sure to be heard
//!                               <-      message keyfob:{4f2c…} written  another process has renewed
//!                               <-      message keyfob:{4f2c…} free     a lock may be had
//! ```
//!
//! A connection that breaks may have missed some, so that is news of each record: everyone looks once.

use super::redis_protocol::{Reply, encode, parse};
use super::redis_server::{Server, limit};
use crate::http::stream::Stream;
use crate::support::call::{Call, SLICE};
use crate::support::process::PerProcess;
use crate::support::sync::{AtomicU64, locked};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a server that does not let us listen is not asked to again.
const DEAF_FOR: Duration = Duration::from_secs(10);

/// What was heard of one record.
#[derive(Default)]
pub(super) struct Heard {
    /// Grows with each piece of news, and whenever some may have been missed.
    number: AtomicU64,
    /// Whether news is sure to be heard.
    listens: AtomicBool,
}

impl Heard {
    /// The number of the last news. Whoever remembers it sees whether there was more.
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Whether there would be news if something were written: silence means nothing else.
    pub fn listens(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// Something was written, or may have been.
    fn is_news(&self) {
        self.number.fetch_add(1, Ordering::AcqRel);
    }
}

/// The connection, in each process.
pub(super) struct Ear(PerProcess<Mutex<Listening>>);

/// What a process hears by.
#[derive(Default)]
struct Listening {
    /// `None` where nothing is to be heard, or the server cannot be listened to at present.
    stream: Option<Stream>,
    /// What has come and is no whole answer yet.
    came: Zeroizing<Vec<u8>>,
    /// By channel.
    heard: HashMap<String, Arc<Heard>>,
    /// Not to be tried again before then.
    deaf_until: Option<Instant>,
}

impl Ear {
    /// One that listens to nothing yet, and has no connection.
    pub fn new() -> Ear {
        Ear(PerProcess::new())
    }

    /// Listens to this channel from now on. Until the server has said that it does, `listens` is false;
    /// then it is, and that counts as news.
    pub fn join(&self, server: &Server, channel: &str) -> Arc<Heard> {
        let listening = self.0.get(Mutex::default);
        let mut listening = locked(&listening);
        if let Some(heard) = listening.heard.get(channel) {
            return heard.clone();
        }
        let heard = Arc::<Heard>::default();
        listening.heard.insert(channel.into(), heard.clone());
        if listening.stream.is_some() {
            listening.tell(&[b"SUBSCRIBE", channel.as_bytes()]);
        } else {
            listening.open(server);
        }
        heard
    }

    /// Listens no longer, if nobody else does. Waits for nothing.
    pub fn leave(&self, channel: &str) {
        let Some(listening) = self.0.known() else { return };
        let mut listening = locked(&listening);
        let is_last =
            listening.heard.get(channel).is_some_and(|heard| Arc::strong_count(heard) == 2);
        if is_last {
            listening.heard.remove(channel);
            if listening.stream.is_some() {
                listening.tell(&[b"UNSUBSCRIBE", channel.as_bytes()]);
            }
        }
    }

    /// Takes in what has come, and waits for a slice of `waits` where nothing has.
    pub fn listen(&self, server: &Server, waits: Option<&Call>) {
        let listening = self.0.get(Mutex::default);
        let mut listening = match listening.try_lock() {
            Ok(listening) => listening,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody else reads for everyone.
            Err(TryLockError::WouldBlock) => {
                if let Some(slice) = waits.and_then(|call| call.slice().ok()) {
                    std::thread::sleep(slice.min(SLICE / 4));
                }
                return;
            }
        };
        if listening.stream.is_none() {
            listening.open(server);
        }
        if listening.take_in(server) {
            return;
        }
        let Some(call) = waits else { return };
        match &listening.stream {
            Some(stream) => stream.wait(call),
            None => {
                drop(listening);
                if let Ok(slice) = call.slice() {
                    std::thread::sleep(slice);
                }
                return;
            }
        }
        listening.take_in(server);
    }
}

impl Listening {
    /// Connects, and listens to all channels that somebody wants. Not while the server is down or did
    /// not let us, for this is never what a caller came for.
    fn open(&mut self, server: &Server) {
        let is_deaf = self.deaf_until.is_some_and(|until| Instant::now() < until);
        if is_deaf || self.heard.is_empty() || !server.is_well() {
            return;
        }
        match server.open(&limit()) {
            Ok(stream) => {
                self.stream = Some(stream);
                self.deaf_until = None;
                let channels: Vec<String> = self.heard.keys().cloned().collect();
                let words = [&b"SUBSCRIBE"[..]].into_iter();
                let words: Vec<&[u8]> =
                    words.chain(channels.iter().map(|c| c.as_bytes())).collect();
                self.tell(&words);
            }
            Err(_) => self.deaf_until = Some(Instant::now() + DEAF_FOR / 10),
        }
    }

    /// Sends a command. What the server says to it is heard later, with all else.
    fn tell(&mut self, words: &[&[u8]]) {
        let Some(stream) = &mut self.stream else { return };
        if stream.send(&encode(words), &limit()).is_err() {
            self.close(DEAF_FOR / 10);
        }
    }

    /// What may have been missed is news for everyone.
    fn close(&mut self, deaf_for: Duration) {
        self.stream = None;
        self.came = Zeroizing::default();
        self.deaf_until = Some(Instant::now() + deaf_for);
        for heard in self.heard.values() {
            heard.listens.store(false, Ordering::Release);
            heard.is_news();
        }
    }

    /// Reads what has come, without waiting; whether any of it was news.
    fn take_in(&mut self, server: &Server) -> bool {
        let mut news = false;
        loop {
            let Some(stream) = &mut self.stream else { return news };
            match stream.look(&mut self.came, &limit()) {
                Ok(true) => {}
                Ok(false) => return news,
                Err(_) => {
                    self.close(DEAF_FOR / 100);
                    server.may_have_lost_a_write();
                    return true;
                }
            }
            loop {
                match parse(&self.came) {
                    Ok(None) => break,
                    Ok(Some((Reply::Many(members), used))) => {
                        self.came.drain(..used);
                        news |= self.hear(&members);
                    }
                    // It may not listen, or this is no server of that kind.
                    Ok(Some(_)) | Err(_) => {
                        self.close(DEAF_FOR);
                        return true;
                    }
                }
            }
        }
    }

    /// Takes in one message: its kind, its channel and what was said. Whether it was news of a record
    /// that somebody here has.
    fn hear(&self, members: &[Reply]) -> bool {
        let [kind, channel, ..] = members else { return false };
        let channel = channel.text().unwrap_or_default();
        let Some(heard) = self.heard.get(channel) else { return false };
        match kind.text() {
            Some("message") => heard.is_news(),
            Some("subscribe") => {
                // What was written before that was not heard.
                heard.listens.store(true, Ordering::Release);
                heard.is_news();
            }
            _ => return false,
        }
        true
    }
}
