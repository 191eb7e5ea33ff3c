//! A SOCKS 5 proxy (RFC 1928, RFC 1929) of a few lines, which notes what it was asked for.

use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Listens until the test program ends.
pub struct Socks {
    pub port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

/// How it behaves.
#[derive(Clone, Copy)]
pub enum Manner {
    Open,
    /// Only for `gateway`, whose password is this one.
    Password(&'static str),
    /// Answers each request to connect with this reply.
    Refuses(u8),
    /// Says this at once, and nothing else.
    Says(&'static [u8]),
    /// Says nothing.
    Silent,
}

impl Socks {
    pub fn start(manner: Manner) -> Socks {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let noted = noted.clone();
                std::thread::spawn(move || serve(client, manner, &noted));
            }
        });
        Socks { port, asked }
    }

    /// What the option `proxy` is set to; `credentials` are empty, or `name:password@`.
    pub fn url(&self, credentials: &str) -> String {
        format!("socks5://{credentials}127.0.0.1:{}", self.port)
    }

    /// The `host:port` of each request to connect.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, manner: Manner, noted: &Mutex<Vec<String>>) -> Option<()> {
    match manner {
        Manner::Says(what) => return client.write_all(what).ok(),
        Manner::Silent => return copy(&mut client, &mut std::io::sink()).ok().map(drop),
        _ => {}
    }
    let [5, ways] = take(&mut client)? else { return None };
    let mut offered = vec![0; ways.into()];
    client.read_exact(&mut offered).ok()?;
    if let Manner::Password(password) = manner {
        if !offered.contains(&2) {
            return client.write_all(&[5, 0xff]).ok();
        }
        client.write_all(&[5, 2]).ok()?;
        let [1, length] = take(&mut client)? else { return None };
        let name = text(&mut client, length)?;
        let [length] = take(&mut client)?;
        let is_right =
            (name.as_str(), text(&mut client, length)?.as_str()) == ("gateway", password);
        client.write_all(&[1, u8::from(!is_right)]).ok()?;
        is_right.then_some(())?;
    } else {
        client.write_all(&[5, 0]).ok()?;
    }
    // Only names are asked for here: the tests' clouds are at `localhost`.
    let [5, 1, 0, 3, length] = take(&mut client)? else { return None };
    let (host, port) = (text(&mut client, length)?, u16::from_be_bytes(take(&mut client)?));
    noted.lock().unwrap().push(format!("{host}:{port}"));
    if let Manner::Refuses(reply) = manner {
        return client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).ok();
    }
    let server = TcpStream::connect((host, port)).ok()?;
    // With an address of its own that is a name, which few proxies give.
    client.write_all(&[5, 0, 0, 3, 2, b'g', b'w', 1, 2]).ok()?;
    let (mut up, mut answers) = (server.try_clone().ok()?, server);
    let mut down = client.try_clone().ok()?;
    let backward = std::thread::spawn(move || {
        let _ = copy(&mut answers, &mut down);
        let _ = down.shutdown(Shutdown::Both);
    });
    let _ = copy(&mut client, &mut up);
    let _ = up.shutdown(Shutdown::Both);
    backward.join().ok()
}

fn take<const N: usize>(client: &mut TcpStream) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn text(client: &mut TcpStream, length: u8) -> Option<String> {
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}
