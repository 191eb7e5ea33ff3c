//! The file store among processes: many that share it, some that are killed, one that loses power.
//!
//! The processes are this program again, each with a job (`worker`). `make test` runs the short
//! form; `make soak` runs the tests whose names begin with `soak`, which take as long as they are
//! told to.

#[path = "../it/common/mod.rs"]
mod common;

mod fail;
mod flash;
mod kill;
mod power;
mod sharing;
mod trace;
mod worker;
