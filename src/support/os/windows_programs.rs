//! Programs that are run: a job, so that all of one can be ended, and what it writes.

use super::windows_access::checked;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::process::{Child, Command};
use std::ptr::{null, null_mut};
use std::time::Duration;
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, TerminateJobObject,
};
use windows_sys::Win32::System::Pipes::PeekNamedPipe;
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_SUSPENDED, OpenThread, ResumeThread, THREAD_SUSPEND_RESUME,
};

/// A program that runs, and those that it has started.
pub(crate) struct Program(pub Child, OwnedHandle);

impl Program {
    /// Starts it, in a job and without a window: Ctrl-C of the host's console does not reach it. It is
    /// in the job before it runs, so that whatever it starts is there, too.
    pub fn start(command: &mut Command) -> io::Result<Program> {
        // SAFETY: neither a name nor attributes are asked for.
        let job = owned(unsafe { CreateJobObjectW(null(), null()) })?;
        let child = command.creation_flags(CREATE_NO_WINDOW | CREATE_SUSPENDED).spawn()?;
        let mut program = Program(child, job);
        program.begin().inspect_err(|_| {
            program.0.kill().ok();
        })?;
        Ok(program)
    }

    /// Puts it into its job, and lets it run.
    fn begin(&self) -> io::Result<()> {
        let Program(child, job) = self;
        // SAFETY: both are open.
        checked(unsafe { AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()) })?;
        resume(child.id())
    }

    /// Ends all of it, and does not wait for that: nothing is left of a process here.
    pub fn kill(&mut self) {
        // SAFETY: the job is open.
        unsafe { TerminateJobObject(self.1.as_raw_handle(), 1) };
    }
}

/// Lets a process run that was started suspended: its one thread is looked for by its number, since
/// the standard library keeps no handle to it.
fn resume(process: u32) -> io::Result<()> {
    // SAFETY: takes numbers alone.
    let all = owned(unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) })?;
    let mut thread =
        THREADENTRY32 { dwSize: size_of::<THREADENTRY32>() as u32, ..Default::default() };
    // SAFETY: the list is open, and `thread` may be written to and says how large it is.
    let mut found = unsafe { Thread32First(all.as_raw_handle(), &mut thread) };
    while found != 0 && thread.th32OwnerProcessID != process {
        // SAFETY: as above.
        found = unsafe { Thread32Next(all.as_raw_handle(), &mut thread) };
    }
    checked(found)?;
    // SAFETY: takes numbers alone.
    let thread = owned(unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, thread.th32ThreadID) })?;
    // SAFETY: the thread is open. u32::MAX is failure, as i32 -1.
    checked(unsafe { ResumeThread(thread.as_raw_handle()) }.wrapping_add(1) as i32)
}

/// Takes over a handle that was just opened, or says why it was not.
fn owned(handle: *mut std::ffi::c_void) -> io::Result<OwnedHandle> {
    match handle.is_null() || handle == INVALID_HANDLE_VALUE {
        true => Err(io::Error::last_os_error()),
        // SAFETY: it is open, and nobody else has it.
        false => Ok(unsafe { OwnedHandle::from_raw_handle(handle) }),
    }
}

/// Looks whether one of two outputs can be read without waiting, and says which can: there are bytes,
/// or it is at its end. Where none can, it waits for a moment, as a pipe here cannot be waited for.
pub(crate) fn readable(
    out: Option<&impl AsRawHandle>,
    err: Option<&impl AsRawHandle>,
    wait: Duration,
) -> io::Result<[bool; 2]> {
    const MOMENT: Duration = Duration::from_millis(5);
    let ready = [out.is_some_and(is_readable), err.is_some_and(is_readable)];
    if !ready.contains(&true) {
        std::thread::sleep(wait.min(MOMENT));
    }
    Ok(ready)
}

fn is_readable(pipe: &impl AsRawHandle) -> bool {
    let mut bytes = 0;
    let nothing = null_mut();
    // SAFETY: the pipe is open, `bytes` may be written to, and all else is not asked for.
    let asked = unsafe {
        PeekNamedPipe(pipe.as_raw_handle(), nothing, 0, null_mut(), &mut bytes, null_mut())
    };
    // One whose other end is closed cannot be asked.
    asked == 0 || bytes > 0
}
