//! What differs by operating system, or takes a system call that no safe wrapper has: one file a
//! system, and one for what all Unix systems share. The only `unsafe` code outside of `ffi/`.
//!
//! Each system has the same functions with the same promises, so no other file asks which one it
//! is on:
//!
//! - clocks and names: `boot_time_ns`, `boot_id`, `machine_id`
//! - processes and threads: `this_process`, `NotCancelled`, `spawn`
//! - sockets: `begin_to_connect`, `connect_locally`, `read`, `write`, `peek`, `waits_in_reads`,
//!   `is_out_of_descriptors`, `is_unheard`
//! - files: `Directory`, `facts`, `try_lock`, `replace`, `reserve` and their like
//! - programs: `Program`, `readable`
//! - keys and certificates: `USER_SEAL`, `authorities`
//!
//! A port adds a file here. It must have a clock that counts time asleep.
#![allow(unsafe_code)]

pub(crate) mod bell;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(target_vendor = "apple")]
mod macos;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod sockets;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod unix_files;
#[cfg(unix)]
mod unix_programs;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
mod windows_access;
#[cfg(windows)]
mod windows_authorities;
#[cfg(windows)]
mod windows_files;
#[cfg(windows)]
mod windows_programs;
#[cfg(windows)]
mod windows_seal;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::*;
#[cfg(target_vendor = "apple")]
pub(crate) use macos::*;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use sockets::*;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(unix)]
pub(crate) use unix_files::*;
#[cfg(unix)]
pub(crate) use unix_programs::*;
#[cfg(windows)]
pub(crate) use windows::*;
#[cfg(windows)]
pub(crate) use windows_authorities::*;
#[cfg(windows)]
pub(crate) use windows_files::*;
#[cfg(windows)]
pub(crate) use windows_programs::*;
#[cfg(windows)]
pub(crate) use windows_seal::*;

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "windows"
)))]
compile_error!(
    "keyfob knows no clock of this system that counts time asleep, and without one a token that has \
     expired looks good: add a file to src/support/os"
);

/// What a name stands for, as far as we care: tokens are kept in regular files only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    /// A directory, a link, a device, a FIFO or a socket.
    Other,
}

/// What the system says of an open file or directory. A store trusts none that others may write
/// to, or that others own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub kind: Kind,
    /// Whether the user that this process runs as owns it.
    pub is_mine: bool,
    /// Whether anybody but the owner may change it. Root and administrators always may, and do
    /// not count.
    pub others_may_write: bool,
    /// Whether anybody but the owner may do anything at all with it.
    pub open_to_others: bool,
    /// In bytes.
    pub size: u64,
    /// How many names the file has: more than one where somebody has linked it.
    pub names: u64,
    /// The file system, and the file in it: two names with this in common are one file.
    pub identity: (u64, u64),
    /// Differs after each replacement, so an unchanged file need not be read again.
    pub version: [u64; 4],
}

/// What seals bytes so that this user alone opens them, on this machine.
#[cfg_attr(not(windows), allow(dead_code))] // no other system has one that every user can rely on
pub(crate) struct UserSeal {
    /// What `store_key` and the sealed file call it.
    pub name: &'static str,
    /// Asks nobody, and waits for nobody but the system.
    pub seal: fn(&[u8]) -> std::io::Result<Vec<u8>>,
    /// Fails where another user or machine sealed it, or where a byte was changed.
    pub open: fn(&[u8]) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>>,
}

/// The certificates of the authorities that the system trusts.
#[allow(dead_code)] // each system keeps them in one way
pub(crate) enum Authorities {
    /// In a file, as PEM: its path.
    File(&'static str),
    /// Elsewhere; this is PEM made of them.
    Pem(String),
}

/// What opening a name to read it found.
pub(crate) enum Found {
    File(std::fs::File),
    /// A link, which is not followed.
    Link,
    /// There is no such name.
    Nothing,
}
