//! What differs by operating system, or takes a system call that no safe wrapper has. The only
//! `unsafe` code outside of `ffi/`.
#![allow(unsafe_code)]

pub(crate) mod tcp;
mod unix;

pub(crate) use unix::*;
