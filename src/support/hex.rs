//! Bytes as hexadecimal digits, and back. RFC 4648 8 calls it base16.

/// Two lowercase digits for each byte. Lowercase, because the result names files and headers of
/// requests that are signed, where case counts.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// The bytes that digits of either case stand for; `None` where there is another character or a
/// digit too many.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_digits_and_digits_bytes() {
        assert_eq!(to_hex(&[0, 0x1f, 0xab]), "001fab");
        assert_eq!(from_hex("001FaB"), Some(vec![0, 0x1f, 0xab]));
        assert_eq!((from_hex("0"), from_hex("0g")), (None, None));
    }
}
