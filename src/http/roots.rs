//! Mozilla's root certificates, built in: what build.rs made of the crate webpki-roots.
//!
//! One run of bytes, which is taken apart when TLS is set up. A table of them has twice as many
//! bytes: each of its pointers is a relocation besides, for the loader of every process to do.

use rustls::pki_types::{Der, TrustAnchor};

/// For each authority its name, its public key and what it may sign for, if not for everything:
/// each with its length before it, two bytes, the low one first.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/roots"));

/// All of them.
pub(super) fn mozilla() -> impl Iterator<Item = TrustAnchor<'static>> {
    let mut rest = PACKED;
    std::iter::from_fn(move || {
        let subject = next(&mut rest)?;
        let key = next(&mut rest)?;
        let constraints = next(&mut rest)?;
        Some(TrustAnchor {
            subject: Der::from_slice(subject),
            subject_public_key_info: Der::from_slice(key),
            name_constraints: (!constraints.is_empty()).then(|| Der::from_slice(constraints)),
        })
    })
}

fn next(rest: &mut &'static [u8]) -> Option<&'static [u8]> {
    let (length, behind) = rest.split_first_chunk()?;
    let (field, behind) = behind.split_at_checked(u16::from_le_bytes(*length).into())?;
    *rest = behind;
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_of_mozilla_is_built_in_whole() {
        assert!(mozilla().eq(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()));
    }
}
