//! The coding gzip (RFC 1952): answers packed for who asks for that, and a bomb.

use crate::http::{Answer, Request};

/// The answer packed, as nginx does it, where the request takes gzip: a validator becomes a weak one
/// (RFC 9110 8.8.1), and there are no ranges of it.
pub(crate) fn packed_for(request: &Request, mut answer: Answer) -> Answer {
    let takes = request.header("accept-encoding").unwrap_or_default();
    let takes = takes.split(',').map(|item| item.trim().to_ascii_lowercase());
    let mut takes = takes.map(|item| item.replace(' ', ""));
    let asked =
        takes.any(|item| item == "gzip" || item.starts_with("gzip;q=") && item != "gzip;q=0");
    if !asked || answer.body.is_empty() || answer.status == 206 || answer.has("content-encoding") {
        return answer;
    }
    answer.set("Content-Encoding", "gzip");
    answer.set("Vary", "Accept-Encoding");
    answer.remove("accept-ranges");
    answer.remove("repr-digest");
    if let Some((_, tag)) = answer.headers.iter_mut().find(|(name, _)| name == "ETag") {
        tag.insert_str(0, "W/");
    }
    Answer { body: pack(&answer.body), ..answer }
}

/// The bytes as one member.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut stream = HEAD.to_vec();
    stream.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
    stream.extend(crc32(bytes.iter().copied()).to_le_bytes());
    let low = bytes.len() as u64 & u64::from(u32::MAX);
    stream.extend(u32::try_from(low).unwrap_or(u32::MAX).to_le_bytes());
    stream
}

/// What a member begins with that says nothing of itself.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// One byte repeated, made without ever holding what it unpacks to: `before`, then the letter `a` as often as it takes to come to `total` bytes, then `after`.
pub(crate) fn bomb(before: &[u8], total: u64, after: &[u8]) -> Vec<u8> {
    let around = (before.len() + after.len()) as u64;
    let filling = total.saturating_sub(around);
    let mut out = Bits::default();
    // Last block, fixed codes (RFC 1951 3.2.6).
    out.bits(1, 1);
    out.bits(1, 2);
    before.iter().for_each(|byte| out.literal(*byte));
    if filling > 0 {
        out.literal(b'a');
    }
    let repeated = filling.saturating_sub(1);
    for _ in 0..repeated / 258 {
        // Length 258 is symbol 285, eight bits from 0xc0 for 280; distance 1 is symbol 0 in five.
        out.code(0xc5, 8);
        out.code(0, 5);
    }
    (0..repeated % 258).for_each(|_| out.literal(b'a'));
    after.iter().for_each(|byte| out.literal(*byte));
    out.code(0, 7);

    let mut stream = HEAD.to_vec();
    stream.extend(out.finish());
    let filler = (0..filling).map(|_| b'a');
    let content = before.iter().copied().chain(filler).chain(after.iter().copied());
    stream.extend(crc32(content).to_le_bytes());
    let low = (filling + around) & u64::from(u32::MAX);
    stream.extend(u32::try_from(low).unwrap_or(u32::MAX).to_le_bytes());
    stream
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    /// Appends a number, least significant bit first.
    fn bits(&mut self, value: u32, width: u32) {
        self.held |= value << self.count;
        self.count += width;
        while self.count >= 8 {
            self.bytes.push(self.held.to_le_bytes()[0]);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Appends a Huffman code, most significant bit first.
    fn code(&mut self, code: u32, width: u32) {
        self.bits(code.reverse_bits() >> (32 - width), width);
    }

    /// A byte below 144: eight bits from 0x30.
    fn literal(&mut self, byte: u8) {
        self.code(0x30 + u32::from(byte), 8);
    }

    fn finish(mut self) -> Vec<u8> {
        self.bits(0, 7);
        self.bytes
    }
}

fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    let mut table = [0_u32; 256];
    for (start, slot) in (0_u32..).zip(table.iter_mut()) {
        *slot = (0..8).fold(
            start,
            |crc, _| {
                if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 }
            },
        );
    }
    !bytes.fold(u32::MAX, |crc, byte| table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789".iter().copied()), 0xcbf4_3926);
    }

    #[test]
    fn a_bomb_is_small() {
        assert!(bomb(b"{\"a\":\"", 1_000_000, b"\"}").len() < 7_000);
    }
}
