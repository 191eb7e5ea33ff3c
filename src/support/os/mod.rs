//! What differs by operating system, or takes a system call that no safe wrapper has: one file a
//! system, and one for what all Unix systems share. The only `unsafe` code outside of `ffi/`.
#![allow(unsafe_code)]

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(target_vendor = "apple")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod unix_files;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
mod windows_access;
#[cfg(windows)]
mod windows_files;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::*;
#[cfg(target_vendor = "apple")]
pub(crate) use macos::*;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(unix)]
pub(crate) use unix_files::*;
#[cfg(windows)]
pub(crate) use windows::*;
#[cfg(windows)]
pub(crate) use windows_files::*;

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

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Other,
}

/// What the system says of an open file or directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub kind: Kind,
    /// Whether the user that this process runs as owns it.
    pub is_mine: bool,
    pub others_may_write: bool,
    /// Whether others may do anything at all with it.
    pub open_to_others: bool,
    pub size: u64,
    /// The file system and the file in it.
    pub identity: (u64, u64),
    /// Another number after each replacement.
    pub version: [u64; 4],
}

/// What opening a name to read it found.
pub(crate) enum Found {
    File(std::fs::File),
    /// A link, which is not followed.
    Link,
    Nothing,
}
