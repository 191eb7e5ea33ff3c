//! The coding `gzip` (RFC 9110 8.4.1.3, RFC 1952), unpacked as it comes, in memory that does not
//! grow: a window of 32 KiB and a piece of what came.
//!
//! ```text
//! member   1f 8b 08 FLAGS and six bytes   what FLAGS name   DEFLATE   CRC-32, length
//! body     one member or several, and nothing behind the last
//! ```
//!
//! A body that is packed to a thousandth is the reader's to bound: each read gives what there is
//! room for, and unpacks no more.

use super::broken::{Broken, Outcome};
use miniz_oxide::inflate::stream::{FullReset, InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// A packed body while it is read.
pub(crate) struct Gunzip {
    place: Place,
    /// Which optional fields of the member's head are still to come.
    flags: u8,
    inflate: Box<InflateState>,
    /// Of what was unpacked of this member.
    crc: u32,
    /// Bytes of this member, modulo 2^32.
    length: u32,
    /// The member's last eight bytes, as far as they have come.
    trailer: u64,
    /// What came, and lies from `start` to `end`.
    packed: Vec<u8>,
    start: usize,
    end: usize,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The ten bytes that each member begins with. Before the first, the body may end.
    Head(u8),
    /// Length of the extra field: its low byte, then its high byte.
    ExtraLow,
    ExtraHigh(u8),
    /// The extra field, with so many bytes to come.
    Extra(u16),
    /// The file's name and a comment, each up to a zero.
    Name,
    Comment,
    /// A checksum of the head.
    Check(u8),
    Data,
    /// Checksum and length, four bytes each.
    Trailer(u8),
}

/// How much is taken at once of what comes, in bytes.
const PIECE: usize = 16 * 1024;
const HAS_CHECK: u8 = 0x02;
const HAS_EXTRA: u8 = 0x04;
const HAS_NAME: u8 = 0x08;
const HAS_COMMENT: u8 = 0x10;
const RESERVED: u8 = 0xe0;

impl Gunzip {
    pub fn new() -> Gunzip {
        Gunzip {
            place: Place::Head(0),
            flags: 0,
            inflate: InflateState::new_boxed(DataFormat::Raw),
            crc: 0,
            length: 0,
            trailer: 0,
            packed: vec![0; PIECE],
            start: 0,
            end: 0,
        }
    }

    /// The next bytes of the body as it was before it was packed; 0 at its end. `more` gives what
    /// comes, 0 where nothing more does. It gives 0 only after `more` has, so the answer is read to
    /// its own end.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        mut more: impl FnMut(&mut [u8]) -> Outcome<usize>,
    ) -> Outcome<usize> {
        loop {
            let given = self.unpack(buffer)?;
            if given > 0 {
                return Ok(given);
            }
            (self.start, self.end) = (0, more(&mut self.packed)?);
            if self.end == 0 {
                return match self.place {
                    Place::Head(0) => Ok(0),
                    _ => Err(Broken::CodingCut),
                };
            }
        }
    }

    /// Unpacks until there is something, and gives how much. 0 where all that came is used up.
    fn unpack(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        loop {
            if self.place == Place::Data {
                let rest = &self.packed[self.start..self.end];
                let done = inflate(&mut self.inflate, rest, buffer, MZFlush::None);
                self.start += done.bytes_consumed;
                self.sum(&buffer[..done.bytes_written]);
                match done.status {
                    Ok(MZStatus::StreamEnd) => {
                        (self.place, self.trailer) = (Place::Trailer(0), 0);
                    }
                    Ok(_) if done.bytes_consumed + done.bytes_written > 0 => {}
                    // Nothing to go on with.
                    Err(MZError::Buf) if self.start == self.end => {}
                    _ => return Err(Broken::CodingDamaged("what is packed cannot be unpacked")),
                }
                if done.bytes_written > 0 {
                    return Ok(done.bytes_written);
                }
            }
            if self.place == Place::Data && self.start < self.end {
                continue;
            }
            let Some(byte) = self.packed[..self.end].get(self.start) else { return Ok(0) };
            let byte = *byte;
            self.start += 1;
            self.place = self.after(byte)?;
        }
    }

    /// Where the next byte belongs, after this one, which is not of the data.
    fn after(&mut self, byte: u8) -> Outcome<Place> {
        let place = match (self.place, byte) {
            (Place::Head(0), 0x1f) => Place::Head(1),
            (Place::Head(1), 0x8b) => Place::Head(2),
            (Place::Head(2), 8) => Place::Head(3),
            (Place::Head(3), flags) if flags & RESERVED == 0 => {
                self.flags = flags;
                Place::Head(4)
            }
            (Place::Head(at @ 4..9), _) => Place::Head(at + 1),
            (Place::Head(9), _) => self.next_field(),
            (Place::Head(_), _) => {
                return Err(Broken::CodingDamaged("what stands there is not gzip"));
            }
            (Place::ExtraLow, low) => Place::ExtraHigh(low),
            (Place::ExtraHigh(low), high) => match u16::from_le_bytes([low, high]) {
                0 => self.next_field(),
                length => Place::Extra(length),
            },
            (Place::Extra(length @ 2..), _) => Place::Extra(length - 1),
            (text @ (Place::Name | Place::Comment), 1..) => text,
            (Place::Check(0), _) => Place::Check(1),
            (Place::Extra(_) | Place::Name | Place::Comment | Place::Check(_), _) => {
                self.next_field()
            }
            (Place::Trailer(at), byte) => {
                self.trailer |= u64::from(byte) << (8 * at);
                if at < 7 {
                    Place::Trailer(at + 1)
                } else if self.trailer != u64::from(self.length) << 32 | u64::from(self.crc) {
                    return Err(Broken::CodingDamaged("its checksum or length is another"));
                } else {
                    Place::Head(0)
                }
            }
            // `unpack` has read the data.
            (Place::Data, _) => Place::Data,
        };
        Ok(place)
    }

    /// The next part of a member's head that its flags name, else its data.
    fn next_field(&mut self) -> Place {
        let fields = [
            (HAS_EXTRA, Place::ExtraLow),
            (HAS_NAME, Place::Name),
            (HAS_COMMENT, Place::Comment),
            (HAS_CHECK, Place::Check(0)),
        ];
        let next = fields.into_iter().find(|(flag, _)| self.flags & flag != 0);
        if let Some((flag, place)) = next {
            self.flags &= !flag;
            return place;
        }
        self.inflate.reset_as(FullReset(DataFormat::Raw));
        (self.crc, self.length) = (0, 0);
        Place::Data
    }

    /// Counts what was unpacked.
    fn sum(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u32);
        let crc = bytes
            .iter()
            .fold(!self.crc, |crc, byte| CRC[usize::from(crc as u8 ^ byte)] ^ (crc >> 8));
        self.crc = !crc;
    }
}

/// CRC-32 of each byte (RFC 1952 8).
static CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// What these bytes unpack to when they come in pieces of the one size and are read in pieces of the
/// other; `None` where they are no packed body. For tests.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn unpacked(packed: &[u8], piece: usize, room: usize) -> Option<Vec<u8>> {
    tried(packed, piece, room).ok()
}

#[cfg(any(test, feature = "fuzzing"))]
fn tried(packed: &[u8], piece: usize, room: usize) -> Outcome<Vec<u8>> {
    let (mut gunzip, mut whole) = (Gunzip::new(), Vec::new());
    let (mut rest, mut buffer) = (packed, vec![0; room]);
    loop {
        let read = gunzip.read(&mut buffer, |into| {
            let amount = rest.len().min(piece).min(into.len());
            into[..amount].copy_from_slice(&rest[..amount]);
            rest = &rest[amount..];
            Ok(amount)
        })?;
        match read {
            0 => return Ok(whole),
            amount => whole.extend_from_slice(&buffer[..amount]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `gzip -n` of "hello hello hello hello\n", which has a match and dynamic or fixed codes.
    const HELLO: [u8; 29] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27,
        0xb9, 0x00, 0x00, 0x88, 0x59, 0x0b, 0x18, 0x00, 0x00, 0x00,
    ];

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        member.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
        let mut sum = Gunzip::new();
        sum.sum(bytes);
        member.extend(sum.crc.to_le_bytes());
        member.extend(sum.length.to_le_bytes());
        member
    }

    #[test]
    fn what_was_packed_comes_out_whatever_the_pieces() {
        let text = b"hello hello hello hello\n";
        let large: Vec<u8> =
            (0..300_000_u32).map(|at| (at ^ (at >> 8) ^ (at >> 13)) as u8).collect();
        for (bytes, whole) in [(HELLO.to_vec(), &text[..]), (packed(&large), &large[..])] {
            for (piece, room) in [(1, 1), (1, 70_000), (7, 13), (100_000, 100_000)] {
                let came = unpacked(&bytes, piece, room).unwrap();
                assert!(came == whole, "pieces of {piece} into {room}: {} bytes", came.len());
            }
        }
        assert!(unpacked(b"", 1, 1).unwrap().is_empty(), "an empty body is one");
    }

    #[test]
    fn members_follow_each_other_and_have_heads_of_any_kind() {
        let all = HAS_CHECK | HAS_EXTRA | HAS_NAME | HAS_COMMENT;
        let mut bytes = vec![0x1f, 0x8b, 8, all, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9];
        bytes.extend(b"name\0a comment\0\x12\x34");
        bytes.extend(&HELLO[10..]);
        bytes.extend(packed(b""));
        bytes.extend([0x1f, 0x8b, 8, HAS_EXTRA, 0, 0, 0, 0, 0, 3, 0, 0]);
        bytes.extend(&HELLO[10..]);
        for piece in [1, 5, 1000] {
            let whole = unpacked(&bytes, piece, 10).unwrap();
            assert_eq!(whole, b"hello hello hello hello\n".repeat(2));
        }
    }

    #[test]
    fn a_packed_body_that_is_cut_is_no_body() {
        for length in 1..HELLO.len() {
            let outcome = tried(&HELLO[..length], 4, 9);
            assert!(matches!(outcome, Err(Broken::CodingCut)), "{length} bytes: {outcome:?}");
        }
    }

    #[test]
    fn a_packed_body_that_is_damaged_is_no_body() {
        let damaged = |bytes: &[u8]| matches!(tried(bytes, 4, 9), Err(Broken::CodingDamaged(_)));
        for at in [0, 1, 2, 3, 21, 24, 25, 28] {
            let mut bytes = HELLO;
            bytes[at] ^= 0xff;
            assert!(damaged(&bytes), "byte {at}");
        }
        let followed = |by: &[u8]| damaged(&[&HELLO[..], by].concat());
        assert!(followed(b"x") && followed(&[0]), "something follows its end");
        assert!(damaged(b"{\"plain\": true}"));
    }
}
