//! `application/x-www-form-urlencoded`, read two ways: as any server does, and byte for byte.

/// Why a body is not a form.
pub(crate) type FormFault = &'static str;

/// Names and values in the order they came.
pub(crate) type Pairs = Vec<(String, String)>;

/// Fields in the order they came, with every escape and `+` undone.
pub(crate) fn decode(body: &[u8]) -> Result<Pairs, FormFault> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    body.split(|byte| *byte == b'&')
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=').ok_or("a field has no '='")?;
            Ok((unescape(&pair[..equals])?, unescape(&pair[equals + 1..])?))
        })
        .collect()
}

/// Like [`decode`], and refuses every body that an encoder by the book would not have written:
/// letters, digits and `. - _` stand as they are, the rest is escaped in capital hex. A blank may
/// be `+` or `%20`, and `~` and `*` may stand or be escaped, since the books differ there.
pub(crate) fn decode_canonical(body: &[u8]) -> Result<Pairs, FormFault> {
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (hex, after) = rest.split_at_checked(2).ok_or("an escape is cut short")?;
                rest = after;
                if hex.iter().any(u8::is_ascii_lowercase) {
                    return Err("an escape is not in capital hex");
                }
                let escaped = from_hex(hex)?;
                if escaped.is_ascii_alphanumeric() || b".-_".contains(&escaped) {
                    return Err("a letter, digit, '.', '-' or '_' is escaped and must not be");
                }
            }
            b'&' | b'=' | b'+' | b'.' | b'-' | b'_' | b'~' | b'*' => {}
            byte if byte.is_ascii_alphanumeric() => {}
            b'@' => return Err("'@' must be written %40"),
            _ => return Err("a byte stands unescaped that must be escaped"),
        }
    }
    let pairs = decode(body)?;
    let equals = body.iter().filter(|byte| **byte == b'=').count();
    if equals != pairs.len() {
        return Err("'=' within a value must be written %3D");
    }
    Ok(pairs)
}

/// Undoes `%XX` and `+`.
pub(crate) fn unescape(text: &[u8]) -> Result<String, FormFault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (hex, after) = rest.split_at_checked(2).ok_or("an escape is cut short")?;
                rest = after;
                from_hex(hex)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| "a field is not UTF-8")
}

fn from_hex(hex: &[u8]) -> Result<u8, FormFault> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match (digit(hex[0]), digit(hex[1])) {
        (Some(high), Some(low)) => {
            u8::try_from(high * 16 + low).map_err(|_| "an escape is not hex")
        }
        _ => Err("an escape is not hex"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_bytes_are_canonical() {
        let body = b"username=xUUEsgmlzzBxgoP%40test.kontakt.io&password=YOUR_PASSWORD";
        assert_eq!(body.len(), 65);
        let fields = decode_canonical(body).unwrap();
        assert_eq!(fields[0].1, "xUUEsgmlzzBxgoP@test.kontakt.io");
        assert_eq!(fields[1].1, "YOUR_PASSWORD");
    }

    #[test]
    fn other_spellings_are_not() {
        for body in [
            "u=a@b", "u=a%2eb", "u=a%2Eb", "u=%61", "u=a b", "u=\u{e9}", "u=a%4", "u=a=b", "u",
            "u=a\n", "u=a%zz", "u=%c3%a9",
        ] {
            assert!(decode_canonical(body.as_bytes()).is_err(), "{body} was accepted");
        }
        for body in ["u=a+b", "u=a%20b", "u=%C3%A9", "u=a~b", "u=%2B%26%3D%25", ""] {
            assert!(decode_canonical(body.as_bytes()).is_ok(), "{body} was refused");
        }
    }
}
