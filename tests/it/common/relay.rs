//! A way to a server that can die: what is sent on it then is neither passed on nor acknowledged, as
//! after a new lease or a router that has forgotten.

use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Listens until the test program ends.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    /// The clients' sides of what goes through it.
    open: Arc<Mutex<Vec<TcpStream>>>,
    shut: Arc<AtomicBool>,
}

impl Relay {
    /// To the server that this URL is at.
    pub fn to(url: &str) -> Relay {
        Relay::from(([127, 0, 0, 1], 0).into(), url).unwrap()
    }

    /// The same, listening elsewhere.
    pub fn from(address: SocketAddr, url: &str) -> std::io::Result<Relay> {
        let authority = url.split('/').nth(2).unwrap().to_string();
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let open = Arc::<Mutex<Vec<TcpStream>>>::default();
        let known = open.clone();
        let shut = Arc::<AtomicBool>::default();
        let is_shut = shut.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&authority) else { continue };
                known.lock().unwrap().push(client.try_clone().unwrap());
                if is_shut.load(Ordering::SeqCst) {
                    continue;
                }
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || {
                        let _ = copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
            }
        });
        Ok(Relay { address, open, shut })
    }

    /// The same URL, by way of this.
    pub fn leads(&self, url: &str) -> String {
        let mut parts: Vec<&str> = url.split('/').collect();
        let authority = self.address.to_string();
        parts[2] = &authority;
        parts.join("/")
    }

    /// Whether it takes connections and leads them nowhere: those that are made from now on.
    pub fn shut(&self, shut: bool) {
        self.shut.store(shut, Ordering::SeqCst);
    }

    /// How many connections were made through it.
    pub fn count(&self) -> usize {
        self.open.lock().unwrap().len()
    }

    /// Nothing comes through the connections that there are, in either direction, and nothing on them
    /// is acknowledged any more. Those that are made from now on are good.
    #[cfg(target_os = "linux")]
    pub fn dies(&self) {
        /// Of a packet, no byte is let through: BPF's `ret #0` (linux/filter.h).
        const NOTHING: libc::sock_filter = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };
        for client in self.open.lock().unwrap().iter() {
            let mut nothing = [NOTHING];
            let filter = libc::sock_fprog { len: 1, filter: nothing.as_mut_ptr() };
            // SAFETY: the descriptor is open, and the kernel copies the filter before it returns.
            let outcome = unsafe {
                libc::setsockopt(
                    client.as_raw_fd(),
                    libc::SOL_SOCKET,
                    libc::SO_ATTACH_FILTER,
                    (&raw const filter).cast(),
                    size_of_val(&filter) as libc::socklen_t,
                )
            };
            assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
        }
    }
}
