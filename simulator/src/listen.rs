//! Listeners: a port each, a thread each, and a door that can be shut and opened again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::lock::lock;

/// Hundreds of connections may come in one moment.
const BACKLOG: i32 = 1024;
/// A connection's thread holds a TLS handshake's frames and nothing large.
const STACK: usize = 512 * 1024;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A socket that holds the port and refuses connections until it listens.
fn bound(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address(port).into())?;
    Ok(socket)
}

fn opened(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A listener on the port, or on a free one for 0, with the port it has.
pub(crate) fn open(port: u16) -> io::Result<(TcpListener, u16)> {
    let listener = opened(bound(port)?)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Open,
    Shut,
    Gone,
}

#[derive(Debug)]
struct State {
    wanted: Wanted,
    shut: bool,
}

/// A port's listener and its thread.
#[derive(Debug)]
pub(crate) struct Door {
    port: u16,
    state: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    /// Serves each connection of the listener on a thread of its own.
    pub(crate) fn new(
        listener: TcpListener,
        port: u16,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Door {
        let state = State { wanted: Wanted::Open, shut: false };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let seen = state.clone();
        let serve = Arc::new(serve);
        let thread = thread::Builder::new()
            .name(format!("port {port}"))
            .spawn(move || keep(listener, port, &seen, &serve))
            .expect("a thread can be started");
        Door { port, state, thread: Some(thread) }
    }

    /// Shuts the door, so that connections are refused, or opens it again. Done on return.
    pub(crate) fn set_shut(&self, shut: bool) {
        let (state, changed) = &*self.state;
        let wanted = if shut { Wanted::Shut } else { Wanted::Open };
        if std::mem::replace(&mut lock(state).wanted, wanted) == wanted {
            return;
        }
        if shut {
            self.wake();
        }
        changed.notify_all();
        let state = lock(state);
        let _ =
            changed.wait_timeout_while(state, Duration::from_secs(5), |state| state.shut != shut);
    }

    /// Ends a wait for the next connection by being it.
    fn wake(&self) {
        let _ = TcpStream::connect_timeout(&address(self.port), Duration::from_secs(1));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        lock(&self.state.0).wanted = Wanted::Gone;
        self.state.1.notify_all();
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep<S: Fn(TcpStream) + Send + Sync + 'static>(
    listener: TcpListener,
    port: u16,
    state: &(Mutex<State>, Condvar),
    serve: &Arc<S>,
) {
    let mut listener = Some(listener);
    loop {
        let wanted = lock(&state.0).wanted;
        match (wanted, listener.take()) {
            (Wanted::Gone, _) => return,
            (Wanted::Open, Some(open)) => {
                if let Ok((stream, _)) = open.accept() {
                    if lock(&state.0).wanted == Wanted::Open {
                        start(stream, serve.clone());
                    }
                }
                listener = Some(open);
            }
            (Wanted::Open, None) | (Wanted::Shut, _) => {
                listener = stay_shut(port, state);
            }
        }
    }
}

/// Holds the port, unlistened, until the door is to open or to go.
fn stay_shut(port: u16, state: &(Mutex<State>, Condvar)) -> Option<TcpListener> {
    let socket = bound(port).ok()?;
    let (state, changed) = state;
    let mut held = lock(state);
    held.shut = true;
    changed.notify_all();
    while held.wanted == Wanted::Shut {
        held = changed.wait(held).unwrap_or_else(std::sync::PoisonError::into_inner);
    }
    let listener = opened(socket).ok();
    held.shut = false;
    changed.notify_all();
    listener
}

fn start<S: Fn(TcpStream) + Send + Sync + 'static>(stream: TcpStream, serve: Arc<S>) {
    let _ = stream.set_nodelay(true);
    let _ = thread::Builder::new().stack_size(STACK).spawn(move || serve(stream));
}
