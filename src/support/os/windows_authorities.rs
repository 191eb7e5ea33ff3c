//! The authorities that Windows trusts: those of its own, of this machine's administrators and of its user.

use super::Authorities;
use super::windows::wide;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::ffi::CStr;
use std::io;
use std::ptr::null_mut;
use windows_sys::Win32::Foundation::CRYPT_E_NOT_FOUND;
use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_FIND_EXISTING, CTL_USAGE, CertCloseStore, CertEnumCertificatesInStore,
    CertFindCertificateInStore, CertFreeCertificateContext, CertGetEnhancedKeyUsage,
    CertOpenSystemStoreW, HCERTSTORE, PKCS_7_ASN_ENCODING, X509_ASN_ENCODING,
};

/// Those of the store ROOT that may say who a server is, without those of the store Disallowed.
pub(crate) fn authorities() -> io::Result<Option<Authorities>> {
    let (trusted, disallowed) = (Store::open("ROOT")?, Store::open("Disallowed")?);
    let mut pem = String::new();
    let mut each: *const CERT_CONTEXT = null_mut();
    loop {
        // SAFETY: the store is open. What the call before gave is taken back by this one, and not
        // used after it.
        each = unsafe { CertEnumCertificatesInStore(trusted.0, each) };
        if each.is_null() {
            return Ok(Some(Authorities::Pem(pem)));
        }
        if !names_servers(each) || disallowed.has(each) {
            continue;
        }
        // SAFETY: the certificate has that many bytes, and is ours until the next call.
        let der = unsafe {
            std::slice::from_raw_parts((*each).pbCertEncoded, (*each).cbCertEncoded as usize)
        };
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        BASE64_STANDARD.encode_string(der, &mut pem);
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
}

/// A store of certificates, of this user and, below it, of the machine.
struct Store(HCERTSTORE);

impl Store {
    fn open(name: &str) -> io::Result<Store> {
        // SAFETY: the name ends in a NUL.
        let store = unsafe { CertOpenSystemStoreW(0, wide(name).as_ptr()) };
        if store.is_null() { Err(io::Error::last_os_error()) } else { Ok(Store(store)) }
    }

    fn has(&self, certificate: *const CERT_CONTEXT) -> bool {
        let encoding = X509_ASN_ENCODING | PKCS_7_ASN_ENCODING;
        // SAFETY: the store is open, and so is the certificate; what is found is given back.
        unsafe {
            let found = CertFindCertificateInStore(
                self.0,
                encoding,
                0,
                CERT_FIND_EXISTING,
                certificate.cast(),
                null_mut(),
            );
            CertFreeCertificateContext(found);
            !found.is_null()
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: it was opened, and is used no more.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

/// Whether the certificate, or what its owner has ticked for it, lets it say who a server is.
fn names_servers(certificate: *const CERT_CONTEXT) -> bool {
    const SERVERS: [&CStr; 2] = [c"1.3.6.1.5.5.7.3.1", c"2.5.29.37.0"];
    let mut bytes = 0;
    // SAFETY: the certificate is open, and `bytes` may be written to.
    if unsafe { CertGetEnhancedKeyUsage(certificate, 0, null_mut(), &mut bytes) } == 0 {
        return is_not_found();
    }
    // Of the type that what stands in it needs most for: addresses.
    let mut room = vec![0usize; (bytes as usize).div_ceil(size_of::<usize>()).max(2)];
    let uses = room.as_mut_ptr().cast::<CTL_USAGE>();
    // SAFETY: `uses` has that many bytes.
    if unsafe { CertGetEnhancedKeyUsage(certificate, 0, uses, &mut bytes) } == 0 {
        return is_not_found();
    }
    let any = is_not_found();
    // SAFETY: the call has filled it in: so many names, each ending in a NUL, in the same memory.
    unsafe {
        let CTL_USAGE { cUsageIdentifier: count, rgpszUsageIdentifier: names } = *uses;
        match count {
            0 => any,
            _ => (0..count as usize)
                .any(|index| SERVERS.contains(&CStr::from_ptr((*names.add(index)).cast()))),
        }
    }
}

/// Whether the call before found no word of what a certificate is for: it is for everything.
fn is_not_found() -> bool {
    io::Error::last_os_error().raw_os_error() == Some(CRYPT_E_NOT_FOUND)
}
