//! Names the shared library for the loader, and writes the C header when asked to.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if os == "linux" {
        // rustc sets no SONAME; without one, programs would depend on the file they were linked to.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libkeyfob.so.0");
        // A name look-up may outlive the call that began it, so the code must stay mapped.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    #[cfg(feature = "headers")]
    headers::write();
}

#[cfg(feature = "headers")]
mod headers {
    use std::path::PathBuf;

    /// Writes include/keyfob.h, or what KEYFOB_HEADER names in its place, from the doc comments and
    /// signatures in src/ffi.
    pub fn write() {
        println!("cargo:rerun-if-env-changed=KEYFOB_HEADER");
        println!("cargo:rerun-if-changed=src");
        println!("cargo:rerun-if-changed=cbindgen.toml");
        let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
        let config =
            cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
        let bindings = cbindgen::generate_with_config(&root, config).expect("src/ffi");
        let mut header = Vec::new();
        bindings.write(&mut header);
        // cbindgen names constants after their type; the contract names them after the library.
        let header = String::from_utf8(header).expect("UTF-8").replace("KEYFOB_STATUS_", "KEYFOB_");
        let path = std::env::var_os("KEYFOB_HEADER").map(PathBuf::from);
        let path = path.unwrap_or_else(|| root.join("include/keyfob.h"));
        std::fs::write(&path, header).expect("the header can be written");
    }
}
