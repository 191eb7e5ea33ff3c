//! Bodies on their way: files, functions and forms in place of bytes in memory, and progress.
//!
//! The functions here set what a request does while it is sent or answered, so that neither side's
//! body need be in memory as a whole. A body that is set replaces one of another kind. The caller's
//! functions are called from within `keyfob_client_send`, `keyfob_client_open`,
//! `keyfob_client_download` or `keyfob_response_read`, on the thread that made that call and with
//! no lock held. They and their `user_data` are not copied and must live as long as each function
//! says. They must not unwind or jump out.

use super::convert::{Out, bytes, handle, handle_mut, optional_text, text};
use super::error::keyfob_error;
use super::guard::guard;
use super::request::keyfob_request;
use crate::error::{Error, Status};
use std::ffi::{c_char, c_void};
use std::io::{self, Read};
use std::sync::Arc;

/// Gives the next bytes of a body: writes at most `capacity` of them to `buffer` and returns how
/// many; 0 at the end; a negative number where it failed, which fails the call.
pub type keyfob_read_fn =
    Option<unsafe extern "C" fn(buffer: *mut u8, capacity: usize, user_data: *mut c_void) -> i64>;

/// Goes back to the beginning of a body and returns `KEYFOB_OK`; anything else says that it cannot,
/// and fails the call.
pub type keyfob_rewind_fn = Option<unsafe extern "C" fn(user_data: *mut c_void) -> i32>;

/// Is told how far the body of an answer has come: `done` bytes, of `total` (-1 where that is not
/// known). It runs at most ten times a second and once at the end. Returns true to go on; false
/// ends the call with `KEYFOB_CANCELLED`.
pub type keyfob_progress_fn =
    Option<unsafe extern "C" fn(done: u64, total: i64, user_data: *mut c_void) -> bool>;

/// Sends a file as the body, in place of any before. The file is opened each time that the request
/// is sent, and again for a replay, so it must stay as it is until then. It is never in memory as a
/// whole.
///
/// `KEYFOB_FILE`: there is no such file, or it is not a regular one. The same from the call that
/// sends it, where the file has gone since.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_set_body_file(
    request: *mut keyfob_request,
    path: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || handle_mut(request, "request")?.0.set_body_file(text(path, "path")?))
}

/// Sends what a function gives as the body, in place of any before. `length` is how many bytes that
/// will be: fewer fail the call, and no more are asked for. -1 stands for a length that is not
/// known: the body then goes in chunks (RFC 9112 7.1).
///
/// `rewind` may be NULL: then a request that has to be sent again after something was read fails
/// with `KEYFOB_BODY_NOT_REPEATABLE`. The functions and `user_data` must stay usable until the
/// request is freed or has another body. Such a request is sent from one thread at a time.
///
/// `KEYFOB_INVALID_ARGUMENT`: `length` is less than -1.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_set_body_reader(
    request: *mut keyfob_request,
    read: keyfob_read_fn,
    rewind: keyfob_rewind_fn,
    length: i64,
    user_data: *mut c_void,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let request = &mut handle_mut(request, "request")?.0;
        let Some(read) = read else {
            return Err(Error::new(Status::NullArgument, "read is NULL"));
        };
        let length = match length {
            -1 => None,
            length => Some(u64::try_from(length).map_err(|_| {
                let what = "length is negative; -1 stands for a length that is not known";
                Error::new(Status::InvalidArgument, what)
            })?),
        };
        let given = Given { read, user_data };
        match rewind {
            None => request.set_body_reader(given, length),
            Some(rewind) => {
                let begin = Beginning { given, rewind };
                request.set_body_rewinding(move || begin.again(), length);
            }
        }
        Ok(())
    })
}

/// Has `progress` told how far the body of the answer has come, where it is read with
/// `keyfob_response_read` or `keyfob_client_download`; NULL for nobody. It and `user_data` must
/// stay usable until the request and its responses are freed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_set_progress(
    request: *mut keyfob_request,
    progress: keyfob_progress_fn,
    user_data: *mut c_void,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let request = &mut handle_mut(request, "request")?.0;
        request.progress = progress.map(|tell| {
            let told = Told { tell, user_data };
            Arc::new(move |done, total| told.tell(done, total)) as _
        });
        Ok(())
    })
}

/// Adds a part to the form (`multipart/form-data`, RFC 7578) that is the body, in place of any
/// other body, and sets `Content-Type`: `len` bytes, which are copied. `file_name` is what the
/// server is told that the file is called, or NULL for a field that is none; `content_type` may be
/// NULL.
///
/// `KEYFOB_INVALID_ARGUMENT`: the content type has a control character.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_add_part(
    request: *mut keyfob_request,
    name: *const c_char,
    file_name: *const c_char,
    content_type: *const c_char,
    data: *const u8,
    len: usize,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let request = &mut handle_mut(request, "request")?.0;
        let name = text(name, "name")?;
        let file_name = optional_text(file_name, "file_name")?;
        let kind = optional_text(content_type, "content_type")?;
        request.add_part(name, file_name, kind, bytes(data, len, "data")?)
    })
}

/// The same for a file, which is opened when the request is sent, and again for a replay, so it is
/// never in memory as a whole. `file_name` NULL: it is called as on the disk. `content_type` NULL:
/// `application/octet-stream`.
///
/// `KEYFOB_FILE`: there is no such file, or it is not a regular one. `KEYFOB_INVALID_ARGUMENT`: the
/// content type has a control character.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_add_file(
    request: *mut keyfob_request,
    name: *const c_char,
    path: *const c_char,
    file_name: *const c_char,
    content_type: *const c_char,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let request = &mut handle_mut(request, "request")?.0;
        let name = text(name, "name")?;
        let file_name = optional_text(file_name, "file_name")?;
        let kind = optional_text(content_type, "content_type")?;
        request.add_file(name, text(path, "path")?, file_name, kind)
    })
}

/// Gives how far the body of the answer has come: `*done` bytes, and through `total`, which may be
/// NULL, of how many; -1 where that is not known. For whoever looks from another thread, while
/// `keyfob_client_download` or `keyfob_response_read` is under way. Never waits.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_request_progress(
    request: *const keyfob_request,
    done: *mut u64,
    total: *mut i64,
    err: *mut *mut keyfob_error,
) -> Status {
    guard(err, || {
        let total = (!total.is_null()).then(|| Out::new(total, 0, "total")).transpose()?;
        let out = Out::new(done, 0, "done")?;
        let (come, of) = handle(request, "request")?.0.progress();
        out.set(come);
        if let Some(total) = total {
            total.set(of.map_or(-1, |of| i64::try_from(of).unwrap_or(i64::MAX)));
        }
        Ok(())
    })
}

/// The caller's read function, with the pointer it asked to be given.
#[derive(Clone, Copy)]
struct Given {
    read: unsafe extern "C" fn(*mut u8, usize, *mut c_void) -> i64,
    user_data: *mut c_void,
}

// SAFETY: the header's contract for keyfob_request_set_body_reader: the function and `user_data` may
// be used from the thread that sends the request, whichever that is.
unsafe impl Send for Given {}

impl Read for Given {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: a function pointer of this type, and a buffer of that many writable bytes.
        let came = unsafe { (self.read)(buffer.as_mut_ptr(), buffer.len(), self.user_data) };
        match usize::try_from(came) {
            Ok(came) if came <= buffer.len() => Ok(came),
            Ok(_) => {
                Err(io::Error::other("the body's read function gave more than there was room for"))
            }
            Err(_) => Err(io::Error::other(format!("the body's read function failed ({came})"))),
        }
    }
}

/// The caller's read function, and how to begin anew.
struct Beginning {
    given: Given,
    rewind: unsafe extern "C" fn(*mut c_void) -> i32,
}

// SAFETY: as for Given; the request is sent from one thread at a time by the header's contract.
unsafe impl Send for Beginning {}
// SAFETY: as above.
unsafe impl Sync for Beginning {}

impl Beginning {
    /// A reader from the beginning, once the caller's function has wound the body back.
    fn again(&self) -> io::Result<Box<dyn Read + Send>> {
        // SAFETY: a function pointer of this type, with the data it was given for.
        match unsafe { (self.rewind)(self.given.user_data) } {
            0 => Ok(Box::new(self.given)),
            other => Err(io::Error::other(format!("its rewind function returned {other}"))),
        }
    }
}

/// The caller's progress function.
struct Told {
    tell: unsafe extern "C" fn(u64, i64, *mut c_void) -> bool,
    user_data: *mut c_void,
}

// SAFETY: the header's contract for keyfob_request_set_progress: the function and `user_data` may be
// used from the thread that reads, whichever that is.
unsafe impl Send for Told {}
// SAFETY: as above.
unsafe impl Sync for Told {}

impl Told {
    /// Whether the caller wants to go on. A total beyond `i64` is the largest there is.
    fn tell(&self, done: u64, total: Option<u64>) -> bool {
        let total = total.map_or(-1, |total| i64::try_from(total).unwrap_or(i64::MAX));
        // SAFETY: a function pointer of this type, with the data it was given for.
        unsafe { (self.tell)(done, total, self.user_data) }
    }
}
