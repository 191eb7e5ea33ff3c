//! Files and directories as Windows has them: handles, locks of ranges, replacements.
//!
//! The promises are those of `unix_files.rs`. What differs: a directory cannot be synced, so each
//! replacement is written through by itself; and a file that somebody has open cannot always be
//! replaced at once.

use super::windows_access::{ForMeAlone, rights};
use super::{Facts, Found, Kind};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle};
use std::path::{Path, PathBuf};
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_IO_PENDING, ERROR_LOCK_VIOLATION,
    ERROR_SHARING_VIOLATION, GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, CreateDirectoryW, CreateFileW, FILE_ATTRIBUTE_DIRECTORY,
    FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_READ_ATTRIBUTES, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE,
    GetFileInformationByHandle, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx,
    MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW, OPEN_ALWAYS, READ_CONTROL,
    WRITE_DAC,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

/// What to do about a directory or file that others may write to: the end of an error message.
pub(crate) const HOW_TO_CLOSE: &str = "leave only yourself in its list of rights (icacls)";

/// A directory: its canonical path, which names in it are put behind, and a handle to ask about
/// it.
pub(crate) struct Directory {
    path: PathBuf,
    open: File,
}

impl Directory {
    /// Makes it for this user alone, and what is missing above it.
    pub fn make(path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
        let private = ForMeAlone::new()?;
        for each in missing.iter().rev() {
            let name = terminated(each);
            // SAFETY: the name ends in a NUL, and the attributes live as long as `private`.
            if unsafe { CreateDirectoryW(name.as_ptr(), &private.attributes()) } == 0 {
                let error = io::Error::last_os_error();
                if error.raw_os_error() != Some(ERROR_ALREADY_EXISTS as i32) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Opens the directory that has this path now. A link to one is followed.
    pub fn open(path: &Path) -> io::Result<Directory> {
        let path = std::fs::canonicalize(path)?;
        let open = look(&path, 0)?;
        if !open.metadata()?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Directory { path, open })
    }

    pub fn facts(&self) -> io::Result<Facts> {
        facts(&self.open)
    }

    /// What this name stands for now, links not followed.
    pub fn look_at(&self, name: &str) -> io::Result<Facts> {
        facts(&look(&self.path.join(name), FILE_FLAG_OPEN_REPARSE_POINT)?)
    }

    /// Opens the file of this name to read it. A link is not followed.
    pub fn find(&self, name: &str) -> io::Result<Found> {
        let open = |access| {
            let mut options = OpenOptions::new();
            options.access_mode(access).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
            options.open(self.path.join(name))
        };
        // With the right to take others' rights away, which its owner has.
        match open(GENERIC_READ | WRITE_DAC).or_else(|_| open(GENERIC_READ)) {
            Ok(file) if is_link(&information(&file)?) => Ok(Found::Link),
            Ok(file) => Ok(Found::File(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Opens a file to be written, or makes it for this user alone.
    pub fn open_or_make(&self, name: &str) -> io::Result<File> {
        let private = ForMeAlone::new()?;
        let name = terminated(&self.path.join(name));
        // SAFETY: the name ends in a NUL, and the attributes live as long as `private`.
        let handle = unsafe {
            CreateFileW(
                name.as_ptr(),
                GENERIC_READ | GENERIC_WRITE,
                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                &private.attributes(),
                OPEN_ALWAYS,
                FILE_FLAG_OPEN_REPARSE_POINT,
                std::ptr::null_mut(),
            )
        };
        if handle == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was opened above, and nobody else has it.
        Ok(unsafe { File::from_raw_handle(handle) })
    }

    pub fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    /// Puts a file in another's place, wholly or not at all.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        replace(&self.path.join(from), &self.path.join(to))
    }

    /// Gives a file a name that nothing has yet; `false` where something has it. The old name is
    /// gone in both cases.
    pub fn rename_unless_there(&self, from: &str, to: &str) -> io::Result<bool> {
        let moved = move_to(&self.path.join(from), &self.path.join(to), 0);
        let is_there = |error: &io::Error| error.kind() == ErrorKind::AlreadyExists;
        match moved {
            Ok(()) => Ok(true),
            Err(error) => {
                self.remove(from)?;
                if is_there(&error) { Ok(false) } else { Err(error) }
            }
        }
    }

    /// Nothing to do: each name was written through when it was replaced.
    pub fn make_durable(&self) -> io::Result<()> {
        Ok(())
    }

    /// Says nothing here: whether a file can be made shows when one is made.
    pub fn check_writable(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a file or directory to ask about it alone: needs no right to read it.
fn look(path: &Path, flags: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.access_mode(READ_CONTROL | FILE_READ_ATTRIBUTES);
    options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS | flags).open(path)
}

/// A path as Windows takes it: UTF-16, with a NUL at the end.
fn terminated(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

fn information(file: &File) -> io::Result<BY_HANDLE_FILE_INFORMATION> {
    let mut known = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the file is open, and `known` may be written to.
    match unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut known) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(known),
    }
}

/// Any reparse point: a symbolic link, a junction, a mount point.
fn is_link(known: &BY_HANDLE_FILE_INFORMATION) -> bool {
    known.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

/// What the system says of the open file, whatever its name stands for by now.
pub(crate) fn facts(file: &File) -> io::Result<Facts> {
    let known = information(file)?;
    let rights = rights(file)?;
    let two = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let is_other = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
    let number = two(known.nFileIndexHigh, known.nFileIndexLow);
    let size = two(known.nFileSizeHigh, known.nFileSizeLow);
    let (made, written) = (known.ftCreationTime, known.ftLastWriteTime);
    Ok(Facts {
        kind: if known.dwFileAttributes & is_other == 0 { Kind::File } else { Kind::Other },
        is_mine: rights.is_mine,
        others_may_write: rights.others_may_write,
        open_to_others: rights.open_to_others,
        size,
        names: known.nNumberOfLinks.into(),
        identity: (known.dwVolumeSerialNumber.into(), number),
        version: [
            number,
            size,
            two(written.dwHighDateTime, written.dwLowDateTime),
            two(made.dwHighDateTime, made.dwLowDateTime),
        ],
    })
}

/// Takes away what others may do with a file: this user's rights alone are left.
pub(crate) fn close_to_others(file: &File) -> io::Result<()> {
    ForMeAlone::new()?.put_on(file)
}

/// No process has a limit of its own here.
pub(crate) fn largest_file() -> Option<u64> {
    None
}

/// Takes the room on the disk that a file of this size needs, so that a later write cannot fail
/// for want of it. The file is smaller than that now.
pub(crate) fn reserve(file: &mut File, room: u64) -> io::Result<()> {
    // Room that is taken without being written is given back with the handle.
    file.write_all(&vec![b' '; room as usize])
}

/// Locks a file against all who have opened it for themselves, without waiting; `false` while one
/// of them has it locked. The lock goes with the process that holds it, however that ends.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    // One byte far behind the end: what is locked here nobody else may read or write.
    let mut place = OVERLAPPED::default();
    place.Anonymous.Anonymous.Offset = u32::MAX - 1;
    place.Anonymous.Anonymous.OffsetHigh = i32::MAX as u32;
    let how = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
    // SAFETY: the file is open, and is not one whose operations outlive a call.
    if unsafe { LockFileEx(file.as_raw_handle(), how, 0, 1, 0, &mut place) } != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(|code| code as u32) {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
        _ => Err(error),
    }
}

/// As [`try_lock`]; `false` also where it cannot be locked.
pub(crate) fn try_lock_handle(file: &File) -> bool {
    try_lock(file).is_ok_and(|locked| locked)
}

/// Opens a file to read it.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens or makes a file to be written, and follows no link that somebody may have put in its place.
pub(crate) fn open_or_make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)
}

/// Puts a file in another's place, wholly or not at all, and on the disk before it returns.
///
/// While somebody has the other file open, such as a virus scanner, the call that writes through
/// is refused, five times. Then a plain rename is tried, which asks for less and promises less: a
/// power cut soon after may undo it.
pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    match move_to(from, to, MOVEFILE_REPLACE_EXISTING) {
        Err(error) if is_in_the_way(&error) => std::fs::rename(from, to),
        outcome => outcome,
    }
}

/// Whether somebody has the file open, such as a virus scanner.
fn is_in_the_way(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(|code| code as u32);
    matches!(code, Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION))
}

/// Renames a file, and writes that through. While somebody has one of the two open it is tried five
/// times, 4 ms apart.
fn move_to(from: &Path, to: &Path, how: u32) -> io::Result<()> {
    const TRIES: u32 = 5;
    const PAUSE: Duration = Duration::from_millis(4);
    let (old, new) = (terminated(from), terminated(to));
    let how = how | MOVEFILE_WRITE_THROUGH;
    let mut tries = 1;
    loop {
        // SAFETY: both names end in a NUL.
        if unsafe { MoveFileExW(old.as_ptr(), new.as_ptr(), how) } != 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if tries == TRIES || !is_in_the_way(&error) {
            return Err(error);
        }
        std::thread::sleep(PAUSE);
        tries += 1;
    }
}

/// Permissions for a new file in an old one's place: the same.
pub(crate) fn as_open_to_others(old: Permissions) -> Permissions {
    old
}

/// Nothing to do: `replace` writes through.
pub(crate) fn make_names_durable(_: &Path) -> io::Result<()> {
    Ok(())
}
