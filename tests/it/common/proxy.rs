//! A CONNECT proxy (RFC 9110 9.3.6) of a few lines, which notes what it was asked for.

use std::io::{BufRead, BufReader, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What one client said before its tunnel began: the request line, then its headers.
pub type Asked = Vec<String>;

/// Listens until the test program ends.
pub struct Proxy {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Proxy {
    /// Opens the tunnels it is asked for.
    pub fn open() -> Proxy {
        Proxy::start(true)
    }

    /// Notes where a client wants to go, and lets it go nowhere.
    pub fn shut() -> Proxy {
        Proxy::start(false)
    }

    fn start(lets_through: bool) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let noted = noted.clone();
                std::thread::spawn(move || serve(client, lets_through, &noted));
            }
        });
        Proxy { port, asked }
    }

    /// What the option `proxy` is set to.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// As [`Proxy::url`], with a name and a password.
    pub fn url_with(&self, credentials: &str) -> String {
        format!("http://{credentials}@127.0.0.1:{}", self.port)
    }

    /// What each client said, in the order they came.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The `host:port` that the last client asked for.
    pub fn last_target(&self) -> Option<String> {
        let asked = self.asked();
        asked.last()?.first()?.split(' ').nth(1).map(str::to_string)
    }
}

fn serve(mut client: TcpStream, lets_through: bool, noted: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut lines: Asked = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_string());
    }
    let target = lines.first().and_then(|line| line.split(' ').nth(1)).map(str::to_string);
    noted.lock().unwrap().push(lines);
    let server = target.filter(|_| lets_through).and_then(|target| TcpStream::connect(target).ok());
    let Some(server) = server else {
        let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        return;
    };
    let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
    let (mut up, mut answers) = (server.try_clone().unwrap(), server);
    let backward = std::thread::spawn(move || {
        let _ = copy(&mut answers, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    });
    let _ = copy(&mut reader, &mut up);
    let _ = up.shutdown(Shutdown::Both);
    let _ = backward.join();
}
