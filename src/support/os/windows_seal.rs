//! What Windows seals for its user (DPAPI): the key is made of the user's password, and Windows keeps it.
//!
//! Whoever runs as the user can open what was sealed; another user, or who has the disk, cannot. Windows
//! seals it anew when the user changes the password, and cannot when somebody else sets it.

use super::UserSeal;
use super::windows::wide;
use super::windows_access::{Local, checked};
use std::io;
use std::ptr::{null, null_mut};
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData, CryptUnprotectData,
};
use zeroize::{Zeroize, Zeroizing};

pub(crate) const USER_SEAL: Option<UserSeal> = Some(UserSeal { name: "dpapi", seal, open });

fn seal(plain: &[u8]) -> io::Result<Vec<u8>> {
    let about = wide("keyfob");
    let mut made = CRYPT_INTEGER_BLOB::default();
    // SAFETY: the bytes and the text live as long as the call, the text ends in a NUL, `made` may be
    // written to, and all else is not asked for.
    checked(unsafe {
        CryptProtectData(
            &bytes(plain),
            about.as_ptr(),
            null(),
            null(),
            null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &mut made,
        )
    })?;
    Ok(taken(made).to_vec())
}

fn open(sealed: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut plain = CRYPT_INTEGER_BLOB::default();
    // SAFETY: the bytes live as long as the call, `plain` may be written to, and all else is not
    // asked for.
    checked(unsafe {
        CryptUnprotectData(
            &bytes(sealed),
            null_mut(),
            null(),
            null(),
            null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &mut plain,
        )
    })?;
    Ok(taken(plain))
}

/// Bytes as Windows takes them. It does not write there, though its type says that it may.
fn bytes(of: &[u8]) -> CRYPT_INTEGER_BLOB {
    CRYPT_INTEGER_BLOB { cbData: of.len() as u32, pbData: of.as_ptr().cast_mut() }
}

/// Takes over what Windows answered; its own copy is wiped and given back.
fn taken(answer: CRYPT_INTEGER_BLOB) -> Zeroizing<Vec<u8>> {
    let memory = Local(answer.pbData.cast());
    if memory.0.is_null() {
        return Zeroizing::default();
    }
    // SAFETY: the answer has that many bytes, and nobody else has them.
    let theirs = unsafe { std::slice::from_raw_parts_mut(answer.pbData, answer.cbData as usize) };
    let ours = Zeroizing::new(theirs.to_vec());
    theirs.zeroize();
    ours
}
