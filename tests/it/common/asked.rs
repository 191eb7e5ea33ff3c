//! What a server that a test makes of a socket is asked.

use std::io::Read;

/// One request, to the end of its body: a server that closes before it has read that resets the
/// connection, and its answer may be lost.
pub fn whole_request(stream: &mut impl Read) -> String {
    let mut request = String::new();
    let mut piece = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => request += &String::from_utf8_lossy(&piece[..length]),
            _ => break,
        }
    }
    request
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().map_or(0, |(_, length)| length.parse().unwrap());
    body.len() >= length
}
