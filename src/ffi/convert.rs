//! Pointers to values and back: each check of an argument stands here, once.
//!
//! What the caller must keep to stands at the head of the header. What can be checked is checked,
//! and has its status: NULL, UTF-8, a length or a time that cannot be. What cannot is a handle that
//! was freed, and a length that is not the buffer's. `what` is the argument's name in the header,
//! for the message.

use crate::error::{Error, Result, Status};
use crate::support::wipe::wipe;
use std::ffi::{CStr, c_char};
use std::time::Duration;

/// The argument of this name was NULL.
fn null(what: &str) -> Error {
    Error::new(Status::NullArgument, format!("{what} is NULL"))
}

/// A handle that the header takes as `const`: other threads may use it, too.
pub(super) fn handle<'a, T>(pointer: *const T, what: &str) -> Result<&'a T> {
    // SAFETY: by the header's contract a handle is NULL or came from its `_new` function and was
    // not freed; shared use from several threads is allowed for handles passed as const.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(what))
}

/// A handle that the call changes: by the header's contract no other thread uses it meanwhile.
pub(super) fn handle_mut<'a, T>(pointer: *mut T, what: &str) -> Result<&'a mut T> {
    // SAFETY: as above, and the contract forbids any other use of the handle at the same time.
    unsafe { pointer.as_mut() }.ok_or_else(|| null(what))
}

/// A NUL-terminated UTF-8 string.
pub(super) fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: not NULL, and by the contract NUL-terminated and unchanged during the call.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Error::new(Status::InvalidUtf8, format!("{what} is not UTF-8")))
}

/// The same, where NULL is fine and stands for none.
pub(super) fn optional_text<'a>(pointer: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() { Ok(None) } else { text(pointer, what).map(Some) }
}

/// Bytes with a length; NULL is fine where there are none.
pub(super) fn bytes<'a>(pointer: *const u8, len: usize, what: &str) -> Result<&'a [u8]> {
    match (pointer.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null(what)),
        (false, len) if len > isize::MAX as usize => {
            Err(Error::new(Status::InvalidArgument, format!("{what}: the length is absurd")))
        }
        // SAFETY: not NULL, a possible length, and by the contract `len` readable bytes.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(pointer, len) }),
    }
}

/// A buffer of the caller's to write to.
pub(super) fn bytes_mut<'a>(pointer: *mut u8, len: usize, what: &str) -> Result<&'a mut [u8]> {
    match (pointer.is_null(), len) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(null(what)),
        (false, len) if len > isize::MAX as usize => {
            Err(Error::new(Status::InvalidArgument, format!("{what}: the length is absurd")))
        }
        // SAFETY: not NULL, a possible length, and by the contract `len` writable bytes that nobody
        // else uses during the call. Bytes of any value are valid.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts_mut(pointer, len) }),
    }
}

/// A time in milliseconds; 0 stands for none. More than a day is a day: nobody means it, and an
/// `Instant` cannot hold all that an `int64_t` can.
pub(super) fn milliseconds(ms: i64, what: &str) -> Result<Option<Duration>> {
    duration(ms, what).map(|time| Some(time).filter(|time| !time.is_zero()))
}

/// A time in milliseconds, a day at most.
pub(super) fn duration(ms: i64, what: &str) -> Result<Duration> {
    const DAY: u64 = 86_400_000;
    match u64::try_from(ms) {
        Ok(ms) => Ok(Duration::from_millis(ms.min(DAY))),
        Err(_) => Err(Error::new(Status::InvalidArgument, format!("{what} is negative"))),
    }
}

/// Where a result goes. Holds its zero from the beginning, so that a failure leaves nothing stale.
pub(super) struct Out<'a, T>(&'a mut T);

impl<'a, T> Out<'a, T> {
    /// `KEYFOB_NULL_ARGUMENT` for NULL; else writes `zero` at once.
    pub fn new(pointer: *mut T, zero: T, what: &str) -> Result<Out<'a, T>> {
        if pointer.is_null() {
            return Err(null(what));
        }
        // SAFETY: not NULL, and by the contract writable; what it held before is not dropped,
        // because it may never have been a value. `write` first makes the reference valid.
        let target = unsafe {
            pointer.write(zero);
            &mut *pointer
        };
        Ok(Out(target))
    }

    /// Puts the result there. Takes the place itself, so that it is set once.
    pub fn set(self, value: T) {
        *self.0 = value;
    }
}

impl<'a> Out<'a, *mut c_char> {
    /// For a `char **`: NULL until there is a text.
    pub fn of_text(pointer: *mut *mut c_char, what: &str) -> Result<Self> {
        Out::new(pointer, std::ptr::null_mut(), what)
    }

    /// Hands a copy over to the caller, who frees it with `keyfob_string_free`.
    pub fn set_text(self, text: &str) {
        self.set(owned(text));
    }
}

/// An owned C string, of exactly as many bytes as `free_text` will find. Text that holds a NUL,
/// which none of ours does, ends there.
fn owned(text: &str) -> *mut c_char {
    let mut copy = Vec::with_capacity(text.len() + 1);
    copy.extend_from_slice(text.as_bytes());
    copy.push(0);
    // SAFETY: there is a NUL, and nothing changes `copy` while it is read. libc looks for it quicker
    // than a library made for size does.
    let len = unsafe { CStr::from_ptr(copy.as_ptr().cast()) }.count_bytes() + 1;
    copy.truncate(len);
    Box::into_raw(copy.into_boxed_slice()).cast()
}

/// Zeroes and frees what `owned` made.
pub(super) fn free_text(text: *mut c_char) {
    if text.is_null() {
        return;
    }
    // SAFETY: by the contract `text` came from `owned` and is freed once. `owned` allocated exactly
    // the text and its NUL, and the text holds no other NUL, so `strlen + 1` is the allocation.
    unsafe {
        let len = CStr::from_ptr(text).count_bytes() + 1;
        let mut owned = Box::from_raw(std::ptr::slice_from_raw_parts_mut(text.cast::<u8>(), len));
        wipe(&mut owned);
    }
}

/// Hands a value over to the caller as a handle.
pub(super) fn into_handle<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes a handle back and drops it; NULL is fine.
pub(super) fn free_handle<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: by the contract it came from `into_handle` and is freed once, with no call on it
        // under way.
        drop(unsafe { Box::from_raw(pointer) });
    }
}
