//! What the library promises, one module a subject, in one program: a change links it once.
//!
//! The tests run beside each other as threads of one process, each with a simulator and a clock of
//! its own. A test that needs a process to itself (limits, counts of threads or descriptors, the
//! environment, a search of all memory) runs its second half in a child: see [`common::alone`].
//!
//!     cargo test --test it lifecycle::                  one module
//!     cargo test --test it a_due_token_is_renewed       the tests whose names contain this

mod common;

mod answer_members;
mod answers;
mod background;
mod bodies;
mod certificates;
mod client_auth;
mod clocks;
mod clouds;
mod codings;
mod connections;
mod deadlines;
mod downloads;
mod dpop;
mod endless;
mod fallback;
mod faults;
mod fresh_number;
mod generated_docs;
mod grants;
mod hidden_proxies;
mod holds;
mod house;
mod identity;
mod late;
mod lifecycle;
mod mqtt;
mod news;
mod options;
mod own_requests;
mod parts;
mod person;
mod profiles;
mod proxies;
mod readme;
mod records;
mod requests;
mod scarcity;
mod secret_files;
mod secrets;
mod signing;
mod stampede;
mod store;
mod store_faults;
mod transport;
mod wire;
