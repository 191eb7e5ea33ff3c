//! Windows: processes, threads, clocks, the machine and its boots, sockets.
//!
//! Where Windows lacks what Unix has (forks, signals, cancelled threads), the functions are here
//! and do nothing, so that no caller has to ask.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::windows::io::OwnedSocket;
use std::sync::Once;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::Networking::WinSock::{WSAEMFILE, WSAENOBUFS};
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, KEY_QUERY_VALUE, REG_OPTION_VOLATILE,
    RRF_RT_REG_SZ, RegCloseKey, RegCreateKeyExW, RegGetValueW, RegQueryInfoKeyW,
};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;

/// Nanoseconds since the machine started, in steps of about 16 ms; time asleep counts.
#[inline]
pub(crate) fn boot_time_ns() -> i64 {
    // SAFETY: takes nothing and touches nothing of ours.
    let ms = unsafe { GetTickCount64() };
    (ms as i64).saturating_mul(1_000_000)
}

/// Names this boot. Windows has no such name, but its registry has keys that live until the boot
/// ends (volatile ones): the first process that asks makes one, and the time it was made is the
/// name.
pub(crate) fn boot_id() -> Option<String> {
    let name = wide("Software\\keyfob-boot");
    let mut key: HKEY = std::ptr::null_mut();
    // SAFETY: the name ends in a NUL; what may be absent is; `key` may be written to.
    let made = unsafe {
        RegCreateKeyExW(
            HKEY_CURRENT_USER,
            name.as_ptr(),
            0,
            std::ptr::null(),
            REG_OPTION_VOLATILE,
            KEY_QUERY_VALUE,
            std::ptr::null(),
            &mut key,
            std::ptr::null_mut(),
        )
    };
    if made != 0 {
        return None;
    }
    let mut when = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    let nothing = std::ptr::null_mut();
    // SAFETY: the key is open, `when` may be written to, and all else is not asked for.
    let asked = unsafe {
        RegQueryInfoKeyW(
            key,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null(),
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
            &mut when,
        )
    };
    // SAFETY: it was opened above, and is used no more.
    unsafe { RegCloseKey(key) };
    let name = format!("{:08x}{:08x}", when.dwHighDateTime, when.dwLowDateTime);
    (asked == 0 && when.dwHighDateTime != 0).then_some(name)
}

/// Names this machine, as its installation did (`MachineGuid`). An image that was copied may have
/// one name twice.
pub(crate) fn machine_id() -> Option<String> {
    let (key, value) = (wide("SOFTWARE\\Microsoft\\Cryptography"), wide("MachineGuid"));
    let mut text = [0u16; 64];
    let mut bytes = size_of_val(&text) as u32;
    // SAFETY: both names end in a NUL, and `text` has that many bytes.
    let asked = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            value.as_ptr(),
            RRF_RT_REG_SZ,
            std::ptr::null_mut(),
            text.as_mut_ptr().cast(),
            &mut bytes,
        )
    };
    let id = text.split(|unit| *unit == 0).next().filter(|_| asked == 0)?;
    String::from_utf16(id).ok().filter(|id| !id.is_empty())
}

/// Text as Windows takes it: UTF-16, with a NUL at the end.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// Names this process. There are no forks here, so its number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u32);

pub(crate) fn this_process() -> Process {
    Process(std::process::id())
}

/// Keeps nothing from happening: no thread is cancelled here.
pub(crate) struct NotCancelled;

impl NotCancelled {
    #[inline]
    pub fn begin() -> NotCancelled {
        NotCancelled
    }
}

/// Starts a thread of the library's own. There are no signals to keep from it. It may outlive the call
/// that began it, so from now on the library's code stays mapped.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<std::thread::JoinHandle<()>> {
    static STAYS: Once = Once::new();
    STAYS.call_once(|| {
        let within = &raw const STAYS;
        let how = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
        let mut library = std::ptr::null_mut();
        // SAFETY: the address is one of this library's, and `library` may be written to.
        unsafe { GetModuleHandleExW(how, within.cast(), &mut library) };
    });
    std::thread::Builder::new().name(name.into()).spawn(work)
}

/// Begins to connect, and does not wait: says whether the connection is there already. Otherwise
/// it is there, or has failed, when the socket can be written to.
pub(crate) fn begin_to_connect(address: &SocketAddr) -> io::Result<(TcpStream, bool)> {
    use rustix::io::Errno;
    use rustix::net::{AddressFamily, SocketType};
    // Sockets must be started once in a process (WSAStartup). The standard library does so with
    // its first socket, and never stops them.
    static NETWORK: Once = Once::new();
    NETWORK.call_once(|| drop(std::net::UdpSocket::bind(("127.0.0.1", 0))));
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket: OwnedSocket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    match rustix::net::connect(&socket, address) {
        Ok(()) => Ok((TcpStream::from(socket), true)),
        Err(Errno::WOULDBLOCK | Errno::INPROGRESS) => Ok((TcpStream::from(socket), false)),
        Err(error) => Err(error.into()),
    }
}

/// Servers for Windows listen on no sockets that have a path.
#[cfg(feature = "redis")]
pub(crate) const HAS_LOCAL_SOCKETS: bool = false;

#[cfg(feature = "redis")]
pub(crate) fn connect_locally(_: &std::path::Path) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether something failed because the process, or the system, has no socket left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(WSAEMFILE | WSAENOBUFS))
}

/// Whether what was sent has been repeated again and again. This system is not asked, so a dead
/// connection is noticed by the call's deadline alone.
pub(crate) fn is_unheard(_: &TcpStream) -> bool {
    false
}
