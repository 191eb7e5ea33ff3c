//! One connection: its requests in, the clouds' answers out, and the faults that strike it.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::SockRef;

use crate::clock::http_date;
use crate::clouds::{self, Cloud, ORIGINS, Role, Scene};
use crate::fault::{Fault, RedirectTo, Stage, TlsFault, WireFault};
use crate::gzip;
use crate::http::{Answer, Inbox, Request, Unread};
use crate::injection::Struck;
use crate::journal::Entry;
use crate::mutate::{FILLED, mutate};
use crate::wire::Wire;
use crate::world::{Line, Phase, World};

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    /// As anyone on the way can: the connection ends, and TLS on it says no goodbye.
    Cut,
    Reset,
}

/// Bytes sent just before a reset are lost with it, unless the client had time to read them.
const BEFORE_RESET: Duration = Duration::from_millis(20);

/// Serves a connection until it ends.
pub(crate) fn serve(world: &World, origin: usize, tls: bool, stream: TcpStream) {
    let line = world.open_line(origin, stream);
    let end = connection(world, &line, tls);
    world.forget_line(line.number);
    if end == End::Reset {
        // The last owner's drop then sends RST in place of FIN.
        let _ = SockRef::from(&*line.socket).set_linger(Some(Duration::ZERO));
    }
}

fn connection(world: &World, line: &Line, tls: bool) -> End {
    let fault = world.connection_fault(line.origin, tls);
    if let Some(fault) = &fault {
        world.journal.write(struck(world, line, tls, fault));
    }
    let socket = line.socket.clone();
    let tls_fault = match fault {
        Some(Fault::Reset { .. }) => return End::Reset,
        Some(Fault::Close { .. }) => return End::Close,
        Some(Fault::Stall { .. } | Fault::Tls(TlsFault::HandshakeStall)) => {
            return stall(socket);
        }
        Some(Fault::Tls(TlsFault::NotTls)) => {
            return not_tls(socket);
        }
        Some(Fault::Tls(fault)) => Some(fault),
        _ => None,
    };
    let mut wire = if tls {
        let asks = world.require_client_cert.load(Ordering::SeqCst);
        let older = world.only_tls12.load(Ordering::SeqCst);
        match Wire::tls(socket, world.faces.face(tls_fault, asks, older)) {
            Ok(wire) => wire,
            Err(_) => return End::Close,
        }
    } else {
        Wire::plain(socket)
    };
    let end = converse(world, line, &mut wire);
    if end == End::Close {
        wire.close();
    }
    end
}

/// Holds the connection until the client gives it up.
fn stall(socket: Arc<TcpStream>) -> End {
    let mut wire = Wire::plain(socket);
    let mut waste = [0; 1024];
    while wire.read(&mut waste).is_ok_and(|got| got > 0) {}
    End::Close
}

fn not_tls(socket: Arc<TcpStream>) -> End {
    let mut wire = Wire::plain(socket);
    let mut hello = [0; 4096];
    let _ = wire.read(&mut hello);
    let _ = wire.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nThis port speaks no TLS\r\n");
    wire.close();
    let _ = wire.read(&mut hello);
    End::Close
}

fn converse(world: &World, line: &Line, wire: &mut Wire) -> End {
    let mut inbox = Inbox::default();
    loop {
        if inbox.is_empty() {
            line.enter(Phase::Idle);
            if line.is_doomed() || inbox.fill(wire).is_err() {
                return End::Close;
            }
            line.enter(Phase::Busy);
        }
        match inbox.request(wire) {
            Ok(request) => {
                if let Err(end) = respond(world, line, wire, &request) {
                    return end;
                }
            }
            Err(Unread::Gone) => return End::Close,
            Err(Unread::Malformed(answer)) => {
                let request = Request { last: true, ..Request::default() };
                let mut entry = noted(world, line, wire, &request);
                entry.call = "malformed";
                entry.status = answer.status;
                world.journal.write(entry);
                let _ = send(wire, &answer, &request);
                return End::Close;
            }
        }
    }
}

/// Carries a call out and answers it, as far as its fault lets it. `Err` ends the connection.
fn respond(world: &World, line: &Line, wire: &mut Wire, request: &Request) -> Result<(), End> {
    let (home, role) = ORIGINS[line.origin];
    let cloud = if role == Role::Elsewhere { led_from(&request.path) } else { home };
    let call = clouds::call_name(cloud, role, request);
    let fault = world.injections.take(cloud, Struck::Call(call));
    let executed = fault.as_ref().is_none_or(Fault::executes);
    let client_cert = wire.client_cert().map(<[u8]>::to_vec);
    let scene = Scene {
        cloud,
        role,
        tls: wire.is_tls(),
        client_cert: client_cert.as_deref(),
        now_ms: world.clock.now_ms(),
        ports: &world.ports,
    };
    let mut answer = if executed {
        clouds::answer(&scene, &mut world.site(cloud), call, request)
    } else {
        instead(&scene, fault.as_ref(), request)
    };
    if !answer.has("date") {
        answer.set("Date", http_date(scene.now_ms.div_euclid(1000)));
    }
    if let Some(fault) = &fault {
        answer = mutate(fault, answer);
    }
    if call == "api" && !matches!(fault, Some(Fault::HugeBody { .. })) {
        answer = gzip::packed_for(request, answer);
    }

    let mut entry = noted(world, line, wire, request);
    entry.cloud = cloud;
    entry.call = call;
    entry.status = if leaves_no_status(fault.as_ref()) { 0 } else { answer.status };
    entry.executed = executed;
    entry.fault = fault.as_ref().map(Fault::name);
    world.journal.write(entry);

    if let Some(delay) = world.delay(cloud, call) {
        world.pause(delay);
    }
    line.enter(Phase::Answering);
    deliver(world, wire, &answer, fault.as_ref(), request)?;
    if request.last { Err(End::Close) } else { Ok(()) }
}

/// The cloud that a request was led away from: the first segment of its path.
fn led_from(path: &str) -> Cloud {
    let first = path.split('/').nth(1).unwrap_or("");
    Cloud::from_name(first).unwrap_or(Cloud::Kontakt)
}

/// What a call that is not carried out is answered.
fn instead(scene: &Scene<'_>, fault: Option<&Fault>, request: &Request) -> Answer {
    match fault {
        Some(Fault::Answer { status, headers, body }) => {
            Answer { status: *status, headers: headers.clone(), body: body.clone() }
        }
        Some(Fault::Redirect { status, to }) => {
            let origin = match to {
                RedirectTo::Same => scene.here(),
                RedirectTo::OtherOrigin => {
                    format!("{}/{}", scene.url(Role::Elsewhere), scene.cloud.name())
                }
                RedirectTo::Downgraded => scene.ports.url(scene.cloud, scene.role, false),
            };
            let query = if request.query.is_empty() { "" } else { "?" };
            let location = format!("{origin}{}{query}{}", request.path, request.query);
            Answer::empty(*status).with("Location", location)
        }
        // Never seen by the client: the connection fails first.
        _ => Answer::of(200, "application/json", vec![b' '; 64]),
    }
}

fn leaves_no_status(fault: Option<&Fault>) -> bool {
    matches!(
        fault,
        Some(
            Fault::Reset { at: Stage::BeforeHeaders, .. }
                | Fault::Close { at: Stage::BeforeHeaders, .. }
                | Fault::Stall { at: Stage::BeforeHeaders, .. }
        )
    )
}

fn noted(world: &World, line: &Line, wire: &Wire, request: &Request) -> Entry {
    let (cloud, role) = ORIGINS[line.origin];
    Entry {
        number: 0,
        cloud,
        origin: role.name(),
        call: "unknown",
        connection: line.number,
        tls: wire.is_tls(),
        tls_resumed: wire.resumed(),
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        status: 0,
        executed: false,
        fault: None,
        at: world.clock.now_ms(),
    }
}

fn struck(world: &World, line: &Line, tls: bool, fault: &Fault) -> Entry {
    let wire = Wire::plain(line.socket.clone());
    let mut entry = noted(world, line, &wire, &Request::default());
    entry.call = "connect";
    entry.tls = tls;
    entry.fault = Some(fault.name());
    entry
}

/// Puts the answer on the wire, or as much of it as the fault lets through.
fn deliver(
    world: &World,
    wire: &mut Wire,
    answer: &Answer,
    fault: Option<&Fault>,
    request: &Request,
) -> Result<(), End> {
    let sent = match fault {
        Some(Fault::Reset { at, .. }) => {
            let _ = send_part(wire, answer, *at, request);
            world.pause(BEFORE_RESET);
            return Err(End::Reset);
        }
        Some(Fault::Close { at, .. }) => {
            let _ = send_part(wire, answer, *at, request);
            return Err(End::Close);
        }
        Some(Fault::Stall { at, .. }) => {
            let _ = send_part(wire, answer, *at, request);
            let mut waste = [0; 1024];
            while wire.read(&mut waste).is_ok_and(|got| got > 0) {}
            return Err(End::Close);
        }
        Some(Fault::Wire(fault)) => return oddly(world, wire, answer, *fault, request),
        Some(Fault::Drip { ms }) => drip(world, wire, answer, *ms, request),
        Some(Fault::HugeBody { bytes, chunked }) => flood(wire, answer, *bytes, *chunked, request),
        Some(Fault::Delay { ms }) => {
            world.pause(Duration::from_millis(*ms));
            send(wire, answer, request)
        }
        _ => send(wire, answer, request),
    };
    sent.map_err(|_| End::Close)
}

/// The whole answer in one write.
fn send(wire: &mut Wire, answer: &Answer, request: &Request) -> io::Result<()> {
    let bytes = whole(answer, request);
    wire.write_all(&bytes)?;
    wire.flush()
}

/// The whole answer, in odd bytes.
fn oddly(
    world: &World,
    wire: &mut Wire,
    answer: &Answer,
    fault: WireFault,
    request: &Request,
) -> Result<(), End> {
    let mut bytes = match fault {
        WireFault::Surplus | WireFault::SurplusChunked => {
            let forged = br#"{"access_token":"forged","accessToken":"forged","token_type":"Bearer","expires_in":3600}"#;
            let forged = Answer::of(200, "application/json", forged.to_vec());
            let real = match fault {
                WireFault::SurplusChunked => in_chunks(answer, request),
                _ => whole(answer, request),
            };
            [real, whole(&forged, &Request::default())].concat()
        }
        WireFault::NoLength | WireFault::NoLengthCut | WireFault::NoLengthReset => {
            answer.head(None, true)
        }
        WireFault::Folded => {
            let folded = answer.clone().with("X-Folded", "one,\r\n two,\r\n\tthree");
            whole(&folded, request)
        }
    };
    let says_no_length =
        matches!(fault, WireFault::NoLength | WireFault::NoLengthCut | WireFault::NoLengthReset);
    if says_no_length && request.method != "HEAD" {
        bytes.extend_from_slice(&answer.body);
    }
    let sent = wire.write_all(&bytes).and_then(|()| wire.flush());
    match fault {
        _ if sent.is_err() => Err(End::Close),
        WireFault::Surplus | WireFault::SurplusChunked | WireFault::Folded => Ok(()),
        WireFault::NoLength => Err(End::Close),
        WireFault::NoLengthCut => Err(End::Cut),
        WireFault::NoLengthReset => {
            world.pause(BEFORE_RESET);
            Err(End::Reset)
        }
    }
}

/// An answer whose body, if it may have one, comes in two chunks.
fn in_chunks(answer: &Answer, request: &Request) -> Vec<u8> {
    if answer.length().is_none() || request.method == "HEAD" {
        return whole(answer, request);
    }
    let chunked = answer.clone().with("Transfer-Encoding", "chunked");
    let mut bytes = chunked.head(None, request.last);
    let (first, second) = answer.body.split_at(answer.body.len() / 2);
    for chunk in [first, second].into_iter().filter(|chunk| !chunk.is_empty()) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn whole(answer: &Answer, request: &Request) -> Vec<u8> {
    let mut bytes = answer.head(answer.length(), request.last);
    if request.method != "HEAD" {
        bytes.extend_from_slice(&answer.body);
    }
    bytes
}

fn send_part(wire: &mut Wire, answer: &Answer, until: Stage, request: &Request) -> io::Result<()> {
    let head = answer.head(answer.length(), request.last).len();
    let bytes = whole(answer, request);
    let count = match until {
        Stage::Accept | Stage::BeforeHeaders => return Ok(()),
        Stage::WithinHeaders => head / 2,
        Stage::WithinBody => head + (bytes.len() - head) / 2,
    };
    wire.write_all(&bytes[..count])?;
    wire.flush()
}

fn drip(
    world: &World,
    wire: &mut Wire,
    answer: &Answer,
    ms: u64,
    request: &Request,
) -> io::Result<()> {
    for byte in whole(answer, request) {
        if world.has_ended() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        wire.write_all(&[byte])?;
        wire.flush()?;
        world.pause(Duration::from_millis(ms));
    }
    Ok(())
}

/// A body too large to be held, made as it is sent.
fn flood(
    wire: &mut Wire,
    answer: &Answer,
    bytes: u64,
    chunked: bool,
    request: &Request,
) -> io::Result<()> {
    let [before, after] = FILLED;
    let filling = bytes.saturating_sub((before.len() + after.len()) as u64);
    let total = filling + (before.len() + after.len()) as u64;
    if chunked {
        let answer = answer.clone().with("Transfer-Encoding", "chunked");
        wire.write_all(&answer.head(None, request.last))?;
    } else {
        wire.write_all(&answer.head(Some(total), request.last))?;
    }
    let mut part = |bytes: &[u8]| {
        if !chunked {
            return wire.write_all(bytes);
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        wire.write_all(&chunk)
    };
    part(before.as_bytes())?;
    let block = vec![b'a'; 32 * 1024];
    let mut left = filling;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(block.len()).min(block.len());
        part(&block[..count])?;
        left -= count as u64;
    }
    part(after.as_bytes())?;
    if chunked {
        wire.write_all(b"0\r\n\r\n")?;
    }
    wire.flush()
}
