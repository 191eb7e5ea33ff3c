//! Bytes as lowercase hexadecimal digits.

/// Bytes as a name that files can have.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
