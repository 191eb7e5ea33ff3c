//! What the simulated clouds promise to those who test against them, in one program.
//!
//! `load.rs` beside it is apart: it measures, and wants no neighbours.

mod client;

mod control;
mod every_cloud;
mod faults;
mod oauth2;
mod person;
mod program;
mod strictness;
