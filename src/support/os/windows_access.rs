//! Who may do what with a file on Windows: its owner, and its list of rights (ACL).
//!
//! This takes the place of Unix's modes. "0600" is a list with one entry, for this user, that
//! inherits nothing from the directory above.

use super::windows::wide;
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};
use windows_sys::Win32::Foundation::{GENERIC_ALL, GENERIC_WRITE, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
    SDDL_REVISION_1, SE_FILE_OBJECT, SetSecurityInfo,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, EqualSid, GetAce,
    GetSecurityDescriptorDacl, GetTokenInformation, INHERIT_ONLY_ACE, IsWellKnownSid,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    SECURITY_ATTRIBUTES, TOKEN_OWNER, TOKEN_QUERY, TOKEN_USER, TokenOwner, TokenUser,
    WinBuiltinAdministratorsSid, WinCreatorOwnerRightsSid, WinLocalSystemSid,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_DELETE_CHILD, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA,
    FILE_WRITE_EA, WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// What is known of a file's rights: see [`Facts`](super::Facts), which takes them over.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    pub is_mine: bool,
    pub others_may_write: bool,
    pub open_to_others: bool,
}

/// With any of these rights somebody changes what a file says, or who may change it.
const WRITING: u32 = FILE_WRITE_DATA
    | FILE_APPEND_DATA
    | FILE_WRITE_EA
    | FILE_WRITE_ATTRIBUTES
    | FILE_DELETE_CHILD
    | DELETE
    | WRITE_DAC
    | WRITE_OWNER
    | GENERIC_WRITE
    | GENERIC_ALL;

/// Memory that Windows allocated, given back (`LocalFree`) when dropped.
pub(super) struct Local(pub *mut c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from a function that says to give it back this way, and is used no more.
        unsafe { LocalFree(self.0) };
    }
}

/// Windows says 0 for failure; the reason is this thread's last error.
pub(super) fn checked(outcome: i32) -> io::Result<()> {
    if outcome == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Who this process runs as, and in whose name it owns what it makes. For an administrator the
/// latter may be the group of all administrators.
struct Me {
    /// The answer to `TokenUser`: a structure, and the identity (SID) that it points to in the
    /// same memory.
    user: Vec<u64>,
    /// The same for `TokenOwner`.
    owner: Vec<u64>,
}

impl Me {
    /// Asks the process's access token.
    fn new() -> io::Result<Me> {
        let mut token: HANDLE = null_mut();
        // SAFETY: the process is this one, and `token` may be written to.
        checked(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) })?;
        // SAFETY: it was opened above, and nobody else has it.
        let token = unsafe { OwnedHandle::from_raw_handle(token) };
        let ask = |what| {
            // With room to spare: an identity has at most 68 bytes. Aligned as the structures ask.
            let mut answer = vec![0u64; 32];
            let mut length = 0;
            let room = (answer.len() * 8) as u32;
            // SAFETY: the token is open, and `answer` has that many bytes.
            checked(unsafe {
                GetTokenInformation(
                    token.as_raw_handle(),
                    what,
                    answer.as_mut_ptr().cast(),
                    room,
                    &mut length,
                )
            })?;
            Ok::<_, io::Error>(answer)
        };
        Ok(Me { user: ask(TokenUser)?, owner: ask(TokenOwner)? })
    }

    /// Valid as long as `self`.
    fn user(&self) -> PSID {
        // SAFETY: this is what `TokenUser` was answered with, and it points into the same memory.
        unsafe { (*self.user.as_ptr().cast::<TOKEN_USER>()).User.Sid }
    }

    /// Valid as long as `self`.
    fn owner(&self) -> PSID {
        // SAFETY: likewise, for `TokenOwner`.
        unsafe { (*self.owner.as_ptr().cast::<TOKEN_OWNER>()).Owner }
    }

    /// Whether this is the user, or whom what the user makes belongs to.
    fn is(&self, sid: PSID) -> bool {
        // SAFETY: all three are identities that live as long as this and what `sid` belongs to.
        unsafe { EqualSid(sid, self.user()) != 0 || EqualSid(sid, self.owner()) != 0 }
    }

    /// Whether this is the process's user, or somebody whom no list of rights keeps out: the
    /// system itself and its administrators, as root on Unix. These do not count as "others".
    fn is_or_is_above(&self, sid: PSID) -> bool {
        let above =
            [WinLocalSystemSid, WinBuiltinAdministratorsSid, WinCreatorOwnerRightsSid].into_iter();
        // SAFETY: as above.
        self.is(sid) || above.into_iter().any(|known| unsafe { IsWellKnownSid(sid, known) } != 0)
    }
}

/// Whose a file is, and what others may do with it. In doubt, others may: an entry of a kind that
/// is not known here counts as open to all. Entries that deny something are not counted in the
/// file's favour.
pub(super) fn rights(file: &File) -> io::Result<Rights> {
    let me = Me::new()?;
    let (mut owner, mut list): (PSID, *mut ACL) = (null_mut(), null_mut());
    let mut whole: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the file is open, and the three may be written to.
    let asked = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            &mut owner,
            null_mut(),
            &mut list,
            null_mut(),
            &mut whole,
        )
    };
    if asked != 0 {
        return Err(io::Error::from_raw_os_error(asked as i32));
    }
    let _whole = Local(whole);
    let mut rights =
        Rights { is_mine: me.is(owner), others_may_write: false, open_to_others: false };
    if list.is_null() {
        // No list at all lets everybody do everything.
        (rights.others_may_write, rights.open_to_others) = (true, true);
        return Ok(rights);
    }
    // SAFETY: the list lives as long as `_whole`.
    for at in 0..u32::from(unsafe { (*list).AceCount }) {
        let mut entry: *mut c_void = null_mut();
        // SAFETY: the list has more entries than `at`, and `entry` may be written to.
        checked(unsafe { GetAce(list, at, &mut entry) })?;
        // SAFETY: every entry begins with this header.
        let header = unsafe { &*entry.cast::<ACE_HEADER>() };
        const ALLOWS: u8 = 0;
        const DENIES: u8 = 1;
        if u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 || header.AceType == DENIES {
            continue;
        }
        if header.AceType != ALLOWS {
            // What has conditions is not looked into.
            (rights.others_may_write, rights.open_to_others) = (true, true);
            continue;
        }
        let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
        // SAFETY: entries of this type are such structures, and end in the identity.
        let (sid, mask) = unsafe { ((&raw mut (*entry).SidStart).cast::<c_void>(), (*entry).Mask) };
        if !me.is_or_is_above(sid) && mask != 0 {
            rights.open_to_others = true;
            rights.others_may_write |= mask & WRITING != 0;
        }
    }
    Ok(rights)
}

/// The rights of a new file or directory: everything for this user, nothing for others, and
/// nothing inherited.
pub(super) struct ForMeAlone(Local);

impl ForMeAlone {
    /// Written in Windows' own language for rights (SDDL): `D:P(A;OICI;FA;;;<SID>)`.
    pub fn new() -> io::Result<ForMeAlone> {
        let me = Me::new()?;
        let mut text: *mut u16 = null_mut();
        // SAFETY: the identity lives as long as `me`, and `text` may be written to.
        checked(unsafe { ConvertSidToStringSidW(me.user(), &mut text) })?;
        let given = Local(text.cast());
        let mut length = 0;
        // SAFETY: the text ends in a NUL.
        while unsafe { *text.add(length) } != 0 {
            length += 1;
        }
        // SAFETY: it has that many units.
        let sid = String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(text, length) });
        drop(given);
        let said = wide(&format!("D:P(A;OICI;FA;;;{sid})"));
        let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
        // SAFETY: the text ends in a NUL, and `descriptor` may be written to.
        checked(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                said.as_ptr(),
                SDDL_REVISION_1,
                &mut descriptor,
                null_mut(),
            )
        })?;
        Ok(ForMeAlone(Local(descriptor)))
    }

    /// The rights in the form that functions which make something take. It points into `self`,
    /// and must not outlive it.
    pub fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.0.0,
            bInheritHandle: 0,
        }
    }

    /// Gives these rights to a file that is there already. Takes effect for those who open it
    /// later.
    pub fn put_on(&self, file: &File) -> io::Result<()> {
        let (mut present, mut list, mut defaulted) = (0, null_mut(), 0);
        // SAFETY: the descriptor is whole, and the three may be written to.
        checked(unsafe {
            GetSecurityDescriptorDacl(self.0.0, &mut present, &mut list, &mut defaulted)
        })?;
        // SAFETY: the file is open, and the list lives as long as this.
        let outcome = unsafe {
            SetSecurityInfo(
                file.as_raw_handle(),
                SE_FILE_OBJECT,
                DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                null_mut(),
                null_mut(),
                list,
                null(),
            )
        };
        if outcome == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(outcome as i32)) }
    }
}
