//! The journal: every request that arrived, what it was taken for and what became of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::clouds::Cloud;
use crate::lock::lock;

/// A long benchmark must not fill the memory: beyond this many the oldest entries go.
const MOST_ENTRIES: usize = 20_000;
/// Of a longer body only the beginning is kept.
const MOST_BODY: usize = 64 * 1024;

/// One request as the clouds saw it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// Counts from 1 after each start, reset or clearing.
    pub number: usize,
    /// The cloud that was asked; for a request that followed a redirect elsewhere, the cloud it
    /// was led away from.
    pub cloud: Cloud,
    /// Which of the cloud's origins: `auth`, `api`, `discovery`; or `elsewhere`.
    pub origin: &'static str,
    /// `login`, `refresh`, `basic-token`, `discovery`, `verify`, `revoke`, `metadata`, `api`;
    /// `unknown` where nothing is, `elsewhere` after a redirect to another origin, `malformed` for
    /// what is not HTTP, and `connect` for a connection that was faulted before any request.
    pub call: &'static str,
    /// Which connection it came on; counted over all origins.
    pub connection: usize,
    /// It came over TLS.
    pub tls: bool,
    /// The connection's handshake resumed an earlier one.
    pub tls_resumed: bool,
    /// Method as sent.
    pub method: String,
    /// Path as sent, without the query.
    pub path: String,
    /// What followed `?`, without it.
    pub query: String,
    /// Headers in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// Body, with any chunking undone; at most its first 64 KiB.
    pub body: Vec<u8>,
    /// Status on the wire; 0 where none was sent.
    pub status: u16,
    /// The call had its effect on the cloud, whatever was answered.
    pub executed: bool,
    /// The name of the fault that was applied.
    pub fault: Option<String>,
    /// Simulated milliseconds since 1970.
    pub at: i64,
}

impl Entry {
    /// The first header of that name, whatever its capitals.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    /// The body as text, with a replacement character for what is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "number": self.number,
            "cloud": self.cloud.name(),
            "origin": self.origin,
            "call": self.call,
            "connection": self.connection,
            "tls": self.tls,
            "tls_resumed": self.tls_resumed,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": self.text(),
            "status": self.status,
            "executed": self.executed,
            "fault": self.fault,
            "at": self.at,
        })
    }
}

#[derive(Debug, Default)]
struct Pages {
    entries: VecDeque<Entry>,
    written: usize,
    counts: HashMap<(Cloud, &'static str), usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pages: Mutex<Pages>,
}

impl Journal {
    /// Writes an entry down; its number is given here.
    pub(crate) fn write(&self, mut entry: Entry) {
        entry.body.truncate(MOST_BODY);
        let mut pages = lock(&self.pages);
        pages.written += 1;
        entry.number = pages.written;
        *pages.counts.entry((entry.cloud, entry.call)).or_default() += 1;
        if pages.entries.len() == MOST_ENTRIES {
            pages.entries.pop_front();
        }
        pages.entries.push_back(entry);
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        lock(&self.pages).entries.iter().cloned().collect()
    }

    pub(crate) fn count(&self, cloud: Cloud, call: &str) -> usize {
        let pages = lock(&self.pages);
        let counted = pages.counts.iter();
        counted
            .filter(|((of, name), _)| *of == cloud && *name == call)
            .map(|(_, count)| count)
            .sum()
    }

    /// How often each call of a cloud was made.
    pub(crate) fn counts(&self, cloud: Cloud) -> Value {
        let pages = lock(&self.pages);
        let counted = pages.counts.iter().filter(|((of, _), _)| *of == cloud);
        counted.map(|((_, name), count)| ((*name).to_owned(), json!(count))).collect()
    }

    pub(crate) fn clear(&self) {
        *lock(&self.pages) = Pages::default();
    }
}
