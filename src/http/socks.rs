//! A way through a SOCKS 5 proxy (RFC 1928), with a name and a password where it wants them (RFC
//! 1929).
//!
//! The proxy is told the host's name and looks it up itself, since a gateway behind one often has no
//! DNS of its own. TLS goes through, so the proxy sees of it only the name and the port.
//!
//! ```text
//! 5, the ways to prove oneself     →
//!                                  ←   5, the way it chose
//! 5, connect, host, port           →
//!                                  ←   5, granted, an address of its own that nobody needs
//! TLS with the host               ↔
//! ```

use super::broken::{Broken, Outcome};
use super::connection::Connection;
use super::url::Origin;
use crate::support::call::Call;
use crate::support::secret::Secret;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// The first byte of each message.
const VERSION: u8 = 5;
/// Method 0: the proxy asks for nothing.
const NO_PROOF: u8 = 0;
/// Method 2 (RFC 1929).
const NAME_AND_PASSWORD: u8 = 2;
/// Command 1: a connection, as opposed to a port to listen on or datagrams.
const CONNECT: u8 = 1;

/// A name and a password, each of 1 to 255 bytes: the message has one byte for a length.
#[derive(Clone)]
pub(super) struct Login {
    pub name: Secret,
    pub password: Secret,
}

/// Asks the proxy at the other end of this connection to lead it on to `to`. Afterwards the
/// connection is one to `to`.
///
/// Name and password are sent only if the proxy asks for them. Each message is short and is
/// waited for as a whole.
pub(super) fn tunnel(
    login: Option<&Login>,
    connection: &mut Connection,
    to: &Origin,
    call: &Call,
) -> Outcome<()> {
    let offered: &[u8] = if login.is_some() { &[NO_PROOF, NAME_AND_PASSWORD] } else { &[NO_PROOF] };
    connection.put_all(&[&[VERSION, offered.len() as u8], offered].concat(), call)?;
    match (read::<2>(connection, call)?, login) {
        ([VERSION, NO_PROOF], _) => {}
        ([VERSION, NAME_AND_PASSWORD], Some(login)) => prove(login, connection, call)?,
        ([VERSION, _], _) => return Err(Broken::ProxyRefused(407)),
        _ => return Err(Broken::Malformed("it speaks no SOCKS 5")),
    }
    connection.put_all(&request(to)?, call)?;
    let [version, reply, _, kind] = read::<4>(connection, call)?;
    if version != VERSION {
        return Err(Broken::Malformed("it speaks no SOCKS 5"));
    }
    if let Some(why) = refusal(reply) {
        return Err(Broken::SocksRefused(why));
    }
    let address = match kind {
        1 => 4,
        3 => usize::from(read::<1>(connection, call)?[0]),
        4 => 16,
        _ => return Err(Broken::Malformed("its answer has an address of no kind")),
    };
    // An address and a port that nobody needs.
    skip(connection, address + 2, call)?;
    // The host speaks second: what came already is the proxy's.
    match connection.is_settled() {
        true => Ok(()),
        false => Err(Broken::Malformed("more came than its answer")),
    }
}

/// Sends name and password (RFC 1929 2). They go in the clear, as the proxy's protocol has it.
fn prove(login: &Login, connection: &mut Connection, call: &Call) -> Outcome<()> {
    let (name, password) = (login.name.expose().as_bytes(), login.password.expose().as_bytes());
    let mut message = Zeroizing::new(Vec::with_capacity(3 + name.len() + password.len()));
    message.extend_from_slice(&[1, name.len() as u8]);
    message.extend_from_slice(name);
    message.push(password.len() as u8);
    message.extend_from_slice(password);
    connection.put_all(&message, call)?;
    match read::<2>(connection, call)? {
        [_, 0] => Ok(()),
        _ => Err(Broken::ProxyRefused(407)),
    }
}

/// The request to connect (RFC 1928 4). A name goes as it is, for the proxy to look up; an
/// address goes in its own form.
fn request(to: &Origin) -> Outcome<Vec<u8>> {
    let host = to.host_without_zone();
    let host = host.trim_matches(['[', ']']);
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_) => {
            let length = u8::try_from(host.len())
                .map_err(|_| Broken::SocksRefused("takes no name of more than 255 bytes"))?;
            request.extend([3, length]);
            request.extend(host.bytes());
        }
    }
    request.extend(to.port().to_be_bytes());
    Ok(request)
}

/// What a reply means, as the rest of "it ..."; `None` is success (RFC 1928 6).
fn refusal(reply: u8) -> Option<&'static str> {
    Some(match reply {
        0 => return None,
        2 => "does not allow it",
        3 => "cannot reach its network",
        4 => "cannot reach it",
        5 => "was refused the connection",
        6 => "waited too long for it",
        7 => "does not make connections",
        8 => "knows no addresses of its kind",
        _ => "cannot lead there",
    })
}

/// Takes exactly so many bytes; waits for them within the call.
fn read<const N: usize>(connection: &mut Connection, call: &Call) -> Outcome<[u8; N]> {
    wait_for(connection, N, call)?;
    let bytes = *connection.unread().first_chunk().ok_or(Broken::Ended)?;
    connection.take(N);
    Ok(bytes)
}

fn skip(connection: &mut Connection, amount: usize, call: &Call) -> Outcome<()> {
    wait_for(connection, amount, call)?;
    connection.take(amount);
    Ok(())
}

/// Waits until this many bytes are there. An end before that is [`Broken::Ended`].
fn wait_for(connection: &mut Connection, amount: usize, call: &Call) -> Outcome<()> {
    while connection.unread().len() < amount {
        if !connection.fill(call, true)? {
            return Err(Broken::Ended);
        }
    }
    Ok(())
}
