//! What differs by operating system and takes a system call that no safe wrapper has. The only
//! `unsafe` code outside of `ffi/`.

pub(crate) mod tcp;
